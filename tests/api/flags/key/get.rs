//! `GET /v1/flags/{key}`.

use crate::harness::each;
use crate::sample::{boolean, encoded, environment, text};

#[test]
fn a_flag_is_shown_with_its_version_as_entity_tag() {
    each(|api| {
        let created = api.post("/v1/flags", &text("f")).created();
        let answer = api.get("/v1/flags/f");
        assert_eq!(answer.ok(), created);
        assert_eq!(answer.etag(), "\"1\"");
        assert!(answer.header("cache-control").unwrap().contains("private"), "{answer}");
        let head = api.send("HEAD", "/v1/flags/f", None);
        assert_eq!((head.is(200).etag().as_str(), head.bytes().len()), ("\"1\"", 0));
    });
}

#[test]
fn a_version_that_the_client_has_is_not_sent_again() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        for tags in ["\"1\"", "W/\"1\"", "\"9\", \"1\"", "*"] {
            let answer = api.with("If-None-Match", tags).get("/v1/flags/f");
            assert_eq!(answer.is(304).etag(), "\"1\"", "{tags}");
            assert_eq!(answer.bytes(), b"", "{tags}");
            assert!(answer.header("vary").is_some() && answer.header("cache-control").is_some(), "{answer}");
        }
        for tags in ["\"2\"", "\"01\"", "\"\"", "W/\"11\""] {
            api.with("If-None-Match", tags).get("/v1/flags/f").ok();
        }
        for bad in ["1", "\"1", "W/1", "\"1\" \"2\""] {
            api.with("If-None-Match", bad).get("/v1/flags/f").problem(400, "invalid_header");
        }
        api.post("/v1/flags", &serde_json::json!({"key": "f", "owner": "x"})).ok();
        assert_eq!(api.with("If-None-Match", "\"1\"").get("/v1/flags/f").is(200).etag(), "\"2\"");
    });
}

#[test]
fn versions_are_counted_per_environment() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/flags", &boolean("f")).created();
        let staging = api.environment("staging");
        staging.put("/v1/flags/f", &serde_json::json!({"state": "on"})).ok();
        staging.put("/v1/flags/f", &serde_json::json!({"rollout_percentage": 5})).ok();
        assert_eq!(api.get("/v1/flags/f").etag(), "\"1\"");
        assert_eq!(staging.get("/v1/flags/f").etag(), "\"3\"");
    });
}

#[test]
fn what_is_not_there_is_not_found() {
    each(|api| {
        api.get("/v1/flags/f").problem(404, "flag_not_found");
        api.post("/v1/flags", &text("f")).created();
        api.get("/v1/flags/F").problem(404, "flag_not_found");
        api.delete("/v1/flags/f").is(204);
        let problem = api.get("/v1/flags/f").problem(404, "flag_not_found");
        assert!(problem["detail"].as_str().unwrap().contains("`f`"), "{problem}");
    });
}

#[test]
fn a_key_that_cannot_exist_is_not_found() {
    each(|api| {
        for key in ["a b", "-a", "a/b", "..", "a\0b", "a\nb", "флаг", "a'b", "a%b", "*", &"k".repeat(129), "a\u{202e}b"] {
            api.get(&format!("/v1/flags/{}", encoded(key))).problem(404, "flag_not_found");
        }
        api.get("/v1/flags/").problem(404, "route_not_found");
        api.get("/v1/flags/a/b").problem(404, "route_not_found");
    });
}

#[test]
fn the_environment_must_exist_and_be_a_key() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        api.environment("production").get("/v1/flags/f").ok();
        api.environment("staging").get("/v1/flags/f").problem(404, "environment_not_found");
        for bad in ["a b", "", "a/b", "Ä"] {
            api.environment(bad).get("/v1/flags/f").problem(400, "invalid_header");
        }
        api.get("/v1/flags/f?environment=staging").problem(400, "invalid_query");
    });
}

//! `DELETE /v1/segments/{key}`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{environment, everything, on_when};

#[test]
fn a_segment_that_nobody_uses_is_deleted() {
    each(|api| {
        let first = api.post("/v1/segments", &json!({"key": "s", "included": ["u"]})).created();
        assert_eq!(api.delete("/v1/segments/s").is(204).bytes(), b"");
        api.delete("/v1/segments/s").problem(404, "segment_not_found");
        let second = api.post("/v1/segments", &json!({"key": "s"})).created();
        assert_ne!(first["id"], second["id"]);
        assert_eq!((&second["included"], &second["version"]), (&json!([]), &json!(1)));
    });
}

#[test]
fn its_users_are_named_in_every_environment() {
    each(|api| {
        for key in ["dev", "staging"] {
            environment(api, key);
        }
        api.post("/v1/segments", &json!({"key": "s"})).created();
        for key in ["dev", "staging", "production"] {
            api.environment(key).post("/v1/flags", &on_when(&format!("in-{key}"), json!({"segment": "s"}))).created();
        }
        let used_by = api.delete("/v1/segments/s").problem(409, "segment_in_use")["used_by"].to_string();
        for key in ["dev", "staging", "production"] {
            assert!(used_by.contains(&format!("`in-{key}`")), "{key}: {used_by}");
        }
    });
}

#[test]
fn a_segment_in_use_stays_and_its_users_are_named() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/segments", &json!({"key": "s"})).created();
        api.post("/v1/segments", &json!({"key": "outer", "criteria": {"segment": "s"}})).created();
        api.environment("staging").post("/v1/flags", &on_when("f", json!({"not": {"segment": ["s"]}}))).created();
        let before = everything(api);
        let problem = api.delete("/v1/segments/s").problem(409, "segment_in_use");
        let used_by = problem["used_by"].as_array().unwrap();
        let is_named = |what: &str, place: &str| {
            used_by.iter().any(|user| user.as_str().unwrap().contains(what) && user.as_str().unwrap().contains(place))
        };
        assert!(is_named("`f`", "`staging`") && is_named("`outer`", ""), "{problem}");
        assert_eq!(everything(api), before);
        api.delete("/v1/flags/f").is(204);
        api.delete("/v1/segments/s").problem(409, "segment_in_use");
        api.delete("/v1/segments/outer").is(204);
        api.delete("/v1/segments/s").is(204);
    });
}

#[test]
fn if_match_guards_it() {
    each(|api| {
        api.post("/v1/segments", &json!({"key": "s"})).created();
        api.with("If-Match", "\"2\"").delete("/v1/segments/s").problem(412, "version_mismatch");
        api.with("If-Match", "\"1\"").delete("/v1/segments/s").is(204);
    });
}

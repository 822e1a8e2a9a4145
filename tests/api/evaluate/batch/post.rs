//! `POST /v1/evaluate/batch`.

use serde_json::{Value, json};

use crate::harness::each;
use crate::sample::{boolean, environment, on_when, text};

#[test]
fn it_gives_what_each_flag_gives_alone_ordered_by_key() {
    each(|api| {
        api.post("/v1/flags", &text("b")).created();
        api.post("/v1/flags", &on_when("c", json!({"attr": {"x": 1}}))).created();
        api.post("/v1/flags", &boolean("a")).created();
        let user = json!({"id": "u", "attributes": {"x": 1}});
        let batch = api.post("/v1/evaluate/batch", &json!({"user": user})).ok();
        let alone: Vec<Value> = ["a", "b", "c"].map(|key| api.post("/v1/evaluate", &json!({"flag_key": key, "user": user})).ok()).into();
        assert_eq!(batch, json!({"environment": "production", "revision": 3, "items": alone, "errors": []}));
        let some = api.post("/v1/evaluate/batch", &json!({"flag_keys": ["c", "a", "c"], "user": user})).ok();
        assert_eq!(some["items"], json!([alone[0], alone[2]]));
        assert_eq!(api.post("/v1/evaluate/batch", &json!({"flag_keys": [], "user": user})).ok()["items"], json!([]));
        assert_eq!(api.post("/v1/evaluate/batch", &json!({"flag_keys": null, "user": user})).ok(), batch);
    });
}

#[test]
fn a_flag_that_is_missing_spoils_nothing() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        let batch = api.post("/v1/evaluate/batch", &json!({"flag_keys": ["nope", "f", "a b"], "user": {"id": "u"}})).ok();
        assert_eq!(batch["items"].as_array().unwrap().len(), 1);
        let errors = batch["errors"].as_array().unwrap();
        let mut missing: Vec<_> = errors.iter().map(|e| (e["flag_key"].as_str().unwrap(), e["code"].as_str().unwrap())).collect();
        missing.sort_unstable();
        assert_eq!(missing, [("a b", "flag_not_found"), ("nope", "flag_not_found")]);
        assert!(errors.iter().all(|error| error["detail"].is_string()), "{batch}");
    });
}

#[test]
fn it_says_which_environment_and_revision_it_read() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/flags", &text("f")).created();
        let batch = api.environment("staging").post("/v1/evaluate/batch", &json!({"user": {"id": "u"}})).ok();
        assert_eq!((&batch["environment"], &batch["revision"]), (&"staging".into(), &2.into()));
        api.post("/v1/segments", &json!({"key": "s"})).created();
        assert_eq!(api.post("/v1/evaluate/batch", &json!({"user": {"id": "u"}})).ok()["revision"], 3, "every change counts");
        api.environment("nowhere").post("/v1/evaluate/batch", &json!({"user": {"id": "u"}})).problem(404, "environment_not_found");
    });
}

#[test]
fn a_body_with_faults_is_refused_with_all_of_them() {
    each(|api| {
        let user = json!({"id": "u"});
        for (body, pointers) in [
            (json!({}), vec!["/user"]),
            (json!({"user": {}}), vec!["/user/id"]),
            (json!({"user": user, "flag_keys": "f"}), vec!["/flag_keys"]),
            (
                json!({"user": {"id": 1}, "flag_keys": ["f", 7, null], "at": 0, "keys": []}),
                vec!["/user/id", "/flag_keys/1", "/flag_keys/2", "/at", "/keys"],
            ),
            (json!({"user": user, "flag_keys": vec!["f"; 1_001]}), vec!["/flag_keys"]),
            (json!(null), vec![""]),
        ] {
            api.post("/v1/evaluate/batch", &body).invalid(&pointers);
        }
    });
}

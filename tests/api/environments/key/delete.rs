//! `DELETE /v1/environments/{key}`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{environment, everything, keys, text, with};

#[test]
fn production_stays() {
    each(|api| {
        api.delete("/v1/environments/production").problem(409, "environment_protected");
        environment(api, "staging");
        api.delete("/v1/environments/production").problem(409, "environment_protected");
    });
}

#[test]
fn an_environment_in_which_flags_are_on_stays_and_they_are_named() {
    each(|api| {
        environment(api, "staging");
        let staging = api.environment("staging");
        staging.post("/v1/flags", &text("f")).created();
        staging.post("/v1/flags", &with(text("g"), json!({"state": "off"}))).created();
        let before = everything(api);
        let problem = api.delete("/v1/environments/staging").problem(409, "environment_in_use");
        let used_by = problem["used_by"].to_string();
        assert!(used_by.contains('f') && !used_by.contains('g'), "{problem}");
        assert_eq!(everything(api), before);
        staging.put("/v1/flags/f", &json!({"state": "off"})).ok();
        api.delete("/v1/environments/staging").is(204);
    });
}

#[test]
fn what_was_deleted_is_gone_at_once_and_starts_anew() {
    each(|api| {
        environment(api, "staging");
        let staging = api.environment("staging");
        let rules = json!([{"id": "r", "when": {}, "rollout": {"variant": "b"}}]);
        staging.post("/v1/flags", &with(text("f"), json!({"state": "off", "rules": rules}))).created();
        staging.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u"}})).ok();
        assert_eq!(api.delete("/v1/environments/staging").is(204).bytes(), b"");
        assert_eq!(keys(&api.all("/v1/environments")), ["production"]);
        staging.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u"}})).problem(404, "environment_not_found");
        staging.get("/v1/flags/f").problem(404, "environment_not_found");
        api.delete("/v1/environments/staging").problem(404, "environment_not_found");
        api.get("/v1/flags/f").ok();
        environment(api, "staging");
        let flag = staging.get("/v1/flags/f").ok();
        assert_eq!((&flag["rules"], &flag["version"]), (&json!([]), &json!(1)));
    });
}

//! `PUT /v1/flags/{key}`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{boolean, environment, everything, on_when, text, with};

#[test]
fn it_keeps_what_it_was_not_given() {
    each(|api| {
        let document = json!({
            "key": "f", "name": "N", "description": "D", "type": "number", "state": "on",
            "variants": [{"key": "a", "weight": 3, "value": 1.5}, {"key": "b", "weight": 1, "value": 2}], "off_variant": "b",
            "rules": [{"id": "r", "description": "why", "when": {"user_id": "u"}, "rollout": {"variant": "b"}}],
            "salt": "s", "tags": ["t"], "owner": "o", "metadata": {"m": 1},
        });
        let mut flag = api.post("/v1/flags", &document).created();
        for (version, change) in [
            (2, json!({"state": "off"})),
            (3, json!({"name": "M"})),
            (4, json!({"rules": []})),
            (5, json!({"tags": ["u", "t"]})),
            (6, json!({"variants": [{"key": "a", "weight": 1, "value": 1.5}, {"key": "b", "weight": 1, "value": 2}]})),
            (7, json!({"salt": null})),
            (8, json!({"metadata": {"n": false}, "owner": null})),
        ] {
            let answer = api.put("/v1/flags/f", &change);
            let changed = answer.ok();
            flag = with(with(flag, change), json!({"version": version, "updated_at": changed["updated_at"]}));
            assert_eq!(changed, flag);
            assert_eq!(answer.etag(), format!("\"{version}\""));
            assert_eq!(api.get("/v1/flags/f").ok(), flag);
        }
    });
}

#[test]
fn a_rollout_percentage_stands_for_the_weights_of_a_boolean_flag() {
    each(|api| {
        api.post("/v1/flags", &with(boolean("f"), json!({"rollout_percentage": 25}))).created();
        let flag = api.put("/v1/flags/f", &json!({"rollout_percentage": 12.5})).ok();
        let weights = json!([{"key": "on", "weight": 12.5, "value": true}, {"key": "off", "weight": 87.5, "value": false}]);
        assert_eq!((&flag["rollout_percentage"], &flag["variants"]), (&json!(12.5), &weights));
        let flag = api.put("/v1/flags/f", &json!({"state": "off"})).ok();
        assert_eq!(flag["rollout_percentage"], 12.5, "a change of something else leaves it");
        // What GET gave, with one of the two changed.
        let flag = api.put("/v1/flags/f", &with(flag, json!({"rollout_percentage": 0}))).ok();
        assert_eq!(flag["variants"][0]["weight"], 0);
    });
}

#[test]
fn what_get_gave_can_be_put_back() {
    each(|api| {
        let shown = api.post("/v1/flags", &on_when("f", json!({"attr": {"a": {"not_in": ["x"]}}}))).created();
        let before = everything(api);
        let answer = api.put("/v1/flags/f", &shown);
        assert_eq!(answer.ok(), shown);
        api.put("/v1/flags/f", &json!({})).ok();
        assert_eq!(everything(api), before);
    });
}

#[test]
fn if_match_guards_against_lost_updates() {
    each(|api| {
        let first = api.post("/v1/flags", &text("f"));
        let guarded = api.with("If-Match", &first.etag());
        guarded.put("/v1/flags/f", &json!({"owner": "first"})).ok();
        let before = everything(api);
        guarded.put("/v1/flags/f", &json!({"owner": "second"})).problem(412, "version_mismatch");
        for stale in ["\"1\"", "W/\"2\"", "\"3\"", "\"02\"", "\"\""] {
            api.with("If-Match", stale).put("/v1/flags/f", &json!({"owner": "third"})).problem(412, "version_mismatch");
        }
        api.with("If-None-Match", "\"2\"").put("/v1/flags/f", &json!({"owner": "fourth"})).problem(412, "version_mismatch");
        for bad in ["2", "\"2", "", "*, \"2\""] {
            api.with("If-Match", bad).put("/v1/flags/f", &json!({"owner": "fifth"})).problem(400, "invalid_header");
        }
        assert_eq!(everything(api), before);
        api.with("If-Match", "\"2\"").put("/v1/flags/f", &json!({"owner": "last"})).ok();
    });
}

#[test]
fn it_creates_nothing() {
    each(|api| {
        api.put("/v1/flags/f", &text("f")).problem(404, "flag_not_found");
        api.put("/v1/flags/a%20b", &text("f")).problem(404, "flag_not_found");
        api.environment("staging").put("/v1/flags/f", &text("f")).problem(404, "environment_not_found");
        api.with("If-Match", "\"1\"").put("/v1/flags/f", &text("f")).problem(404, "flag_not_found");
        assert_eq!(everything(api)["/v1/audit"], json!([]));
    });
}

#[test]
fn a_key_is_a_flags_identity() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        api.put("/v1/flags/f", &json!({"key": "g"})).invalid(&["/key"]);
        api.put("/v1/flags/f", &json!({"key": "f", "owner": "x"})).ok();
    });
}

#[test]
fn one_environment_is_changed_and_the_others_are_not() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/flags", &text("f")).created();
        let production = api.get("/v1/flags/f").ok();
        api.environment("staging").put("/v1/flags/f", &json!({"state": "on", "salt": "s", "off_variant": "b"})).ok();
        assert_eq!(api.get("/v1/flags/f").ok(), production);
    });
}

#[test]
fn a_variant_that_a_prerequisite_needs_cannot_be_removed() {
    each(|api| {
        api.post("/v1/flags", &text("base")).created();
        api.post("/v1/flags", &on_when("dependent", json!({"flag": {"key": "base", "variant": "b"}}))).created();
        let before = everything(api);
        let only_a = json!({"variants": [{"key": "a", "weight": 1}], "off_variant": "a"});
        let problem = api.put("/v1/flags/base", &only_a).problem(409, "flag_in_use");
        assert!(problem["used_by"].to_string().contains("`dependent`"), "{problem}");
        assert_eq!(everything(api), before);
    });
}

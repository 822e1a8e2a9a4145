//! What is legal and probably a mistake comes back with the answer of a write, and nowhere else.

use ff_test_support::Client;
use serde_json::{Value, json};

use crate::harness::{each, fresh_tenant};
use crate::sample::{boolean, environment, everything, on_when, text, with};

/// A flag whose second rule comes too late.
fn shadowed(key: &str) -> Value {
    let rules = json!([
        {"id": "all", "when": {}, "rollout": {"variant": "on"}},
        {"id": "beta", "when": {"attr": {"beta": true}}, "rollout": {"variant": "on"}},
    ]);
    with(boolean(key), json!({"rollout_percentage": 0, "rules": rules}))
}

/// The warnings of an answer, as code and pointer.
fn warnings(answer: &Value) -> Vec<(&str, &str)> {
    let listed = answer.get("warnings").map_or(&[][..], |list| list.as_array().unwrap());
    listed.iter().map(|warning| (warning["code"].as_str().unwrap(), warning["pointer"].as_str().unwrap())).collect()
}

fn without_warnings(mut answer: Value) -> Value {
    answer.as_object_mut().unwrap().remove("warnings");
    answer
}

#[test]
fn every_write_of_a_flag_tells_what_is_probably_a_mistake() {
    each(|api| {
        let created = api.post("/v1/flags", &shadowed("f"));
        assert_eq!(created.etag(), "\"1\"");
        let created = created.created();
        assert_eq!(warnings(&created), [("rule_shadowed", "/rules/1")]);
        assert_eq!(created["warnings"][0]["dead_rule"], "beta");
        let message = created["warnings"][0]["message"].as_str().unwrap();
        assert!(message.contains("`all`") && message.ends_with("so rule `beta` never matches"), "{message}");
        assert_eq!(warnings(&api.post("/v1/flags", &shadowed("f")).ok()), [("rule_shadowed", "/rules/1")], "also where nothing changes");
        for change in [Client::put, Client::patch] {
            let changed = change(api, "/v1/flags/f", &json!({"state": "off"})).ok();
            assert_eq!(warnings(&changed), [("rule_shadowed", "/rules/1")]);
        }
        let mended = api.patch("/v1/flags/f", &json!({"rules": [], "rollout_percentage": 50})).ok();
        assert!(mended.get("warnings").is_none(), "{mended}");
        let back = api.post("/v1/flags/f/rollback", &json!({"version": 1})).ok();
        assert_eq!(warnings(&back), [("rule_shadowed", "/rules/1")]);
    });
}

#[test]
fn every_write_of_a_segment_tells_too() {
    each(|api| {
        let created = api.post("/v1/segments", &json!({"key": "s"})).created();
        assert_eq!(warnings(&created), [("segment_never_holds", "")]);
        let put = api.put("/v1/segments/s", &json!({"criteria": {"attr": {"a": {"eq": 1, "ne": 1}}}})).ok();
        assert_eq!(warnings(&put), [("contradiction", "/criteria/attr/a")]);
        let patched = api.patch("/v1/segments/s", &json!({"criteria": {"attr": {"a": 1}}})).ok();
        assert_eq!(warnings(&patched), []);
    });
}

#[test]
fn warnings_are_stored_nowhere_and_shown_by_no_read() {
    each(|api| {
        let created = api.post("/v1/flags", &shadowed("f")).created();
        api.post("/v1/segments", &json!({"key": "s"})).created();
        let found = everything(api).to_string();
        assert!(!found.contains("warnings"), "{found}");
        let read = api.get("/v1/flags/f");
        assert_eq!((read.etag().as_str(), read.ok()), ("\"1\"", without_warnings(created.clone())));
        assert!(!api.get("/v1/flags/f/history").ok().to_string().contains("warnings"));
        // What a write answered can be sent back: nothing changes, whatever is written in the warnings.
        let before = everything(api);
        assert_eq!(api.put("/v1/flags/f", &with(created.clone(), json!({"warnings": "none of them"}))).ok(), created);
        assert_eq!(everything(api), before);
    });
}

#[test]
fn warnings_look_at_the_other_flags_and_segments_of_the_environment() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/segments", &json!({"key": "empty"})).created();
        api.post("/v1/flags", &text("base")).created();
        let in_empty = api.post("/v1/flags", &on_when("a", json!({"segment": "empty"}))).created();
        assert_eq!(warnings(&in_empty)[0], ("segment_never_holds", "/rules/0/when/segment"));
        let needs = on_when("b", json!({"flag": {"key": "base", "variant": "a"}}));
        assert_eq!(warnings(&api.post("/v1/flags", &needs).created()), []);
        // In the other environment `base` is off and gives `a` to everybody.
        let staging = api.environment("staging");
        let there = staging.patch("/v1/flags/b", &json!({"state": "on", "rules": needs["rules"]})).ok();
        assert_eq!(warnings(&there)[0], ("prerequisite_always_holds", "/rules/0/when/flag"));
        // What another write changes shows in the next one.
        api.put("/v1/segments/empty", &json!({"included": ["u"]})).ok();
        assert_eq!(warnings(&api.put("/v1/flags/a", &json!({"description": "again"})).ok()), []);
    });
}

#[test]
fn what_is_refused_has_faults_and_no_warnings() {
    each(|api| {
        let refused = api.post("/v1/flags", &with(shadowed("f"), json!({"stat": "on"}))).problem(422, "invalid_body");
        assert!(refused.get("warnings").is_none(), "{refused}");
        let tenant = api.tenant(&fresh_tenant());
        tenant.put("/v1/flags/f", &shadowed("f")).problem(404, "flag_not_found");
    });
}

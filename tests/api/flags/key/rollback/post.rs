//! `POST /v1/flags/{key}/rollback`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{environment, everything, on_when, text, variant_of, with};

#[test]
fn it_gives_a_flag_back_what_it_was_as_a_new_change() {
    each(|api| {
        let first = api.post("/v1/flags", &with(text("f"), json!({"off_variant": "a", "state": "off", "owner": "x"}))).created();
        api.put("/v1/flags/f", &json!({"off_variant": "b", "owner": null, "description": "d"})).ok();
        assert_eq!(variant_of(api, "f", json!({"id": "u"})), "b");
        let answer = api.post("/v1/flags/f/rollback", &json!({"version": 1}));
        let third = answer.ok();
        assert_eq!(answer.etag(), "\"3\"");
        assert_eq!(with(first.clone(), json!({"version": 3, "updated_at": third["updated_at"]})), third);
        assert_eq!(variant_of(api, "f", json!({"id": "u"})), "a", "served at once");
        let newest = &api.all("/v1/audit")[0];
        assert_eq!((&newest["revision"], &newest["action"], &newest["after"]["version"]), (&3.into(), &"updated".into(), &3.into()));
    });
}

#[test]
fn the_past_is_named_by_revision_or_version() {
    each(|api| {
        api.post("/v1/flags", &text("other")).created();
        api.post("/v1/flags", &with(text("f"), json!({"owner": "one"}))).created();
        api.put("/v1/flags/f", &json!({"owner": "two"})).ok();
        assert_eq!(api.post("/v1/flags/f/rollback", &json!({"revision": 2})).ok()["owner"], "one");
        assert_eq!(api.post("/v1/flags/f/rollback", &json!({"version": 2})).ok()["owner"], "two");
    });
}

#[test]
fn going_back_to_the_present_changes_nothing() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        let before = everything(api);
        assert_eq!(api.post("/v1/flags/f/rollback", &json!({"version": 1})).is(200).etag(), "\"1\"");
        assert_eq!(everything(api), before);
    });
}

#[test]
fn a_state_that_never_was_is_not_found() {
    each(|api| {
        api.post("/v1/flags/f/rollback", &json!({"version": 1})).problem(404, "flag_not_found");
        api.post("/v1/flags", &text("f")).created();
        api.post("/v1/flags", &text("g")).created();
        let before = everything(api);
        for body in [json!({"version": 2}), json!({"revision": 99}), json!({"version": i64::MAX})] {
            api.post("/v1/flags/f/rollback", &body).problem(404, "revision_not_found");
        }
        api.post("/v1/flags/g/rollback", &json!({"revision": 1})).problem(404, "revision_not_found");
        assert_eq!(everything(api), before);
        api.environment("staging").post("/v1/flags/f/rollback", &json!({"version": 1})).problem(404, "environment_not_found");
    });
}

#[test]
fn a_body_that_names_no_state_is_refused() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        for (body, pointer) in [
            (json!({}), ""),
            (json!([]), ""),
            (json!({"revision": 1, "version": 1}), ""),
            (json!({"revision": 0}), "/revision"),
            (json!({"version": "1"}), "/version"),
            (json!({"version": 1.5}), "/version"),
            (json!({"version": -1}), "/version"),
            (json!({"to": 1}), "/to"),
        ] {
            api.post("/v1/flags/f/rollback", &body).invalid(&[pointer]);
        }
    });
}

#[test]
fn what_has_gone_since_then_stands_in_the_way() {
    each(|api| {
        api.post("/v1/segments", &json!({"key": "s"})).created();
        api.post("/v1/flags", &on_when("f", json!({"segment": "s"}))).created();
        api.put("/v1/flags/f", &json!({"rules": []})).ok();
        api.delete("/v1/segments/s").is(204);
        let before = everything(api);
        api.post("/v1/flags/f/rollback", &json!({"version": 1})).invalid(&["/rules/0/when/segment"]);
        assert_eq!(everything(api), before);
    });
}

#[test]
fn each_environment_has_its_own_past_and_if_match_guards_it() {
    each(|api| {
        environment(api, "staging");
        let staging = api.environment("staging");
        api.post("/v1/flags", &with(text("f"), json!({"salt": "p"}))).created();
        staging.put("/v1/flags/f", &json!({"state": "on", "salt": "s"})).ok();
        staging.with("If-Match", "\"1\"").post("/v1/flags/f/rollback", &json!({"version": 1})).problem(412, "version_mismatch");
        let back = staging.with("If-Match", "\"2\"").post("/v1/flags/f/rollback", &json!({"version": 1})).ok();
        assert_eq!((&back["state"], &back["environment"]), (&"off".into(), &"staging".into()));
        assert_eq!(api.get("/v1/flags/f").ok()["salt"], "p");
    });
}

#[test]
fn a_deleted_flag_is_not_brought_back() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        api.delete("/v1/flags/f").is(204);
        api.post("/v1/flags/f/rollback", &json!({"version": 1})).problem(404, "flag_not_found");
    });
}

//! `POST /v1/environments`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{everything, is_instant, on_when, text, variant_of, with};

#[test]
fn a_new_environment_is_created_once_and_renamed_afterwards() {
    each(|api| {
        let answer = api.post("/v1/environments", &json!({"key": "staging"}));
        let created = answer.created();
        assert_eq!(answer.header("location"), Some("/v1/environments/staging"));
        assert_eq!((&created["key"], &created["name"], &created["description"]), (&"staging".into(), &"staging".into(), &"".into()));
        assert!(is_instant(&created["created_at"]), "{created}");
        let before = everything(api);
        assert_eq!(api.post("/v1/environments", &json!({"key": "staging"})).ok(), created);
        assert_eq!(api.post("/v1/environments", &created).ok(), created);
        assert_eq!(everything(api), before);
        let renamed = api.post("/v1/environments", &json!({"key": "staging", "name": "S", "description": "D"})).ok();
        assert_eq!((&renamed["name"], &renamed["description"], &renamed["created_at"]), (&"S".into(), &"D".into(), &created["created_at"]));
        assert_eq!(api.get("/v1/environments/staging").ok(), renamed);
    });
}

#[test]
fn fields_that_are_left_out_keep_their_value() {
    each(|api| {
        api.post("/v1/environments", &json!({"key": "staging", "name": "S", "description": "D"})).created();
        let changed = api.post("/v1/environments", &json!({"key": "staging", "description": "E"})).ok();
        assert_eq!((&changed["name"], &changed["description"]), (&"S".into(), &"E".into()));
    });
}

#[test]
fn every_flag_is_off_in_a_new_environment() {
    each(|api| {
        api.post("/v1/flags", &with(on_when("f", json!({})), json!({"salt": "s"}))).created();
        api.post("/v1/flags", &text("g")).created();
        api.post("/v1/environments", &json!({"key": "staging"})).created();
        let staging = api.environment("staging");
        for flag in staging.all("/v1/flags") {
            assert_eq!((&flag["state"], &flag["rules"], &flag["version"]), (&"off".into(), &json!([]), &1.into()));
        }
        assert_eq!((variant_of(api, "f", json!({"id": "u"})), variant_of(&staging, "f", json!({"id": "u"}))), ("on".into(), "off".into()));
        // The flag of another environment goes on as it was.
        staging.put("/v1/flags/f", &json!({"state": "on", "rollout_percentage": 100})).ok();
        assert_eq!(api.get("/v1/flags/f").ok()["version"], 1);
    });
}

#[test]
fn a_body_with_faults_is_refused_with_all_of_them() {
    each(|api| {
        let before = everything(api);
        for (body, pointers) in [
            (json!({}), vec!["/key"]),
            (json!({"key": null}), vec!["/key"]),
            (json!({"key": "a b"}), vec!["/key"]),
            (json!({"key": "среда"}), vec!["/key"]),
            (json!({"key": "x", "name": 1, "description": [], "nmae": ""}), vec!["/name", "/description", "/nmae"]),
            (json!([]), vec![""]),
            (json!({"key": "x", "name": "n".repeat(257)}), vec!["/name"]),
        ] {
            api.post("/v1/environments", &body).invalid(&pointers);
        }
        assert_eq!(everything(api), before);
    });
}

//! `PUT /v1/segments/{key}`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{environment, everything, on_when, variant_of, with};

#[test]
fn it_keeps_what_it_was_not_given() {
    each(|api| {
        let document =
            json!({"key": "s", "name": "N", "description": "D", "criteria": {"attr": {"a": 1}}, "included": ["u"], "excluded": ["v"]});
        let mut segment = api.post("/v1/segments", &document).created();
        for (version, change) in [
            (2, json!({"name": "M"})),
            (3, json!({"included": []})),
            (4, json!({"criteria": {"attr": {"b": 2}}})),
            (5, json!({"excluded": ["w", "v"], "description": "E"})),
        ] {
            let answer = api.put("/v1/segments/s", &change);
            let changed = answer.ok();
            segment = with(with(segment, change), json!({"version": version, "updated_at": changed["updated_at"]}));
            assert_eq!(changed, segment);
            assert_eq!(answer.etag(), format!("\"{version}\""));
        }
        let before = everything(api);
        api.put("/v1/segments/s", &json!({})).ok();
        assert_eq!(api.put("/v1/segments/s", &segment).ok(), segment);
        assert_eq!(everything(api), before);
    });
}

#[test]
fn every_flag_of_every_environment_sees_the_change_at_once() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/segments", &json!({"key": "s", "included": ["u"]})).created();
        let staging = api.environment("staging");
        api.post("/v1/flags", &on_when("f", json!({"segment": "s"}))).created();
        staging.post("/v1/flags", &on_when("f", json!({"segment": "s"}))).ok();
        for (included, variant) in [(json!([]), "off"), (json!(["v", "u"]), "on"), (json!(["v"]), "off")] {
            api.put("/v1/segments/s", &json!({"included": included})).ok();
            assert_eq!(variant_of(api, "f", json!({"id": "u"})), variant);
            assert_eq!(variant_of(&staging, "f", json!({"id": "u"})), variant);
        }
    });
}

#[test]
fn it_creates_nothing_and_keeps_the_key() {
    each(|api| {
        api.put("/v1/segments/s", &json!({})).problem(404, "segment_not_found");
        api.post("/v1/segments", &json!({"key": "s"})).created();
        api.put("/v1/segments/s", &json!({"key": "t"})).invalid(&["/key"]);
    });
}

#[test]
fn if_match_guards_it() {
    each(|api| {
        api.post("/v1/segments", &json!({"key": "s"})).created();
        api.with("If-Match", "\"1\"").put("/v1/segments/s", &json!({"name": "x"})).ok();
        let before = everything(api);
        for stale in ["\"1\"", "W/\"2\"", "\"x\""] {
            api.with("If-Match", stale).put("/v1/segments/s", &json!({"name": "y"})).problem(412, "version_mismatch");
        }
        api.with("If-Match", "2").put("/v1/segments/s", &json!({"name": "y"})).problem(400, "invalid_header");
        assert_eq!(everything(api), before);
    });
}

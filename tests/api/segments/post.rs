//! `POST /v1/segments`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{everything, is_instant, is_uuid, on_when, variant_of, with};

#[test]
fn a_segment_of_which_only_the_key_is_given_gets_every_default() {
    each(|api| {
        let answer = api.post("/v1/segments", &json!({"key": "beta"}));
        let mut segment = answer.created();
        let warnings = segment.as_object_mut().unwrap().remove("warnings");
        assert!(warnings.is_some_and(|found| found[0]["code"] == "segment_never_holds"), "nobody is in it yet");
        assert_eq!((answer.header("location"), answer.etag().as_str()), (Some("/v1/segments/beta"), "\"1\""));
        assert!(is_uuid(&segment["id"]) && is_instant(&segment["created_at"]) && is_instant(&segment["updated_at"]), "{segment}");
        let expected = json!({"key": "beta", "name": "beta", "description": "", "included": [], "excluded": [], "version": 1});
        assert_eq!(with(segment.clone(), expected), segment);
        assert!(segment.get("environment").is_none(), "segments belong to the tenant: {segment}");
        assert_eq!(api.get("/v1/segments/beta").ok(), segment);
    });
}

#[test]
fn a_segment_keeps_everything_that_it_was_given() {
    let document = json!({
        "key": "canada", "name": "Kanada ✓", "description": "d", "included": ["u-1", "ü 2/3"], "excluded": ["u-3"],
        "criteria": {"any": [{"attr": {"country": "CA"}}, {"not": {"percentage": {"value": 90, "by": "org", "salt": "s"}}}]},
    });
    each(|api| {
        let created = api.post("/v1/segments", &document).created();
        assert_eq!(with(created.clone(), document.clone()), created);
    });
}

#[test]
fn the_same_document_again_changes_nothing_and_another_only_what_it_gives() {
    each(|api| {
        let document = json!({"key": "s", "criteria": {"attr": {"a": 1}}, "included": ["u"]});
        let first = api.post("/v1/segments", &document).created();
        let before = everything(api);
        assert_eq!(api.post("/v1/segments", &document).ok(), first);
        assert_eq!(api.post("/v1/segments", &first).ok(), first);
        assert_eq!(everything(api), before);
        let second = api.post("/v1/segments", &json!({"key": "s", "name": "S"})).ok();
        assert_eq!(with(first, json!({"name": "S", "version": 2, "updated_at": second["updated_at"]})), second);
    });
}

#[test]
fn segments_may_stand_inside_segments_but_not_inside_themselves() {
    each(|api| {
        api.post("/v1/segments", &json!({"key": "inner", "included": ["u"]})).created();
        api.post("/v1/segments", &json!({"key": "outer", "criteria": {"segment": "inner"}})).created();
        api.post("/v1/flags", &on_when("f", json!({"segment": "outer"}))).created();
        assert_eq!(variant_of(api, "f", json!({"id": "u"})), "on");
        let before = everything(api);
        api.post("/v1/segments", &json!({"key": "inner", "criteria": {"segment": "outer"}})).invalid(&["/criteria/segment"]);
        api.post("/v1/segments", &json!({"key": "own", "criteria": {"not": {"segment": "own"}}})).problem(422, "invalid_body");
        api.post("/v1/segments", &json!({"key": "s", "criteria": {"segment": ["inner", "nowhere"]}})).problem(422, "invalid_body");
        assert_eq!(everything(api), before);
    });
}

#[test]
fn conditional_requests_guard_it() {
    each(|api| {
        api.with("If-Match", "*").post("/v1/segments", &json!({"key": "s"})).problem(412, "version_mismatch");
        api.with("If-None-Match", "*").post("/v1/segments", &json!({"key": "s"})).created();
        api.with("If-None-Match", "*").post("/v1/segments", &json!({"key": "s", "name": "x"})).problem(412, "version_mismatch");
        api.with("If-Match", "\"1\"").post("/v1/segments", &json!({"key": "s", "name": "y"})).ok();
        api.with("If-Match", "\"1\"").post("/v1/segments", &json!({"key": "s", "name": "z"})).problem(412, "version_mismatch");
    });
}

//! `PATCH /v1/flags/{key}`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{everything, text, with};

#[test]
fn it_changes_the_fields_that_it_names() {
    each(|api| {
        let flag = api.post("/v1/flags", &with(text("f"), json!({"owner": "me", "tags": ["x"]}))).created();
        let answer = api.patch("/v1/flags/f", &json!({"owner": null, "description": "d"}));
        let changed = answer.ok();
        let expected = json!({"owner": null, "description": "d", "version": 2, "updated_at": changed["updated_at"]});
        assert_eq!(changed, with(flag, expected));
        assert_eq!(answer.etag(), "\"2\"");
    });
}

#[test]
fn a_merge_patch_is_welcome_by_its_own_name() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        let body = json!({"owner": "x"}).to_string();
        let answer = api.send("PATCH", "/v1/flags/f", Some(("application/merge-patch+json", body.as_bytes())));
        assert_eq!(answer.ok()["owner"], "x");
        let elsewhere = api.send("PUT", "/v1/flags/f", Some(("application/merge-patch+json", body.as_bytes())));
        elsewhere.problem(415, "unsupported_media_type");
    });
}

#[test]
fn if_match_and_absence_are_as_for_put() {
    each(|api| {
        api.patch("/v1/flags/f", &json!({"owner": "x"})).problem(404, "flag_not_found");
        api.post("/v1/flags", &text("f")).created();
        let before = everything(api);
        api.with("If-Match", "\"2\"").patch("/v1/flags/f", &json!({"owner": "x"})).problem(412, "version_mismatch");
        api.patch("/v1/flags/f", &json!({"ownr": "x"})).invalid(&["/ownr"]);
        api.patch("/v1/flags/f", &json!({})).ok();
        assert_eq!(everything(api), before);
    });
}

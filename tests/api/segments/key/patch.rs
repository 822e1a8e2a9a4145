//! `PATCH /v1/segments/{key}`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{everything, with};

#[test]
fn it_changes_the_fields_that_it_names_and_null_gives_defaults_back() {
    each(|api| {
        let segment = api.post("/v1/segments", &json!({"key": "s", "name": "N", "included": ["u"]})).created();
        let changed = api.patch("/v1/segments/s", &json!({"name": null, "excluded": ["v"]})).ok();
        let expected = json!({"name": "s", "excluded": ["v"], "version": 2, "updated_at": changed["updated_at"]});
        assert_eq!(changed, with(segment, expected));
        let body = json!({"description": "d"}).to_string();
        let answer = api.send("PATCH", "/v1/segments/s", Some(("application/merge-patch+json", body.as_bytes())));
        assert_eq!(answer.ok()["version"], 3);
    });
}

#[test]
fn if_match_and_absence_are_as_for_put() {
    each(|api| {
        api.patch("/v1/segments/s", &json!({"name": "x"})).problem(404, "segment_not_found");
        api.post("/v1/segments", &json!({"key": "s"})).created();
        let before = everything(api);
        api.with("If-Match", "\"2\"").patch("/v1/segments/s", &json!({"name": "x"})).problem(412, "version_mismatch");
        api.patch("/v1/segments/s", &json!({"criterai": {}})).invalid(&["/criterai"]);
        assert_eq!(everything(api), before);
    });
}

//! `GET /v1/segments/{key}`.

use serde_json::json;

use crate::harness::each;
use crate::sample::encoded;

#[test]
fn a_segment_is_shown_with_its_version_and_not_sent_twice() {
    each(|api| {
        let created = api.post("/v1/segments", &json!({"key": "s", "included": ["u"]})).created();
        let answer = api.get("/v1/segments/s");
        assert_eq!((answer.ok(), answer.etag().as_str()), (created, "\"1\""));
        api.with("If-None-Match", "W/\"1\"").get("/v1/segments/s").is(304);
        api.with("If-None-Match", "\"2\"").get("/v1/segments/s").is(200);
    });
}

#[test]
fn what_is_not_there_or_cannot_be_there_is_not_found() {
    each(|api| {
        api.get("/v1/segments/s").problem(404, "segment_not_found");
        for key in ["a b", "a/b", "сегмент", "\n", "%", &"k".repeat(129)] {
            api.get(&format!("/v1/segments/{}", encoded(key))).problem(404, "segment_not_found");
        }
        api.post("/v1/segments", &json!({"key": "s"})).created();
        api.delete("/v1/segments/s").is(204);
        api.get("/v1/segments/s").problem(404, "segment_not_found");
    });
}

//! `GET /v1/segments`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{encoded, keys};

#[test]
fn segments_come_by_key_and_page_by_page() {
    each(|api| {
        assert_eq!(api.get("/v1/segments").ok(), json!({"items": [], "next_page_token": null}));
        for key in ["b", "a", "B", "a-b"] {
            api.post("/v1/segments", &json!({"key": key})).created();
        }
        let pages = api.pages("/v1/segments", 1);
        assert_eq!(pages.len(), 4);
        assert_eq!(keys(&pages.concat()), ["B", "a", "a-b", "b"]);
        assert_eq!(pages[1][0], api.get("/v1/segments/a").ok());
        api.delete("/v1/segments/a").is(204);
        assert_eq!(keys(&api.all("/v1/segments")), ["B", "a-b", "b"]);
    });
}

#[test]
fn a_text_is_looked_for_literally_in_key_name_and_description() {
    each(|api| {
        api.post("/v1/segments", &json!({"key": "key-hit"})).created();
        api.post("/v1/segments", &json!({"key": "b", "name": "HIT me"})).created();
        api.post("/v1/segments", &json!({"key": "c", "description": "100% hit_rate"})).created();
        for (q, expected) in [("hit", vec!["b", "c", "key-hit"]), ("%", vec!["c"]), ("_", vec!["c"]), ("t%e", vec![]), ("nothing", vec![])]
        {
            assert_eq!(keys(&api.all(&format!("/v1/segments?q={}", encoded(q)))), expected, "{q}");
        }
    });
}

#[test]
fn a_parameter_that_does_not_fit_is_refused() {
    each(|api| {
        for query in ["limit=0", "limit=101", "limit=ten", "page_token=x", "state=on", "q=a&q=b"] {
            api.get(&format!("/v1/segments?{query}")).problem(400, "invalid_query");
        }
    });
}

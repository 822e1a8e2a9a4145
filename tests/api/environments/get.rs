//! `GET /v1/environments`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{environment, keys, text};

#[test]
fn production_is_there_from_the_start() {
    each(|api| {
        assert_eq!(keys(&api.all("/v1/environments")), ["production"]);
        api.get("/v1/environments/production").ok();
        assert_eq!(api.all("/v1/audit"), Vec::<serde_json::Value>::new(), "looking is not writing");
        api.post("/v1/flags", &text("f")).created();
        assert_eq!(keys(&api.all("/v1/environments")), ["production"]);
        assert_eq!(api.all("/v1/audit").len(), 1, "nobody asked for it, so nothing is on record");
    });
}

#[test]
fn environments_come_by_key_and_page_by_page() {
    each(|api| {
        for key in ["staging", "dev", "test"] {
            environment(api, key);
        }
        let pages = api.pages("/v1/environments", 1);
        assert_eq!(pages.len(), 4);
        assert_eq!(keys(&pages.concat()), ["dev", "production", "staging", "test"]);
        assert_eq!(pages[0][0], api.get("/v1/environments/dev").ok());
        for query in ["limit=0", "limit=101", "page_token=x", "q=dev"] {
            api.get(&format!("/v1/environments?{query}")).problem(400, "invalid_query");
        }
    });
}

#[test]
fn reading_flags_includes_seeing_the_environments_that_they_live_in() {
    each(|api| {
        api.scopes(&["flags:r"]).get("/v1/environments").ok();
        api.scopes(&["flags:rw"]).post("/v1/environments", &json!({"key": "x"})).problem(403, "scope_missing");
    });
}

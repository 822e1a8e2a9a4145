//! `GET /v1/webhooks/{id}/deliveries`.

use ff_test_support::Target;
use serde_json::json;

use crate::harness::each;
use crate::sample::is_instant;
use crate::webhooks::steps::{create, create_flags};

#[test]
fn what_became_of_each_is_listed_newest_first_page_by_page() {
    each(|api| {
        let target = Target::start();
        let hook = create(api, &target, &["flag.*"]);
        let path = format!("{}/deliveries", hook.path());
        assert_eq!(api.all(&path).len(), 0);
        create_flags(api, 5);
        hook.wait_for(api, 4, "delivered");
        let pages = api.pages(&path, 2);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
        let listed = pages.concat();
        let revisions: Vec<_> = listed.iter().map(|delivery| delivery["revision"].as_u64().unwrap()).collect();
        assert_eq!(revisions, [6, 5, 4, 3, 2]);
        let newest = &listed[0];
        assert_eq!(newest["id"], target.received()[4].id());
        for (name, value) in [
            ("event", json!("flag.created")),
            ("attempts", json!(1)),
            ("status", json!(200)),
            ("error", json!(null)),
            ("next_attempt_at", json!(null)),
        ] {
            assert_eq!(newest[name], value, "{name}");
        }
        assert!(is_instant(&newest["created_at"]) && is_instant(&newest["last_attempt_at"]) && newest["duration_ms"].is_u64(), "{newest}");
        let token_of_another_list = api.get("/v1/webhooks?limit=1").ok()["next_page_token"].clone();
        assert_eq!(token_of_another_list, json!(null));
        api.get(&format!("{path}?limit=101")).problem(400, "invalid_query");
    });
}

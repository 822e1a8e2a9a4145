//! `GET /healthz`.

use crate::harness::each;

#[test]
fn it_is_open_to_everyone_and_says_ok() {
    each(|api| {
        let anyone = api.without("Authorization").without("X-Tenant-ID");
        let answer = anyone.get("/healthz");
        assert_eq!(answer.is(200).text(), "ok");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        anyone.send("HEAD", "/healthz", None).is(200);
        anyone.post("/healthz", &serde_json::json!({})).problem(405, "method_not_allowed");
    });
}

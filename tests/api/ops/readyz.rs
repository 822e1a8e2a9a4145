//! `GET /readyz`.

use crate::harness::each;

#[test]
fn it_is_open_to_everyone_and_says_ready() {
    each(|api| {
        let answer = api.without("Authorization").without("X-Tenant-ID").get("/readyz");
        assert_eq!(answer.is(200).text(), "ready");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    });
}

//! `GET /v1/environments/{key}`.

use crate::harness::each;
use crate::sample::environment;

#[test]
fn one_environment_is_shown_and_an_unknown_one_is_not_found() {
    each(|api| {
        environment(api, "staging");
        assert_eq!(api.get("/v1/environments/staging").ok()["key"], "staging");
        for key in ["nowhere", "a%20b", "%D1%8F", "a%2Fb"] {
            api.get(&format!("/v1/environments/{key}")).problem(404, "environment_not_found");
        }
    });
}

//! `GET /v1/users/{user_id}/flags/{flag_key}`.

use serde_json::json;

use crate::harness::each;
use crate::sample::on_when;

#[test]
fn it_gives_one_flag_for_one_user() {
    each(|api| {
        api.post("/v1/flags", &on_when("f", json!({"attr": {"plan": "pro"}}))).created();
        let evaluation = api.get("/v1/users/u/flags/f?plan=pro").ok();
        assert_eq!(evaluation, api.get("/v1/evaluate/f?user_id=u&plan=pro").ok());
        assert_eq!(evaluation["variant"], "on");
        // Here `user_id` is an attribute like any other: the user is in the path.
        assert_eq!(api.get("/v1/users/u/flags/f?user_id=v").ok()["details"], evaluation["details"]);
    });
}

#[test]
fn what_is_not_there_is_not_found() {
    each(|api| {
        for key in ["f", "a%20b", "%D1%8F"] {
            api.get(&format!("/v1/users/u/flags/{key}")).problem(404, "flag_not_found");
        }
        api.environment("nowhere").get("/v1/users/u/flags/f").problem(404, "environment_not_found");
        api.get("/v1/users/u/flags/f?at=x").problem(400, "invalid_query");
    });
}

//! `GET /v1/users/{user_id}/flags`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{boolean, encoded, on_when, text};

#[test]
fn it_gives_every_flag_for_one_user_as_a_batch_does() {
    each(|api| {
        assert_eq!(api.get("/v1/users/u/flags").ok()["items"], json!([]));
        api.post("/v1/flags", &text("b")).created();
        api.post("/v1/flags", &on_when("a", json!({"attr": {"plan": "pro"}}))).created();
        api.post("/v1/flags", &boolean("gone")).created();
        api.delete("/v1/flags/gone").is(204);
        let all = api.get("/v1/users/u/flags?plan=pro").ok();
        assert_eq!(all, api.post("/v1/evaluate/batch", &json!({"user": {"id": "u", "attributes": {"plan": "pro"}}})).ok());
        assert_eq!((&all["items"][0]["rule_id"], all["items"].as_array().unwrap().len()), (&"r".into(), 2));
    });
}

#[test]
fn user_ids_may_hold_what_a_path_can_only_hold_in_disguise() {
    each(|api| {
        for (i, id) in ["a b", "a/b", "..", ".", "ü", "用户", "a?b=c", "a%2Fb", "a+b", "\"'<>"].into_iter().enumerate() {
            api.post("/v1/flags", &on_when(&format!("f{i}"), json!({"user_id": id}))).created();
            let items = api.get(&format!("/v1/users/{}/flags", encoded(id))).ok()["items"].clone();
            let found = items.as_array().unwrap().iter().find(|item| item["flag_key"] == format!("f{i}")).unwrap().clone();
            assert_eq!(found["variant"], "on", "{id}");
        }
    });
}

#[test]
fn what_does_not_fit_is_refused() {
    each(|api| {
        for query in ["at=2030", "at=2030-01-01T00:00:00Z&at=2030-01-01T00:00:00Z"] {
            api.get(&format!("/v1/users/u/flags?{query}")).problem(400, "invalid_query");
        }
        // Bytes that are no text would make one user of many.
        let answer = api.get("/v1/users/%ff/flags");
        assert!([400, 404].contains(&answer.status()), "{answer}");
        api.get(&format!("/v1/users/{}/flags", "x".repeat(1_025))).problem(400, "invalid_query");
        api.get("/v1/users//flags").problem(404, "route_not_found");
        api.environment("nowhere").get("/v1/users/u/flags").problem(404, "environment_not_found");
    });
}

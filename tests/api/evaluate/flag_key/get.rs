//! `GET /v1/evaluate/{flag_key}`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{on_when, text};

#[test]
fn other_parameters_are_attributes() {
    each(|api| {
        api.post("/v1/flags", &on_when("f", json!({"attr": {"country": "CA", "age": {"gte": 18}, "beta": true}}))).created();
        let evaluation = api.get("/v1/evaluate/f?user_id=u%201&country=CA&age=18&beta=true").ok();
        assert_eq!(evaluation["rule_id"], "r");
        let same = api.post(
            "/v1/evaluate",
            &json!({"flag_key": "f", "user": {"id": "u 1", "attributes": {"country": "CA", "age": 18, "beta": true}}}),
        );
        assert_eq!(evaluation, same.ok());
        assert_eq!(api.get("/v1/evaluate/f?user_id=u&country=CA&age=17&beta=true").ok()["variant"], "off");
        assert_eq!(api.get("/v1/evaluate/f?user_id=u").ok()["variant"], "off");
    });
}

#[test]
fn a_repeated_parameter_is_a_list_and_a_dotted_one_is_found_by_its_name() {
    each(|api| {
        api.post("/v1/flags", &on_when("f", json!({"attr": {"plan": "pro"}}))).created();
        api.post("/v1/flags", &on_when("g", json!({"attr": {"org.name": "Ä&Ö"}}))).created();
        assert_eq!(api.get("/v1/evaluate/f?user_id=u&plan=free&plan=pro").ok()["variant"], "on");
        assert_eq!(api.get("/v1/evaluate/f?user_id=u&plan=free&plan=trial").ok()["variant"], "off");
        assert_eq!(api.get("/v1/evaluate/g?user_id=u&org.name=%C3%84%26%C3%96").ok()["variant"], "on");
    });
}

#[test]
fn the_instant_is_a_parameter_and_no_attribute() {
    each(|api| {
        api.post("/v1/flags", &on_when("f", json!({"time": {"after": "2030-01-01T00:00:00Z"}, "attr": {"at": {"exists": false}}})))
            .created();
        assert_eq!(api.get("/v1/evaluate/f?user_id=u&at=2030-01-01T00:00:00Z").ok()["variant"], "on");
        assert_eq!(api.get("/v1/evaluate/f?user_id=u&at=2029-12-31T23:59:59Z").ok()["variant"], "off");
        let problem = api.get("/v1/evaluate/f?user_id=u&at=2030").problem(400, "invalid_query");
        assert!(problem["detail"].as_str().unwrap().contains("`at`"), "{problem}");
    });
}

#[test]
fn a_flag_may_be_called_like_a_neighbouring_route() {
    each(|api| {
        for key in ["batch", "preview"] {
            api.post("/v1/flags", &text(key)).created();
            assert_eq!(api.get(&format!("/v1/evaluate/{key}?user_id=u")).ok()["flag_key"], key);
        }
    });
}

#[test]
fn what_does_not_fit_is_refused() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        let long = format!("user_id={}", "x".repeat(1_025));
        let long_attribute = format!("user_id=u&a={}", "x".repeat(4_097));
        // Bytes that are no text would make one user of many.
        for query in ["user_id=%ff", "user_id=u&a=%c3%28", "user_id=u&%ff=x"] {
            api.get(&format!("/v1/evaluate/f?{query}")).problem(400, "invalid_query");
        }
        for query in ["", "country=CA", "user_id=", "user_id=a&user_id=b", "user_id=%00", &long, &long_attribute] {
            api.get(&format!("/v1/evaluate/f?{query}")).problem(400, "invalid_query");
        }
        api.get("/v1/evaluate/g?user_id=u").problem(404, "flag_not_found");
        api.get("/v1/evaluate/a%20b?user_id=u").problem(404, "flag_not_found");
        api.environment("nowhere").get("/v1/evaluate/f?user_id=u").problem(404, "environment_not_found");
    });
}

//! `GET /v1/flags`.

use ff_test_support::Client;
use serde_json::{Value, json};

use crate::harness::each;
use crate::sample::{at, boolean, encoded, environment, keys, text, with};

fn create(api: &Client, flags: &[(&str, Value)]) {
    for (key, changes) in flags {
        api.post("/v1/flags", &with(text(key), changes.clone())).created();
    }
}

fn found(api: &Client, query: &str) -> Vec<String> {
    keys(&api.all(&format!("/v1/flags?{query}"))).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_tenant_without_flags_has_an_empty_list() {
    each(|api| {
        assert_eq!(api.get("/v1/flags").ok(), json!({"items": [], "next_page_token": null}));
    });
}

#[test]
fn flags_come_by_key_with_everything_that_a_single_one_shows() {
    each(|api| {
        // Bytewise: capitals before small letters, `-` before `.` before digits before `_`, on both databases.
        create(api, &["b", "a_b", "a", "B", "a.b", "a-b", "a1", "1"].map(|key| (key, json!({}))));
        let listed = api.all("/v1/flags");
        assert_eq!(keys(&listed), ["1", "B", "a", "a-b", "a.b", "a1", "a_b", "b"]);
        assert_eq!(listed[2], api.get("/v1/flags/a").ok());
    });
}

#[test]
fn pages_of_one_lead_to_the_end() {
    each(|api| {
        create(api, &["c", "a", "b"].map(|key| (key, json!({}))));
        let pages = api.pages("/v1/flags", 1);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1], "the last page says that it is the last");
        assert_eq!(keys(&pages.concat()), ["a", "b", "c"]);
        assert_eq!(api.pages("/v1/flags", 3).len(), 1);
        assert_eq!(api.pages("/v1/flags", 2).iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    });
}

#[test]
fn a_page_has_fifty_items_and_at_most_a_hundred() {
    each(|api| {
        for i in 0..101 {
            api.post("/v1/flags", &boolean(&format!("f-{i:03}"))).created();
        }
        let first = api.get("/v1/flags").ok();
        assert_eq!(first["items"].as_array().unwrap().len(), 50);
        let hundred = api.get("/v1/flags?limit=100").ok();
        assert_eq!(hundred["items"].as_array().unwrap().len(), 100);
        let rest = api.get(&format!("/v1/flags?limit=100&page_token={}", hundred["next_page_token"].as_str().unwrap())).ok();
        assert_eq!((keys(rest["items"].as_array().unwrap()), &rest["next_page_token"]), (vec!["f-100"], &Value::Null));
    });
}

#[test]
fn pages_stay_in_step_while_others_write() {
    each(|api| {
        create(api, &["b", "d", "f"].map(|key| (key, json!({}))));
        let first = api.get("/v1/flags?limit=2").ok();
        let token = first["next_page_token"].as_str().unwrap();
        api.delete("/v1/flags/d").is(204);
        create(api, &["a", "e"].map(|key| (key, json!({}))));
        let second = api.get(&format!("/v1/flags?limit=2&page_token={token}")).ok();
        assert_eq!(keys(second["items"].as_array().unwrap()), ["e", "f"], "nothing twice, nothing skipped");
    });
}

#[test]
fn filters_by_state_tag_and_text_work_alone_and_together() {
    each(|api| {
        create(
            api,
            &[
                ("checkout-a", json!({"tags": ["red", "Blue"], "description": "the Cart page"})),
                ("checkout-b", json!({"tags": ["red"], "state": "off"})),
                ("search", json!({"tags": ["blue"], "name": "CART ranking"})),
            ],
        );
        for (query, expected) in [
            ("state=on", vec!["checkout-a", "search"]),
            ("state=off", vec!["checkout-b"]),
            ("tag=red", vec!["checkout-a", "checkout-b"]),
            ("tag=Blue", vec!["checkout-a"]),
            ("tag=re", vec![]),
            ("q=checkout", vec!["checkout-a", "checkout-b"]),
            ("q=cart", vec!["checkout-a", "search"]),
            ("q=CHECKOUT-A", vec!["checkout-a"]),
            ("q=red", vec![]),
            ("q=checkout&state=on", vec!["checkout-a"]),
            ("q=cart&tag=blue&state=on", vec!["search"]),
            ("q=cart&tag=blue&state=off", vec![]),
        ] {
            assert_eq!(found(api, query), expected, "{query}");
            assert_eq!(keys(&api.pages(&format!("/v1/flags?{query}"), 1).concat()), expected, "{query}, page by page");
        }
    });
}

#[test]
fn sql_wildcards_in_q_are_literal() {
    each(|api| {
        create(
            api,
            &[
                ("percent", json!({"description": "50% off"})),
                ("under", json!({"description": "snake_case"})),
                ("back", json!({"description": r"C:\temp"})),
                ("quote", json!({"description": "it's \"quoted\"; DROP TABLE flags; --"})),
                ("plain", json!({"description": "nothing of the kind, 50 off, snakeXcase"})),
                ("cyrillic", json!({"description": "Новая Корзина"})),
            ],
        );
        for (q, expected) in [
            ("%", vec!["percent"]),
            ("50%", vec!["percent"]),
            ("50% o", vec!["percent"]),
            ("_", vec!["under"]),
            ("e_c", vec!["under"]),
            (r"\", vec!["back"]),
            (r":\t", vec!["back"]),
            (r"\%", vec![]),
            ("%%", vec![]),
            ("'", vec!["quote"]),
            ("'; DROP", vec![]),
            ("; drop table flags; --", vec!["quote"]),
            ("корзина", vec!["cyrillic"]),
            ("КОРЗИНА", vec!["cyrillic"]),
            ("[a-z]", vec![]),
            ("*", vec![]),
        ] {
            assert_eq!(found(api, &format!("q={}", encoded(q))), expected, "{q}");
        }
        assert_eq!(found(api, "q=").len(), 6, "an empty text is in every text");
    });
}

#[test]
fn the_list_is_that_of_the_environment() {
    each(|api| {
        environment(api, "staging");
        create(api, &[("f", json!({})), ("g", json!({"state": "off"}))]);
        let staging = api.environment("staging");
        assert_eq!(found(&staging, "state=on"), Vec::<String>::new());
        assert_eq!(found(&staging, "state=off"), ["f", "g"]);
        assert_eq!(at(&staging.get("/v1/flags").ok(), "/items/0/environment"), "staging");
        api.environment("nowhere").get("/v1/flags").problem(404, "environment_not_found");
    });
}

#[test]
fn deleted_flags_are_not_listed() {
    each(|api| {
        create(api, &[("f", json!({})), ("g", json!({}))]);
        api.delete("/v1/flags/f").is(204);
        assert_eq!(found(api, ""), ["g"]);
    });
}

#[test]
fn a_parameter_that_does_not_fit_is_refused_by_name() {
    each(|api| {
        create(api, &[("f", json!({}))]);
        for limit in ["0", "101", "-1", "", "x", "1.5", "1e2", "%31%30%30%30", "99999999999999999999"] {
            let problem = api.get(&format!("/v1/flags?limit={limit}")).problem(400, "invalid_query");
            assert!(problem["detail"].as_str().unwrap().contains("limit"), "{problem}");
        }
        let audit_token = {
            api.post("/v1/flags", &json!({"key": "f", "owner": "x"})).ok();
            api.get("/v1/audit?limit=1").ok()["next_page_token"].as_str().unwrap().to_owned()
        };
        for token in ["", "x", "%00", "../../etc/passwd", "%27%20OR%201=1--", "0000000000", &audit_token] {
            let problem = api.get(&format!("/v1/flags?page_token={token}")).problem(400, "invalid_query");
            assert!(problem["detail"].as_str().unwrap().contains("page_token"), "{problem}");
        }
        for (query, name) in [
            ("state=ON", "state"),
            ("state=", "state"),
            ("limt=5", "limt"),
            ("state=on&state=off", "state"),
            ("q=%00", "q"),
            ("tag=a&tag=b", "tag"),
        ] {
            let problem = api.get(&format!("/v1/flags?{query}")).problem(400, "invalid_query");
            assert!(problem["detail"].as_str().unwrap().contains(name), "{problem}");
        }
    });
}

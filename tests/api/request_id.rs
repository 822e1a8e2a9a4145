//! `X-Request-ID`: taken or made, and always returned.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::each;
use crate::sample::text;

#[test]
fn a_usable_one_is_taken_and_returned_everywhere() {
    each(|api| {
        let longest = "x".repeat(128);
        for id in ["abc-123", "0192d3f0-7c3a-7b3e-8000-000000000000", "with spaces & \"quotes\"", longest.as_str()] {
            let named = api.with("X-Request-ID", id);
            assert_eq!(named.get("/healthz").request_id(), id);
            assert_eq!(named.get("/v1/flags").request_id(), id);
            assert_eq!(named.get("/v1/flags/nope").problem(404, "flag_not_found")["request_id"], id);
            assert_eq!(named.get("/nowhere").problem(404, "route_not_found")["request_id"], id);
            assert_eq!(named.without("Authorization").get("/v1/flags").problem(401, "unauthenticated")["request_id"], id);
            assert_eq!(named.send("DELETE", "/v1/flags", None).problem(405, "method_not_allowed")["request_id"], id);
        }
    });
}

#[test]
fn one_is_made_where_none_is_usable_and_each_is_another() {
    each(|api| {
        let made: BTreeSet<String> = (0..20).map(|_| api.get("/healthz").request_id()).collect();
        assert_eq!(made.len(), 20);
        let too_long = "x".repeat(129);
        for id in ["", too_long.as_str()] {
            let returned = api.with("X-Request-ID", id).get("/healthz").request_id();
            assert!(!returned.is_empty() && returned != id);
        }
        let head = api.head("GET", "/healthz");
        for id in ["ключ".as_bytes(), b"a\tb", b"\xff"] {
            let answer = api.send_raw(&[head.as_bytes(), b"X-Request-ID: ", id, b"\r\n\r\n"].concat());
            let returned = answer.is(200).request_id();
            assert!(returned.bytes().all(|b| b.is_ascii_graphic()) && returned.as_bytes() != id, "{returned}");
        }
    });
}

#[test]
fn it_leads_from_an_answer_to_the_record() {
    each(|api| {
        let made = api.post("/v1/flags", &text("f")).request_id();
        let taken = api.with("X-Request-ID", "from a client").put("/v1/flags/f", &json!({"owner": "x"})).request_id();
        let recorded: Vec<_> = api.all("/v1/audit").iter().map(|entry| entry["request_id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(recorded, [taken, made]);
    });
}

//! Bodies that are no JSON, too much JSON, or not called JSON.

use std::io::Write;

use ff_test_support::Client;
use serde_json::json;

use crate::harness::{each, each_own};
use crate::sample::{boolean, everything};

/// Every route that takes a body, with a method.
const WITH_BODY: [(&str, &str); 13] = [
    ("POST", "/v1/flags"),
    ("PUT", "/v1/flags/f"),
    ("PATCH", "/v1/flags/f"),
    ("POST", "/v1/flags/f/rollback"),
    ("POST", "/v1/segments"),
    ("PUT", "/v1/segments/s"),
    ("PATCH", "/v1/segments/s"),
    ("POST", "/v1/environments"),
    ("POST", "/v1/evaluate"),
    ("POST", "/v1/evaluate/batch"),
    ("POST", "/v1/evaluate/preview"),
    ("POST", "/v1/webhooks"),
    ("PUT", "/v1/webhooks/01a1fc6e-3bab-736c-8993-f8759ad7c958"),
];

fn plant(api: &Client) {
    api.post("/v1/flags", &boolean("f")).created();
    api.post("/v1/segments", &json!({"key": "s"})).created();
}

#[test]
fn what_is_no_json_is_refused() {
    let deep = format!("{}{}", "{\"not\":".repeat(20_000), "}".repeat(20_000));
    let deep_list = "[".repeat(100_000);
    let bodies: [&[u8]; 17] = [
        b"",
        b" ",
        b"{",
        b"}",
        b"{\"key\": }",
        b"{'key': 'f'}",
        b"{\"key\": \"f\",}",
        b"{key: \"f\"}",
        b"nul",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b"{\"key\": \"\xff\"}",
        b"{\"key\": \"\\ud800\"}",
        b"{\"x\": NaN}",
        b"{\"x\": 1e999}",
        deep.as_bytes(),
        deep_list.as_bytes(),
    ];
    each(|api| {
        plant(api);
        let before = everything(api);
        for (method, path) in WITH_BODY {
            for body in bodies {
                let answer = api.send(method, path, Some(("application/json", body)));
                let problem = answer.problem(400, "malformed_body");
                assert!(problem["detail"].as_str().unwrap().len() < 500, "{problem}");
            }
        }
        assert_eq!(everything(api), before);
        api.get("/v1/flags/f").ok();
    });
}

#[test]
fn a_name_that_stands_twice_is_a_fault() {
    each(|api| {
        let twice = |method: &str, path: &str, body: &str| api.send(method, path, Some(("application/json", body.as_bytes())));
        twice("POST", "/v1/flags", r#"{"key": "a", "type": "boolean", "state": "on", "state": "off"}"#).invalid(&["/state"]);
        twice("POST", "/v1/flags", r#"{"key": "a", "type": "boolean", "metadata": {"x": 1, "x": 1}}"#).invalid(&["/metadata/x"]);
        twice("POST", "/v1/segments", r#"{"key": "a", "criteria": {"attr": {"x": {"gt": 1, "gt": 2}}}}"#).invalid(&["/criteria/attr/x/gt"]);
        twice("POST", "/v1/environments", r#"{"key": "a", "key": "b"}"#).invalid(&["/key"]);
        twice("POST", "/v1/evaluate", r#"{"flag_key": "a", "flag_key": "b", "user": {"id": "u"}}"#).problem(422, "invalid_body");
        assert_eq!(everything(api)["/v1/audit"], json!([]));
    });
}

#[test]
fn a_body_must_be_called_json_and_be_in_utf_8() {
    each(|api| {
        plant(api);
        let before = everything(api);
        for (method, path) in WITH_BODY {
            for media_type in [
                "",
                "text/plain",
                "application/xml",
                "application/x-www-form-urlencoded",
                "multipart/form-data",
                "application/jsonp",
                "text/json",
                "json",
                "application/json; charset=utf-16",
                "*/*",
            ] {
                api.send(method, path, Some((media_type, br#"{"key": "x"}"#))).problem(415, "unsupported_media_type");
            }
            for encoding in ["gzip", "br", "deflate"] {
                api.with("Content-Encoding", encoding)
                    .send(method, path, Some(("application/json", b"{}")))
                    .problem(415, "unsupported_media_type");
            }
        }
        assert_eq!(everything(api), before);
        for (i, media_type) in
            ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"].into_iter().enumerate()
        {
            let body = json!({"key": format!("s{i}")}).to_string();
            api.send("POST", "/v1/segments", Some((media_type, body.as_bytes()))).created();
        }
    });
}

#[test]
fn a_body_beyond_the_limit_is_refused_before_it_is_read() {
    each(|api| {
        plant(api);
        let before = everything(api);
        for (method, path) in WITH_BODY {
            // Announced, and never sent.
            let head = format!("{}Content-Type: application/json\r\nContent-Length: 1048577\r\n\r\n", api.head(method, path));
            api.send_raw(head.as_bytes()).problem(413, "body_too_large");
        }
        // Not announced: in pieces, until it is too much.
        let mut chunked =
            format!("{}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", api.head("POST", "/v1/flags")).into_bytes();
        for _ in 0..17 {
            write!(chunked, "10000\r\n{}\r\n", " ".repeat(65_536)).unwrap();
        }
        chunked.extend(b"0\r\n\r\n");
        api.send_raw(&chunked).problem(413, "body_too_large");
        assert_eq!(everything(api), before);
        // A large one within the limit is fine.
        let members: Vec<String> = (0..45_000).map(|i| format!("member-{i:08}")).collect();
        let large = json!({"key": "large", "included": members});
        assert!(large.to_string().len() > 750_000);
        assert_eq!(api.post("/v1/segments", &large).created()["included"].as_array().unwrap().len(), 45_000);
        let all = json!({"flag_key": "f", "user": {"id": "member-00044999"}});
        api.put("/v1/flags/f", &json!({"rules": [{"when": {"segment": "large"}, "rollout": {"variant": "on"}}], "rollout_percentage": 0}))
            .ok();
        assert_eq!(api.post("/v1/evaluate", &all).ok()["variant"], "on");
    });
}

#[test]
fn the_limit_can_be_set() {
    each_own(
        |setup| setup.variable("BODY_BYTES_MAX", "2000"),
        |server| {
            let api = crate::harness::admin_of(server);
            api.post("/v1/segments", &json!({"key": "s", "description": "x".repeat(1_000)})).created();
            api.post("/v1/segments", &json!({"key": "t", "description": "x".repeat(2_000)})).problem(413, "body_too_large");
        },
    );
}

#[test]
fn requests_that_are_no_http_do_no_harm() {
    each(|api| {
        plant(api);
        for bytes in [
            "GET\r\n\r\n",
            "GET / HTTP/9.9\r\n\r\n",
            "\0\0\0\0\r\n\r\n",
            "POST /v1/flags HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            "GET /v1/flags HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n",
        ] {
            assert_eq!(api.send_raw(bytes.as_bytes()).status(), 400, "{bytes:?}");
        }
        api.get("/v1/flags/f").ok();
    });
}

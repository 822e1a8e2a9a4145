//! Paths and methods that are not there.

use std::collections::BTreeSet;

use serde_json::json;

use crate::docs::openapi::{document, operations};
use crate::harness::each;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

#[test]
fn a_path_lists_the_methods_that_it_knows() {
    each(|api| {
        let all = operations(&document(api));
        for path in all.iter().map(|operation| &operation.path).collect::<BTreeSet<_>>() {
            let mut known: BTreeSet<&str> =
                all.iter().filter(|operation| operation.path == *path).map(|operation| operation.method.as_str()).collect();
            if known.contains("GET") {
                known.insert("HEAD");
            }
            // A flag may have the name of one of these routes; then its evaluation by `GET` lives here too.
            let is_shared =
                |method: &str| ["/v1/evaluate/batch", "/v1/evaluate/preview"].contains(&path.as_str()) && ["GET", "HEAD"].contains(&method);
            let concrete = path
                .replace("{file}", "index.html")
                .replace("{code}", "invalid_body")
                .replace("{key}", "k")
                .replace("{flag_key}", "k")
                .replace("{user_id}", "u")
                .replace("{id}", "w")
                .replace("{delivery_id}", "d");
            for method in METHODS.iter().filter(|method| !known.contains(*method) && !is_shared(method)) {
                let answer = api.send(method, &concrete, None);
                assert_eq!(answer.status(), 405, "{answer}");
                if *method != "HEAD" {
                    answer.problem(405, "method_not_allowed");
                }
                let allowed: BTreeSet<&str> =
                    answer.header("allow").unwrap().split(',').map(str::trim).filter(|method| !is_shared(method)).collect();
                assert_eq!(allowed, known, "{path}");
            }
        }
    });
}

#[test]
fn whatever_answers_get_answers_head_without_a_body() {
    each(|api| {
        api.post("/v1/flags", &json!({"key": "k", "type": "boolean"})).created();
        api.post("/v1/segments", &json!({"key": "k"})).created();
        api.post("/v1/environments", &json!({"key": "k"})).created();
        for operation in operations(&document(api)).iter().filter(|operation| operation.method == "GET") {
            let path = operation
                .path
                .replace("{file}", "index.html")
                .replace("{code}", "invalid_body")
                .replace("{key}", "k")
                .replace("{flag_key}", "k")
                .replace("{user_id}", "u")
                .replace("{id}", "w")
                .replace("{delivery_id}", "d");
            let path = if path == "/v1/evaluate/k" { format!("{path}?user_id=u") } else { path };
            let (get, head) = (api.get(&path), api.send("HEAD", &path, None));
            assert_eq!((head.status(), head.bytes().len()), (get.status(), 0), "{path}");
            assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        }
    });
}

#[test]
fn what_lives_nowhere_is_not_found_with_or_without_a_credential() {
    each(|api| {
        for path in [
            "/",
            "/v1",
            "/v1/",
            "/v2/flags",
            "/v1/flag",
            "/v1/flags/",
            "//v1/flags",
            "/V1/flags",
            "/v1/flags/a/b/c",
            "/.env",
            "/ff.db",
            "/v1/evaluate/",
            "/admin",
        ] {
            for method in ["GET", "POST", "DELETE"] {
                api.send(method, path, None).problem(404, "route_not_found");
                api.without("Authorization").without("X-Tenant-ID").send(method, path, None).problem(404, "route_not_found");
            }
        }
    });
}

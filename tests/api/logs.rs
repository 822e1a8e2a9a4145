//! What the server writes about itself: JSON, a line a request, and nothing that is nobody's business.

use ff_test_support::token::{SECRET, token};
use ff_test_support::{ADMIN_KEY, Client};
use serde_json::{Value, json};

use crate::harness::{admin_of, each_own};
use crate::sample::{is_instant, on_when};

/// Words that stand in places that must not be logged.
const PRIVATE: [&str; 6] =
    ["private-user", "private-attribute", "private-value", "private-query", "private-credential", "private-description"];

fn use_private_words(api: &Client) {
    api.post("/v1/flags", &json!({"key": "f", "type": "boolean", "description": "private-description"})).created();
    api.put("/v1/flags/f", &json!({"rules": on_when("f", json!({"attr": {"private-attribute": "private-value"}}))["rules"]})).ok();
    let user = json!({"id": "private-user", "attributes": {"private-attribute": "private-value"}});
    api.post("/v1/evaluate", &json!({"flag_key": "f", "user": user})).ok();
    api.post("/v1/evaluate/preview", &json!({"flag_key": "f", "user": user})).ok();
    api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "private-user", "private-attribute": 1}}))
        .problem(422, "invalid_body");
    api.get("/v1/evaluate/f?user_id=private-user&private-attribute=private-value&q=private-query").ok();
    api.get("/v1/users/private-user/flags?private-attribute=private-value").ok();
    api.get("/v1/users/private-user/flags/f").ok();
    api.get("/v1/flags?q=private-query").ok();
    api.get("/v1/flags?private-query=1").problem(400, "invalid_query");
    api.get("/private-query/private-user?x=private-value").problem(404, "route_not_found");
    api.bearer("private-credential").get("/v1/flags").problem(401, "unauthenticated");
    api.without("Authorization").with("X-API-Key", "private-credential").get("/v1/flags").problem(401, "unauthenticated");
    api.send("POST", "/v1/evaluate", Some(("application/json", b"{\"user\": \"private-user"))).problem(400, "malformed_body");
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[test]
fn a_request_is_one_line_with_the_documented_fields() {
    each_own(
        |setup| setup,
        |server| {
            let api = admin_of(server);
            for (answer, method, path, status, tenant) in [
                (api.post("/v1/flags", &json!({"key": "f", "type": "boolean"})), "POST", "/v1/flags", 201, json!(api.tenant_id())),
                (api.get("/v1/flags/f"), "GET", "/v1/flags/{key}", 200, json!(api.tenant_id())),
                (api.get("/v1/flags/g"), "GET", "/v1/flags/{key}", 404, json!(api.tenant_id())),
                (api.get("/v1/evaluate/f?user_id=u&x=y"), "GET", "/v1/evaluate/{flag_key}", 200, json!(api.tenant_id())),
                (api.without("X-Tenant-ID").get("/v1/flags"), "GET", "/v1/flags", 400, Value::Null),
                (server.client().get("/healthz"), "GET", "/healthz", 200, Value::Null),
            ] {
                let line = server.output().request(&answer.request_id());
                let mut fields: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
                fields.sort_unstable();
                assert_eq!(fields, ["latency_ms", "level", "message", "method", "path", "request_id", "status", "tenant", "timestamp"]);
                assert_eq!(
                    (&line["method"], &line["path"], &line["status"], &line["tenant"]),
                    (&method.into(), &path.into(), &status.into(), &tenant)
                );
                assert!(is_instant(&line["timestamp"]) && line["level"] == "info" && line["message"].is_string(), "{line}");
                assert!(line["latency_ms"].as_f64().is_some_and(|latency| (0.0..60_000.0).contains(&latency)), "{line}");
            }
        },
    );
}

#[test]
fn every_line_is_json_with_time_level_and_message() {
    each_own(
        |setup| setup,
        |server| {
            let api = admin_of(server);
            use_private_words(&api);
            server.output().request(&api.get("/healthz").request_id());
            server.terminate();
            assert!(server.wait().success());
            let lines = lines(&server.output().text());
            assert!(lines.len() > 15);
            for line in &lines {
                assert!(is_instant(&line["timestamp"]) && line["message"].is_string(), "{line}");
                assert!(["critical", "error", "warn", "info", "debug", "trace"].contains(&line["level"].as_str().unwrap()), "{line}");
            }
            assert!(lines.iter().all(|line| line["level"] == "info"), "nothing went wrong: {lines:?}");
        },
    );
}

#[test]
fn no_credential_no_user_no_query_and_no_body_is_logged_at_any_level() {
    for level in ["info", "debug", "trace"] {
        each_own(
            |setup| setup.variable("LOG_LEVEL", level),
            |server| {
                let api = admin_of(server);
                let bearer = token("visible-subject", &["admin"], &["*"]);
                use_private_words(&api.bearer(&bearer));
                api.without("Authorization").with("X-API-Key", ADMIN_KEY).get("/v1/flags").ok();
                let issued = server
                    .client()
                    .with("X-API-Key", ADMIN_KEY)
                    .post("/v1/auth/token", &json!({"sub": "x", "scopes": ["admin"], "tenants": ["*"]}))
                    .ok();
                let issued = issued["access_token"].as_str().unwrap().to_owned();
                server.output().request(&api.get("/healthz").request_id());
                let text = server.output().text();
                for word in PRIVATE.iter().copied().chain([SECRET, ADMIN_KEY, bearer.as_str(), issued.as_str()]) {
                    let lines: Vec<_> = text.lines().filter(|line| line.contains(word)).collect();
                    assert!(lines.is_empty(), "`{word}` at level {level}: {lines:?}");
                }
            },
        );
    }
}

#[test]
fn a_level_above_info_is_silent_about_requests() {
    each_own(
        |setup| setup.argument("--log-level").argument("info").variable("LOG_LEVEL", "error"),
        |server| {
            // The option wins over the variable.
            server.output().request(&server.client().get("/healthz").request_id());
        },
    );
}

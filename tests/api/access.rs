//! Who is let in, and in which order what is wrong is said: 401, then 400 without a tenant, then 403, then the rest.

use ff_test_support::{ADMIN_KEY, Answer, Client};
use serde_json::json;

use crate::docs::openapi::{Operation, document, operations};
use crate::harness::{each, fresh_tenant};
use crate::sample::{everything, text};

/// Asks with a key that nobody has and a body that is none.
fn ask(api: &Client, operation: &Operation) -> Answer {
    let path = operation
        .path
        .replace("{key}", "nope")
        .replace("{flag_key}", "nope")
        .replace("{user_id}", "u")
        .replace("{id}", "nope")
        .replace("{delivery_id}", "nope");
    let has_body = operation.is.get("requestBody").is_some();
    api.send(&operation.method, &path, has_body.then_some(("text/plain", b"{".as_slice())))
}

#[test]
fn every_guarded_route_says_what_is_wrong_in_the_same_order() {
    each(|api| {
        let anyone = api.without("Authorization").without("X-Tenant-ID");
        let powerless = ff_test_support::token::token("test", &[], &[api.tenant_id()]);
        let foreign = ff_test_support::token::token("test", &["admin"], &["another-tenant"]);
        let guarded: Vec<Operation> = operations(&document(api)).into_iter().filter(Operation::is_guarded).collect();
        assert!(guarded.len() >= 20);
        for operation in &guarded {
            let in_tenant = anyone.tenant(api.tenant_id());
            ask(&anyone, operation).problem(401, "unauthenticated");
            ask(&in_tenant, operation).problem(401, "unauthenticated");
            ask(&anyone.bearer("x.y.z"), operation).problem(401, "unauthenticated");
            ask(&anyone.bearer("x").tenant("a b"), operation).problem(401, "unauthenticated");
            ask(&anyone.bearer(&powerless), operation).problem(400, "tenant_missing");
            ask(&anyone.bearer(&powerless).tenant("a b"), operation).problem(400, "tenant_missing");
            ask(&in_tenant.bearer(&foreign), operation).problem(403, "tenant_forbidden");
            ask(&in_tenant.bearer(&powerless), operation).problem(403, "scope_missing");
            let last = ask(api, operation);
            assert!([400, 404, 415].contains(&last.status()) || last.status() == 200, "{last}");
        }
    });
}

#[test]
fn a_tenant_id_that_is_none_is_refused() {
    each(|api| {
        for bad in ["", "a b", "a/b", "../x", "-a", "a%20b", "*", &"t".repeat(129)] {
            api.tenant(bad).get("/v1/flags").problem(400, "tenant_missing");
        }
        // What no HTTP library sends: control characters, other scripts, two headers at once.
        let head = api.without("X-Tenant-ID").head("GET", "/v1/flags");
        for value in [b"a\tb".as_slice(), "тенант".as_bytes(), b"a\x0bb", b"\xff\xfe", b"a, b"] {
            let answer = api.send_raw(&[head.as_bytes(), b"X-Tenant-ID: ", value, b"\r\n\r\n"].concat());
            assert!([400].contains(&answer.status()), "{answer}");
        }
        let twice = format!("{head}X-Tenant-ID: {}\r\nX-Tenant-ID: other\r\n\r\n", api.tenant_id());
        api.send_raw(twice.as_bytes()).problem(400, "tenant_missing");
        for good in ["A", "0", "a.b_c-d", &"t".repeat(128)] {
            api.tenant(good).get("/v1/flags").ok();
        }
    });
}

#[test]
fn tenants_are_compared_whole_and_exactly() {
    each(|api| {
        let mine = format!("{}-mine", fresh_tenant());
        let insider = api.bearer(&ff_test_support::token::token("test", &["admin"], &[&mine, "Second"]));
        insider.tenant(&mine).get("/v1/flags").ok();
        insider.tenant("Second").get("/v1/flags").ok();
        for other in [&mine[..mine.len() - 1], &format!("{mine}x"), &mine.to_uppercase(), "second"] {
            insider.tenant(other).get("/v1/flags").problem(403, "tenant_forbidden");
        }
        let nobody = api.bearer(&ff_test_support::token::token("test", &["admin"], &[]));
        nobody.get("/v1/flags").problem(403, "tenant_forbidden");
    });
}

#[test]
fn a_credential_is_taken_from_either_header() {
    each(|api| {
        let anyone = api.without("Authorization");
        let token = ff_test_support::token::token("test", &["flags:r"], &["*"]);
        anyone.with("Authorization", &format!("bearer {token}")).get("/v1/flags").ok();
        anyone.with("X-API-Key", ADMIN_KEY).get("/v1/flags").ok();
        anyone.bearer(ADMIN_KEY).get("/v1/flags").ok();
        for (name, value) in [
            ("Authorization", token.as_str()),
            ("Authorization", "Basic dXNlcjpwYXNz"),
            ("Authorization", "Bearer"),
            ("Authorization", "Bearer "),
            ("Authorization", ""),
            ("X-API-Key", ""),
            ("X-API-Key", "wrong"),
        ] {
            anyone.with(name, value).get("/v1/flags").problem(401, "unauthenticated");
        }
        let path_and_query = format!("/v1/flags?access_token={token}");
        anyone.get(&path_and_query).problem(401, "unauthenticated");
        // A bad token is not saved by a good key next to it.
        anyone.bearer("x.y.z").with("X-API-Key", ADMIN_KEY).get("/v1/flags").problem(401, "unauthenticated");
    });
}

#[test]
fn the_admin_key_acts_under_a_name_of_its_own() {
    each(|api| {
        let holder = api.without("Authorization").with("X-API-Key", ADMIN_KEY);
        holder.post("/v1/flags", &text("f")).created();
        let entry = &api.all("/v1/audit")[0];
        assert!(entry["actor"].as_str().is_some_and(|actor| !actor.is_empty() && !actor.contains(ADMIN_KEY)), "{entry}");
    });
}

#[test]
fn writing_includes_reading_and_nothing_else() {
    let may = |api: &Client| {
        [
            ("flags:r", api.get("/v1/flags").status()),
            ("flags:rw", api.post("/v1/flags", &json!({})).status()),
            ("segments:r", api.get("/v1/segments").status()),
            ("segments:rw", api.post("/v1/segments", &json!({})).status()),
            ("evaluate", api.post("/v1/evaluate", &json!({})).status()),
            ("audit:r", api.get("/v1/audit").status()),
            ("environments:rw", api.post("/v1/environments", &json!({})).status()),
            ("events:r", api.get("/v1/events").status()),
            ("ruleset:r", api.get("/v1/ruleset").status()),
            ("webhooks:rw", api.get("/v1/webhooks").status()),
        ]
        .into_iter()
        .filter(|(_, status)| *status != 403)
        .map(|(scope, _)| scope)
        .collect::<Vec<_>>()
    };
    each(|api| {
        let before = everything(api);
        let all = [
            "flags:r",
            "flags:rw",
            "segments:r",
            "segments:rw",
            "evaluate",
            "audit:r",
            "environments:rw",
            "events:r",
            "ruleset:r",
            "webhooks:rw",
        ];
        for (scope, expected) in [
            ("flags:r", vec!["flags:r", "evaluate"]),
            ("flags:rw", vec!["flags:r", "flags:rw", "evaluate"]),
            ("segments:r", vec!["segments:r"]),
            ("segments:rw", vec!["segments:r", "segments:rw"]),
            ("evaluate", vec!["evaluate"]),
            ("audit:r", vec!["audit:r"]),
            ("environments:rw", vec!["environments:rw"]),
            ("events:r", vec!["events:r"]),
            ("ruleset:r", vec!["ruleset:r"]),
            ("webhooks:rw", vec!["webhooks:rw"]),
            ("admin", all.to_vec()),
        ] {
            assert_eq!(may(&api.scopes(&[scope])), expected, "{scope}");
        }
        assert_eq!(everything(api), before);
    });
}

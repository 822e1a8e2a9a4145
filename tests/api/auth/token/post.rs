//! `POST /v1/auth/token`.

use ff_test_support::token::{base64url, now_s};
use ff_test_support::{ADMIN_KEY, Client};
use serde_json::{Value, json};

use crate::harness::{each, fresh_tenant, setup};
use crate::sample::text;

/// What the middle part of a token says.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    let symbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: String = payload.chars().map(|c| format!("{:06b}", symbols.find(c).unwrap())).collect();
    let bytes: Vec<u8> =
        bits.as_bytes().chunks_exact(8).map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap()).collect();
    assert_eq!(base64url(&bytes), payload);
    serde_json::from_slice(&bytes).unwrap()
}

fn access_token(answer: &Value) -> String {
    answer["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn the_admin_key_buys_a_token_that_holds_for_six_hours() {
    each(|api| {
        let tenant = api.tenant_id();
        let holder = Client::new(api.address().to_owned()).with("X-API-Key", ADMIN_KEY);
        let wish = json!({"sub": "ci", "scopes": ["flags:rw", "audit:r"], "tenants": [tenant]});
        let answer = holder.post("/v1/auth/token", &wish);
        let issued = answer.ok();
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!((&issued["token_type"], &issued["expires_in"]), (&"Bearer".into(), &21_600.into()));
        assert_eq!((&issued["scopes"], &issued["tenants"]), (&json!(["flags:rw", "audit:r"]), &json!([tenant])));
        let claims = claims(&access_token(&issued));
        assert_eq!((&claims["sub"], &claims["scopes"], &claims["tenants"]), (&"ci".into(), &issued["scopes"], &issued["tenants"]));
        let (issued_at, expires) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
        assert!(expires - issued_at == 21_600 && now_s().abs_diff(issued_at) < 60, "{claims}");
        let ci = api.bearer(&access_token(&issued));
        ci.post("/v1/flags", &text("f")).created();
        assert_eq!(ci.all("/v1/audit")[0]["actor"], "ci");
        ci.get("/v1/segments").problem(403, "scope_missing");
        ci.tenant(&fresh_tenant()).get("/v1/flags").problem(403, "tenant_forbidden");
    });
}

#[test]
fn without_the_admin_key_there_is_no_token() {
    each(|api| {
        let wish = json!({"sub": "x", "scopes": ["admin"], "tenants": ["*"]});
        let anyone = Client::new(api.address().to_owned());
        anyone.post("/v1/auth/token", &wish).problem(401, "unauthenticated");
        anyone.send("POST", "/v1/auth/token", None).problem(401, "unauthenticated");
        for key in ["", "wrong", &ADMIN_KEY[1..], &format!("{ADMIN_KEY}x"), &ADMIN_KEY.to_uppercase()] {
            anyone.with("X-API-Key", key).post("/v1/auth/token", &wish).problem(401, "unauthenticated");
        }
        // A token, however mighty, buys no other token: it could be renewed for ever.
        api.post("/v1/auth/token", &wish).problem(403, "forbidden");
    });
}

#[test]
fn whoever_holds_the_key_must_say_what_the_token_is_for() {
    each(|api| {
        let holder = Client::new(api.address().to_owned()).with("X-API-Key", ADMIN_KEY);
        for (body, pointers) in [
            (json!({}), vec!["/sub", "/scopes", "/tenants"]),
            (json!({"sub": "", "scopes": [], "tenants": []}), vec!["/sub", "/scopes", "/tenants"]),
            (json!({"sub": 1, "scopes": "admin", "tenants": "*"}), vec!["/sub", "/scopes", "/tenants"]),
            (json!({"sub": "x", "scopes": ["flags:w", "ADMIN"], "tenants": ["a b"]}), vec!["/scopes/0", "/scopes/1", "/tenants/0"]),
            (json!({"sub": "a\nb", "scopes": ["admin"], "tenants": ["*"], "exp": 9}), vec!["/sub", "/exp"]),
            (json!([]), vec![""]),
        ] {
            holder.post("/v1/auth/token", &body).invalid(&pointers);
        }
        holder.send("POST", "/v1/auth/token", Some(("application/json", b"{"))).problem(400, "malformed_body");
        holder.send("POST", "/v1/auth/token", Some(("text/plain", b"{}"))).problem(415, "unsupported_media_type");
    });
}

#[test]
fn in_development_mode_whoever_is_here_gets_a_token_for_the_asking() {
    let server = setup().dev().start();
    let anyone = server.client();
    let issued = anyone.send("POST", "/v1/auth/token", None).ok();
    let claims = claims(&access_token(&issued));
    assert_eq!((&claims["sub"], &claims["scopes"], &claims["tenants"]), (&"dev".into(), &json!(["admin"]), &json!(["*"])));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 21_600);
    let dev = anyone.bearer(&access_token(&issued)).tenant("acme");
    assert!(!dev.all("/v1/flags").is_empty(), "the demo tenant is there");
    let narrow = anyone.post("/v1/auth/token", &json!({"sub": "me", "scopes": ["evaluate"], "tenants": ["acme"]})).ok();
    let narrow = anyone.bearer(&access_token(&narrow)).tenant("acme");
    narrow.get("/v1/users/u/flags").ok();
    narrow.get("/v1/flags").problem(403, "scope_missing");
    assert_eq!(anyone.post("/v1/auth/token", &json!({})).ok()["scopes"], json!(["admin"]));
    anyone.post("/v1/auth/token", &json!({"scopes": ["root"]})).invalid(&["/scopes/0"]);
}

#[test]
fn in_development_mode_a_web_page_or_a_proxy_gets_none() {
    let server = setup().dev().start();
    let anyone = server.client();
    for (name, value) in
        [("X-Forwarded-For", "10.0.0.7"), ("Forwarded", "for=10.0.0.7"), ("Host", "evil.example"), ("Host", "localhost.evil.example")]
    {
        anyone.with(name, value).send("POST", "/v1/auth/token", None).problem(401, "unauthenticated");
    }
    anyone.with("Host", "localhost").send("POST", "/v1/auth/token", None).ok();
}

#[test]
fn a_server_without_an_admin_key_issues_nothing() {
    let server = setup().without("ADMIN_KEY").start();
    for key in ["", ADMIN_KEY] {
        server.client().with("X-API-Key", key).post("/v1/auth/token", &json!({})).problem(401, "unauthenticated");
    }
}

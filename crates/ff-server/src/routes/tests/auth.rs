use std::net::SocketAddr;

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::auth::{Credential, TokenScope};
use crate::testing::{ADMIN_KEY, Fixture, request};

fn post() -> TestRequest {
    request("POST", "/v1/auth/token")
}

/// A program on this machine that asks for `localhost`.
fn local() -> TestRequest {
    let peer: SocketAddr = "127.0.0.1:5000".parse().unwrap();
    post().peer_addr(peer).insert_header(("Host", "localhost:8080"))
}

fn in_development() -> Fixture {
    Fixture::with(|config| config.auth.open_to_loopback = true, slog::Logger::root(slog::Discard, slog::o!()))
}

fn caller(fixture: &Fixture, answer: &Value) -> std::sync::Arc<crate::auth::Caller> {
    let (caller, credential) = fixture.state.auth.caller(answer["access_token"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(credential, Credential::Token);
    caller
}

#[actix_web::test]
async fn in_development_anyone_here_gets_a_token_for_nothing() {
    let fixture = in_development();
    let app = fixture.app().await;
    let answer = app(local()).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    let body = answer.json();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(21_600)));
    assert_eq!((&body["scopes"], &body["tenants"]), (&json!(["admin"]), &json!(["*"])));
    assert_eq!(body.as_object().unwrap().len(), 5);
    let caller = caller(&fixture, &body);
    assert!(caller.subject() == "dev" && caller.may(TokenScope::Admin) && caller.may_enter(&"any".parse().unwrap()));
    // A stale token that a client sends along by itself does not stand in the way.
    assert_eq!(app(local().insert_header(("Authorization", "Bearer stale"))).await.status, 200);
}

#[actix_web::test]
async fn in_development_nobody_else_does() {
    let fixture = in_development();
    let app = fixture.app().await;
    let far: SocketAddr = "192.0.2.7:5000".parse().unwrap();
    for (what, request) in [
        ("from another machine", local().peer_addr(far)),
        ("for another name, as by DNS rebinding", local().insert_header(("Host", "evil.example"))),
        ("through a proxy", local().insert_header(("X-Forwarded-For", "192.0.2.7"))),
    ] {
        assert_eq!(app(request).await.problem(), (401, "unauthenticated".to_owned()), "{what}");
    }
}

#[actix_web::test]
async fn elsewhere_a_token_is_issued_against_the_admin_key_only() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let body = json!({"sub": "ci", "scopes": ["flags:rw"], "tenants": ["acme"]});
    assert_eq!(app(local().set_json(&body)).await.problem().0, 401, "being here is not enough");
    assert_eq!(app(post().set_json(&body).insert_header(("X-API-Key", "guess"))).await.problem().0, 401);
    let token = fixture.token(&[TokenScope::Admin]);
    assert_eq!(app(post().set_json(&body).insert_header(("X-API-Key", token))).await.problem(), (403, "forbidden".to_owned()));
    for header in [("X-API-Key", ADMIN_KEY.to_owned()), ("Authorization", format!("Bearer {ADMIN_KEY}"))] {
        let answer = app(post().set_json(&body).insert_header(header)).await;
        assert_eq!(answer.status, 200);
        let caller = caller(&fixture, &answer.json());
        assert_eq!(caller.subject(), "ci");
        assert!(caller.may(TokenScope::FlagsRead) && !caller.may(TokenScope::AuditRead) && !caller.may_enter(&"other".parse().unwrap()));
    }
}

#[actix_web::test]
async fn a_key_holder_must_say_what_the_token_is_for() {
    let fixture = Fixture::new();
    let app = fixture.app().await;
    let post = || post().insert_header(("X-API-Key", ADMIN_KEY));
    let pointers = |body: &Value| {
        body["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let answer = app(post()).await;
    assert_eq!(answer.problem(), (422, "invalid_body".to_owned()));
    assert_eq!(pointers(&answer.json()), ["/sub", "/scopes", "/tenants"]);
    let answer = app(post().set_json(json!({"sub": "ci", "scopes": ["root"], "tenants": ["a b"], "ttl": 7}))).await;
    assert_eq!(pointers(&answer.json()), ["/ttl", "/scopes/0", "/tenants/0"]);
    assert_eq!(app(post().set_payload("{}")).await.problem().0, 415, "a body needs a media type");
    assert_eq!(app(post().insert_header(("Content-Type", "application/json")).set_payload("{")).await.problem().0, 400);
}

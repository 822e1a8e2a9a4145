//! Tokens that must not be believed.

use ff_test_support::token::{HEADER, SECRET, base64url, now_s, signed, token, unsigned};
use ff_test_support::{Client, eventually};
use serde_json::{Value, json};

use crate::harness::{each, setup};
use crate::sample::with;

fn claims() -> Value {
    json!({"sub": "test", "scopes": ["admin"], "tenants": ["*"], "iat": now_s(), "exp": now_s() + 3_600})
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn refused(api: &Client, credential: &str) {
    let answer = api.bearer(credential).get("/v1/flags");
    answer.problem(401, "unauthenticated");
    assert!(credential.len() < 20 || !answer.text().contains(credential), "a credential is not repeated: {answer}");
}

#[test]
fn the_tokens_of_these_tests_are_believed_if_nothing_is_wrong_with_them() {
    each(|api| {
        api.bearer(&signed(HEADER, &claims(), SECRET)).get("/v1/flags").ok();
        api.bearer(&signed(r#"{"typ":"JWT","alg":"HS256"}"#, &without("iat"), SECRET)).get("/v1/flags").status();
    });
}

#[test]
fn a_token_of_another_algorithm_is_refused() {
    each(|api| {
        // The classic: `none`, with and without a signature, in all its spellings.
        for name in ["none", "None", "NONE", "nOnE", ""] {
            let header = format!(r#"{{"alg":"{name}","typ":"JWT"}}"#);
            refused(api, &format!("{}.", unsigned(&header, &claims())));
            refused(api, &unsigned(&header, &claims()));
            refused(api, &signed(&header, &claims(), SECRET));
        }
        // A valid HS256 signature under the name of another algorithm.
        for name in ["HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "hs256", "HS256 "] {
            refused(api, &signed(&format!(r#"{{"alg":"{name}","typ":"JWT"}}"#), &claims(), SECRET));
        }
        refused(api, &signed(r#"{"typ":"JWT"}"#, &claims(), SECRET));
    });
}

#[test]
fn a_token_with_a_wrong_signature_is_refused() {
    each(|api| {
        let good = signed(HEADER, &claims(), SECRET);
        let (payload, signature) = good.rsplit_once('.').unwrap();
        refused(api, &signed(HEADER, &claims(), "another-secret-0123456789-0123456789"));
        refused(api, &signed(HEADER, &claims(), ""));
        refused(api, &format!("{payload}."));
        refused(api, payload);
        refused(api, &format!("{payload}.{}", &signature[..signature.len() - 2]));
        refused(api, &format!("{payload}.{}", base64url(&[0; 32])));
        // The claims of one token under the signature of another.
        let (mighty, _) = signed(HEADER, &with(claims(), json!({"sub": "root"})), "x")
            .rsplit_once('.')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        refused(api, &format!("{mighty}.{signature}"));
        api.bearer(&good).get("/v1/flags").ok();
    });
}

#[test]
fn a_token_that_does_not_hold_now_is_refused() {
    each(|api| {
        for changes in [
            json!({"exp": now_s() - 3_600}),
            json!({"exp": now_s() - 10}),
            json!({"exp": 0}),
            json!({"exp": -1}),
            json!({"exp": "tomorrow"}),
            json!({"exp": null}),
            json!({"nbf": now_s() + 3_600}),
        ] {
            refused(api, &signed(HEADER, &with(claims(), changes), SECRET));
        }
        refused(api, &signed(HEADER, &without("exp"), SECRET));
    });
}

#[test]
fn a_token_that_does_not_say_who_and_what_is_refused() {
    each(|api| {
        for name in ["sub", "scopes", "tenants"] {
            refused(api, &signed(HEADER, &without(name), SECRET));
        }
        for changes in [json!({"scopes": "admin"}), json!({"tenants": "*"}), json!({"tenants": ["a/b"]}), json!({"sub": 7})] {
            refused(api, &signed(HEADER, &with(claims(), changes), SECRET));
        }
    });
}

#[test]
fn what_is_no_token_is_refused() {
    each(|api| {
        for garbage in
            ["x", "..", "a.b.c", "null", "{}", "Bearer", &"x".repeat(6_000), &format!("{}.{}.x", base64url(b"{"), base64url(b"}"))]
        {
            refused(api, garbage);
        }
        let good = token("test", &["admin"], &["*"]);
        for spoiled in [format!("{good}x"), format!("{good} x"), good.replace('.', "..")] {
            refused(api, &spoiled);
        }
    });
}

#[test]
fn a_token_that_was_believed_is_not_believed_after_it_expired() {
    each(|api| {
        // It may have expired before it comes for the first time: then another one is tried.
        let short = eventually("a token to be believed in time", || {
            let short = api.bearer(&signed(HEADER, &with(claims(), json!({"exp": now_s() + 1})), SECRET));
            (short.get("/v1/flags").status() == 200).then_some(short)
        });
        let refused = eventually("the token to expire", || Some(short.get("/v1/flags")).filter(|answer| answer.status() != 200));
        refused.problem(401, "unauthenticated");
    });
}

#[test]
fn a_token_of_one_server_is_worth_nothing_on_another() {
    let server = setup().variable("JWT_SECRET", "a-different-secret-0123456789-0123456789").start();
    refused(&server.client().tenant("acme"), &token("test", &["admin"], &["*"]));
}

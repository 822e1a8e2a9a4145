//! Strangers, and callers with too few rights: on every route, neither learns nor changes anything.
//!
//! The routes come from the server's own description, so one that is added without a case here fails.

use std::cell::RefCell;
use std::collections::BTreeSet;

use ff_test_support::{Answer, Client, eventually, token::token};
use serde_json::{Value, json};

use crate::docs::openapi::{Operation, document, operations};
use crate::harness::{each, fresh_tenant};
use crate::sample::{everything, text, with};

/// Stands in everything that the owner's tenant holds, and in nothing that a request says.
const SECRET_WORD: &str = "kept-from-strangers";

pub(crate) struct Case {
    /// `GET /v1/flags`.
    pub(crate) route: &'static str,
    /// The scopes each of which is enough.
    enough: &'static [&'static str],
    path: &'static str,
    body: Option<fn() -> Value>,
}

const fn reading(route: &'static str, enough: &'static [&'static str], path: &'static str) -> Case {
    Case { route, enough, path, body: None }
}

const fn sending(route: &'static str, enough: &'static [&'static str], path: &'static str, body: fn() -> Value) -> Case {
    Case { route, enough, path, body: Some(body) }
}

const READS_FLAGS: &[&str] = &["flags:r", "flags:rw", "admin"];
const WRITES_FLAGS: &[&str] = &["flags:rw", "admin"];
const READS_SEGMENTS: &[&str] = &["segments:r", "segments:rw", "admin"];
const WRITES_SEGMENTS: &[&str] = &["segments:rw", "admin"];
const EVALUATES: &[&str] = &["evaluate", "flags:r", "flags:rw", "admin"];
const READS_AUDIT: &[&str] = &["audit:r", "admin"];
const READS_ENVIRONMENTS: &[&str] = &["environments:rw", "flags:r", "flags:rw", "admin"];
const FOLLOWS_EVENTS: &[&str] = &["events:r", "admin"];
const WRITES_ENVIRONMENTS: &[&str] = &["environments:rw", "admin"];
const READS_RULESETS: &[&str] = &["ruleset:r", "admin"];
const SCOPES: [&str; 11] = [
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
    "admin",
];
const WEBHOOKS: &[&str] = &["webhooks:rw", "admin"];

/// Where the webhooks of these tests lead: nothing listens on this port.
const NOWHERE: &str = "http://127.0.0.1:9/";

fn user() -> Value {
    json!({"id": "u"})
}

/// One case for each route that needs a credential; each gives something to who has the right to it.
pub(crate) const CASES: &[Case] = &[
    reading("GET /v1/flags", READS_FLAGS, "/v1/flags?q=kept"),
    sending("POST /v1/flags", WRITES_FLAGS, "/v1/flags", || with(text("flag"), json!({"owner": "intruder"}))),
    reading("GET /v1/flags/{key}", READS_FLAGS, "/v1/flags/flag"),
    sending("PUT /v1/flags/{key}", WRITES_FLAGS, "/v1/flags/flag", || json!({"owner": "intruder"})),
    sending("PATCH /v1/flags/{key}", WRITES_FLAGS, "/v1/flags/flag", || json!({"owner": "intruder"})),
    reading("GET /v1/flags/{key}/history", READS_FLAGS, "/v1/flags/flag/history"),
    sending("POST /v1/flags/{key}/rollback", WRITES_FLAGS, "/v1/flags/flag/rollback", || json!({"version": 1})),
    reading("DELETE /v1/flags/{key}", WRITES_FLAGS, "/v1/flags/flag"),
    reading("GET /v1/segments", READS_SEGMENTS, "/v1/segments?q=kept"),
    sending("POST /v1/segments", WRITES_SEGMENTS, "/v1/segments", || json!({"key": "segment", "name": "intruder"})),
    reading("GET /v1/segments/{key}", READS_SEGMENTS, "/v1/segments/segment"),
    sending("PUT /v1/segments/{key}", WRITES_SEGMENTS, "/v1/segments/segment", || json!({"name": "intruder"})),
    sending("PATCH /v1/segments/{key}", WRITES_SEGMENTS, "/v1/segments/segment", || json!({"name": "intruder"})),
    reading("DELETE /v1/segments/{key}", WRITES_SEGMENTS, "/v1/segments/segment"),
    reading("GET /v1/environments", READS_ENVIRONMENTS, "/v1/environments"),
    sending("POST /v1/environments", WRITES_ENVIRONMENTS, "/v1/environments", || json!({"key": "staging", "name": "intruder"})),
    reading("GET /v1/environments/{key}", READS_ENVIRONMENTS, "/v1/environments/staging"),
    reading("DELETE /v1/environments/{key}", WRITES_ENVIRONMENTS, "/v1/environments/staging"),
    reading("GET /v1/audit", READS_AUDIT, "/v1/audit"),
    reading("GET /v1/events", FOLLOWS_EVENTS, "/v1/events"),
    reading("GET /v1/ruleset", READS_RULESETS, "/v1/ruleset"),
    reading("GET /v1/ruleset/changes", READS_RULESETS, "/v1/ruleset/changes?since=0"),
    reading("GET /v1/webhooks", WEBHOOKS, "/v1/webhooks"),
    sending("POST /v1/webhooks", WEBHOOKS, "/v1/webhooks", || json!({"url": NOWHERE, "events": ["*"], "description": "intruder"})),
    reading("GET /v1/webhooks/{id}", WEBHOOKS, "/v1/webhooks/{webhook}"),
    sending("PUT /v1/webhooks/{id}", WEBHOOKS, "/v1/webhooks/{webhook}", || json!({"description": "intruder"})),
    sending("POST /v1/webhooks/{id}/test", WEBHOOKS, "/v1/webhooks/{webhook}/test", || json!({})),
    sending("POST /v1/webhooks/{id}/rotate", WEBHOOKS, "/v1/webhooks/{webhook}/rotate", || json!({"old_secret_s": 0})),
    reading("GET /v1/webhooks/{id}/deliveries", WEBHOOKS, "/v1/webhooks/{webhook}/deliveries"),
    sending(
        "POST /v1/webhooks/{id}/deliveries/{delivery_id}/redeliver",
        WEBHOOKS,
        "/v1/webhooks/{webhook}/deliveries/{delivery}/redeliver",
        || json!({}),
    ),
    reading("DELETE /v1/webhooks/{id}", WEBHOOKS, "/v1/webhooks/{webhook}"),
    sending("POST /v1/evaluate", EVALUATES, "/v1/evaluate", || json!({"flag_key": "flag", "user": user()})),
    sending("POST /v1/evaluate/batch", EVALUATES, "/v1/evaluate/batch", || json!({"user": user()})),
    sending("POST /v1/evaluate/preview", READS_FLAGS, "/v1/evaluate/preview", || json!({"flag_key": "flag", "user": user()})),
    reading("GET /v1/evaluate/{flag_key}", EVALUATES, "/v1/evaluate/flag?user_id=u"),
    reading("GET /v1/users/{user_id}/flags", EVALUATES, "/v1/users/u/flags"),
    reading("GET /v1/users/{user_id}/flags/{flag_key}", EVALUATES, "/v1/users/u/flags/flag"),
];

thread_local! {
    /// The owner who was planted for last on this thread, and the webhook, whose id is not ours to choose.
    static PLANTED: RefCell<Option<(Client, String)>> = const { RefCell::new(None) };
}

impl Case {
    pub(crate) fn ask(&self, api: &Client) -> Answer {
        let (method, path) = (self.route.split(' ').next().unwrap(), self.path());
        match self.body {
            Some(body) => api.send_json(method, &path, &body()),
            None => api.send(method, &path, None),
        }
    }

    fn path(&self) -> String {
        let Some((owner, webhook)) = PLANTED.with_borrow(Clone::clone) else { return self.path.to_owned() };
        let path = self.path.replace("{webhook}", &webhook);
        if !path.contains("{delivery}") {
            return path;
        }
        let deliveries = format!("/v1/webhooks/{webhook}/deliveries");
        let delivery = eventually("an attempt", || owner.get(&deliveries).ok()["items"][0]["id"].as_str().map(str::to_owned));
        path.replace("{delivery}", &delivery)
    }
}

/// Fills a tenant with one of everything.
pub(crate) fn plant(owner: &Client) {
    owner.post("/v1/environments", &json!({"key": "staging", "name": SECRET_WORD})).created();
    owner.post("/v1/segments", &json!({"key": "segment", "name": SECRET_WORD, "included": [SECRET_WORD]})).created();
    let flag = json!({
        "key": "flag", "name": SECRET_WORD, "description": SECRET_WORD, "state": "on", "tags": [SECRET_WORD], "owner": SECRET_WORD,
        "variants": [{"key": "a", "weight": 1, "value": SECRET_WORD}, {"key": "b", "weight": 1, "value": SECRET_WORD}],
        "rules": [{"id": SECRET_WORD, "when": {}, "rollout": {"variant": "a"}}],
    });
    owner.post("/v1/flags", &flag).created();
    let webhook = json!({"url": NOWHERE, "events": ["flag.*"], "description": SECRET_WORD});
    let webhook = owner.post("/v1/webhooks", &webhook).created()["id"].as_str().unwrap().to_owned();
    PLANTED.set(Some((owner.clone(), webhook)));
    owner.put("/v1/flags/flag", &json!({"state": "off"})).ok();
}

#[track_caller]
fn gives_nothing_away(answer: &Answer) {
    assert!(!answer.text().contains(SECRET_WORD), "{answer}");
    assert!(answer.header("etag").is_none() || answer.status() < 300, "{answer}");
}

#[test]
fn every_route_has_a_case() {
    each(|api| {
        let routes: BTreeSet<String> =
            operations(&document(api)).iter().filter(|operation| operation.is_guarded()).map(Operation::name).collect();
        let cases: BTreeSet<String> = CASES.iter().map(|case| case.route.to_owned()).collect();
        assert_eq!(cases.len(), CASES.len(), "a case stands twice");
        assert_eq!(routes.difference(&cases).collect::<Vec<_>>(), Vec::<&String>::new(), "routes without a case");
        assert_eq!(cases.difference(&routes).collect::<Vec<_>>(), Vec::<&String>::new(), "cases without a route");
    });
}

#[test]
fn every_case_gives_something_to_the_owner() {
    each(|api| {
        for case in CASES {
            let owner = api.tenant(&fresh_tenant());
            plant(&owner);
            let answer = case.ask(&owner);
            assert!((200..300).contains(&answer.status()), "a case that fails for the owner proves nothing: {answer}");
        }
    });
}

#[test]
fn a_stranger_is_not_let_into_the_tenant() {
    each(|api| {
        plant(api);
        let before = everything(api);
        let stranger = api.bearer(&token("stranger", &["admin"], &[&fresh_tenant()]));
        for case in CASES {
            let answer = case.ask(&stranger);
            answer.problem(403, "tenant_forbidden");
            gives_nothing_away(&answer);
            // Whether the tenant exists is nobody's business either.
            let nowhere = case.ask(&stranger.tenant("no-such-tenant"));
            nowhere.problem(403, "tenant_forbidden");
        }
        assert_eq!(everything(api), before);
    });
}

#[test]
fn a_stranger_finds_nothing_of_it_in_their_own_tenant() {
    each(|api| {
        plant(api);
        let before = everything(api);
        for case in CASES {
            let own = fresh_tenant();
            let stranger = api.bearer(&token("stranger", &["admin"], &[&own])).tenant(&own);
            let answer = case.ask(&stranger);
            gives_nothing_away(&answer);
            assert!(answer.status() < 500, "{answer}");
            let is_new = answer.status() == 201;
            assert!(is_new || answer.status() != 200 || case.route.starts_with("GET /v1/") || case.route.contains("batch"), "{answer}");
        }
        assert_eq!(everything(api), before);
    });
}

#[test]
fn a_lower_scope_gets_nothing() {
    each(|api| {
        plant(api);
        let before = everything(api);
        for case in CASES {
            for scope in SCOPES.into_iter().filter(|scope| !case.enough.contains(scope)) {
                let answer = case.ask(&api.scopes(&[scope]));
                let problem = answer.problem(403, "scope_missing");
                assert!(problem["detail"].as_str().unwrap().contains('`'), "it says which: {problem}");
                gives_nothing_away(&answer);
            }
            let all_the_others: Vec<&str> = SCOPES.into_iter().filter(|scope| !case.enough.contains(scope)).collect();
            case.ask(&api.scopes(&all_the_others)).problem(403, "scope_missing");
            case.ask(&api.scopes(&[])).problem(403, "scope_missing");
        }
        assert_eq!(everything(api), before);
    });
}

#[test]
fn each_scope_that_is_enough_is_enough_alone() {
    each(|api| {
        for case in CASES {
            for scope in case.enough {
                let owner = api.tenant(&fresh_tenant());
                plant(&owner);
                let answer = case.ask(&owner.scopes(&[scope]));
                assert!((200..300).contains(&answer.status()), "{scope}: {answer}");
            }
        }
    });
}

#[test]
fn without_a_credential_there_is_nothing() {
    each(|api| {
        plant(api);
        let before = everything(api);
        for case in CASES {
            let answer = case.ask(&api.without("Authorization"));
            answer.problem(401, "unauthenticated");
            gives_nothing_away(&answer);
        }
        assert_eq!(everything(api), before);
    });
}

#[test]
fn open_routes_tell_nothing_about_tenants() {
    each(|api| {
        plant(api);
        let anyone = Client::new(api.address().to_owned());
        for operation in operations(&document(api)).iter().filter(|operation| !operation.is_guarded() && operation.method == "GET") {
            let path = operation.path.replace("{file}", "index.html").replace("{code}", "invalid_body");
            let answer = anyone.get(&path);
            assert!(answer.status() < 400, "{answer}");
            gives_nothing_away(&answer);
            assert!(!answer.text().contains(api.tenant_id()), "{path} names a tenant");
        }
    });
}

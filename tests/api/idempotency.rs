//! `Idempotency-Key`: a write that is sent again is not done again.

use std::collections::BTreeSet;

use ff_test_support::token::token;
use ff_test_support::{Answer, Client, Target, TestDatabase, eventually};
use serde_json::{Value, json};

use crate::docs::openapi::{document, operations};
use crate::harness::{each, fresh_tenant, setup};
use crate::sample::{boolean, environment, everything, on_when, text, with};
use crate::tenancy::{CASES, plant};
use crate::webhooks;

/// With this key.
fn keyed(api: &Client, key: &str) -> Client {
    api.with("Idempotency-Key", key)
}

/// Says that `again` is `first` once more, and marked as such.
#[track_caller]
fn replays(first: &Answer, again: &Answer) {
    assert_eq!(first.header("idempotency-replayed"), None, "{first}");
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again}");
    assert_eq!(again.status(), first.status(), "{first}\n{again}");
    assert_eq!(again.text(), first.text(), "{first}\n{again}");
    for name in ["content-type", "content-length", "etag", "location"] {
        assert_eq!(again.header(name), first.header(name), "{name}: {first}\n{again}");
    }
    assert_ne!(again.request_id(), first.request_id(), "each request has an id of its own");
}

/// Says that the answer is no repetition.
#[track_caller]
fn is_new(answer: &Answer) -> &Answer {
    assert_eq!(answer.header("idempotency-replayed"), None, "{answer}");
    answer
}

/// Routes that send something to a webhook's target, and change nothing here.
fn is_only_sent(route: &str) -> bool {
    route.ends_with("/test") || route.ends_with("/redeliver")
}

fn shows_a_secret(route: &str) -> bool {
    route == "POST /v1/webhooks" || route.ends_with("/rotate")
}

#[test]
fn every_route_that_changes_something_is_done_once_and_answered_twice() {
    each(|api| {
        let described: BTreeSet<String> = operations(&document(api))
            .iter()
            .filter(|operation| operation.is["parameters"].to_string().contains("parameters/IdempotencyKey"))
            .map(|operation| operation.name())
            .collect();
        let changing: Vec<_> = CASES
            .iter()
            .filter(|case| !case.route.starts_with("GET ") && !case.route.contains("/evaluate") && !is_only_sent(case.route))
            .collect();
        assert_eq!(described, changing.iter().map(|case| case.route.to_owned()).collect());
        for case in changing {
            let owner = api.tenant(&fresh_tenant());
            plant(&owner);
            let before = everything(&owner);
            let first = case.ask(&keyed(&owner, "k"));
            let after = everything(&owner);
            assert!(first.status() < 300, "{first}");
            assert_ne!(before, after, "{}", case.route);
            if shows_a_secret(case.route) {
                let again = case.ask(&keyed(&owner, "k"));
                assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again}");
                let (mut shown, again) = (first.json(), again.json());
                assert!(shown.as_object_mut().unwrap().remove("secret").is_some(), "{first}");
                assert_eq!(again, shown, "a secret is shown once, and kept in no answer");
                assert_eq!(everything(&owner), after, "{}", case.route);
                continue;
            }
            replays(&first, &case.ask(&keyed(&owner, "k")));
            // Quotes are no part of the key.
            replays(&first, &case.ask(&keyed(&owner, "\"k\"")));
            assert_eq!(everything(&owner), after, "{}", case.route);
        }
    });
}

#[test]
fn a_creation_is_answered_as_a_creation_whatever_has_happened_since() {
    each(|api| {
        let drafts = [
            ("/v1/flags", boolean("e")),
            ("/v1/segments", json!({"key": "e", "included": ["u"]})),
            ("/v1/environments", json!({"key": "e", "name": "One"})),
        ];
        for (path, draft) in drafts {
            let once = keyed(api, &format!("create-{path}"));
            let first = once.post(path, &draft);
            first.created();
            replays(&first, &once.post(path, &draft));
            api.delete(&format!("{path}/e")).is(204);
            replays(&first, &once.post(path, &draft));
            api.get(&format!("{path}/e")).is(404);
            // With another key, or without one, it is another request.
            is_new(&keyed(api, &format!("again-{path}")).post(path, &draft)).created();
            api.delete(&format!("{path}/e")).is(204);
            is_new(&api.post(path, &draft)).created();
        }
    });
}

#[test]
fn warnings_are_part_of_the_answer() {
    each(|api| {
        let rules = json!([
            {"id": "all", "when": {}, "rollout": {"variant": "on"}},
            {"id": "late", "when": {"attr": {"beta": true}}, "rollout": {"variant": "on"}},
        ]);
        let once = keyed(api, "k");
        let first = once.post("/v1/flags", &with(boolean("f"), json!({"rules": rules})));
        assert_eq!(first.created()["warnings"][0]["code"], "rule_shadowed");
        api.put("/v1/flags/f", &json!({"rules": []})).ok();
        replays(&first, &once.post("/v1/flags", &with(boolean("f"), json!({"rules": rules}))));
        // Also where nothing was changed.
        let flag = api.put("/v1/flags/f", &json!({"rules": rules})).ok();
        let first = keyed(api, "same").put("/v1/flags/f", &json!({"rules": rules}));
        assert_eq!(first.ok(), flag);
        replays(&first, &keyed(api, "same").put("/v1/flags/f", &json!({"rules": rules})));
    });
}

#[test]
fn what_changed_nothing_is_not_done_later() {
    each(|api| {
        api.post("/v1/flags", &boolean("f")).created();
        let once = keyed(api, "k");
        let first = once.put("/v1/flags/f", &json!({"owner": null}));
        assert_eq!(first.ok()["version"], 1);
        api.put("/v1/flags/f", &json!({"owner": "somebody else"})).ok();
        replays(&first, &once.put("/v1/flags/f", &json!({"owner": null})));
        assert_eq!(api.get("/v1/flags/f").ok()["owner"], "somebody else");
        // Nor does it bring a tenant into being.
        let nowhere = keyed(&api.tenant(&fresh_tenant()), "k");
        let first = nowhere.post("/v1/environments", &json!({"key": "production"}));
        first.ok();
        replays(&first, &nowhere.post("/v1/environments", &json!({"key": "production"})));
        nowhere.without("Idempotency-Key").post("/v1/flags", &boolean("f")).created();
        assert_eq!(nowhere.all("/v1/audit").len(), 1);
    });
}

type Ask<'a> = &'a dyn Fn(&Client) -> Answer;

#[test]
fn a_refusal_is_answered_again_even_where_the_request_would_do_by_now() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        api.post("/v1/segments", &json!({"key": "s"})).created();
        api.post("/v1/flags", &on_when("uses", json!({"segment": "s"}))).created();
        let stale = api.with("If-Match", "\"2\"");
        let ask: [(&str, Ask); 6] = [
            ("version_mismatch", &|api| keyed(&api.with("If-Match", "\"2\""), "412").put("/v1/flags/f", &json!({"owner": "o"}))),
            ("flag_not_found", &|api| keyed(api, "404").put("/v1/flags/later", &json!({"owner": "o"}))),
            ("segment_in_use", &|api| keyed(api, "409").delete("/v1/segments/s")),
            ("invalid_body", &|api| keyed(api, "422").post("/v1/flags", &on_when("g", json!({"segment": "later"})))),
            ("revision_not_found", &|api| keyed(api, "past").post("/v1/flags/f/rollback", &json!({"version": 2}))),
            ("environment_not_found", &|api| keyed(&api.environment("later"), "place").post("/v1/flags", &boolean("h"))),
        ];
        let first: Vec<Answer> = ask.iter().map(|(_, ask)| ask(api)).collect();
        for (answer, (code, _)) in first.iter().zip(&ask) {
            is_new(answer).problem(answer.status(), code);
        }
        // Now all of them would be done.
        api.put("/v1/flags/f", &json!({"description": "version 2"})).ok();
        api.post("/v1/flags", &boolean("later")).created();
        api.delete("/v1/flags/uses").is(204);
        api.post("/v1/segments", &json!({"key": "later"})).created();
        environment(api, "later");
        let before = everything(api);
        for (first, (_, ask)) in first.iter().zip(&ask) {
            replays(first, &ask(api));
        }
        assert_eq!(everything(api), before);
        is_new(&stale.put("/v1/flags/f", &json!({"owner": "o"}))).ok();
    });
}

#[test]
fn a_refusal_that_is_too_large_to_keep_is_judged_anew() {
    each(|api| {
        api.post("/v1/segments", &json!({"key": "s"})).created();
        let keys: Vec<String> = (0..450).map(|i| format!("{i:0>128}")).collect();
        keys.iter().for_each(|key| drop(api.post("/v1/flags", &on_when(key, json!({"segment": "s"}))).created()));
        let first = keyed(api, "k").delete("/v1/segments/s");
        assert!(is_new(&first).problem(409, "segment_in_use")["used_by"].as_array().unwrap().len() == 450 && first.bytes().len() > 65_536);
        is_new(&keyed(api, "k").delete("/v1/segments/s")).problem(409, "segment_in_use");
        keys.iter().for_each(|key| drop(api.delete(&format!("/v1/flags/{key}"))));
        is_new(&keyed(api, "k").delete("/v1/segments/s")).is(204);
        assert_eq!(keyed(api, "k").delete("/v1/segments/s").header("idempotency-replayed"), Some("true"));
    });
}

#[test]
fn what_was_refused_before_it_reached_a_flag_is_answered_again_too() {
    each(|api| {
        let send = |media_type: &str, body: &str, key: &str| keyed(api, key).send("POST", "/v1/flags", Some((media_type, body.as_bytes())));
        for (status, code, media_type, body) in [
            (400, "malformed_body", "application/json", "{"),
            (415, "unsupported_media_type", "text/plain", "{}"),
            (422, "invalid_body", "application/json", "{}"),
        ] {
            let first = send(media_type, body, code);
            is_new(&first).problem(status, code);
            replays(&first, &send(media_type, body, code));
        }
        let unknown = |key: &str| keyed(api, key).delete("/v1/flags/f?unknown=1");
        let first = unknown("query");
        is_new(&first).problem(400, "invalid_query");
        replays(&first, &unknown("query"));
        assert!(api.all("/v1/audit").is_empty());
    });
}

#[test]
fn another_request_with_the_key_is_refused_and_not_done() {
    each(|api| {
        api.post("/v1/flags", &boolean("f")).created();
        api.post("/v1/flags", &boolean("g")).created();
        environment(api, "staging");
        let once = keyed(api, "k");
        let first = once.put("/v1/flags/f", &json!({"owner": "first"}));
        first.ok();
        let before = everything(api);
        let body = json!({"owner": "first"});
        for other in [
            once.put("/v1/flags/f", &json!({"owner": "second"})),
            once.put("/v1/flags/g", &body),
            once.put("/v1/flags/none", &body),
            once.patch("/v1/flags/f", &body),
            once.put("/v1/flags/f?a=b", &body),
            once.environment("staging").put("/v1/flags/f", &body),
            once.with("If-Match", "\"1\"").put("/v1/flags/f", &body),
            once.with("If-None-Match", "\"7\"").put("/v1/flags/f", &body),
            once.send("PUT", "/v1/flags/f", Some(("application/json", b"{\"owner\": \"first\"}"))),
            once.send("PUT", "/v1/flags/f", Some(("application/json", b"{"))),
            once.delete("/v1/flags/f"),
            once.post("/v1/segments", &body),
        ] {
            is_new(&other).problem(422, "idempotency_key_reused");
        }
        assert_eq!(everything(api), before);
        replays(&first, &once.put("/v1/flags/f", &body));
        // The environment that is meant where none is named.
        replays(&first, &once.environment("production").put("/v1/flags/f", &body));
    });
}

#[test]
fn a_key_is_the_callers_own_in_each_tenant() {
    each(|api| {
        let body = boolean("f");
        let first = keyed(api, "k").post("/v1/flags", &body);
        first.created();
        let tenant = api.tenant_id();
        // The same caller with another token.
        let other_token = keyed(&api.bearer(&token("test", &["flags:rw"], &[tenant])), "k");
        replays(&first, &other_token.post("/v1/flags", &body));
        // Another caller, and another tenant: requests of their own.
        assert_eq!(is_new(&keyed(&api.admin("somebody"), "k").post("/v1/flags", &body)).ok()["version"], 1);
        keyed(&api.admin("nobody"), "k").delete("/v1/flags/none").problem(404, "flag_not_found");
        is_new(&keyed(&api.tenant(&fresh_tenant()), "k").post("/v1/flags", &body)).created();
    });
}

#[test]
fn who_is_not_let_in_learns_nothing_and_uses_up_nothing() {
    each(|api| {
        let body = boolean("f");
        let ask = |api: &Client| keyed(api, "k").post("/v1/flags", &body);
        let as_reader = api.bearer(&token("test", &["flags:r"], &["*"]));
        let as_stranger = api.bearer(&token("test", &["admin"], &["another-tenant"]));
        ask(&api.without("Authorization")).problem(401, "unauthenticated");
        ask(&api.without("X-Tenant-ID")).problem(400, "tenant_missing");
        ask(&as_reader).problem(403, "scope_missing");
        ask(&as_stranger).problem(403, "tenant_forbidden");
        let first = ask(api);
        is_new(&first).created();
        // Nor is an answer given to the same caller without the right to it.
        ask(&as_reader).problem(403, "scope_missing");
        ask(&as_stranger).problem(403, "tenant_forbidden");
        ask(&api.without("Authorization")).problem(401, "unauthenticated");
        replays(&first, &ask(api));
        // A bad key comes after all of that.
        keyed(&as_reader, "a b").post("/v1/flags", &body).problem(403, "scope_missing");
    });
}

#[test]
fn a_key_that_is_none_is_refused() {
    each(|api| {
        let before = everything(api);
        for bad in ["", "\"\"", "a b", "a,b", "\"a", "\"a\";b=1", &"k".repeat(256)] {
            keyed(api, bad).post("/v1/flags", &boolean("f")).problem(400, "invalid_header");
            keyed(api, bad).delete("/v1/flags/f").problem(400, "invalid_header");
        }
        let head = api.head("DELETE", "/v1/flags/f");
        for bad in [b"Idempotency-Key: a\r\nIdempotency-Key: a".as_slice(), b"Idempotency-Key: \xc3\xa9", b"Idempotency-Key: a\tb"] {
            api.send_raw(&[head.as_bytes(), bad, b"\r\n\r\n"].concat()).problem(400, "invalid_header");
        }
        assert_eq!(everything(api), before);
        for (i, good) in
            ["k".repeat(255).as_str(), "\"with spaces, and ; more\"", "urn:uuid:8e03978e-40d5-43dd-bc93-6894a57f9324"].iter().enumerate()
        {
            keyed(api, good).post("/v1/flags", &boolean(&format!("f{i}"))).created();
        }
    });
}

#[test]
fn what_changes_nothing_ignores_the_key() {
    each(|api| {
        api.post("/v1/flags", &boolean("f")).created();
        for key in ["k", "a b"] {
            let once = keyed(api, key);
            for user in ["u", "v"] {
                is_new(&once.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": user}}))).ok();
                is_new(&once.post("/v1/evaluate/batch", &json!({"user": {"id": user}}))).ok();
                is_new(&once.post("/v1/evaluate/preview", &json!({"flag_key": "f", "user": {"id": user}}))).ok();
            }
            is_new(&once.get("/v1/flags/f")).ok();
        }
    });
}

#[test]
fn what_is_only_sent_to_a_target_is_sent_each_time() {
    each(|api| {
        let target = Target::start();
        let hook = webhooks::steps::create(api, &target, &["flag.*"]);
        api.post("/v1/flags", &boolean("f")).created();
        let delivery = hook.wait_for(api, 0, "delivered")["id"].as_str().unwrap().to_owned();
        let paths = [format!("{}/test", hook.path()), format!("{}/deliveries/{delivery}/redeliver", hook.path())];
        for (path, key) in paths.iter().flat_map(|path| [(path, "k"), (path, "k"), (path, "a b")]) {
            assert_eq!(is_new(&keyed(api, key).post(path, &json!({}))).ok()["delivered"], true);
        }
        assert_eq!(target.received().len(), 1 + 2 * 3);
    });
}

#[test]
fn a_large_answer_is_given_again_from_the_log() {
    each(|api| {
        let members: Vec<String> = (0..20_000).map(|i| format!("user-{i:06}")).collect();
        let draft = json!({"key": "large", "included": members});
        let ask = || keyed(api, "create").post("/v1/segments", &draft);
        let first = ask();
        assert!(first.created()["included"].as_array().unwrap().len() == 20_000 && first.bytes().len() > 200_000);
        let unchanged = || keyed(api, "same").patch("/v1/segments/large", &json!({"name": "large"}));
        let second = unchanged();
        second.ok();
        // The segment goes on, is deleted, and another one has its key.
        api.patch("/v1/segments/large", &json!({"included": ["u"]})).ok();
        api.delete("/v1/segments/large").is(204);
        api.post("/v1/segments", &json!({"key": "large", "name": "another"})).created();
        for (first, again) in [(&first, ask()), (&second, unchanged())] {
            assert_eq!(again.header("idempotency-replayed"), Some("true"));
            assert_eq!(
                (again.status(), again.header("etag"), again.header("location")),
                (first.status(), first.header("etag"), first.header("location"))
            );
            assert!(again.json() == first.json(), "another body");
        }
        assert_eq!(api.get("/v1/segments/large").ok()["name"], "another");
    });
}

#[test]
fn an_answer_is_kept_for_a_day_and_then_forgotten() {
    for database in [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()].into_iter().flatten() {
        let server = setup().variable("DB_DSN", database.dsn()).variable("LOG_LEVEL", "debug").start();
        let api = server.client().admin("test").tenant("acme");
        let ask = |key: &str| keyed(&api, key).put("/v1/flags/f", &json!({"owner": "o"}));
        let age = |hours: u32| database.execute(&format!("UPDATE idempotency SET created_at = created_at - {hours} * 3600000"));
        api.post("/v1/flags", &boolean("f")).created();
        let first = ask("k");
        assert_eq!(first.ok()["version"], 2);
        api.put("/v1/flags/f", &json!({"owner": null})).ok();
        age(23);
        replays(&first, &ask("k"));
        age(1);
        let second = ask("k");
        assert_eq!(is_new(&second).ok()["version"], 4, "a day later it is a new request");
        replays(&second, &ask("k"));
        ask("young").ok();
        // Rows that nobody asks for again go by themselves: more of them than go at once.
        let many: Vec<String> = (0..2_500).map(|i| format!("('acme', 'digest-{i}', '', 0, 200)")).collect();
        let insert = "INSERT INTO idempotency (tenant_id, key_digest, request_digest, created_at, status) VALUES";
        // While no server is there: the first one may not have come to its first look yet, and would forget them.
        server.kill_9();
        database.execute(&format!("{insert} {}", many.join(", ")));
        server.start_again();
        let forgot = |line: &Value| Some(line["message"].as_str()?.strip_prefix("forgot ")?.split(' ').next()?.parse::<u32>().unwrap());
        assert_eq!(server.output().wait_for("the server to forget", forgot), 2_500);
        let api = server.client().admin("test").tenant("acme");
        replays(&second, &keyed(&api, "k").put("/v1/flags/f", &json!({"owner": "o"})));
    }
}

#[test]
fn the_table_holds_no_key_and_no_caller() {
    for database in [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()].into_iter().flatten() {
        let server = setup().variable("DB_DSN", database.dsn()).start();
        let api = server.client().admin("a-caller").tenant("acme");
        keyed(&api, "a-key").delete("/v1/flags/f").problem(404, "flag_not_found");
        // A check constraint fails where a row holds either.
        for column in ["tenant_id", "key_digest", "request_digest", "body"] {
            database.execute(&format!("INSERT INTO tenants (id, revision) SELECT {column}, -1 FROM idempotency WHERE {column} LIKE '%a-key%' OR {column} LIKE '%a-caller%'"));
        }
        let log = server.output();
        log.wait_for("the request's line", |line| (line["status"] == 404).then_some(()));
        assert!(!log.text().contains("a-key"));
    }
}

#[test]
fn replays_are_counted() {
    let server = setup().start();
    let api = server.client().admin("test").tenant("acme");
    let count = || crate::ops::metrics::sum(&api, "ff_idempotent_replays_total");
    assert_eq!(count(), 0.0);
    for _ in 0..3 {
        keyed(&api, "k").post("/v1/flags", &boolean("f")).is(201);
    }
    keyed(&api, "k").post("/v1/flags", &boolean("g")).is(422);
    eventually("two replays", || (count() == 2.0).then_some(()));
}

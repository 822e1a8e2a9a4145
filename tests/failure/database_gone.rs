//! PostgreSQL goes away and comes back.

use std::sync::Arc;
use std::time::Instant;

use ff_test_support::{Answer, Client, PATIENCE, Postgres, Server, eventually};
use serde_json::json;

use crate::{admin, flag, question, sent_again, setup};

/// A server on a PostgreSQL that may be stopped, if there is PostgreSQL here. It looks for the database often, and has patience with one
/// that is there.
fn start() -> Option<(Postgres, Arc<Server>)> {
    let postgres = Postgres::start()?;
    let server = setup().variable("DB_DSN", &postgres.empty_database()).variable("RULESET_REFRESH_MS", "50").start();
    Some((postgres, server))
}

fn ready_says(server: &Server, expected: &str) {
    let answer =
        eventually(&format!("/readyz says {expected}"), || Some(server.client().get("/readyz")).filter(|answer| answer.text() == expected));
    assert_eq!(answer.is(200).header("x-degraded-reason"), (expected == "degraded").then_some("database_unavailable"));
}

/// Everything that needs the database.
fn ask_the_database(api: &Client) -> Vec<Answer> {
    vec![
        api.post("/v1/flags", &flag("new")),
        api.put("/v1/flags/f", &json!({"owner": "x"})),
        api.patch("/v1/flags/f", &json!({"owner": "x"})),
        api.delete("/v1/flags/f"),
        api.post("/v1/flags/f/rollback", &json!({"version": 1})),
        api.post("/v1/segments", &json!({"key": "new"})),
        api.put("/v1/segments/s", &json!({"name": "x"})),
        api.delete("/v1/segments/s"),
        api.post("/v1/environments", &json!({"key": "new"})),
        api.delete("/v1/environments/staging"),
        api.get("/v1/flags"),
        api.get("/v1/flags/f"),
        api.get("/v1/flags/f/history"),
        api.get("/v1/segments"),
        api.get("/v1/segments/s"),
        api.get("/v1/environments"),
        api.get("/v1/audit"),
        api.get("/v1/webhooks"),
        api.post("/v1/webhooks", &json!({"url": "https://example.com/", "events": ["*"]})),
        // A tenant that is not in memory.
        api.tenant("another").post("/v1/evaluate", &question("f")),
    ]
}

#[test]
fn without_the_database_evaluation_goes_on_and_writes_must_wait() {
    let Some((postgres, server)) = start() else { return };
    let api = admin(&server);
    api.post("/v1/environments", &json!({"key": "staging"})).created();
    api.post("/v1/segments", &json!({"key": "s", "included": ["u"]})).created();
    let rules = json!([{"id": "r", "when": {"segment": "s"}, "rollout": {"variant": "off"}}]);
    api.post("/v1/flags", &json!({"key": "f", "type": "boolean", "state": "on", "rules": rules})).created();
    let evaluation = api.post("/v1/evaluate", &question("f")).ok();
    let audit = api.all("/v1/audit");

    let is_shown_as = |value: &str| server.client().get("/metrics").text().contains(&format!("\nff_database_up {value}\n"));
    assert!(is_shown_as("1"));
    postgres.stop();
    ready_says(&server, "degraded");
    assert!(is_shown_as("0"));
    for _ in 0..3 {
        assert_eq!(api.post("/v1/evaluate", &question("f")).ok(), evaluation);
        assert_eq!(api.get("/v1/evaluate/f?user_id=u").ok(), evaluation);
        assert_eq!(api.get("/v1/users/u/flags").ok()["items"], json!([evaluation]));
        assert_eq!(api.environment("staging").post("/v1/evaluate", &question("f")).ok()["reason"], "flag_off");
        api.post("/v1/evaluate/preview", &question("f")).ok();
        api.post("/v1/evaluate", &question("nope")).problem(404, "flag_not_found");
    }
    for answer in ask_the_database(&api) {
        answer.problem(503, "unavailable");
    }
    // What needs no database is refused or answered as ever.
    api.without("Authorization").get("/v1/flags").problem(401, "unauthenticated");
    api.without("X-Tenant-ID").get("/v1/flags").problem(400, "tenant_missing");
    server.client().get("/healthz").is(200);
    server.client().get("/metrics").is(200);

    postgres.restart();
    ready_says(&server, "ready");
    assert!(is_shown_as("1"));
    assert_eq!(api.all("/v1/audit"), audit, "nothing of what was refused was done");
    api.put("/v1/flags/f", &json!({"rules": []})).ok();
    assert_eq!(api.post("/v1/evaluate", &question("f")).ok()["variant"], "on");
    api.tenant("another").post("/v1/evaluate", &question("f")).problem(404, "flag_not_found");
    for (message, level) in [("the database is away", "warn"), ("the database is back", "info")] {
        let line = server.output().wait_for(message, |line| line["message"].as_str()?.contains(message).then(|| line.clone()));
        assert_eq!(line["level"], level);
    }
}

#[test]
fn the_first_write_after_a_short_absence_succeeds_once_the_database_is_there() {
    let Some((postgres, server)) = start() else { return };
    let api = admin(&server);
    api.post("/v1/flags", &flag("f0")).created();
    for round in 1..=3 {
        // Every connection in the pool breaks; nobody has noticed yet.
        postgres.stop();
        postgres.restart();
        let key = format!("f{round}");
        let answer = eventually("a write to succeed", || Some(api.post("/v1/flags", &flag(&key))).filter(|answer| answer.status() != 503));
        // A write whose answer was lost on a broken connection may have been done.
        assert!([200, 201].contains(&answer.status()), "{answer}");
        assert_eq!(api.all("/v1/flags").len(), round + 1);
        assert_eq!(api.all("/v1/audit").len(), round + 1, "one entry for each, whatever was tried again");
    }
}

#[test]
fn reads_do_not_fail_over_connections_that_broke_unnoticed() {
    let Some((postgres, server)) = start() else { return };
    let api = admin(&server);
    api.post("/v1/flags", &flag("f")).created();
    postgres.stop();
    postgres.restart();
    eventually("a read to succeed", || (api.get("/v1/flags/f").status() == 200).then_some(()));
    for _ in 0..20 {
        api.get("/v1/flags/f").ok();
        api.get("/v1/audit").ok();
    }
}

#[test]
fn of_a_hundred_clients_nobody_waits_for_a_database_that_is_known_to_be_away() {
    let Some((postgres, server)) = start() else { return };
    let api = admin(&server);
    api.post("/v1/flags", &flag("f")).created();
    postgres.stop();
    ready_says(&server, "degraded");
    let started = Instant::now();
    std::thread::scope(|scope| {
        for i in 0..100 {
            let api = &api;
            scope.spawn(move || {
                let answer = match i % 4 {
                    0 => api.post("/v1/flags", &flag(&format!("g{i}"))),
                    1 => api.get("/v1/flags/f"),
                    2 => api.tenant(&format!("t{i}")).post("/v1/evaluate", &question("f")),
                    _ => api.tenant(&format!("t{i}")).get("/v1/ruleset"),
                };
                answer.problem(503, "unavailable");
            });
        }
    });
    assert!(started.elapsed() < PATIENCE, "{:?}, as if each had waited as long as it may", started.elapsed());
    postgres.restart();
    ready_says(&server, "ready");
    api.post("/v1/flags", &flag("g")).created();
}

#[test]
fn a_server_that_is_told_to_is_not_ready_while_the_database_is_away() {
    let Some(postgres) = Postgres::start() else { return };
    let dsn = postgres.empty_database();
    let setup = setup().variable("DB_DSN", &dsn).variable("RULESET_REFRESH_MS", "50");
    let server = setup.variable("READY_WHEN_DEGRADED", "false").start();
    postgres.stop();
    let answer = eventually("/readyz says degraded", || Some(server.client().get("/readyz")).filter(|answer| answer.status() == 503));
    assert_eq!((answer.text().as_str(), answer.header("x-degraded-reason")), ("degraded", Some("database_unavailable")));
    server.client().get("/healthz").is(200);
    postgres.restart();
    ready_says(&server, "ready");
    assert_eq!(server.client().get("/readyz").header("x-degraded-reason"), None);
}

#[test]
fn a_long_absence_does_not_fill_the_log() {
    let Some((postgres, server)) = start() else { return };
    let api = admin(&server);
    api.post("/v1/flags", &flag("f")).created();
    api.post("/v1/evaluate", &question("f")).ok();
    postgres.stop();
    ready_says(&server, "degraded");
    // Meanwhile the pool tries to connect again and again.
    eventually("the absence to last", || {
        let age: f64 = api.post("/v1/evaluate", &question("f")).header("x-ruleset-age")?.parse().ok()?;
        (age > 3.0).then_some(())
    });
    server.output().wait_for("a reason", |line| line["message"].as_str()?.contains("no connection").then_some(()));
    let said = server.output().text();
    let failures = said.lines().filter(|line| line.contains("no connection"));
    // The pool's reasons, and a line of each of those who then have to wait: listener, follower, webhooks. With one for each attempt it was
    // twelve a second.
    let failures: Vec<_> = failures.collect();
    assert!((1..=12).contains(&failures.len()), "{} lines: {failures:#?}", failures.len());
    assert!(!said.contains("the database is unavailable: the database is unavailable"), "{said}");
    postgres.restart();
    ready_says(&server, "ready");
}

#[test]
fn a_database_that_takes_questions_and_answers_none_is_away() {
    let Some(postgres) = Postgres::start() else { return };
    let setup = setup().variable("DB_DSN", &postgres.empty_database()).variable("RULESET_REFRESH_MS", "50");
    let server = setup.variable("DB_ACQUIRE_TIMEOUT_MS", "1000").variable("DB_BUSY_TIMEOUT_MS", "1000").start();
    let api = admin(&server);
    sent_again(|| api.post("/v1/flags", &flag("f"))).created();
    let frozen = postgres.freeze();
    ready_says(&server, "degraded");
    api.post("/v1/evaluate", &question("f")).ok();
    drop(frozen);
    ready_says(&server, "ready");
    sent_again(|| api.put("/v1/flags/f", &json!({"owner": "x"}))).ok();
}

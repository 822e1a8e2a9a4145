//! PostgreSQL takes questions and answers none.

use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, RunQueryDsl};
use ff_test_support::{Answer, Client, Postgres, Server, Setup, eventually};
use serde_json::json;

use crate::{admin, flag, question, setup};

/// Connections of the server under test.
const CONNECTIONS_MAX: usize = 4;

/// How long an answer may take on a busy machine: far less than those would take who wait for the database.
const SOON: Duration = Duration::from_secs(20);

/// A server that gives up a question after two seconds.
fn configured(dsn: &str) -> Setup {
    let setup = setup().variable("DB_DSN", dsn).variable("DB_CONNECTIONS_MAX", &CONNECTIONS_MAX.to_string());
    let setup = setup.variable("SHUTDOWN_TIMEOUT_S", "3");
    setup.variable("RULESET_REFRESH_MS", "50").variable("DB_ACQUIRE_TIMEOUT_MS", "1000").variable("DB_BUSY_TIMEOUT_MS", "1000")
}

fn says(server: &Server, expected: &str) {
    eventually(&format!("/readyz says {expected}"), || (server.client().get("/readyz").text() == expected).then_some(()));
}

/// The server's connections, as the database counts them.
fn connections(dsn: &str) -> i64 {
    let mut connection = PgConnection::establish(dsn).unwrap();
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'ff%'";
    diesel::select(sql::<BigInt>(&format!("({count})"))).get_result(&mut connection).unwrap()
}

/// What needs the database, one of each kind.
fn ask(api: &Client, i: usize) -> Answer {
    match i % 6 {
        0 => api.get("/v1/flags/f"),
        1 => api.put("/v1/flags/f", &json!({"owner": format!("o{i}")})),
        2 => api.with("Idempotency-Key", &format!("key-{i}")).post("/v1/flags", &flag(&format!("g{i}"))),
        3 => api.tenant(&format!("u{i}")).get("/v1/ruleset"),
        4 => api.tenant(&format!("t{i}")).post("/v1/evaluate", &question("f")),
        _ => api.get("/v1/audit"),
    }
}

/// So many clients at once, all of whom must be told soon that it is away.
fn all_are_refused(api: &Client, clients: usize) {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for i in 0..clients {
            scope.spawn(move || ask(api, i).problem(503, "unavailable"));
        }
    });
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

/// A server with a flag and two environments, and what it downloaded of the first.
fn start() -> Option<(Postgres, String, Arc<Server>)> {
    let postgres = Postgres::start()?;
    let dsn = postgres.empty_database();
    let server = configured(&dsn).start();
    let api = admin(&server);
    api.post("/v1/environments", &json!({"key": "staging"})).created();
    api.post("/v1/flags", &flag("f")).created();
    api.get("/v1/ruleset").ok();
    Some((postgres, dsn, server))
}

#[test]
fn nobody_waits_for_it_and_everything_goes_on_when_it_answers_again() {
    let Some((postgres, dsn, server)) = start() else { return };
    let api = admin(&server);
    let (threads, evaluation) = (server.threads(), api.post("/v1/evaluate", &question("f")).ok());
    for round in 0..2 {
        let frozen = postgres.freeze();
        // Nobody knows yet: those who ask now find it out.
        all_are_refused(&api, 24);
        says(&server, "degraded");
        for _ in 0..3 {
            all_are_refused(&api, 100);
            assert_eq!(api.post("/v1/evaluate", &question("f")).ok()["value"], evaluation["value"]);
        }
        // What is in memory is served at once.
        let started = Instant::now();
        let document = api.get("/v1/ruleset").ok();
        api.get(&format!("/v1/ruleset/changes?since={}", document["revision"])).ok();
        api.post("/v1/evaluate/preview", &question("f")).ok();
        assert!(started.elapsed() < SOON);
        // Of those who were refused, those may still wait for an answer who had a connection; and the background for its own.
        let stuck = 2 * CONNECTIONS_MAX;
        eventually("idle threads to end", || (server.threads() <= threads + stuck + 4).then_some(()));

        drop(frozen);
        says(&server, "ready");
        for i in 0..6 {
            let answer = eventually("an answer", || Some(ask(&api, 6 * (100 * round + 100) + i)).filter(|answer| answer.status() != 503));
            assert!([200, 201, 404].contains(&answer.status()), "{answer}");
        }
        // Whether a write was done that was told of as not known, its key tells.
        for i in [2, 8] {
            let retry = || api.with("Idempotency-Key", &format!("key-{i}")).post("/v1/flags", &flag(&format!("g{i}")));
            let again =
                eventually("the retry not to meet the first", || Some(retry()).filter(|answer| ![409, 503].contains(&answer.status())));
            assert_eq!(again.created()["version"], 1);
        }
        let audit = api.all("/v1/audit");
        for i in [2, 8] {
            let made = audit.iter().filter(|entry| entry["entity_key"] == format!("g{i}") && entry["action"] == "created");
            assert_eq!(made.count(), 1, "g{i} once, in {audit:#?}");
        }
        let revisions: Vec<_> = audit.iter().map(|entry| entry["revision"].as_u64().unwrap()).collect();
        assert!(revisions.iter().rev().copied().eq(1..=revisions.len() as u64), "{revisions:?}");
        // The listener has one of its own.
        eventually("connections to be given back", || (connections(&dsn) <= CONNECTIONS_MAX as i64 + 1).then_some(()));
        eventually("threads to end", || (server.threads() <= threads + 4).then_some(()));
    }
}

#[test]
fn a_document_one_change_behind_is_served_as_it_is() {
    let Some((postgres, _, server)) = start() else { return };
    let api = admin(&server);
    api.put("/v1/flags/f", &json!({"state": "off"})).ok();
    let frozen = postgres.freeze();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let revision = api.get("/v1/ruleset").ok()["revision"].as_u64().unwrap();
                assert!([2, 3].contains(&revision), "{revision}");
            });
        }
    });
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    drop(frozen);
    says(&server, "ready");
    assert_eq!(api.get("/v1/ruleset").ok()["revision"], 3);
}

#[test]
fn a_question_that_takes_long_is_waited_for_while_the_database_answers_others() {
    let Some((postgres, dsn, server)) = start() else { return };
    let api = admin(&server);
    // Twice as long as any question may take, if it were the database that takes so long, and not this statement.
    let mut slow = PgConnection::establish(&dsn).unwrap();
    let wait = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(4); RETURN NEW; END $$;
        CREATE TRIGGER wait BEFORE INSERT ON segments FOR EACH ROW EXECUTE FUNCTION wait()";
    diesel::connection::SimpleConnection::batch_execute(&mut slow, wait).unwrap();
    let started = Instant::now();
    api.post("/v1/segments", &json!({"key": "s"})).created();
    assert!(started.elapsed() >= Duration::from_secs(4));
    assert_eq!(server.client().get("/readyz").text(), "ready");
    drop(postgres);
}

#[test]
fn a_server_that_is_told_to_stop_ends_and_says_so() {
    let Some((postgres, _, server)) = start() else { return };
    let api = admin(&server);
    let frozen = postgres.freeze();
    // The server has asked, and knows that it waits in vain.
    all_are_refused(&api, 12);
    says(&server, "degraded");
    let started = Instant::now();
    server.terminate();
    let status = server.wait();
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert_eq!(status.code(), Some(0));
    let said = eventually("the last line", || Some(server.output().text()).filter(|text| text.contains("\"stopped\"")));
    assert!(!said.contains("panicked"), "{said}");
    drop(frozen);
    server.start_again();
    admin(&server).get("/v1/flags/f").ok();
}

/// A process that does not outlive its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_server_that_waits_for_another_to_migrate_can_be_stopped() {
    let Some(postgres) = Postgres::start() else { return };
    let dsn = postgres.empty_database();
    let mut migrating = PgConnection::establish(&dsn).unwrap();
    let ask = |connection: &mut PgConnection, question: &str| {
        diesel::select(sql::<BigInt>(&format!("({question})"))).get_result::<i64>(connection).unwrap()
    };
    // `ff` and `migr`: the lock that migrations take.
    ask(&mut migrating, &format!("SELECT 1::bigint FROM (SELECT pg_advisory_lock({})) AS lock", 0x6666_6d69_6772_i64));
    let setup = configured(&dsn);
    let mut process = Ended(setup.command().spawn().unwrap());
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    eventually("the server to wait", || (ask(&mut migrating, waiting) == 1).then_some(()));
    let terminated = Command::new("/bin/sh").args(["-c", &format!("kill -TERM {}", process.0.id())]).status().unwrap();
    assert!(terminated.success());
    let status = eventually("the server to end", || process.0.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

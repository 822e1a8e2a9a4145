//! The database is there, but somebody else has it.

use std::sync::mpsc;

use ff_core::{TenantId, Timestamp};
use ff_store::{Author, Store, StoreError, change};
use ff_test_support::{TestDatabase, patient};
use serde_json::json;

use crate::{admin, flag, question, sent_again, setup};

/// Runs `meanwhile` while somebody else is in the middle of a change of the tenant `acme`.
fn during_a_change(dsn: &str, meanwhile: impl FnOnce()) {
    let store = Store::open(&patient(dsn)).unwrap();
    let tenant: TenantId = "acme".parse().unwrap();
    let author = Author { actor: "somebody else".to_owned(), request_id: None, at: Timestamp::from_millis(0) };
    let (begun, has_begun) = mpsc::channel();
    let (end, may_end) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let holding = scope.spawn(move || {
            change::run(&store, &tenant, &author, |_| {
                begun.send(()).unwrap();
                may_end.recv().ok();
                Ok::<_, StoreError>(())
            })
            .unwrap();
        });
        has_begun.recv().unwrap();
        meanwhile();
        drop(end);
        holding.join().unwrap();
    });
}

#[test]
fn a_write_that_waits_too_long_is_told_to_come_back() {
    for database in [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()].into_iter().flatten() {
        let dsn = database.dsn().to_owned();
        let server = setup().database(database).variable("DB_BUSY_TIMEOUT_MS", "200").start();
        let api = admin(&server);
        sent_again(|| api.post("/v1/flags", &flag("f"))).created();
        during_a_change(&dsn, || {
            api.put("/v1/flags/f", &json!({"owner": "x"})).problem(503, "unavailable");
            // Readers and evaluation do not wait for writers.
            api.get("/v1/flags/f").ok();
            api.post("/v1/evaluate", &question("f")).ok();
        });
        assert_eq!(sent_again(|| api.put("/v1/flags/f", &json!({"owner": "x"}))).ok()["version"], 2);
        assert_eq!(api.all("/v1/audit").len(), 2);
    }
}

#[test]
fn a_write_that_need_not_wait_long_is_done() {
    for database in [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()].into_iter().flatten() {
        let dsn = database.dsn().to_owned();
        let server = setup().database(database).start();
        let api = admin(&server);
        api.post("/v1/flags", &flag("f")).created();
        std::thread::scope(|scope| {
            let mut waiting = None;
            during_a_change(&dsn, || {
                let api = &api;
                waiting = Some(scope.spawn(move || api.put("/v1/flags/f", &json!({"owner": "x"})).ok()));
                // The write has arrived once a request behind it on the same server was answered; it waits for the lock.
                api.get("/v1/flags/f").ok();
            });
            assert_eq!(waiting.unwrap().join().unwrap()["owner"], "x");
        });
    }
}

#[test]
fn with_every_connection_taken_others_are_told_to_come_back() {
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    let setup = setup().variable("DB_DSN", database.dsn()).variable("DB_CONNECTIONS_MAX", "1").variable("DB_ACQUIRE_TIMEOUT_MS", "1000");
    let server = setup.variable("RULESET_REFRESH_MS", "3600000").start();
    let api = admin(&server);
    sent_again(|| api.post("/v1/flags", &flag("f"))).created();
    std::thread::scope(|scope| {
        let mut waiting = None;
        during_a_change(database.dsn(), || {
            let writer = &api;
            // This one has the only connection, and waits for the lock.
            waiting = Some(scope.spawn(move || sent_again(|| writer.put("/v1/flags/f", &json!({"owner": "x"})))));
            database.wait_until("the connection to be taken", &waits_for_locks(1));
            api.get("/v1/flags/f").problem(503, "unavailable");
            api.tenant("another").get("/v1/flags").problem(503, "unavailable");
            api.post("/v1/evaluate", &question("f")).ok();
            server.client().get("/healthz").is(200);
        });
        assert_eq!(waiting.unwrap().join().unwrap().ok()["owner"], "x", "the one that waited is done");
    });
    sent_again(|| api.get("/v1/flags/f")).ok();
}

/// So many statements wait for somebody's lock in a PostgreSQL database.
fn waits_for_locks(count: usize) -> String {
    format!("(SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock') = {count}")
}

#[test]
fn evaluation_does_not_wait_behind_writes_that_wait() {
    const EVALUATIONS: usize = 50;
    // More of them than the server has threads for requests.
    const WRITES: usize = 20;
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    let server = setup().variable("DB_DSN", database.dsn()).variable("DB_CONNECTIONS_MAX", "30").start();
    let api = admin(&server);
    api.post("/v1/flags", &flag("f")).created();
    std::thread::scope(|scope| {
        let mut writing = Vec::new();
        during_a_change(database.dsn(), || {
            let write = |key: String| drop(api.post("/v1/flags", &flag(&key)).created());
            writing = (0..WRITES).map(|i| scope.spawn(move || write(format!("g{i}")))).collect();
            database.wait_until("all writes to wait", &waits_for_locks(WRITES));
            for _ in 0..EVALUATIONS {
                api.post("/v1/evaluate", &question("f")).ok();
            }
            assert!(writing.iter().all(|thread| !thread.is_finished()), "the writes did not wait");
        });
        writing.into_iter().for_each(|thread| thread.join().unwrap());
    });
    assert_eq!(api.all("/v1/flags").len(), 1 + WRITES);
}

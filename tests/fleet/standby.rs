//! The primary is lost, and its standby takes its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ff_test_support::{Answer, Client, Postgres, Server, Setup, eventually};
use serde_json::json;

use crate::PROGRAM;
use crate::fleet::{TENANT, assert_without_gaps, flag, log, question};

/// Two servers that know a primary and its standby, and write to whichever takes writes.
struct Pair {
    servers: Vec<Arc<Server>>,
    // After the servers.
    primary: Postgres,
    standby: Postgres,
}

impl Pair {
    fn start() -> Option<Self> {
        let primary = Postgres::start()?;
        let dsn = primary.empty_database();
        let standby = primary.standby();
        let [first, second] = [&primary, &standby].map(|server| server.folder().display().to_string());
        // The standby first: who does not ask for a server that takes writes would get it.
        let dsn = dsn.replace(&format!("host={first}&port=5432"), &format!("host={second},{first}&port=5432,5432"));
        let dsn = format!("{dsn}&target_session_attrs=read-write");
        let start = || Setup::new(PROGRAM).variable("DB_DSN", &dsn).start();
        Some(Self { servers: vec![start(), start()], primary, standby })
    }

    fn admins(&self) -> Vec<Client> {
        self.servers.iter().map(|server| server.client().admin("test").tenant(TENANT)).collect()
    }

    /// Waits until the standby has all that the primary has committed.
    fn catch_up(&self) {
        let is_there = "EXISTS (SELECT FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_flush_lsn())";
        self.primary.wait_until("the standby to catch up", is_there);
    }

    fn serve(&self, flag: &str, status: u16, value: bool) {
        for api in self.admins() {
            eventually(&format!("{flag} to be {value}"), || {
                let answer = api.post("/v1/evaluate", &question(flag));
                (answer.status() == status && (status != 200 || answer.json()["value"] == value)).then_some(())
            });
        }
    }
}

/// A write that may be sent again.
fn put(api: &Client, key: &str, body: &serde_json::Value) -> Answer {
    api.with("Idempotency-Key", key).put("/v1/flags/f", body)
}

#[test]
fn a_promoted_standby_is_found_without_a_restart_and_no_evaluation_fails_meanwhile() {
    let Some(pair) = Pair::start() else { return };
    let admins = pair.admins();
    admins[0].post("/v1/flags", &flag("f")).created();
    pair.serve("f", 200, true);
    let first = put(&admins[0], "before", &json!({"owner": "before"}));
    first.ok();
    pair.catch_up();
    let (is_over, evaluations) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for api in &admins {
            let (is_over, evaluations) = (&is_over, &evaluations);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    api.post("/v1/evaluate", &question("f")).ok();
                    evaluations.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        pair.primary.stop();
        let sent = evaluations.load(Ordering::Relaxed);
        put(&admins[0], "during", &json!({"owner": "during"})).problem(503, "unavailable");
        eventually("the servers to notice", || {
            pair.servers.iter().all(|server| server.client().get("/readyz").text() == "degraded").then_some(())
        });
        pair.standby.promote();
        // The same request again, until it is done.
        let done = eventually("a write to succeed", || {
            Some(put(&admins[0], "during", &json!({"owner": "during"}))).filter(|answer| answer.status() != 503)
        });
        assert_eq!((done.ok()["version"].as_u64(), done.header("idempotency-replayed")), (Some(3), None));
        eventually("the servers to be ready", || {
            pair.servers.iter().all(|server| server.client().get("/readyz").text() == "ready").then_some(())
        });
        eventually("evaluation to go on", || (evaluations.load(Ordering::Relaxed) > sent + 10).then_some(()));
        is_over.store(true, Ordering::Relaxed);
    });
    // What was acknowledged before the failover was done then, whichever server is asked.
    let again = put(&admins[1], "before", &json!({"owner": "before"}));
    assert_eq!((again.header("idempotency-replayed"), again.text()), (Some("true"), first.text()));
    admins[1].put("/v1/flags/f", &json!({"rollout_percentage": 0})).ok();
    pair.serve("f", 200, false);
    let entries = log(&admins[0]);
    assert_without_gaps(&entries);
    assert_eq!(entries.len(), 4);
}

#[test]
fn changes_that_the_standby_had_not_received_are_gone_everywhere_and_their_retries_do_them() {
    let Some(pair) = Pair::start() else { return };
    let admins = pair.admins();
    admins[0].post("/v1/flags", &flag("f")).created();
    pair.catch_up();
    pair.standby.stop();
    let off = json!({"rollout_percentage": 0});
    assert_eq!(put(&admins[0], "lost", &off).ok()["version"], 2);
    admins[0].post("/v1/flags", &flag("lost")).created();
    pair.serve("f", 200, false);
    pair.primary.stop();
    pair.standby.restart();
    pair.standby.promote();
    pair.serve("f", 200, true);
    pair.serve("lost", 404, false);
    let again = put(&admins[1], "lost", &off);
    assert_eq!((again.ok()["version"].as_u64(), again.header("idempotency-replayed")), (Some(2), None));
    pair.serve("f", 200, false);
    let entries = log(&admins[0]);
    assert_without_gaps(&entries);
    assert_eq!(entries.len(), 2);
}

//! From the answer to a write until every replica serves the change.

use std::time::{Duration, Instant};

use ff_test_support::{Client, Postgres, Setup};
use serde_json::json;

use crate::verdict::Verdict;
use crate::{Effort, PROGRAM, admin, percentile};

const REPLICAS: usize = 3;

/// The polling interval where nobody is notified, and what may come on top of it.
const POLLING_MS: f64 = 500.0;
const GRACE_MS: f64 = 1_000.0;

pub(crate) fn measure(postgres: &Postgres, effort: Effort, verdict: &mut Verdict) {
    println!("\n## a change through one of {REPLICAS} replicas until the last of them serves it");
    let notified = ways(postgres, effort.changes, |setup| setup);
    report("notified", &notified, (50.0, 50.0), verdict);
    let polled = ways(postgres, effort.polled, |setup| {
        let polling = setup.variable("RULESET_REFRESH_MS", &format!("{POLLING_MS}"));
        // Nobody listens there.
        polling.variable("DB_LISTEN_DSN", "postgres://postgres@127.0.0.1:1/none")
    });
    report(&format!("polled every {POLLING_MS} ms"), &polled, (POLLING_MS + GRACE_MS, POLLING_MS + GRACE_MS), verdict);
}

fn report(how: &str, ways: &[f64], (must, goal): (f64, f64), verdict: &mut Verdict) {
    let mut ways = ways.to_vec();
    let (p50, most) = (percentile(&mut ways, 0.5), percentile(&mut ways, 1.0));
    let p99 = percentile(&mut ways, 0.99);
    verdict.at_most(&format!("{how}: p99 of {} (p50 {p50:.1}, longest {most:.1})", ways.len()), p99, "ms", must, goal);
}

/// The way of each of so many changes, in milliseconds.
fn ways(postgres: &Postgres, changes: usize, change: impl Fn(Setup) -> Setup) -> Vec<f64> {
    let dsn = postgres.empty_database();
    let servers: Vec<_> = (0..REPLICAS).map(|_| change(Setup::new(PROGRAM).variable("DB_DSN", &dsn)).start()).collect();
    let clients: Vec<_> = servers.iter().map(|server| admin(server, "acme")).collect();
    clients[0].post("/v1/flags", &json!({"key": "f", "type": "boolean", "state": "on"})).created();
    clients.iter().for_each(|client| wait_for(client, "on"));
    (0..changes)
        .map(|i| {
            let state = if i % 2 == 0 { "off" } else { "on" };
            clients[i % REPLICAS].put("/v1/flags/f", &json!({"state": state})).ok();
            let answered = Instant::now();
            clients.iter().for_each(|client| wait_for(client, state));
            answered.elapsed().as_secs_f64() * 1_000.0
        })
        .collect()
}

/// Asks until the flag gives this variant.
fn wait_for(client: &Client, variant: &str) {
    let started = Instant::now();
    loop {
        let answer = client.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u"}}));
        if answer.status() == 200 && answer.ok()["variant"] == variant {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "the change does not come");
        // So that asking takes little from the replicas, which share the cores with this.
        std::thread::sleep(Duration::from_micros(500));
    }
}

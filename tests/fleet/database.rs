//! PostgreSQL is stopped and started again under load.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ff_test_support::eventually;

use crate::fleet::{Fleet, assert_without_gaps, flag, log, question};

/// How long the database is away.
const ABSENCE: Duration = Duration::from_secs(10);

#[test]
fn ten_seconds_without_the_database_fail_no_evaluation_and_lose_no_acknowledged_write() {
    let Some(fleet) = Fleet::start(|setup| setup) else { return };
    fleet.admin(0).post("/v1/flags", &flag("first")).created();
    for api in fleet.admins() {
        eventually("the flag to be in memory", || (api.post("/v1/evaluate", &question("first")).status() == 200).then_some(()));
    }
    let is_over = AtomicBool::new(false);
    let evaluations = AtomicUsize::new(0);
    let (acknowledged, refused, unknown) = std::thread::scope(|scope| {
        for api in fleet.admins() {
            let (is_over, evaluations) = (&is_over, &evaluations);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    api.post("/v1/evaluate", &question("first")).ok();
                    evaluations.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let writing: Vec<_> = (0..3)
            .map(|writer| {
                let (fleet, is_over) = (&fleet, &is_over);
                scope.spawn(move || {
                    let (mut acknowledged, mut refused, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
                    for i in 0.. {
                        if is_over.load(Ordering::Relaxed) {
                            break;
                        }
                        let key = format!("f{writer}-{i}");
                        let answer = fleet.admin(writer).post("/v1/flags", &flag(&key));
                        match answer.status() {
                            201 => acknowledged.push(key),
                            503 => {
                                answer.problem(503, "unavailable");
                                refused.push(key);
                            }
                            // The connection broke under the commit: whether it was done nobody can know.
                            _ => unknown.push((key, answer.to_string())),
                        }
                    }
                    (acknowledged, refused, unknown)
                })
            })
            .collect();
        let entries = || log(&fleet.admin(0)).len();
        let before = entries();
        eventually("writes to go on", || (entries() > before + 20).then_some(()));

        let stopped = Instant::now();
        fleet.postgres().stop();
        for server in fleet.servers() {
            eventually("the replica to notice", || (server.client().get("/readyz").text() != "ready").then_some(()));
        }
        let during = evaluations.load(Ordering::Relaxed);
        // The absence is what is tested: there is no event to wait for.
        std::thread::sleep(ABSENCE.saturating_sub(stopped.elapsed()));
        assert!(evaluations.load(Ordering::Relaxed) > during, "evaluation goes on");
        fleet.postgres().restart();
        for server in fleet.servers() {
            eventually("the replica to be ready", || (server.client().get("/readyz").text() == "ready").then_some(()));
        }
        let before = entries();
        eventually("writes to go on again", || (entries() > before + 20).then_some(()));
        is_over.store(true, Ordering::Relaxed);
        let mut all = (Vec::new(), Vec::new(), Vec::new());
        for thread in writing {
            let (acknowledged, refused, unknown) = thread.join().unwrap();
            all.0.extend(acknowledged);
            all.1.extend(refused);
            all.2.extend(unknown);
        }
        all
    });
    assert!(unknown.is_empty(), "other answers than 201 and 503: {unknown:?}");
    assert!(!refused.is_empty());
    let entries = log(&fleet.admin(1));
    assert_without_gaps(&entries);
    for key in &acknowledged {
        assert_eq!(entries.iter().filter(|entry| entry["entity_key"] == **key).count(), 1, "{key} was acknowledged");
    }
    // A connection that broke under a commit may have been answered with 503 though the write was done; never twice.
    for key in &refused {
        assert!(entries.iter().filter(|entry| entry["entity_key"] == **key).count() <= 1, "{key}");
    }
    let last = entries.last().unwrap()["entity_key"].as_str().unwrap();
    for api in fleet.admins() {
        eventually("the last flag to be served", || (api.post("/v1/evaluate", &question(last)).status() == 200).then_some(()));
        assert_eq!(api.get("/v1/users/u/flags").ok()["items"].as_array().unwrap().len(), entries.len());
    }
}

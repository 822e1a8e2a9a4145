//! A replica is killed in the middle of writes.

use std::sync::atomic::{AtomicBool, Ordering};

use ff_test_support::eventually;
use serde_json::{Value, json};

use crate::fleet::{Fleet, assert_without_gaps, flag, log, question};

const WRITERS: usize = 6;
const KILLS: usize = 4;

/// Writes flags until told to stop, each through the next replica. Gives those that were acknowledged, and those of which nothing is known.
fn write(fleet: &Fleet, writer: usize, is_over: &AtomicBool) -> (Vec<String>, Vec<String>) {
    let (mut acknowledged, mut unknown) = (Vec::new(), Vec::new());
    for i in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("f{writer}-{i}");
        let body = flag(&key).to_string();
        let Some(api) = fleet.admin_if_there(fleet.next()) else { continue };
        match api.try_send("POST", "/v1/flags", Some(("application/json", body.as_bytes()))) {
            Ok(answer) => {
                answer.created();
                acknowledged.push(key);
            }
            Err(_) => unknown.push(key),
        }
    }
    (acknowledged, unknown)
}

#[test]
fn killing_a_replica_amid_writes_loses_nothing_that_was_acknowledged_and_does_nothing_twice() {
    let Some(fleet) = Fleet::start(|setup| setup) else { return };
    fleet.admin(0).post("/v1/flags", &flag("first")).created();
    let is_over = AtomicBool::new(false);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let writing: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn({
                    let (fleet, is_over) = (&fleet, &is_over);
                    move || write(fleet, writer, is_over)
                })
            })
            .collect();
        for kill in 0..KILLS {
            let replica = kill % 2;
            // In the middle: not before it has written something since it started.
            let before = log(&fleet.admin(2)).len();
            eventually("writes to go on", || (log(&fleet.admin(2)).len() > before + 20).then_some(()));
            fleet.servers()[replica].kill_9();
            fleet.servers()[replica].start_again();
        }
        is_over.store(true, Ordering::Relaxed);
        writing.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let entries = log(&fleet.admin(0));
    assert_without_gaps(&entries);
    let logged = |key: &str| entries.iter().filter(|entry| entry["entity_key"] == key).count();
    for key in outcomes.iter().flat_map(|(acknowledged, _)| acknowledged) {
        assert_eq!(logged(key), 1, "{key} was acknowledged");
    }
    for key in outcomes.iter().flat_map(|(_, unknown)| unknown) {
        assert!(logged(key) <= 1, "{key}");
    }
    assert!(outcomes.iter().any(|(_, unknown)| !unknown.is_empty()), "nothing was under way when a replica was killed");
    // All replicas serve what the log says.
    for api in fleet.admins() {
        let last = entries.last().unwrap()["entity_key"].as_str().unwrap();
        eventually("the last flag to be served", || (api.post("/v1/evaluate", &question(last)).status() == 200).then_some(()));
        let served: Vec<Value> = api.get("/v1/users/u/flags").ok()["items"].as_array().unwrap().clone();
        assert_eq!(served.len(), entries.len());
    }
    assert_eq!(fleet.admin(1).post("/v1/evaluate", &question("first")).ok()["value"], json!(true));
}

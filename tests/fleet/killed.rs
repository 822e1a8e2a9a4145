//! A replica is killed in the middle of writes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ff_test_support::eventually;
use serde_json::{Value, json};

use crate::fleet::{Fleet, assert_without_gaps, flag, log, question};

const WRITERS: usize = 6;

/// How often replicas are killed at least, and at most where nothing was under way at the time.
const KILLS: usize = 4;
const KILLS_MAX: usize = 40;

/// What a writer knows of its writes.
#[derive(Default)]
struct Writes {
    acknowledged: Vec<String>,
    /// Sent, and the connection broke: done or not done.
    unknown: Vec<String>,
    /// Acknowledged only when they were sent again.
    repeated: usize,
}

/// Writes flags until told to stop, each through the next replica. A writer `with_keys` sends what broke off again, to
/// another replica, with the same `Idempotency-Key`, until it is answered.
fn write(fleet: &Fleet, writer: usize, with_keys: bool, is_over: &AtomicBool, broken: &AtomicUsize) -> Writes {
    let mut writes = Writes::default();
    for i in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("f{writer}-{i}");
        let body = flag(&key).to_string();
        let send = || {
            let api = eventually("a replica that runs", || fleet.admin_if_there(fleet.next()));
            let api = if with_keys { api.with("Idempotency-Key", &format!("\"write-{key}\"")) } else { api };
            api.try_send("POST", "/v1/flags", Some(("application/json", body.as_bytes())))
        };
        let mut answer = send();
        let has_broken = answer.is_err();
        broken.fetch_add(usize::from(has_broken), Ordering::Relaxed);
        while with_keys && answer.is_err() {
            answer = send();
        }
        match answer {
            Ok(answer) => {
                // The first answer, whoever gives it: the flag was created, once.
                assert_eq!(answer.created()["version"], 1);
                writes.acknowledged.push(key);
                writes.repeated += usize::from(has_broken);
            }
            Err(_) => writes.unknown.push(key),
        }
    }
    writes
}

#[test]
fn killing_a_replica_amid_writes_loses_nothing_that_was_acknowledged_and_does_nothing_twice() {
    let Some(fleet) = Fleet::start(|setup| setup) else { return };
    fleet.admin(0).post("/v1/flags", &flag("first")).created();
    let (is_over, broken) = (AtomicBool::new(false), AtomicUsize::new(0));
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let writing: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (fleet, is_over, broken) = (&fleet, &is_over, &broken);
                scope.spawn(move || write(fleet, writer, writer % 2 == 0, is_over, broken))
            })
            .collect();
        for kill in 0..KILLS_MAX {
            if kill >= KILLS && broken.load(Ordering::Relaxed) > 0 {
                break;
            }
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
    for key in outcomes.iter().flat_map(|writes| &writes.acknowledged) {
        assert_eq!(logged(key), 1, "{key} was acknowledged");
    }
    for key in outcomes.iter().flat_map(|writes| &writes.unknown) {
        assert!(logged(key) <= 1, "{key}");
    }
    let is_broken = |writes: &Writes| writes.repeated > 0 || !writes.unknown.is_empty();
    assert!(outcomes.iter().any(is_broken), "nothing was under way when a replica was killed");
    // All replicas serve what the log says.
    for api in fleet.admins() {
        let last = entries.last().unwrap()["entity_key"].as_str().unwrap();
        eventually("the last flag to be served", || (api.post("/v1/evaluate", &question(last)).status() == 200).then_some(()));
        let served: Vec<Value> = api.get("/v1/users/u/flags").ok()["items"].as_array().unwrap().clone();
        assert_eq!(served.len(), entries.len());
    }
    assert_eq!(fleet.admin(1).post("/v1/evaluate", &question("first")).ok()["value"], json!(true));
}

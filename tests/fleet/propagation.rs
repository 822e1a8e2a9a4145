//! A change reaches every replica: by notification, and without.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ff_test_support::{Client, eventually};
use serde_json::json;

use crate::fleet::{Fleet, flag, question};

/// Far longer than a test takes: what is seen was not found by polling.
const NEVER_MS: &str = "3600000";

/// A polling interval, and what a busy machine is allowed beside it.
const POLLING: Duration = Duration::from_millis(300);
const GRACE: Duration = Duration::from_secs(30);

fn variant(api: &Client) -> String {
    api.post("/v1/evaluate", &question("f")).ok()["variant"].as_str().unwrap().to_owned()
}

/// Writes through each replica in turn and waits until all of them serve it; gives the longest time that this took.
fn longest_way(fleet: &Fleet, rounds: usize) -> Duration {
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        let (state, expected) = if round % 2 == 0 { ("off", "off") } else { ("on", "on") };
        fleet.admin(round).put("/v1/flags/f", &json!({"state": state})).ok();
        let answered = Instant::now();
        for api in fleet.admins() {
            eventually("the change to be served", || (variant(&api) == expected).then_some(()));
        }
        longest = longest.max(answered.elapsed());
    }
    longest
}

/// A flag that every replica has in memory.
fn flag_in_memory(fleet: &Fleet) {
    fleet.admin(0).post("/v1/flags", &flag("f")).created();
    for api in fleet.admins() {
        eventually("the flag to be served", || (api.post("/v1/evaluate", &question("f")).status() == 200).then_some(()));
    }
}

#[test]
fn a_change_through_any_replica_is_served_by_all_without_polling() {
    let Some(fleet) = Fleet::start(|setup| setup.variable("RULESET_REFRESH_MS", NEVER_MS)) else { return };
    flag_in_memory(&fleet);
    longest_way(&fleet, 12);
}

#[test]
fn replicas_that_were_cut_off_from_notifications_listen_again() {
    let Some(fleet) = Fleet::start(|setup| setup.variable("RULESET_REFRESH_MS", NEVER_MS)) else { return };
    flag_in_memory(&fleet);
    for round in 0..3 {
        fleet.cut_listeners();
        // Whatever is written while nobody listens is found on coming back.
        fleet.admin(round).put("/v1/flags/f", &json!({"description": format!("round {round}")})).ok();
        longest_way(&fleet, 2);
    }
}

#[test]
fn without_notifications_changes_are_served_within_the_polling_interval() {
    let polling = POLLING.as_millis().to_string();
    // Nobody listens there.
    let setup = |setup: ff_test_support::Setup| {
        setup.variable("RULESET_REFRESH_MS", &polling).variable("DB_LISTEN_DSN", "postgres://postgres@127.0.0.1:1/none")
    };
    let Some(fleet) = Fleet::start(setup) else { return };
    flag_in_memory(&fleet);
    let longest = longest_way(&fleet, 6);
    assert!(longest < POLLING + GRACE, "{longest:?}");
}

#[test]
fn no_replica_serves_half_of_a_change() {
    let Some(fleet) = Fleet::start(|setup| setup) else { return };
    // Both flags follow one segment, which one change moves.
    fleet.admin(0).post("/v1/segments", &json!({"key": "s"})).created();
    let rules = json!([{"id": "r", "when": {"segment": "s"}, "rollout": {"variant": "off"}}]);
    for key in ["a", "b"] {
        fleet.admin(0).post("/v1/flags", &json!({"key": key, "type": "boolean", "state": "on", "rules": rules})).created();
    }
    let is_over = AtomicBool::new(false);
    // How often each replica has shown the flags off, and on.
    let seen: [[AtomicUsize; 2]; 3] = Default::default();
    std::thread::scope(|scope| {
        let readers: Vec<_> = std::iter::zip(fleet.admins(), &seen)
            .map(|(api, seen)| {
                let is_over = &is_over;
                scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        let items = api.get("/v1/users/u/flags").ok()["items"].as_array().unwrap().clone();
                        let variants: Vec<_> = items.iter().map(|item| item["variant"].clone()).collect();
                        if let [a, b] = variants.as_slice() {
                            assert_eq!(a, b, "one answer shows one revision");
                            seen[usize::from(*a == "on")].fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        let has_seen_both = || seen.iter().flatten().all(|count| count.load(Ordering::Relaxed) > 0);
        let change = |round: usize| {
            let members = if round.is_multiple_of(2) { json!(["u"]) } else { json!([]) };
            fleet.admin(round).put("/v1/segments/s", &json!({"included": members})).ok();
        };
        (0..40).for_each(change);
        // A reader may begin late; what each has to see is changed until it has.
        let mut rounds = 40..;
        eventually("both states to be seen at all replicas", || {
            rounds.next().into_iter().for_each(change);
            (has_seen_both() || readers.iter().any(|reader| reader.is_finished())).then_some(())
        });
        is_over.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

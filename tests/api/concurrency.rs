//! Many at once.

use std::collections::BTreeSet;
use std::sync::Barrier;

use serde_json::json;

use crate::harness::each;
use crate::sample::{boolean, keys, text};

#[test]
fn of_two_writers_with_the_same_if_match_one_wins() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        for round in 1..=10 {
            let guarded = api.with("If-Match", &format!("\"{round}\""));
            let start = Barrier::new(2);
            let write = |owner: String| {
                start.wait();
                guarded.put("/v1/flags/f", &json!({"owner": owner}))
            };
            let (left, right) = std::thread::scope(|scope| {
                let left = scope.spawn(|| write(format!("left-{round}")));
                let right = scope.spawn(|| write(format!("right-{round}")));
                (left.join().unwrap(), right.join().unwrap())
            });
            let (winner, loser) = if left.status() == 200 { (left, right) } else { (right, left) };
            loser.problem(412, "version_mismatch");
            assert_eq!(api.get("/v1/flags/f").ok(), winner.ok(), "what is there is what the winner was told");
        }
        assert_eq!(api.all("/v1/flags/f/history").len(), 11);
    });
}

#[test]
fn of_two_creators_with_if_none_match_one_wins() {
    each(|api| {
        for round in 0..5 {
            let key = format!("f{round}");
            let start = Barrier::new(4);
            let create = || {
                start.wait();
                api.with("If-None-Match", "*").post("/v1/flags", &text(&key)).status()
            };
            let mut statuses: Vec<u16> = std::thread::scope(|scope| {
                let all: Vec<_> = (0..4).map(|_| scope.spawn(create)).collect();
                all.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            statuses.sort_unstable();
            assert_eq!(statuses, [201, 412, 412, 412]);
        }
    });
}

#[test]
fn the_first_writes_of_a_tenant_do_not_get_in_each_others_way() {
    each(|api| {
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            for i in 0..8 {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    api.post("/v1/flags", &boolean(&format!("f{i}"))).created();
                });
            }
        });
        assert_eq!(api.all("/v1/flags").len(), 8);
        assert_eq!(keys(&api.all("/v1/environments")), ["production"]);
    });
}

#[test]
fn eight_writers_leave_revisions_without_gaps_and_no_write_is_lost() {
    const WRITERS: usize = 8;
    const WRITES: usize = 10;
    each(|api| {
        api.post("/v1/flags", &boolean("shared")).created();
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                scope.spawn(move || {
                    for i in 0..WRITES {
                        match i % 4 {
                            0 => drop(api.post("/v1/flags", &boolean(&format!("f-{writer}-{i}"))).created()),
                            1 => drop(api.post("/v1/segments", &json!({"key": format!("s-{writer}-{i}")})).created()),
                            2 => drop(api.put("/v1/flags/shared", &json!({"owner": format!("{writer}-{i}")})).ok()),
                            _ => drop(api.put(&format!("/v1/flags/f-{writer}-{}", i - 3), &json!({"state": "off"})).ok()),
                        }
                        // The writer reads its own write, whatever the others do.
                        let flags = api.get("/v1/users/u/flags").ok();
                        let own = flags["items"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .filter(|item| item["flag_key"].as_str().unwrap().starts_with(&format!("f-{writer}-")))
                            .count();
                        assert_eq!(own, i / 4 + 1);
                    }
                });
            }
        });
        let audit = api.all("/v1/audit");
        let revisions: Vec<u64> = audit.iter().rev().map(|entry| entry["revision"].as_u64().unwrap()).collect();
        let expected: Vec<u64> = (1..=(WRITERS * WRITES + 1) as u64).collect();
        assert_eq!(revisions, expected);
        // The versions of what all of them changed are without gaps too, and each change began where the one before ended.
        let history = api.all("/v1/flags/shared/history");
        for pair in history.windows(2) {
            assert_eq!(pair[0]["before"], pair[1]["after"]);
        }
        assert_eq!(api.get("/v1/flags/shared").ok(), history[0]["after"]);
        let ids: BTreeSet<_> = api.all("/v1/flags").iter().map(|flag| flag["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), 1 + WRITERS * WRITES.div_ceil(4));
    });
}

#[test]
fn time_goes_with_the_revisions() {
    each(|api| {
        std::thread::scope(|scope| {
            for writer in 0..8 {
                scope.spawn(move || {
                    (0..10).for_each(|i| drop(api.post("/v1/segments", &json!({"key": format!("s-{writer}-{i}")})).created()))
                });
            }
        });
        // Whoever follows the record by `since` would otherwise miss what came in later with an earlier time.
        let times: Vec<ff_core::Timestamp> =
            api.all("/v1/audit").iter().map(|entry| entry["timestamp"].as_str().unwrap().parse().unwrap()).collect();
        let backwards: Vec<_> = times.windows(2).filter(|pair| pair[0] < pair[1]).collect();
        assert!(backwards.is_empty(), "{} of {} steps go back in time: {backwards:?}", backwards.len(), times.len());
    });
}

#[test]
fn environments_and_flags_that_are_created_at_once_all_meet() {
    each(|api| {
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            for i in 0..8 {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    for j in 0..4 {
                        match i % 2 {
                            0 => drop(api.post("/v1/flags", &boolean(&format!("f-{i}-{j}"))).created()),
                            _ => drop(api.post("/v1/environments", &json!({"key": format!("e-{i}-{j}")})).created()),
                        }
                    }
                });
            }
        });
        let environments = api.all("/v1/environments");
        assert_eq!(environments.len(), 17);
        for key in keys(&environments) {
            let there = api.environment(key);
            assert_eq!(there.all("/v1/flags").len(), 16, "{key}");
            let evaluated = there.get("/v1/users/u/flags").ok();
            let expected = if key == "production" { "default_distribution" } else { "flag_off" };
            let items = evaluated["items"].as_array().unwrap();
            assert!(items.len() == 16 && items.iter().all(|item| item["reason"] == expected), "{key}: {evaluated}");
        }
    });
}

#[test]
fn tenants_do_not_wait_for_one_another() {
    each(|api| {
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let own = api.tenant(&crate::harness::fresh_tenant());
                    for i in 0..5 {
                        own.post("/v1/flags", &boolean(&format!("f{i}"))).created();
                    }
                    assert_eq!(own.all("/v1/audit").len(), 5);
                });
            }
        });
    });
}

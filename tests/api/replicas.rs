//! Several servers on one database.

use std::sync::Arc;

use ff_test_support::{Answer, Client, Postgres, Server, Setup, TestDatabase, eventually};
use serde_json::json;

use crate::harness::{fresh_tenant, setup};
use crate::sample::{boolean, environment, keys, on_when};

/// Two servers on one database of each kind, both asked by an admin in one tenant.
pub(crate) fn each_pair(test: impl Fn(&Client, &Client)) {
    let databases = [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()];
    for database in databases.into_iter().flatten() {
        let start = |setup: Setup| setup.variable("RULESET_REFRESH_MS", "50").start();
        let second = setup().variable("DB_DSN", database.dsn());
        // The first one owns the database, and is dropped last.
        let first = start(setup().database(database));
        let second = start(second);
        let tenant = fresh_tenant();
        let client = |server: &Arc<Server>, who: &str| server.client().admin(who).tenant(&tenant);
        test(&client(&first, "first"), &client(&second, "second"));
    }
}

/// What the flag gives to the user `u`, and with which status.
pub(crate) fn value(api: &Client, flag: &str) -> (u16, Option<bool>) {
    let answer = api.post("/v1/evaluate", &json!({"flag_key": flag, "user": {"id": "u"}}));
    let value = if answer.status() == 200 { answer.json()["value"].as_bool() } else { None };
    (answer.status(), value)
}

#[track_caller]
pub(crate) fn becomes(api: &Client, flag: &str, expected: (u16, Option<bool>)) {
    eventually(&format!("{flag} to give {expected:?}"), || (value(api, flag) == expected).then_some(()));
}

#[test]
fn a_write_through_one_is_served_by_the_other() {
    each_pair(|first, second| {
        first.post("/v1/flags", &boolean("f")).created();
        becomes(second, "f", (200, Some(true)));
        first.put("/v1/flags/f", &json!({"rollout_percentage": 0})).ok();
        becomes(second, "f", (200, Some(false)));
        first.post("/v1/segments", &json!({"key": "s"})).created();
        second.put("/v1/flags/f", &json!({"rules": on_when("f", json!({"segment": "s"}))["rules"]})).ok();
        first.put("/v1/segments/s", &json!({"included": ["u"]})).ok();
        becomes(second, "f", (200, Some(true)));
        becomes(first, "f", (200, Some(true)));
        first.delete("/v1/flags/f").is(204);
        becomes(second, "f", (404, None));
    });
}

#[test]
fn a_new_environment_is_known_to_the_other() {
    each_pair(|first, second| {
        first.post("/v1/flags", &boolean("f")).created();
        becomes(second, "f", (200, Some(true)));
        environment(first, "staging");
        let staging = second.environment("staging");
        becomes(&staging, "f", (200, Some(false)));
        assert_eq!(keys(&second.all("/v1/environments")), ["production", "staging"]);
        first.delete("/v1/environments/staging").is(204);
        becomes(&staging, "f", (404, None));
    });
}

#[test]
fn what_one_wrote_the_other_does_not_overwrite_with_what_it_had_in_memory() {
    each_pair(|first, second| {
        first.post("/v1/segments", &json!({"key": "s"})).created();
        first.post("/v1/flags", &boolean("f")).created();
        // Each write follows another server's at once, so the memory of the writer is always behind.
        for i in 0..10 {
            first.put("/v1/flags/f", &json!({"owner": format!("first-{i}")})).ok();
            second.put("/v1/flags/f", &json!({"description": format!("second-{i}")})).ok();
        }
        let flag = first.get("/v1/flags/f").ok();
        assert_eq!((&flag["owner"], &flag["description"], &flag["version"]), (&"first-9".into(), &"second-9".into(), &21.into()));
        first.with("If-Match", "\"20\"").put("/v1/flags/f", &json!({"owner": "x"})).problem(412, "version_mismatch");
        // One deletes what the other, unknowing, would still refer to.
        first.delete("/v1/segments/s").is(204);
        second.put("/v1/flags/f", &json!({"rules": on_when("f", json!({"segment": "s"}))["rules"]})).invalid(&["/rules/0/when/segment"]);
        second.post("/v1/segments", &json!({"key": "t"})).created();
        first.put("/v1/flags/f", &json!({"rules": on_when("f", json!({"segment": "t"}))["rules"]})).ok();
        second.delete("/v1/segments/t").problem(409, "segment_in_use");
    });
}

#[test]
fn writers_on_both_leave_revisions_without_gaps() {
    each_pair(|first, second| {
        std::thread::scope(|scope| {
            for (name, api) in [("first", first), ("second", second)] {
                for thread in 0..3 {
                    scope.spawn(move || {
                        (0..8).for_each(|i| drop(api.post("/v1/flags", &boolean(&format!("{name}-{thread}-{i}"))).created()))
                    });
                }
            }
        });
        let revisions: Vec<u64> = second.all("/v1/audit").iter().rev().map(|entry| entry["revision"].as_u64().unwrap()).collect();
        assert_eq!(revisions, (1..=48).collect::<Vec<u64>>());
        for api in [first, second] {
            eventually("all flags", || (api.get("/v1/users/u/flags").ok()["items"].as_array().unwrap().len() == 48).then_some(()));
        }
    });
}

#[test]
fn several_servers_may_start_at_once_on_an_empty_database() {
    let databases = [Some(TestDatabase::sqlite_without_tables()), Postgres::shared().map(Postgres::database_without_tables)];
    for database in databases.into_iter().flatten() {
        let setups: Vec<Setup> = (0..4).map(|_| setup().variable("DB_DSN", database.dsn())).collect();
        let servers: Vec<Arc<Server>> = std::thread::scope(|scope| {
            let starting: Vec<_> = setups.into_iter().map(|setup| scope.spawn(|| setup.start())).collect();
            starting.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let tenant = fresh_tenant();
        for (i, server) in servers.iter().enumerate() {
            server.client().admin("test").tenant(&tenant).post("/v1/flags", &boolean(&format!("f{i}"))).created();
        }
        assert_eq!(servers[0].client().admin("test").tenant(&tenant).all("/v1/flags").len(), 4);
    }
}

#[test]
fn of_requests_with_one_key_on_several_servers_at_once_one_is_done() {
    each_pair(|first, second| {
        first.post("/v1/segments", &json!({"key": "s"})).created();
        for round in 0..10 {
            let (key, flag) = (format!("key-{round}"), format!("f{round}"));
            // The same caller on both, in one tenant that already has a log.
            let ask = |api: &Client| api.admin("test").with("Idempotency-Key", &key).post("/v1/flags", &boolean(&flag));
            let barrier = std::sync::Barrier::new(8);
            let waiting = |i: usize| {
                barrier.wait();
                ask(if i.is_multiple_of(2) { first } else { second })
            };
            let waiting = &waiting;
            let answers: Vec<Answer> = std::thread::scope(|scope| {
                let asking: Vec<_> = (0..8).map(|i| scope.spawn(move || waiting(i))).collect();
                asking.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let done: Vec<_> = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none()).collect();
            assert_eq!(done.len(), 1, "one of them did it");
            done[0].created();
            for answer in &answers {
                assert_eq!((answer.status(), answer.text(), answer.etag()), (201, done[0].text(), done[0].etag()), "{answer}");
                assert_eq!(answer.header("location"), done[0].header("location"));
            }
        }
        let created = first.all("/v1/audit").into_iter().filter(|entry| entry["entity"] == "flag");
        assert!(created.map(|entry| entry["revision"].as_u64().unwrap()).eq((2..=11).rev()));
    });
}

#[test]
fn of_different_requests_with_one_key_at_once_one_is_done_and_the_others_are_refused() {
    each_pair(|first, second| {
        for round in 0..10 {
            let key = format!("key-{round}");
            let barrier = std::sync::Barrier::new(6);
            // Some of them would be refused anyway: what is refused may be what the key stands for.
            let ask = |i: usize| {
                let api = if i.is_multiple_of(2) { first } else { second }.admin("test").with("Idempotency-Key", &key);
                barrier.wait();
                if i < 4 { api.post("/v1/flags", &boolean(&format!("f-{round}-{i}"))) } else { api.put("/v1/flags/none", &json!({})) }
            };
            let ask = &ask;
            let answers: Vec<Answer> = std::thread::scope(|scope| {
                let asking: Vec<_> = (0..6).map(|i| scope.spawn(move || ask(i))).collect();
                asking.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let refused = answers.iter().filter(|answer| answer.status() == 422).count();
            let others: Vec<_> = answers.iter().filter(|answer| answer.status() != 422).collect();
            answers.iter().filter(|answer| answer.status() == 422).for_each(|answer| drop(answer.problem(422, "idempotency_key_reused")));
            match others[..] {
                // Two of them are the same request.
                [one, other] => assert_eq!((one.status(), one.text(), refused), (404, other.text(), 4)),
                [one] => assert_eq!((one.status(), refused), (201, 5)),
                _ => panic!("{} answers that are no refusals of the key: {others:?}", others.len()),
            }
            let flags = first.all("/v1/flags");
            let made = flags.iter().filter(|flag| flag["key"].as_str().unwrap().starts_with(&format!("f-{round}-"))).count();
            assert_eq!(made, usize::from(others.len() == 1));
        }
    });
}

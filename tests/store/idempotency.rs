//! Answers under a key: the first one counts, whoever keeps it.

use ff_core::Timestamp;
use ff_store::{Entity, KeptAnswer, KeyedRequest, Known, Shown, Store, StoreError, change, flag, idempotency, ruleset, segment};
use ff_test_support::{TestStore, author, environment, flag as flag_of, patient, segment as segment_of, tenant};
use serde_json::{Value, json};

use crate::steps::{NOW, acme, log, production};

fn request(key: &str, what: &str) -> KeyedRequest {
    KeyedRequest { key_digest: key.to_owned(), request_digest: what.to_owned() }
}

fn answer(body: &str) -> KeptAnswer {
    KeptAnswer {
        status: 201,
        etag: Some("\"1\"".to_owned()),
        location: Some("/v1/flags/f".to_owned()),
        revision: None,
        body: Some(body.to_owned()),
    }
}

fn now() -> Timestamp {
    Timestamp::from_millis(NOW)
}

fn keep(store: &Store, request: &KeyedRequest, answer: &KeptAnswer) -> bool {
    idempotency::keep(store, &acme(), request, now(), answer, None).unwrap()
}

fn find(store: &Store, request: &KeyedRequest) -> Option<Known> {
    idempotency::find(store, &acme(), request, now()).unwrap()
}

#[test]
fn what_was_kept_is_found_for_the_same_request_in_the_same_tenant() {
    TestStore::each(|store| {
        let mine = request("key", "what");
        assert_eq!(find(store, &mine), None);
        assert!(keep(store, &mine, &answer("first")));
        assert_eq!(find(store, &mine), Some(Known::Same(answer("first"))));
        assert_eq!(find(store, &request("key", "something else")), Some(Known::Other));
        assert_eq!(find(store, &request("another key", "what")), None);
        assert_eq!(idempotency::find(store, &tenant("globex"), &mine, now()).unwrap(), None);
        assert!(!keep(store, &mine, &answer("second")) && !keep(store, &request("key", "something else"), &answer("second")));
        assert_eq!(find(store, &mine), Some(Known::Same(answer("first"))));
        let nothing = KeptAnswer { status: 204, etag: None, location: None, revision: None, body: None };
        assert!(keep(store, &request("gone", ""), &nothing));
        assert_eq!(find(store, &request("gone", "")), Some(Known::Same(nothing)));
        assert!(log(store, &acme()).is_empty() && ruleset::revisions(store, &[acme()]).unwrap()[0].1.get() == 0, "it is no change");
    });
}

#[test]
fn of_many_who_keep_an_answer_at_once_one_does() {
    TestStore::each(|store| {
        // As two processes would have: they share no queue.
        let other = Store::open(&patient(store.database().dsn())).unwrap();
        for round in 0..20 {
            let mine = request(&format!("key-{round}"), "what");
            let (mine, other, barrier) = (&mine, &other, std::sync::Barrier::new(6));
            let keeping = |i: usize| {
                let (store, body) = (if i.is_multiple_of(2) { &**store } else { other }, format!("answer {i}"));
                barrier.wait();
                (body.clone(), keep(store, mine, &answer(&body)))
            };
            let keeping = &keeping;
            let kept: Vec<(String, bool)> = std::thread::scope(|threads| {
                let started: Vec<_> = (0..6).map(|i| threads.spawn(move || keeping(i))).collect();
                started.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let winners: Vec<_> = kept.iter().filter(|(_, is_kept)| *is_kept).collect();
            assert_eq!(winners.len(), 1, "{kept:?}");
            assert_eq!(find(store, mine), Some(Known::Same(answer(&winners[0].0))));
        }
    });
}

/// Creates a flag unless the key is known, keeping the answer in the same transaction.
fn create_once(store: &Store, mine: &KeyedRequest, key: &str, fails: bool) -> Result<bool, StoreError> {
    change::run(store, &acme(), &author("ann", NOW), |c| {
        if idempotency::is_known_in(c, mine)? {
            return Ok(false);
        }
        flag::put_in(c, &production(), flag_of(&json!({"key": key, "type": "boolean"})))?;
        let kept = idempotency::keep_in(c, mine, &answer(key), None)?;
        if fails { Err(StoreError::PageToken) } else { Ok(kept) }
    })
}

#[test]
fn an_answer_is_there_if_and_only_if_its_change_is() {
    TestStore::each(|store| {
        let mine = request("key", "what");
        assert!(matches!(create_once(store, &mine, "f", true), Err(StoreError::PageToken)));
        assert_eq!((find(store, &mine), log(store, &acme()).len()), (None, 0));
        assert!(create_once(store, &mine, "f", false).unwrap());
        assert_eq!((find(store, &mine), log(store, &acme()).len()), (Some(Known::Same(answer("f"))), 1));
        assert!(!create_once(store, &mine, "g", false).unwrap());
        assert_eq!(log(store, &acme()).len(), 1);
    });
}

#[test]
fn a_change_whose_key_was_taken_while_it_was_made_learns_of_it_and_can_be_undone() {
    TestStore::each(|store| {
        let mine = request("key", "what");
        let taken: Result<(), StoreError> = change::run(store, &acme(), &author("ann", NOW), |c| {
            assert!(!idempotency::is_known_in(c, &mine)?);
            flag::put_in(c, &production(), flag_of(&json!({"key": "f", "type": "boolean"})))?;
            // SQLite has one writer at a time, so there nobody can come in between but this change itself.
            if store.backend() == ff_store::Backend::Postgres {
                assert!(keep(store, &mine, &answer("a refusal")));
            } else {
                assert!(idempotency::keep_in(c, &mine, &answer("a refusal"), None)?);
            }
            assert!(!idempotency::keep_in(c, &mine, &answer("f"), None)?);
            Err(StoreError::PageToken)
        });
        assert!(matches!(taken, Err(StoreError::PageToken)));
        assert!(log(store, &acme()).is_empty());
    });
}

#[test]
fn writers_with_one_key_make_one_change() {
    TestStore::each(|store| {
        let other = Store::open(&patient(store.database().dsn())).unwrap();
        for round in 0..10 {
            let (mine, other) = (&request(&format!("key-{round}"), "what"), &other);
            let make =
                |i: usize| create_once(if i.is_multiple_of(2) { store } else { other }, mine, &format!("f-{round}-{i}"), false).unwrap();
            let make = &make;
            let made: usize = std::thread::scope(|threads| {
                let started: Vec<_> = (0..6).map(|i| threads.spawn(move || make(i))).collect();
                started.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
            });
            assert_eq!((made, log(store, &acme()).len()), (1, round + 1));
        }
    });
}

fn segment_shown(record: &ff_store::SegmentRecord, warnings: Option<&str>) -> Shown {
    Shown {
        entity: Entity::Segment,
        key: record.segment.key().to_string(),
        id: record.id.clone(),
        environment: None,
        version: record.version,
        warnings: warnings.map(str::to_owned),
    }
}

#[test]
fn a_large_body_that_the_log_has_is_not_kept_twice() {
    TestStore::each(|store| {
        let mine = request("key", "what");
        let members: Vec<String> = (0..10_000).map(|i| format!("user-{i}")).collect();
        let mut body = Value::Null;
        let keeps = |c: &mut change::Change<'_>, warnings: Option<&str>, body: &mut Value, mine: &KeyedRequest| {
            let written = segment::put_in(c, segment_of(&json!({"key": "s", "included": members})))?;
            *body = serde_json::to_value(&written.record).unwrap();
            let answer = answer(&body.to_string());
            assert!(idempotency::keep_in(c, mine, &answer, Some(&segment_shown(&written.record, warnings)))?);
            Ok::<_, StoreError>(())
        };
        change::run(store, &acme(), &author("ann", NOW), |c| keeps(c, Some(r#"[{"code": "x"}]"#), &mut body, &mine)).unwrap();
        // Fails unless the row leaves its body to the log.
        store
            .database()
            .execute("INSERT INTO tenants (id, revision) SELECT 'kept', -1 FROM idempotency WHERE body IS NOT NULL OR logged_at <> 1");
        body["warnings"] = json!([{"code": "x"}]);
        let found = |mine: &KeyedRequest| match find(store, mine) {
            Some(Known::Same(found)) => serde_json::from_str::<Value>(&found.body.unwrap()).unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(found(&mine), body);
        // Deleted and created again under its key, it is another one.
        change::run(store, &acme(), &author("ann", NOW), |c| segment::delete_in(c, &"s".parse().unwrap()))
            .map_err(|error: StoreError| error)
            .unwrap();
        let (again, mut other_body) = (request("again", "what"), Value::Null);
        change::run(store, &acme(), &author("ann", NOW), |c| keeps(c, None, &mut other_body, &again)).unwrap();
        assert_eq!((found(&mine), found(&again)), (body.clone(), other_body.clone()));
        assert_ne!(body["id"], other_body["id"]);
        // A log that has lost the entry is damage, not an empty answer.
        store.database().execute("UPDATE audit SET after = NULL WHERE revision = 1");
        let lost = idempotency::find(store, &acme(), &mine, now());
        assert!(matches!(lost, Err(StoreError::Corrupt { table: "idempotency", .. })), "{lost:?}");
    });
}

#[test]
fn a_large_flag_that_was_last_changed_from_another_environment_is_kept_whole() {
    TestStore::each(|store| {
        crate::steps::create_environment(store, "staging").unwrap();
        let value = "x".repeat(60_000);
        let draft = |third: &str| {
            let variants =
                json!([{"key": "a", "weight": 1, "value": value}, {"key": "b", "weight": 1, "value": value}, {"key": third, "weight": 0}]);
            flag_of(&json!({"key": "f", "variants": variants}))
        };
        let put = |place: &str, flag| change::run(store, &acme(), &author("ann", NOW), |c| flag::put_in(c, &environment(place), flag));
        put("production", draft("c")).map_err(|error: StoreError| error).unwrap();
        // The variant `d` appears in production too, as part of a change that was made in staging.
        let elsewhere = put("staging", draft("d")).map_err(|error: StoreError| error);
        let record = flag::find(store, &crate::steps::scope("production"), &"f".parse().unwrap()).unwrap();
        let shown = Shown {
            entity: Entity::Flag,
            key: "f".to_owned(),
            id: record.id.clone(),
            environment: Some(production()),
            version: record.version,
            warnings: None,
        };
        let body = serde_json::to_string(&record).unwrap();
        assert!(elsewhere.is_ok() && record.version.get() == 2 && body.len() > idempotency::BODY_BYTES_MAX);
        let mine = request("key", "what");
        assert!(idempotency::keep(store, &acme(), &mine, now(), &answer(&body), Some(&shown)).unwrap());
        assert_eq!(find(store, &mine), Some(Known::Same(answer(&body))));
    });
}

#[test]
fn an_answer_expires_and_makes_room() {
    TestStore::each(|store| {
        let (mine, day) = (request("key", "what"), i64::try_from(idempotency::KEPT_FOR.as_millis()).unwrap());
        let at = |millis: i64| Timestamp::from_millis(NOW + millis);
        let find = |millis| idempotency::find(store, &acme(), &mine, at(millis)).unwrap();
        assert!(keep(store, &mine, &answer("first")));
        assert!(find(day - 1).is_some() && find(day).is_none());
        assert!(!idempotency::keep(store, &acme(), &mine, at(day - 1), &answer("second"), None).unwrap());
        assert!(idempotency::keep(store, &acme(), &mine, at(day), &answer("second"), None).unwrap());
        assert_eq!(find(day), Some(Known::Same(answer("second"))));
    });
}

#[test]
fn an_answer_is_kept_for_a_day_by_the_clock_of_whoever_keeps_it() {
    TestStore::each(|store| {
        let (mine, day) = (request("key", "what"), i64::try_from(idempotency::KEPT_FOR.as_millis()).unwrap());
        // A server whose clock was far ahead has written once: the log never goes back in time, but answers are not in the log.
        change::run(store, &acme(), &author("from the future", NOW + 100 * day), |c| {
            flag::put_in(c, &production(), flag_of(&json!({"key": "future", "type": "boolean"})))
        })
        .map_err(|error: StoreError| error)
        .unwrap();
        let refused = request("refused", "what");
        assert!(keep(store, &refused, &answer("a refusal")));
        assert!(!create_once(store, &refused, "g", false).unwrap(), "it was answered a moment ago");
        assert!(create_once(store, &mine, "f", false).unwrap());
        let find = |millis| idempotency::find(store, &acme(), &mine, Timestamp::from_millis(NOW + millis)).unwrap();
        assert!(find(day - 1).is_some() && find(day).is_none());
    });
}

#[test]
fn expired_answers_are_forgotten_in_batches() {
    TestStore::each(|store| {
        let day = i64::try_from(idempotency::KEPT_FOR.as_millis()).unwrap();
        for i in 0..25 {
            let at = Timestamp::from_millis(NOW + i);
            idempotency::keep(store, &acme(), &request(&format!("key-{i}"), ""), at, &answer(""), None).unwrap();
        }
        let forget = |millis: i64| idempotency::forget_expired(store, Timestamp::from_millis(NOW + millis), 10).unwrap();
        assert_eq!((forget(0), forget(day - 1)), (0, 0));
        assert_eq!([forget(day + 11), forget(day + 11), forget(day + 11)], [10, 2, 0]);
        assert!(find(store, &request("key-11", "")).is_none() && find(store, &request("key-12", "")).is_some());
        let together: usize = std::thread::scope(|threads| {
            let started: Vec<_> = (0..4).map(|_| threads.spawn(|| forget(day + 100))).collect();
            started.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(together + forget(day + 100) + forget(day + 100), 13);
    });
}

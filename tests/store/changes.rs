//! Changes: all or nothing, one after the other, each with its revision.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ff_core::TenantId;
use ff_store::{Outcome, Revision, Store, StoreError, Version, change, environment, flag, ruleset, segment};
use ff_test_support::{TestStore, author, flag as flag_of, patient, segment as segment_of, tenant};
use serde_json::json;

use crate::steps::{NOW, acme, find, log, production, put};

#[test]
fn concurrent_writers_make_revisions_without_gaps_and_an_audit_log_in_that_order() {
    const WRITERS: usize = 6;
    const CHANGES: usize = 15;
    TestStore::each(|store| {
        // Two stores on one database, as two processes would have: they share no queue.
        let other = Store::open(&patient(store.database().dsn())).unwrap();
        let tenants = [acme(), tenant("globex")];
        std::thread::scope(|threads| {
            for writer in 0..WRITERS {
                let (store, tenants) = (if writer % 2 == 0 { &**store } else { &other }, &tenants);
                threads.spawn(move || {
                    for i in 0..CHANGES {
                        write_twice(store, &tenants[i % 2], writer, i);
                    }
                });
            }
        });
        let counts = ruleset::revisions(store, &tenants).unwrap();
        for (tenant, revision) in counts {
            let log = log(store, &tenant);
            let revisions: Vec<_> = log.iter().map(|entry| entry.revision.get()).collect();
            assert_eq!(revisions, (1..=revision.get()).collect::<Vec<_>>(), "{tenant}");
            // Each state of the shared flag is the one that the next change found.
            let shared: Vec<_> = log.iter().filter(|entry| entry.entity_key == "shared").collect();
            for pair in shared.windows(2) {
                assert_eq!(pair[0].after, pair[1].before);
            }
        }
        assert_eq!(log(store, &acme()).len() + log(store, &tenant("globex")).len(), 2 * WRITERS * CHANGES);
    });
}

/// One change with two writes: a flag that all writers share and one of the writer's own.
fn write_twice(store: &Store, tenant: &TenantId, writer: usize, i: usize) {
    change::run(store, tenant, &author(&format!("writer-{writer}"), NOW), |c| {
        let before = c.revision();
        for key in ["shared".to_owned(), format!("own-{writer}")] {
            let flag = flag_of(&json!({"key": key, "type": "boolean", "description": format!("{writer} in round {i}")}));
            flag::put_in(c, &production(), flag)?;
        }
        assert_eq!(c.revision().get(), before.get() + 2);
        Ok::<_, StoreError>(())
    })
    .unwrap();
}

#[test]
fn a_change_that_changes_nothing_leaves_no_trace() {
    TestStore::each(|store| {
        let untouched: Result<(), StoreError> = change::run(store, &acme(), &author("ann", NOW), |c| {
            assert_eq!(c.revision(), Revision::ZERO);
            flag::find_in(c, &production(), &"f".parse().unwrap()).map(|found| assert!(found.is_none()))
        });
        untouched.unwrap();
        assert!(log(store, &acme()).is_empty());
        assert_eq!(environment::find(store, &acme(), &production()).unwrap().created_at.as_millis(), 0, "no row of it either");

        put(store, "production", &json!({"key": "f", "type": "boolean"})).unwrap();
        let again = put(store, "production", &json!({"key": "f", "type": "boolean"})).unwrap();
        assert_eq!((again.outcome, again.flags.len()), (Outcome::Unchanged, 0));
        assert_eq!(again.record, find(store, "production", "f").unwrap());
        assert_eq!((again.record.version, log(store, &acme()).len()), (Version::FIRST, 1));
        assert_eq!(ruleset::revisions(store, &[acme()]).unwrap(), [(acme(), Revision::new(1))]);
    });
}

#[test]
fn a_change_that_fails_leaves_no_trace() {
    #[derive(Debug, PartialEq)]
    struct Refused;
    impl From<StoreError> for Refused {
        fn from(error: StoreError) -> Self {
            panic!("{error}")
        }
    }
    TestStore::each(|store| {
        let write = |c: &mut change::Change<'_>| {
            flag::put_in(c, &production(), flag_of(&json!({"key": "f", "type": "boolean"}))).unwrap();
            segment::put_in(c, segment_of(&json!({"key": "s"}))).unwrap();
        };
        let refused = change::run(store, &acme(), &author("ann", NOW), |c| {
            write(c);
            Err::<(), _>(Refused)
        });
        assert_eq!(refused, Err(Refused));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            change::run(store, &acme(), &author("ann", NOW), |c| -> Result<(), StoreError> {
                write(c);
                panic!("on purpose")
            })
        }));
        assert!(panicked.is_err());
        assert!(matches!(find(store, "production", "f"), Err(StoreError::NotFound { .. })));
        assert!(log(store, &acme()).is_empty());
        put(store, "production", &json!({"key": "f", "type": "boolean"})).unwrap();
        assert_eq!(log(store, &acme())[0].revision, Revision::new(1));
    });
}

#[test]
fn an_entry_says_who_when_what_and_on_which_request() {
    TestStore::each(|store| {
        let mut who = author("ann\0", NOW);
        who.at = "2026-11-21T08:00:00.123456789Z".parse().unwrap();
        let written =
            change::run(store, &acme(), &who, |c| flag::put_in(c, &production(), flag_of(&json!({"key": "f", "type": "boolean"}))));
        let written: ff_store::Written<ff_store::FlagRecord> = written.map_err(|error: StoreError| error).unwrap();
        let [entry] = &log(store, &acme())[..] else { panic!("one entry") };
        assert_eq!(
            serde_json::to_value(entry).unwrap(),
            json!({
                "revision": 1, "timestamp": "2026-11-21T08:00:00.123Z", "actor": "ann\u{fffd}", "action": "created", "entity": "flag",
                "entity_key": "f", "entity_id": written.record.id, "environment": "production", "before": null,
                "after": serde_json::to_value(&written.record).unwrap(), "request_id": "request-of-ann\u{fffd}",
            })
        );
    });
}

#[test]
fn revisions_are_told_for_many_tenants_in_the_order_asked() {
    TestStore::each(|store| {
        put(store, "production", &json!({"key": "f", "type": "boolean"})).unwrap();
        let mut wanted: Vec<_> = (0..12_000).map(|i| tenant(&format!("t{i}"))).collect();
        wanted.push(acme());
        let told = ruleset::revisions(store, &wanted).unwrap();
        assert_eq!(told.len(), wanted.len());
        assert!(told.iter().zip(&wanted).all(|((told, revision), wanted)| told == wanted && (revision.get() == 1) == (*told == acme())));
        assert!(ruleset::revisions(store, &[]).unwrap().is_empty());
    });
}

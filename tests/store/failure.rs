//! The database is away, busy, or all connections are in use.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use ff_store::{KeptAnswer, KeyedRequest, Store, StoreConfig, StoreError, change, flag, idempotency, ruleset};
use ff_test_support::{PATIENCE, Postgres, TestDatabase, TestStore, author, eventually, flag as flag_of, patient, tenant};
use serde_json::json;

use crate::steps::{NOW, acme, chain, find, production, put, put_segment};

/// How long a caller waits who is to be sent away.
const SOON: Duration = Duration::from_millis(1_000);

/// A store whose callers are sent away soon. It has a connection already: what must be possible with one does not hang on how fast
/// another one is made.
fn impatient(dsn: &str, connections_max: u32) -> Store {
    let config = StoreConfig { connections_max, acquire_timeout: SOON, busy_timeout: SOON, ..patient(dsn) };
    let store = in_the_end(|| Store::open(&config));
    in_the_end(|| store.ping());
    store
}

/// A database with all tables on a server of one's own.
fn migrated(postgres: &Postgres) -> String {
    let dsn = postgres.empty_database();
    Store::open(&patient(&dsn)).unwrap().migrate().unwrap();
    dsn
}

fn flag_json() -> serde_json::Value {
    json!({"key": "f", "type": "boolean"})
}

/// Runs `call`, which must give `Unavailable` in time.
#[track_caller]
fn is_unavailable<T: std::fmt::Debug>(call: impl FnOnce() -> Result<T, StoreError>) {
    let start = Instant::now();
    let result = call();
    assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

/// Calls until it works: the pool looks for the server again at intervals of its own.
fn in_the_end<T>(call: impl Fn() -> Result<T, StoreError>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match call() {
            Ok(value) => return value,
            Err(error) => assert!(Instant::now() < deadline, "{}", chain(&error)),
        }
    }
}

#[test]
fn a_server_that_is_gone_is_unavailable_and_back_when_it_is_back() {
    let Some(postgres) = Postgres::start() else { return };
    let store = impatient(&migrated(&postgres), 4);
    put(&store, "production", &flag_json()).unwrap();

    postgres.stop();
    is_unavailable(|| find(&store, "production", "f"));
    is_unavailable(|| put(&store, "production", &json!({"key": "g", "type": "boolean"})));
    is_unavailable(|| store.ping());
    is_unavailable(|| store.migrate());
    postgres.restart();
    in_the_end(|| find(&store, "production", "f"));
    in_the_end(|| put(&store, "production", &json!({"key": "g", "type": "boolean"})));
    store.ping().unwrap();
}

#[test]
fn a_restart_between_two_calls_is_not_noticed() {
    let Some(postgres) = Postgres::start() else { return };
    let store = Store::open(&patient(&migrated(&postgres))).unwrap();
    put(&store, "production", &flag_json()).unwrap();
    // Several idle connections, all of them dead afterwards.
    let barrier = std::sync::Barrier::new(3);
    std::thread::scope(|threads| {
        for i in 0..3 {
            let (store, barrier) = (&store, &barrier);
            threads.spawn(move || {
                let wait_for_all = |_: &mut change::Change<'_>| {
                    barrier.wait();
                    Ok::<_, StoreError>(())
                };
                change::run(store, &tenant(&format!("t{i}")), &author("ann", NOW), wait_for_all).unwrap();
            });
        }
    });
    assert!(store.pool_state().idle >= 3);
    for _ in 0..2 {
        postgres.stop();
        postgres.restart();
        find(&store, "production", "f").unwrap();
        postgres.stop();
        postgres.restart();
        put(&store, "production", &json!({"key": "g", "type": "boolean"})).unwrap();
    }
}

#[test]
fn a_change_that_loses_its_connection_is_unavailable_and_undone() {
    let Some(postgres) = Postgres::start() else { return };
    let store = impatient(&migrated(&postgres), 2);
    is_unavailable(|| {
        change::run(&store, &acme(), &author("ann", NOW), |c| {
            flag::put_in(c, &production(), flag_of(&flag_json()))?;
            postgres.stop();
            flag::put_in(c, &production(), flag_of(&json!({"key": "g", "type": "boolean"})))
        })
    });
    postgres.restart();
    let missing = in_the_end(|| match find(&store, "production", "f") {
        Err(StoreError::NotFound { .. }) => Ok(true),
        other => other.map(|_| false),
    });
    assert!(missing);
    in_the_end(|| put(&store, "production", &flag_json()));
}

#[test]
fn a_commit_that_the_server_does_not_live_to_see_is_unavailable() {
    let Some(postgres) = Postgres::start() else { return };
    let store = impatient(&migrated(&postgres), 2);
    is_unavailable(|| {
        change::run(&store, &acme(), &author("ann", NOW), |c| {
            flag::put_in(c, &production(), flag_of(&flag_json()))?;
            postgres.stop();
            Ok::<_, StoreError>(())
        })
    });
}

#[test]
fn an_empty_pool_is_unavailable_in_time() {
    TestStore::each(|store| {
        let store = impatient(store.database().dsn(), 1);
        put(&store, "production", &flag_json()).unwrap();
        change::run(&store, &acme(), &author("ann", NOW), |_| {
            is_unavailable(|| find(&store, "production", "f"));
            Ok::<_, StoreError>(())
        })
        .unwrap();
        find(&store, "production", "f").unwrap();
        assert_eq!(store.pool_state().connections_max, 1);
    });
}

#[test]
fn a_writer_that_waits_too_long_for_another_is_unavailable() {
    TestStore::each(|store| {
        // A store of its own for the other writer, as if in another process.
        let other = impatient(store.database().dsn(), 2);
        change::run(store, &acme(), &author("ann", NOW), |c| {
            flag::put_in(c, &production(), flag_of(&flag_json()))?;
            is_unavailable(|| put(&other, "production", &flag_json()));
            // Reading goes on, and sees what was committed.
            assert!(matches!(find(&other, "production", "f"), Err(StoreError::NotFound { .. })));
            Ok::<_, StoreError>(())
        })
        .unwrap();
        put(&other, "production", &flag_json()).unwrap();
        // The same within one store.
        change::run(&other, &acme(), &author("ann", NOW), |_| {
            is_unavailable(|| put(&other, "production", &json!({"key": "g", "type": "boolean"})));
            Ok::<_, StoreError>(())
        })
        .unwrap();
        put(&other, "production", &json!({"key": "g", "type": "boolean"})).unwrap();
    });
}

#[test]
fn a_database_that_cannot_be_reached_says_why_but_not_the_password() {
    for dsn in [
        "postgres://ff:hunter2@127.0.0.1:1/ff",
        "postgres://ff@127.0.0.1:1/ff?password=hunter2&nonsense=1",
        "postgres://ff:%zzhunter2@127.0.0.1:1/ff",
        "sqlite:///nowhere/at/all/ff.db",
    ] {
        let config = StoreConfig { acquire_timeout: SOON, ..StoreConfig::new(dsn.parse().unwrap()) };
        let start = Instant::now();
        let error = Store::open(&config).unwrap_err();
        assert!(start.elapsed() < PATIENCE);
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert_eq!(error.to_string(), "the database is unavailable");
        let (shown, debugged) = (chain(&error), format!("{error:?} {config:?}"));
        assert!(shown.len() > "the database is unavailable: ".len(), "{shown}");
        assert!(!shown.contains("hunter2") && !debugged.contains("hunter2"), "{shown} {debugged}");
    }
}

#[test]
fn a_database_without_tables_is_our_fault_and_not_an_outage() {
    let database = TestDatabase::sqlite_without_tables();
    let store = Store::open(&patient(database.dsn())).unwrap();
    for error in [find(&store, "production", "f").unwrap_err(), put(&store, "production", &flag_json()).unwrap_err()] {
        assert!(matches!(error, StoreError::Query(_)));
        assert_eq!(error.to_string(), "a database query failed");
        assert!(chain(&error).contains("no such table"));
    }
    store.ping().unwrap();
}

#[test]
fn a_change_that_goes_on_after_a_failed_statement_is_not_called_committed() {
    TestStore::each(|store| {
        put(store, "production", &flag_json()).unwrap();
        store.database().execute("DROP TABLE segments");
        let result = change::run(store, &acme(), &author("ann", NOW), |c| {
            flag::put_in(c, &production(), flag_of(&json!({"key": "g", "type": "boolean"})))?;
            let failed = ff_store::segment::find_in(c, &"s".parse().unwrap());
            assert!(matches!(failed, Err(StoreError::Query(_))));
            Ok(())
        });
        assert!(matches!(result, Err(StoreError::Query(_))), "{result:?}");
        assert!(matches!(find(store, "production", "g"), Err(StoreError::NotFound { .. })));
        put(store, "production", &json!({"key": "g", "type": "boolean"})).unwrap();
    });
}

#[cfg(not(feature = "pg-tls"))]
#[test]
fn tls_is_refused_with_its_reason_where_it_is_not_built_in() {
    let config = StoreConfig::new("postgres://ff@127.0.0.1:1/ff?sslmode=require".parse().unwrap());
    let error = Store::open(&config).unwrap_err();
    assert!(chain(&error).contains("SSL support is not compiled in"), "{}", chain(&error));
}

#[test]
fn while_the_server_is_known_to_be_gone_nobody_waits_for_it() {
    let Some(postgres) = Postgres::start() else { return };
    let patience = Duration::from_secs(240);
    let store = Store::open(&StoreConfig { connections_max: 4, acquire_timeout: patience, ..patient(&migrated(&postgres)) }).unwrap();
    put(&store, "production", &flag_json()).unwrap();
    postgres.stop();
    let start = Instant::now();
    let nobody_has_waited = || assert!(start.elapsed() < patience / 2, "{:?}", start.elapsed());
    // Whoever finds out waits a moment: the server might be back. Then nobody does, readers and writers alike.
    for _ in 0..50 {
        assert!(matches!(find(&store, "production", "f"), Err(StoreError::Unavailable(_))));
        assert!(matches!(put(&store, "production", &flag_json()), Err(StoreError::Unavailable(_))));
        nobody_has_waited();
    }
    // Nor all at once: those who came in the same moment.
    std::thread::scope(|threads| {
        let ask = || matches!(find(&store, "production", "f"), Err(StoreError::Unavailable(_)));
        let asking: Vec<_> = (0..50).map(|_| threads.spawn(ask)).collect();
        assert!(asking.into_iter().all(|thread| thread.join().unwrap()));
    });
    nobody_has_waited();
    postgres.restart();
    put(&store, "production", &json!({"key": "g", "type": "boolean"})).unwrap();
}

#[test]
fn while_the_server_is_known_to_hang_nobody_asks_it_but_who_looks_whether_it_answers() {
    let Some(postgres) = Postgres::start() else { return };
    let store = impatient(&postgres.empty_database(), 2);
    store.migrate().unwrap();
    put(&store, "production", &flag_json()).unwrap();
    for _ in 0..2 {
        // So that there are two connections.
        let barrier = std::sync::Barrier::new(2);
        let wait = |_: &mut change::Change<'_>| {
            barrier.wait();
            Ok::<_, StoreError>(())
        };
        std::thread::scope(|threads| {
            for id in ["a", "b"] {
                let store = &store;
                threads.spawn(move || change::run(store, &tenant(id), &author("ann", NOW), wait).unwrap());
            }
        });
        let frozen = postgres.freeze();
        std::thread::scope(|threads| {
            // They have both connections, and wait until the end.
            let stuck: Vec<_> = (0..2).map(|_| threads.spawn(|| in_the_end(|| find(&store, "production", "f")))).collect();
            eventually("both to have a connection", || {
                let pool = store.pool_state();
                (pool.connections == 2 && pool.idle == 0).then_some(())
            });
            store.note_hanging();
            is_unavailable(|| find(&store, "production", "f"));
            is_unavailable(|| put(&store, "production", &flag_json()));
            is_unavailable(|| store.ping());
            is_unavailable(|| store.probing().ping());
            // Once more changes nothing: theirs have not come back.
            store.note_hanging();
            is_unavailable(|| store.probing().ping());
            assert!(stuck.iter().all(|thread| !thread.is_finished()));
            drop(frozen);
            in_the_end(|| store.probing().ping());
            is_unavailable(|| find(&store, "production", "f"));
            store.note_answering();
            find(&store, "production", "f").unwrap();
            stuck.into_iter().for_each(|thread| drop(thread.join().unwrap()));
        });
        let pool = store.pool_state();
        assert!(pool.connections <= 2 && pool.connections_max == 2, "{pool:?}");
    }
}

#[test]
fn a_store_that_is_opened_while_the_server_is_away_is_usable_once_it_was_migrated() {
    let Some(postgres) = Postgres::start() else { return };
    let dsn = postgres.empty_database();
    postgres.stop();
    let config = patient(&dsn);
    assert!(matches!(Store::open(&config), Err(StoreError::Unavailable(_))));
    let store = Store::open_later(&config);
    is_unavailable(|| store.ping());
    is_unavailable(|| store.migrate());
    postgres.restart();
    // Its tables may be those of another version, or missing: nobody may look before they are up to date.
    is_unavailable(|| store.ping());
    is_unavailable(|| put(&store, "production", &flag_json()));
    assert!(!store.migrate().unwrap().is_empty());
    in_the_end(|| put(&store, "production", &flag_json()));
    in_the_end(|| find(&store, "production", "f"));
}

#[test]
fn a_database_that_isolates_transactions_by_default_is_used_as_any_other() {
    const WRITERS: usize = 6;
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    database.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database()); END $$",
    );
    let store = TestStore::on(database);
    for round in 0..20 {
        let request = KeyedRequest { key_digest: format!("key-{round}"), request_digest: String::new() };
        let answer = KeptAnswer { status: 204, etag: None, location: None, revision: None, body: None };
        let barrier = std::sync::Barrier::new(WRITERS);
        let keep = || {
            barrier.wait();
            idempotency::keep(&store, &acme(), &request, author("ann", NOW).at, &answer, None).unwrap()
        };
        let kept: usize = std::thread::scope(|threads| {
            let keeping: Vec<_> = (0..WRITERS).map(|_| threads.spawn(keep)).collect();
            keeping.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
        });
        assert_eq!(kept, 1, "round {round}");
    }
}

#[test]
fn a_database_that_takes_no_writes_is_unavailable_and_no_fault_of_ours() {
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    let store = TestStore::on(database);
    put(&store, "production", &flag_json()).unwrap();
    // As a standby, or a primary that became one.
    store
        .database()
        .execute("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$");
    let reader = impatient(store.database().dsn(), 2);
    is_unavailable(|| put(&reader, "production", &json!({"key": "g", "type": "boolean"})));
    find(&reader, "production", "f").unwrap();
}

#[test]
fn whatever_lock_is_waited_for_too_long_it_is_unavailable() {
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    let store = TestStore::on(database);
    let impatient = impatient(store.database().dsn(), 2);
    put_segment(&store, &json!({"key": "s"})).unwrap();
    put(&store, "production", &flag_json()).unwrap();
    let mut other = PgConnection::establish(store.database().dsn()).unwrap();
    other.batch_execute("BEGIN; UPDATE segments SET name = name; INSERT INTO idempotency VALUES ('acme', 'key', '', 0, 200)").unwrap();
    // Not the tenant's lock, but one that comes later in the change.
    is_unavailable(|| put_segment(&impatient, &json!({"key": "s", "name": "new"})));
    let request = KeyedRequest { key_digest: "key".to_owned(), request_digest: String::new() };
    let answer = KeptAnswer { status: 204, etag: None, location: None, revision: None, body: None };
    is_unavailable(|| idempotency::keep(&impatient, &acme(), &request, author("ann", 0).at, &answer, None));
    // Readers wait for nobody but for somebody who rebuilds the table.
    other.batch_execute("LOCK TABLE flags IN ACCESS EXCLUSIVE MODE").unwrap();
    is_unavailable(|| find(&impatient, "production", "f"));
    is_unavailable(|| ruleset::load(&impatient, &acme()));
    other.batch_execute("ROLLBACK").unwrap();
    find(&impatient, "production", "f").unwrap();
    put_segment(&impatient, &json!({"key": "s", "name": "new"})).unwrap();
}

#[test]
fn a_writer_that_is_never_heard_of_again_does_not_keep_others_waiting_for_ever() {
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    let store = TestStore::on(database);
    let soon = StoreConfig { connections_max: 1, busy_timeout: Duration::from_millis(200), ..patient(store.database().dsn()) };
    let [vanishing, others] = [&soon, &soon].map(|config| Store::open(config).unwrap());
    // As a machine whose network is gone: to the server it looks like a client that thinks.
    let vanished: Result<(), StoreError> = change::run(&vanishing, &acme(), &author("ann", NOW), |c| {
        flag::put_in(c, &production(), flag_of(&flag_json()))?;
        eventually("another one to write", || put(&others, "production", &json!({"key": "g", "type": "boolean"})).ok());
        Ok(())
    });
    assert!(matches!(vanished, Err(StoreError::Unavailable(_))), "{vanished:?}");
    assert!(matches!(find(&store, "production", "f"), Err(StoreError::NotFound { .. })));
    put(&vanishing, "production", &flag_json()).unwrap();
}

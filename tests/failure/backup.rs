//! A backup that was made while the server wrote is the state of one moment, and a server starts on it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ff_test_support::{Client, Postgres, TestDatabase, eventually};

use crate::{admin, flag, setup};

/// Writes to a server on `dsn`, has `back_up` make a backup meanwhile, and starts a server on what it gives. It holds all that was
/// acknowledged before, and of what was written meanwhile the beginning.
fn holds_one_moment(dsn: &str, back_up: impl FnOnce() -> String) {
    let server = setup().variable("DB_DSN", dsn).start();
    let (api, is_over, acknowledged) = (admin(&server), AtomicBool::new(false), AtomicU64::new(0));
    let write = |writer: usize| {
        // Bounded, so that a failure below is no endless test.
        for i in (0..10_000).take_while(|_| !is_over.load(Ordering::Relaxed)) {
            api.post("/v1/flags", &flag(&format!("f-{writer}-{i}"))).created();
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    };
    let write = &write;
    let (restored, before) = std::thread::scope(|scope| {
        (0..3).for_each(|writer| drop(scope.spawn(move || write(writer))));
        let reaches = |count: u64| eventually("writes", || (acknowledged.load(Ordering::Relaxed) >= count).then_some(()));
        reaches(40);
        let before = acknowledged.load(Ordering::Relaxed);
        let restored = back_up();
        reaches(acknowledged.load(Ordering::Relaxed) + 10);
        is_over.store(true, Ordering::Relaxed);
        (restored, before)
    });
    let after = revisions(&api);
    let second = setup().variable("DB_DSN", &restored).start();
    let api = admin(&second);
    let found = revisions(&api);
    assert!(found.iter().copied().eq(1..=found.len() as u64), "a log without gaps: {found:?}");
    assert!((before..after.len() as u64).contains(&(found.len() as u64)), "{before} before, {} found, {} after", found.len(), after.len());
    assert_eq!(api.all("/v1/flags").len(), found.len(), "flags and log are of one moment");
    assert_eq!(api.get("/v1/users/u/flags").ok()["items"].as_array().unwrap().len(), found.len());
    api.post("/v1/flags", &flag("new")).created();
    assert_eq!(revisions(&api).len(), found.len() + 1);
}

/// Oldest first.
fn revisions(api: &Client) -> Vec<u64> {
    api.all("/v1/audit").iter().rev().map(|entry| entry["revision"].as_u64().unwrap()).collect()
}

#[test]
fn a_copy_by_vacuum_of_a_sqlite_database_in_use_is_whole() {
    let database = TestDatabase::sqlite();
    let copy = format!("{}-copy.db", database.dsn().trim_start_matches("sqlite://"));
    holds_one_moment(database.dsn(), || {
        database.execute(&format!("VACUUM INTO '{copy}'"));
        format!("sqlite://{copy}")
    });
}

#[test]
fn a_dump_of_a_postgresql_database_in_use_is_whole() {
    let Some(postgres) = Postgres::start() else { return };
    if ["pg_dump", "pg_restore"].iter().any(|program| Postgres::program(program).is_none()) {
        return;
    }
    let (dsn, restored) = (postgres.empty_database(), postgres.empty_database());
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("ff.dump");
    let run = |program: &str, arguments: [&str; 3]| {
        let done = Postgres::program(program).unwrap().args(arguments).arg(&dump).output().unwrap();
        assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    };
    holds_one_moment(&dsn, || {
        run("pg_dump", ["--format=custom", &format!("--dbname={dsn}"), "--file"]);
        run("pg_restore", ["--exit-on-error", "--no-owner", &format!("--dbname={restored}")]);
        restored.clone()
    });
}

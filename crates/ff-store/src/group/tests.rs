use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use ff_core::{EnvironmentKey, Flag, TenantId, Timestamp};
use serde_json::json;

use crate::change::{self, Author, Change};
use crate::connection::Link;
use crate::{AuditFilter, PageRequest, Revision, Scope, Store, StoreConfig, StoreError, audit, flag};

type Result<T> = std::result::Result<T, StoreError>;

const PATIENCE: Duration = Duration::from_secs(60);

fn store(folder: &tempfile::TempDir) -> Store {
    let usual = StoreConfig::new(format!("sqlite://{}/ff.db", folder.path().display()).parse().unwrap());
    // Nobody gives up waiting because the machine is busy.
    let store = Store::open(&StoreConfig { acquire_timeout: PATIENCE, busy_timeout: PATIENCE, ..usual }).unwrap();
    store.migrate().unwrap();
    store
}

fn acme() -> TenantId {
    "acme".parse().unwrap()
}

fn put(change: &mut Change<'_>, key: &str) -> Result<()> {
    let flag = Flag::from_value(&json!({"key": key, "type": "boolean"})).unwrap();
    flag::put_in(change, &EnvironmentKey::production(), flag).map(drop)
}

fn write<T>(store: &Store, work: impl FnOnce(&mut Change<'_>) -> Result<T>) -> Result<T> {
    change::run(store, &acme(), &Author { actor: "ann".into(), request_id: None, at: Timestamp::EPOCH }, work)
}

/// Whether the flag is there, for a reader on another connection.
fn is_there(store: &Store, key: &str) -> bool {
    flag::find(store, &Scope::new(acme(), EnvironmentKey::production()), &key.parse().unwrap()).is_ok()
}

fn revisions(store: &Store) -> Vec<i64> {
    let page = audit::page(store, &acme(), &AuditFilter::default(), &PageRequest::default()).unwrap();
    page.items.iter().rev().map(|entry| entry.revision.get()).collect()
}

fn wait_until(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
}

type Work<'a> = &'a (dyn Fn(&mut Change<'_>) -> Result<()> + Sync);

/// A change in which `first` is done once all `others` wait for their turns, which they then get in any order: one group.
/// Gives the results, the first one's at first.
fn together(store: &Store, first: Work<'_>, others: &[Work<'_>]) -> Vec<std::thread::Result<Result<()>>> {
    let (has_begun, groups) = (AtomicBool::new(false), store.groups().unwrap());
    std::thread::scope(|threads| {
        let has_begun = &has_begun;
        let leader = threads.spawn(move || {
            write(store, |change| {
                has_begun.store(true, Ordering::SeqCst);
                wait_until(|| groups.waiting() == others.len());
                first(change)
            })
        });
        wait_until(|| has_begun.load(Ordering::SeqCst));
        let others: Vec<_> = others.iter().copied().map(|work| threads.spawn(move || write(store, work))).collect();
        std::iter::once(leader).chain(others).map(|thread| thread.join()).collect()
    })
}

/// Leaves the transaction in a state in which it cannot be committed: a row that refers to nothing, found out at the end.
fn poison(change: &mut Change<'_>) {
    let Link::Sqlite(c) = change.link() else { panic!("SQLite only") };
    let orphan = "INSERT INTO environments VALUES ('nobody', 'id', 'key', '', '', 0, 0, NULL)";
    c.batch_execute(&format!("PRAGMA defer_foreign_keys = ON; {orphan};")).unwrap();
}

#[test]
fn nobody_sees_a_change_before_the_last_of_its_group_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let seen = AtomicUsize::new(0);
    let look = |change: &mut Change<'_>, key: &str| {
        // A change sees those before it, whoever made them; readers do not yet.
        seen.fetch_add(usize::from(change.revision() > Revision::ZERO), Ordering::SeqCst);
        assert!(!is_there(&store, "a") && !is_there(&store, "b"));
        put(change, key)
    };
    let results = together(&store, &|c| look(c, "a"), &[&|c| look(c, "b"), &|c| look(c, "c")]);
    assert!(results.into_iter().all(|result| result.unwrap().is_ok()));
    assert_eq!(seen.load(Ordering::SeqCst), 2);
    assert!(["a", "b", "c"].iter().all(|key| is_there(&store, key)));
    assert_eq!(revisions(&store), [1, 2, 3]);
}

#[test]
fn a_change_that_is_refused_or_panics_takes_nothing_from_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let refuse = |change: &mut Change<'_>| {
        put(change, "refused")?;
        Err(StoreError::PageToken)
    };
    let panic = |change: &mut Change<'_>| {
        put(change, "panicked")?;
        panic!("as asked")
    };
    let results = together(&store, &|c| put(c, "a"), &[&refuse, &|c| put(c, "b"), &panic, &|_| Ok(()), &|c| put(c, "c")]);
    let [a, refused, b, panicked, nothing, c]: [_; 6] = results.try_into().unwrap();
    assert!([a, b, nothing, c].into_iter().all(|result| result.unwrap().is_ok()));
    assert!(matches!(refused.unwrap(), Err(StoreError::PageToken)) && panicked.is_err());
    assert!(["a", "b", "c"].iter().all(|key| is_there(&store, key)));
    assert!(!is_there(&store, "refused") && !is_there(&store, "panicked"));
    assert_eq!(revisions(&store), [1, 2, 3]);
}

#[test]
fn a_commit_that_fails_fails_everyone_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let poisoned = |change: &mut Change<'_>| {
        put(change, "b")?;
        poison(change);
        Ok(())
    };
    let refused = |_: &mut Change<'_>| Err(StoreError::PageToken);
    let results = together(&store, &|c| put(c, "a"), &[&poisoned, &|_| Ok(()), &refused, &|c| put(c, "c")]);
    // Also those that wrote nothing: what they saw is not there.
    assert!(results.into_iter().all(|result| matches!(result.unwrap(), Err(StoreError::Query(_)))));
    assert!(["a", "b", "c"].iter().all(|key| !is_there(&store, key)));
    write(&store, |change| put(change, "d")).unwrap();
    assert_eq!(revisions(&store), [1]);
}

#[test]
fn what_cannot_be_taken_back_takes_the_group_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    // As SQLite does by itself when it runs out of disk or memory.
    let lost = |change: &mut Change<'_>| {
        let Link::Sqlite(c) = change.link() else { panic!("SQLite only") };
        c.batch_execute("ROLLBACK").unwrap();
        Err(StoreError::PageToken)
    };
    let results = together(&store, &|c| put(c, "a"), &[&lost]);
    assert!(results.into_iter().all(|result| matches!(result.unwrap(), Err(StoreError::Unavailable(_)))));
    assert!(!is_there(&store, "a"));
    write(&store, |change| put(change, "b")).unwrap();
    assert_eq!(revisions(&store), [1]);
}

#[test]
fn a_state_is_left_to_the_changes_after_and_only_if_its_change_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let held = std::sync::Mutex::new(Vec::new());
    let leave = |change: &mut Change<'_>, key: &str, state: u32| {
        put(change, key)?;
        let state = std::sync::Arc::new(state);
        change.leave(&state);
        held.lock().unwrap().push(state);
        Ok::<_, StoreError>(())
    };
    let left = |change: &Change<'_>| change.left::<u32>().map(|state| *state);
    let refused = |change: &mut Change<'_>| {
        assert!([Some(1), Some(3)].contains(&left(change)));
        leave(change, "refused", 2)?;
        Err(StoreError::PageToken)
    };
    let second = |change: &mut Change<'_>| {
        assert_eq!(left(change), Some(1));
        leave(change, "b", 3)
    };
    let results = together(&store, &|c| leave(c, "a", 1), &[&refused, &second]);
    assert_eq!(results.into_iter().filter(|result| matches!(result, Ok(Ok(())))).count(), 2);
    // Also to the group that comes after.
    write(&store, |change| {
        assert_eq!(left(change), Some(3));
        put(change, "c")
    })
    .unwrap();
    write(&store, |change| {
        assert_eq!(left(change), None);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_panic_alone_ends_its_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let panicked = catch_unwind(AssertUnwindSafe(|| write::<()>(&store, |_| panic!("as asked"))));
    assert!(panicked.is_err());
    write(&store, |change| put(change, "a")).unwrap();
    assert_eq!(revisions(&store), [1]);
}

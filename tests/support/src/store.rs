//! A store for one test, and short ways to say what is put into it.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use ff_core::{EnvironmentKey, Flag, Segment, TenantId, Timestamp};
use ff_store::{Author, Store, StoreConfig};
use serde_json::Value;

use crate::database::TestDatabase;
use crate::process::PATIENCE;

/// A store on a database of its own.
#[derive(Debug)]
pub struct TestStore {
    // Before the database, so that its connections are closed first.
    store: Store,
    database: TestDatabase,
}

impl TestStore {
    /// A store on `database`.
    pub fn on(database: TestDatabase) -> Self {
        let store = Store::open(&patient(database.dsn())).unwrap();
        Self { store, database }
    }

    /// Runs `test` on SQLite and on PostgreSQL, each time with an empty database, and says which of them it failed on.
    pub fn each(test: impl Fn(&Self)) {
        let databases: [fn() -> Option<TestDatabase>; 2] = [|| Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any];
        for database in databases.into_iter().filter_map(|make| make()) {
            let store = Self::on(database);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| test(&store))) {
                eprintln!("NOTICE: this failed on {}", store.backend());
                resume_unwind(panic);
            }
        }
    }

    /// The database under it.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// How to reach the database of a test that is not about waiting: no caller is sent away because the machine is busy, its disk slow, or
/// another process always the first to get SQLite's lock.
pub fn patient(dsn: &str) -> StoreConfig {
    StoreConfig { acquire_timeout: PATIENCE, busy_timeout: PATIENCE, ..StoreConfig::new(dsn.parse().unwrap()) }
}

/// The tenant `id`.
pub fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

/// The environment `key`.
pub fn environment(key: &str) -> EnvironmentKey {
    key.parse().unwrap()
}

/// The flag that `json` describes.
pub fn flag(json: &Value) -> Flag {
    Flag::from_value(json).unwrap()
}

/// The segment that `json` describes.
pub fn segment(json: &Value) -> Segment {
    Segment::from_value(json).unwrap()
}

/// An author who writes at `millis` after 1970.
pub fn author(actor: &str, millis: i64) -> Author {
    Author { actor: actor.to_owned(), request_id: Some(format!("request-of-{actor}")), at: Timestamp::from_millis(millis) }
}

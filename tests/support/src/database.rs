//! A database for one test.

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use ff_store::Backend;
use tempfile::TempDir;

use crate::postgres::{Postgres, migrate, wait_until};

/// A database with all tables that is gone when dropped.
pub struct TestDatabase {
    dsn: String,
    backend: Backend,
    drop: Option<Box<dyn FnOnce() + Send + Sync>>,
    folder: Option<TempDir>,
}

impl std::fmt::Debug for TestDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestDatabase").field("dsn", &self.dsn).finish_non_exhaustive()
    }
}

impl TestDatabase {
    /// A SQLite database in a file of its own.
    pub fn sqlite() -> Self {
        let database = Self::sqlite_without_tables();
        migrate(database.dsn());
        database
    }

    /// A SQLite file that does not exist yet.
    pub fn sqlite_without_tables() -> Self {
        let folder = tempfile::Builder::new().prefix("ff-sqlite-").tempdir().unwrap();
        let dsn = format!("sqlite://{}", folder.path().join("ff.db").display());
        Self { dsn, backend: Backend::Sqlite, drop: None, folder: Some(folder) }
    }

    /// A PostgreSQL database, if there is PostgreSQL.
    pub fn postgres_if_any() -> Option<Self> {
        Postgres::shared().map(Postgres::database)
    }

    pub(crate) fn postgres(dsn: String, drop: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self { dsn, backend: Backend::Postgres, drop: Some(Box::new(drop)), folder: None }
    }

    /// How to reach it.
    pub fn dsn(&self) -> &str {
        &self.dsn
    }

    /// The kind of database.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Runs SQL past the store: to damage rows, for example.
    pub fn execute(&self, sql: &str) {
        match self.backend {
            Backend::Sqlite => self.sqlite_connection().batch_execute(sql).unwrap(),
            Backend::Postgres => PgConnection::establish(&self.dsn).unwrap().batch_execute(sql).unwrap(),
        }
    }

    /// Waits until `condition` holds, as PostgreSQL sees it from this database.
    ///
    /// # Panics
    /// If it does not in time, or this is SQLite.
    #[track_caller]
    pub fn wait_until(&self, what: &str, condition: &str) {
        wait_until(&self.dsn, what, condition);
    }

    fn sqlite_connection(&self) -> SqliteConnection {
        let mut connection = SqliteConnection::establish(self.dsn.trim_start_matches("sqlite://")).unwrap();
        connection.batch_execute("PRAGMA busy_timeout = 60000").unwrap();
        connection
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(drop) = self.drop.take() {
            drop();
        }
        drop(self.folder.take());
    }
}

//! The tables' history, embedded, run by one process at a time.

use std::time::Duration;

use diesel::RunQueryDsl;
use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::connection::{Link, Manager};
use crate::error::{Cause, StoreError};

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Names the lock among the advisory locks of a PostgreSQL database: `ff` and `migr` in ASCII.
const ADVISORY_LOCK: i64 = 0x6666_6d69_6772;

/// How long a process waits for another one that migrates: a large table takes minutes.
const MIGRATION_WAIT_MAX: Duration = Duration::from_secs(600);

pub(crate) fn run_pending(manager: &Manager) -> Result<Vec<String>, StoreError> {
    alone(manager, |link| match link {
        Link::Postgres(c) => run_all(*c, POSTGRES),
        Link::Sqlite(c) => run_all(*c, SQLITE),
    })
}

pub(crate) fn revert_all(manager: &Manager) -> Result<(), StoreError> {
    alone(manager, |link| match link {
        Link::Postgres(c) => c.revert_all_migrations(POSTGRES).map(drop),
        Link::Sqlite(c) => c.revert_all_migrations(SQLITE).map(drop),
    })
}

fn run_all<C: MigrationHarness<DB>, DB: diesel::backend::Backend>(
    connection: &mut C,
    source: impl MigrationSource<DB>,
) -> Result<Vec<String>, Cause> {
    let pending = connection.pending_migrations(source)?;
    pending
        .iter()
        .map(|migration| {
            connection.run_migration(migration)?;
            Ok(migration.name().to_string())
        })
        .collect()
}

/// Runs `work` on a connection of its own, while no other process does.
fn alone<T>(manager: &Manager, work: impl FnOnce(&mut Link<'_>) -> Result<T, Cause>) -> Result<T, StoreError> {
    let mut connection = manager.connect_waiting(MIGRATION_WAIT_MAX).map_err(StoreError::unavailable)?;
    match connection.link() {
        Link::Postgres(c) => {
            diesel::sql_query(format!("SELECT pg_advisory_lock({ADVISORY_LOCK})")).execute(c)?;
            // The lock ends with its connection, which ends with this function.
            work(&mut Link::Postgres(c)).map_err(StoreError::Migration)
        }
        // All of it in one transaction, as SQLite has no lock but that of a transaction.
        Link::Sqlite(c) => c.exclusive_transaction(|c| work(&mut Link::Sqlite(c)).map_err(StoreError::Migration)),
    }
}

/// Names of the embedded migrations, oldest first, for the test that keeps the two folders in step.
#[cfg(test)]
fn names() -> (Vec<String>, Vec<String>) {
    fn of<DB: diesel::backend::Backend>(source: impl MigrationSource<DB>) -> Vec<String> {
        source.migrations().unwrap().iter().map(|migration| migration.name().to_string()).collect()
    }
    (of::<diesel::pg::Pg>(POSTGRES), of::<diesel::sqlite::Sqlite>(SQLITE))
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_databases_have_the_same_migrations() {
        let (postgres, sqlite) = super::names();
        assert_eq!(postgres, sqlite);
        assert!(!postgres.is_empty());
    }
}

//! SQLite and PostgreSQL behind one connection type, as the pool holds it.
//!
//! ADR 1 says why this is an enum with a macro and not a generic type or diesel's own derive.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::r2d2::R2D2Connection;
use diesel::{Connection as _, PgConnection, SqliteConnection};

use crate::dsn::{Backend, Dsn};
use crate::error::StoreError;

/// Runs a diesel expression on whichever database `$link` leads to. The expression is compiled once for each.
macro_rules! on {
    ($link:expr, $connection:ident => $body:expr) => {
        match $link {
            $crate::connection::Link::Postgres($connection) => {
                let $connection = &mut **$connection;
                $body
            }
            $crate::connection::Link::Sqlite($connection) => {
                let $connection = &mut **$connection;
                $body
            }
        }
    };
}
pub(crate) use on;

/// A change that lets PostgreSQL wait so many times as long for its next statement as others wait for its lock is undone.
const IDLE_FACTOR: u32 = 20;

/// And not sooner than this: between two statements rulesets are compiled.
const IDLE_MIN: Duration = Duration::from_secs(5);

/// How long a process gives way to another that switches the same new database to WAL.
const WAL_PAUSE: Duration = Duration::from_millis(5);

/// A borrowed connection, inside a transaction or not: what every query function takes.
pub(crate) enum Link<'a> {
    Postgres(&'a mut PgConnection),
    Sqlite(&'a mut SqliteConnection),
}

impl Link<'_> {
    pub(crate) fn backend(&self) -> Backend {
        match self {
            Self::Postgres(_) => Backend::Postgres,
            Self::Sqlite(_) => Backend::Sqlite,
        }
    }

    /// Runs `work` in a transaction in which all reads see one state of the database.
    pub(crate) fn consistently<T>(&mut self, work: impl FnOnce(&mut Link<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match self {
            Self::Postgres(c) => c.build_transaction().repeatable_read().read_only().run(|c| work(&mut Link::Postgres(c))),
            // In WAL mode a transaction keeps the state of its first read.
            Self::Sqlite(c) => c.transaction(|c| work(&mut Link::Sqlite(c))),
        }
    }
}

enum Open {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// A connection that the pool owns.
pub(crate) struct Connection {
    open: Open,
    /// Seen to be dead. diesel only notices that inside a transaction; without this mark a connection that the server
    /// has closed would go back to the pool and fail the next caller too.
    is_lost: bool,
}

impl Connection {
    pub(crate) fn link(&mut self) -> Link<'_> {
        match &mut self.open {
            Open::Postgres(c) => Link::Postgres(c),
            Open::Sqlite(c) => Link::Sqlite(c),
        }
    }

    pub(crate) fn ping(&mut self) -> Result<(), StoreError> {
        on!(&mut self.link(), c => c.ping()).map_err(StoreError::unavailable)
    }

    /// What `error`, given by this connection, means for the caller. diesel reports some lost connections as an error of
    /// the statement, with nothing but a text to tell them apart; so a connection that gave an error is asked for a sign of
    /// life.
    pub(crate) fn diagnose(&mut self, error: StoreError) -> StoreError {
        let is_suspect = matches!(error, StoreError::Query(_) | StoreError::Unavailable(_)) && matches!(self.open, Open::Postgres(_));
        if !is_suspect || self.ping().is_ok() {
            return error;
        }
        self.give_up();
        match error {
            StoreError::Query(cause) => StoreError::Unavailable(cause),
            error => error,
        }
    }

    /// Whether it was seen to be dead.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Sees to it that the pool does not hand this connection out again.
    pub(crate) fn give_up(&mut self) {
        self.is_lost = true;
    }
}

/// Why no connection could be made. Free of passwords, whatever the database's library wrote.
#[derive(Debug, thiserror::Error)]
#[error("no connection: {0}")]
pub(crate) struct ConnectError(String);

/// Makes connections for the pool.
pub(crate) struct Manager {
    dsn: Dsn,
    /// How long a server may take to answer.
    patience: Duration,
    /// How long a statement waits for another writer's lock.
    lock_wait: Duration,
    /// Lives as long as this does.
    life: Arc<()>,
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager").field("dsn", &self.dsn).finish_non_exhaustive()
    }
}

impl Manager {
    pub(crate) fn new(dsn: Dsn, patience: Duration, lock_wait: Duration) -> Self {
        Self { dsn, patience, lock_wait, life: Arc::default() }
    }

    /// Says as long as it can be upgraded that this is not dropped.
    pub(crate) fn life(&self) -> Weak<()> {
        Arc::downgrade(&self.life)
    }

    pub(crate) fn backend(&self) -> Backend {
        self.dsn.backend()
    }

    /// A connection of its own, outside the pool.
    pub(crate) fn connect(&self) -> Result<Connection, ConnectError> {
        self.connect_waiting(self.lock_wait)
    }

    /// A connection of its own, outside the pool, that waits `lock_wait` for locks.
    pub(crate) fn connect_waiting(&self, lock_wait: Duration) -> Result<Connection, ConnectError> {
        let address = self.dsn.address(self.patience);
        let millis = lock_wait.as_millis();
        let open = match self.dsn.backend() {
            Backend::Postgres => PgConnection::establish(&address).map_err(|error| self.refused(&error)).and_then(|mut c| {
                let idle = lock_wait.saturating_mul(IDLE_FACTOR).max(IDLE_MIN).as_millis();
                // A machine that vanishes in the middle of a change would keep its tenant locked until the server's TCP gives up, after
                // two hours. And a database may have been told to isolate more than is needed here: every change takes its tenant's lock
                // first, and no statement relies on a state from before a wait.
                let settings = format!(
                    "SET lock_timeout = {millis}; SET idle_in_transaction_session_timeout = {idle}; \
                     SET default_transaction_isolation = 'read committed'"
                );
                c.batch_execute(&settings).map_err(|error| self.refused(&error))?;
                Ok(Open::Postgres(c))
            }),
            Backend::Sqlite => SqliteConnection::establish(&address).map_err(|error| self.refused(&error)).and_then(|mut c| {
                // `synchronous = FULL` syncs the log at each commit. For a process that is killed NORMAL would do, since
                // what was written is then in the system's hands; FULL keeps an acknowledged change when the power fails
                // too. Changes are made by people, some a minute, so its price (a sync each) is not felt.
                c.batch_execute(&format!("PRAGMA busy_timeout = {millis}; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"))
                    .and_then(|()| switch_to_wal(&mut c, lock_wait))
                    .map_err(|error| self.refused(&error))?;
                Ok(Open::Sqlite(c))
            }),
        };
        Ok(Connection { open: open?, is_lost: false })
    }

    pub(crate) fn refused(&self, error: &dyn std::error::Error) -> ConnectError {
        ConnectError(self.dsn.scrub(error.to_string().trim()))
    }
}

/// The first switch of a new database needs it alone, and SQLite does not wait for that: where two processes hold it while each
/// wants it alone, waiting would never end. So one gives way and tries again. Later switches change nothing, and do not wait.
fn switch_to_wal(connection: &mut SqliteConnection, lock_wait: Duration) -> Result<(), diesel::result::Error> {
    let start = Instant::now();
    loop {
        match connection.batch_execute("PRAGMA journal_mode = WAL;") {
            Err(diesel::result::Error::DatabaseError(_, info)) if info.message().contains("locked") && start.elapsed() < lock_wait => {
                std::thread::sleep(WAL_PAUSE);
            }
            result => return result,
        }
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Connection;
    type Error = ConnectError;

    fn connect(&self) -> Result<Connection, ConnectError> {
        Manager::connect(self)
    }

    fn is_valid(&self, connection: &mut Connection) -> Result<(), ConnectError> {
        on!(&mut connection.link(), c => c.ping()).map_err(|error| self.refused(&error))
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        // While a thread panics its transaction may still be open.
        connection.is_lost || std::thread::panicking() || on!(&mut connection.link(), c => c.is_broken())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_may_open_a_new_file_at_once() {
        for _ in 0..100 {
            let folder = tempfile::tempdir().unwrap();
            let dsn: Dsn = format!("sqlite://{}/new.db", folder.path().display()).parse().unwrap();
            // Longer than any disk takes for the few syncs of a new file: the claim is that each gets in, not when.
            let patience = Duration::from_secs(60);
            let manager = Manager::new(dsn, patience, patience);
            let barrier = std::sync::Barrier::new(8);
            std::thread::scope(|scope| {
                let open = || {
                    barrier.wait();
                    manager.connect_waiting(patience).map(drop)
                };
                let all: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
                for one in all {
                    one.join().unwrap().unwrap();
                }
            });
        }
    }
}

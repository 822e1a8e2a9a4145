//! What can go wrong in the store, by what the caller can do about it.

use std::time::{Duration, Instant};

use diesel::result::{DatabaseErrorKind, Error as QueryError};

use crate::audit::Entity;
use crate::dsn::DsnError;

/// A lower error, for the log: reached through [`source`](std::error::Error::source), never part of a message.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a read or a write did not happen.
///
/// A write that fails has left nothing behind. No message and no cause holds a password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The entity is not there, was deleted, or belongs to another tenant.
    #[error("there is no {entity} `{key}`")]
    NotFound {
        /// What was looked for.
        entity: Entity,
        /// Under which key.
        key: String,
    },
    /// Another entity stands in the way.
    #[error("{message}")]
    Conflict {
        /// Stable name of the conflict: `variant_in_use`, `environment_in_use`, `environment_protected`.
        code: &'static str,
        /// What is in the way, for people.
        message: String,
        /// Who is in the way, one text each.
        used_by: Vec<String>,
    },
    /// The page token was made by another list.
    #[error("the page token belongs to another list")]
    PageToken,
    /// The database is away or busy, or no connection came free in time. Worth a retry later.
    #[error("the database is unavailable")]
    Unavailable(#[source] Cause),
    /// The database refused a statement that should have worked: our fault.
    #[error("a database query failed")]
    Query(#[source] Cause),
    /// A row does not say what a row of its table must say: damage from outside, or our fault.
    #[error("row `{id}` of `{table}` does not parse: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's id in it.
        id: String,
        /// What does not parse.
        reason: String,
    },
    /// The tables could not be brought up to date.
    #[error("the database could not be migrated")]
    Migration(#[source] Cause),
    /// The data source name cannot be used.
    #[error(transparent)]
    Dsn(#[from] DsnError),
}

impl StoreError {
    pub(crate) fn not_found(entity: Entity, key: impl ToString) -> Self {
        Self::NotFound { entity, key: key.to_string() }
    }

    pub(crate) fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// What the error of statements means that began at `asked`, each of which waits `patience` for a lock. diesel does not pass
    /// PostgreSQL's code for a lock timeout on, and its text is in the server's language. But hardly anything else takes that long.
    pub(crate) fn after(self, asked: Instant, patience: Duration) -> Self {
        match self {
            Self::Query(cause) if asked.elapsed() >= patience => Self::Unavailable(cause),
            error => error,
        }
    }
}

impl From<CorruptRow> for StoreError {
    fn from(row: CorruptRow) -> Self {
        Self::Corrupt { table: row.table, id: row.id, reason: row.reason }
    }
}

impl From<QueryError> for StoreError {
    fn from(error: QueryError) -> Self {
        if is_transient(&error) { Self::Unavailable(error.into()) } else { Self::Query(error.into()) }
    }
}

/// What SQLite says where waiting or another disk would help. diesel passes its result code on as text only.
const SQLITE_TRANSIENT: [&str; 5] =
    ["database is locked", "database table is locked", "unable to open database file", "disk I/O error", "database or disk is full"];

fn is_transient(error: &QueryError) -> bool {
    match error {
        QueryError::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _)
        | QueryError::BrokenTransactionManager => true,
        // A standby takes no writes, and may end a long read to catch up with its primary.
        QueryError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction | DatabaseErrorKind::SerializationFailure, _) => true,
        QueryError::DatabaseError(_, information) => SQLITE_TRANSIENT.contains(&information.message()),
        QueryError::RollbackErrorOnCommit { rollback_error, commit_error } => is_transient(rollback_error) || is_transient(commit_error),
        _ => false,
    }
}

/// A row that was skipped because it does not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorruptRow {
    /// The table.
    pub table: &'static str,
    /// The row's id in it; where several columns make it, with slashes between.
    pub id: String,
    /// What does not parse.
    pub reason: String,
}

impl CorruptRow {
    pub(crate) fn new(table: &'static str, id: impl Into<String>, reason: impl ToString) -> Self {
        Self { table, id: id.into(), reason: reason.to_string() }
    }

    /// Says so in the log. A list goes on without the row, so this is where its loss is handled.
    pub(crate) fn log(&self) {
        log::error!("row `{}` of `{}` does not parse and was skipped: {}", self.id, self.table, self.reason);
    }
}

//! Group commit: changes that wait for SQLite's write lock share a transaction, and with it the sync to disk.
//!
//! A commit costs a sync, and nobody can write meanwhile. So whoever ends its change while others wait leaves the
//! transaction open to the next one, and the last one commits for all. Each change stands in a savepoint of its own: one
//! that fails takes back what it wrote and nothing else. Nobody is answered before the commit, whatever the answer is, since
//! each change has seen those before it. ADR 7 has the figures.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::{QueryResult, SqliteConnection};
use r2d2::PooledConnection;

use crate::connection::{Link, Manager};
use crate::error::StoreError;
use crate::memory::Memory;
use crate::store::Store;
use crate::writers::{Turn, Writers};

/// Changes in one transaction at most, so that the first of them is not made to wait for ever by those that come after.
const MEMBERS_MAX: usize = 64;

/// The writers of one SQLite database.
pub(crate) type Groups = Writers<Left>;

/// What a writer leaves to the next one.
pub(crate) enum Left {
    /// An open transaction, to be gone on with and committed.
    Open(Box<Group>),
    /// What the changes before have made; their transaction is committed.
    Committed(Memory),
}

/// An open transaction in which several changes are made, one after another.
pub(crate) struct Group {
    connection: PooledConnection<Manager>,
    members: usize,
    is_written: bool,
    /// A change could not be taken back: nothing of the transaction can be trusted.
    is_broken: bool,
    memory: Memory,
    outcome: Arc<Outcome>,
}

/// How the transaction ended, once it has.
#[derive(Default)]
struct Outcome {
    ended: Mutex<Option<Result<(), Arc<StoreError>>>>,
    is_known: Condvar,
}

/// The transaction that changes of several writers shared did not come to be.
#[derive(Debug, thiserror::Error)]
#[error("the transaction was not committed")]
struct NotCommitted(#[source] Arc<StoreError>);

impl Outcome {
    fn announce(&self, result: Result<(), StoreError>) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.map_err(Arc::new));
        self.is_known.notify_all();
    }

    fn wait(&self) -> Result<(), StoreError> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = self.is_known.wait_while(ended, |ended| ended.is_none()).unwrap_or_else(PoisonError::into_inner);
        match ended.as_ref() {
            Some(Err(error)) => Err(match &**error {
                StoreError::Unavailable(_) => StoreError::Unavailable(NotCommitted(error.clone()).into()),
                _ => StoreError::Query(NotCommitted(error.clone()).into()),
            }),
            Some(Ok(())) | None => Ok(()),
        }
    }
}

impl Group {
    /// A turn to write, in the transaction that is open or in a new one.
    pub(crate) fn join<'a>(store: &Store, writers: &'a Groups) -> Result<(Turn<'a, Left>, Box<Self>), StoreError> {
        let turn = writers.turn(store.busy_timeout()).ok_or_else(|| StoreError::unavailable("other writers took too long"))?;
        match turn {
            (turn, Some(Left::Open(group))) => Ok((turn, group)),
            (turn, Some(Left::Committed(memory))) => Ok((turn, Box::new(Self::begin(store, memory)?))),
            (turn, None) => Ok((turn, Box::new(Self::begin(store, Memory::default())?))),
        }
    }

    fn begin(store: &Store, memory: Memory) -> Result<Self, StoreError> {
        let connection = store.connection_for_writing()?;
        let mut group = Self { connection, members: 0, is_written: false, is_broken: false, memory, outcome: Arc::default() };
        // A transaction that only begins to write after it has read could find that another process wrote in between, and
        // would have to fail at once; one that starts as a writer waits.
        group.sqlite(|c| AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"))?;
        Ok(group)
    }

    fn sqlite(&mut self, work: impl FnOnce(&mut SqliteConnection) -> QueryResult<()>) -> Result<(), StoreError> {
        match self.connection.link() {
            Link::Sqlite(c) => Ok(work(c)?),
            Link::Postgres(_) => Err(StoreError::Query("groups are for SQLite".into())),
        }
    }

    /// Begins a change of its own inside the transaction.
    pub(crate) fn begin_member(&mut self) -> Result<(), StoreError> {
        self.members += 1;
        self.sqlite(|c| c.batch_execute("SAVEPOINT change"))
    }

    /// The transaction, and what was left for changes in it.
    pub(crate) fn parts(&mut self) -> (Link<'_>, &mut Memory) {
        (self.connection.link(), &mut self.memory)
    }

    /// Keeps what the change has written.
    pub(crate) fn keep_member(&mut self) -> Result<(), StoreError> {
        let released = self.sqlite(|c| c.batch_execute("RELEASE change"));
        match &released {
            Ok(()) => self.is_written = true,
            Err(_) => self.is_broken = true,
        }
        released
    }

    /// Takes back what the change has written. SQLite may have taken back all of the transaction already, where it ran out
    /// of disk or memory; then the savepoint is gone, and the others must not be told that they were committed.
    pub(crate) fn undo_member(&mut self) {
        self.is_broken |= self.sqlite(|c| c.batch_execute("ROLLBACK TO change; RELEASE change")).is_err();
    }

    /// Ends the change's turn: the transaction is left to a writer that waits, or ended. Then waits until it has ended.
    pub(crate) fn settle(self: Box<Self>, turn: Turn<'_, Left>) -> Result<(), StoreError> {
        let outcome = self.outcome.clone();
        if self.members >= MEMBERS_MAX || self.is_broken {
            self.end(turn);
        } else if let Err((turn, Left::Open(group))) = turn.leave(Left::Open(self)) {
            // Nobody waits.
            group.end(turn);
        }
        outcome.wait()
    }

    fn end(mut self: Box<Self>, turn: Turn<'_, Left>) {
        let result = if self.is_broken {
            // It may be gone already; a connection in doubt is not used again.
            self.sqlite(AnsiTransactionManager::rollback_transaction).ok();
            self.connection.give_up();
            Err(StoreError::unavailable("a change could not be taken back"))
        } else if self.is_written {
            self.sqlite(AnsiTransactionManager::commit_transaction)
        } else {
            self.sqlite(AnsiTransactionManager::rollback_transaction)
        };
        let Self { connection, memory, outcome, .. } = *self;
        let is_committed = result.is_ok();
        // First the connection, so that the next writer finds it; then its turn, so that it works while the members of this
        // group are woken.
        drop(connection);
        if is_committed {
            turn.leave_note(Left::Committed(memory));
        } else {
            drop(turn);
        }
        outcome.announce(result);
    }
}

#[cfg(test)]
mod tests;

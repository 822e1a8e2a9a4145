//! Whether the database is known to be away or to hang, so that callers need not find that out one by one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use crate::connection::{ConnectError, Connection, Manager};
use crate::error::StoreError;

/// Open while the last attempt to connect has failed. Callers who would need a new connection are then told at once, but for one at a
/// time, who looks for himself: where the database refuses connections, that takes no time either, and where it does not answer
/// at all, only one caller waits for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Circuit(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_open: AtomicBool,
    /// Whether the database is known to take questions and answer none.
    hangs: AtomicBool,
    probing: Mutex<()>,
    /// What was last said about why it is open.
    said: Mutex<String>,
}

/// What a caller is told who was not let through.
#[derive(Debug, thiserror::Error)]
#[error("the database was away a moment ago, and somebody else looks for it now")]
struct KnownAway;

/// What a caller is told while the database hangs.
#[derive(Debug, thiserror::Error)]
#[error("it has not answered for too long, and is not asked until it does")]
struct Hangs;

impl Circuit {
    /// Notes whether the database takes questions and answers none.
    pub(crate) fn note_hanging(&self, hangs: bool) {
        self.0.hangs.store(hangs, Ordering::Release);
    }

    /// Lets callers through who have a question.
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable): the database is known to hang.
    pub(crate) fn ask(&self) -> Result<(), StoreError> {
        if self.0.hangs.load(Ordering::Acquire) { Err(StoreError::unavailable(Hangs)) } else { Ok(()) }
    }

    /// Lets the caller through who may wait for a new connection.
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable): the database is known to be away.
    pub(crate) fn pass(&self, manager: &Manager) -> Result<(), StoreError> {
        if !self.0.is_open.load(Ordering::Relaxed) {
            return Ok(());
        }
        let _turn = match self.0.probing.try_lock() {
            Ok(turn) => turn,
            // Nothing is guarded but the turn itself.
            Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(StoreError::unavailable(KnownAway)),
        };
        r2d2::ManageConnection::connect(manager).map_err(StoreError::unavailable)?;
        self.0.is_open.store(false, Ordering::Relaxed);
        Ok(())
    }
}

impl r2d2::HandleError<ConnectError> for Circuit {
    fn handle_error(&self, error: ConnectError) {
        let was_open = self.0.is_open.swap(true, Ordering::Relaxed);
        let reason = error.to_string();
        let mut said = self.0.said.lock().unwrap_or_else(PoisonError::into_inner);
        // The pool tries several times a second. What is said again and again hides what is not.
        if was_open && *said == reason {
            log::debug!("{reason}");
        } else {
            log::error!("{reason}");
        }
        *said = reason;
    }
}

impl r2d2::CustomizeConnection<Connection, ConnectError> for Circuit {
    fn on_acquire(&self, _: &mut Connection) -> Result<(), ConnectError> {
        self.0.is_open.store(false, Ordering::Relaxed);
        Ok(())
    }
}

//! One writer at a time, where the database has room for one only.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A queue in front of SQLite's single write lock.
///
/// SQLite makes waiting writers sleep and try again, with no regard to who came first, and each of them would hold a
/// pooled connection meanwhile. Here writers of this process wait before they take a connection, are woken at once, and
/// leave the busy timeout to writers of other processes.
#[derive(Debug, Default)]
pub(crate) struct Writers {
    is_busy: Mutex<bool>,
    freed: Condvar,
}

/// The right to write, until dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a>(&'a Writers);

impl Writers {
    /// Waits for the others, `patience` at most.
    pub(crate) fn turn(&self, patience: Duration) -> Option<Turn<'_>> {
        // A panic elsewhere cannot leave a flag half set, so a poisoned lock is as good as any.
        let is_busy = self.is_busy.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut is_busy, wait) =
            self.freed.wait_timeout_while(is_busy, patience, |is_busy| *is_busy).unwrap_or_else(PoisonError::into_inner);
        if wait.timed_out() && *is_busy {
            return None;
        }
        *is_busy = true;
        Some(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.is_busy.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_take_turns_and_do_not_wait_for_ever() {
        let writers = Writers::default();
        let turn = writers.turn(Duration::ZERO).unwrap();
        assert!(writers.turn(Duration::from_millis(1)).is_none());
        std::thread::scope(|threads| {
            let waiting = threads.spawn(|| writers.turn(Duration::from_secs(60)).is_some());
            drop(turn);
            assert!(waiting.join().unwrap());
        });
        assert!(writers.turn(Duration::ZERO).is_some());
    }
}

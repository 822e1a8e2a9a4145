//! One writer at a time, where the database has room for one only; and what a writer leaves to the next one.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A queue in front of SQLite's single write lock.
///
/// SQLite makes waiting writers sleep and try again, with no regard to who came first, and each of them would hold a
/// pooled connection meanwhile. Here writers of this process wait before they take a connection, are woken at once, and
/// leave the busy timeout to writers of other processes.
///
/// Whoever ends its turn may leave something to the next one: the open transaction of a [group](crate::group).
#[derive(Debug)]
pub(crate) struct Writers<T> {
    queue: Mutex<Queue<T>>,
    freed: Condvar,
}

#[derive(Debug)]
struct Queue<T> {
    is_busy: bool,
    /// Writers that wait for their turn. INVARIANT: each of them ends its wait under the lock, and gives up only while
    /// another writer is busy; so a writer that sees somebody wait can leave its work to be finished.
    waiting: usize,
    left: Option<T>,
}

/// The right to write, until dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a, T>(&'a Writers<T>);

impl<T> Default for Writers<T> {
    fn default() -> Self {
        Self { queue: Mutex::new(Queue { is_busy: false, waiting: 0, left: None }), freed: Condvar::new() }
    }
}

impl<T> Writers<T> {
    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        // No code that could panic runs under the lock, so what it guards is never half changed.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the others, `patience` at most. Gives what the writer before has left.
    pub(crate) fn turn(&self, patience: Duration) -> Option<(Turn<'_, T>, Option<T>)> {
        let mut queue = self.queue();
        queue.waiting += 1;
        let wait = self.freed.wait_timeout_while(queue, patience, |queue| queue.is_busy);
        let (mut queue, _) = wait.unwrap_or_else(PoisonError::into_inner);
        queue.waiting -= 1;
        if queue.is_busy {
            return None;
        }
        queue.is_busy = true;
        let left = queue.left.take();
        Some((Turn(self), left))
    }

    /// How many writers wait for their turn.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.queue().waiting
    }
}

impl<T> Turn<'_, T> {
    /// Ends the turn and leaves `work` to a writer that waits; gives both back if nobody does.
    pub(crate) fn leave(self, work: T) -> Result<(), (Self, T)> {
        let writers = self.0;
        let mut queue = writers.queue();
        if queue.waiting == 0 {
            drop(queue);
            return Err((self, work));
        }
        queue.left = Some(work);
        self.end(queue);
        Ok(())
    }

    /// Ends the turn and leaves `note` to whoever comes next, if anybody comes.
    pub(crate) fn leave_note(self, note: T) {
        let writers = self.0;
        let mut queue = writers.queue();
        queue.left = Some(note);
        self.end(queue);
    }

    /// Under the lock under which it was seen that somebody waits, so that he cannot give up in between.
    fn end(self, mut queue: MutexGuard<'_, Queue<T>>) {
        queue.is_busy = false;
        drop(queue);
        self.0.freed.notify_one();
        // It is over already; by now it may be somebody else's.
        std::mem::forget(self);
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.0.queue().is_busy = false;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_take_turns_and_do_not_wait_for_ever() {
        let writers = Writers::<()>::default();
        let turn = writers.turn(Duration::ZERO).unwrap();
        assert!(writers.turn(Duration::from_millis(1)).is_none());
        std::thread::scope(|threads| {
            let waiting = threads.spawn(|| writers.turn(Duration::from_secs(60)).is_some());
            drop(turn);
            assert!(waiting.join().unwrap());
        });
        assert!(writers.turn(Duration::ZERO).is_some());
    }

    #[test]
    fn work_is_left_only_to_somebody_who_waits() {
        let writers = Writers::default();
        let (turn, left) = writers.turn(Duration::ZERO).unwrap();
        assert!(left.is_none());
        let (turn, work) = turn.leave("work").unwrap_err();
        std::thread::scope(|threads| {
            let waiting = threads.spawn(|| writers.turn(Duration::from_secs(60)).unwrap().1);
            while writers.waiting() == 0 {
                std::thread::yield_now();
            }
            turn.leave(work).unwrap();
            assert_eq!(waiting.join().unwrap(), Some("work"));
        });
        let (turn, left) = writers.turn(Duration::ZERO).unwrap();
        assert!(left.is_none());
        turn.leave_note("note");
        assert_eq!(writers.turn(Duration::ZERO).unwrap().1, Some("note"));
    }
}

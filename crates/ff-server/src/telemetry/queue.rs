//! Lines on their way to the log's output.
//!
//! A thread that logs appends its line to one buffer; one thread of its own writes out what has gathered there. Where lines
//! come one by one, each is written at once; where they come by the thousand, a whole batch is one system call, and nobody
//! is woken for a single line. If the output cannot keep up, lines are dropped and counted rather than requests delayed.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::line;

/// How long lines gather after some were written.
const GATHER: Duration = Duration::from_millis(50);

/// From here on they are not left to gather.
const BYTES_PRESSING: usize = 128 * 1024;

/// More than this does not wait: at 300 bytes a line some 14,000 lines, the backlog of a slow disk.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Where lines go in.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

/// Writes what is still waiting when it is dropped; lines that come later are lost.
pub(super) struct Writer {
    lines: Lines,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is something to write, and the writer sleeps.
    filled: Condvar,
    /// The writer should no longer let lines gather.
    pressing: Condvar,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    lost: u64,
    is_writer_idle: bool,
    is_closed: bool,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lines")
    }
}

impl Lines {
    /// Lines that a thread of its own writes to `output`.
    pub(super) fn to(output: impl Write + Send + 'static) -> (Self, Writer) {
        let lines = Self(Arc::default());
        let its = lines.clone();
        // Without a thread, which only a system at its limits refuses, lines are counted as lost.
        let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || its.write_for_ever(output)).ok();
        (lines.clone(), Writer { lines, thread })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a line, which ends in a newline.
    pub(super) fn push(&self, line: &[u8]) {
        let mut queue = self.queue();
        if queue.is_closed {
            return;
        }
        if queue.bytes.len() + line.len() > BYTES_MAX {
            queue.lost += 1;
            return;
        }
        let was_pressing = queue.bytes.len() >= BYTES_PRESSING;
        queue.bytes.extend_from_slice(line);
        let is_pressing = queue.bytes.len() >= BYTES_PRESSING;
        let was_idle = std::mem::take(&mut queue.is_writer_idle);
        drop(queue);
        if was_idle {
            self.0.filled.notify_one();
        } else if is_pressing && !was_pressing {
            self.0.pressing.notify_one();
        }
    }

    fn write_for_ever(&self, mut output: impl Write) {
        let mut writing = Vec::new();
        loop {
            let mut queue = self.queue();
            while queue.bytes.is_empty() && queue.lost == 0 && !queue.is_closed {
                queue.is_writer_idle = true;
                queue = self.0.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            queue.is_writer_idle = false;
            std::mem::swap(&mut queue.bytes, &mut writing);
            let (lost, is_closed) = (std::mem::take(&mut queue.lost), queue.is_closed);
            drop(queue);
            if lost > 0 {
                line::lost(lost, &mut writing);
            }
            // A line that cannot be written is lost; that must not stop those that come after it.
            output.write_all(&writing).and_then(|()| output.flush()).ok();
            if is_closed {
                return;
            }
            writing.clear();
            // One burst must not hold its memory for ever.
            writing.shrink_to(BYTES_PRESSING);
            let may_gather = |queue: &mut Queue| !queue.is_closed && queue.bytes.len() < BYTES_PRESSING;
            drop(self.0.pressing.wait_timeout_while(self.queue(), GATHER, may_gather));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.lines.queue().is_closed = true;
        self.lines.0.filled.notify_one();
        self.lines.0.pressing.notify_one();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has nothing more to write.
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// An output that takes each write when it is told to.
    struct Held(Sender<Vec<u8>>, Receiver<()>);

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).unwrap();
            self.1.recv().map_err(io::Error::other)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn held() -> (Lines, Writer, Receiver<Vec<u8>>, Sender<()>) {
        let (written, writes) = channel();
        let (go, gate) = channel();
        let (lines, writer) = Lines::to(Held(written, gate));
        (lines, writer, writes, go)
    }

    #[test]
    fn a_line_is_written_at_once_and_those_that_come_meanwhile_together() {
        let (lines, writer, writes, go) = held();
        lines.push(b"1\n");
        assert_eq!(writes.recv().unwrap(), b"1\n");
        lines.push(b"2\n");
        lines.push(b"3\n");
        go.send(()).unwrap();
        assert_eq!(writes.recv().unwrap(), b"2\n3\n");
        go.send(()).unwrap();
        drop(writer);
        lines.push(b"4\n");
        assert!(writes.recv().is_err(), "nothing is written after the end");
    }

    #[test]
    fn what_waits_at_the_end_is_written() {
        let (lines, writer, writes, go) = held();
        lines.push(b"1\n");
        writes.recv().unwrap();
        lines.push(b"2\n");
        go.send(()).unwrap();
        go.send(()).unwrap();
        drop(writer);
        assert_eq!(writes.recv().unwrap(), b"2\n");
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let (lines, writer, writes, go) = held();
        lines.push(b"1\n");
        writes.recv().unwrap();
        let mut large = vec![b'x'; BYTES_MAX - 1];
        large.push(b'\n');
        lines.push(&large);
        lines.push(b"2\n");
        lines.push(b"3\n");
        go.send(()).unwrap();
        let written = writes.recv().unwrap();
        go.send(()).unwrap();
        drop(writer);
        assert!(written.starts_with(&large));
        let last: serde_json::Value = serde_json::from_slice(written.get(large.len()..).unwrap()).unwrap();
        assert!(last["message"].as_str().unwrap().starts_with("2 log lines were dropped"), "{last}");
    }
}

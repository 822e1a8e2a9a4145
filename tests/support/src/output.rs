//! What a process writes, line by line, as it comes.

use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use serde_json::Value;

use crate::process::PATIENCE;

/// Lines of standard output and standard error, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Output(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    /// Lines of processes before this one.
    old: usize,
    /// Pipes that have not been read to their ends.
    open: usize,
}

impl Output {
    /// Reads both pipes of `process` to their ends, in the background.
    pub(crate) fn capture(&self, process: &mut Child) {
        let pipes: [Box<dyn Read + Send>; 2] = [Box::new(process.stdout.take().unwrap()), Box::new(process.stderr.take().unwrap())];
        // The process before has ended; what it wrote at last may still be on its way.
        let mut state = self.0.changed.wait_while(self.0.state.lock().unwrap(), |state| state.open > 0).unwrap();
        state.old = state.lines.len();
        state.open = pipes.len();
        for pipe in pipes {
            let shared = self.0.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                    shared.state.lock().unwrap().lines.push(String::from_utf8_lossy(&line).into_owned());
                    shared.changed.notify_all();
                }
                shared.state.lock().unwrap().open -= 1;
                shared.changed.notify_all();
            });
        }
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        self.0.state.lock().unwrap().lines.join("\n")
    }

    /// The first line of the present process that `find` finds something in; waits for it.
    ///
    /// # Panics
    /// If none comes in time, or the process ends before.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, find: impl Fn(&Value) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.0.state.lock().unwrap();
        let mut seen = state.old;
        loop {
            let found = state.lines.get(seen..).unwrap_or_default().iter().find_map(|line| find(&serde_json::from_str(line).ok()?));
            if let Some(found) = found {
                return found;
            }
            let has_failed = (state.open == 0).then_some("the process ended").or((Instant::now() > deadline).then_some("time is up"));
            if let Some(reason) = has_failed {
                let said = state.lines.join("\n");
                drop(state);
                panic!("waited for {what}, but {reason}:\n{said}");
            }
            seen = state.lines.len();
            state = self.0.changed.wait_timeout(state, PATIENCE).unwrap().0;
        }
    }

    /// The log line of the request `request_id`; waits for it.
    #[track_caller]
    pub fn request(&self, request_id: &str) -> Value {
        let find = |line: &Value| {
            let is_wanted = line.get("latency_ms").is_some() && line.get("request_id")?.as_str()? == request_id;
            is_wanted.then(|| line.clone())
        };
        self.wait_for(&format!("the line of request {request_id}"), find)
    }
}

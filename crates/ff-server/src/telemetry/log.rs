//! Logs: one JSON object a line, on standard error.
//!
//! A thread that logs writes its line into a buffer; one thread of its own brings it out. If that thread cannot keep up,
//! lines are dropped and counted rather than requests delayed.

use std::any::Any;
use std::fmt;
use std::io::{self, Write};

use slog::{Drain, Level, LevelFilter, Logger, Record, o};

use super::line::JsonLines;
use super::queue::{Lines, Writer};
use crate::config::LogLevel;

/// While it lives, logging works; dropping it writes what is still queued. Keep it until the end of `main`.
#[must_use = "dropping the guard stops the log"]
pub struct LogGuard {
    // Dropped in this order: first nobody can log through the `log` crate any more, then what waits is written out.
    _bridge: Option<slog_scope::GlobalLoggerGuard>,
    _writer: Writer,
}

impl fmt::Debug for LogGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogGuard")
    }
}

/// The root logger, writing to standard error. It also takes what libraries say through the `log` crate.
///
/// Once a process: the first call takes the `log` crate's place, later loggers get no library lines.
pub fn logger(level: LogLevel) -> (Logger, LogGuard) {
    let (logger, writer) = logger_to(io::stderr(), level);
    let libraries = match level {
        LogLevel::Off => None,
        LogLevel::Error => Some(::log::Level::Error),
        // Libraries at `info` would tell of every connection; what they warn of is worth a line.
        LogLevel::Warn | LogLevel::Info => Some(::log::Level::Warn),
        // Not at `trace`: there the HTTP client quotes the URLs of webhooks, which may be secrets.
        LogLevel::Debug | LogLevel::Trace => Some(::log::Level::Debug),
    };
    let bridge = libraries.and_then(|libraries| {
        let heard = slog::Filter::new(logger.clone(), |record| !is_closed_door(record));
        let guard = slog_scope::set_global_logger(Logger::root(heard.fuse(), o!()));
        slog_stdlog::init_with_level(libraries).ok().map(|()| guard)
    });
    (logger, LogGuard { _bridge: bridge, _writer: writer })
}

/// Whether actix-server says no more than that its socket does not listen any more (EINVAL, see `accept(2)`), or that it is watched no
/// more: this server closes it when it stops, and whether the thread that accepts tries once more is a matter of chance.
fn is_closed_door(record: &Record<'_>) -> bool {
    let is_about_it = |message: String| message.ends_with("(os error 22)") || message.starts_with("Can not deregister server socket");
    // The bridge puts the target there; the module is unknown where it is no text of the program's own.
    record.tag() == "actix_server::accept" && is_about_it(record.msg().to_string())
}

fn logger_to(output: impl Write + Send + 'static, level: LogLevel) -> (Logger, Writer) {
    let (lines, writer) = Lines::to(output);
    let level = match level {
        LogLevel::Off => return (Logger::root(slog::Discard, o!()), writer),
        LogLevel::Error => Level::Error,
        LogLevel::Warn => Level::Warning,
        LogLevel::Info => Level::Info,
        LogLevel::Debug => Level::Debug,
        LogLevel::Trace => Level::Trace,
    };
    (Logger::root(LevelFilter::new(JsonLines(lines), level).fuse(), o!()), writer)
}

/// Sends panics to the log, each as one line with its place. Where a request panics, the line of its failure follows with
/// the request id.
pub fn install_panic_log(logger: Logger) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let reason = panic_reason(panic.payload());
        slog::error!(logger, "a thread panicked: {}", reason; "place" => place, "thread" => std::thread::current().name().unwrap_or_default());
    }));
}

/// The text that a panic was given.
pub(crate) fn panic_reason(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
}

/// What was logged, for tests.
#[cfg(test)]
pub(crate) mod testing {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A log that keeps its lines.
    #[derive(Clone, Default)]
    pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A logger, and a function that ends it and gives the lines.
    pub(crate) fn recorded(level: LogLevel) -> (Logger, impl FnOnce() -> Vec<serde_json::Value>) {
        let lines = Lines::default();
        let (logger, writer) = logger_to(lines.clone(), level);
        let finish = move || {
            drop(writer);
            let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        (logger, finish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_json_object_with_time_level_message_and_fields() {
        let (logger, finish) = testing::recorded(LogLevel::Info);
        slog::warn!(logger, "flag {} is \"odd\"\n", "x"; "tenant" => "acme", "latency_ms" => 1.5);
        let lines = finish();
        assert_eq!(lines.len(), 1);
        assert_eq!((&lines[0]["level"], &lines[0]["message"]), (&"warn".into(), &"flag x is \"odd\"\n".into()));
        assert_eq!((&lines[0]["tenant"], &lines[0]["latency_ms"]), (&"acme".into(), &1.5.into()));
        lines[0]["timestamp"].as_str().unwrap().parse::<ff_core::Timestamp>().unwrap();
    }

    #[test]
    fn that_the_closed_door_is_closed_is_no_error() {
        for (target, message, is_expected) in [
            ("actix_server::accept", "Error accepting connection: Invalid argument (os error 22)", true),
            ("actix_server::accept", "Can not deregister server socket No such file or directory (os error 2)", true),
            ("actix_server::accept", "Error accepting connection: Too many open files (os error 24)", false),
            ("actix_server::worker", "Invalid argument (os error 22)", false),
        ] {
            let location = slog::RecordLocation { file: "", line: 0, column: 0, function: "", module: "<unknown>" };
            let fixed = slog::RecordStatic { location: &location, tag: target, level: Level::Error };
            assert_eq!(is_closed_door(&Record::new(&fixed, &format_args!("{message}"), slog::BorrowedKV(&()))), is_expected, "{message}");
        }
    }

    #[test]
    fn what_is_below_the_level_is_not_written_and_off_is_silent() {
        for (level, expected) in [(LogLevel::Off, 0), (LogLevel::Error, 1), (LogLevel::Warn, 2), (LogLevel::Info, 3), (LogLevel::Debug, 4)]
        {
            let (logger, finish) = testing::recorded(level);
            slog::error!(logger, "e");
            slog::warn!(logger, "w");
            slog::info!(logger, "i");
            slog::debug!(logger, "d");
            assert_eq!(finish().len(), expected, "{level}");
        }
    }
}

//! One line of the log: a JSON object, written straight into a buffer.
//!
//! A request has a line, so what a line costs is part of what every request costs. No tree, no map and no allocation stands
//! between the fields and their bytes; the text of the present millisecond is kept.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write as _};
use std::io::Write as _;

use slog::{Drain, KV, Key, Level, Never, OwnedKVList, Record, Serializer};

use super::queue::Lines;
use crate::clock;

/// The drain that makes lines of records.
#[derive(Debug)]
pub(super) struct JsonLines(pub(super) Lines);

thread_local! {
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// The last instant that was written here, in milliseconds since 1970, and its text.
    static NOW: Cell<(i64, [u8; INSTANT_LENGTH_MAX], usize)> = const { Cell::new((i64::MIN, [0; INSTANT_LENGTH_MAX], 0)) };
}

/// `2026-11-21T08:00:00.123Z`, with room to spare.
const INSTANT_LENGTH_MAX: usize = 32;

impl Drain for JsonLines {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        let written = LINE.try_with(|line| {
            let Ok(mut line) = line.try_borrow_mut() else { return false };
            line.clear();
            write(&mut line, record, values);
            self.0.push(&line);
            true
        });
        // While this thread ends, or where a value logs something while it is written.
        if written != Ok(true) {
            let mut line = Vec::new();
            write(&mut line, record, values);
            self.0.push(&line);
        }
        Ok(())
    }
}

/// What every line has (`level`, `timestamp`, `message`), then its own fields.
fn write(line: &mut Vec<u8>, record: &Record<'_>, values: &OwnedKVList) {
    begin(line, level_name(record.level()));
    let mut fields = Fields(line);
    // Fields cannot fail: a buffer takes everything.
    fields.emit_arguments("message", record.msg()).ok();
    record.kv().serialize(record, &mut fields).ok();
    values.serialize(record, &mut fields).ok();
    line.extend_from_slice(b"}\n");
}

fn begin(line: &mut Vec<u8>, level: &str) {
    line.extend_from_slice(b"{\"level\":\"");
    line.extend_from_slice(level.as_bytes());
    line.extend_from_slice(b"\",\"timestamp\":\"");
    write_now(line);
    line.push(b'"');
}

/// The line that says how many others there are not.
pub(super) fn lost(count: u64, line: &mut Vec<u8>) {
    begin(line, level_name(Level::Warning));
    let mut fields = Fields(line);
    fields.emit_arguments("message", &format_args!("{count} log lines were dropped: they came faster than they could be written")).ok();
    line.extend_from_slice(b"}\n");
}

fn write_now(line: &mut Vec<u8>) {
    let now = clock::now();
    let millis = now.as_millis();
    let (kept, text, length) = NOW.get();
    if kept == millis {
        return line.extend_from_slice(text.get(..length).unwrap_or_default());
    }
    let (start, mut kept) = (line.len(), [0; INSTANT_LENGTH_MAX]);
    // A buffer takes everything.
    write!(line, "{now}").ok();
    let written = line.get(start..).unwrap_or_default();
    if let Some(room) = kept.get_mut(..written.len()) {
        room.copy_from_slice(written);
        NOW.set((millis, kept, written.len()));
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Critical => "critical",
        Level::Error => "error",
        Level::Warning => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

/// Fields after those that are there already.
struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn name(&mut self, name: &str) {
        // Names of fields stand in the code, and need no escape.
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn raw(&mut self, name: &str, value: fmt::Arguments<'_>) -> slog::Result {
        self.name(name);
        Ok(self.0.write_fmt(value)?)
    }
}

/// Text inside the quotes of a JSON string.
struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(text, self.0);
        Ok(())
    }
}

fn is_special(byte: &u8) -> bool {
    matches!(byte, 0..=0x1f | b'"' | b'\\')
}

fn escape(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    // Without a way out of its middle, this look at all bytes is done sixteen and more at a time.
    if !rest.iter().fold(false, |any, byte| any | is_special(byte)) {
        return out.extend_from_slice(rest);
    }
    while let Some(at) = rest.iter().position(is_special) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            // A buffer takes everything.
            other => drop(write!(out, "\\u{other:04x}")),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
}

macro_rules! numbers {
    ($($emit:ident $type:ty;)*) => { $(
        fn $emit(&mut self, key: Key, value: $type) -> slog::Result {
            self.raw(key, format_args!("{value}"))
        }
    )* };
}

impl Serializer for Fields<'_> {
    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        self.name(key);
        self.0.push(b'"');
        Escaped(self.0).write_fmt(*value)?;
        self.0.push(b'"');
        Ok(())
    }

    fn emit_str(&mut self, key: Key, value: &str) -> slog::Result {
        self.name(key);
        self.0.push(b'"');
        escape(value, self.0);
        self.0.push(b'"');
        Ok(())
    }

    fn emit_f64(&mut self, key: Key, value: f64) -> slog::Result {
        self.name(key);
        // What JSON has no number for becomes `null`.
        serde_json::to_writer(&mut *self.0, &value).map_err(std::io::Error::from)?;
        Ok(())
    }

    fn emit_f32(&mut self, key: Key, value: f32) -> slog::Result {
        self.emit_f64(key, value.into())
    }

    fn emit_bool(&mut self, key: Key, value: bool) -> slog::Result {
        self.raw(key, format_args!("{value}"))
    }

    fn emit_unit(&mut self, key: Key) -> slog::Result {
        self.emit_none(key)
    }

    fn emit_none(&mut self, key: Key) -> slog::Result {
        self.raw(key, format_args!("null"))
    }

    numbers! {
        emit_u8 u8;
        emit_i8 i8;
        emit_u16 u16;
        emit_i16 i16;
        emit_u32 u32;
        emit_i32 i32;
        emit_u64 u64;
        emit_i64 i64;
        emit_usize usize;
        emit_isize isize;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_json_wants_it() {
        for text in ["", "plain", "ü€😀", "\"quoted\" \\ and\nlines\t\r\u{0}\u{1f}\u{7f}", "\\", "\""] {
            let mut line = b"\"".to_vec();
            escape(text, &mut line);
            line.push(b'"');
            assert_eq!(serde_json::from_slice::<String>(&line).unwrap(), text);
        }
    }

    #[test]
    fn the_present_moves_on() {
        let text = || {
            let mut line = Vec::new();
            write_now(&mut line);
            String::from_utf8(line).unwrap()
        };
        let first = text();
        assert!(first.parse::<ff_core::Timestamp>().is_ok());
        let mut later = text();
        while later == first {
            later = text();
        }
        let instant = |text: &str| text.parse::<ff_core::Timestamp>().unwrap();
        assert!(instant(&later) > instant(&first));
    }
}

//! A client of event streams, over a connection of its own: HTTP's chunks, then lines, then events (WHATWG HTML, "Server-sent events").

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::client::Client;
use crate::process::PATIENCE;

/// One event, as a client is given it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its type: `flag.updated`.
    pub kind: String,
    /// The last id that was sent with it or before it.
    pub id: String,
    /// Its data.
    pub data: Value,
}

impl Event {
    /// Its id as a revision.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn revision(&self) -> u64 {
        self.id.parse().unwrap_or_else(|_| panic!("`{}` is no revision: {self:?}", self.id))
    }
}

/// What comes over a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// An event.
    Event(Event),
    /// A comment, which says that the stream is there.
    Comment(String),
    /// How long to wait before connecting again, in milliseconds.
    Retry(u64),
}

/// How a stream came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By its last chunk.
    Whole,
    /// The connection broke.
    Broken,
}

/// An open stream.
#[derive(Debug)]
pub struct EventStream {
    connection: BufReader<TcpStream>,
    headers: Vec<(String, String)>,
    parser: Parser,
    items: VecDeque<Item>,
    end: Option<End>,
}

impl Client {
    /// Opens an event stream.
    ///
    /// # Panics
    /// If there is none to be had.
    #[track_caller]
    pub fn follow(&self, path: &str) -> EventStream {
        self.try_follow(path).unwrap_or_else(|| panic!("{path}: the server hung up"))
    }

    /// The same where the server may be gone; none, if it is.
    ///
    /// # Panics
    /// If it answers with anything but a stream.
    #[track_caller]
    pub fn try_follow(&self, path: &str) -> Option<EventStream> {
        let (status, stream) = self.open(path)?;
        stream.is_one_after(path, &status);
        Some(stream)
    }

    /// The same where the credential may have expired; none, if it has.
    ///
    /// # Panics
    /// If the answer is neither a stream nor 401.
    #[track_caller]
    pub fn follow_if_let_in(&self, path: &str) -> Option<EventStream> {
        let (status, stream) = self.open(path).unwrap_or_else(|| panic!("{path}: the server hung up"));
        if status.starts_with("HTTP/1.1 401 ") {
            return None;
        }
        stream.is_one_after(path, &status);
        Some(stream)
    }

    /// The first line of an answer, and what comes behind it.
    fn open(&self, path: &str) -> Option<(String, EventStream)> {
        let mut connection = TcpStream::connect(self.address()).ok()?;
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = self.head("GET", path).replace("Connection: close\r\n", "Accept: text/event-stream\r\n");
        connection.write_all(format!("{head}\r\n").as_bytes()).ok()?;
        let mut connection = BufReader::new(connection);
        let mut lines = std::iter::from_fn(|| {
            let mut line = String::new();
            connection.read_line(&mut line).ok()?;
            Some(line.trim_end().to_owned()).filter(|line| !line.is_empty())
        });
        let status = lines.next()?;
        let headers: Vec<_> =
            lines.filter_map(|line| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))).collect();
        Some((status, EventStream { connection, headers, parser: Parser::default(), items: VecDeque::new(), end: None }))
    }
}

impl EventStream {
    #[track_caller]
    fn is_one_after(&self, path: &str, status: &str) {
        assert!(status.starts_with("HTTP/1.1 200 "), "{path}: {status} {:?}", self.headers);
        assert_eq!(self.header("content-type"), Some("text/event-stream"), "{path}");
        assert_eq!(self.header("transfer-encoding"), Some("chunked"), "{path}");
    }

    /// A header of the answer, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What comes next; none at the end.
    ///
    /// # Panics
    /// If nothing comes in time, not even the end.
    #[track_caller]
    pub fn item(&mut self) -> Option<Item> {
        while self.items.is_empty() && self.end.is_none() {
            match self.chunk() {
                Ok(bytes) if bytes.is_empty() => self.end = Some(End::Whole),
                Ok(bytes) => self.items.extend(self.parser.feed(&bytes)),
                Err(error) => {
                    let is_late = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    assert!(!is_late, "waited {PATIENCE:?} in vain for an event");
                    self.end = Some(End::Broken);
                }
            }
        }
        self.items.pop_front()
    }

    /// The next event; none at the end.
    #[track_caller]
    pub fn next_event(&mut self) -> Option<Event> {
        loop {
            match self.item()? {
                Item::Event(event) => return Some(event),
                Item::Comment(_) | Item::Retry(_) => {}
            }
        }
    }

    /// The next event, which is there.
    ///
    /// # Panics
    /// If the stream ends before.
    #[track_caller]
    pub fn event(&mut self) -> Event {
        self.next_event().expect("the stream to go on")
    }

    /// The event with which a stream begins, and the revision that it begins after.
    ///
    /// # Panics
    /// If it begins in another way.
    #[track_caller]
    pub fn ready(&mut self) -> u64 {
        let first = self.event();
        let revision = first.revision();
        assert_eq!((first.kind.as_str(), first.data.get("revision")), ("ready", Some(&revision.into())), "{first:?}");
        revision
    }

    /// So many events, as their revisions.
    #[track_caller]
    pub fn revisions(&mut self, count: usize) -> Vec<u64> {
        (0..count).map(|_| self.event().revision()).collect()
    }

    /// The id that a client sends when it connects again.
    pub fn last_event_id(&self) -> &str {
        &self.parser.last_event_id
    }

    /// How it ended, after everything that came before; waits for the end.
    #[track_caller]
    pub fn end(&mut self) -> End {
        while self.item().is_some() {}
        self.end.unwrap_or(End::Broken)
    }

    /// The next chunk of the body; an empty one is the last.
    fn chunk(&mut self) -> std::io::Result<Vec<u8>> {
        let mut size = String::new();
        self.connection.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim_end(), 16).map_err(|_| ErrorKind::UnexpectedEof)?;
        let mut bytes = vec![0; size + 2];
        self.connection.read_exact(&mut bytes)?;
        bytes.truncate(size);
        Ok(bytes)
    }
}

/// From bytes to events.
#[derive(Debug, Default)]
struct Parser {
    line: Vec<u8>,
    /// The line before ended in a carriage return, to which a line feed may belong.
    is_after_return: bool,
    event: String,
    data: String,
    id: String,
    last_event_id: String,
}

impl Parser {
    fn feed(&mut self, bytes: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        for byte in bytes {
            let is_second_half = std::mem::replace(&mut self.is_after_return, *byte == b'\r') && *byte == b'\n';
            match byte {
                _ if is_second_half => {}
                b'\r' | b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    items.extend(self.line(std::str::from_utf8(&line).unwrap()));
                }
                byte => self.line.push(*byte),
            }
        }
        items
    }

    fn line(&mut self, line: &str) -> Option<Item> {
        if line.is_empty() {
            return self.dispatch();
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" => return Some(Item::Comment(value.to_owned())),
            "event" => self.event = value.to_owned(),
            "data" => self.data += &format!("{value}\n"),
            "id" if !value.contains('\0') => self.id = value.to_owned(),
            "retry" => return value.parse().ok().map(Item::Retry),
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Item> {
        self.last_event_id.clone_from(&self.id);
        let (data, kind) = (std::mem::take(&mut self.data), std::mem::take(&mut self.event));
        let data = data.strip_suffix('\n')?;
        let data = serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"));
        Some(Item::Event(Event { kind: if kind.is_empty() { "message".to_owned() } else { kind }, id: self.id.clone(), data }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, id: &str, data: impl Into<Value>) -> Item {
        Item::Event(Event { kind: kind.to_owned(), id: id.to_owned(), data: data.into() })
    }

    #[test]
    fn lines_become_events_by_the_rules_whatever_ends_them_and_however_they_come() {
        let text = "retry: 7\n\n: words\r\nevent: a\rid: 1\r\ndata: [1,\ndata:2]\nunknown: x\n\ndata: 3\n\nid: 4\n\nevent: lost\n\ndata\n";
        let expected = [Item::Retry(7), Item::Comment("words".to_owned()), event("a", "1", vec![1, 2]), event("message", "1", 3)];
        let mut whole = Parser::default();
        assert_eq!(whole.feed(text.as_bytes()), expected);
        assert_eq!(whole.last_event_id, "4", "an id counts even where there is no event");
        let mut in_bytes = Parser::default();
        assert_eq!(text.bytes().flat_map(|byte| in_bytes.feed(&[byte])).collect::<Vec<_>>(), expected);
    }
}

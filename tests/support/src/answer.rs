//! What the server answered, and what every answer must be.

use std::io::{BufRead, BufReader};

use serde_json::Value;
use ureq::Body;
use ureq::http::Response;

/// An answer, read to its end; of an event stream, which has none, up to the first empty line.
#[derive(Debug, Clone)]
pub struct Answer {
    asked: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What must never get out: names of our parts, of files and of SQL.
const INTERNAL: [&str; 9] = ["diesel", "sqlite", "postgres", "SELECT ", "INSERT ", "panicked", ".rs:", "/crates/", "ff_store"];

impl Answer {
    pub(crate) fn read(asked: String, mut response: Response<Body>) -> Result<Self, ureq::Error> {
        let is_stream = response.headers().get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        let body = if is_stream {
            let lines = BufReader::new(response.body_mut().as_reader()).lines().map_while(Result::ok);
            lines.take_while(|line| !line.is_empty()).map(|line| line + "\n").collect::<String>().into_bytes()
        } else {
            response.body_mut().with_config().limit(64 << 20).read_to_vec()?
        };
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect();
        Ok(Self { asked, status: response.status().as_u16(), headers, body })
    }

    /// Whether these bytes are an answer with all of the body that its head announces.
    pub(crate) fn is_complete(bytes: &[u8]) -> bool {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
        let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).to_ascii_lowercase();
        let announced = head.split("\r\n").find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        announced.is_some_and(|length| bytes.len() >= end + 4 + length)
    }

    /// An answer as it came over the wire.
    pub(crate) fn parse(asked: String, bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_else(|| panic!("{asked}: no answer, but {bytes:?}"));
        let (head, body) = bytes.split_at(end);
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_else(|| panic!("{asked}: {head}"));
        let pair = |line: &str| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        Self { asked, status, headers: lines.filter_map(pair).collect(), body: body.get(4..).unwrap_or_default().to_vec() }
    }

    /// Its status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as it came.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The entity tag.
    #[track_caller]
    pub fn etag(&self) -> String {
        self.header("etag").unwrap_or_else(|| panic!("no ETag: {self}")).to_owned()
    }

    /// The id of the request, which every answer names.
    #[track_caller]
    pub fn request_id(&self) -> String {
        self.header("x-request-id").unwrap_or_else(|| panic!("no X-Request-ID: {self}")).to_owned()
    }

    /// The body as JSON, as its media type says.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Has this status.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{self}");
        self.request_id();
        self
    }

    /// 200 with JSON.
    #[track_caller]
    pub fn ok(&self) -> Value {
        self.is(200).json()
    }

    /// 201 with JSON and `Location`.
    #[track_caller]
    pub fn created(&self) -> Value {
        self.is(201);
        assert!(self.header("location").is_some_and(|place| place.starts_with('/')), "{self}");
        self.json()
    }

    /// A problem (RFC 9457) with this status and code, as all of them must be.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        self.is(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"));
        let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name}: {self}")).to_owned();
        assert_eq!(text("code"), code, "{self}");
        assert_eq!(text("type"), format!("/problems/{code}"), "{self}");
        assert_eq!(problem.get("status"), Some(&Value::from(status)), "{self}");
        assert_eq!(text("request_id"), self.request_id(), "{self}");
        assert!(!text("title").is_empty() && !text("detail").is_empty(), "{self}");
        let is_whole = |seconds: &str| !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit());
        match status {
            401 => assert_eq!(self.header("www-authenticate"), Some("Bearer"), "{self}"),
            405 => assert!(self.header("allow").is_some_and(|methods| !methods.is_empty()), "{self}"),
            422 => assert!(!self.faults().is_empty(), "{self}"),
            429 | 503 => assert!(self.header("retry-after").is_some_and(is_whole), "{self}"),
            _ => {}
        }
        for word in INTERNAL {
            assert!(!self.text().contains(word), "`{word}` gets out: {self}");
        }
        problem
    }

    /// 422 with at least these pointers among its faults.
    #[track_caller]
    pub fn invalid(&self, pointers: &[&str]) -> Value {
        let problem = self.problem(422, "invalid_body");
        let found = self.faults();
        for pointer in pointers {
            assert!(found.iter().any(|(known, _)| known == pointer), "no fault at `{pointer}`: {self}");
        }
        problem
    }

    /// The faults of a 422: pointer and message.
    #[track_caller]
    pub fn faults(&self) -> Vec<(String, String)> {
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let listed = problem.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
        let text =
            |fault: &Value, name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name}: {self}")).to_owned();
        listed.iter().map(|fault| (text(fault, "pointer"), text(fault, "message"))).collect()
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = self.text().chars().take(2_000).collect();
        write!(f, "{} was answered with {}\n{:?}\n{body}", self.asked, self.status, self.headers)
    }
}

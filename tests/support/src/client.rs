//! A client of the API: who asks, where, and what.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;

use crate::answer::Answer;
use crate::process::PATIENCE;
use crate::token::token;

/// Everything that a request carries besides its method, path and body. Each change gives another client.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    address: String,
    headers: Vec<(String, String)>,
}

impl Client {
    /// A client of the server at `address` (`127.…:…`), without any header of its own.
    pub fn new(address: String) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .allow_non_standard_methods(true);
        Self { agent: config.timeout_global(Some(PATIENCE)).build().into(), address, headers: Vec::new() }
    }

    /// With this header, in place of any other of the name.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut changed = self.without(name);
        changed.headers.push((name.to_owned(), value.to_owned()));
        changed
    }

    /// Without this header.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut changed = self.clone();
        changed.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        changed
    }

    /// In this tenant.
    #[must_use]
    pub fn tenant(&self, tenant: &str) -> Self {
        self.with("X-Tenant-ID", tenant)
    }

    /// In this environment.
    #[must_use]
    pub fn environment(&self, environment: &str) -> Self {
        self.with("X-Environment", environment)
    }

    /// With this credential.
    #[must_use]
    pub fn bearer(&self, credential: &str) -> Self {
        self.with("Authorization", &format!("Bearer {credential}"))
    }

    /// As the subject `test`, with a token for these scopes in all tenants.
    #[must_use]
    pub fn scopes(&self, scopes: &[&str]) -> Self {
        self.bearer(&token("test", scopes, &["*"]))
    }

    /// As an admin of all tenants called `subject`.
    #[must_use]
    pub fn admin(&self, subject: &str) -> Self {
        self.bearer(&token(subject, &["admin"], &["*"]))
    }

    /// The tenant that it is in.
    pub fn tenant_id(&self) -> &str {
        let named = self.headers.iter().find(|(name, _)| name == "X-Tenant-ID");
        named.map_or("", |(_, value)| value)
    }

    /// The server at the other end, as `127.…:…`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `GET`.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    /// `POST` with JSON.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send_json("POST", path, body)
    }

    /// `PUT` with JSON.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send_json("PUT", path, body)
    }

    /// `PATCH` with JSON.
    #[track_caller]
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send_json("PATCH", path, body)
    }

    /// `DELETE`.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None)
    }

    /// Any method with JSON.
    #[track_caller]
    pub fn send_json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(method, path, Some(("application/json", body.to_string().as_bytes())))
    }

    /// Any method with any body and its media type.
    ///
    /// # Panics
    /// If no answer comes.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Answer {
        let asked = format!("{method} {path}");
        self.try_send(method, path, body).unwrap_or_else(|error| panic!("{asked}: {error}"))
    }

    /// The same where the server may be gone.
    ///
    /// # Errors
    /// What the connection ran into.
    ///
    /// # Panics
    /// If the path or a header is none.
    #[track_caller]
    pub fn try_send(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = match body {
            None => self.agent.run(request.body(()).unwrap()),
            Some((media_type, bytes)) => {
                let is_typed = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
                let request = if is_typed || media_type.is_empty() { request } else { request.header("content-type", media_type) };
                self.agent.run(request.body(bytes).unwrap())
            }
        };
        Answer::read(format!("{method} {path}"), response?)
    }

    /// Sends these bytes as they are, for what no HTTP library sends, and reads one answer.
    ///
    /// # Panics
    /// If the connection fails before anything was answered.
    pub fn send_raw(&self, bytes: &[u8]) -> Answer {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        // Whoever refuses a head need not read what follows.
        connection.write_all(bytes).ok();
        let mut answer = Vec::new();
        let mut piece = [0; 4_096];
        // Until it is complete, rather than until the connection is closed: that may take the server another second.
        while !Answer::is_complete(&answer) {
            let Ok(length @ 1..) = connection.read(&mut piece) else { break };
            answer.extend(piece.iter().take(length));
        }
        let asked = String::from_utf8_lossy(bytes.split(|b| *b == b'\r').next().unwrap_or_default()).into_owned();
        Answer::parse(asked, &answer)
    }

    /// The head of a raw request with this client's headers, without the empty line at its end.
    pub fn head(&self, method: &str, path: &str) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}", self.address)
    }

    /// The items of a list, read page by page of `limit` items; `path` may have a query.
    ///
    /// # Panics
    /// If a page is not what a page should be.
    #[track_caller]
    pub fn pages(&self, path: &str, limit: usize) -> Vec<Vec<Value>> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let first = format!("{path}{separator}limit={limit}");
        let (mut pages, mut next) = (Vec::new(), Some(first.clone()));
        while let Some(path) = next {
            let page = self.get(&path).ok();
            let items = page.get("items").and_then(Value::as_array).expect("a list of items").clone();
            assert!(items.len() <= limit, "{path}: {} items", items.len());
            let token = page.get("next_page_token").expect("next_page_token");
            next = token.as_str().map(|token| format!("{first}&page_token={token}"));
            assert!(next.is_some() || token.is_null(), "{path}: {token}");
            pages.push(items);
            assert!(pages.len() < 10_000, "{first} has no end");
        }
        pages
    }

    /// All items of a list.
    #[track_caller]
    pub fn all(&self, path: &str) -> Vec<Value> {
        self.pages(path, 100).concat()
    }

    /// One connection to the server, for a request in pieces.
    ///
    /// # Panics
    /// If there is none to be had.
    pub fn connection(&self) -> TcpStream {
        let connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        connection
    }
}

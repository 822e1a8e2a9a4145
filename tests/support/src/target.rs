//! What a webhook leads to: a small HTTP server that answers as it is told, well or badly, and keeps what it was sent; by TLS, if it is
//! given a certificate.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::process::PATIENCE;

/// How a request is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// With this status and no body.
    Status(u16),
    /// With this status and a header.
    With(u16, &'static str, String),
    /// With 200, after a while.
    Late(Duration),
    /// With this status, once the other side of the barrier has come.
    Held(u16, Arc<Barrier>),
    /// Not at all; the connection stays open.
    Never,
    /// The head byte by byte, for ever.
    Drip,
    /// With 200 and a body that does not end.
    Endless,
    /// With bytes that are no HTTP.
    Garbage,
    /// By closing the connection.
    Close,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// The path with its query.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, byte by byte.
    pub body: Vec<u8>,
    /// When it was complete.
    pub at: Instant,
}

impl Received {
    /// A header's value.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or_else(|| panic!("no {name} in {:?}", self.headers), |(_, value)| value)
    }

    /// The `webhook-id`.
    #[track_caller]
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A running target on a free port of the loopback address. Its threads end with the process.
#[derive(Debug, Clone)]
pub struct Target {
    scheme: &'static str,
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    connections: AtomicUsize,
}

#[derive(Debug)]
struct State {
    received: Vec<Received>,
    next: VecDeque<Reply>,
    usual: Reply,
}

impl Default for State {
    fn default() -> Self {
        Self { received: Vec::new(), next: VecDeque::new(), usual: Reply::Status(200) }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Target {
    /// A target that answers 200.
    ///
    /// # Panics
    /// If no port is free.
    pub fn start() -> Self {
        Self::listen("http", serve)
    }

    /// The same by TLS, set up so; see [`Certificate::served`](crate::Certificate::served).
    ///
    /// # Panics
    /// If no port is free.
    pub fn start_tls(config: &Arc<ServerConfig>) -> Self {
        let config = config.clone();
        Self::listen("https", move |connection, shared| {
            let mut secured = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), connection);
            serve(&mut secured, shared);
            // What came meanwhile is taken: unread, it would reset the connection, and the alert that says what was wrong might be lost.
            secured.sock.shutdown(Shutdown::Write).ok();
            std::io::copy(&mut secured.sock, &mut std::io::sink()).ok();
        })
    }

    fn listen(scheme: &'static str, serve: impl Fn(TcpStream, &Shared) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        let own = shared.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (shared, serve) = (own.clone(), serve.clone());
                shared.connections.fetch_add(1, Ordering::Relaxed);
                connection.set_read_timeout(Some(PATIENCE)).ok();
                thread::spawn(move || serve(connection, &shared));
            }
        });
        Self { scheme, port, shared }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.url_of("127.0.0.1")
    }

    /// Its URL under this name of the machine.
    pub fn url_of(&self, host: &str) -> String {
        format!("{}://{host}:{}/hook?x=1", self.scheme, self.port)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Answers so from now on.
    pub fn reply(&self, reply: Reply) {
        self.shared.state().usual = reply;
    }

    /// Answers so the next time, after what else was told to come next.
    pub fn reply_once(&self, reply: Reply) {
        self.shared.state().next.push_back(reply);
    }

    /// What it was sent so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.state().received.clone()
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Waits until it was sent so many requests, and gives all.
    ///
    /// # Panics
    /// If they do not come in time.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        let few = |state: &mut State| state.received.len() < count;
        let (state, wait) = self.shared.changed.wait_timeout_while(self.shared.state(), PATIENCE, few).unwrap();
        assert!(!wait.timed_out(), "waited for {count} requests, got {:#?}", state.received);
        state.received.clone()
    }
}

/// Answers requests on one connection, until it or the patience with it ends.
fn serve(connection: impl Read + Write, shared: &Shared) {
    let mut reader = BufReader::new(connection);
    while let Some(request) = read(&mut reader) {
        let mut state = shared.state();
        let reply = state.next.pop_front().unwrap_or_else(|| state.usual.clone());
        state.received.push(request);
        drop(state);
        shared.changed.notify_all();
        if answer(reader.get_mut(), &reply).is_none() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Received> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0).map(|_| line.trim_end().to_owned())
    };
    let path = line()?.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, length)| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Received { path, headers, body, at: Instant::now() })
}

/// Gives nothing, where the connection is of no use any more.
fn answer(connection: &mut (impl Read + Write), reply: &Reply) -> Option<()> {
    let mut status = |status: u16, header: &str| {
        let head = format!("HTTP/1.1 {status} Told\r\nContent-Length: 2\r\n{header}\r\nok");
        connection.write_all(head.as_bytes()).ok()
    };
    match reply {
        Reply::Status(code) => status(*code, ""),
        Reply::With(code, name, value) => status(*code, &format!("{name}: {value}\r\n")),
        Reply::Late(wait) => {
            thread::sleep(*wait);
            status(200, "")
        }
        Reply::Held(code, barrier) => {
            barrier.wait();
            status(*code, "")
        }
        Reply::Never => {
            // Until the other side gives up.
            connection.read_exact(&mut [0]).ok();
            None
        }
        Reply::Drip => {
            connection.write_all(b"HTTP/1.1 200 OK\r\nX: ").ok()?;
            loop {
                connection.write_all(b"x").ok()?;
                thread::sleep(Duration::from_millis(20));
            }
        }
        Reply::Endless => {
            connection.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").ok()?;
            loop {
                connection.write_all(format!("4000\r\n{}\r\n", "x".repeat(0x4000)).as_bytes()).ok()?;
            }
        }
        Reply::Garbage => {
            connection.write_all(b"\x16\x03\x01 this is no HTTP \0\xff\r\n\r\n").ok();
            None
        }
        Reply::Close => None,
    }
}

//! How long does an evaluation take over HTTP? One client on a kept-alive loopback connection, the whole server in front of
//! SQLite: token, tenant, ruleset, evaluation, answer, log line, metrics. The round trip is the client's, so it includes
//! two system calls and two wake-ups on either side.
//!
//! `cargo bench -p ff-server --bench http`. Good: well below a millisecond, most of it the kernel's.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark; criterion's macros write undocumented items")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use ff_server::config::{Config, LogLevel, Overrides, Variables};
use serde_json::{Value, json};

/// A connection that sends a request and reads its answer, and does nothing else.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { stream, buffer: vec![0; 256 * 1024] }
    }

    /// The status and body of the answer.
    fn send(&mut self, request: &[u8]) -> (u16, &[u8]) {
        self.stream.write_all(request).unwrap();
        let mut filled = 0;
        loop {
            let read = self.stream.read(self.buffer.get_mut(filled..).unwrap()).unwrap();
            assert!(read > 0, "the server closed the connection");
            filled += read;
            let seen = self.buffer.get(..filled).unwrap();
            let Some(head_end) = seen.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = std::str::from_utf8(seen.get(..head_end).unwrap()).unwrap();
            let length: usize = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse().unwrap()))
                .unwrap();
            let body_start = head_end + 4;
            if filled >= body_start + length {
                let status = head.get(9..12).unwrap().parse().unwrap();
                return (status, self.buffer.get(body_start..body_start + length).unwrap());
            }
        }
    }
}

fn post(path: &str, token: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    let authorization = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nx-tenant-id: bench\r\n{authorization}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// A server on a port of its own, over a database in `folder`, in a thread that ends with the process.
fn serve(folder: &std::path::Path) -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    let overrides = Overrides {
        dev: true,
        bind: Some("127.0.0.1:0".parse().unwrap()),
        dsn: Some(format!("sqlite://{}/bench.db", folder.display())),
        log_level: Some(LogLevel::Warn),
    };
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let config = Config::load(&Variables::default(), &overrides).unwrap();
            let (logger, _guard) = ff_server::telemetry::logger(config.log.level);
            let running = ff_server::start(config, logger).await.unwrap();
            sender.send(running.address()).unwrap();
            running.wait().await.unwrap();
        });
    });
    receiver.recv().unwrap()
}

fn http(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut client = Client::connect(serve(folder.path()));
    let (status, body) = client.send(&post("/v1/auth/token", "", &json!({})));
    assert_eq!(status, 200);
    let token = serde_json::from_slice::<Value>(body).unwrap();
    let token = token.get("access_token").and_then(Value::as_str).unwrap().to_owned();

    for i in 0..200 {
        let rules = json!([{"when": {"attr": {"country": "DE"}, "percentage": 10}, "rollout": {"variant": "on"}}]);
        let flag = json!({"key": format!("flag-{i:03}"), "type": "boolean", "state": "on", "rollout_percentage": 50, "rules": rules});
        let (status, _) = client.send(&post("/v1/flags", &token, &flag));
        assert_eq!(status, 201);
    }
    let user = json!({"id": "user-00007919", "attributes": {"country": "DE", "plan": "enterprise", "email": "person1@corp.test"}});
    let one = post("/v1/evaluate", &token, &json!({"flag_key": "flag-007", "user": user}));
    let five: Vec<_> = (0..5).map(|i| format!("flag-{i:03}")).collect();
    let five = post("/v1/evaluate/batch", &token, &json!({"flag_keys": five, "user": user}));
    let all = post("/v1/evaluate/batch", &token, &json!({"user": user}));
    let health = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
    for (name, request) in [("healthz", health), ("evaluate one flag", one), ("evaluate 5 flags", five), ("evaluate all of 200 flags", all)]
    {
        c.bench_function(&format!("http/{name}"), |b| b.iter(|| assert_eq!(client.send(&request).0, 200)));
    }
}

criterion_group!(benches, http);
criterion_main!(benches);

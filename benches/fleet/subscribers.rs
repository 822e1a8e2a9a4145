//! What idle subscribers of the event stream cost, and how fast an event reaches all of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ff_test_support::{Postgres, Setup};
use serde_json::json;

use crate::verdict::Verdict;
use crate::{Effort, PROGRAM, admin};

/// Tenants among whom the subscribers are spread.
const TENANTS: usize = 10;

pub(crate) fn measure(postgres: &Postgres, effort: Effort, verdict: &mut Verdict) {
    println!("\n## {} subscribers of the event streams of {TENANTS} tenants", effort.subscribers);
    let server = Setup::new(PROGRAM).variable("DB_DSN", &postgres.empty_database()).start();
    let clients: Vec<_> = (0..TENANTS).map(|i| admin(&server, &format!("tenant-{i}"))).collect();
    for client in &clients {
        client.post("/v1/flags", &json!({"key": "f", "type": "boolean", "state": "on"})).created();
        client.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u"}})).ok();
    }
    let before = server.resident_mib();
    let mut streams: Vec<_> = (0..effort.subscribers)
        .map(|i| {
            let client = &clients[i % TENANTS];
            let mut connection = client.connection();
            connection
                .write_all(format!("{}\r\n", client.head("GET", "/v1/events").replace("Connection: close\r\n", "")).as_bytes())
                .unwrap();
            connection
        })
        .collect();
    for stream in &mut streams {
        let head = read_until(stream, "\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    }
    let held = server.resident_mib() - before;
    println!("resident memory: {before:.1} MiB before, {:.1} MiB with all of them", before + held);
    verdict.at_most("memory for each subscriber", held * 1_024.0 / effort.subscribers as f64, "KiB", 64.0, 32.0);

    clients.iter().for_each(|client| drop(client.put("/v1/flags/f", &json!({"state": "off"})).ok()));
    let written = Instant::now();
    for stream in &mut streams {
        read_until(stream, "event: flag.updated");
    }
    verdict.at_most(
        "one change in each tenant until all have heard of it",
        written.elapsed().as_secs_f64() * 1_000.0,
        "ms",
        5_000.0,
        1_000.0,
    );
}

/// Reads until this text has come.
fn read_until(stream: &mut TcpStream, text: &str) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let (mut read, mut piece) = (Vec::new(), [0; 1_024]);
    loop {
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "the stream ended: {}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..length]);
        let so_far = String::from_utf8_lossy(&read);
        if so_far.contains(text) {
            return so_far.into_owned();
        }
    }
}

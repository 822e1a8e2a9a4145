//! Durable, audited flag writes per second.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;

use crate::client::Connection;
use crate::data::Data;
use crate::process::Server;
use crate::verdict::Verdict;
use crate::{Effort, cpu};

/// Clients that write at the same time, each on its connection.
const WRITERS: usize = 8;

/// Flags that are written in turn: every fifth of the 200 is a 50/50 one.
const FLAGS: usize = 40;

/// Fewer would miss the bound.
const PER_SECOND_MIN: f64 = 1_000.0;

pub(crate) fn measure(data: &Data, effort: Effort, verdict: &mut Verdict) {
    let server = Server::unpinned(data);
    let mut per_second: Vec<f64> = (0..effort.rounds.min(5)).map(|round| write_all(&server, data, effort.writes, round)).collect();
    println!(
        "\n## {} writes of one flag each by {WRITERS} writers, {} runs, median (most {:.0})",
        effort.writes,
        per_second.len(),
        per_second.iter().copied().fold(0.0, f64::max)
    );
    verdict.at_least("durable audited flag writes per second, SQLite", cpu::median(&mut per_second), "/s", PER_SECOND_MIN);
}

/// Every write changes what its flag gives, so none is one that writes nothing.
fn write_all(server: &Server, data: &Data, writes: usize, round: usize) -> f64 {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|threads| {
        for _ in 0..WRITERS {
            threads.spawn(|| {
                let mut connection = Connection::open(server.address);
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= writes {
                        return;
                    }
                    let weight = 1 + (round * writes + i) / FLAGS;
                    let body = json!({"variants": [{"key": "on", "weight": weight}, {"key": "off", "weight": 1_000_000}]});
                    let answer = connection.send(&data.write(&format!("flag-{:05}", i % FLAGS * 5 + 2), &body));
                    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
                }
            });
        }
    });
    writes as f64 / started.elapsed().as_secs_f64()
}

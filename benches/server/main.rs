//! What does the server add to the HTTP under it, and does it keep its bounds?
//!
//! The yardstick is a *bare* actix-web server: one handler a route that reads the same body into the same serde structures and
//! writes the same answer, without credentials, tenants, metrics, log or evaluation. It and the real server (the program
//! itself, with everything on, its log going to a file) run as processes with one worker each, pinned to the same core, with
//! the client on another one. Rounds alternate between them, and what counts is the **CPU time that the server's process
//! consumed per request**, all its threads included: requests per second swing with whatever else the machine does.
//!
//! `cargo bench -p ff-server --bench server` prints every figure with its bound and fails where one is missed. Without
//! `--bench`, as `cargo test` runs it, everything is done once and nothing is judged. Needs Linux and `taskset`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark: it prints, and fails by panicking"
)]

mod bare;
mod client;
mod cpu;
mod data;
mod process;
#[path = "../verdict.rs"]
mod verdict;
#[allow(dead_code, reason = "each benchmark uses some of the workloads")]
#[path = "../workloads.rs"]
mod workloads;
mod writes;

use std::process::ExitCode;
use std::time::Duration;

use crate::data::Data;
use crate::process::Server;
use crate::verdict::Verdict;

/// The same as the program's: what is compared is the server, not its allocator.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Rounds, each with every server.
    rounds: usize,
    /// How long a round of a server lasts at least.
    round: Duration,
    /// Flags of the large tenant.
    flags: usize,
    /// Flag writes in all.
    writes: usize,
}

impl Effort {
    const FULL: Self = Self { rounds: 11, round: Duration::from_millis(400), flags: 10_000, writes: 4_000 };
    const SMOKE: Self = Self { rounds: 1, round: Duration::from_millis(10), flags: 300, writes: 40 };
}

fn main() -> ExitCode {
    if let Some(answers) = std::env::var_os(bare::ANSWERS) {
        return bare::serve(&answers);
    }
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let effort = if is_measured { Effort::FULL } else { Effort::SMOKE };
    let wanted: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| name.contains(w.as_str()));

    process::pin_client();
    let data = Data::new(effort.flags);
    let mut verdict = Verdict::new(is_measured);
    if is_wanted("cpu") {
        cpu::measure(&data, effort, &mut verdict);
    }
    if is_wanted("start") {
        start(&data, effort, &mut verdict);
    }
    if is_wanted("writes") {
        writes::measure(&data, effort, &mut verdict);
    }
    verdict.exit_code()
}

/// From the start of the process until a flag of the large tenant was evaluated, and the memory that it has then.
fn start(data: &Data, effort: Effort, verdict: &mut Verdict) {
    let (mut ready_ms, mut cpu_ms, mut resident_mib) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.rounds.min(7) {
        let started = std::time::Instant::now();
        let server = Server::real(data);
        let mut connection = client::Connection::open(server.address);
        assert_eq!(connection.send(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n").status, 200);
        assert_eq!(connection.send(&data.one_of_large()).status, 200);
        ready_ms.push(started.elapsed().as_secs_f64() * 1_000.0);
        cpu_ms.push(server.cpu_ns() as f64 / 1e6);
        resident_mib.push(server.resident_mib());
    }
    let flags = effort.flags;
    let (least_ms, least_cpu_ms) = (cpu::least(&ready_ms), cpu::least(&cpu_ms));
    println!(
        "\n## start with {flags} flags: {} runs, medians (minima: {least_ms:.0} ms, of them {least_cpu_ms:.0} ms CPU)",
        ready_ms.len()
    );
    verdict.at_most("start of the process until the first evaluation", cpu::median(&mut ready_ms), "ms", 300.0, 200.0);
    verdict.at_most("resident memory then", cpu::median(&mut resident_mib), "MiB", 60.0, 40.0);
}

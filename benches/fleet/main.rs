//! How fast is a change everywhere, what do idle subscribers cost, and how long does a replica take to start?
//!
//! Three replicas, real processes of the release build, share a PostgreSQL of their own on this machine (which does not wait for its
//! disk: what is measured is the way of a change, not the disk). `cargo bench -p ff-server --bench fleet` prints every figure with its
//! bound and fails where one is missed; `-- propagation`, `-- subscribers`, `-- start` and `-- downloads` choose. Without `--bench`, as `cargo
//! test` runs it, everything is done once and nothing is judged. Without PostgreSQL's binaries it says so and ends.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark: it prints, and fails by panicking"
)]

mod downloads;
mod propagation;
mod start;
mod subscribers;
#[allow(dead_code, reason = "each benchmark uses some of the kinds of bounds")]
#[path = "../verdict.rs"]
mod verdict;
#[allow(dead_code, reason = "each benchmark uses some of the workloads")]
#[path = "../workloads.rs"]
mod workloads;

use std::process::ExitCode;

use ff_test_support::{Client, Postgres, Server};

use crate::verdict::Verdict;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ff-server");

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Changes whose way is timed.
    changes: usize,
    /// The same, where a poll has to find each.
    polled: usize,
    /// Subscribers held at the same time.
    subscribers: usize,
    /// Flags in all tenants together.
    flags: usize,
    /// Starts of a replica.
    starts: usize,
}

impl Effort {
    const FULL: Self = Self { changes: 500, polled: 12, subscribers: 5_000, flags: 10_000, starts: 5 };
    const SMOKE: Self = Self { changes: 4, polled: 1, subscribers: 10, flags: 100, starts: 1 };
}

fn main() -> ExitCode {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let effort = if is_measured { Effort::FULL } else { Effort::SMOKE };
    let wanted: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| name.contains(w.as_str()));

    let Some(postgres) = Postgres::start() else { return ExitCode::SUCCESS };
    let mut verdict = Verdict::new(is_measured);
    if is_wanted("propagation") {
        propagation::measure(&postgres, effort, &mut verdict);
    }
    if is_wanted("subscribers") {
        subscribers::measure(&postgres, effort, &mut verdict);
    }
    if is_wanted("start") {
        start::measure(&postgres, effort, &mut verdict);
    }
    if is_wanted("downloads") {
        downloads::measure(&postgres, effort, &mut verdict);
    }
    verdict.exit_code()
}

/// An admin of the tenant `tenant`.
pub(crate) fn admin(server: &Server, tenant: &str) -> Client {
    server.client().admin("bench").tenant(tenant)
}

/// The value below which this share of the values lies.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

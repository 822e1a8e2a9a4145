//! How long do many flags take, and what does a writer cost the readers? W8 (all of 200 flags for one user), 1,000 flags,
//! and evaluation while another thread swaps rulesets as fast as it can.
//!
//! `cargo bench -p ff-core --bench ruleset`. Good: a writer on another core does not double a reader's time.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark; criterion's macros write undocumented items"
)]

#[allow(dead_code, reason = "each benchmark uses some of the workloads")]
#[path = "workloads.rs"]
mod workloads;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use criterion::{Criterion, criterion_group, criterion_main};
use ff_core::{Flag, Timestamp};

fn all(c: &mut Criterion) {
    let now = Timestamp::from_millis(1_800_000_000_000);
    let w8 = workloads::w8();
    let (all, users) = (w8.ruleset(), w8.users());
    let mut turn = 0;
    c.bench_function("ruleset/all of 200 flags (W8)", |b| {
        b.iter(|| {
            turn = (turn + 1) % users.len();
            all.evaluate_all(black_box(&users[turn]), now).map(|answer| black_box(answer.variant()).as_str().len()).sum::<usize>()
        });
    });

    let w9 = workloads::w9();
    let ruleset = w9.ruleset();
    c.bench_function("ruleset/one of 10,000 flags, behind an ArcSwap", |b| {
        let shared = ArcSwap::from_pointee(ruleset.clone());
        b.iter(|| {
            turn = (turn + 1) % users.len();
            shared.load().evaluate(black_box(&w9.keys[turn]), &users[turn], now).unwrap().reason()
        });
    });
}

/// The 99th percentile of a reader's time, in batches of 64 evaluations, alone and while another thread swaps rulesets as fast as it
/// can. Runs in turns, so that the machine's other work meets both; the least of each is shown. Good: at most twice as long.
fn swapping(_: &mut Criterion) {
    let now = Timestamp::from_millis(1_800_000_000_000);
    let (w9, users) = (workloads::w9(), workloads::w8().users());
    let flag = Flag::from_value(&workloads::none_of("flag-00004", 3)).unwrap();
    let shared = ArcSwap::from_pointee(w9.ruleset());
    let (batches, rounds) = if std::env::args().any(|argument| argument == "--bench") { (20_000, 15) } else { (10, 1) };
    let p99 = || {
        let mut times: Vec<_> = (0..batches)
            .map(|_| {
                let start = Instant::now();
                for (key, user) in w9.keys.iter().zip(&users) {
                    black_box(shared.load().evaluate(black_box(key), user, now).unwrap().reason());
                }
                start.elapsed().as_nanos() as f64 / users.len() as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        (times[times.len() / 2], times[times.len() * 99 / 100])
    };
    let swapped = || {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut revision = 1_u64;
                while !done.load(Ordering::Relaxed) {
                    revision += 1;
                    let next = shared.load().with_flag(revision, &flag).unwrap();
                    shared.store(Arc::new(next));
                }
                revision
            });
            let times = p99();
            done.store(true, Ordering::Relaxed);
            (times, writer.join().unwrap())
        })
    };
    let (mut alone, mut beside, mut swaps) = (f64::INFINITY, f64::INFINITY, 0);
    let (mut median_alone, mut median_beside) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..rounds {
        let (median, tail) = p99();
        (median_alone, alone) = (median_alone.min(median), alone.min(tail));
        let ((median, tail), count) = swapped();
        (median_beside, beside, swaps) = (median_beside.min(median), beside.min(tail), swaps + count);
    }
    println!(
        "one of 10,000 flags, ns: median {median_alone:.0}, p99 {alone:.0}; while a thread swaps: median {median_beside:.0}, p99 {beside:.0} ({:.2} times; {swaps} swaps)",
        beside / alone
    );
}

criterion_group!(benches, all, swapping);
criterion_main!(benches);

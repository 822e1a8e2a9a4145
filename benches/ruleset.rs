//! How long do many flags take, and what does a writer cost the readers? W8 (all of 200 flags for one user), 1,000 flags,
//! and evaluation while another thread swaps rulesets as fast as it can.
//!
//! `cargo bench -p ff-core --bench ruleset`. Good: a writer on another core does not double a reader's time.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark; criterion's macros write undocumented items"
)]

#[allow(dead_code, reason = "each benchmark uses some of the workloads")]
#[path = "workloads.rs"]
mod workloads;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use criterion::{Criterion, criterion_group, criterion_main};
use ff_core::{Flag, Timestamp};

fn all(c: &mut Criterion) {
    let now = Timestamp::from_millis(1_800_000_000_000);
    let w8 = workloads::w8();
    let (ruleset, users) = (w8.ruleset(), w8.users());
    let mut turn = 0;
    c.bench_function("ruleset/all of 200 flags (W8)", |b| {
        b.iter(|| {
            turn = (turn + 1) % users.len();
            ruleset.evaluate_all(black_box(&users[turn]), now).map(|answer| black_box(answer.variant()).as_str().len()).sum::<usize>()
        });
    });

    let w9 = workloads::w9();
    let shared = ArcSwap::from_pointee(w9.ruleset());
    let flag = Flag::from_value(&workloads::none_of("flag-00004", 3)).unwrap();
    let mut read = |name: &str| {
        c.bench_function(name, |b| {
            b.iter(|| {
                turn = (turn + 1) % users.len();
                let ruleset = shared.load();
                ruleset.evaluate(black_box(&w9.keys[turn]), &users[turn], now).unwrap().reason()
            });
        });
    };
    read("ruleset/one of 10,000 flags, nobody writes");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut revision = 1;
            while !done.load(Ordering::Relaxed) {
                revision += 1;
                let next = shared.load().with_flag(revision, &flag).unwrap();
                shared.store(Arc::new(next));
            }
        });
        read("ruleset/one of 10,000 flags, a writer swaps");
        done.store(true, Ordering::Relaxed);
    });
}

criterion_group!(benches, all);
criterion_main!(benches);

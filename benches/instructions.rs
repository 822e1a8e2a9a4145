//! How many instructions does each workload take? Counted by valgrind's callgrind, so the same on every run: the regression
//! gate stands on these figures, not on times.
//!
//! `just instructions`, which compares them with `benches/gate/baseline.json`; `docs/performance.md` tells how. One figure
//! is 64 evaluations, one for each user (`w8`: 200 flags for each of four users), after a first round that is not counted:
//! what happens once (a dispatch on the CPU's features, a cache that fills) is not in it. Loading is counted from 1,000
//! flags. Good: nobody notices.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark; gungraun's macros write undocumented items"
)]

#[allow(dead_code, reason = "each benchmark uses some of the workloads")]
#[path = "workloads.rs"]
mod workloads;

use std::hint::black_box;

use ff_core::{EnvironmentKey, Flag, Ruleset, Timestamp, User};
use gungraun::prelude::*;
use gungraun::{Callgrind, LibraryBenchmarkConfig};
use workloads::Workload;

/// Rulesets of the same content that a workload of one flag is counted on.
///
/// What libc needs to compare two texts depends on whether one of them ends a page of memory, and where they lie changes
/// with all that allocates before, even with the length of the program's path. That moved W1 by 2.6 % while there was one
/// ruleset; of so many, at different places, the luck of one moves the sum by a fraction of a percent.
const COPIES: usize = 16;

fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

/// One evaluation: who is asked, about which flag, for whom. Each has texts of its own.
struct Turn {
    ruleset: Ruleset,
    key: String,
    user: User,
}

/// A turn for each user. The measured functions give turns back, so that dropping them is not counted.
fn each_user(workload: fn() -> Workload) -> Vec<Turn> {
    let workload = workload();
    let copies = if workload.flags.len() == 1 { COPIES } else { 1 };
    let rulesets: Vec<_> = (0..copies).map(|_| workload.ruleset()).collect();
    let users = workload.users().into_iter();
    let turn = |((user, key), ruleset): ((User, &String), &Ruleset)| Turn { ruleset: ruleset.clone(), key: key.clone(), user };
    let turns = users.zip(workload.keys.iter().cycle()).zip(rulesets.iter().cycle()).map(turn).collect();
    one_flag(turns)
}

#[inline(always)]
fn one_flag(turns: Vec<Turn>) -> Vec<Turn> {
    let now = now();
    for Turn { ruleset, key, user } in &turns {
        let answer = ruleset.evaluate(black_box(key), black_box(user), now).unwrap();
        black_box(answer.variant());
        black_box(answer.reason());
    }
    turns
}

#[library_benchmark(setup = each_user)]
#[bench::w1(workloads::w1)]
#[bench::w2(workloads::w2)]
#[bench::w3(workloads::w3)]
#[bench::w4(workloads::w4)]
#[bench::w5(workloads::w5)]
#[bench::w6(workloads::w6)]
#[bench::w7(workloads::w7)]
#[bench::w9(workloads::w9)]
fn evaluate(turns: Vec<Turn>) -> Vec<Turn> {
    one_flag(turns)
}

fn four_users(workload: fn() -> Workload) -> (Ruleset, Vec<User>) {
    let workload = workload();
    let mut users = workload.users();
    users.truncate(4);
    all_flags(workload.ruleset(), users)
}

#[inline(always)]
fn all_flags(ruleset: Ruleset, users: Vec<User>) -> (Ruleset, Vec<User>) {
    let now = now();
    for user in &users {
        for answer in ruleset.evaluate_all(black_box(user), now) {
            black_box(answer.variant());
        }
    }
    (ruleset, users)
}

#[library_benchmark(setup = four_users)]
#[bench::w8(workloads::w8)]
fn evaluate_all((ruleset, users): (Ruleset, Vec<User>)) -> (Ruleset, Vec<User>) {
    all_flags(ruleset, users)
}

/// The first thousand of W10's flags, as documents.
///
/// They are loaded once before, and this is the last to be freed: the allocator puts together what the set-up gave back
/// when it is next asked for a large block, and that must not fall into the counted round.
fn thousand() -> Vec<String> {
    let texts: Vec<_> = workloads::w9().flags.iter().take(1_000).map(ToString::to_string).collect();
    drop(loaded(&texts));
    texts
}

#[inline(always)]
fn loaded(texts: &[String]) -> (Vec<Flag>, Ruleset) {
    let flags: Vec<_> = texts.iter().map(|text| Flag::from_json(black_box(text)).unwrap()).collect();
    let ruleset = Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &flags, &[]).unwrap();
    (flags, ruleset)
}

#[library_benchmark]
#[bench::w10_load(args = (), setup = thousand)]
fn load(texts: Vec<String>) -> (Vec<String>, Vec<Flag>, Ruleset) {
    let (flags, ruleset) = loaded(&texts);
    (texts, flags, ruleset)
}

/// A ruleset of 10,000 flags, and one of them to be put in place of itself, which it was once before, for the same reason.
fn one_flag_again() -> (Ruleset, Flag) {
    let ruleset = workloads::w9().ruleset();
    let flag = Flag::from_value(&workloads::none_of("flag-05004", 3)).unwrap();
    (changed(ruleset, &flag), flag)
}

#[inline(always)]
fn changed(mut ruleset: Ruleset, flag: &Flag) -> Ruleset {
    for revision in 0..64 {
        ruleset = ruleset.with_flag(revision, black_box(flag)).unwrap();
    }
    ruleset
}

#[library_benchmark]
#[bench::w10_change(args = (), setup = one_flag_again)]
fn change((ruleset, flag): (Ruleset, Flag)) -> (Ruleset, Flag) {
    (changed(ruleset, &flag), flag)
}

library_benchmark_group!(name = workload, benchmarks = [evaluate, evaluate_all, load, change]);

// Instructions are all that is asked for; simulating caches would double the time.
main!(config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])), library_benchmark_groups = workload);

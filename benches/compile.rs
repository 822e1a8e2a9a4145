//! How long does it take until a document can be evaluated? Reading and compiling, alone and in bulk (W10: 10,000 flags).
//!
//! `cargo bench -p ff-core --bench compile`. Good: 10,000 flags well below a tenth of a second.
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
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use ff_core::{EnvironmentKey, Flag, ListChange, MembersChange, Ruleset, Segment};

fn compile(c: &mut Criterion) {
    let fifty = workloads::w5().flags[0].to_string();
    c.bench_function("compile/read a flag of 50 rules", |b| b.iter(|| Flag::from_json(black_box(&fifty)).unwrap()));
    let ruleset = workloads::w5().ruleset();
    let flag = Flag::from_json(&fifty).unwrap();
    c.bench_function("compile/put a flag of 50 rules", |b| b.iter(|| ruleset.with_flag(2, black_box(&flag)).unwrap()));

    let w9 = workloads::w9();
    let texts: Vec<_> = w9.flags.iter().map(ToString::to_string).collect();
    let mut group = c.benchmark_group("compile/10,000 flags");
    group.sample_size(20).measurement_time(Duration::from_secs(5));
    group.bench_function("read and compile (W10)", |b| {
        b.iter(|| {
            let flags: Vec<_> = texts.iter().map(|text| Flag::from_json(text).unwrap()).collect();
            Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &flags, &[]).unwrap()
        });
    });
    let ruleset = w9.ruleset();
    let one = Flag::from_value(&workloads::none_of("flag-05004", 3)).unwrap();
    group.bench_function("change one", |b| b.iter(|| ruleset.with_flag(2, black_box(&one)).unwrap()));
    group.finish();
}

/// A list of a million user ids: read, put into a ruleset, changed by two.
fn million(c: &mut Criterion) {
    let ids: Vec<_> = (0..1_000_000_u64).map(|i| format!("user-{:08}", i * 7919 % 100_000_000)).collect();
    let text = serde_json::json!({"key": "beta", "included": ids}).to_string();
    let segment = Segment::from_json(&text).unwrap();
    let of = |segment: &Segment| {
        Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &[], std::slice::from_ref(segment)).unwrap()
    };
    let mut group = c.benchmark_group("compile/a segment of 1,000,000 users");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    group.bench_function("read", |b| b.iter(|| Segment::from_json(black_box(&text)).unwrap()));
    group.bench_function("compile", |b| b.iter(|| of(black_box(&segment))));
    let (ruleset, key) = (of(&segment), "beta".parse().unwrap());
    let change = MembersChange { included: ListChange { add: &["somebody"], remove: &["user-00000000"] }, ..MembersChange::default() };
    group.bench_function("change two users", |b| b.iter(|| ruleset.with_members(2, &key, black_box(&change)).unwrap().unwrap()));
    group.finish();
}

criterion_group!(benches, compile, million);
criterion_main!(benches);

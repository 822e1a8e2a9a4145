//! How long does one evaluation take? W1 to W9 but W8, and the worst that the bounds allow.
//!
//! `cargo bench -p ff-core --bench evaluate`. 64 prepared users in rotation, answers kept from being optimised away.
//! Good: everything documented far below a millisecond.
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

use criterion::{Criterion, criterion_group, criterion_main};
use ff_core::{EnvironmentKey, Flag, Ruleset, Timestamp, User};
use serde_json::json;

fn evaluate(c: &mut Criterion) {
    let now = Timestamp::from_millis(1_800_000_000_000);
    for workload in workloads::single() {
        let (ruleset, users) = (workload.ruleset(), workload.users());
        let mut turn = 0;
        c.bench_function(&format!("evaluate/{}", workload.id), |b| {
            b.iter(|| {
                turn = (turn + 1) % 64;
                let key = &workload.keys[turn % workload.keys.len()];
                let answer = ruleset.evaluate(black_box(key), black_box(&users[turn]), now).unwrap();
                black_box(answer.variant());
                answer.reason()
            });
        });
    }
    c.bench_function("evaluate/unknown flag", |b| {
        let ruleset = workloads::w9().ruleset();
        let user = User::new("u").unwrap();
        b.iter(|| ruleset.evaluate(black_box("no-such-flag"), &user, now).is_none());
    });
    worst(c, now);
}

/// The most tests that one flag may have, each a case-blind search through a text of a kilobyte.
fn worst(c: &mut Criterion, now: Timestamp) {
    let tests: Vec<_> = (0..1_900).map(|i| json!({"attr": {"text": {"icontains": format!("needle-{i}")}}})).collect();
    let rules = json!([{"when": {"any": tests}, "rollout": {"variant": "on"}}]);
    let flag = Flag::from_value(&json!({"key": "worst", "type": "boolean", "state": "on", "rules": rules})).unwrap();
    let ruleset = Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &[flag], &[]).unwrap();
    let user = User::new("u").unwrap().with("text", "haystack".repeat(128).as_str());
    c.bench_function("evaluate/worst: 1,900 case-blind searches in 1 KiB", |b| {
        b.iter(|| ruleset.evaluate(black_box("worst"), &user, now).unwrap().reason())
    });

    let patterns: Vec<_> = (0..50).map(|i| json!({"attr": {"text": {"matches": format!("(a|b|c)+[0-9]{{3,9}}x{i}$")}}})).collect();
    let rules = json!([{"when": {"any": patterns}, "rollout": {"variant": "on"}}]);
    let flag = Flag::from_value(&json!({"key": "regex", "type": "boolean", "state": "on", "rules": rules})).unwrap();
    let ruleset = Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &[flag], &[]).unwrap();
    let user = User::new("u").unwrap().with("text", "abcabc123".repeat(113).as_str());
    c.bench_function("evaluate/worst: 50 regular expressions over 1 KiB", |b| {
        b.iter(|| ruleset.evaluate(black_box("regex"), &user, now).unwrap().reason())
    });
}

criterion_group!(benches, evaluate);
criterion_main!(benches);

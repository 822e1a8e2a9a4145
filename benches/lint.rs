//! What does linting add to a write? A flag as people write it, and flags as large as the bounds allow.
//!
//! `cargo bench -p ff-core --bench lint`. Good: the flag of 50 rules below a millisecond, the largest below 100.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark; criterion's macros write undocumented items")]

#[allow(dead_code, reason = "each benchmark uses some of the workloads")]
#[path = "workloads.rs"]
mod workloads;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use ff_core::limits::{CONDITION_NODES_MAX, LIST_LENGTH_MAX, RULES_MAX};
use ff_core::{Flag, Ruleset};
use serde_json::{Map, Value, json};

fn flag(whens: impl Iterator<Item = Value>) -> Flag {
    let rules: Vec<_> = whens.map(|when| json!({"when": when, "rollout": {"variant": "on"}})).collect();
    Flag::from_value(&json!({"key": "large", "type": "boolean", "state": "on", "rollout_percentage": 50, "rules": rules})).unwrap()
}

/// As many rules as there may be, with as many tests on the same few attributes as there may be.
fn rules(test: impl Fn(usize, usize) -> Value) -> Flag {
    let per_rule = CONDITION_NODES_MAX / RULES_MAX;
    flag((0..RULES_MAX).map(|i| json!({"attr": (0..per_rule).map(|n| (format!("a{n}"), test(i, n))).collect::<Map<_, _>>()})))
}

fn lint(c: &mut Criterion) {
    let small = workloads::w5();
    let fifty = Flag::from_json(&small.flags[0].to_string()).unwrap();
    let ruleset: Ruleset = small.ruleset();
    c.bench_function("lint/a flag of 50 rules", |b| b.iter(|| ruleset.lint(black_box(&fifty))));

    // Less the two lists that hold them.
    let half = CONDITION_NODES_MAX / 2 - 1;
    let list = |start: usize| (start..start + LIST_LENGTH_MAX).map(|i| format!("value-{i}")).collect::<Vec<_>>();
    let tests = |make: &dyn Fn(usize) -> Value| (0..half).map(|i| json!({"attr": {"a": make(i)}})).collect::<Vec<_>>();
    let largest = [
        ("500 rules, none alike", rules(|i, n| json!(format!("x{i}-{n}")))),
        ("500 rules of ranges that do not contain one another", rules(|i, n| json!({"gt": if n % 2 == 0 { i } else { RULES_MAX - i }}))),
        ("500 rules, each in the next", rules(|i, n| json!({"gt": RULES_MAX - i + n}))),
        ("1,000 tests on one attribute", flag([json!({"all": tests(&|i| json!({"lt": i + 10}))})].into_iter())),
        (
            "two alternatives of 1,000 tests",
            flag([json!({"any": tests(&|i| json!({"lt": i}))}), json!({"any": tests(&|i| json!({"gt": i}))})].into_iter()),
        ),
        ("100 lists of 10,000", flag((0..100).map(|i| json!({"attr": {"a": list(i)}})))),
    ];
    let mut group = c.benchmark_group("lint/largest");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for (name, flag) in &largest {
        group.bench_function(*name, |b| b.iter(|| ruleset.lint(black_box(flag))));
    }
    group.finish();
}

criterion_group!(benches, lint);
criterion_main!(benches);

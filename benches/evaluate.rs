//! How long does one evaluation take? W1 to W9 but W8.
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
use ff_core::{AttributeValue, Timestamp, User};

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
}

/// What it costs to prepare a user for evaluation: reading, and laying a list of groups out.
fn user(c: &mut Criterion) {
    for groups in [0, 10, 200] {
        let groups: Vec<_> = (0..groups).map(|i| format!("group-{i:04}")).collect();
        let text = serde_json::json!({"id": "user-1234", "attributes": {"country": "CA", "plan": "pro", "groups": groups}}).to_string();
        c.bench_function(&format!("user/read, in {} groups", groups.len()), |b| b.iter(|| User::from_json(black_box(&text)).unwrap()));
        c.bench_function(&format!("user/copy and lay out a list of {}", groups.len()), |b| {
            b.iter(|| User::new("u").unwrap().with("groups", black_box(&*groups)));
        });
        c.bench_function(&format!("user/copy a list of {}", groups.len()), |b| b.iter(|| AttributeValue::from(black_box(&*groups))));
    }
}

criterion_group!(benches, evaluate, user);
criterion_main!(benches);

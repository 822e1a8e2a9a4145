//! How long does bucketing take? The first step (a flag is compiled) and the second (a user is dealt).
//!
//! `cargo bench -p ff-core --bench bucket`. Good: the second step within a few nanoseconds of SipHash-2-4 itself.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark; criterion's macros write undocumented items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ff_core::bucket::{Domain, Seed, distribution};

fn bucket(c: &mut Criterion) {
    let tenant = "acme".parse().unwrap();
    c.bench_function("bucket/seed", |b| b.iter(|| Seed::new(Domain::Distribution, black_box(&tenant), black_box("checkout-redesign"))));
    let seed = Seed::new(Domain::Distribution, &tenant, "checkout-redesign");
    for id in ["user-00007919", "0192f0c1-2b3c-7def-8a9b-0c1d2e3f4a5b"] {
        c.bench_function(&format!("bucket/id of {} bytes", id.len()), |b| b.iter(|| seed.bucket(black_box(id))));
    }
    c.bench_function("bucket/thresholds of 4 weights", |b| b.iter(|| distribution(black_box([25.0, 25.0, 25.0, 25.0]).into_iter())));
}

criterion_group!(benches, bucket);
criterion_main!(benches);

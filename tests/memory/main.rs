//! What the engine takes from the allocator: nothing to evaluate, and a stated amount to hold what it evaluates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

mod evaluating;
mod holding;
#[allow(dead_code, reason = "the workloads serve benchmarks too")]
#[path = "../../benches/workloads.rs"]
mod workloads;

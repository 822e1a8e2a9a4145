//! What must hold for every flag, user and instant, on generated ones.
//!
//! - `FF_ORACLE_CASES` raises the number of evaluations compared with the oracle (20,000 where it is not set).
//! - `FF_PROPERTY_PERCENT` tries each property on that part of its inputs, for runs that are repeated a thousand times.
//! - `FF_PROPERTY_SEED` repeats a run: each test prints its seed, and the shrunken counterexample as JSON that can be put
//!   into `tests/data/cases/`. In CI all runs have the same one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and says on stdout what it tried"
)]

mod agreement;
mod brute_force;
mod change;
mod check;
mod dice;
mod equivalence;
mod generate;
mod lint;
#[allow(dead_code, unused_imports, unreachable_pub, reason = "shared with the other test crates, each of which needs a part of it")]
#[path = "../oracle/mod.rs"]
mod oracle;
mod pools;
mod rollout;
mod statistics;
mod uniformity;
mod why_not;
mod world;

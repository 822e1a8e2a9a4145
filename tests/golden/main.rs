//! Golden data, through the engine and through the oracle.
//!
//! - `tests/data/cases/*.json`: flags, segments, a user and an instant → the expected answer. A new case needs no Rust.
//! - `tests/data/invalid/*.json`: documents that must be refused, with the pointers that must be reported.
//! - `tests/data/bucketing.json`: frozen bucketing vectors, also recomputed by a script in another language.
//! - The Unleash client specification, where it is at hand: conditions as another project understands them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and says on stdout what it skipped"
)]

mod cases;
mod data;
mod invalid;
#[allow(dead_code, unused_imports, unreachable_pub, reason = "shared with the other test crates, each of which needs a part of it")]
#[path = "../oracle/mod.rs"]
mod oracle;
mod unleash;
mod vectors;

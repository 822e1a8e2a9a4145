//! The store on both databases: the same claims, the same tests.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests: whatever goes wrong is a failure, and says where"
)]

mod audit;
mod changes;
mod environments;
mod failure;
mod flags;
mod history;
mod idempotency;
mod killed;
mod lists;
mod log;
mod migrations;
mod notify;
mod segments;
mod snapshots;
mod steps;
#[cfg(feature = "pg-tls")]
mod tls;
mod webhooks {
    mod by_hand;
    mod deliveries;
    mod lease;
    mod progress;
    mod steps;
}

//! Several replicas on one PostgreSQL: real processes, killed, cut off and restarted while they are in use.
//!
//! What each test claims holds for every replica, or for what a client saw who went from one to the next.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and says where it did"
)]

mod database;
mod events;
mod fleet;
mod history;
mod killed;
mod order;
mod propagation;
mod rolling;
mod standby;
mod webhooks;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ff-server");

//! What goes on when something is gone: the database, a free connection, the process itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and says where it did"
)]

mod backup;
mod damaged_rows;
mod database_busy;
mod database_gone;
mod database_hangs;
mod event_streams;
mod lost_answers;
mod restored;
mod rulesets_away;
mod shutdown;
mod start;
mod state_dir;

use ff_test_support::{Answer, Client, Server, Setup, eventually};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ff-server");

/// The program, to be set up by the test, on SQLite.
fn setup() -> Setup {
    Setup::new(PROGRAM)
}

/// An admin of the tenant `acme`.
fn admin(server: &Server) -> Client {
    server.client().admin("test").tenant("acme")
}

/// The answer of a server that waits for its database for so short a time that a busy machine may take longer: sent again, as 503 asks for.
#[track_caller]
fn sent_again(ask: impl Fn() -> Answer) -> Answer {
    eventually("an answer other than 503", || Some(ask()).filter(|answer| answer.status() != 503))
}

/// A boolean flag that is on for everyone.
fn flag(key: &str) -> Value {
    json!({"key": key, "type": "boolean", "state": "on"})
}

/// What `POST /v1/evaluate` is asked in these tests.
fn question(flag: &str) -> Value {
    json!({"flag_key": flag, "user": {"id": "u"}})
}

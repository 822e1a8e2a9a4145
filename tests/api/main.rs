//! The API from outside: the real program as a process, asked over HTTP, on SQLite and on PostgreSQL alike.
//!
//! A folder per URL, a file per verb; beside them, what goes through many URLs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says where it did"
)]

mod harness;

mod ops {
    mod healthz;
}

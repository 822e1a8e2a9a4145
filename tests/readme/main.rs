//! The documents hold: their commands run, their answers are what a server answers, their tables say what the code says,
//! their links lead somewhere.
//!
//! How a document is read:
//! - Blocks in `sh` run one after another in one shell, against a server that was just started with `--dev`. `FF` holds its
//!   address. Every `curl` must be answered with 2xx; a block opened with `sh 412` ends with an answer of that status.
//!   Blocks opened with `sh no_run` are for people.
//! - A `json` or `text` block right behind it is what it prints. `…` stands for whatever differs from run to run: as a
//!   string for any value, as a member's name or a list's last item for any others, in a text for any piece of a line.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests: whatever goes wrong is a failure, and says where"
)]

mod conditions;
mod follow;
mod links;
mod lint;
mod markdown;
mod requests;
mod ruleset;
mod server;
mod shape;
mod shell;
mod tables;

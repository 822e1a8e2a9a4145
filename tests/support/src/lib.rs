//! What ff's integration tests share: throw-away databases of both kinds, the server as a process, a client of its API.
//!
//! - [`Postgres`] is a server of its own for a test process, made with PostgreSQL's own binaries and gone with the process;
//!   or the server that `FF_TEST_POSTGRES_URL` names.
//! - [`TestDatabase`] is an empty database with all tables, SQLite or PostgreSQL, gone when dropped.
//! - [`TestStore`] is a store on such a database; [`TestStore::each`] runs one test on both kinds.
//! - [`Target`] is what a webhook leads to: it answers as it is told and keeps what it was sent.
//! - [`Authority`] makes certificates for targets that speak TLS, good and bad ones.
//! - [`Server`] is the real ff-server program as a process, on either; [`Client`] asks it, [`Answer`] is what it says.
//!
//! Without PostgreSQL the second half is skipped with a notice; where the environment variable `CI` is set, it fails.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "test support: what goes wrong here is a failed test, and people should see why"
)]

mod answer;
mod authority;
mod client;
mod database;
mod event_stream;
mod keeper;
mod output;
mod postgres;
mod process;
mod server;
mod store;
mod target;
pub mod token;

pub use crate::answer::Answer;
pub use crate::authority::{Authority, Certificate, Validity};
pub use crate::client::Client;
pub use crate::database::TestDatabase;
pub use crate::event_stream::{End, Event, EventStream, Item};
pub use crate::output::Output;
pub use crate::postgres::{Frozen, Postgres};
pub use crate::process::{ADMIN_KEY, PATIENCE, Server, Setup, eventually};
pub use crate::store::{TestStore, author, environment, flag, patient, segment, tenant};
pub use crate::target::{Received, Reply, Target};
pub use ureq::Error as ClientError;

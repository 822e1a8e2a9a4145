//! What ff's integration tests share: throw-away databases of both kinds.
//!
//! - [`Postgres`] is a server of its own for a test process, made with PostgreSQL's own binaries and gone with the process;
//!   or the server that `FF_TEST_POSTGRES_URL` names.
//! - [`TestDatabase`] is an empty database with all tables, SQLite or PostgreSQL, gone when dropped.
//! - [`TestStore`] is a store on such a database; [`TestStore::each`] runs one test on both kinds.
//!
//! Without PostgreSQL the second half is skipped with a notice; where the environment variable `CI` is set, it fails.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "test support: what goes wrong here is a failed test, and people should see why"
)]

mod database;
mod postgres;
mod server;
mod store;

pub use crate::database::TestDatabase;
pub use crate::postgres::Postgres;
pub use crate::store::{TestStore, author, environment, flag, segment, tenant};

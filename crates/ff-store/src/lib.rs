//! Storage for ff: flags, segments, environments and the audit log, on SQLite or PostgreSQL.
//!
//! - [`Store::open`] connects, [`Store::migrate`] brings the tables up to date.
//! - Reads live in the module of what they read: [`flag::find`], [`flag::list`], [`segment::find`], [`environment::list`],
//!   [`audit::page`], [`ruleset::load`]. Each takes the tenant, or the [`Scope`], first.
//! - The only way to write is [`change::run`], with the functions that end in `_in`: [`flag::put_in`],
//!   [`segment::delete_in`] … One change is one transaction: it locks the tenant's revision, writes, and appends to the audit
//!   log; a change that changes nothing leaves no trace.
//!
//! ```
//! use ff_core::{EnvironmentKey, Flag, Timestamp};
//! use ff_store::{Author, Scope, Store, StoreConfig, StoreError, change, flag};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let dsn = format!("sqlite://{}", folder.path().join("ff.db").display());
//! let store = Store::open(&StoreConfig::new(dsn.parse()?))?; // `sqlite://ff.db`, `postgres://…`
//! store.migrate()?;
//!
//! let scope = Scope::new("acme".parse()?, EnvironmentKey::production());
//! let author = Author { actor: "ann".into(), request_id: None, at: Timestamp::from_millis(1_795_248_000_000) };
//! let wanted = Flag::from_json(r#"{"key": "new-checkout", "type": "boolean", "state": "on"}"#)?;
//!
//! let written = change::run(&store, &scope.tenant, &author, |change| {
//!     let written = flag::put_in(change, &scope.environment, wanted)?;
//!     Ok::<_, StoreError>((written, change.revision()))
//! })?;
//! assert_eq!(written.1.get(), 1);
//!
//! let found = flag::find(&store, &scope, &"new-checkout".parse()?)?;
//! assert_eq!(found, written.0.record);
//! # Ok(())
//! # }
//! ```
//!
//! All calls block. A database that is away gives [`StoreError::Unavailable`] within the configured time; a row that does
//! not parse gives [`StoreError::Corrupt`] where it alone was asked for, and is otherwise left out and reported.
//!
//! # Features
//! `pg-tls`: TLS to PostgreSQL (`sslmode=require`, `verify-full` …). Compiles OpenSSL from source, hence off by default.

pub mod audit;
mod bookkeeping;
pub mod change;
mod circuit;
mod connection;
mod document;
mod dsn;
pub mod environment;
mod error;
pub mod flag;
mod group;
pub mod idempotency;
mod memory;
mod migrate;
mod notify;
mod page;
pub mod ruleset;
mod schema;
mod scope;
mod search;
pub mod segment;
mod store;
pub mod webhook;
mod writers;

// With `pg-tls` the libraries are linked by these two; nothing of them is called here.
use libsqlite3_sys as _;
#[cfg(feature = "pg-tls")]
use openssl_sys as _;
use pq_sys as _;

pub use crate::audit::{Action, At, AuditEntry, AuditFilter, ChangeId, Entity, Logged, Position, WordError};
pub use crate::change::{Author, Change, Outcome, Written};
pub use crate::dsn::{Backend, Dsn, DsnError};
pub use crate::environment::{EnvironmentDraft, EnvironmentRecord};
pub use crate::error::{Cause, CorruptRow, StoreError};
pub use crate::flag::{FlagFilter, FlagRecord};
pub use crate::idempotency::{KeptAnswer, KeyedRequest, Known, Shown};
pub use crate::notify::{Listener, Notice};
pub use crate::page::{Page, PageLimit, PageLimitError, PageRequest, PageToken, PageTokenError};
pub use crate::ruleset::{Flags, Reading, Snapshot};
pub use crate::scope::{Revision, Scope, Version};
pub use crate::segment::{SegmentFilter, SegmentRecord};
pub use crate::store::{PoolState, Store, StoreConfig};
pub use crate::webhook::{
    DeliveryId, DeliveryRecord, DeliveryState, DisabledReason, WebhookDraft, WebhookId, WebhookRecord, WebhookSecret, WebhookShown,
};

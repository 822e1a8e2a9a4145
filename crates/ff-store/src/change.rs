//! Changes: the only way to write. Lock the tenant's revision → write → audit → commit.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::Error as QueryError;
use ff_core::{EnvironmentKey, Flag, TenantId, Timestamp};

use crate::audit::{self, ChangeRow, Entry, Position};
use crate::connection::{Link, on};
use crate::environment;
use crate::error::StoreError;
use crate::group::{Group, Groups};
use crate::memory::{Kept, Memory};
use crate::notify;
use crate::schema::tenants;
use crate::scope::Revision;
use crate::store::Store;

/// Who writes, on whose request, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Who: a token's subject or a key's name.
    pub actor: String,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// Now, by the writer's clock. Kept to the millisecond.
    pub at: Timestamp,
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The entity is new.
    Created,
    /// The entity shows something else now.
    Updated,
    /// It was already as asked for; nothing was written.
    Unchanged,
}

/// What a write did, and what there is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Written<T> {
    /// What it did.
    pub outcome: Outcome,
    /// The entity as it is now.
    pub record: T,
    /// The flag as each environment holds it now, where that changed, by environment; for a new environment its flags. Empty for segments.
    pub flags: Vec<(EnvironmentKey, Flag)>,
}

/// A change in the making: the open transaction, with the tenant's revision locked.
///
/// Several writes may be made in one; each gets its own revision and audit entry, and all are committed together.
pub struct Change<'a> {
    link: Link<'a>,
    tenant: &'a TenantId,
    author: &'a Author,
    at: Timestamp,
    /// How long a statement waits for a lock.
    patience: Duration,
    position: Position,
    /// What the changes before this one have left, and what this one leaves.
    memory: &'a mut Memory,
    left: Option<Kept>,
    is_written: bool,
    /// A statement has failed. PostgreSQL then takes `COMMIT` for `ROLLBACK` without a word of complaint.
    is_broken: bool,
}

impl std::fmt::Debug for Change<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Change").field("tenant", &self.tenant).field("revision", &self.revision()).finish_non_exhaustive()
    }
}

/// Runs `work` in one transaction, while no one else changes this tenant. What `work` has written is committed if it
/// answers `Ok`; if it answers `Err`, or has written nothing, the database stays exactly as it was: no revision, no audit
/// entry, not even a tenant.
///
/// Changes that wait for SQLite's write lock share a transaction; see `adr/0007`. That shows nowhere but in the speed: each
/// is made or not made by itself, and none is answered before it is on disk.
///
/// # Errors
/// Whatever `work` gives; [`Unavailable`](StoreError::Unavailable) and [`Query`](StoreError::Query) from here.
pub fn run<T, E: From<StoreError>>(
    store: &Store,
    tenant: &TenantId,
    author: &Author,
    work: impl FnOnce(&mut Change<'_>) -> Result<T, E>,
) -> Result<T, E> {
    match store.groups() {
        None => run_alone(store, tenant, author, work),
        Some(groups) => run_in_group(store, groups, tenant, author, work),
    }
}

/// PostgreSQL locks the tenant's row: changes of different tenants do not meet.
fn run_alone<T, E: From<StoreError>>(
    store: &Store,
    tenant: &TenantId,
    author: &Author,
    work: impl FnOnce(&mut Change<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let mut connection = store.connection_for_writing()?;
    let (mut memory, attempt) =
        (Memory::default(), |link: Link<'_>, memory: &mut Memory| attempt(link, memory, store, tenant, author, work));
    let result = match connection.link() {
        Link::Postgres(c) => c.build_transaction().read_committed().run(|c| attempt(Link::Postgres(c), &mut memory)),
        Link::Sqlite(_) => Err(Abort::Store(StoreError::Query("SQLite's changes are made in groups".into()))),
    };
    match result {
        Ok(result) | Err(Abort::NothingWritten(result)) => Ok(result),
        Err(Abort::Caller(error)) => Err(error),
        // Where the connection was lost under `work`, it cannot be rolled back either, and that is what comes out here.
        Err(Abort::Store(error)) => Err(connection.diagnose(error).into()),
    }
}

/// SQLite has one write lock: changes that wait for it are made in one transaction.
fn run_in_group<T, E: From<StoreError>>(
    store: &Store,
    groups: &Groups,
    tenant: &TenantId,
    author: &Author,
    work: impl FnOnce(&mut Change<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let (turn, mut group) = Group::join(store, groups)?;
    let result = match group.begin_member() {
        Err(error) => Ok(Err(Abort::Store(error))),
        Ok(()) => {
            let (link, memory) = group.parts();
            // A panic must not leave the others of the group without an end.
            catch_unwind(AssertUnwindSafe(|| attempt(link, memory, store, tenant, author, work)))
        }
    };
    let result = match result {
        Ok(Ok(value)) => Ok(group.keep_member().map(|()| value).map_err(Abort::Store)),
        other => {
            group.undo_member();
            other
        }
    };
    let ended = group.settle(turn);
    let result = result.unwrap_or_else(|panic| resume_unwind(panic));
    // Whatever it was that this change has seen is not there, if the transaction was not committed.
    ended?;
    match result {
        Ok(result) | Err(Abort::NothingWritten(result)) => Ok(result),
        Err(Abort::Caller(error)) => Err(error),
        Err(Abort::Store(error)) => Err(error.into()),
    }
}

fn attempt<T, E>(
    link: Link<'_>,
    memory: &mut Memory,
    store: &Store,
    tenant: &TenantId,
    author: &Author,
    work: impl FnOnce(&mut Change<'_>) -> Result<T, E>,
) -> Result<T, Abort<T, E>> {
    let mut change = Change::begin(link, memory, tenant, author, store).map_err(Abort::Store)?;
    let result = work(&mut change).map_err(Abort::Caller)?;
    if change.is_broken {
        return Err(Abort::Store(StoreError::Query("a statement of this change has failed, and the change went on".into())));
    }
    if !change.is_written {
        return Err(Abort::NothingWritten(result));
    }
    notify::announce(&mut change.link, tenant, change.position.revision).map_err(Abort::Store)?;
    if let Some(state) = change.left.take() {
        change.memory.keep(tenant, change.position.revision, state);
    }
    Ok(result)
}

/// Why a transaction is rolled back.
enum Abort<T, E> {
    NothingWritten(T),
    Caller(E),
    Store(StoreError),
}

impl<T, E> From<QueryError> for Abort<T, E> {
    fn from(error: QueryError) -> Self {
        Self::Store(error.into())
    }
}

impl<'a> Change<'a> {
    fn begin(
        mut link: Link<'a>,
        memory: &'a mut Memory,
        tenant: &'a TenantId,
        author: &'a Author,
        store: &Store,
    ) -> Result<Self, StoreError> {
        let (asked, patience) = (Instant::now(), store.busy_timeout());
        let revision = lock(&mut link, tenant).map_err(|error| error.after(asked, patience))?;
        // Time goes with the revisions: the author's clock was read before others were waited for, and may be another machine's.
        let last = audit::row_at(&mut link, tenant, revision)?;
        let at = Timestamp::from_millis(author.at.as_millis()).max(last.as_ref().map_or(Timestamp::EPOCH, ChangeRow::at));
        if revision == Revision::ZERO {
            environment::create_production(&mut link, tenant, at)?;
        }
        let position = Position { revision, change: last.map(|last| last.id()) };
        Ok(Self { link, tenant, author, at, patience, position, memory, left: None, is_written: false, is_broken: false })
    }

    /// The tenant's revision: the one before this change, or the one that its last write has made.
    pub fn revision(&self) -> Revision {
        self.position.revision
    }

    /// That revision, and which change made it.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Leaves the state that the tenant has after this change to changes that come next, some of which see this one before
    /// it is committed and its caller could tell anyone. Forgotten, if this change is not kept.
    pub fn leave<S: Any + Send + Sync>(&mut self, state: &Arc<S>) {
        let state: Arc<dyn Any + Send + Sync> = state.clone();
        self.left = Some(Arc::downgrade(&state));
    }

    /// What a change before this one has [left](Self::leave) as the tenant's state at the present revision, as long as its
    /// caller or somebody else holds it.
    pub fn left<S: Any + Send + Sync>(&self) -> Option<Arc<S>> {
        self.memory.get(self.tenant, self.revision())
    }

    /// Whose change it is.
    pub fn tenant(&self) -> &TenantId {
        self.tenant
    }

    /// When it is made, to the millisecond.
    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }

    /// When its author began it, by his own clock, which may be behind the log.
    pub(crate) fn asked_at(&self) -> Timestamp {
        self.author.at
    }

    pub(crate) fn link(&mut self) -> &mut Link<'a> {
        &mut self.link
    }

    /// Runs a step of the change and remembers whether a statement failed in it, so that a caller who goes on in spite of
    /// the error is not told later that all was committed.
    pub(crate) fn step<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let asked = Instant::now();
        let result = work(self).map_err(|error| error.after(asked, self.patience));
        self.is_broken |= matches!(result, Err(StoreError::Query(_) | StoreError::Unavailable(_)));
        result
    }

    /// Records what was just written, at the next revision.
    pub(crate) fn append(&mut self, entry: Entry) -> Result<(), StoreError> {
        let revision = self.revision().next();
        let mine = tenants::id.eq(self.tenant.as_str());
        on!(&mut self.link, c => diesel::update(tenants::table).filter(mine).set(tenants::revision.eq(revision.get())).execute(c))?;
        self.position = audit::insert(&mut self.link, self.tenant, revision, self.at, self.author, entry)?;
        self.is_written = true;
        Ok(())
    }
}

/// Locks the tenant's row, which is made for its first change, and reads the revision: one statement on both databases.
/// Whoever comes second waits here, and then reads what the first has committed.
fn lock(link: &mut Link<'_>, tenant: &TenantId) -> Result<Revision, StoreError> {
    let first = (tenants::id.eq(tenant.as_str()), tenants::revision.eq(Revision::ZERO.get()));
    let revision: i64 = on!(link, c => diesel::insert_into(tenants::table)
        .values(first)
        .on_conflict(tenants::id)
        .do_update()
        .set(tenants::revision.eq(tenants::revision))
        .returning(tenants::revision)
        .get_result(c))?;
    Ok(Revision::new(revision))
}

/// A new row's id. Version 7 rises with time, so that new rows stand together in an index.
pub(crate) fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

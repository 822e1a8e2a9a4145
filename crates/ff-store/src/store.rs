//! The store itself: a pool of connections to one database.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use r2d2::{Pool, PooledConnection};

use crate::circuit::Circuit;
use crate::connection::{Connection, Link, Manager};
use crate::dsn::{Backend, Dsn};
use crate::error::StoreError;
use crate::group::Groups;
use crate::migrate;

/// How to reach the database, and how long to wait for it.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Which database.
    pub dsn: Dsn,
    /// Connections at most; one is kept open when there is nothing to do.
    pub connections_max: u32,
    /// How long a caller waits for a connection or a server's answer before it is told
    /// [`Unavailable`](StoreError::Unavailable).
    pub acquire_timeout: Duration,
    /// How long a writer waits for the lock that another one holds.
    pub busy_timeout: Duration,
    /// Where to listen for changes, if not at `dsn`: past a pooler, whose connections cannot listen.
    pub listen_dsn: Option<Dsn>,
}

impl StoreConfig {
    /// The usual sizes and limits for `dsn`.
    pub fn new(dsn: Dsn) -> Self {
        let patience = Duration::from_secs(5);
        Self { dsn, connections_max: 10, acquire_timeout: patience, busy_timeout: patience, listen_dsn: None }
    }
}

/// No wait is longer than this, whatever is configured.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// Nor shorter: to the databases a limit of 0 means none.
const WAIT_MIN: Duration = Duration::from_millis(1);

impl StoreConfig {
    fn bounded(&self) -> Self {
        Self {
            dsn: self.dsn.clone(),
            connections_max: self.connections_max.max(1),
            acquire_timeout: self.acquire_timeout.clamp(WAIT_MIN, WAIT_MAX),
            busy_timeout: self.busy_timeout.clamp(WAIT_MIN, WAIT_MAX),
            listen_dsn: self.listen_dsn.clone(),
        }
    }

    fn manager(&self) -> Manager {
        Manager::new(self.dsn.clone(), self.acquire_timeout, self.busy_timeout)
    }

    fn pool(&self, circuit: &Circuit) -> Pooled {
        let manager = self.manager();
        let life = manager.life();
        let builder = Pool::builder()
            .max_size(self.connections_max)
            .min_idle(Some(1))
            .connection_timeout(self.acquire_timeout)
            .error_handler(Box::new(circuit.clone()))
            .connection_customizer(Box::new(circuit.clone()))
            // A round trip for every read; lost connections are noticed in `read` and `connection_for_writing` instead.
            .test_on_check_out(false);
        Pooled { pool: builder.build_unchecked(manager), life, given_up: Weak::new() }
    }
}

/// How often a caller who waits for a connection looks whether it is worth waiting on.
const LOOK_UP: Duration = Duration::from_millis(250);

/// The pool's figures at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// Open connections, idle or in use.
    pub connections: u32,
    /// Those that nobody uses.
    pub idle: u32,
    /// How many there may be.
    pub connections_max: u32,
}

/// What callers are told of a database that was away when the store was made.
#[derive(Debug, thiserror::Error)]
#[error("the database has not been reached yet")]
struct NotMigrated;

/// A database with its connections. Cheap to clone: the clones share the pool.
///
/// Every call blocks its thread for as long as the database takes.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    /// Whether it asks also a database that is known to hang.
    probes: bool,
}

/// The connections that are in use now.
struct Pooled {
    pool: Pool<Manager>,
    /// Can be upgraded as long as the pool is there: while it is in use here, or somebody has a connection of it.
    life: Weak<()>,
    /// The same of the pool before this one, whose connections were given up.
    given_up: Weak<()>,
}

struct Inner {
    pooled: RwLock<Pooled>,
    /// Makes the connections that must not come from the pool.
    manager: Manager,
    config: StoreConfig,
    circuit: Circuit,
    /// Whether the tables are known to be there: until then nobody but a migration may use the database.
    is_usable: AtomicBool,
    /// SQLite has one write lock; PostgreSQL locks a row per tenant and needs no queue.
    writers: Option<Groups>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dsn", &self.inner.config.dsn).field("pool", &self.pool_state()).finish()
    }
}

impl Store {
    /// Connects to the database; creates the file of a SQLite one. Its tables are [`migrate`](Self::migrate)'s business.
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable) with the reason, if no connection can be made now.
    pub fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let config = config.bounded();
        // The pool would try a wrong password again and again until its time is up, and then say only that. Where one connection can be
        // made, it need not make its own at once either: on a busy machine that may take longer than a caller should wait.
        r2d2::ManageConnection::connect(&config.manager()).map_err(StoreError::unavailable)?;
        let circuit = Circuit::default();
        let pooled = config.pool(&circuit);
        Ok(Self::with(config, pooled, circuit, true))
    }

    /// A store whose database may be away now. It tries to connect from now on, and every call gives
    /// [`Unavailable`](StoreError::Unavailable) until [`migrate`](Self::migrate) has succeeded once: what the tables look like is
    /// not known before.
    pub fn open_later(config: &StoreConfig) -> Self {
        let config = config.bounded();
        let circuit = Circuit::default();
        let pooled = config.pool(&circuit);
        Self::with(config, pooled, circuit, false)
    }

    fn with(config: StoreConfig, pooled: Pooled, circuit: Circuit, is_usable: bool) -> Self {
        let writers = (config.dsn.backend() == Backend::Sqlite).then(Groups::default);
        let (manager, is_usable) = (config.manager(), AtomicBool::new(is_usable));
        let inner = Inner { pooled: RwLock::new(pooled), manager, config, circuit, is_usable, writers };
        Self { inner: Arc::new(inner), probes: false }
    }

    /// Brings the tables up to date and names the migrations that this took, in order. Several processes may call it at
    /// once: one does the work, the others wait for it.
    ///
    /// # Errors
    /// [`Migration`](StoreError::Migration), if a migration fails (it is then undone), or
    /// [`Unavailable`](StoreError::Unavailable).
    pub fn migrate(&self) -> Result<Vec<String>, StoreError> {
        let applied = migrate::run_pending(&self.inner.manager)?;
        self.inner.is_usable.store(true, Ordering::Release);
        Ok(applied)
    }

    /// Takes all migrations back, and with them all data: for tests of the migrations.
    ///
    /// # Errors
    /// As for [`migrate`](Self::migrate).
    pub fn revert_all(&self) -> Result<(), StoreError> {
        migrate::revert_all(&self.inner.manager)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable), if it does not, within the time limit of
    /// [`acquire_timeout`](StoreConfig::acquire_timeout).
    pub fn ping(&self) -> Result<(), StoreError> {
        self.live_connection(self.deadline()).map(drop)
    }

    /// Whether a connection can be made, whoever has those of the pool.
    ///
    /// # Errors
    /// [`Unavailable`](StoreError::Unavailable), if it cannot.
    pub fn reach(&self) -> Result<(), StoreError> {
        r2d2::ManageConnection::connect(&self.inner.manager).map(drop).map_err(StoreError::unavailable)
    }

    /// The kind of database.
    pub fn backend(&self) -> Backend {
        self.inner.manager.backend()
    }

    /// How long a single question may take where the database answers: for a connection, and for a lock. One that takes longer may never be
    /// answered, since no caller can take it back.
    pub fn answer_within(&self) -> Duration {
        self.inner.config.acquire_timeout + self.inner.config.busy_timeout
    }

    /// The same database for whoever finds out whether it answers: it is asked also while it is known to hang.
    #[must_use]
    pub fn probing(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), probes: true }
    }

    /// Notes that the database takes questions and answers none: callers are told so at once, until
    /// [`note_answering`](Self::note_answering), and those who wait for a connection within a moment.
    ///
    /// Those who wait for an answer cannot be helped. They keep their connections, which may never be of use again, and others are made in
    /// their place. That is done once until all of them have come back, so at most twice as many threads wait as there may be connections.
    pub fn note_hanging(&self) {
        let Inner { circuit, config, pooled, .. } = &*self.inner;
        circuit.note_hanging(true);
        let mut pooled = pooled.write().unwrap_or_else(PoisonError::into_inner);
        if pooled.given_up.strong_count() == 0 && pooled.pool.state().connections > 0 {
            let given_up = std::mem::replace(&mut *pooled, config.pool(circuit));
            pooled.given_up = given_up.life.clone();
            drop(pooled);
            // Not under the lock: what is idle is closed here.
            drop(given_up);
        }
    }

    /// Notes that the database answers again.
    pub fn note_answering(&self) {
        self.inner.circuit.note_hanging(false);
    }

    /// How the pool is doing.
    pub fn pool_state(&self) -> PoolState {
        let pool = self.pool();
        let state = pool.state();
        PoolState { connections: state.connections, idle: state.idle_connections, connections_max: pool.max_size() }
    }

    /// Runs `work`, which only reads. Where its connection turns out to be dead, another one is tried once: after a
    /// restart of the server all idle connections are dead, and no caller should have to know.
    pub(crate) fn read<T>(&self, work: impl Fn(&mut Link<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let deadline = self.deadline();
        let work = |connection: &mut Connection| {
            let asked = Instant::now();
            let result = work(&mut connection.link()).map_err(|error| error.after(asked, self.busy_timeout()));
            result.map_err(|error| connection.diagnose(error))
        };
        let mut connection = self.connection(deadline)?;
        match work(&mut connection) {
            Err(StoreError::Unavailable(cause)) if connection.is_lost() => {
                drop(connection);
                log::info!("a database connection was lost, trying another one: {cause}");
                work(&mut *self.live_connection(deadline)?)
            }
            result => result,
        }
    }

    /// A connection that was alive just now. A write cannot be tried again once it has begun, so its connection is tested: a
    /// fraction of the write's price.
    pub(crate) fn connection_for_writing(&self) -> Result<PooledConnection<Manager>, StoreError> {
        self.live_connection(self.deadline())
    }

    /// Makes the connection that hears of changes.
    pub(crate) fn listen_manager(&self) -> Manager {
        let config = &self.inner.config;
        let dsn = config.listen_dsn.as_ref().unwrap_or(&config.dsn);
        Manager::new(dsn.clone(), config.acquire_timeout, config.busy_timeout)
    }

    /// The queue of writers, where only one may write.
    pub(crate) fn groups(&self) -> Option<&Groups> {
        self.inner.writers.as_ref()
    }

    pub(crate) fn busy_timeout(&self) -> Duration {
        self.inner.config.busy_timeout
    }

    fn pool(&self) -> Pool<Manager> {
        self.inner.pooled.read().unwrap_or_else(PoisonError::into_inner).pool.clone()
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.inner.config.acquire_timeout
    }

    fn connection(&self, deadline: Instant) -> Result<PooledConnection<Manager>, StoreError> {
        let inner = &*self.inner;
        if !inner.is_usable.load(Ordering::Acquire) {
            return Err(StoreError::unavailable(NotMigrated));
        }
        loop {
            if !self.probes {
                inner.circuit.ask()?;
            }
            // Another one each time, once the connections were given up.
            let pool = self.pool();
            if let Some(idle) = pool.try_get() {
                return Ok(idle);
            }
            // Where others hold connections, one of theirs may come free: then it is worth the wait.
            if pool.state().connections == 0 {
                inner.circuit.pass(&inner.manager)?;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match pool.get_timeout(left.min(LOOK_UP)) {
                Err(error) if left <= LOOK_UP => return Err(StoreError::unavailable(error)),
                Err(_) => {}
                Ok(connection) => return Ok(connection),
            }
        }
    }

    /// A connection that answers. Dead ones are thrown away on the way, so this ends at the latest when the pool has made
    /// a new one or the time is up.
    fn live_connection(&self, deadline: Instant) -> Result<PooledConnection<Manager>, StoreError> {
        loop {
            let mut connection = self.connection(deadline)?;
            match connection.ping() {
                Ok(()) => return Ok(connection),
                Err(error) if Instant::now() >= deadline => {
                    connection.give_up();
                    return Err(error);
                }
                Err(_) => connection.give_up(),
            }
        }
    }
}

//! Hearing at once of changes that other processes make: PostgreSQL's `NOTIFY` and `LISTEN`.
//!
//! A change says its tenant and revision in the transaction that makes it, so that nobody hears of it before it is there, nor
//! of one that was rolled back. What is heard is a hint and no more: it may be lost with the connection, so whoever listens
//! compares revisions as well, now and then and after every [`Notice::Listening`].

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use ff_core::TenantId;

use crate::connection::{ConnectError, Connection, Link, Manager};
use crate::dsn::Backend;
use crate::error::StoreError;
use crate::scope::Revision;
use crate::store::Store;

/// Where changes are told.
const CHANGES: &str = "ff_changes";

/// Where a listener tells itself something, to see whether it hears.
const CHECKS: &str = "ff_checks";

/// As which a listener's connection shows in `pg_stat_activity`.
const APPLICATION_NAME: &str = "ff listener";

/// How often a listener looks for notifications. diesel does not show the socket that one could sleep on; a look costs 2 µs.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How often a listener asks the server for a sign of life: a connection whose other end vanished without a word looks like
/// one on which nothing is said.
const PING_EVERY: Duration = Duration::from_secs(5);

/// How long to wait before connecting again, at first and at most; in between it doubles. Half of it is up to chance, so
/// that all servers of a database that comes back do not come at once.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A connection that lasts this long was a good one; after it the pauses start small again.
const LASTING: Duration = Duration::from_secs(10);

/// Says in the open transaction that the tenant will be at `revision`. Whoever listens hears it after the commit.
pub(crate) fn announce(link: &mut Link<'_>, tenant: &TenantId, revision: Revision) -> Result<(), StoreError> {
    match link {
        Link::Postgres(c) => Ok(say(c, CHANGES, &format!("{tenant} {revision}"))?),
        // Other processes on the same file are found by comparing revisions.
        Link::Sqlite(_) => Ok(()),
    }
}

fn say(connection: &mut PgConnection, channel: &str, text: &str) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_notify($1, $2)").bind::<Text, _>(channel).bind::<Text, _>(text).execute(connection).map(drop)
}

/// What a [`Listener`] has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// From now on changes are heard of. What was committed before may have been missed.
    Listening,
    /// A change of this tenant was committed, by this process or another.
    Changed {
        /// The tenant.
        tenant: TenantId,
        /// The revision that it is at, or was at by then.
        revision: Revision,
    },
    /// Changes are not heard of any more, until the next [`Listening`](Self::Listening).
    Cut,
}

/// Listens for changes on a connection and a thread of its own, until it is dropped.
pub struct Listener {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

impl Listener {
    /// Starts to listen, where the database can tell: on PostgreSQL. A database that is away is tried again and again.
    ///
    /// `hear` is called on the listener's thread and should return soon.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(store: &Store, hear: impl FnMut(Notice) + Send + 'static) -> io::Result<Option<Self>> {
        if store.backend() != Backend::Postgres {
            return Ok(None);
        }
        let is_over = Arc::<AtomicBool>::default();
        let mut ear = Ear { manager: store.listen_manager(), store: store.clone(), is_over: is_over.clone(), hear };
        let thread = thread::Builder::new().name("ff-listener".to_owned()).spawn(move || ear.run())?;
        Ok(Some(Self { is_over, thread }))
    }
}

impl Drop for Listener {
    /// The thread ends within a look, or when the attempt to connect that it is at has ended; nobody waits for it.
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
    }
}

/// What the thread has.
struct Ear<H> {
    manager: Manager,
    store: Store,
    is_over: Arc<AtomicBool>,
    hear: H,
}

impl<H: FnMut(Notice)> Ear<H> {
    fn run(&mut self) {
        let mut pauses = Pauses::default();
        let mut is_reported = false;
        while !self.is_over() {
            match self.connect() {
                Ok(mut connection) => {
                    is_reported = false;
                    let start = Instant::now();
                    (self.hear)(Notice::Listening);
                    if let Err(error) = self.listen(&mut connection) {
                        log::warn!("the connection that hears of changes is lost, revisions are still compared: {error}");
                    }
                    // First the connection, so that it is gone when its end is known.
                    drop(connection);
                    (self.hear)(Notice::Cut);
                    if start.elapsed() >= LASTING {
                        pauses = Pauses::default();
                    }
                }
                // Once: while the database is away, the same would be said every few seconds.
                Err(error) if !is_reported => {
                    is_reported = true;
                    log::warn!("changes cannot be listened for, revisions are still compared: {error}");
                }
                Err(_) => {}
            }
            self.rest(pauses.next());
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn rest(&self, pause: Duration) {
        let end = Instant::now() + pause;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero() && !self.is_over()) {
            thread::park_timeout(left);
        }
    }

    fn connect(&self) -> Result<Connection, ConnectError> {
        let mut connection = self.manager.connect()?;
        if let Link::Postgres(c) = connection.link() {
            c.batch_execute(&format!("SET application_name = '{APPLICATION_NAME}'; LISTEN {CHANGES}; LISTEN {CHECKS};"))
                .map_err(|error| self.manager.refused(&error))?;
        }
        Ok(connection)
    }

    /// Listens until it is over, or the connection fails. It stays failed then, so the first error is the end.
    fn listen(&mut self, connection: &mut Connection) -> Result<(), StoreError> {
        let mut check = Check::begin(&self.store);
        let mut pinged = Instant::now();
        while !self.is_over() {
            if let Link::Postgres(c) = connection.link() {
                for notification in c.notifications_iter() {
                    let notification = notification?;
                    match notification.channel.as_str() {
                        CHECKS => check.hear(&notification.payload),
                        _ => notice(&notification.payload).into_iter().for_each(&mut self.hear),
                    }
                }
            }
            check.end_if_late();
            if pinged.elapsed() >= PING_EVERY {
                connection.ping()?;
                pinged = Instant::now();
            }
            self.rest(LOOK_EVERY);
        }
        Ok(())
    }
}

/// What a payload says; nothing, if it is no word of ours.
fn notice(payload: &str) -> Option<Notice> {
    let (tenant, revision) = payload.split_once(' ')?;
    Some(Notice::Changed { tenant: tenant.parse().ok()?, revision: Revision::new(revision.parse().ok()?) })
}

/// Whether what is said on one of the pool's connections is heard on the listener's. It is not, where a pooler hands the
/// listener's session to others between transactions, or where the listener is on another database.
struct Check {
    word: String,
    /// None, once it is known.
    begun: Option<Instant>,
}

/// How long a word may take.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

impl Check {
    fn begin(store: &Store) -> Self {
        let word = crate::change::new_id();
        let said = store.read(|link| match link {
            Link::Postgres(c) => Ok(say(c, CHECKS, &word)?),
            Link::Sqlite(_) => Ok(()),
        });
        // Without a connection in the pool there is nothing to be learnt.
        Self { begun: said.is_ok().then(Instant::now), word }
    }

    fn hear(&mut self, word: &str) {
        if word == self.word && self.begun.take().is_some() {
            log::info!("changes of other servers are heard of at once");
        }
    }

    fn end_if_late(&mut self) {
        if self.begun.is_some_and(|begun| begun.elapsed() >= CHECK_PATIENCE) {
            self.begun = None;
            log::warn!(
                "notifications do not arrive, so changes of other servers are only found by comparing revisions: \
                 is there a pooler in transaction mode, or another database, behind the DSN to listen on?"
            );
        }
    }
}

#[derive(Debug)]
struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(PAUSE_MIN)
    }
}

impl Pauses {
    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(PAUSE_MAX);
        // The lower bits of an id are random.
        let chance = f64::from(uuid::Uuid::now_v7().as_u128() as u32) / f64::from(u32::MAX);
        pause.mul_f64(0.5 + 0.5 * chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_a_tenant_and_a_revision() {
        let changed = Notice::Changed { tenant: "acme".parse().unwrap(), revision: Revision::new(42) };
        assert_eq!(notice("acme 42"), Some(changed));
        for other in ["", "acme", "acme ", "acme x", " 42", "a b 42", "acme 99999999999999999999"] {
            assert_eq!(notice(other), None, "{other}");
        }
    }

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let mut pauses = Pauses::default();
        let all: Vec<Duration> = (0..20).map(|_| pauses.next()).collect();
        assert!(all[0] >= PAUSE_MIN / 2 && all[0] <= PAUSE_MIN);
        assert!(all.iter().all(|pause| *pause <= PAUSE_MAX));
        let last = &all[10..];
        assert!(last.iter().all(|pause| *pause >= PAUSE_MAX / 2) && last.windows(2).any(|pair| pair[0] != pair[1]));
    }
}

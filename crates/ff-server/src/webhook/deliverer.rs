//! Who has a turn: one thread looks for webhooks that have something to deliver and gives each a thread for a while.
//!
//! It looks when there is news, when a turn has ended, when a failed delivery is due, and every second, for what nobody has told it of:
//! changes of other servers, and leases of servers that have died. So with nothing to do it asks the database once a second.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use actix_web::rt;
use actix_web::rt::task::JoinHandle;
use ff_core::{TenantId, Timestamp};
use ff_store::webhook::lease::{self, Due, Lease};
use ff_store::{StoreError, WebhookId};
use slog::{debug, error, warn};

use super::retry::{later, since};
use super::turn::{self, Held, PASSED_OVER_TIME};
use crate::clock;
use crate::state::AppState;
use crate::telemetry::chain;

/// How often it looks when nothing has happened.
const TICK_MAX: Duration = Duration::from_secs(1);

/// The least time between two looks, however much happens.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// Webhooks that one look finds at most.
const DUE_MAX: u32 = 1_000;

/// A tenant has at most one of so many turns at a time, so that a few slow tenants leave room for the others.
const TENANT_SHARE: usize = 4;

/// How long a stop waits for attempts in flight, and in all for the leases to be given back: as long as a writer waits for a busy database.
const STOP_PATIENCE: Duration = Duration::from_millis(500);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

type Key = (TenantId, WebhookId);

/// The delivery of webhooks by this server. It stops when dropped.
#[derive(Debug)]
pub(crate) struct Deliverer {
    shared: Arc<Shared>,
    news: JoinHandle<()>,
}

struct Shared {
    state: Arc<AppState>,
    /// Who holds leases: another name at each start.
    owner: String,
    stop: AtomicBool,
    work: Mutex<Work>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Work {
    /// Something has happened since the last look.
    is_woken: bool,
    has_ended: bool,
    /// Webhooks whose lease this server has, none of which has a turn.
    held: HashMap<Key, Held>,
    /// Those that have one, by tenant.
    turns: HashMap<TenantId, Vec<Lease>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Deliverer {
    /// Starts to deliver, from now on and at every piece of news. To be called where async tasks run.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub(crate) fn start(state: Arc<AppState>) -> io::Result<Self> {
        let mut news = state.news.any();
        let owner = uuid::Uuid::new_v4().to_string();
        let shared = Arc::new(Shared { state, owner, stop: AtomicBool::new(false), work: Mutex::default(), changed: Condvar::new() });
        let (own, woken) = (shared.clone(), shared.clone());
        thread::Builder::new().name("webhooks".to_owned()).spawn(move || own.run())?;
        let news = rt::spawn(async move {
            while news.changed().await.is_ok() {
                woken.wake();
            }
        });
        Ok(Self { shared, news })
    }
}

impl Drop for Deliverer {
    /// Lets go of the leases, so that other servers need not wait until they run out. An attempt in flight is left behind: whoever has the
    /// webhook next makes it again.
    fn drop(&mut self) {
        self.news.abort();
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.changed.notify_all();
        let work = self.shared.work();
        let has_ended = |work: &mut Work| !work.has_ended;
        drop(self.shared.changed.wait_timeout_while(work, STOP_TIMEOUT, has_ended).unwrap_or_else(PoisonError::into_inner));
    }
}

impl Work {
    fn turns(&self) -> usize {
        self.turns.values().map(Vec::len).sum()
    }

    fn has_turn(&self, key: &Key) -> bool {
        self.turns.get(&key.0).is_some_and(|leases| leases.iter().any(|lease| lease.webhook() == key.1))
    }

    fn end_turn(&mut self, key: &Key) {
        if let Some(leases) = self.turns.get_mut(&key.0) {
            leases.retain(|lease| lease.webhook() != key.1);
            if leases.is_empty() {
                self.turns.remove(&key.0);
            }
        }
    }

    /// Forgets what is known of more changes than there are: of a database that was restored, or of one whose place a standby took that had
    /// not received them all. What such a webhook has to tell begins where the database says.
    fn forget_what_is_ahead(&mut self, due: &[Due]) {
        for due in due {
            let key = (due.tenant.clone(), due.webhook);
            if self.held.get(&key).is_some_and(|held| held.seen > due.revision) {
                self.held.remove(&key);
            }
        }
    }

    /// Of those that are due, those that have their turn now: the tenants by turns, each within its share.
    fn chosen(&self, due: Vec<Due>, concurrency_max: usize, now: Timestamp) -> Vec<Due> {
        let mut taken: HashMap<TenantId, usize> = self.turns.iter().map(|(tenant, leases)| (tenant.clone(), leases.len())).collect();
        let mut ranked = Vec::new();
        for due in due {
            let key = (due.tenant.clone(), due.webhook);
            if self.has_turn(&key) || self.held.get(&key).is_some_and(|held| held.rests_until > now || is_up_to_date(held, &due, now)) {
                continue;
            }
            let taken = taken.entry(due.tenant.clone()).or_default();
            if *taken < concurrency_max.div_ceil(TENANT_SHARE) {
                ranked.push((*taken, due));
                *taken += 1;
            }
        }
        // Those of one rank stay in the order of those who have waited longest.
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.truncate(concurrency_max.saturating_sub(self.turns()));
        ranked.into_iter().map(|(_, due)| due).collect()
    }
}

/// Whether everything was looked at, and there is nothing to write down.
fn is_up_to_date(held: &Held, due: &Due, now: Timestamp) -> bool {
    let is_seen = held.version == due.version && held.seen >= due.revision;
    is_seen && since(held.saved_at, now) < PASSED_OVER_TIME
}

impl Shared {
    fn work(&self) -> MutexGuard<'_, Work> {
        // No code that could panic runs under the lock.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.work().is_woken = true;
        self.changed.notify_all();
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn run(self: Arc<Self>) {
        let mut is_well = true;
        while !self.is_stopping() {
            let looked_at = clock::now();
            let looked = self.look(looked_at);
            if is_well != looked.is_ok() {
                is_well = looked.is_ok();
                // The log has been told already that the database is away; this says what else rests.
                if let Err(error) = &looked {
                    warn!(self.state.logger, "webhooks wait: {}", chain(error));
                }
            }
            self.wait(looked_at);
        }
        self.let_go();
        self.work().has_ended = true;
        self.changed.notify_all();
    }

    /// Waits until there may be something to do.
    fn wait(&self, looked_at: Timestamp) {
        let work = self.work();
        // What was due at the last look, and has no turn, waits for the end of one.
        let instants = work.held.values().flat_map(|held| held.next_attempt_at.into_iter().chain([held.rests_until]));
        let next = instants.filter(|next| *next > looked_at).min();
        let now = clock::now();
        let until_next = next.map_or(TICK_MAX, |next| since(now, next).max(LOOK_PAUSE));
        let is_idle = |work: &mut Work| !work.is_woken && !self.is_stopping();
        let (mut work, _) =
            self.changed.wait_timeout_while(work, until_next.min(TICK_MAX), is_idle).unwrap_or_else(PoisonError::into_inner);
        work.is_woken = false;
        // What happens by the hundred makes one look.
        drop(self.changed.wait_timeout_while(work, LOOK_PAUSE, |_| !self.is_stopping()).unwrap_or_else(PoisonError::into_inner));
    }

    /// Finds what is due and gives it turns.
    fn look(self: &Arc<Self>, now: Timestamp) -> Result<(), StoreError> {
        let config = &self.state.webhooks.config;
        if self.work().turns() >= config.concurrency_max {
            // The end of a turn wakes.
            return Ok(());
        }
        let due = lease::due(&self.state.store, &self.owner, now, DUE_MAX).inspect_err(|_| self.work().held.clear())?;
        let (mut ready, mut unclaimed) = (Vec::new(), Vec::new());
        {
            let mut work = self.work();
            // Leases that have run out, and webhooks that are gone, are not remembered for ever.
            work.held.retain(|_, held| held.until > now);
            work.forget_what_is_ahead(&due);
            for due in work.chosen(due, config.concurrency_max, now) {
                let key = (due.tenant.clone(), due.webhook);
                match work.held.remove(&key) {
                    Some(held) if since(now, held.until) >= turn::time_needed(&self.state) => ready.push((key, held)),
                    held => unclaimed.push((key, held)),
                }
            }
        }
        let until = later(now, config.lease);
        let wanted: Vec<Key> = unclaimed.iter().map(|(key, _)| key.clone()).collect();
        let mut known: HashMap<Key, Option<Held>> = unclaimed.into_iter().collect();
        for lease in lease::claim(&self.state.store, &self.owner, now, until, &wanted)? {
            let key = (lease.tenant().clone(), lease.webhook());
            let held = match known.remove(&key).flatten() {
                Some(held) => Held { lease, until, ..held },
                None => Held::new(lease, until, now),
            };
            ready.push((key, held));
        }
        for (key, held) in ready {
            self.begin_turn(key, held);
        }
        Ok(())
    }

    fn begin_turn(self: &Arc<Self>, key: Key, held: Held) {
        self.work().turns.entry(key.0.clone()).or_default().push(held.lease.clone());
        let guard = TurnGuard { shared: self.clone(), key, held: None };
        let spawned = thread::Builder::new().name("webhook".to_owned()).spawn(move || guard.run(held));
        if let Err(error) = spawned {
            // The guard was dropped with the closure.
            error!(self.state.logger, "no thread for a webhook: {error}");
        }
    }

    fn let_go(&self) {
        let has_turns = |work: &mut Work| work.turns() > 0;
        let work = self.changed.wait_timeout_while(self.work(), STOP_PATIENCE, has_turns).unwrap_or_else(PoisonError::into_inner).0;
        // Also those of attempts in flight: their turns have been told to stop, and write nothing without a lease.
        let leases: Vec<_> = work.held.values().map(|held| &held.lease).chain(work.turns.values().flatten()).cloned().collect();
        drop(work);
        if let Err(error) = lease::release(&self.state.store, &leases) {
            debug!(self.state.logger, "leases of webhooks run out by themselves: {}", chain(&error));
        }
    }
}

impl Held {
    fn new(lease: Lease, until: Timestamp, now: Timestamp) -> Self {
        let (version, seen) = (ff_store::Version::new(0), ff_store::Revision::ZERO);
        Self { lease, until, version, seen, saved_at: now, next_attempt_at: None, rests_until: now }
    }
}

/// A turn on its thread; however that ends, the webhook may have another one.
struct TurnGuard {
    shared: Arc<Shared>,
    key: Key,
    held: Option<Held>,
}

impl TurnGuard {
    fn run(mut self, held: Held) {
        match turn::run(&self.shared.state, held, &self.shared.stop) {
            Ok(held) => self.held = held,
            Err(error) => {
                let (tenant, webhook) = &self.key;
                warn!(self.shared.state.logger, "webhook `{webhook}` must wait: {}", chain(&error); "tenant" => %tenant);
                // Whatever it is, it will not be gone at once.
                let stopping = |_: &mut Work| !self.shared.is_stopping();
                drop(self.shared.changed.wait_timeout_while(self.shared.work(), TICK_MAX, stopping));
            }
        }
    }
}

impl Drop for TurnGuard {
    fn drop(&mut self) {
        let mut work = self.shared.work();
        work.end_turn(&self.key);
        if let Some(held) = self.held.take() {
            work.held.insert(self.key.clone(), held);
        }
        // What came meanwhile was not given a turn, and others may have waited for this place.
        work.is_woken = true;
        drop(work);
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use ff_store::{Revision, Version};

    use super::*;

    fn due(tenant: &str) -> Due {
        let (cursor, revision, version) = (Revision::new(1), Revision::new(2), Version::new(1));
        Due { tenant: tenant.parse().unwrap(), webhook: WebhookId::new(), cursor, revision, version }
    }

    #[test]
    fn tenants_have_their_turns_by_turns_and_none_has_more_than_its_share() {
        let waiting: Vec<Due> = ["acme"; 10].into_iter().chain(["globex"; 3]).chain(["initech"]).map(due).collect();
        let chosen = |concurrency_max: usize| -> Vec<Due> { Work::default().chosen(waiting.clone(), concurrency_max, Timestamp::EPOCH) };
        let tenants =
            |concurrency_max: usize| -> Vec<String> { chosen(concurrency_max).iter().map(|due| due.tenant.to_string()).collect() };
        assert_eq!(tenants(1), ["acme"]);
        assert_eq!(tenants(4), ["acme", "globex", "initech"], "one of four places each");
        assert_eq!(tenants(8), ["acme", "globex", "initech", "acme", "globex"]);
        assert_eq!(tenants(32).iter().filter(|tenant| *tenant == "acme").count(), 8);
        assert_eq!(chosen(8)[0], waiting[0], "those who have waited longest come first");
    }
}

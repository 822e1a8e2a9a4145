//! Following what other processes write to the same database: when to look, and for whom.
//!
//! Hints come from a listener, from requests that know of a later revision, and from whoever has just loaded a tenant. They are gathered
//! here, and one task sees to them: a tenant is brought up to date by one job at a time, several tenants side by side. Hints may be
//! lost, so revisions are compared as well, every so often.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::rt::time::{Instant, interval, sleep_until};
use ff_core::TenantId;
use ff_store::{Notice, Revision};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use slog::{info, warn};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use crate::blocking;
use crate::service::ServiceError;
use crate::service::catch_up::{self, Comparison, Depth};
use crate::state::AppState;
use crate::telemetry::chain;

/// Tenants that are brought up to date at the same time, at most.
const JOBS_MAX: usize = 4;

/// Each job takes a database connection, and requests need some too.
fn jobs_max(connections_max: u32) -> usize {
    (connections_max as usize / 2).clamp(1, JOBS_MAX)
}

/// Where there may be something new. Cheap to give, from any thread.
#[derive(Debug, Default)]
pub struct Hints {
    inbox: Mutex<Inbox>,
    is_filled: Notify,
}

#[derive(Debug, Default)]
struct Inbox {
    tenants: HashMap<TenantId, Revision>,
    compares: bool,
}

impl Hints {
    /// The tenant has reached `revision`, or a later one.
    pub fn changed(&self, tenant: &TenantId, revision: Revision) {
        self.put(|inbox| match inbox.tenants.get_mut(tenant) {
            Some(known) => *known = revision.max(*known),
            None => drop(inbox.tenants.insert(tenant.clone(), revision)),
        });
    }

    /// The tenant may have changed.
    pub fn look_at(&self, tenant: &TenantId) {
        self.changed(tenant, Revision::ZERO);
    }

    /// Any tenant may have changed.
    pub fn compare(&self) {
        self.put(|inbox| inbox.compares = true);
    }

    fn put(&self, work: impl FnOnce(&mut Inbox)) {
        work(&mut self.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        self.is_filled.notify_one();
    }

    #[cfg(test)]
    pub(crate) fn is_asked_to_compare(&self) -> bool {
        self.take().compares
    }

    fn take(&self) -> Inbox {
        std::mem::take(&mut self.inbox.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a listener has heard, as hints.
pub(crate) fn hearing(state: Arc<AppState>) -> impl FnMut(Notice) + Send {
    let mut has_listened = false;
    move |notice| match notice {
        Notice::Changed { tenant, revision } => {
            // Most of all this server's own changes, which are served already.
            let is_served = state.rulesets.peek(&tenant).is_some_and(|rulesets| rulesets.revision() >= revision);
            if !is_served {
                state.hints.changed(&tenant, revision);
            }
        }
        Notice::Listening => {
            if std::mem::replace(&mut has_listened, true) {
                state.metrics.notify_reconnects.increment(1);
            }
            state.hints.compare();
        }
        // Where the connection is lost, the database may be too: `/readyz` should know at once.
        Notice::Cut => state.hints.compare(),
    }
}

/// Why a tenant needs a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// To be at this revision at least.
    Reach(Revision),
    /// To have what the database has in place of what is served.
    ReadAnew,
}

impl Need {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Reach(a), Self::Reach(b)) => Self::Reach(a.max(b)),
            _ => Self::ReadAnew,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Running,
    /// Running, and to be run again.
    RunningAgain,
    /// Failed; the next comparison finds it again.
    Failed,
}

/// The tenants that need something, in the order in which they came.
#[derive(Debug)]
struct Work {
    tenants: HashMap<TenantId, (Need, Stage)>,
    waiting: VecDeque<TenantId>,
    running: usize,
    jobs_max: usize,
}

impl Work {
    fn new(jobs_max: usize) -> Self {
        Self { tenants: HashMap::new(), waiting: VecDeque::new(), running: 0, jobs_max }
    }

    fn add(&mut self, tenant: TenantId, need: Need) {
        match self.tenants.entry(tenant) {
            Entry::Vacant(entry) => {
                self.waiting.push_back(entry.key().clone());
                entry.insert((need, Stage::Waiting));
            }
            Entry::Occupied(mut entry) => {
                let (known, stage) = *entry.get();
                let next = match stage {
                    Stage::Waiting => (known.and(need), Stage::Waiting),
                    // What runs meets what was known when it began.
                    Stage::Running => (need, Stage::RunningAgain),
                    Stage::RunningAgain => (known.and(need), Stage::RunningAgain),
                    Stage::Failed => {
                        self.waiting.push_back(entry.key().clone());
                        (known.and(need), Stage::Waiting)
                    }
                };
                entry.insert(next);
            }
        }
    }

    /// The next one to begin with, if there is room.
    fn begin(&mut self) -> Option<(TenantId, Need)> {
        if self.running >= self.jobs_max {
            return None;
        }
        let tenant = self.waiting.pop_front()?;
        let (need, stage) = self.tenants.get_mut(&tenant)?;
        *stage = Stage::Running;
        self.running += 1;
        Some((tenant, *need))
    }

    fn end(&mut self, tenant: TenantId, is_done: bool) {
        self.running = self.running.saturating_sub(1);
        match self.tenants.get_mut(&tenant) {
            Some((_, stage @ Stage::RunningAgain)) => {
                *stage = Stage::Waiting;
                self.waiting.push_back(tenant);
            }
            Some((_, stage)) if !is_done => *stage = Stage::Failed,
            _ => drop(self.tenants.remove(&tenant)),
        }
    }

    /// Takes over what a comparison has found. What failed before and is not found again needs nothing any more.
    fn compared(&mut self, Comparison { behind, astray }: Comparison) {
        self.tenants.retain(|_, (_, stage)| *stage != Stage::Failed);
        behind.into_iter().for_each(|(tenant, revision)| self.add(tenant, Need::Reach(revision)));
        astray.into_iter().for_each(|tenant| self.add(tenant, Need::ReadAnew));
    }

    /// By how many revisions the one that is furthest behind is known to be so.
    fn lag(&self, served: impl Fn(&TenantId) -> Option<Revision>) -> i64 {
        let lags = self.tenants.iter().filter_map(|(tenant, (need, _))| match need {
            Need::Reach(known) => Some(known.get().saturating_sub(served(tenant)?.get())),
            Need::ReadAnew => None,
        });
        lags.max().unwrap_or(0).max(0)
    }
}

/// Sees to hints, compares revisions every so often, and notes whether the database is there.
pub(crate) async fn follow_for_ever(state: Arc<AppState>, every: Duration) {
    let mut ticks = interval(every);
    // After a long wait for the database there is nothing to catch up on.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let jobs_max = jobs_max(state.store.pool_state().connections_max);
    let (mut work, mut jobs) = (Work::new(jobs_max), FuturesUnordered::new());
    let (mut compares, mut is_comparing) = (true, false);
    // Which comparison that is: those before it were given up.
    let mut current = 0_u64;
    let (mut turn, mut depth) = (0, Depth::Turn(0));
    // From when on the database hangs, unless it answers before: it was asked, and has not answered yet, or could not be reached.
    let mut overdue_at = None;
    loop {
        let Inbox { tenants, compares: is_asked } = state.hints.take();
        compares |= is_asked;
        for (tenant, revision) in tenants {
            match state.rulesets.peek(&tenant) {
                Some(_) => work.add(tenant, Need::Reach(revision)),
                // Nobody asks for it here; it is read when somebody does.
                None if revision > Revision::ZERO => state.news.tell(&tenant, revision),
                None => {}
            }
        }
        if compares && !is_comparing {
            (compares, is_comparing) = (false, true);
            overdue_at.get_or_insert_with(|| Instant::now() + state.store.answer_within());
            current += 1;
            jobs.push(compare(state.clone(), depth, current).boxed_local());
        }
        while let Some((tenant, need)) = work.begin() {
            jobs.push(meet(state.clone(), tenant, need).boxed_local());
        }
        let lag = work.lag(|tenant| state.rulesets.peek(tenant).map(|rulesets| rulesets.revision()));
        state.metrics.replica_lag.set(lag as f64);
        tokio::select! {
            _ = ticks.tick() => compares = true,
            () = state.hints.is_filled.notified() => {}
            () = until(overdue_at) => {
                // That one may never come back. The next one asks on another connection.
                (is_comparing, overdue_at) = (false, None);
                note(&state, &Err(ServiceError::Unavailable("it has not answered for too long".into())));
                note_hanging(&state, true);
            }
            Some(ended) = jobs.next() => match ended {
                Ended::Job(tenant, is_met) => work.end(tenant, is_met),
                // That one old question is answered does not mean that there are connections for new ones.
                Ended::Comparison { which, .. } if which != current => {}
                Ended::Comparison { outcome, has_answered, .. } => {
                    is_comparing = false;
                    if has_answered {
                        overdue_at = None;
                    }
                    if outcome.is_ok() {
                        note_hanging(&state, false);
                    }
                    note(&state, &outcome);
                    if let Ok(comparison) = outcome {
                        turn += 1;
                        // Where one tenant's history was rewritten, others' were, too.
                        depth = if comparison.astray.is_empty() { Depth::Turn(turn) } else { Depth::All };
                        work.compared(comparison);
                    }
                }
            },
        }
    }
}

/// Waits for this instant; for ever, where there is none.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

/// What ends in the background.
enum Ended {
    Comparison {
        /// Which one it was.
        which: u64,
        outcome: Result<Comparison, ServiceError>,
        /// Whether the database is there, though perhaps no connection was free.
        has_answered: bool,
    },
    /// Whether the tenant has what it needed.
    Job(TenantId, bool),
}

async fn compare(state: Arc<AppState>, depth: Depth, which: u64) -> Ended {
    let look = move || {
        let outcome = catch_up::compare(&state, depth);
        // Others may have all connections for long, and rightly.
        let has_answered = outcome.is_ok() || state.store.reach().is_ok();
        Ok::<_, ServiceError>((outcome, has_answered))
    };
    let (outcome, has_answered) = blocking::run(look).await.unwrap_or_else(|error| (Err(error), false));
    Ended::Comparison { which, outcome, has_answered }
}

async fn meet(state: Arc<AppState>, tenant: TenantId, need: Need) -> Ended {
    let (shared, subject) = (state.clone(), tenant.clone());
    let outcome = blocking::run(move || match need {
        Need::Reach(known) => catch_up::bring_up(&shared, &subject, known),
        Need::ReadAnew => shared.rulesets.reload(&shared.store, &subject),
    });
    let outcome = state.patience.in_background().bound(outcome).await;
    if let Err(error) = &outcome {
        warn!(state.logger, "tenant `{tenant}` cannot be brought up to date: {}", chain(error));
    }
    Ended::Job(tenant, outcome.is_ok())
}

/// Callers are told at once that a database hangs, and whoever waits for it does so no longer.
fn note_hanging(state: &AppState, hangs: bool) {
    // INVARIANT: first the store. Whoever is told to wait no longer must not find a connection to wait on again.
    if hangs {
        state.store.note_hanging();
    } else {
        state.store.note_answering();
    }
    state.patience.note_hanging(hangs);
}

fn note(state: &AppState, outcome: &Result<Comparison, ServiceError>) {
    let is_news = state.health.note(outcome.is_ok());
    match outcome {
        Ok(_) if is_news => info!(state.logger, "the database is back"),
        Err(error) if is_news => warn!(state.logger, "the database is away, evaluation goes on from memory: {}", chain(error)),
        Ok(_) | Err(_) => {}
    }
}

#[cfg(test)]
mod tests;

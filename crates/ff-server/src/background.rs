//! What goes on between requests.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use actix_web::rt::time::{Instant, Interval, interval, sleep};
use actix_web::{rt, web};
use ff_store::Listener;
use slog::debug;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::service::{ServiceError, forget_answers, ruleset};
use crate::state::AppState;
use crate::telemetry::chain;
use crate::webhook::upkeep;
use crate::{blocking, follower};

/// How often answers that have expired are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(10 * 60);

/// How often webhooks are counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// How often old deliveries of webhooks are looked for.
const FORGET_DELIVERIES_EVERY: Duration = Duration::from_secs(3_600);

/// How long changes are gathered before they are followed up, at least and at most.
const GATHER_MIN: Duration = Duration::from_secs(1);
const GATHER_MAX: Duration = Duration::from_secs(10);

/// Between, so many times as long as it took the last time: what takes long is done less often.
const REST_FACTOR: u32 = 4;

/// How long documents that nobody asks for again are kept up to date. Whoever follows asks every few seconds.
const DOCUMENTS_KEPT_FOR: Duration = Duration::from_secs(60 * 60);

/// The background tasks of one server; they end with it.
#[derive(Debug)]
pub(crate) struct Tasks {
    running: Vec<JoinHandle<()>>,
    /// Ends when it is dropped.
    _listener: Option<Listener>,
}

impl Tasks {
    /// One more, on the current thread.
    pub(crate) fn add(&mut self, task: impl Future<Output = ()> + 'static) {
        self.running.push(rt::spawn(task));
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

/// Starts them on the current thread, which serves no requests, and on threads of their own.
///
/// # Errors
/// The system has no thread to give.
pub(crate) fn spawn(state: &web::Data<AppState>, refresh: Duration) -> io::Result<Tasks> {
    let shared = || state.clone().into_inner();
    let listener = Listener::start(&state.store, follower::hearing(shared()))?;
    Ok(Tasks {
        running: vec![
            rt::spawn(follower::follow_for_ever(shared(), refresh)),
            rt::spawn(keep_documents_for_ever(state.clone())),
            rt::spawn(forget_for_ever(shared(), FORGET_EVERY, "answers that were kept for a day", forget_answers::run)),
            rt::spawn(count_webhooks_for_ever(shared())),
            rt::spawn(forget_for_ever(shared(), FORGET_DELIVERIES_EVERY, "old deliveries of webhooks", upkeep::forget)),
        ],
        _listener: listener,
    })
}

/// Runs `pass` now and after changes: at once after the first, and then for all together that came while it ran and rested. Where it says
/// that it is not done, it is run again without a change.
pub(crate) async fn after_changes(mut changes: watch::Receiver<u64>, mut pass: impl AsyncFnMut() -> bool) {
    loop {
        changes.mark_unchanged();
        let begun = Instant::now();
        let is_done = pass().await;
        sleep((begun.elapsed() * REST_FACTOR).clamp(GATHER_MIN, GATHER_MAX)).await;
        if is_done && changes.changed().await.is_err() {
            return;
        }
    }
}

/// Keeps the documents up to date that are in use.
async fn keep_documents_for_ever(state: web::Data<AppState>) {
    after_changes(state.news.any(), async || {
        // Those who ask for a document wait for whoever builds it.
        state.patience.in_background().bound(ruleset::keep_fresh(&state, DOCUMENTS_KEPT_FOR)).await
    })
    .await;
}

/// Does `forget` again and again; it says how many of `what` it has forgotten.
async fn forget_for_ever(state: Arc<AppState>, period: Duration, what: &'static str, forget: fn(&AppState) -> Result<usize, ServiceError>) {
    let mut ticks = every(period);
    loop {
        ticks.tick().await;
        let shared = state.clone();
        match blocking::run(move || forget(&shared)).await {
            Ok(0) => {}
            Ok(count) => debug!(state.logger, "forgot {count} {what}"),
            // Whether the database is there is said elsewhere; what was not forgotten now is forgotten next time.
            Err(error) => debug!(state.logger, "{what} stay for now: {}", chain(&error)),
        }
    }
}

/// Counts how webhooks are doing, which an alert needs just where nobody delivers them.
async fn count_webhooks_for_ever(state: Arc<AppState>) {
    let mut ticks = every(COUNT_EVERY);
    loop {
        ticks.tick().await;
        let shared = state.clone();
        if let Err(error) = blocking::run(move || upkeep::count(&shared)).await {
            debug!(state.logger, "webhooks are not counted: {}", chain(&error));
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

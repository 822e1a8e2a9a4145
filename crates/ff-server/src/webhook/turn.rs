//! A turn: the events of one webhook, delivered in order until there are no more, one fails, or others should have theirs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ff_core::Timestamp;
use ff_store::audit::{self, Heading};
use ff_store::webhook::lease::Lease;
use ff_store::webhook::{self, Known, Outbound, Progress, Saved};
use ff_store::{Author, DeliveryId, DeliveryRecord, DeliveryState, DisabledReason, Revision, StoreError, Version, change};
use slog::warn;

use super::message::Message;
use super::retry::{Failure, Fate, Retry, later, since};
use super::sender::Attempt;
use crate::clock;
use crate::event::{ChangeEvent, EventPattern, EventType};
use crate::service::ServiceError;
use crate::state::AppState;

/// Who turns a webhook off, in the audit log.
const ACTOR: &str = "webhook-delivery";

/// Headings that are read at once.
const HEADINGS_PER_READ: u32 = 500;

/// Attempts in one turn at most, and the time after which it ends: then other webhooks have theirs.
const ATTEMPTS_PER_TURN: usize = 64;
const TURN_TIME: Duration = Duration::from_secs(1);

/// How long a webhook rests after a turn. A single event is sent at once; of a stream of them, several share a turn and what is written
/// down after it.
const REST: Duration = Duration::from_millis(50);

/// How long a success may be known only here. Until it is written down, a server that takes over would send it again.
const UNSAVED_TIME: Duration = Duration::from_millis(250);
const UNSAVED_MAX: usize = 100;

/// How long it may be known only here that changes were passed over which the webhook does not want to hear of.
pub(super) const PASSED_OVER_TIME: Duration = Duration::from_secs(5);

/// Deliveries of a webhook that are remembered for people.
const DELIVERIES_KEPT: u32 = 1_000;

/// How often that bound is looked after, in revisions.
const TRIM_EVERY: i64 = 64;

/// A lease, and what is known here of its webhook.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) lease: Lease,
    /// Until when it is held.
    pub(super) until: Timestamp,
    /// The version of the webhook of which the rest is known.
    pub(super) version: Version,
    /// Everything up to here is done. What is written down may be less.
    pub(super) seen: Revision,
    /// When something was last written down.
    pub(super) saved_at: Timestamp,
    /// When the next event may be tried.
    pub(super) next_attempt_at: Option<Timestamp>,
    /// It has no turn before.
    pub(super) rests_until: Timestamp,
}

/// How long a lease must still be held for an attempt to begin.
pub(super) fn time_needed(state: &AppState) -> Duration {
    let config = &state.webhooks.config;
    config.timeout + config.lease / 10
}

/// Delivers what is due. Gives the lease back, if it still holds.
///
/// # Errors
/// The database is away, or there is a fault of ours. What was done and not written down is done again.
pub(super) fn run(state: &AppState, held: Held, stop: &AtomicBool) -> Result<Option<Held>, ServiceError> {
    let (tenant, id) = (held.lease.tenant(), held.lease.webhook());
    let Some(outbound) = webhook::outbound(&state.store, tenant, id, clock::now())?.filter(|outbound| outbound.enabled) else {
        return Ok(None);
    };
    // They were read when they were written.
    let patterns = outbound.events.iter().filter_map(|text| text.parse().ok()).collect();
    let mut progress = outbound.progress.clone();
    if held.version == outbound.version {
        progress.cursor = progress.cursor.max(held.seen);
    }
    let known = outbound.known();
    let mut turn = Turn { state, held, outbound, known, patterns, progress, records: Vec::new(), unsaved_since: None, is_giving_up: false };
    let end = turn.deliver(stop)?;
    turn.finish(end)
}

/// Why a turn ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// There are no more events, or the next one must wait, or it is others' turn.
    Done,
    /// The webhook is somebody else's now, or another one, or off.
    Lost,
}

struct Turn<'a> {
    state: &'a AppState,
    held: Held,
    outbound: Outbound,
    /// What the row says.
    known: Known,
    patterns: Vec<EventPattern>,
    progress: Progress,
    /// What became of deliveries and is not written down yet.
    records: Vec<DeliveryRecord>,
    unsaved_since: Option<Instant>,
    /// Events that are too old are parked without an attempt, since the one before was.
    is_giving_up: bool,
}

impl Turn<'_> {
    fn deliver(&mut self, stop: &AtomicBool) -> Result<End, ServiceError> {
        let (started, mut attempts) = (Instant::now(), 0);
        loop {
            let headings = audit::headings(&self.state.store, self.held.lease.tenant(), self.progress.cursor, HEADINGS_PER_READ)?;
            if headings.is_empty() || self.is_changed()? {
                return Ok(End::Done);
            }
            for heading in headings {
                let Some(kind) = self.wanted(&heading) else {
                    self.progress.cursor = heading.revision;
                    continue;
                };
                if self.is_giving_up {
                    if !self.state.webhooks.config.retry.is_too_old(heading.at, clock::now()) {
                        return Ok(End::Done);
                    }
                    self.park_untried(&heading, kind);
                    if !self.save_if_due()? {
                        return Ok(End::Lost);
                    }
                    continue;
                }
                if stop.load(Ordering::Relaxed) || attempts >= ATTEMPTS_PER_TURN || started.elapsed() >= TURN_TIME {
                    return Ok(End::Done);
                }
                attempts += 1;
                match self.attempt(&heading)? {
                    None => {}
                    Some(end) => return Ok(end),
                }
            }
        }
    }

    /// Whether the webhook is another one by now. INVARIANT: asked after events were read, and before one of them is sent or passed over:
    /// what was changed before an event happened holds for it. The next turn goes on with what the webhook is.
    fn is_changed(&self) -> Result<bool, ServiceError> {
        let (tenant, id) = (self.held.lease.tenant(), self.held.lease.webhook());
        Ok(webhook::version(&self.state.store, tenant, id)? != Some(self.outbound.version))
    }

    fn wanted(&self, heading: &Heading) -> Option<EventType> {
        let (entity, action) = heading.kind?;
        let kind = EventType { entity, action };
        self.patterns.iter().any(|pattern| pattern.matches(kind)).then_some(kind)
    }

    /// Tries one event. Gives why the turn ends, if it does.
    fn attempt(&mut self, heading: &Heading) -> Result<Option<End>, ServiceError> {
        let state = self.state;
        let Some(logged) = audit::entry(&state.store, self.held.lease.tenant(), heading.revision)? else {
            // It does not parse, and the log has been told.
            self.progress.cursor = heading.revision;
            return Ok(None);
        };
        let event = ChangeEvent::of(&logged);
        let message = Message::of(self.held.lease.webhook(), &event)?;
        if !self.save_if_due()? {
            return Ok(Some(End::Lost));
        }
        let attempt = state.webhooks.sender.send(&self.outbound.url, &message, &self.outbound.secrets)?;
        let at = clock::now();
        state.metrics.webhooks.attempts.record(attempt.duration);
        let attempts = self.progress.attempts.saturating_add(1);
        let created_at = self.progress.first_attempt_at.unwrap_or(at);
        let was_failing = self.progress.has_parked;
        let fate = self.judge(&attempt, heading, at);
        let record = DeliveryRecord {
            id: DeliveryId { webhook: self.held.lease.webhook(), revision: heading.revision },
            revision: heading.revision,
            event: event.kind.to_string(),
            state: match fate {
                None => DeliveryState::Delivered,
                Some(Fate::Pending) => DeliveryState::Pending,
                Some(Fate::Parked | Fate::Off(_)) => DeliveryState::Parked,
            },
            attempts,
            created_at,
            last_attempt_at: Some(at),
            status: attempt.status,
            duration_ms: Some(attempt.duration_ms()),
            error: attempt.error,
            next_attempt_at: self.progress.next_attempt_at.filter(|_| fate == Some(Fate::Pending)),
        };
        self.remember(record);
        match fate {
            Some(Fate::Pending) => return Ok(Some(End::Done)),
            Some(Fate::Off(reason)) => return self.turn_off(reason, heading.revision).map(Some),
            None | Some(Fate::Parked) => self.progress.cursor = heading.revision,
        }
        if fate == Some(Fate::Parked) {
            Retry::next_event(&mut self.progress);
            self.is_giving_up = was_failing;
            let must_wait = self.progress.next_attempt_at.is_some_and(|next| next > clock::now());
            if must_wait && !self.is_giving_up {
                return Ok(Some(End::Done));
            }
        }
        Ok(None)
    }

    /// What follows from an attempt; nothing, from one that succeeded.
    fn judge(&mut self, attempt: &Attempt, heading: &Heading, at: Timestamp) -> Option<Fate> {
        let metrics = &self.state.metrics.webhooks;
        if attempt.is_success() {
            Retry::succeeded(&mut self.progress);
            metrics.delivered.increment(1);
            return None;
        }
        let dice = getrandom::u32().map_or(0.5, |dice| f64::from(dice) / f64::from(u32::MAX));
        let failure = Failure { at, event_at: heading.at, is_gone: attempt.is_gone(), retry_after: attempt.retry_after, dice };
        let fate = self.state.webhooks.config.retry.failed(&mut self.progress, &failure);
        match fate {
            Fate::Pending => metrics.retried.increment(1),
            Fate::Parked | Fate::Off(_) => metrics.parked.increment(1),
        }
        Some(fate)
    }

    fn park_untried(&mut self, heading: &Heading, kind: EventType) {
        self.state.metrics.webhooks.parked.increment(1);
        self.progress.cursor = heading.revision;
        self.remember(DeliveryRecord {
            id: DeliveryId { webhook: self.held.lease.webhook(), revision: heading.revision },
            revision: heading.revision,
            event: kind.to_string(),
            state: DeliveryState::Parked,
            attempts: 0,
            created_at: clock::now(),
            last_attempt_at: None,
            status: None,
            error: Some("given up without an attempt: those before it failed for as long as events are kept".to_owned()),
            duration_ms: None,
            next_attempt_at: None,
        });
    }

    fn remember(&mut self, record: DeliveryRecord) {
        self.unsaved_since.get_or_insert_with(Instant::now);
        self.records.push(record);
    }

    /// Writes down what should not wait any longer, and sees to it that the lease lasts for another attempt. Gives false, if it is lost
    /// or the webhook is another one.
    fn save_if_due(&mut self) -> Result<bool, ServiceError> {
        let is_old = self.unsaved_since.is_some_and(|since| since.elapsed() >= UNSAVED_TIME) || self.records.len() >= UNSAVED_MAX;
        let ends_soon = since(clock::now(), self.held.until) < time_needed(self.state);
        if is_old || ends_soon { self.save() } else { Ok(true) }
    }

    fn save(&mut self) -> Result<bool, ServiceError> {
        let now = clock::now();
        let until = later(now, self.state.webhooks.config.lease);
        let saved = webhook::save(&self.state.store, &self.held.lease, self.known, &self.progress, &self.records, until)?;
        if saved == Saved::Yes {
            self.known.failing_since = self.progress.failing_since;
            (self.held.until, self.held.saved_at) = (until, now);
            self.records.clear();
            self.unsaved_since = None;
        }
        Ok(saved == Saved::Yes)
    }

    /// The webhook's target is not there any more, or has not been for days.
    fn turn_off(&mut self, reason: DisabledReason, cursor: Revision) -> Result<End, ServiceError> {
        let (state, lease) = (self.state, &self.held.lease);
        let tenant = lease.tenant();
        let author = Author { actor: ACTOR.to_owned(), request_id: None, at: clock::now() };
        let (records, known) = (&self.records, self.known);
        let turned_off =
            change::run(&state.store, tenant, &author, |change| webhook::disable_in(change, lease, known, reason, cursor, records))
                .map_err(|error: StoreError| ServiceError::from(error))?;
        if turned_off.is_some() {
            warn!(state.logger, "webhook `{}` was turned off: {reason}", lease.webhook(); "tenant" => %tenant);
            // The tenant's rulesets go on to the next revision as after any other server's change.
        } else {
            // Somebody has changed it meanwhile, or its target took something by hand. What failed is tried anew, and what was done before stays
            // done.
            self.records.pop();
            self.save()?;
        }
        Ok(End::Lost)
    }

    fn finish(mut self, end: End) -> Result<Option<Held>, ServiceError> {
        if end == End::Lost {
            return Ok(None);
        }
        let before = self.outbound.progress.clone();
        let is_only_passed_over = self.records.is_empty() && Progress { cursor: self.progress.cursor, ..before.clone() } == self.progress;
        let is_old = since(self.held.saved_at, clock::now()) >= PASSED_OVER_TIME;
        if (!is_only_passed_over || (is_old && before.cursor != self.progress.cursor)) && !self.save()? {
            return Ok(None);
        }
        if before.cursor.get() / TRIM_EVERY != self.progress.cursor.get() / TRIM_EVERY {
            webhook::trim(&self.state.store, self.held.lease.tenant(), self.held.lease.webhook(), DELIVERIES_KEPT)?;
        }
        self.held.version = self.outbound.version;
        self.held.seen = self.progress.cursor;
        self.held.next_attempt_at = self.progress.next_attempt_at;
        self.held.rests_until = later(clock::now(), REST);
        Ok(Some(self.held))
    }
}

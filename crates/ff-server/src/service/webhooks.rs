//! Webhooks: what people set, and what they ask for at once.

use std::time::Duration;

use ff_store::audit;
use ff_store::webhook::{self, Outbound, RequestedAttempt};
use ff_store::{
    Change, DeliveryId, DeliveryRecord, DeliveryState, Entity, Revision, StoreError, WebhookDraft, WebhookId, WebhookRecord, WebhookSecret,
    WebhookShown, Written,
};

use super::told::Told;
use super::{Context, Made, Missing, Precondition, ServiceError, writing};
use crate::cache::TenantRulesets;
use crate::clock;
use crate::event::{ChangeEvent, EventPattern, EventType};
use crate::state::AppState;
use crate::webhook::draft::WebhookChange;
use crate::webhook::message::{self, Message};
use crate::webhook::retry::later;
use crate::webhook::sender::Attempt;

/// A webhook and the secret that it was just given, which nobody is shown again.
#[derive(Debug)]
pub struct WithSecret {
    /// The webhook.
    pub webhook: WebhookShown,
    /// What signs its deliveries.
    pub secret: WebhookSecret,
    /// As [`Made::revision`].
    pub revision: Revision,
}

/// An attempt that somebody asked for.
#[derive(Debug)]
pub struct Requested {
    /// The `webhook-id` that was sent.
    pub id: String,
    /// How it went.
    pub attempt: Attempt,
}

/// What became of the wish to have a delivery made again.
#[derive(Debug)]
pub enum Redelivery {
    /// It was made.
    Made(Requested),
    /// It is still being tried; the next attempt was brought forward to now.
    BroughtForward(Box<DeliveryRecord>),
}

/// Creates a webhook that tells of what changes from now on.
///
/// # Errors
/// The tenant has too many; the database is away.
pub fn create(state: &AppState, context: &Context, draft: WebhookDraft) -> Result<WithSecret, ServiceError> {
    let secret = message::new_secret()?;
    let Made { answer, revision } = write(state, context, |change| Ok(webhook::create_in(change, draft, &secret)?))?;
    Ok(WithSecret { webhook: answer.record, secret, revision })
}

/// Changes what `changed` gives. What failed so far is tried again at once, or given up if it is not wanted any more.
///
/// # Errors
/// A precondition that does not hold; no such webhook.
pub fn update(
    state: &AppState,
    context: &Context,
    id: WebhookId,
    changed: WebhookChange,
    precondition: &Precondition,
) -> Result<Made<Written<WebhookShown>>, ServiceError> {
    write(state, context, |change| {
        let before = found(change, id, precondition)?;
        let draft = changed.applied_to(&before);
        let patterns: Vec<EventPattern> = draft.events.iter().filter_map(|text| text.parse().ok()).collect();
        let wants =
            |event: &str| EventType::all().any(|kind| kind.to_string() == event && patterns.iter().any(|pattern| pattern.matches(kind)));
        Ok(webhook::update_in(change, id, draft, wants)?)
    })
}

/// Gives the webhook another secret. The present one goes on signing beside it for `old_secret_s` seconds.
///
/// # Errors
/// A precondition that does not hold; no such webhook.
pub fn rotate(
    state: &AppState,
    context: &Context,
    id: WebhookId,
    old_secret_s: u64,
    precondition: &Precondition,
) -> Result<WithSecret, ServiceError> {
    let secret = message::new_secret()?;
    let Made { answer, revision } = write(state, context, |change| {
        found(change, id, precondition)?;
        let old_until = later(clock::now(), Duration::from_secs(old_secret_s));
        Ok(webhook::rotate_in(change, id, &secret, old_until)?)
    })?;
    Ok(WithSecret { webhook: answer.record, secret, revision })
}

/// Deletes a webhook, its secrets and what is known of its deliveries.
///
/// # Errors
/// A precondition that does not hold; no such webhook.
pub fn delete(state: &AppState, context: &Context, id: WebhookId, precondition: &Precondition) -> Result<Made<()>, ServiceError> {
    let work = |change: &mut Change<'_>, rulesets: &TenantRulesets| {
        found(change, id, precondition)?;
        webhook::delete_in(change, id)?;
        Ok(((), Some(rulesets.at(change.revision()))))
    };
    writing::run(state, context, work, Told::deleted)
}

/// Sends a message that tells nothing, now and once, also to a webhook that is off. If its target takes it, the webhook does not fail any more.
///
/// # Errors
/// No such webhook. What the target does is no error.
pub fn test(state: &AppState, context: &Context, id: WebhookId) -> Result<Requested, ServiceError> {
    let outbound = outbound(state, context, id)?;
    let requested = send(state, &outbound, Message::test(id, clock::now())?)?;
    // What was sent is not sent again on account of a note that nobody needs.
    if requested.attempt.is_success() && outbound.progress.failing_since.is_some() {
        webhook::note_success(&state.store, &context.scope.tenant, id, outbound.version)?;
        state.news.tell_any();
    }
    Ok(requested)
}

/// Makes a delivery again, under the same id. One that is still being tried is tried next, at once.
///
/// # Errors
/// No such webhook or delivery. What the target does is no error.
pub fn redeliver(state: &AppState, context: &Context, id: DeliveryId) -> Result<Redelivery, ServiceError> {
    let tenant = &context.scope.tenant;
    let outbound = outbound(state, context, id.webhook)?;
    let missing = || ServiceError::NotFound(Missing::Delivery(id.to_string()));
    let mut record = webhook::delivery(&state.store, tenant, id)?.ok_or_else(missing)?;
    let now = clock::now();
    if record.state == DeliveryState::Pending && webhook::retry_now(&state.store, tenant, id, now)? {
        state.news.tell_any();
        record.next_attempt_at = Some(now);
        return Ok(Redelivery::BroughtForward(Box::new(record)));
    }
    let logged = audit::entry(&state.store, tenant, id.revision)?.ok_or_else(missing)?;
    let requested = send(state, &outbound, Message::of(id.webhook, &ChangeEvent::of(&logged))?)?;
    let Attempt { status, error, .. } = requested.attempt.clone();
    let attempt = RequestedAttempt { at: clock::now(), status, error, duration_ms: requested.attempt.duration_ms() };
    webhook::note_attempt(&state.store, tenant, id, outbound.version, &attempt)?;
    // What waits because the target failed may be tried now.
    state.news.tell_any();
    Ok(Redelivery::Made(requested))
}

fn outbound(state: &AppState, context: &Context, id: WebhookId) -> Result<Outbound, ServiceError> {
    let found = webhook::outbound(&state.store, &context.scope.tenant, id, clock::now())?;
    found.ok_or_else(|| ServiceError::NotFound(Missing::Webhook(id.to_string())))
}

fn send(state: &AppState, outbound: &Outbound, message: Message) -> Result<Requested, ServiceError> {
    let attempt = state.webhooks.sender.send(&outbound.url, &message, &outbound.secrets)?;
    Ok(Requested { id: message.id, attempt })
}

fn found(change: &mut Change<'_>, id: WebhookId, precondition: &Precondition) -> Result<WebhookRecord, ServiceError> {
    let record = webhook::find_in(change, id)?.ok_or(StoreError::NotFound { entity: Entity::Webhook, key: id.to_string() })?;
    precondition.check(Some(record.version))?;
    Ok(record)
}

/// Webhooks are no part of rulesets, but of the tenant: its rulesets go on to the next revision as they are.
fn write(
    state: &AppState,
    context: &Context,
    work: impl FnOnce(&mut Change<'_>) -> Result<Written<WebhookShown>, ServiceError>,
) -> Result<Made<Written<WebhookShown>>, ServiceError> {
    let work = |change: &mut Change<'_>, rulesets: &TenantRulesets| {
        let written = work(change)?;
        let after = writing::is_changed(&written).then(|| rulesets.at(change.revision()));
        Ok((written, after))
    };
    // What a request that comes again is answered shows no secret.
    writing::run(state, context, work, |written| Told::written(written, &[]))
}

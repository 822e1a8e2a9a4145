//! How far a webhook has come, as the server that delivers it reads and writes it.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use ff_core::{TenantId, Timestamp};

use super::lease::Lease;
use super::row::{self, ProgressColumns, row};
use super::{DeliveryId, DeliveryRecord, DeliveryState, WebhookId, WebhookSecret, delivery};
use crate::bookkeeping;
use crate::connection::on;
use crate::error::StoreError;
use crate::schema::{tenants, webhook_deliveries, webhooks};
use crate::scope::{Revision, Version};
use crate::store::Store;

/// How far a webhook has come, and how its next event has fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to here is delivered, parked or not wanted.
    pub cursor: Revision,
    /// Failed attempts of the event after it.
    pub attempts: u32,
    /// When that event was first tried.
    pub first_attempt_at: Option<Timestamp>,
    /// Nothing is sent before; none: at once.
    pub next_attempt_at: Option<Timestamp>,
    /// The first failure since the last success.
    pub failing_since: Option<Timestamp>,
    /// Whether an event was given up since the last success.
    pub has_parked: bool,
}

impl Progress {
    /// Everything up to `cursor` is done, and nothing has failed.
    pub fn starting_at(cursor: Revision) -> Self {
        Self { cursor, attempts: 0, first_attempt_at: None, next_attempt_at: None, failing_since: None, has_parked: false }
    }
}

/// What whoever delivers knows of the webhook's row. If it is otherwise by now, somebody has changed the webhook, or has seen by hand that its
/// target is well, and what failed meanwhile says nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its version.
    pub version: Version,
    /// As in [`Progress`].
    pub failing_since: Option<Timestamp>,
}

/// What it takes to deliver a webhook's events.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// Where to.
    pub url: String,
    /// Which events, as patterns.
    pub events: Vec<String>,
    /// What signs, the present one first.
    pub secrets: Vec<WebhookSecret>,
    /// The version that all this is of.
    pub version: Version,
    /// Whether anything is to be delivered.
    pub enabled: bool,
    /// How far it has come.
    pub progress: Progress,
}

impl Outbound {
    /// What is known of the row.
    pub fn known(&self) -> Known {
        Known { version: self.version, failing_since: self.progress.failing_since }
    }
}

/// What it takes to deliver the events of the webhook `id` at this instant; none, if it is not there any more.
///
/// # Errors
/// [`Corrupt`](StoreError::Corrupt), and what every read may give.
pub fn outbound(store: &Store, tenant: &TenantId, id: WebhookId, at: Timestamp) -> Result<Option<Outbound>, StoreError> {
    let Some(row) = store.read(|link| row(link, tenant, id))? else { return Ok(None) };
    let record = row.record()?;
    let (secrets, progress) = (row.secrets(at), row.progress());
    Ok(Some(Outbound { url: record.url, events: record.events, secrets, version: record.version, enabled: record.enabled, progress }))
}

/// Which state of what people set the webhook `id` is in; none, if it is not there any more.
///
/// # Errors
/// What every read may give.
pub fn version(store: &Store, tenant: &TenantId, id: WebhookId) -> Result<Option<Version>, StoreError> {
    let mine = webhooks::tenant_id.eq(tenant.as_str()).and(webhooks::id.eq(id.to_string()));
    let version: Option<i64> =
        store.read(|link| Ok(on!(link, c => webhooks::table.filter(mine.clone()).select(webhooks::version).first(c).optional())?))?;
    Ok(version.map(Version::new))
}

/// What became of an attempt to write progress down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is written down.
    Yes,
    /// The row is not as it was known. What is done is done and written down; what failed is to be tried anew.
    Changed,
    /// The lease is not held any more, or the log does not reach so far any more, and nothing was written: whoever has it now goes on from
    /// what was written before.
    Lost,
}

/// Writes down how far the webhook has come and what became of these deliveries, and holds the lease until `until`.
///
/// # Errors
/// What every write may give.
pub fn save(
    store: &Store,
    lease: &Lease,
    known: Known,
    progress: &Progress,
    deliveries: &[DeliveryRecord],
    until: Timestamp,
) -> Result<Saved, StoreError> {
    bookkeeping::write(store, |link| {
        let Some(present) = lease.renew_in(link, until)? else { return Ok(Saved::Lost) };
        let cursor = progress.cursor.get();
        let reached: Option<i64> = on!(&mut *link, c => tenants::table
            .filter(tenants::id.eq(lease.tenant().as_str()))
            .select(tenants::revision)
            .first(c)
            .optional())?;
        if reached.is_none_or(|reached| reached < cursor) {
            // The database was restored, or a standby took over that had not received all changes.
            return Ok(Saved::Lost);
        }
        let mine = webhooks::tenant_id.eq(lease.tenant().as_str()).and(webhooks::id.eq(lease.webhook().to_string()));
        if present == known {
            let columns = ProgressColumns::from(progress);
            on!(link, c => diesel::update(webhooks::table).filter(mine).set(&columns).execute(c))?;
            delivery::put_in(link, lease, deliveries)?;
            return Ok(Saved::Yes);
        }
        let behind = mine.and(webhooks::cursor.lt(cursor));
        // What the row says of failed attempts is of an event that is done.
        let next = (
            webhooks::cursor.eq(cursor),
            webhooks::attempts.eq(0),
            webhooks::first_attempt_at.eq(None::<i64>),
            webhooks::next_attempt_at.eq(None::<i64>),
        );
        let is_well = progress.failing_since.is_none();
        let well = is_well.then(|| (webhooks::failing_since.eq(None::<i64>), webhooks::has_parked.eq(0)));
        on!(link, c => diesel::update(webhooks::table).filter(behind).set((next, well)).execute(c))?;
        let done: Vec<_> = deliveries.iter().filter(|delivery| delivery.state != DeliveryState::Pending).cloned().collect();
        delivery::put_in(link, lease, &done)?;
        Ok(Saved::Changed)
    })
}

/// Notes that the target of the webhook, which had this version, took a message that somebody sent by hand: it does not fail any more, and
/// what waits only because it failed is tried at once.
///
/// # Errors
/// What every write may give.
pub fn note_success(store: &Store, tenant: &TenantId, id: WebhookId, version: Version) -> Result<(), StoreError> {
    bookkeeping::write(store, |link| {
        let row = row::locked_row(link, tenant, id)?;
        row.map_or(Ok(()), |row| row::end_failing_in(link, &row, version))
    })
}

/// Brings the next attempt of a delivery that waits for one forward to `now`. Gives false, if it does not wait any more.
///
/// # Errors
/// What every write may give.
pub fn retry_now(store: &Store, tenant: &TenantId, delivery: DeliveryId, now: Timestamp) -> Result<bool, StoreError> {
    bookkeeping::write(store, |link| {
        let id = delivery.webhook.to_string();
        let waiting = webhook_deliveries::tenant_id
            .eq(tenant.as_str())
            .and(webhook_deliveries::webhook_id.eq(&id))
            .and(webhook_deliveries::revision.eq(delivery.revision.get()))
            .and(webhook_deliveries::state.eq(DeliveryState::Pending.as_str()));
        let at = Some(now.as_millis());
        let next = webhook_deliveries::next_attempt_at.eq(at);
        // First the webhook, as everybody else who writes both.
        if row::locked_row(link, tenant, delivery.webhook)?.is_none() {
            return Ok(false);
        }
        if on!(link, c => diesel::update(webhook_deliveries::table).filter(waiting).set(next).execute(c))? == 0 {
            return Ok(false);
        }
        let mine = webhooks::tenant_id.eq(tenant.as_str()).and(webhooks::id.eq(&id)).and(webhooks::cursor.lt(delivery.revision.get()));
        Ok(on!(link, c => diesel::update(webhooks::table).filter(mine).set(webhooks::next_attempt_at.eq(at)).execute(c))? == 1)
    })
}

/// How delivery is doing, over all tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Changes that webhooks which are on have not come to yet, summed over the webhooks.
    pub backlog_revisions: i64,
    /// Webhooks which are on and whose last attempt failed.
    pub failing: i64,
    /// Deliveries that were given up and are still remembered.
    pub parked: i64,
}

/// Counts how delivery is doing.
///
/// # Errors
/// What every read may give.
pub fn figures(store: &Store) -> Result<Figures, StoreError> {
    store.read(|link| {
        // PostgreSQL sums whole numbers to decimals, which nobody needs here.
        let backlog = sql::<BigInt>("CAST(coalesce(sum(tenants.revision - webhooks.cursor), 0) AS bigint)");
        let failing = sql::<BigInt>("CAST(coalesce(sum(CASE WHEN webhooks.failing_since IS NULL THEN 0 ELSE 1 END), 0) AS bigint)");
        let (backlog_revisions, failing) = on!(link, c => webhooks::table
            .inner_join(tenants::table.on(tenants::id.eq(webhooks::tenant_id)))
            .filter(webhooks::enabled.eq(1))
            .select((backlog, failing))
            .first(c))?;
        // In these words, and not as a parameter, or the index over what is parked is of no use.
        let parked = sql::<Bool>("state = 'parked'");
        let parked = on!(link, c => webhook_deliveries::table.filter(parked).count().get_result(c))?;
        Ok(Figures { backlog_revisions, failing, parked })
    })
}

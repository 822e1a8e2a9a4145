//! What became of deliveries, for people to look at. The cursor needs none of it: rows may be lost without harm.

use diesel::prelude::*;
use diesel::upsert::excluded;
use ff_core::{TenantId, Timestamp};
use serde::Serialize;

use super::lease::Lease;
use super::row;
use super::{DeliveryId, WebhookId};
use crate::audit::{Entity, words};
use crate::bookkeeping;
use crate::connection::{Link, on};
use crate::error::{CorruptRow, StoreError};
use crate::page::{Page, PageRequest, PageToken};
use crate::schema::webhook_deliveries;
use crate::scope::{Revision, Version};
use crate::store::Store;

words! {
    /// What became of a delivery.
    DeliveryState {
        /// It failed, and will be tried again.
        Pending = "pending",
        /// The target has taken it.
        Delivered = "delivered",
        /// It was given up.
        Parked = "parked",
    }
}

/// A delivery as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryRecord {
    /// The `webhook-id` that it is sent under.
    pub id: DeliveryId,
    /// The change that it tells of.
    pub revision: Revision,
    /// What kind of change, such as `flag.updated`.
    pub event: String,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: u32,
    /// When it was first tried, or given up untried.
    pub created_at: Timestamp,
    /// When it was last tried.
    pub last_attempt_at: Option<Timestamp>,
    /// What the target answered then; none, if it gave no answer.
    pub status: Option<u16>,
    /// Why the last attempt failed, in words.
    pub error: Option<String>,
    /// How long the last attempt took, in milliseconds.
    pub duration_ms: Option<u32>,
    /// When it is tried again.
    pub next_attempt_at: Option<Timestamp>,
}

/// A page of deliveries.
pub type Deliveries = Page<DeliveryRecord>;

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_deliveries)]
struct DeliveryRow {
    tenant_id: String,
    webhook_id: String,
    revision: i64,
    event: String,
    state: String,
    attempts: i64,
    created_at: i64,
    last_attempt_at: Option<i64>,
    status: Option<i64>,
    error: Option<String>,
    duration_ms: Option<i64>,
    next_attempt_at: Option<i64>,
}

impl DeliveryRow {
    fn new(tenant: &TenantId, record: &DeliveryRecord) -> Self {
        Self {
            tenant_id: tenant.to_string(),
            webhook_id: record.id.webhook.to_string(),
            revision: record.revision.get(),
            event: record.event.clone(),
            state: record.state.to_string(),
            attempts: record.attempts.into(),
            created_at: record.created_at.as_millis(),
            last_attempt_at: record.last_attempt_at.map(Timestamp::as_millis),
            status: record.status.map(i64::from),
            error: record.error.clone(),
            duration_ms: record.duration_ms.map(i64::from),
            next_attempt_at: record.next_attempt_at.map(Timestamp::as_millis),
        }
    }

    fn record(&self) -> Result<DeliveryRecord, CorruptRow> {
        let corrupt = |reason: String| CorruptRow::new("webhook_deliveries", format!("{}/{}", self.webhook_id, self.revision), reason);
        let webhook: WebhookId = self.webhook_id.parse().map_err(|error| corrupt(format!("webhook_id: {error}")))?;
        let revision = Revision::new(self.revision);
        Ok(DeliveryRecord {
            id: DeliveryId { webhook, revision },
            revision,
            event: self.event.clone(),
            state: self.state.parse().map_err(|error| corrupt(format!("state: {error}")))?,
            attempts: u32::try_from(self.attempts).map_err(|error| corrupt(format!("attempts: {error}")))?,
            created_at: Timestamp::from_millis(self.created_at),
            last_attempt_at: self.last_attempt_at.map(Timestamp::from_millis),
            status: self.status.and_then(|status| u16::try_from(status).ok()),
            error: self.error.clone(),
            duration_ms: self.duration_ms.and_then(|ms| u32::try_from(ms).ok()),
            next_attempt_at: self.next_attempt_at.map(Timestamp::from_millis),
        })
    }
}

/// What is known of a webhook's deliveries, newest first.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound) for a webhook that is not there, [`PageToken`](StoreError::PageToken) for another list's token, and
/// what every read may give.
pub fn deliveries(store: &Store, tenant: &TenantId, webhook: WebhookId, page: &PageRequest) -> Result<Deliveries, StoreError> {
    let before = page.revision()?.unwrap_or(i64::MAX);
    let rows: Vec<DeliveryRow> = store.read(|link| {
        if row::row(link, tenant, webhook)?.is_none() {
            return Err(StoreError::not_found(Entity::Webhook, webhook));
        }
        let mine = of(tenant, webhook).and(webhook_deliveries::revision.lt(before));
        Ok(on!(link, c => webhook_deliveries::table
            .filter(mine)
            .select(DeliveryRow::as_select())
            .order(webhook_deliveries::revision.desc())
            .limit(page.limit.with_lookahead())
            .load(c))?)
    })?;
    Ok(Page::cut(rows, page.limit, |row| PageToken::before_revision(row.revision), |row| row.record().inspect_err(CorruptRow::log).ok()))
}

/// What is known of one delivery.
///
/// # Errors
/// [`Corrupt`](StoreError::Corrupt), and what every read may give.
pub fn delivery(store: &Store, tenant: &TenantId, id: DeliveryId) -> Result<Option<DeliveryRecord>, StoreError> {
    let wanted = of(tenant, id.webhook).and(webhook_deliveries::revision.eq(id.revision.get()));
    let row: Option<DeliveryRow> = store.read(|link| {
        let wanted = wanted.clone();
        Ok(on!(link, c => webhook_deliveries::table.filter(wanted).select(DeliveryRow::as_select()).first(c).optional())?)
    })?;
    Ok(row.map(|row| row.record()).transpose()?)
}

/// An attempt that somebody asked for, after the delivery had come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedAttempt {
    /// When it ended.
    pub at: Timestamp,
    /// What the target answered; none, if it gave no answer.
    pub status: Option<u16>,
    /// Why it failed, in words; none, if it did not.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
}

/// Writes down an attempt that was made on request when the webhook had this version. It is counted, and if the target has taken the message,
/// the delivery is delivered, and the webhook [does not fail any more](super::note_success); a failure takes nothing back.
///
/// # Errors
/// What every write may give.
pub fn note_attempt(
    store: &Store,
    tenant: &TenantId,
    id: DeliveryId,
    version: Version,
    attempt: &RequestedAttempt,
) -> Result<(), StoreError> {
    let wanted = of(tenant, id.webhook).and(webhook_deliveries::revision.eq(id.revision.get()));
    bookkeeping::write(store, |link| {
        // First the webhook, as everybody else who writes both.
        let Some(webhook) = row::locked_row(link, tenant, id.webhook)? else { return Ok(()) };
        if attempt.error.is_none() {
            row::end_failing_in(link, &webhook, version)?;
        }
        // What the row says may have changed since it was read, so nothing that was read is written back.
        let columns = (
            webhook_deliveries::attempts.eq(webhook_deliveries::attempts + 1),
            webhook_deliveries::last_attempt_at.eq(Some(attempt.at.as_millis())),
            webhook_deliveries::status.eq(attempt.status.map(i64::from)),
            webhook_deliveries::error.eq(attempt.error.as_ref()),
            webhook_deliveries::duration_ms.eq(Some(i64::from(attempt.duration_ms))),
        );
        let state = attempt.error.is_none().then(|| webhook_deliveries::state.eq(DeliveryState::Delivered.as_str()));
        on!(link, c => diesel::update(webhook_deliveries::table).filter(wanted).set((columns, state)).execute(c))?;
        Ok(())
    })
}

/// Writes down what is known of these deliveries now. When one was first tried stays as it was.
pub(super) fn put_in(link: &mut Link<'_>, lease: &Lease, records: &[DeliveryRecord]) -> Result<(), StoreError> {
    for record in records {
        let row = DeliveryRow::new(lease.tenant(), record);
        let key = (webhook_deliveries::tenant_id, webhook_deliveries::webhook_id, webhook_deliveries::revision);
        let columns = (
            webhook_deliveries::state.eq(excluded(webhook_deliveries::state)),
            webhook_deliveries::attempts.eq(excluded(webhook_deliveries::attempts)),
            webhook_deliveries::last_attempt_at.eq(excluded(webhook_deliveries::last_attempt_at)),
            webhook_deliveries::status.eq(excluded(webhook_deliveries::status)),
            webhook_deliveries::error.eq(excluded(webhook_deliveries::error)),
            webhook_deliveries::duration_ms.eq(excluded(webhook_deliveries::duration_ms)),
            webhook_deliveries::next_attempt_at.eq(excluded(webhook_deliveries::next_attempt_at)),
        );
        on!(link, c => diesel::insert_into(webhook_deliveries::table).values(&row).on_conflict(key).do_update().set(columns).execute(c))?;
    }
    Ok(())
}

/// What becomes of a delivery that waits for another attempt, when its webhook is changed.
pub(super) enum Pending {
    /// It is tried again then.
    TriedAt(Timestamp),
    /// It is given up, for this reason.
    GivenUp(&'static str),
}

/// Writes down what becomes of the delivery that waits for another attempt, by its event. The webhook's row is locked.
pub(super) fn settle_pending_in(
    link: &mut Link<'_>,
    tenant: &TenantId,
    webhook: WebhookId,
    settle: impl Fn(&str) -> Pending,
) -> Result<(), StoreError> {
    let pending = of(tenant, webhook).and(webhook_deliveries::state.eq(DeliveryState::Pending.as_str()));
    let rows: Vec<DeliveryRow> = on!(&mut *link, c => webhook_deliveries::table.filter(pending).select(DeliveryRow::as_select()).load(c))?;
    for row in rows {
        let (state, next, error) = match settle(&row.event) {
            Pending::TriedAt(at) => (DeliveryState::Pending, Some(at.as_millis()), row.error),
            Pending::GivenUp(reason) => {
                let error = row.error.map_or_else(|| reason.to_owned(), |error| format!("{error}; {reason}"));
                (DeliveryState::Parked, None, Some(error))
            }
        };
        let mine = of(tenant, webhook).and(webhook_deliveries::revision.eq(row.revision));
        let columns = (
            webhook_deliveries::state.eq(state.as_str()),
            webhook_deliveries::next_attempt_at.eq(next),
            webhook_deliveries::error.eq(error),
        );
        on!(&mut *link, c => diesel::update(webhook_deliveries::table).filter(mine).set(columns).execute(c))?;
    }
    Ok(())
}

/// Forgets all but the newest `keep` deliveries of a webhook.
///
/// # Errors
/// What every write may give.
pub fn trim(store: &Store, tenant: &TenantId, webhook: WebhookId, keep: u32) -> Result<(), StoreError> {
    let oldest_kept: Option<i64> = store.read(|link| {
        Ok(on!(link, c => webhook_deliveries::table
            .filter(of(tenant, webhook))
            .select(webhook_deliveries::revision)
            .order(webhook_deliveries::revision.desc())
            .offset(i64::from(keep.saturating_sub(1)))
            .first(c)
            .optional())?)
    })?;
    let Some(oldest_kept) = oldest_kept else { return Ok(()) };
    let older = || of(tenant, webhook).and(webhook_deliveries::revision.lt(oldest_kept));
    // A look that takes no lock, before one that does.
    let is_any: bool = store
        .read(|link| Ok(on!(link, c => diesel::select(diesel::dsl::exists(webhook_deliveries::table.filter(older()))).get_result(c))?))?;
    if is_any {
        bookkeeping::write(store, |link| {
            // First the webhook, as everybody else who writes both.
            if row::locked_row(link, tenant, webhook)?.is_some() {
                on!(link, c => diesel::delete(webhook_deliveries::table.filter(older())).execute(c))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Forgets deliveries of all tenants that were first tried before `cutoff`, at most `limit` of them, the oldest first, and says how many.
/// What others are at is left for the next time, so nobody is waited for: whoever deletes a webhook holds its deliveries in an order of
/// his own.
///
/// # Errors
/// What every write may give.
pub fn forget_before(store: &Store, cutoff: Timestamp, limit: u32) -> Result<usize, StoreError> {
    let cutoff = cutoff.as_millis();
    // Rows with several columns in `IN` are beyond diesel's query builder; both values are numbers of ours.
    let delete = |locking: &str| {
        diesel::sql_query(format!(
            "DELETE FROM webhook_deliveries WHERE (tenant_id, webhook_id, revision) IN (
                SELECT tenant_id, webhook_id, revision FROM webhook_deliveries
                WHERE created_at < {cutoff} ORDER BY created_at LIMIT {limit} {locking})"
        ))
    };
    bookkeeping::write(store, |link| {
        Ok(match link {
            Link::Postgres(c) => delete("FOR UPDATE SKIP LOCKED").execute(&mut **c)?,
            Link::Sqlite(c) => delete("").execute(&mut **c)?,
        })
    })
}

type OfWebhook =
    diesel::dsl::And<diesel::dsl::Eq<webhook_deliveries::tenant_id, String>, diesel::dsl::Eq<webhook_deliveries::webhook_id, String>>;

fn of(tenant: &TenantId, webhook: WebhookId) -> OfWebhook {
    webhook_deliveries::tenant_id.eq(tenant.to_string()).and(webhook_deliveries::webhook_id.eq(webhook.to_string()))
}

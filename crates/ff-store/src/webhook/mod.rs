//! Webhooks: where a tenant's changes are told, how far that has come, and who does it at the moment.
//!
//! What people set is changed like every other entity: by [`change::run`](crate::change::run), with a version and an audit entry, which never
//! shows a secret. How far delivery has come belongs to the one server that holds the webhook's [lease], has no version, and leaves
//! no trace in the audit log.

mod delivery;
mod id;
pub mod lease;
mod progress;
mod row;
mod secret;
mod write;

use diesel::prelude::*;
use ff_core::{TenantId, Timestamp};
use serde::Serialize;

pub use self::delivery::{
    Deliveries, DeliveryRecord, DeliveryState, RequestedAttempt, deliveries, delivery, forget_before, note_attempt, trim,
};
pub use self::id::{DeliveryId, IdError, WebhookId};
pub use self::progress::{Figures, Known, Outbound, Progress, Saved, figures, note_success, outbound, retry_now, save, version};
use self::row::WebhookRow;
pub use self::secret::WebhookSecret;
pub use self::write::{WEBHOOKS_MAX, create_in, delete_in, disable_in, find_in, rotate_in, update_in};
use crate::audit::{Entity, words};
use crate::connection::on;
use crate::error::{CorruptRow, StoreError};
use crate::page::{Page, PageRequest, PageToken};
use crate::schema::webhooks;
use crate::scope::{Revision, Version};
use crate::store::Store;

words! {
    /// Why the service itself has turned a webhook off.
    DisabledReason {
        /// The target answered 410: it is not there any more and will not be.
        Gone = "gone",
        /// Nothing could be delivered for days.
        Failing = "failing",
    }
}

/// What people set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookDraft {
    /// Where to. Whether that is allowed is the caller's to know.
    pub url: String,
    /// Which events, as patterns. What they mean is the caller's to know.
    pub events: Vec<String>,
    /// For people.
    pub description: String,
    /// Whether anything is delivered.
    pub enabled: bool,
}

/// A webhook without its secrets. The audit log shows less of its URL.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WebhookRecord {
    /// Its id.
    pub id: WebhookId,
    /// Where to.
    pub url: String,
    /// Which events, as patterns.
    pub events: Vec<String>,
    /// For people.
    pub description: String,
    /// Whether anything is delivered.
    pub enabled: bool,
    /// Why it is off, if it was not a person who turned it off.
    pub disabled_reason: Option<DisabledReason>,
    /// Until when the secret before the present one signs too. May lie in the past; none, if there was no other.
    pub old_secret_until: Option<Timestamp>,
    /// Which state of all this it is.
    pub version: Version,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it became what it is.
    pub updated_at: Timestamp,
}

/// A webhook as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WebhookShown {
    /// What it is.
    #[serde(flatten)]
    pub record: WebhookRecord,
    /// How far it has come.
    pub delivery: DeliveryProgress,
}

/// How far delivery has come, as the API shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DeliveryProgress {
    /// Everything up to here is delivered, given up, or was not wanted.
    pub revision: Revision,
    /// The first failure since the last success, or since a pause with nothing to tell; none, if the last attempt succeeded.
    pub failing_since: Option<Timestamp>,
    /// Nothing is sent before.
    pub next_attempt_at: Option<Timestamp>,
}

/// The webhook `id`.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound), [`Corrupt`](StoreError::Corrupt), and what every read may give.
pub fn find(store: &Store, tenant: &TenantId, id: WebhookId) -> Result<WebhookShown, StoreError> {
    let row = store.read(|link| row::row(link, tenant, id))?.ok_or_else(|| StoreError::not_found(Entity::Webhook, id))?;
    Ok(row.shown()?)
}

/// The tenant's webhooks, in the order of their creation.
///
/// # Errors
/// [`PageToken`](StoreError::PageToken) for another list's token, and what every read may give.
pub fn list(store: &Store, tenant: &TenantId, page: &PageRequest) -> Result<Page<WebhookShown>, StoreError> {
    let after = page.key()?;
    let mine = webhooks::tenant_id.eq(tenant.as_str()).and(webhooks::id.gt(after));
    let rows: Vec<WebhookRow> = store.read(|link| {
        Ok(on!(link, c => webhooks::table.filter(mine).select(WebhookRow::as_select()).order(webhooks::id)
            .limit(page.limit.with_lookahead()).load(c))?)
    })?;
    Ok(Page::cut(rows, page.limit, |row| PageToken::after_key(&row.id), |row| row.shown().inspect_err(CorruptRow::log).ok()))
}

/// The secrets that sign a webhook's deliveries at this instant, the present one first.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound), and what every read may give.
pub fn secrets(store: &Store, tenant: &TenantId, id: WebhookId, at: Timestamp) -> Result<Vec<WebhookSecret>, StoreError> {
    let row = store.read(|link| row::row(link, tenant, id))?.ok_or_else(|| StoreError::not_found(Entity::Webhook, id))?;
    Ok(row.secrets(at))
}

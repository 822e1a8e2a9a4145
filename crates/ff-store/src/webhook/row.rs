//! Rows of `webhooks`.

use diesel::prelude::*;
use ff_core::{TenantId, Timestamp};

use super::{DeliveryProgress, Progress, WebhookId, WebhookRecord, WebhookSecret, WebhookShown};
use crate::connection::{Link, on};
use crate::document::JsonText;
use crate::error::{CorruptRow, StoreError};
use crate::schema::webhooks;
use crate::scope::{Revision, Version};

/// Everything but the lease.
#[derive(Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhooks, primary_key(tenant_id, id), treat_none_as_null = true)]
pub(super) struct WebhookRow {
    pub(super) tenant_id: String,
    pub(super) id: String,
    pub(super) url: String,
    pub(super) events: JsonText,
    pub(super) description: String,
    pub(super) enabled: i64,
    pub(super) disabled_reason: Option<String>,
    pub(super) secret: String,
    pub(super) old_secret: Option<String>,
    pub(super) old_secret_until: Option<i64>,
    pub(super) version: i64,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) cursor: i64,
    pub(super) attempts: i64,
    pub(super) first_attempt_at: Option<i64>,
    pub(super) next_attempt_at: Option<i64>,
    pub(super) failing_since: Option<i64>,
    pub(super) has_parked: i64,
}

impl WebhookRow {
    pub(super) fn corrupt(&self, reason: impl ToString) -> CorruptRow {
        CorruptRow::new("webhooks", &self.id, reason)
    }

    pub(super) fn record(&self) -> Result<WebhookRecord, CorruptRow> {
        let events = self.events.parse().and_then(serde_json::from_value).map_err(|error| self.corrupt(error))?;
        Ok(WebhookRecord {
            id: self.id.parse().map_err(|error| self.corrupt(error))?,
            url: self.url.clone(),
            events,
            description: self.description.clone(),
            enabled: self.enabled != 0,
            disabled_reason: self.disabled_reason.as_deref().map(str::parse).transpose().map_err(|error| self.corrupt(error))?,
            old_secret_until: self.old_secret_until.map(Timestamp::from_millis),
            version: Version::new(self.version),
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
        })
    }

    pub(super) fn shown(&self) -> Result<WebhookShown, CorruptRow> {
        let progress = self.progress();
        let delivery = DeliveryProgress {
            revision: progress.cursor,
            failing_since: progress.failing_since,
            next_attempt_at: progress.next_attempt_at,
        };
        Ok(WebhookShown { record: self.record()?, delivery })
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            cursor: Revision::new(self.cursor),
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            first_attempt_at: self.first_attempt_at.map(Timestamp::from_millis),
            next_attempt_at: self.next_attempt_at.map(Timestamp::from_millis),
            failing_since: self.failing_since.map(Timestamp::from_millis),
            has_parked: self.has_parked != 0,
        }
    }

    pub(super) fn set_progress(&mut self, progress: &Progress) {
        self.cursor = progress.cursor.get();
        self.attempts = progress.attempts.into();
        self.first_attempt_at = progress.first_attempt_at.map(Timestamp::as_millis);
        self.next_attempt_at = progress.next_attempt_at.map(Timestamp::as_millis);
        self.failing_since = progress.failing_since.map(Timestamp::as_millis);
        self.has_parked = progress.has_parked.into();
    }

    /// The secrets that sign at this instant, the present one first.
    pub(super) fn secrets(&self, at: Timestamp) -> Vec<WebhookSecret> {
        let is_old_valid = self.old_secret_until.is_some_and(|until| at.as_millis() < until);
        let old = self.old_secret.as_ref().filter(|_| is_old_valid);
        std::iter::once(&self.secret).chain(old).map(WebhookSecret::from_base64).collect()
    }
}

/// The columns of a [`Progress`].
#[derive(AsChangeset)]
#[diesel(table_name = webhooks, treat_none_as_null = true)]
pub(super) struct ProgressColumns {
    cursor: i64,
    attempts: i64,
    first_attempt_at: Option<i64>,
    next_attempt_at: Option<i64>,
    failing_since: Option<i64>,
    has_parked: i64,
}

impl From<&Progress> for ProgressColumns {
    fn from(progress: &Progress) -> Self {
        Self {
            cursor: progress.cursor.get(),
            attempts: progress.attempts.into(),
            first_attempt_at: progress.first_attempt_at.map(Timestamp::as_millis),
            next_attempt_at: progress.next_attempt_at.map(Timestamp::as_millis),
            failing_since: progress.failing_since.map(Timestamp::as_millis),
            has_parked: progress.has_parked.into(),
        }
    }
}

pub(super) fn row(link: &mut Link<'_>, tenant: &TenantId, id: WebhookId) -> Result<Option<WebhookRow>, StoreError> {
    let wanted = webhooks::tenant_id.eq(tenant.as_str()).and(webhooks::id.eq(id.to_string()));
    Ok(on!(link, c => webhooks::table.filter(wanted).select(WebhookRow::as_select()).first(c).optional())?)
}

/// As [`row`], and nobody else writes it until the transaction ends. A change has the tenant to itself, but not this row: whoever delivers
/// writes into it how far it has come.
pub(super) fn locked_row(link: &mut Link<'_>, tenant: &TenantId, id: WebhookId) -> Result<Option<WebhookRow>, StoreError> {
    let wanted = webhooks::tenant_id.eq(tenant.as_str()).and(webhooks::id.eq(id.to_string()));
    let same = webhooks::version.eq(webhooks::version);
    Ok(
        on!(link, c => diesel::update(webhooks::table).filter(wanted).set(same).returning(WebhookRow::as_returning()).get_result(c).optional())?,
    )
}

/// Notes in the row, which is locked, that a target took something by hand, if the webhook has this version still.
///
/// A first event that is tried by its own schedule goes on with it: it may be the event that the target does not take.
pub(super) fn end_failing_in(link: &mut Link<'_>, row: &WebhookRow, version: Version) -> Result<(), StoreError> {
    let mut progress = row.progress();
    if row.version != version.get() || progress.failing_since.is_none() {
        return Ok(());
    }
    if progress.has_parked {
        progress.next_attempt_at = None;
    }
    (progress.failing_since, progress.has_parked) = (None, false);
    let mine = webhooks::tenant_id.eq(&row.tenant_id).and(webhooks::id.eq(&row.id));
    on!(link, c => diesel::update(webhooks::table).filter(mine).set(&ProgressColumns::from(&progress)).execute(c))?;
    Ok(())
}

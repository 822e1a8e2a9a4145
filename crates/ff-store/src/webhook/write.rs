//! What people set, changed like every other entity.

use diesel::prelude::*;
use ff_core::Timestamp;
use serde_json::Value;

use super::delivery::Pending;
use super::lease::Lease;
use super::row::{WebhookRow, locked_row, row};
use super::{
    DeliveryRecord, DisabledReason, Known, Progress, WebhookDraft, WebhookId, WebhookRecord, WebhookSecret, WebhookShown, delivery,
};
use crate::audit::{Action, Entity, Entry};
use crate::change::{Change, Outcome, Written};
use crate::connection::on;
use crate::document::JsonText;
use crate::error::StoreError;
use crate::schema::webhooks;
use crate::scope::{Revision, Version};

/// Webhooks that a tenant may have: each of them is a request for every change.
pub const WEBHOOKS_MAX: i64 = 50;

/// The webhook as this change sees it.
///
/// # Errors
/// [`Corrupt`](StoreError::Corrupt), and what every read may give.
pub fn find_in(change: &mut Change<'_>, id: WebhookId) -> Result<Option<WebhookRecord>, StoreError> {
    change.step(|change| {
        let tenant = change.tenant().clone();
        Ok(row(change.link(), &tenant, id)?.map(|row| row.record()).transpose()?)
    })
}

/// Creates a webhook that tells of every change after this one.
///
/// # Errors
/// [`Conflict`](StoreError::Conflict) for one too many, and what every write may give.
pub fn create_in(change: &mut Change<'_>, draft: WebhookDraft, secret: &WebhookSecret) -> Result<Written<WebhookShown>, StoreError> {
    change.step(|change| create(change, draft, secret))
}

fn create(change: &mut Change<'_>, draft: WebhookDraft, secret: &WebhookSecret) -> Result<Written<WebhookShown>, StoreError> {
    let (tenant, at) = (change.tenant().clone(), change.at().as_millis());
    let mine = webhooks::tenant_id.eq(tenant.as_str());
    let count: i64 = on!(change.link(), c => webhooks::table.filter(mine).count().get_result(c))?;
    if count >= WEBHOOKS_MAX {
        let message = format!("the tenant has {count} webhooks, and {WEBHOOKS_MAX} is the limit");
        return Err(StoreError::Conflict { code: "webhook_limit_reached", message, used_by: Vec::new() });
    }
    let mut row = WebhookRow {
        tenant_id: tenant.to_string(),
        id: WebhookId::new().to_string(),
        url: draft.url,
        events: json(&draft.events)?,
        description: draft.description,
        enabled: draft.enabled.into(),
        disabled_reason: None,
        secret: secret.expose_base64().to_owned(),
        old_secret: None,
        old_secret_until: None,
        version: Version::FIRST.get(),
        created_at: at,
        updated_at: at,
        cursor: 0,
        attempts: 0,
        first_attempt_at: None,
        next_attempt_at: None,
        failing_since: None,
        has_parked: 0,
    };
    row.set_progress(&Progress::starting_at(change.revision().next()));
    let lease = (webhooks::lease_until.eq(0), webhooks::lease_number.eq(0));
    on!(change.link(), c => diesel::insert_into(webhooks::table).values((&row, lease)).execute(c))?;
    let shown = row.shown()?;
    change.append(entry(None, Some(&shown.record))?)?;
    Ok(Written { outcome: Outcome::Created, record: shown, flags: Vec::new() })
}

/// Makes the webhook what `draft` says. What failed so far is tried again at once, or, if it is an event that the webhook does not want any more or
/// nothing is to be delivered, given up; one that is turned on tells of what changes from now on.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound), [`Corrupt`](StoreError::Corrupt), and what every write may give.
pub fn update_in(
    change: &mut Change<'_>,
    id: WebhookId,
    draft: WebhookDraft,
    wants: impl Fn(&str) -> bool,
) -> Result<Written<WebhookShown>, StoreError> {
    change.step(|change| {
        let (tenant, at, next) = (change.tenant().clone(), change.asked_at(), change.revision().next());
        let written = rewrite(change, id, |row| {
            let is_turned_on = draft.enabled && row.enabled == 0;
            row.url = draft.url;
            row.events = json(&draft.events)?;
            row.description = draft.description;
            row.enabled = draft.enabled.into();
            if draft.enabled {
                row.disabled_reason = None;
            }
            start_anew(row, if is_turned_on { next } else { Revision::new(row.cursor) });
            Ok(())
        })?;
        if written.outcome == Outcome::Updated {
            let is_on = written.record.record.enabled;
            delivery::settle_pending_in(change.link(), &tenant, id, |event| match is_on {
                false => Pending::GivenUp("given up when the webhook was turned off"),
                true if wants(event) => Pending::TriedAt(at),
                true => Pending::GivenUp("given up when `events` had it no longer"),
            })?;
        }
        Ok(written)
    })
}

/// Gives the webhook another secret; the present one signs beside it until `old_until`.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound), [`Corrupt`](StoreError::Corrupt), and what every write may give.
pub fn rotate_in(
    change: &mut Change<'_>,
    id: WebhookId,
    secret: &WebhookSecret,
    old_until: Timestamp,
) -> Result<Written<WebhookShown>, StoreError> {
    change.step(|change| {
        rewrite(change, id, |row| {
            row.old_secret = Some(std::mem::replace(&mut row.secret, secret.expose_base64().to_owned()));
            row.old_secret_until = Some(old_until.as_millis());
            Ok(())
        })
    })
}

/// Turns the webhook off on account of what its target did, if the lease still holds and the row is as it is known. Gives nothing otherwise,
/// and writes nothing.
///
/// # Errors
/// [`Corrupt`](StoreError::Corrupt), and what every write may give.
pub fn disable_in(
    change: &mut Change<'_>,
    lease: &Lease,
    known: Known,
    reason: DisabledReason,
    cursor: Revision,
    deliveries: &[DeliveryRecord],
) -> Result<Option<WebhookShown>, StoreError> {
    change.step(|change| {
        if !lease.is_held_in(change.link(), known)? {
            return Ok(None);
        }
        delivery::put_in(change.link(), lease, deliveries)?;
        let written = rewrite(change, lease.webhook(), |row| {
            row.enabled = 0;
            row.disabled_reason = Some(reason.to_string());
            start_anew(row, cursor);
            Ok(())
        })?;
        Ok(Some(written.record))
    })
}

/// Deletes the webhook with its secrets and all that is known of its deliveries.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound), [`Corrupt`](StoreError::Corrupt), and what every write may give.
pub fn delete_in(change: &mut Change<'_>, id: WebhookId) -> Result<WebhookRecord, StoreError> {
    change.step(|change| {
        let tenant = change.tenant().clone();
        let row = row(change.link(), &tenant, id)?.ok_or_else(|| StoreError::not_found(Entity::Webhook, id))?;
        let record = row.record()?;
        let mine = webhooks::tenant_id.eq(&row.tenant_id).and(webhooks::id.eq(&row.id));
        on!(change.link(), c => diesel::delete(webhooks::table.filter(mine)).execute(c))?;
        change.append(entry(Some(&record), None)?)?;
        Ok(record)
    })
}

/// The head of what waits is tried at once, as if for the first time.
fn start_anew(row: &mut WebhookRow, cursor: Revision) {
    row.set_progress(&Progress::starting_at(cursor));
}

fn rewrite(
    change: &mut Change<'_>,
    id: WebhookId,
    edit: impl FnOnce(&mut WebhookRow) -> Result<(), StoreError>,
) -> Result<Written<WebhookShown>, StoreError> {
    let (tenant, at) = (change.tenant().clone(), change.at());
    let mut row = locked_row(change.link(), &tenant, id)?.ok_or_else(|| StoreError::not_found(Entity::Webhook, id))?;
    let (before, secret_before) = (row.shown()?, row.secret.clone());
    edit(&mut row)?;
    if row.record()? == before.record && row.secret == secret_before {
        return Ok(Written { outcome: Outcome::Unchanged, record: before, flags: Vec::new() });
    }
    row.version = before.record.version.next().get();
    row.updated_at = at.as_millis();
    let mine = webhooks::tenant_id.eq(tenant.as_str()).and(webhooks::id.eq(id.to_string()));
    on!(change.link(), c => diesel::update(webhooks::table).filter(mine).set(&row).execute(c))?;
    let after = row.shown()?;
    change.append(entry(Some(&before.record), Some(&after.record))?)?;
    Ok(Written { outcome: Outcome::Updated, record: after, flags: Vec::new() })
}

fn json(events: &[String]) -> Result<JsonText, StoreError> {
    JsonText::of(events).map_err(|error| StoreError::Query(error.into()))
}

fn entry(before: Option<&WebhookRecord>, after: Option<&WebhookRecord>) -> Result<Entry, StoreError> {
    let id = after.or(before).map(|record| record.id.to_string()).unwrap_or_default();
    Ok(Entry {
        action: Action::of(before, after),
        entity: Entity::Webhook,
        entity_key: id.clone(),
        entity_id: id,
        environment: None,
        version: after.map(|record| record.version),
        before: document(before, None)?,
        after: document(after, before)?,
        elsewhere: None,
    })
}

/// The webhook as the audit log shows it, which more people may read than webhooks: of the URL, whose path may be a secret, only where it leads and
/// whether the rest is another one than before.
fn document(record: Option<&WebhookRecord>, before: Option<&WebhookRecord>) -> Result<Option<Value>, StoreError> {
    let Some(record) = record else { return Ok(None) };
    let is_other = before.is_some_and(|before| before.url != record.url && origin(&before.url) == origin(&record.url));
    let url = format!("{}/…{}", origin(&record.url), if is_other { " (changed)" } else { "" });
    Entry::document(Some(&WebhookRecord { url, ..record.clone() }))
}

/// Scheme, host and port.
fn origin(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(authority..).and_then(|rest| rest.find(['/', '?', '#']));
    url.get(..end.map_or(url.len(), |end| authority + end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_stands_before_the_path() {
        for (url, expected) in [
            ("https://example.com/secret", "https://example.com"),
            ("https://example.com:8443/a/b?c=d", "https://example.com:8443"),
            ("http://[::1]:80/x", "http://[::1]:80"),
            ("https://example.com", "https://example.com"),
            ("https://example.com?secret", "https://example.com"),
            ("https://bücher.example/ß", "https://bücher.example"),
            ("secret/x", "secret"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }
}

//! Who delivers: one server at a time holds a webhook's lease, and may write down how far it has come.
//!
//! A lease has a number, which grows with every owner. A server that was stopped, or cut off, for longer than its lease lasts finds
//! another number in the row when it comes back, and writes nothing: what it sent meanwhile is sent again by the other one.

use diesel::prelude::*;
use ff_core::{TenantId, Timestamp};

use super::{Known, WebhookId};
use crate::bookkeeping;
use crate::connection::{Link, on};
use crate::error::{CorruptRow, StoreError};
use crate::schema::{tenants, webhooks};
use crate::scope::{Revision, Version};
use crate::store::Store;

/// The right to deliver one webhook's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    tenant: TenantId,
    webhook: WebhookId,
    owner: String,
    number: i64,
}

/// A webhook that has something to deliver, and nobody else to do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub webhook: WebhookId,
    /// How far it has come.
    pub cursor: Revision,
    /// How far the tenant is.
    pub revision: Revision,
    /// Its version.
    pub version: Version,
}

impl Lease {
    /// Whose webhook.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Which webhook.
    pub fn webhook(&self) -> WebhookId {
        self.webhook
    }

    /// Writes down that it is held until then, and gives what the row says; none, if it is not held any more.
    pub(super) fn renew_in(&self, link: &mut Link<'_>, until: Timestamp) -> Result<Option<Known>, StoreError> {
        self.known_in(link, Some(until))
    }

    /// Whether it is held and the row is as it is known; locks the row until the transaction ends.
    pub(super) fn is_held_in(&self, link: &mut Link<'_>, known: Known) -> Result<bool, StoreError> {
        Ok(self.known_in(link, None)? == Some(known))
    }

    fn known_in(&self, link: &mut Link<'_>, until: Option<Timestamp>) -> Result<Option<Known>, StoreError> {
        let held = webhooks::tenant_id
            .eq(self.tenant.as_str())
            .and(webhooks::id.eq(self.webhook.to_string()))
            .and(webhooks::lease_owner.eq(&self.owner))
            .and(webhooks::lease_number.eq(self.number));
        let until = until.map(|until| webhooks::lease_until.eq(until.as_millis()));
        let columns = (webhooks::lease_number.eq(self.number), until);
        let known = (webhooks::version, webhooks::failing_since);
        let known: Option<(i64, Option<i64>)> =
            on!(link, c => diesel::update(webhooks::table).filter(held).set(columns).returning(known).get_result(c).optional())?;
        Ok(known.map(|(version, failing_since)| Known {
            version: Version::new(version),
            failing_since: failing_since.map(Timestamp::from_millis),
        }))
    }
}

/// The webhooks of all tenants that have something to deliver at `now` and that `owner` may deliver: its own, and those that nobody
/// has. Those that have waited longest since they were last served come first.
///
/// # Errors
/// What every read may give.
pub fn due(store: &Store, owner: &str, now: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
    let now = now.as_millis();
    let rows: Vec<(String, String, i64, i64, i64)> = store.read(|link| {
        let is_free = webhooks::lease_until.le(now).or(webhooks::lease_owner.eq(owner));
        let is_time = webhooks::next_attempt_at.is_null().or(webhooks::next_attempt_at.le(now));
        let has_more = webhooks::cursor.lt(tenants::revision);
        Ok(on!(link, c => webhooks::table
            .inner_join(tenants::table.on(tenants::id.eq(webhooks::tenant_id)))
            .filter(webhooks::enabled.eq(1).and(has_more).and(is_free).and(is_time))
            .select((webhooks::tenant_id, webhooks::id, webhooks::cursor, tenants::revision, webhooks::version))
            .order((webhooks::lease_until, webhooks::tenant_id, webhooks::id))
            .limit(limit.into())
            .load(c))?)
    })?;
    let read = |(tenant, id, cursor, revision, version): (String, String, i64, i64, i64)| {
        Ok(Due {
            tenant: tenant.parse().map_err(|error| CorruptRow::new("webhooks", &id, error))?,
            webhook: id.parse().map_err(|error| CorruptRow::new("webhooks", &id, error))?,
            cursor: Revision::new(cursor),
            revision: Revision::new(revision),
            version: Version::new(version),
        })
    };
    Ok(rows.into_iter().filter_map(|row| read(row).inspect_err(CorruptRow::log).ok()).collect())
}

/// Takes the leases of these webhooks until `until`, each if nobody else holds it at `now`.
///
/// # Errors
/// What every write may give; then none is taken.
pub fn claim(
    store: &Store,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
    wanted: &[(TenantId, WebhookId)],
) -> Result<Vec<Lease>, StoreError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    // Rows are locked in one order by all servers, or two of them could wait for each other.
    let mut wanted: Vec<_> = wanted.iter().collect();
    wanted.sort();
    bookkeeping::write(store, |link| {
        let mut leases = Vec::new();
        for (tenant, webhook) in wanted {
            let is_free = webhooks::lease_until.le(now.as_millis()).or(webhooks::lease_owner.eq(owner));
            let free = webhooks::tenant_id.eq(tenant.as_str()).and(webhooks::id.eq(webhook.to_string())).and(is_free);
            let taken = (
                webhooks::lease_owner.eq(owner),
                webhooks::lease_until.eq(until.as_millis()),
                webhooks::lease_number.eq(webhooks::lease_number + 1),
            );
            let number: Option<i64> = on!(link, c => diesel::update(webhooks::table)
                .filter(free)
                .set(taken)
                .returning(webhooks::lease_number)
                .get_result(c)
                .optional())?;
            leases.extend(number.map(|number| Lease { tenant: tenant.clone(), webhook: *webhook, owner: owner.to_owned(), number }));
        }
        Ok(leases)
    })
}

/// Gives these leases back, so that others need not wait until they run out.
///
/// # Errors
/// What every write may give.
pub fn release(store: &Store, leases: &[Lease]) -> Result<(), StoreError> {
    let mut leases: Vec<_> = leases.iter().collect();
    leases.sort_by_key(|lease| (&lease.tenant, lease.webhook));
    bookkeeping::write(store, |link| {
        for lease in leases {
            let held = webhooks::tenant_id
                .eq(lease.tenant.as_str())
                .and(webhooks::id.eq(lease.webhook.to_string()))
                .and(webhooks::lease_owner.eq(&lease.owner))
                .and(webhooks::lease_number.eq(lease.number));
            let free = (webhooks::lease_owner.eq(None::<String>), webhooks::lease_until.eq(0));
            on!(link, c => diesel::update(webhooks::table).filter(held).set(free).execute(c))?;
        }
        Ok(())
    })
}

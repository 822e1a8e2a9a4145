//! The log in the order of commits, for those who follow it: replicas, event streams, webhooks.

use std::collections::BTreeMap;

use diesel::prelude::*;
use ff_core::{EnvironmentKey, TenantId, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::row::AuditRow;
use super::{Action, AuditEntry, Entity};
use crate::change::Change;
use crate::connection::{Link, on};
use crate::document::JsonText;
use crate::error::{CorruptRow, StoreError};
use crate::schema::audit;
use crate::scope::Revision;
use crate::store::Store;

/// One change with everything that it did.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// The change, as the audit API shows it.
    pub entry: AuditEntry,
    /// What it did to a flag in other environments than [`AuditEntry::environment`]. A flag that is deleted is deleted in all of
    /// them, and that is not repeated here.
    pub elsewhere: BTreeMap<EnvironmentKey, View>,
}

/// An entity before and after a change, in its API form.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// None, if it was created.
    pub before: Option<Value>,
    /// None, if it was deleted.
    pub after: Option<Value>,
}

/// A change without the documents of what it did, which may be large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading {
    /// The tenant's revision that it made.
    pub revision: Revision,
    /// When, by the writer's clock.
    pub at: Timestamp,
    /// What was done to what; none, if the words are not known here: a later version of this program may have written them.
    pub kind: Option<(Entity, Action)>,
}

/// The headings of the tenant's changes that come after the revision `after`, oldest first, at most `limit`, without gaps.
///
/// # Errors
/// What every read may give.
pub fn headings(store: &Store, tenant: &TenantId, after: Revision, limit: u32) -> Result<Vec<Heading>, StoreError> {
    let rows: Vec<(i64, i64, String, String)> = store.read(|link| {
        let later = audit::tenant_id.eq(tenant.as_str()).and(audit::revision.gt(after.get()));
        Ok(on!(link, c => audit::table
            .filter(later)
            .select((audit::revision, audit::ts, audit::entity, audit::action))
            .order(audit::revision.asc())
            .limit(limit.into())
            .load(c))?)
    })?;
    let heading = |(revision, ts, entity, action): (i64, i64, String, String)| Heading {
        revision: Revision::new(revision),
        at: Timestamp::from_millis(ts),
        kind: entity.parse().ok().zip(action.parse().ok()),
    };
    Ok(rows.into_iter().map(heading).collect())
}

/// The change that made this revision; none, if there is none, or it does not parse.
///
/// # Errors
/// What every read may give.
pub fn entry(store: &Store, tenant: &TenantId, revision: Revision) -> Result<Option<Logged>, StoreError> {
    let before = Revision::new(revision.get().saturating_sub(1));
    Ok(after(store, tenant, before, 1)?.into_iter().find(|logged| logged.entry.revision == revision))
}

/// The tenant's changes that come after the revision `after`, oldest first, at most `limit`. What is there is there without gaps: a
/// transaction makes its revision visible together with all earlier ones. An entry that does not parse is left out and logged, and shows
/// as a gap in the revisions.
///
/// # Errors
/// What every read may give.
pub fn after(store: &Store, tenant: &TenantId, after: Revision, limit: u32) -> Result<Vec<Logged>, StoreError> {
    store.read(|link| read(link, tenant, after, limit))
}

/// The same inside a change, with what it has written so far.
///
/// # Errors
/// What every write may give.
pub fn after_in(change: &mut Change<'_>, after: Revision, limit: u32) -> Result<Vec<Logged>, StoreError> {
    let tenant = change.tenant().clone();
    change.step(|change| read(change.link(), &tenant, after, limit))
}

fn read(link: &mut Link<'_>, tenant: &TenantId, after: Revision, limit: u32) -> Result<Vec<Logged>, StoreError> {
    let later = audit::tenant_id.eq(tenant.as_str()).and(audit::revision.gt(after.get()));
    let rows: Vec<(AuditRow, Option<JsonText>)> = on!(link, c => audit::table
        .filter(later)
        .select((AuditRow::as_select(), audit::elsewhere))
        .order(audit::revision.asc())
        .limit(limit.into())
        .load(c))?;
    let logged = |(row, elsewhere): &(AuditRow, Option<JsonText>)| {
        let elsewhere = elsewhere.as_ref().map(|text| text.parse().and_then(serde_json::from_value)).transpose();
        Ok(Logged { entry: row.entry()?, elsewhere: elsewhere.map_err(|error| row.corrupt(error))?.unwrap_or_default() })
    };
    Ok(rows.iter().filter_map(|row| logged(row).inspect_err(CorruptRow::log).ok()).collect())
}

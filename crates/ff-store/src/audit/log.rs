//! The log in the order of commits, for those who follow it: replicas, event streams, webhooks.

use std::collections::BTreeMap;

use diesel::prelude::*;
use ff_core::{EnvironmentKey, TenantId};
use serde::Deserialize;
use serde_json::Value;

use super::AuditEntry;
use super::row::AuditRow;
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

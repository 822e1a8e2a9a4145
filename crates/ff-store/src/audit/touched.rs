//! Which entities changes touched, without what they did: entries may hold documents of megabytes.

use diesel::prelude::*;
use ff_core::{EnvironmentKey, TenantId};

use super::{Action, Entity};
use crate::connection::on;
use crate::error::{CorruptRow, StoreError};
use crate::schema::audit;
use crate::scope::Revision;
use crate::store::Store;

/// An entity that a change touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// The tenant's revision that the change made.
    pub revision: Revision,
    /// What was done.
    pub action: Action,
    /// To what.
    pub entity: Entity,
    /// Its key.
    pub entity_key: String,
    /// The environment in which it was done; none for segments.
    pub environment: Option<EnvironmentKey>,
    /// Whether other environments saw something of it too.
    pub is_elsewhere: bool,
}

#[derive(Queryable)]
struct TouchedRow {
    revision: i64,
    action: String,
    entity: String,
    entity_key: String,
    environment: Option<String>,
    is_elsewhere: bool,
}

impl TouchedRow {
    fn touched(self, tenant: &TenantId) -> Result<Touched, CorruptRow> {
        let corrupt = |reason: String| CorruptRow::new("audit", format!("{tenant}/{}", self.revision), reason);
        Ok(Touched {
            revision: Revision::new(self.revision),
            action: self.action.parse().map_err(|error| corrupt(format!("action {error}")))?,
            entity: self.entity.parse().map_err(|error| corrupt(format!("entity {error}")))?,
            environment: self.environment.as_deref().map(str::parse).transpose().map_err(|error| corrupt(format!("{error}")))?,
            entity_key: self.entity_key,
            is_elsewhere: self.is_elsewhere,
        })
    }
}

/// What the tenant's changes touched that come after the revision `after`, oldest first, at most `limit` of them. An entry that does
/// not parse is left out and logged, and shows as a gap in the revisions.
///
/// # Errors
/// What every read may give.
pub fn touched(store: &Store, tenant: &TenantId, after: Revision, limit: u32) -> Result<Vec<Touched>, StoreError> {
    let later = audit::tenant_id.eq(tenant.as_str()).and(audit::revision.gt(after.get()));
    let shown = (audit::revision, audit::action, audit::entity, audit::entity_key, audit::environment, audit::elsewhere.is_not_null());
    let rows: Vec<TouchedRow> = store.read(|link| {
        Ok(on!(link, c => audit::table.filter(later).select(shown).order(audit::revision.asc()).limit(limit.into()).load(c))?)
    })?;
    Ok(rows.into_iter().filter_map(|row| row.touched(tenant).inspect_err(CorruptRow::log).ok()).collect())
}

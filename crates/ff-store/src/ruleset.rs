//! Everything that a tenant's rulesets are compiled from, read at one revision.

use std::collections::HashMap;

use diesel::prelude::*;
use ff_core::{EnvironmentKey, Flag, Segment, TenantId};

use crate::change::Change;
use crate::connection::{Link, on};
use crate::environment;
use crate::error::{CorruptRow, StoreError};
use crate::flag::{ConfigRow, FlagRow, assemble};
use crate::schema::{flag_configs, flags, tenants};
use crate::scope::Revision;
use crate::segment;
use crate::store::Store;

/// A tenant's flags and segments at one revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The revision.
    pub revision: Revision,
    /// The environments by key, each with its flags by key. `production` is always among them.
    pub environments: Vec<(EnvironmentKey, Vec<Flag>)>,
    /// The segments by key.
    pub segments: Vec<Segment>,
    /// Rows that do not parse and are missing above.
    pub corrupt: Vec<CorruptRow>,
}

/// What the tenant's rulesets are compiled from. Rows that do not parse are left out, reported and logged.
///
/// # Errors
/// What every read may give.
pub fn load(store: &Store, tenant: &TenantId) -> Result<Snapshot, StoreError> {
    store.read(|link| link.consistently(|link| read(link, tenant)))
}

/// The same inside a change, with what it has written so far.
///
/// # Errors
/// What every write may give.
pub fn load_in(change: &mut Change<'_>) -> Result<Snapshot, StoreError> {
    let tenant = change.tenant().clone();
    change.step(|change| read(change.link(), &tenant))
}

/// Tenants in one question: SQLite takes 32,766 values in a statement.
const TENANTS_PER_STATEMENT: usize = 10_000;

/// The revision that each tenant is at, in the order in which they were asked for; 0 for one without a change.
///
/// # Errors
/// What every read may give.
pub fn revisions(store: &Store, wanted: &[TenantId]) -> Result<Vec<(TenantId, Revision)>, StoreError> {
    let known: HashMap<String, i64> = store.read(|link| {
        let mut known = HashMap::with_capacity(wanted.len());
        for chunk in wanted.chunks(TENANTS_PER_STATEMENT) {
            let ids = chunk.iter().map(TenantId::as_str);
            let rows: Vec<(String, i64)> =
                on!(link, c => tenants::table.filter(tenants::id.eq_any(ids)).select((tenants::id, tenants::revision)).load(c))?;
            known.extend(rows);
        }
        Ok(known)
    })?;
    Ok(wanted.iter().map(|tenant| (tenant.clone(), Revision::new(known.get(tenant.as_str()).copied().unwrap_or(0)))).collect())
}

fn read(link: &mut Link<'_>, tenant: &TenantId) -> Result<Snapshot, StoreError> {
    let revision: Option<i64> =
        on!(link, c => tenants::table.filter(tenants::id.eq(tenant.as_str())).select(tenants::revision).first(c).optional())?;
    let (known, mut corrupt) = environment::known(link, tenant)?;
    let mut rows = flag_rows(link, tenant)?;
    let mut environments = Vec::with_capacity(known.len());
    for environment in known {
        let mut flags = Vec::new();
        for (row, configs) in &mut rows {
            match configs.remove(&environment.id).map(|config| assemble(row, &config)) {
                Some(Ok(flag)) => flags.push(flag),
                // A definition that does not parse does so in every environment, but is one row.
                Some(Err(row)) if corrupt.contains(&row) => {}
                Some(Err(row)) => corrupt.push(row),
                None => corrupt.push(row.without_config(&environment.key)),
            }
        }
        environments.push((environment.key, flags));
    }
    if environments.is_empty() {
        environments.push((EnvironmentKey::production(), Vec::new()));
    }
    let (segments, corrupt_segments) = segment::all(link, tenant)?;
    corrupt.extend(corrupt_segments);
    corrupt.iter().for_each(CorruptRow::log);
    Ok(Snapshot { revision: Revision::new(revision.unwrap_or(0)), environments, segments, corrupt })
}

/// A definition with its configurations, by the environment's id.
type FlagRows = (FlagRow, HashMap<String, ConfigRow>);

/// The living flags by key.
fn flag_rows(link: &mut Link<'_>, tenant: &TenantId) -> Result<Vec<FlagRows>, StoreError> {
    let mine = flags::tenant_id.eq(tenant.as_str()).and(flags::deleted_at.is_null());
    let same_flag = flag_configs::tenant_id.eq(flags::tenant_id).and(flag_configs::flag_id.eq(flags::id));
    let rows: Vec<FlagRow> = on!(link, c => flags::table.filter(mine).select(FlagRow::as_select()).order(flags::key).load(c))?;
    let configs: Vec<ConfigRow> =
        on!(link, c => flags::table.inner_join(flag_configs::table.on(same_flag)).filter(mine).select(ConfigRow::as_select()).load(c))?;
    let mut by_flag: HashMap<String, HashMap<String, ConfigRow>> = HashMap::with_capacity(rows.len());
    for config in configs {
        by_flag.entry(config.flag_id.clone()).or_default().insert(config.environment_id.clone(), config);
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let configs = by_flag.remove(&row.id).unwrap_or_default();
            (row, configs)
        })
        .collect())
}

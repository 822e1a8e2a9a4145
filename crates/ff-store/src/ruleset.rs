//! Everything that a tenant's rulesets are compiled from, read at one revision.

use std::collections::HashMap;
use std::fmt;

use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use ff_core::{EnvironmentKey, Flag, Segment, TenantId};

use crate::audit::{self, Position};
use crate::change::Change;
use crate::connection::{Link, on};
use crate::environment::{self, Known};
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

/// What the tenant's rulesets are compiled from, all at once. Rows that do not parse are left out, reported and logged.
///
/// # Errors
/// What every read may give.
pub fn load(store: &Store, tenant: &TenantId) -> Result<Snapshot, StoreError> {
    read(store, tenant, Snapshot::of)
}

/// The same inside a change, with what it has written so far.
///
/// # Errors
/// What every write may give.
pub fn load_in(change: &mut Change<'_>) -> Result<Snapshot, StoreError> {
    read_in(change, Snapshot::of)
}

/// Lets `work` read what the tenant's rulesets are compiled from, piece by piece: flags that are compiled as they come
/// are not in memory all at once. Rows that do not parse are left out and logged.
///
/// `work` is done again where its connection was lost under it.
///
/// # Errors
/// What every read may give.
pub fn read<T>(store: &Store, tenant: &TenantId, work: impl Fn(&mut Reading<'_, '_>) -> T) -> Result<T, StoreError> {
    store.read(|link| link.consistently(|link| Reading::begin(link, tenant)?.carry_out(&work)))
}

/// The same inside a change, with what it has written so far.
///
/// # Errors
/// What every write may give.
pub fn read_in<T>(change: &mut Change<'_>, work: impl FnOnce(&mut Reading<'_, '_>) -> T) -> Result<T, StoreError> {
    let tenant = change.tenant().clone();
    change.step(|change| Reading::begin(change.link(), &tenant)?.carry_out(work))
}

/// Tenants in one question: SQLite takes 32,766 values in a statement.
const TENANTS_PER_STATEMENT: usize = 10_000;

/// The revision that each tenant is at, in the order in which they were asked for; 0 for one without a change.
///
/// # Errors
/// What every read may give.
pub fn revisions(store: &Store, wanted: &[TenantId]) -> Result<Vec<(TenantId, Revision)>, StoreError> {
    let revisions = |link: &mut Link<'_>, chunk: &[TenantId]| {
        let ids = chunk.iter().map(TenantId::as_str);
        let rows: Vec<(String, i64)> =
            on!(link, c => tenants::table.filter(tenants::id.eq_any(ids)).select((tenants::id, tenants::revision)).load(c))?;
        Ok(rows.into_iter().map(|(id, revision)| (id, Revision::new(revision))).collect())
    };
    of_each(store, wanted, Revision::ZERO, revisions)
}

/// The same, with which change made each of them. Costs some ten times as much, since it looks into the log for each tenant.
///
/// # Errors
/// What every read may give.
pub fn positions(store: &Store, wanted: &[TenantId]) -> Result<Vec<(TenantId, Position)>, StoreError> {
    of_each(store, wanted, Position::START, |link, chunk| audit::positions_of(link, chunk.iter().map(TenantId::as_str)))
}

/// What `read` gives for each tenant, in the order in which they were asked for; `missing` for one without a row.
fn of_each<T: Copy>(
    store: &Store,
    wanted: &[TenantId],
    missing: T,
    read: impl Fn(&mut Link<'_>, &[TenantId]) -> Result<Vec<(String, T)>, StoreError>,
) -> Result<Vec<(TenantId, T)>, StoreError> {
    let known: HashMap<String, T> = store.read(|link| {
        let mut known = HashMap::with_capacity(wanted.len());
        for chunk in wanted.chunks(TENANTS_PER_STATEMENT) {
            known.extend(read(link, chunk)?);
        }
        Ok(known)
    })?;
    Ok(wanted.iter().map(|tenant| (tenant.clone(), known.get(tenant.as_str()).copied().unwrap_or(missing))).collect())
}

/// A tenant's flags and segments at one revision, while they are read.
pub struct Reading<'r, 'c> {
    link: &'r mut Link<'c>,
    tenant: &'r TenantId,
    position: Position,
    environments: Vec<Known>,
    segments: Vec<Segment>,
    corrupt: Vec<CorruptRow>,
    corrupt_segments: Vec<CorruptRow>,
    failed: Option<StoreError>,
}

impl fmt::Debug for Reading<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("tenant", &self.tenant).field("position", &self.position).finish_non_exhaustive()
    }
}

impl<'r, 'c> Reading<'r, 'c> {
    fn begin(link: &'r mut Link<'c>, tenant: &'r TenantId) -> Result<Self, StoreError> {
        let position = audit::positions_of(link, std::iter::once(tenant.as_str()))?.pop().map_or(Position::START, |(_, position)| position);
        let (environments, corrupt) = environment::known(link, tenant)?;
        let (segments, corrupt_segments) = segment::all(link, tenant)?;
        Ok(Self { link, tenant, position, environments, segments, corrupt, corrupt_segments, failed: None })
    }

    fn carry_out<T>(mut self, work: impl FnOnce(&mut Self) -> T) -> Result<T, StoreError> {
        let result = work(&mut self);
        match self.failed {
            Some(error) => Err(error),
            None => {
                self.corrupt().for_each(CorruptRow::log);
                Ok(result)
            }
        }
    }

    /// Rows that do not parse, of those that were read.
    fn corrupt(&self) -> impl Iterator<Item = &CorruptRow> {
        self.corrupt.iter().chain(&self.corrupt_segments)
    }

    /// The revision.
    pub fn revision(&self) -> Revision {
        self.position.revision
    }

    /// That revision, and which change made it.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Whether what was at `former` is not part of this history: it is further than this one has come, or another change has made that
    /// revision. Nothing can be said where the log does not have it, nor where the database fails, and then all of the reading fails.
    pub fn contradicts(&mut self, former: Position) -> bool {
        if former.revision >= self.revision() {
            return former.revision > self.revision() || former.contradicts(self.position);
        }
        match audit::row_at(self.link, self.tenant, former.revision) {
            Ok(row) => former.contradicts(Position { revision: former.revision, change: row.map(|row| row.id()) }),
            Err(error) => {
                self.failed = Some(error);
                false
            }
        }
    }

    /// The segments by key.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The environments by key. `production` is always among them.
    pub fn environments(&self) -> Vec<EnvironmentKey> {
        let keys: Vec<_> = self.environments.iter().map(|known| known.key.clone()).collect();
        if keys.is_empty() { vec![EnvironmentKey::production()] } else { keys }
    }

    /// The flags of an environment by key. They end early where the database fails, and then all of the reading fails.
    pub fn flags<'f>(&'f mut self, environment: &EnvironmentKey) -> Flags<'f, 'r, 'c> {
        let environment = self.environments.iter().find(|known| known.key == *environment).cloned();
        Flags { has_more: environment.is_some(), reading: self, environment, page: Vec::new().into_iter(), after: String::new() }
    }
}

/// The flags of one environment, as they come from the database.
#[derive(Debug)]
pub struct Flags<'f, 'r, 'c> {
    reading: &'f mut Reading<'r, 'c>,
    environment: Option<Known>,
    page: std::vec::IntoIter<(FlagRow, Option<ConfigRow>)>,
    /// The last key of the page.
    after: String,
    has_more: bool,
}

/// Flags that are fetched together.
const FLAGS_PER_STATEMENT: i64 = 100;

impl Flags<'_, '_, '_> {
    fn fetch(&mut self, environment_id: &str) -> Result<(), StoreError> {
        let tenant = self.reading.tenant.as_str();
        let of_tenant = flags::tenant_id.eq(tenant).and(flags::deleted_at.is_null());
        let rows: Vec<FlagRow> = on!(self.reading.link, c => flags::table
            .filter(of_tenant.and(flags::key.gt(&self.after)))
            .select(FlagRow::as_select())
            .order(flags::key)
            .limit(FLAGS_PER_STATEMENT)
            .load(c))?;
        let configs = configs(self.reading.link, tenant, environment_id, rows.iter().map(|row| row.id.as_str()).collect())?;
        let mut configs: HashMap<String, ConfigRow> = configs.into_iter().map(|config| (config.flag_id.clone(), config)).collect();
        self.has_more = rows.len() as i64 == FLAGS_PER_STATEMENT;
        if let Some(last) = rows.last() {
            self.after.clone_from(&last.key);
        }
        let with_config = |row: FlagRow| {
            let config = configs.remove(&row.id);
            (row, config)
        };
        self.page = rows.into_iter().map(with_config).collect::<Vec<_>>().into_iter();
        Ok(())
    }
}

/// The configurations of these flags.
fn configs(link: &mut Link<'_>, tenant: &str, environment_id: &str, flag_ids: Vec<&str>) -> Result<Vec<ConfigRow>, StoreError> {
    Ok(match link {
        // Each by its primary key. Where PostgreSQL has no statistics yet, as after an import, it takes a tenant for one with a flag or
        // two, and reads all configurations of it for each page of a join or of a condition `IN`. `OFFSET 0` keeps it from that.
        Link::Postgres(c) => diesel::sql_query(
            "SELECT config.* FROM unnest($1) AS wanted (id) CROSS JOIN LATERAL (
                SELECT * FROM flag_configs WHERE tenant_id = $2 AND flag_id = wanted.id AND environment_id = $3 OFFSET 0) AS config",
        )
        .bind::<Array<Text>, _>(flag_ids)
        .bind::<Text, _>(tenant)
        .bind::<Text, _>(environment_id)
        .load(&mut **c)?,
        Link::Sqlite(c) => {
            let here = flag_configs::tenant_id.eq(tenant).and(flag_configs::environment_id.eq(environment_id));
            flag_configs::table.filter(here.and(flag_configs::flag_id.eq_any(flag_ids))).select(ConfigRow::as_select()).load(&mut **c)?
        }
    })
}

impl Iterator for Flags<'_, '_, '_> {
    type Item = Flag;

    fn next(&mut self) -> Option<Flag> {
        let environment = self.environment.take()?;
        let flag = loop {
            let row = match self.page.next() {
                Some((row, Some(config))) => assemble(&row, &config),
                Some((row, None)) => Err(row.without_config(&environment.key)),
                None if self.has_more => match self.fetch(&environment.id) {
                    Ok(()) => continue,
                    Err(error) => {
                        self.reading.failed = Some(error);
                        return None;
                    }
                },
                None => return None,
            };
            match row {
                Ok(flag) => break flag,
                // A definition that does not parse does so in every environment, and whoever reads twice meets it twice.
                Err(row) if self.reading.corrupt.contains(&row) => {}
                Err(row) => self.reading.corrupt.push(row),
            }
        };
        self.environment = Some(environment);
        Some(flag)
    }
}

impl Snapshot {
    fn of(reading: &mut Reading<'_, '_>) -> Self {
        let flags = |key: EnvironmentKey, reading: &mut Reading<'_, '_>| {
            let flags = reading.flags(&key).collect();
            (key, flags)
        };
        let environments = reading.environments().into_iter().map(|key| flags(key, reading)).collect();
        Self {
            revision: reading.revision(),
            environments,
            segments: reading.segments.clone(),
            corrupt: reading.corrupt().cloned().collect(),
        }
    }
}

//! Environments: the stages of a tenant.

use diesel::prelude::*;
use ff_core::{EnvironmentKey, TenantId, Timestamp};
use serde::Serialize;

use crate::audit::{Action, Entity, Entry};
use crate::change::{Change, Outcome, Written};
use crate::connection::{Link, on};
use crate::error::{CorruptRow, StoreError};
use crate::flag;
use crate::page::{Page, PageRequest, PageToken};
use crate::schema::{environments, flag_configs, flags};
use crate::store::Store;

/// An environment as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnvironmentRecord {
    /// Its name in the tenant.
    pub key: EnvironmentKey,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// When it was created. `production` of a tenant without a change was never created: 1970 stands there.
    pub created_at: Timestamp,
    /// When its name or description was last changed.
    pub updated_at: Timestamp,
}

/// An environment to create, or to give another name and description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentDraft {
    /// Its name in the tenant.
    pub key: EnvironmentKey,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = environments)]
struct EnvironmentRow {
    tenant_id: String,
    id: String,
    key: String,
    name: String,
    description: String,
    created_at: i64,
    updated_at: i64,
}

impl EnvironmentRow {
    fn new(tenant: &TenantId, draft: &EnvironmentDraft, at: Timestamp) -> Self {
        Self {
            tenant_id: tenant.to_string(),
            id: crate::change::new_id(),
            key: draft.key.to_string(),
            name: draft.name.clone(),
            description: draft.description.clone(),
            created_at: at.as_millis(),
            updated_at: at.as_millis(),
        }
    }

    fn key(&self) -> Result<EnvironmentKey, CorruptRow> {
        self.key.parse().map_err(|error| CorruptRow::new("environments", &self.id, error))
    }

    fn record(&self) -> Result<EnvironmentRecord, CorruptRow> {
        Ok(EnvironmentRecord {
            key: self.key()?,
            name: self.name.clone(),
            description: self.description.clone(),
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
        })
    }
}

/// `production` as it is before anyone has written it down.
fn implicit_production() -> EnvironmentRecord {
    EnvironmentRecord {
        key: EnvironmentKey::production(),
        name: production_draft().name,
        description: String::new(),
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
    }
}

fn production_draft() -> EnvironmentDraft {
    let key = EnvironmentKey::production();
    EnvironmentDraft { name: key.to_string(), key, description: String::new() }
}

/// The environment `key` of the tenant. `production` is there from the start.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound), and what every read may give.
pub fn find(store: &Store, tenant: &TenantId, key: &EnvironmentKey) -> Result<EnvironmentRecord, StoreError> {
    match store.read(|link| row(link, tenant, key))? {
        Some(row) => Ok(row.record()?),
        None if *key == EnvironmentKey::production() => Ok(implicit_production()),
        None => Err(StoreError::not_found(Entity::Environment, key)),
    }
}

/// The tenant's environments by key. `production` is always among them.
///
/// # Errors
/// [`PageToken`](StoreError::PageToken) for another list's token, and what every read may give.
pub fn list(store: &Store, tenant: &TenantId, page: &PageRequest) -> Result<Page<EnvironmentRecord>, StoreError> {
    let after = page.key()?;
    let rows: Vec<EnvironmentRow> = store.read(|link| {
        let mine = environments::tenant_id.eq(tenant.as_str()).and(environments::deleted_at.is_null());
        let mut rows = on!(link, c => environments::table.filter(mine).select(EnvironmentRow::as_select()).order(environments::key).into_boxed()
            .filter(environments::key.gt(after)).limit(page.limit.with_lookahead()).load(c))?;
        // Without a row from there on, the tenant had not written anything yet. A second look might see its first change.
        if rows.is_empty() && after < EnvironmentKey::production().as_str() {
            rows.push(EnvironmentRow::new(tenant, &production_draft(), Timestamp::EPOCH));
        }
        Ok(rows)
    })?;
    Ok(Page::cut(rows, page.limit, |row| PageToken::after_key(&row.key), |row| row.record().inspect_err(CorruptRow::log).ok()))
}

fn row(link: &mut Link<'_>, tenant: &TenantId, key: &EnvironmentKey) -> Result<Option<EnvironmentRow>, StoreError> {
    let wanted =
        environments::tenant_id.eq(tenant.as_str()).and(environments::key.eq(key.as_str())).and(environments::deleted_at.is_null());
    Ok(on!(link, c => environments::table.filter(wanted).select(EnvironmentRow::as_select()).first(c).optional())?)
}

/// A living environment, as other modules need it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) key: EnvironmentKey,
}

/// The living environments of a tenant by key, and the rows that are none.
pub(crate) fn known(link: &mut Link<'_>, tenant: &TenantId) -> Result<(Vec<Known>, Vec<CorruptRow>), StoreError> {
    let mine = environments::tenant_id.eq(tenant.as_str()).and(environments::deleted_at.is_null());
    let rows: Vec<EnvironmentRow> =
        on!(link, c => environments::table.filter(mine).select(EnvironmentRow::as_select()).order(environments::key).load(c))?;
    let (mut known, mut corrupt) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match row.key() {
            Ok(key) => known.push(Known { id: row.id, key }),
            Err(row) => corrupt.push(row),
        }
    }
    Ok((known, corrupt))
}

/// The id of the living environment `key`. `production` of a tenant without a change has none.
pub(crate) fn id(link: &mut Link<'_>, tenant: &TenantId, key: &EnvironmentKey) -> Result<Option<String>, StoreError> {
    match row(link, tenant, key)? {
        Some(row) => Ok(Some(row.id)),
        None if *key == EnvironmentKey::production() => Ok(None),
        None => Err(StoreError::not_found(Entity::Environment, key)),
    }
}

/// Writes `production` down: with the tenant's first change, and without an audit entry, since nobody asked for it.
pub(crate) fn create_production(link: &mut Link<'_>, tenant: &TenantId, at: Timestamp) -> Result<(), StoreError> {
    insert(link, &EnvironmentRow::new(tenant, &production_draft(), at))
}

fn insert(link: &mut Link<'_>, row: &EnvironmentRow) -> Result<(), StoreError> {
    on!(link, c => diesel::insert_into(environments::table).values(row).execute(c))?;
    Ok(())
}

/// Creates the environment with every living flag in it, off and without rules; or gives an existing one another name
/// and description. A new one's flags are in [`flags`](Written::flags).
///
/// # Errors
/// What every write may give.
pub fn create_in(change: &mut Change<'_>, draft: EnvironmentDraft) -> Result<Written<EnvironmentRecord>, StoreError> {
    change.step(|change| create(change, draft))
}

fn create(change: &mut Change<'_>, draft: EnvironmentDraft) -> Result<Written<EnvironmentRecord>, StoreError> {
    let tenant = change.tenant().clone();
    let at = change.at();
    let Some(old) = row(change.link(), &tenant, &draft.key)? else {
        let row = EnvironmentRow::new(&tenant, &draft, at);
        insert(change.link(), &row)?;
        let flags = flag::enter_environment(change.link(), &tenant, &Known { id: row.id.clone(), key: draft.key.clone() }, at)?;
        let record = row.record()?;
        change.append(entry(&row.id, None, Some(&record))?)?;
        return Ok(Written { outcome: Outcome::Created, record, flags: flags.into_iter().map(|flag| (draft.key.clone(), flag)).collect() });
    };
    let before = old.record()?;
    if before.name == draft.name && before.description == draft.description {
        return Ok(Written { outcome: Outcome::Unchanged, record: before, flags: Vec::new() });
    }
    let mine = environments::tenant_id.eq(tenant.as_str()).and(environments::id.eq(&old.id));
    let fields =
        (environments::name.eq(&draft.name), environments::description.eq(&draft.description), environments::updated_at.eq(at.as_millis()));
    on!(change.link(), c => diesel::update(environments::table).filter(mine).set(fields).execute(c))?;
    let after = EnvironmentRecord { name: draft.name, description: draft.description, updated_at: at, ..before.clone() };
    change.append(entry(&old.id, Some(&before), Some(&after))?)?;
    Ok(Written { outcome: Outcome::Updated, record: after, flags: Vec::new() })
}

/// Deletes the environment; its flags stay in the others. The key may be used again, for an environment that starts anew.
///
/// # Errors
/// [`Conflict`](StoreError::Conflict) for `production` and for an environment in which a flag is on,
/// [`NotFound`](StoreError::NotFound), and what every write may give.
pub fn delete_in(change: &mut Change<'_>, key: &EnvironmentKey) -> Result<EnvironmentRecord, StoreError> {
    change.step(|change| delete(change, key))
}

fn delete(change: &mut Change<'_>, key: &EnvironmentKey) -> Result<EnvironmentRecord, StoreError> {
    let tenant = change.tenant().clone();
    if *key == EnvironmentKey::production() {
        let message = "`production` is every tenant's first environment and cannot be deleted".to_owned();
        return Err(StoreError::Conflict { code: "environment_protected", message, used_by: Vec::new() });
    }
    let row = row(change.link(), &tenant, key)?.ok_or_else(|| StoreError::not_found(Entity::Environment, key))?;
    let used_by = flags_that_are_on(change.link(), &tenant, &row.id)?;
    if !used_by.is_empty() {
        let message = format!("environment `{key}` cannot be deleted while flags are on in it");
        return Err(StoreError::Conflict { code: "environment_in_use", message, used_by });
    }
    let record = row.record()?;
    let mine = environments::tenant_id.eq(tenant.as_str()).and(environments::id.eq(&row.id));
    let at = change.at().as_millis();
    on!(change.link(), c => diesel::update(environments::table).filter(mine).set(environments::deleted_at.eq(at)).execute(c))?;
    change.append(entry(&row.id, Some(&record), None)?)?;
    Ok(record)
}

fn flags_that_are_on(link: &mut Link<'_>, tenant: &TenantId, environment_id: &str) -> Result<Vec<String>, StoreError> {
    let on_here =
        flag_configs::tenant_id.eq(tenant.as_str()).and(flag_configs::environment_id.eq(environment_id)).and(flag_configs::state.eq("on"));
    let join = flags::table
        .on(flags::tenant_id.eq(flag_configs::tenant_id).and(flags::id.eq(flag_configs::flag_id)).and(flags::deleted_at.is_null()));
    Ok(on!(link, c => flag_configs::table.inner_join(join).filter(on_here).select(flags::key).order(flags::key).load(c))?)
}

fn entry(id: &str, before: Option<&EnvironmentRecord>, after: Option<&EnvironmentRecord>) -> Result<Entry, StoreError> {
    let key = after.or(before).map(|record| record.key.clone());
    Ok(Entry {
        action: Action::of(before, after),
        entity: Entity::Environment,
        entity_key: key.as_ref().map(ToString::to_string).unwrap_or_default(),
        entity_id: id.to_owned(),
        environment: key,
        version: None,
        before: Entry::document(before)?,
        after: Entry::document(after)?,
        elsewhere: None,
    })
}

//! Flags: a definition for the tenant and a configuration for each environment, shown as one.

mod row;
mod write;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use ff_core::{EnvironmentKey, Flag, FlagKey, State, Timestamp};
use serde::Serialize;
use serde_json::Value;

pub(crate) use self::row::{ConfigRow, FlagRow, assemble, json_text};
pub(crate) use self::write::enter_environment;
pub use self::write::{delete_in, put_in};
use crate::audit::{Entity, Entry};
use crate::change::Change;
use crate::connection::{Link, on};
use crate::dsn::Backend;
use crate::environment;
use crate::error::{CorruptRow, StoreError};
use crate::page::{Page, PageRequest, PageToken};
use crate::schema::{flag_configs, flags};
use crate::scope::{Scope, Version};
use crate::search;
use crate::store::Store;

/// A flag in one environment, as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlagRecord {
    /// A UUID; the same in all environments, another one for a flag that was deleted and created again.
    pub id: String,
    /// What it is and how it behaves here.
    #[serde(flatten)]
    pub flag: Flag,
    /// Where.
    pub environment: EnvironmentKey,
    /// Which state of it this is, in this environment.
    pub version: Version,
    /// When the flag was created.
    pub created_at: Timestamp,
    /// When it became what it is here.
    pub updated_at: Timestamp,
}

impl FlagRecord {
    fn read(row: &FlagRow, config: &ConfigRow, environment: &EnvironmentKey) -> Result<Self, CorruptRow> {
        Ok(Self {
            id: row.id.clone(),
            flag: assemble(row, config)?,
            environment: environment.clone(),
            version: Version::new(config.version),
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(config.updated_at),
        })
    }
}

/// Which flags are wanted; what is not given does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagFilter {
    /// On or off in the scope's environment.
    pub state: Option<State>,
    /// Stands, whatever the case, in the key, the name or the description. Nothing in it is a wildcard.
    pub q: Option<String>,
    /// One of the flag's tags.
    pub tag: Option<String>,
}

/// The living flag `key`, as it is in the scope's environment.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound) for the flag or the environment, [`Corrupt`](StoreError::Corrupt), and what every
/// read may give.
pub fn find(store: &Store, scope: &Scope, key: &FlagKey) -> Result<FlagRecord, StoreError> {
    let found = store.read(|link| match environment::id(link, &scope.tenant, &scope.environment)? {
        Some(environment_id) => row::find(link, &scope.tenant, &environment_id, key),
        None => Ok(None),
    })?;
    let (row, config) = found.ok_or_else(|| StoreError::not_found(Entity::Flag, key))?;
    Ok(FlagRecord::read(&row, &config, &scope.environment)?)
}

/// The living flag `key` inside a change; none, if there is no such flag.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound) for the environment, [`Corrupt`](StoreError::Corrupt), and what every write may give.
pub fn find_in(change: &mut Change<'_>, environment: &EnvironmentKey, key: &FlagKey) -> Result<Option<FlagRecord>, StoreError> {
    change.step(|change| {
        let tenant = change.tenant().clone();
        let Some(environment_id) = environment::id(change.link(), &tenant, environment)? else {
            return Ok(None);
        };
        let found = row::find(change.link(), &tenant, &environment_id, key)?;
        Ok(found.map(|(row, config)| FlagRecord::read(&row, &config, environment)).transpose()?)
    })
}

/// The living flag `key` in its API form, for the history.
pub(crate) fn document(link: &mut Link<'_>, scope: &Scope, key: &FlagKey) -> Result<Option<Value>, StoreError> {
    let Some(environment_id) = environment::id(link, &scope.tenant, &scope.environment)? else {
        return Ok(None);
    };
    let Some((row, config)) = row::find(link, &scope.tenant, &environment_id, key)? else {
        return Ok(None);
    };
    Entry::document(Some(&FlagRecord::read(&row, &config, &scope.environment)?))
}

/// The living flags of the scope that `filter` lets through, by key. Rows that do not parse are logged and left out.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound) for the environment, [`PageToken`](StoreError::PageToken) for another list's token,
/// and what every read may give.
pub fn list(store: &Store, scope: &Scope, filter: &FlagFilter, page: &PageRequest) -> Result<Page<FlagRecord>, StoreError> {
    let after = page.key()?;
    let rows = store.read(|link| match environment::id(link, &scope.tenant, &scope.environment)? {
        Some(environment_id) => select(link, scope, &environment_id, filter, after, page.limit.with_lookahead()),
        None => Ok(Vec::new()),
    })?;
    let record =
        |(row, config): (FlagRow, ConfigRow)| FlagRecord::read(&row, &config, &scope.environment).inspect_err(CorruptRow::log).ok();
    Ok(Page::cut(rows, page.limit, |(row, _)| PageToken::after_key(&row.key), record))
}

fn select(
    link: &mut Link<'_>,
    scope: &Scope,
    environment_id: &str,
    filter: &FlagFilter,
    after: &str,
    limit: i64,
) -> Result<Vec<(FlagRow, ConfigRow)>, StoreError> {
    let pattern = match &filter.q {
        Some(q) => match search::pattern(q) {
            Some(pattern) => Some(pattern),
            None => return Ok(Vec::new()),
        },
        None => None,
    };
    if filter.tag.as_ref().is_some_and(|tag| tag.contains('\0')) {
        return Ok(Vec::new());
    }
    let (tag_head, tag_tail) = has_tag(link.backend());
    let same_flag = flag_configs::tenant_id.eq(flags::tenant_id).and(flag_configs::flag_id.eq(flags::id));
    let wanted = flags::tenant_id
        .eq(scope.tenant.as_str())
        .and(flags::deleted_at.is_null())
        .and(flag_configs::environment_id.eq(environment_id))
        .and(flags::key.gt(after));
    Ok(on!(link, c => {
        let joined = flags::table.inner_join(flag_configs::table.on(same_flag));
        let mut query = joined.select((FlagRow::as_select(), ConfigRow::as_select())).into_boxed().filter(wanted);
        if let Some(state) = filter.state {
            query = query.filter(flag_configs::state.eq(row::state_text(state)));
        }
        if let Some(pattern) = pattern {
            query = query.filter(flags::search_text.like(pattern).escape('\\'));
        }
        if let Some(tag) = &filter.tag {
            query = query.filter(sql::<Bool>(tag_head).bind::<Text, _>(tag).sql(tag_tail));
        }
        query.order(flags::key).limit(limit).load(c)
    })?)
}

/// "One of the tags is …": each database has functions of its own to look into a list. The tag goes between the two.
fn has_tag(backend: Backend) -> (&'static str, &'static str) {
    match backend {
        Backend::Postgres => ("flags.tags @> jsonb_build_array(", "::text)"),
        Backend::Sqlite => ("EXISTS (SELECT 1 FROM json_each(flags.tags) AS tag WHERE tag.value = ", ")"),
    }
}

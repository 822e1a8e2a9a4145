//! Writing flags: one definition, a configuration in every environment, one audit entry.

use diesel::prelude::*;
use ff_core::{Configuration, Definition, EnvironmentKey, Flag, FlagKey, TenantId, Timestamp};
use serde_json::{Map, Value, json};

use super::row::{self, ConfigRow, FlagRow};
use super::{FlagRecord, assemble};
use crate::audit::{Action, Entity, Entry};
use crate::change::{Change, Outcome, Written, new_id};
use crate::connection::{Link, on};
use crate::document::as_stored;
use crate::environment::{self, Known};
use crate::error::{CorruptRow, StoreError};
use crate::schema::{flag_configs, flags};
use crate::scope::Version;

/// Rows of one statement: 10 values each, and SQLite takes 32,766 values in one.
const ROWS_PER_STATEMENT: usize = 1_000;

/// Creates the flag, or makes it what `flag` says.
///
/// A new flag is configured as given in `environment`, and off and without rules in the others. Where what all environments
/// share has changed, the others adopt it: a new variant has weight 0 there. [`flags`](Written::flags) holds the flag as
/// every environment has it now, where that changed.
///
/// # Errors
/// [`Conflict`](StoreError::Conflict) `variant_in_use`, if a variant is gone that another environment uses;
/// [`NotFound`](StoreError::NotFound) for the environment, [`Corrupt`](StoreError::Corrupt), and what every write may give.
pub fn put_in(change: &mut Change<'_>, environment: &EnvironmentKey, flag: Flag) -> Result<Written<FlagRecord>, StoreError> {
    change.step(|change| put(change, environment, stored_form(flag)?))
}

fn put(change: &mut Change<'_>, environment: &EnvironmentKey, flag: Flag) -> Result<Written<FlagRecord>, StoreError> {
    let tenant = change.tenant().clone();
    let (known, _) = environment::known(change.link(), &tenant)?;
    let here =
        known.iter().find(|known| known.key == *environment).ok_or_else(|| StoreError::not_found(Entity::Environment, environment))?;
    match row::living(change.link(), &tenant, flag.key())? {
        None => create(change, &known, here, flag),
        Some(row) => update(change, &known, here, &row, flag),
    }
}

/// The flag as it will be read back, which also proves that it can be.
fn stored_form(flag: Flag) -> Result<Flag, StoreError> {
    Flag::from_value(&as_stored(flag.to_value())).map_err(|faults| CorruptRow::new("flags", flag.key().as_str(), faults).into())
}

/// How the flag changes in the view of one environment.
struct View {
    before: Option<FlagRecord>,
    after: FlagRecord,
}

fn create(change: &mut Change<'_>, known: &[Known], here: &Known, flag: Flag) -> Result<Written<FlagRecord>, StoreError> {
    let (tenant, at, id) = (change.tenant().clone(), change.at(), new_id());
    let (definition, given) = flag.split();
    let row = FlagRow::new(&tenant, &id, &definition, at)?;
    on!(change.link(), c => diesel::insert_into(flags::table).values(&row).execute(c))?;
    let (mut configs, mut views) = (Vec::with_capacity(known.len()), Vec::with_capacity(known.len()));
    for environment in known {
        let configuration = if environment.id == here.id { given.clone() } else { given.initial() };
        configs.push(ConfigRow::new((&tenant, &id, &environment.id), &configuration, Version::FIRST, at)?);
        let after = FlagRecord {
            id: id.clone(),
            flag: join(&definition, configuration)?,
            environment: environment.key.clone(),
            version: Version::FIRST,
            created_at: at,
            updated_at: at,
        };
        views.push(View { before: None, after });
    }
    insert_configs(change.link(), &configs)?;
    record(change, Outcome::Created, here, views)
}

fn update(change: &mut Change<'_>, known: &[Known], here: &Known, row: &FlagRow, flag: Flag) -> Result<Written<FlagRecord>, StoreError> {
    let (tenant, at) = (change.tenant().clone(), change.at());
    let configs = row::configs(change.link(), &tenant, &row.id)?;
    let read = |environment: &Known| {
        let config =
            configs.iter().find(|config| config.environment_id == environment.id).ok_or_else(|| row.without_config(&environment.key))?;
        FlagRecord::read(row, config, &environment.key)
    };
    let before = read(here)?;
    if before.flag == flag {
        return Ok(Written { outcome: Outcome::Unchanged, record: before, flags: Vec::new() });
    }
    let (definition, given) = flag.split();
    let mut changes = Vec::new();
    if before.flag.clone().split().0 != definition {
        let elsewhere = known.iter().filter(|environment| environment.id != here.id);
        let elsewhere: Vec<_> = elsewhere.map(|environment| Ok((environment, read(environment)?))).collect::<Result<_, CorruptRow>>()?;
        changes = adopt(elsewhere, &definition)?;
        update_definition(change.link(), &FlagRow::new(&tenant, &row.id, &definition, before.created_at)?)?;
    }
    changes.push((here, before, given));

    let mut views = Vec::with_capacity(changes.len());
    for (environment, before, configuration) in changes {
        let version = before.version.next();
        update_config(change.link(), &ConfigRow::new((&tenant, &row.id, &environment.id), &configuration, version, at)?)?;
        let after = FlagRecord { flag: join(&definition, configuration)?, version, updated_at: at, ..before.clone() };
        views.push(View { before: Some(before), after });
    }
    record(change, Outcome::Updated, here, views)
}

/// What the other environments make of a changed definition; refused, if one of them uses a variant that is gone.
fn adopt<'a>(
    elsewhere: Vec<(&'a Known, FlagRecord)>,
    definition: &Definition,
) -> Result<Vec<(&'a Known, FlagRecord, Configuration)>, StoreError> {
    let (mut adopted, mut used_by) = (Vec::with_capacity(elsewhere.len() + 1), Vec::new());
    for (environment, before) in elsewhere {
        let (_, configuration) = before.flag.clone().split();
        match configuration.adopted(definition) {
            Ok(configuration) => adopted.push((environment, before, configuration)),
            Err(uses) => {
                used_by.extend(uses.iter().map(|used| format!("`{}` in environment `{}`: {}", used.variant, environment.key, used.by)))
            }
        }
    }
    if used_by.is_empty() {
        return Ok(adopted);
    }
    let message = format!("a variant that another environment uses cannot be removed: {}", used_by.join("; "));
    Err(StoreError::Conflict { code: "variant_in_use", message, used_by })
}

/// Appends the change to the log as the environment `here` sees it, with the other views beside it.
fn record(change: &mut Change<'_>, outcome: Outcome, here: &Known, views: Vec<View>) -> Result<Written<FlagRecord>, StoreError> {
    let mut flags: Vec<_> = views.iter().map(|view| (view.after.environment.clone(), view.after.flag.clone())).collect();
    flags.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut elsewhere = Map::new();
    let mut shown = None;
    for view in views {
        if view.after.environment == here.key {
            shown = Some(view);
        } else {
            let (before, after) = (Entry::document(view.before.as_ref())?, Entry::document(Some(&view.after))?);
            elsewhere.insert(view.after.environment.to_string(), json!({ "before": before, "after": after }));
        }
    }
    let View { before, after } = shown.ok_or_else(|| StoreError::not_found(Entity::Environment, &here.key))?;
    change.append(Entry {
        action: Action::of(before.as_ref(), Some(&after)),
        entity: Entity::Flag,
        entity_key: after.flag.key().to_string(),
        entity_id: after.id.clone(),
        environment: Some(here.key.clone()),
        version: Some(after.version),
        before: Entry::document(before.as_ref())?,
        after: Entry::document(Some(&after))?,
        elsewhere: (!elsewhere.is_empty()).then_some(Value::Object(elsewhere)),
    })?;
    Ok(Written { outcome, record: after, flags })
}

/// Deletes the flag in all environments. Its history stays; a flag that is created with this key later is another one.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound), [`Corrupt`](StoreError::Corrupt), and what every write may give.
pub fn delete_in(change: &mut Change<'_>, environment: &EnvironmentKey, key: &FlagKey) -> Result<FlagRecord, StoreError> {
    change.step(|change| delete(change, environment, key))
}

fn delete(change: &mut Change<'_>, environment: &EnvironmentKey, key: &FlagKey) -> Result<FlagRecord, StoreError> {
    let record = super::find_in(change, environment, key)?.ok_or_else(|| StoreError::not_found(Entity::Flag, key))?;
    let tenant = change.tenant().clone();
    let at = change.at().as_millis();
    let mine = flags::tenant_id.eq(tenant.as_str()).and(flags::id.eq(&record.id));
    on!(change.link(), c => diesel::update(flags::table).filter(mine).set(flags::deleted_at.eq(at)).execute(c))?;
    change.append(Entry {
        action: Action::Deleted,
        entity: Entity::Flag,
        entity_key: key.to_string(),
        entity_id: record.id.clone(),
        environment: Some(environment.clone()),
        version: None,
        before: Entry::document(Some(&record))?,
        after: None,
        elsewhere: None,
    })?;
    Ok(record)
}

/// Gives every living flag a configuration in a new environment, and the flags as they are there. A flag that does not
/// parse gets one too, but is not among them.
pub(crate) fn enter_environment(link: &mut Link<'_>, tenant: &TenantId, new: &Known, at: Timestamp) -> Result<Vec<Flag>, StoreError> {
    let Some(production) = environment::id(link, tenant, &EnvironmentKey::production())? else {
        return Ok(Vec::new());
    };
    let same_flag = flag_configs::tenant_id.eq(flags::tenant_id).and(flag_configs::flag_id.eq(flags::id));
    let wanted = flags::tenant_id.eq(tenant.as_str()).and(flags::deleted_at.is_null()).and(flag_configs::environment_id.eq(&production));
    let rows: Vec<(FlagRow, ConfigRow)> = on!(link, c => flags::table.inner_join(flag_configs::table.on(same_flag)).filter(wanted)
        .select((FlagRow::as_select(), ConfigRow::as_select())).order(flags::key).load(c))?;
    let (rows, configs): (Vec<_>, Vec<_>) = rows.into_iter().map(|(row, config)| (row, config.initial(&new.id, at))).unzip();
    insert_configs(link, &configs)?;
    Ok(rows.iter().zip(&configs).filter_map(|(row, config)| assemble(row, config).inspect_err(CorruptRow::log).ok()).collect())
}

fn insert_configs(link: &mut Link<'_>, configs: &[ConfigRow]) -> Result<(), StoreError> {
    for configs in configs.chunks(ROWS_PER_STATEMENT) {
        on!(link, c => diesel::insert_into(flag_configs::table).values(configs).execute(c))?;
    }
    Ok(())
}

fn update_definition(link: &mut Link<'_>, row: &FlagRow) -> Result<(), StoreError> {
    let mine = flags::tenant_id.eq(&row.tenant_id).and(flags::id.eq(&row.id));
    on!(link, c => diesel::update(flags::table).filter(mine).set(row).execute(c))?;
    Ok(())
}

fn update_config(link: &mut Link<'_>, row: &ConfigRow) -> Result<(), StoreError> {
    let mine = flag_configs::tenant_id
        .eq(&row.tenant_id)
        .and(flag_configs::flag_id.eq(&row.flag_id))
        .and(flag_configs::environment_id.eq(&row.environment_id));
    on!(link, c => diesel::update(flag_configs::table).filter(mine).set(row).execute(c))?;
    Ok(())
}

/// The two levels of a flag that were just made for each other.
fn join(definition: &Definition, configuration: Configuration) -> Result<Flag, StoreError> {
    let fits = "its definition and its configuration have different variants";
    Flag::join(definition.clone(), configuration).ok_or_else(|| CorruptRow::new("flags", definition.key.as_str(), fits).into())
}

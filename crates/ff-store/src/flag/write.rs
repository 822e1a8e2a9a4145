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
    let tenant = change.tenant().clone();
    let flag = stored_form(flag)?;
    let (known, _) = environment::known(change.link(), &tenant)?;
    let here =
        known.iter().position(|known| known.key == *environment).ok_or_else(|| StoreError::not_found(Entity::Environment, environment))?;
    match row::living(change.link(), &tenant, &flag.key)? {
        None => create(change, &known, here, flag),
        Some(row) => update(change, &known, here, &row, flag),
    }
}

/// The flag as it will be read back, which also proves that it can be.
fn stored_form(flag: Flag) -> Result<Flag, StoreError> {
    Flag::from_value(&as_stored(flag.to_value())).map_err(|faults| CorruptRow::new("flags", flag.key.as_str(), faults).into())
}

/// How one environment's view of the flag changes.
struct Turn {
    before: Option<FlagRecord>,
    after: FlagRecord,
}

fn create(change: &mut Change<'_>, known: &[Known], here: usize, flag: Flag) -> Result<Written<FlagRecord>, StoreError> {
    let (tenant, at, id) = (change.tenant().clone(), change.at(), new_id());
    let (definition, given) = flag.split();
    let row = FlagRow::new(&tenant, &id, &definition, at)?;
    on!(change.link(), c => diesel::insert_into(flags::table).values(&row).execute(c))?;
    let (mut configs, mut turns) = (Vec::with_capacity(known.len()), Vec::with_capacity(known.len()));
    for (i, environment) in known.iter().enumerate() {
        let configuration = if i == here { given.clone() } else { given.initial() };
        configs.push(ConfigRow::new((&tenant, &id, &environment.id), &configuration, Version::FIRST, at)?);
        let after = FlagRecord {
            id: id.clone(),
            flag: join(&definition, configuration)?,
            environment: environment.key.clone(),
            version: Version::FIRST,
            created_at: at,
            updated_at: at,
        };
        turns.push(Turn { before: None, after });
    }
    insert_configs(change.link(), &configs)?;
    finish(change, Outcome::Created, here, turns)
}

fn update(change: &mut Change<'_>, known: &[Known], here: usize, row: &FlagRow, flag: Flag) -> Result<Written<FlagRecord>, StoreError> {
    let (tenant, at) = (change.tenant().clone(), change.at());
    let configs = row::configs(change.link(), &tenant, &row.id)?;
    let config_of = |environment: &Known| configs.iter().find(|config| config.environment_id == environment.id);
    let missing = |environment: &Known| CorruptRow::new("flags", &row.id, format!("there is no configuration for `{}`", environment.key));
    let Some(environment) = known.get(here) else {
        return Err(StoreError::not_found(Entity::Environment, ""));
    };
    let config = config_of(environment).ok_or_else(|| missing(environment))?;
    let before = FlagRecord::read(row, config, &environment.key)?;
    if before.flag == flag {
        return Ok(Written { outcome: Outcome::Unchanged, record: before, flags: Vec::new() });
    }

    let (old_definition, _) = before.flag.clone().split();
    let (definition, given) = flag.split();
    let mut turns = vec![(config, before, given)];
    if definition != old_definition {
        let created_at = Timestamp::from_millis(row.created_at);
        update_definition(change.link(), &FlagRow::new(&tenant, &row.id, &definition, created_at)?)?;
        let mut in_use = Vec::new();
        for (i, environment) in known.iter().enumerate().filter(|(i, _)| *i != here) {
            let config = config_of(environment).ok_or_else(|| missing(environment))?;
            let before = FlagRecord::read(row, config, &environment.key)?;
            let (_, configuration) = before.flag.clone().split();
            match configuration.adopted(&definition) {
                Ok(adopted) => turns.push((config, before, adopted)),
                Err(uses) => in_use.extend(uses.iter().map(|u| format!("`{}` in environment `{}`: {}", u.variant, environment.key, u.by))),
            }
            debug_assert_ne!(i, here);
        }
        if !in_use.is_empty() {
            let message = format!("a variant that another environment uses cannot be removed: {}", in_use.join("; "));
            return Err(StoreError::Conflict { code: "variant_in_use", message, used_by: in_use });
        }
    }

    let mut written = Vec::with_capacity(turns.len());
    for (config, before, configuration) in turns {
        let version = before.version.next();
        let target = (&tenant, row.id.as_str(), config.environment_id.as_str());
        update_config(change.link(), &ConfigRow::new(target, &configuration, version, at)?)?;
        let after = FlagRecord { flag: join(&definition, configuration)?, version, updated_at: at, ..before.clone() };
        written.push(Turn { before: Some(before), after });
    }
    finish(change, Outcome::Updated, 0, written)
}

/// Records the change as the environment at `here` in `turns` sees it, with the others' views beside it.
fn finish(change: &mut Change<'_>, outcome: Outcome, here: usize, mut turns: Vec<Turn>) -> Result<Written<FlagRecord>, StoreError> {
    let flags = turns.iter().map(|turn| (turn.after.environment.clone(), turn.after.flag.clone())).collect();
    let Turn { before, after } = turns.swap_remove(here);
    let mut elsewhere = Map::new();
    for Turn { before, after } in &turns {
        elsewhere.insert(
            after.environment.to_string(),
            json!({ "before": Entry::document(before.as_ref())?, "after": Entry::document(Some(after))? }),
        );
    }
    change.append(Entry {
        action: if before.is_some() { Action::Updated } else { Action::Created },
        entity: Entity::Flag,
        entity_key: after.flag.key.to_string(),
        entity_id: after.id.clone(),
        environment: Some(after.environment.clone()),
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

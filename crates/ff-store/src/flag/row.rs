//! Flag rows ↔ flags. Rows are not trusted: what they hold is read with the same checks as what comes over HTTP.

use std::collections::BTreeMap;

use diesel::prelude::*;
use ff_core::{Configuration, Definition, EnvironmentKey, Faults, Flag, FlagKey, State, TenantId, Timestamp, VariantKey, Weight};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::connection::{Link, on};
use crate::document::JsonText;
use crate::error::{CorruptRow, StoreError};
use crate::schema::{flag_configs, flags};
use crate::scope::Version;
use crate::search::search_text;

/// A row of `flags`: the definition.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = flags, primary_key(tenant_id, id), treat_none_as_null = true)]
pub(crate) struct FlagRow {
    pub(crate) tenant_id: String,
    pub(crate) id: String,
    pub(crate) key: String,
    name: String,
    description: String,
    kind: String,
    variants: JsonText,
    tags: JsonText,
    owner: Option<String>,
    metadata: JsonText,
    search_text: String,
    pub(crate) created_at: i64,
}

/// A row of `flag_configs`: the configuration in one environment.
#[derive(Debug, Clone, Queryable, QueryableByName, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = flag_configs, primary_key(tenant_id, flag_id, environment_id), treat_none_as_null = true)]
pub(crate) struct ConfigRow {
    pub(crate) tenant_id: String,
    pub(crate) flag_id: String,
    pub(crate) environment_id: String,
    pub(super) state: String,
    weights: JsonText,
    off_variant: String,
    pub(super) rules: JsonText,
    salt: Option<String>,
    pub(crate) version: i64,
    pub(crate) updated_at: i64,
}

/// An item of `weights`: its order is the one that bucketing goes by.
#[derive(Serialize)]
struct Share<'a> {
    variant: &'a VariantKey,
    weight: Weight,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShare {
    variant: String,
    weight: Value,
}

pub(super) fn state_text(state: State) -> &'static str {
    match state {
        State::On => "on",
        State::Off => "off",
    }
}

impl FlagRow {
    pub(super) fn new(tenant: &TenantId, id: &str, definition: &Definition, created_at: Timestamp) -> Result<Self, StoreError> {
        let Definition { key, name, description, kind, variants, tags, owner, metadata } = definition;
        Ok(Self {
            tenant_id: tenant.to_string(),
            id: id.to_owned(),
            key: key.to_string(),
            name: name.clone(),
            description: description.clone(),
            kind: kind.name().to_owned(),
            variants: json_text(variants)?,
            tags: json_text(tags)?,
            owner: owner.clone(),
            metadata: json_text(metadata)?,
            search_text: search_text([key.as_str(), name, description]),
            created_at: created_at.as_millis(),
        })
    }

    fn corrupt(&self, reason: impl ToString) -> CorruptRow {
        CorruptRow::new("flags", &self.id, reason)
    }

    /// The row lacks its other half in a living environment.
    pub(crate) fn without_config(&self, environment: &EnvironmentKey) -> CorruptRow {
        self.corrupt(format!("there is no configuration for `{environment}`"))
    }
}

impl ConfigRow {
    pub(super) fn new(
        (tenant, flag_id, environment_id): (&TenantId, &str, &str),
        configuration: &Configuration,
        version: Version,
        updated_at: Timestamp,
    ) -> Result<Self, StoreError> {
        let Configuration { state, weights, off_variant, rules, salt } = configuration;
        let weights: Vec<_> = weights.iter().map(|(variant, weight)| Share { variant, weight: *weight }).collect();
        Ok(Self {
            tenant_id: tenant.to_string(),
            flag_id: flag_id.to_owned(),
            environment_id: environment_id.to_owned(),
            state: state_text(*state).to_owned(),
            weights: json_text(&weights)?,
            off_variant: off_variant.to_string(),
            rules: json_text(rules)?,
            salt: salt.clone(),
            version: version.get(),
            updated_at: updated_at.as_millis(),
        })
    }

    /// What a flag starts with in a new environment, given how it is configured in `production`: as
    /// [`Configuration::initial`] has it, but for rows that do not parse too, so that a damaged one stands in nobody's way.
    pub(super) fn initial(self, environment_id: &str, at: Timestamp) -> Self {
        Self {
            environment_id: environment_id.to_owned(),
            state: state_text(State::Off).to_owned(),
            rules: JsonText::empty_list(),
            version: Version::FIRST.get(),
            updated_at: at.as_millis(),
            ..self
        }
    }

    pub(super) fn corrupt(&self, reason: impl ToString) -> CorruptRow {
        CorruptRow::new("flag_configs", format!("{}/{}", self.flag_id, self.environment_id), reason)
    }
}

pub(crate) fn json_text(value: &(impl Serialize + ?Sized)) -> Result<JsonText, StoreError> {
    JsonText::of(value).map_err(|error| StoreError::Query(error.into()))
}

/// The flag of a definition and a configuration, or which of the two rows does not parse.
pub(crate) fn assemble(row: &FlagRow, config: &ConfigRow) -> Result<Flag, CorruptRow> {
    let of_flag = |column: &str, text: &JsonText| text.parse().map_err(|error| row.corrupt(format!("{column}: {error}")));
    let of_config = |column: &str, text: &JsonText| text.parse().map_err(|error| config.corrupt(format!("{column}: {error}")));
    let values: BTreeMap<String, Value> =
        serde_json::from_value(of_flag("variants", &row.variants)?).map_err(|error| row.corrupt(error))?;
    let shares: Vec<RawShare> = serde_json::from_value(of_config("weights", &config.weights)?).map_err(|error| config.corrupt(error))?;
    let variants = join_variants(values, shares).map_err(|reason| config.corrupt(reason))?;
    let document = json!({
        "key": row.key, "name": row.name, "description": row.description, "type": row.kind, "variants": variants,
        "tags": of_flag("tags", &row.tags)?, "owner": row.owner, "metadata": of_flag("metadata", &row.metadata)?,
        "state": config.state, "off_variant": config.off_variant, "rules": of_config("rules", &config.rules)?, "salt": config.salt,
    });
    Flag::from_value(&document).map_err(|faults| if is_about_config(&faults) { config.corrupt(faults) } else { row.corrupt(faults) })
}

fn join_variants(mut values: BTreeMap<String, Value>, shares: Vec<RawShare>) -> Result<Vec<Value>, String> {
    let mut variants = Vec::with_capacity(shares.len());
    for RawShare { variant, weight } in shares {
        let value = values.remove(&variant).ok_or_else(|| format!("weights: the flag has no variant `{variant}`, or it stands twice"))?;
        variants.push(json!({ "key": variant, "weight": weight, "value": value }));
    }
    match values.keys().next() {
        Some(variant) => Err(format!("weights: there is none for the variant `{variant}`")),
        None => Ok(variants),
    }
}

/// Whether the first fault lies in a field that the configuration holds.
fn is_about_config(faults: &Faults) -> bool {
    let pointer = faults.as_slice().first().map_or("", |fault| fault.pointer.as_str());
    let (field, rest) = pointer.strip_prefix('/').and_then(|path| path.split_once('/')).unwrap_or((pointer.trim_start_matches('/'), ""));
    match field {
        "state" | "off_variant" | "rules" | "salt" => true,
        // `variants` as a whole is at fault where the weights' sum is.
        "variants" => rest.is_empty() || rest.ends_with("/weight"),
        _ => false,
    }
}

/// The definition of the living flag `key`.
pub(super) fn living(link: &mut Link<'_>, tenant: &TenantId, key: &FlagKey) -> Result<Option<FlagRow>, StoreError> {
    let wanted = flags::tenant_id.eq(tenant.as_str()).and(flags::key.eq(key.as_str())).and(flags::deleted_at.is_null());
    Ok(on!(link, c => flags::table.filter(wanted).select(FlagRow::as_select()).first(c).optional())?)
}

/// Both levels of the living flag `key`.
pub(super) fn find(
    link: &mut Link<'_>,
    tenant: &TenantId,
    environment_id: &str,
    key: &FlagKey,
) -> Result<Option<(FlagRow, ConfigRow)>, StoreError> {
    let same_flag = flag_configs::tenant_id.eq(flags::tenant_id).and(flag_configs::flag_id.eq(flags::id));
    let wanted = flags::tenant_id
        .eq(tenant.as_str())
        .and(flags::key.eq(key.as_str()))
        .and(flags::deleted_at.is_null())
        .and(flag_configs::environment_id.eq(environment_id));
    Ok(on!(link, c => flags::table.inner_join(flag_configs::table.on(same_flag)).filter(wanted)
        .select((FlagRow::as_select(), ConfigRow::as_select())).first(c).optional())?)
}

/// The flag's configurations in all environments, deleted ones too.
pub(super) fn configs(link: &mut Link<'_>, tenant: &TenantId, flag_id: &str) -> Result<Vec<ConfigRow>, StoreError> {
    let mine = flag_configs::tenant_id.eq(tenant.as_str()).and(flag_configs::flag_id.eq(flag_id));
    Ok(on!(link, c => flag_configs::table.filter(mine).select(ConfigRow::as_select()).load(c))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> (FlagRow, ConfigRow) {
        let flag = Flag::from_value(&json!({
            "key": "f", "type": "number", "variants": [{"key": "b", "weight": 1, "value": 1.5}, {"key": "a", "weight": 0, "value": 2}],
            "rules": [{"id": "r", "rollout": {"variant": "a"}}], "state": "on", "tags": ["t"], "owner": "o", "metadata": {"m": 1}, "salt": "s",
        }))
        .unwrap();
        let tenant = "t".parse().unwrap();
        let (definition, configuration) = flag.split();
        let row = FlagRow::new(&tenant, "id", &definition, Timestamp::EPOCH).unwrap();
        (row, ConfigRow::new((&tenant, "id", "env"), &configuration, Version::FIRST, Timestamp::EPOCH).unwrap())
    }

    #[test]
    fn a_flag_comes_back_from_its_rows() {
        let (row, config) = rows();
        let flag = assemble(&row, &config).unwrap();
        assert_eq!(flag.variants()[0].key.as_str(), "b", "the order is the configuration's");
        let (definition, configuration) = flag.split();
        assert_eq!(FlagRow::new(&"t".parse().unwrap(), "id", &definition, Timestamp::EPOCH).unwrap().variants, row.variants);
        assert_eq!(definition.owner.as_deref(), Some("o"));
        assert_eq!(configuration.salt.as_deref(), Some("s"));
    }

    #[test]
    fn a_new_environment_starts_as_the_engine_says() {
        let (row, config) = rows();
        let (_, configuration) = assemble(&row, &config).unwrap().split();
        let (_, initial) = assemble(&row, &config.initial("other", Timestamp::EPOCH)).unwrap().split();
        assert_eq!(initial, configuration.initial());
    }

    #[test]
    fn damage_is_found_in_the_row_that_has_it() {
        let (row, config) = rows();
        let text = |json: &str| JsonText::of(&serde_json::from_str::<Value>(json).unwrap()).unwrap();
        let of_flag = [
            FlagRow { kind: "colour".into(), ..row.clone() },
            FlagRow { variants: text("[]"), ..row.clone() },
            FlagRow { variants: text(r#"{"a": "x", "b": 1}"#), ..row.clone() },
            FlagRow { tags: text("[1]"), ..row.clone() },
            FlagRow { key: "no key".into(), ..row.clone() },
        ];
        for flag in of_flag {
            assert_eq!(assemble(&flag, &config).unwrap_err().table, "flags", "{flag:?}");
        }
        let of_config = [
            ConfigRow { state: "maybe".into(), ..config.clone() },
            ConfigRow { rules: text(r#"[{"id": "r"}]"#), ..config.clone() },
            ConfigRow { weights: text(r#"[{"variant": "a", "weight": 1}]"#), ..config.clone() },
            ConfigRow { weights: text(r#"[{"variant": "a", "weight": 0}, {"variant": "b", "weight": 0}]"#), ..config.clone() },
            ConfigRow { weights: text(r#"[{"variant": "a", "weight": -1}, {"variant": "b", "weight": 1}]"#), ..config.clone() },
            ConfigRow { weights: text(r#"[{"variant": "a", "weight": 1}, {"variant": "a", "weight": 1}]"#), ..config.clone() },
            ConfigRow { off_variant: "c".into(), ..config.clone() },
        ];
        for config in of_config {
            let corrupt = assemble(&row, &config).unwrap_err();
            assert_eq!((corrupt.table, corrupt.id.as_str()), ("flag_configs", "id/env"), "{config:?}");
        }
    }
}

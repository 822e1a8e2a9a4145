//! Flags, as the API shows them in one environment.

mod fields;
mod variants;

use std::collections::BTreeMap;

use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::variants::Variant;
use self::variants::{default_off_variant, finish_variants, on_and_off, read_variants};
use super::condition::{Condition, keep, plain_number, read_percentage, read_salt};
use super::rule::{Rule, UnnamedRule};
use super::scalar::{Scalar, list};
use super::weight::Weight;
use crate::fault::{Faults, Findings, Place};
use crate::json::{Json, unknown};
use crate::key::{FlagKey, VariantKey};
use crate::limits::{DESCRIPTION_LENGTH_MAX, METADATA_MAX, NAME_LENGTH_MAX, RULES_MAX, TAGS_MAX};

/// A named decision with typed variants, in one environment.
///
/// Made by reading JSON or by [`Flag::builder`], changed by [`Flag::revised`]: whatever way it came, it passed the same checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    /// Its name in the tenant.
    pub(crate) key: FlagKey,
    /// For people; the key, where none is given.
    pub(crate) name: String,
    /// For people.
    pub(crate) description: String,
    /// The type of its values (`type` in JSON).
    pub(crate) kind: FlagType,
    /// Whether it evaluates or answers `off_variant` to everyone.
    pub(crate) state: State,
    /// The possible outcomes with the weights that hold where no rule does. At least one; their order is part of the
    /// bucketing contract.
    pub(crate) variants: Vec<Variant>,
    /// The outcome while the flag is off; one of `variants`.
    pub(crate) off_variant: VariantKey,
    /// Tried in order; the first that holds decides.
    pub(crate) rules: Vec<Rule>,
    /// Replaces the key in bucketing, so that users can be dealt anew or alike for several flags.
    pub(crate) salt: Option<String>,
    /// For finding it.
    pub(crate) tags: Vec<String>,
    /// Who looks after it.
    pub(crate) owner: Option<String>,
    /// Whatever else its users want to keep with it.
    pub(crate) metadata: BTreeMap<String, Scalar>,
}

/// The type that all values of a flag have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FlagType {
    /// `true` or `false`.
    Boolean,
    /// Text; a variant without a value has its key as value.
    String,
    /// A number, shown in the form in which it was written.
    Number,
    /// Any JSON but `null`.
    Json,
}

/// Whether a flag evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Rules and weights decide.
    On,
    /// Everyone gets the off variant.
    Off,
}

const FIELDS: [&str; 13] = [
    "key",
    "name",
    "description",
    "type",
    "state",
    "variants",
    "off_variant",
    "rules",
    "salt",
    "tags",
    "owner",
    "metadata",
    "rollout_percentage",
];

/// Fields that answers show and requests may repeat; they are never taken from a request.
pub(super) const READ_ONLY: [&str; 7] = ["id", "environment", "version", "created_at", "updated_at", "revision", "warnings"];

impl Flag {
    /// Reads a flag from JSON text. Fields that are left out get their defaults.
    ///
    /// # Errors
    /// Text that is not JSON, or every fault of the document with its pointer.
    pub fn from_json(text: &str) -> Result<Self, Faults> {
        crate::read::from_text(text, Self::read)
    }

    /// Reads a flag from a JSON value. Fields that are left out get their defaults.
    ///
    /// # Errors
    /// Every fault of the document with its pointer.
    pub fn from_value(value: &Value) -> Result<Self, Faults> {
        crate::read::from_value(value, Self::read)
    }

    /// This flag with some of its fields replaced: those that `changes` names. Fields left out keep their value, `null`
    /// gives a field its default back, and rules without an id keep the id of the rule with the same content.
    ///
    /// # Errors
    /// Every fault of the changed document, and a `key` that differs, since a key is a flag's identity.
    pub fn revised(&self, changes: &Value) -> Result<Self, Faults> {
        let Value::Object(changes) = changes else {
            return Self::from_value(changes);
        };
        let mut merged = self.to_fields();
        merged.remove("rollout_percentage");
        let mut changes = changes.clone();
        match changes.get("rollout_percentage") {
            None => {}
            // `null` means no word about it.
            Some(Value::Null) => drop(changes.remove("rollout_percentage")),
            Some(given) => {
                let is_shown = self.rollout_percentage().is_some_and(|shown| given.as_f64() == Some(shown));
                let has_variants = changes.get("variants").is_some_and(|variants| !variants.is_null());
                if is_shown && has_variants {
                    // What was shown is sent back next to the variants: the weights are the newer word.
                    changes.remove("rollout_percentage");
                } else if !has_variants || changes.get("variants").is_some_and(|variants| self.has_these(variants)) {
                    // The percentage is new, the weights are not.
                    changes.remove("variants");
                    if let Some(Value::Array(variants)) = merged.get_mut("variants") {
                        variants.iter_mut().filter_map(Value::as_object_mut).for_each(|v| drop(v.remove("weight")));
                    }
                }
            }
        }
        merged.extend(changes);
        crate::read::from_value(&Value::Object(merged), |json, at, found| {
            let flag = Self::read_after(json, &self.rules, at, found)?;
            if flag.key != self.key {
                found.add(&at.field("key"), format!("a flag's key cannot be changed; this one is `{}`", self.key));
            }
            Some(flag)
        })
    }

    /// Whether `variants`, as JSON, are those that this flag has, whatever the form of their numbers.
    fn has_these(&self, variants: &Value) -> bool {
        let same = |(sent, own): (&Value, &Variant)| {
            sent.get("key").and_then(Value::as_str) == Some(own.key.as_str())
                && sent.get("weight").and_then(Value::as_f64) == Some(own.weight.get())
                && sent.get("value") == Some(&own.value)
        };
        variants.as_array().is_some_and(|sent| sent.len() == self.variants.len() && sent.iter().zip(&self.variants).all(same))
    }

    /// The flag in its JSON form, without the read-only fields.
    pub fn to_value(&self) -> Value {
        Value::Object(self.to_fields())
    }

    fn to_fields(&self) -> serde_json::Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields,
            // A struct with text keys always becomes an object.
            _ => serde_json::Map::new(),
        }
    }

    pub(crate) fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        Self::read_after(json, &[], at, found)
    }

    fn read_after(json: &Json<'_>, former_rules: &[Rule], at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let mut is_right = true;
        let (mut key, mut name, mut description, mut kind, mut state, mut variants) = (None, None, None, None, None, None);
        let (mut off_variant, mut rules, mut salt, mut tags, mut owner, mut metadata, mut percentage) =
            (None, None, None, None, None, None, None);
        let fields = json.fields(at, found)?;
        for (field, json) in fields {
            let here = &at.field(field);
            is_right &= match (*field, json) {
                (name, Json::Null) if FIELDS.contains(&name) => true,
                ("key", json) => keep(&mut key, json.key(here, found)),
                ("name", json) => keep(&mut name, json.short_string(NAME_LENGTH_MAX, here, found)),
                ("description", json) => keep(&mut description, json.short_string(DESCRIPTION_LENGTH_MAX, here, found)),
                ("type", json) => keep(&mut kind, FlagType::read(json, here, found)),
                ("state", json) => keep(&mut state, State::read(json, here, found)),
                ("variants", json) => keep(&mut variants, read_variants(json, here, found)),
                ("off_variant", json) => keep(&mut off_variant, json.key::<VariantKey>(here, found)),
                ("rules", json) => keep(&mut rules, read_rules(json, here, found)),
                ("salt", json) => keep(&mut salt, read_salt(json, here, found)),
                ("tags", json) => keep(&mut tags, read_tags(json, here, found)),
                ("owner", json) => keep(&mut owner, json.short_string(NAME_LENGTH_MAX, here, found)),
                ("metadata", json) => keep(&mut metadata, read_metadata(json, here, found)),
                ("rollout_percentage", json) => keep(&mut percentage, read_percentage(json, here, found)),
                (name, _) if READ_ONLY.contains(&name) => true,
                (name, _) => {
                    unknown(name, &FIELDS, at, found);
                    false
                }
            };
        }
        if !fields.iter().any(|(name, value)| *name == "key" && *value != Json::Null) {
            found.add(&at.field("key"), "is required");
        }

        // What can still be checked is, so that one answer lists all faults.
        let was_given = |wanted: &str| fields.iter().any(|(name, value)| *name == wanted && *value != Json::Null);
        let kind = kind.or_else(|| (!was_given("type")).then_some(FlagType::String));
        let at_variants = at.field("variants");
        let variants = match (variants, kind) {
            (Some(unweighted), Some(kind)) => finish_variants(unweighted, kind, percentage, at, found),
            (None, Some(FlagType::Boolean)) if !was_given("variants") => Some(on_and_off(percentage.unwrap_or(100.0))),
            (None, _) if !was_given("variants") => {
                found.add(&at_variants, "is required; only a boolean flag has variants of its own accord");
                None
            }
            _ => None,
        };
        if kind.is_some_and(|kind| kind != FlagType::Boolean) && was_given("rollout_percentage") {
            found.add(&at.field("rollout_percentage"), "is for boolean flags only; give the variants weights instead");
        }
        let rules = rules.map(|rules| UnnamedRule::name_all(rules, former_rules, &at.field("rules"), found));
        if let (Some(variants), Some(rules)) = (&variants, &rules) {
            let at_rules = at.field("rules");
            for (i, rule) in rules.iter().enumerate() {
                rule.rollout.check(variants, &at_rules.item(i).field("rollout"), found);
            }
        }
        if let Some(rules) = &rules {
            Condition::check_size(rules.iter().map(|rule| &rule.when), &at.field("rules"), found);
        }
        if let (Some(variants), Some(off)) = (&variants, &off_variant)
            && variants.iter().all(|v| v.key != *off)
        {
            found.add(&at.field("off_variant"), format!("the flag has no variant `{off}`"));
        }
        if !is_right {
            return None;
        }
        let (key, variants): (FlagKey, Vec<Variant>) = (key?, variants?);
        let off_variant = off_variant.or_else(|| default_off_variant(&variants))?;
        Some(Self {
            name: name.unwrap_or_else(|| key.as_str().to_owned()),
            key,
            description: description.unwrap_or_default(),
            kind: kind?,
            state: state.unwrap_or(State::Off),
            variants,
            off_variant,
            rules: rules.unwrap_or_default(),
            salt,
            tags: tags.unwrap_or_default(),
            owner,
            metadata: metadata.unwrap_or_default(),
        })
    }

    /// For a boolean flag with one `true` and one `false` variant: the share of `true`, in per cent.
    pub fn rollout_percentage(&self) -> Option<f64> {
        let (on, off) = self.true_and_false()?;
        let sum = on.get() + off.get();
        // Weights that were given in per cent are shown as they were given, without the error of a division.
        Some(if (sum - 100.0).abs() < 1e-9 { on.get() } else { 100.0 * (on.get() / sum) })
    }

    fn true_and_false(&self) -> Option<(Weight, Weight)> {
        match (self.kind, self.variants.as_slice()) {
            (FlagType::Boolean, [a, b]) if a.value == Value::Bool(true) && b.value == Value::Bool(false) => Some((a.weight, b.weight)),
            (FlagType::Boolean, [a, b]) if a.value == Value::Bool(false) && b.value == Value::Bool(true) => Some((b.weight, a.weight)),
            _ => None,
        }
    }
}

fn read_rules(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Vec<UnnamedRule>> {
    list(json.array(at, found)?, RULES_MAX, at, found, UnnamedRule::read)
}

fn read_tags(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Vec<String>> {
    let tags = list(json.array(at, found)?, TAGS_MAX, at, found, |json, at, found| json.short_string(NAME_LENGTH_MAX, at, found))?;
    for (i, tag) in tags.iter().enumerate() {
        if tag.is_empty() {
            found.add(&at.item(i), "a tag must not be empty");
        }
        if tags.iter().take(i).any(|other| other == tag) {
            found.add(&at.item(i), format!("the tag {tag:?} stands twice"));
        }
    }
    Some(tags)
}

fn read_metadata(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<BTreeMap<String, Scalar>> {
    let fields = json.fields(at, found)?;
    if fields.len() > METADATA_MAX {
        found.add(at, format!("must have at most {METADATA_MAX} entries, got {}", fields.len()));
    }
    let mut metadata = BTreeMap::new();
    for (name, json) in fields {
        let here = &at.field(name);
        if name.is_empty() || name.len() > NAME_LENGTH_MAX || name.contains('\0') {
            found.add(here, format!("a name in metadata must have 1 to {NAME_LENGTH_MAX} bytes, none of them 0"));
        }
        if let Some(value) = Scalar::read(json, here, found) {
            metadata.insert((*name).to_owned(), value);
        }
    }
    (metadata.len() == fields.len()).then_some(metadata)
}

impl FlagType {
    /// The type's name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Number => "number",
            Self::Json => "json",
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Boolean => value.is_boolean(),
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Json => !value.is_null(),
        }
    }

    fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let kind = match json.string(at, found)? {
            "boolean" => Self::Boolean,
            "string" => Self::String,
            "number" => Self::Number,
            "json" => Self::Json,
            other => {
                found.add(at, format!("must be `boolean`, `string`, `number` or `json`, got {other:?}"));
                return None;
            }
        };
        Some(kind)
    }
}

impl State {
    /// The state's name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }

    /// Whether the flag evaluates.
    pub fn is_on(self) -> bool {
        self == Self::On
    }

    fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        match json.string(at, found)? {
            "on" => Some(Self::On),
            "off" => Some(Self::Off),
            other => {
                found.add(at, format!("must be `on` or `off`, got {other:?}"));
                None
            }
        }
    }
}

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let percentage = self.rollout_percentage();
        let mut out = serializer.serialize_struct("Flag", 12 + usize::from(percentage.is_some()))?;
        out.serialize_field("key", &self.key)?;
        out.serialize_field("name", &self.name)?;
        out.serialize_field("description", &self.description)?;
        out.serialize_field("type", &self.kind)?;
        out.serialize_field("state", &self.state)?;
        out.serialize_field("variants", &self.variants)?;
        if let Some(percentage) = percentage {
            out.serialize_field("rollout_percentage", &plain_number(percentage))?;
        }
        out.serialize_field("off_variant", &self.off_variant)?;
        out.serialize_field("rules", &self.rules)?;
        out.serialize_field("salt", &self.salt)?;
        out.serialize_field("tags", &self.tags)?;
        out.serialize_field("owner", &self.owner)?;
        out.serialize_field("metadata", &self.metadata)?;
        out.end()
    }
}

#[cfg(test)]
mod tests;

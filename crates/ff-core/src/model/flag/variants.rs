//! A flag's variants: read, completed, and checked against its type and percentage.

use serde::Serialize;
use serde_json::Value;

use super::FlagType;
use crate::fault::{Findings, Place};
use crate::json::{Json, NULL_FOR_NUMBERS, unknown};
use crate::key::VariantKey;
use crate::limits::{VALUE_DEPTH_MAX, VALUE_LENGTH_MAX, VARIANTS_MAX};
use crate::model::Weight;
use crate::model::scalar::list;

/// One possible outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Variant {
    /// Its name in the flag.
    pub key: VariantKey,
    /// Its proportion where no rule decides.
    pub weight: Weight,
    /// What the caller gets; of the flag's type.
    pub value: Value,
}

/// Design: `off` if there is such a variant, else `control`, else the first.
pub(super) fn default_off_variant(variants: &[Variant]) -> Option<VariantKey> {
    let named = |name: &str| variants.iter().find(|v| v.key.as_str() == name);
    named("off").or_else(|| named("control")).or(variants.first()).map(|v| v.key.clone())
}

pub(super) fn on_and_off(percentage: f64) -> Vec<Variant> {
    let variant =
        |key: &str, weight, value| Some(Variant { key: key.parse().ok()?, weight: Weight::new(weight)?, value: Value::Bool(value) });
    [variant("on", percentage, true), variant("off", 100.0 - percentage, false)].into_iter().flatten().collect()
}

/// A variant as it was sent.
pub(super) struct RawVariant {
    key: VariantKey,
    weight: Option<Weight>,
    value: Option<Value>,
}

pub(super) fn read_variants(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Vec<RawVariant>> {
    let items = json.array(at, found)?;
    if items.is_empty() {
        found.add(at, "must have at least one variant");
        return None;
    }
    let variants = list(items, VARIANTS_MAX, at, found, RawVariant::read)?;
    for (i, variant) in variants.iter().enumerate() {
        if variants.iter().take(i).any(|other| other.key == variant.key) {
            found.add(&at.item(i).field("key"), format!("`{}` is another variant's key", variant.key));
        }
    }
    Some(variants)
}

impl RawVariant {
    fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let (mut key, mut weight, mut value) = (None, Some(None), Some(None));
        for (name, json) in json.fields(at, found)? {
            let here = &at.field(name);
            match (*name, json) {
                ("weight", Json::Null) => {}
                ("key", json) => key = Some(json.key(here, found)),
                ("weight", json) => weight = Weight::read(json, here, found).map(Some),
                ("value", json) => value = read_value(json, here, found).map(Some),
                (name, _) => unknown(name, &["key", "weight", "value"], at, found),
            }
        }
        if key.is_none() {
            found.add(&at.field("key"), "is required");
        }
        Some(Self { key: key??, weight: weight?, value: value? })
    }
}

fn read_value(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Value> {
    if json.has_nul() {
        found.add(at, "must not contain the character U+0000");
        return None;
    }
    if json.is_deeper_than(VALUE_DEPTH_MAX) {
        found.add(at, format!("a value may be nested at most {VALUE_DEPTH_MAX} deep"));
        return None;
    }
    let value = json.to_value();
    if !matches!(value, Value::Bool(_) | Value::Number(_)) {
        let length = value.to_string().len();
        if length > VALUE_LENGTH_MAX {
            found.add(at, format!("a value must have at most {VALUE_LENGTH_MAX} bytes as JSON, got {length}"));
            return None;
        }
    }
    Some(value)
}

pub(super) fn finish_variants(
    raw: Vec<RawVariant>,
    kind: FlagType,
    percentage: Option<f64>,
    at: &Place<'_>,
    found: &mut Findings,
) -> Option<Vec<Variant>> {
    let at_variants = &at.field("variants");
    let count = raw.len();
    let has_weights = raw.iter().any(|v| v.weight.is_some());
    let mut variants = Vec::with_capacity(count);
    for (i, RawVariant { key, weight, value }) in raw.into_iter().enumerate() {
        let here = &at_variants.item(i);
        if weight.is_none() && (percentage.is_none() || has_weights) {
            found.add(&here.field("weight"), "is required");
        }
        let value = match value {
            None | Some(Value::Null) if kind == FlagType::String => Some(Value::String(key.as_str().to_owned())),
            Some(Value::Null) => {
                found.add(&here.field("value"), format!("is required for a {} flag; {NULL_FOR_NUMBERS}, is no value", kind.name()));
                None
            }
            None => {
                found.add(&here.field("value"), format!("is required for a {} flag", kind.name()));
                None
            }
            Some(value) if kind.fits(&value) => Some(value),
            Some(_) => {
                found.add(&here.field("value"), format!("does not fit the flag's type, {}", kind.name()));
                None
            }
        };
        if let Some(value) = value {
            variants.push(Variant { key, weight: weight.unwrap_or(Weight::ZERO), value });
        }
    }
    if variants.len() < count {
        return None;
    }
    match percentage {
        Some(percentage) if kind == FlagType::Boolean => apply_percentage(&mut variants, percentage, has_weights, at, found),
        _ => {}
    }
    if has_weights {
        Weight::check_sum(variants.iter().map(|v| v.weight), at_variants, found);
    }
    Some(variants)
}

fn apply_percentage(variants: &mut [Variant], percentage: f64, has_weights: bool, at: &Place<'_>, found: &mut Findings) {
    let at = &at.field("rollout_percentage");
    let (on, off) = match variants {
        [a, b] if a.value == Value::Bool(true) && b.value == Value::Bool(false) => (a, b),
        [a, b] if a.value == Value::Bool(false) && b.value == Value::Bool(true) => (b, a),
        _ => return found.add(at, "needs exactly two variants, one `true` and one `false`; give the variants weights instead"),
    };
    if has_weights {
        let shown = 100.0 * (on.weight.get() / (on.weight.get() + off.weight.get()));
        // Weights that are all 0 give no number here; that they are is another fault.
        if (shown - percentage).abs() > 1e-9 {
            found.add(at, format!("disagrees with the weights of the variants, which give {shown}; send one of the two"));
        }
    } else {
        on.weight = Weight(percentage);
        off.weight = Weight(100.0 - percentage);
    }
}

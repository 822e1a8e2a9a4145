//! The two levels of a flag: what all environments share, and what each has of its own.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::flag::{Flag, FlagType, State, Variant};
use super::rule::Rule;
use super::scalar::Scalar;
use super::weight::Weight;
use crate::key::{FlagKey, RuleId, VariantKey};

/// What a flag is, the same in every environment of its tenant.
///
/// With [`Configuration`] it is for those who keep flags in tables. Neither will ever be `non_exhaustive`: a store that
/// forgets a new field must not compile.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Its name in the tenant.
    pub key: FlagKey,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// The type of its values.
    pub kind: FlagType,
    /// Keys and values of the variants. Their order here means nothing: bucketing goes by the configuration's order, so
    /// that reordering in one environment moves nobody in another.
    pub variants: BTreeMap<VariantKey, Value>,
    /// For finding it.
    pub tags: Vec<String>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Whatever else is kept with it.
    pub metadata: BTreeMap<String, Scalar>,
}

/// How a flag behaves in one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// Whether it evaluates.
    pub state: State,
    /// Every variant once, in the order that bucketing goes by.
    pub weights: Vec<(VariantKey, Weight)>,
    /// The outcome while it is off.
    pub off_variant: VariantKey,
    /// Tried in order.
    pub rules: Vec<Rule>,
    /// Replaces the key in bucketing.
    pub salt: Option<String>,
}

/// What in a configuration names a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Use {
    /// It has a weight above 0.
    Weight,
    /// It is the off variant.
    OffVariant,
    /// This rule's rollout names it.
    Rule(RuleId),
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weight => f.write_str("its weight is above 0"),
            Self::OffVariant => f.write_str("it is the off variant"),
            Self::Rule(id) => write!(f, "rule `{id}` gives it"),
        }
    }
}

/// A variant that was to be removed is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VariantInUse {
    /// The variant.
    pub variant: VariantKey,
    /// Where it is in use.
    pub by: Use,
}

impl Flag {
    /// The two levels of this flag.
    pub fn split(self) -> (Definition, Configuration) {
        let weights = self.variants.iter().map(|v| (v.key.clone(), v.weight)).collect();
        let Self { key, name, description, kind, state, variants, off_variant, rules, salt, tags, owner, metadata } = self;
        let variants = variants.into_iter().map(|v| (v.key, v.value)).collect();
        (
            Definition { key, name, description, kind, variants, tags, owner, metadata },
            Configuration { state, weights, off_variant, rules, salt },
        )
    }

    /// A flag from its two levels; nothing, where they do not belong together (a variant stands in only one of them).
    pub fn join(definition: Definition, configuration: Configuration) -> Option<Self> {
        let Definition { key, name, description, kind, variants: mut values, tags, owner, metadata } = definition;
        let Configuration { state, weights, off_variant, rules, salt } = configuration;
        let variants: Vec<_> = weights
            .into_iter()
            .map(|(key, weight)| values.remove(&key).map(|value| Variant { key, weight, value }))
            .collect::<Option<_>>()?;
        let has_off = variants.iter().any(|v| v.key == off_variant);
        (values.is_empty() && has_off).then_some(Self {
            key,
            name,
            description,
            kind,
            state,
            variants,
            off_variant,
            rules,
            salt,
            tags,
            owner,
            metadata,
        })
    }
}

impl Configuration {
    /// What a flag starts with in an environment that nobody has configured it for: off, no rules, and the weights,
    /// off variant and salt of the environment in which it was defined.
    pub fn initial(&self) -> Self {
        Self { state: State::Off, rules: Vec::new(), ..self.clone() }
    }

    /// This configuration for a definition that has changed: a new variant is added with weight 0 (which moves nobody),
    /// one that is gone is dropped.
    ///
    /// # Errors
    /// Variants that are gone though this configuration uses them.
    pub fn adopted(&self, definition: &Definition) -> Result<Self, Vec<VariantInUse>> {
        let mut in_use = Vec::new();
        for (variant, weight) in self.weights.iter().filter(|(key, _)| !definition.variants.contains_key(key)) {
            let mut used = |by| in_use.push(VariantInUse { variant: variant.clone(), by });
            if *weight > Weight::ZERO {
                used(Use::Weight);
            }
            if self.off_variant == *variant {
                used(Use::OffVariant);
            }
            self.rules.iter().filter(|rule| rule.rollout.names(variant)).for_each(|rule| used(Use::Rule(rule.id.clone())));
        }
        if !in_use.is_empty() {
            return Err(in_use);
        }
        let kept = self.weights.iter().filter(|(key, _)| definition.variants.contains_key(key)).cloned();
        let added = definition.variants.keys().filter(|key| self.weights.iter().all(|(known, _)| known != *key));
        let weights = kept.chain(added.map(|key| (key.clone(), Weight::ZERO))).collect();
        Ok(Self { weights, ..self.clone() })
    }
}

#[cfg(test)]
mod tests;

//! Flags and their rules in Rust.

use serde_json::{Map, Value};

use super::condition::ConditionBuilder;
use super::{number, object};
use crate::fault::Faults;
use crate::model::{Flag, FlagType, State};

/// A flag that is being put together. What is not said is as in JSON: it is off, and a boolean flag has the variants `on` and `off`.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct FlagBuilder(Map<String, Value>);

impl Flag {
    /// A flag with this key and type, to be put together.
    pub fn builder(key: impl AsRef<str>, kind: FlagType) -> FlagBuilder {
        FlagBuilder(object([("key", key.as_ref().into()), ("type", kind.name().into())]))
    }
}

impl FlagBuilder {
    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    fn push(mut self, field: &str, item: impl Into<Value>) -> Self {
        let list = self.0.entry(field).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(items) = list {
            items.push(item.into());
        }
        self
    }

    /// Rules and weights decide.
    pub fn on(self) -> Self {
        self.state(State::On)
    }

    /// On or off; off, where it is not said.
    pub fn state(self, state: State) -> Self {
        self.with("state", state.name())
    }

    /// What people call it.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.with("name", name.into())
    }

    /// For people.
    pub fn description(self, description: impl Into<String>) -> Self {
        self.with("description", description.into())
    }

    /// One possible outcome more. The order of variants is part of the bucketing contract.
    pub fn variant(self, key: impl AsRef<str>, weight: f64, value: impl Into<Value>) -> Self {
        let variant = object([("key", key.as_ref().into()), ("weight", number(weight)), ("value", value.into())]);
        self.push("variants", variant)
    }

    /// For a boolean flag: the share of `true`, in per cent, in place of weights.
    pub fn rollout_percentage(self, percentage: f64) -> Self {
        self.with("rollout_percentage", number(percentage))
    }

    /// The outcome while it is off; where it is not said: `off`, else `control`, else the first.
    pub fn off_variant(self, variant: impl AsRef<str>) -> Self {
        self.with("off_variant", variant.as_ref())
    }

    /// One rule more, tried after those before it.
    pub fn rule(self, rule: RuleBuilder) -> Self {
        self.push("rules", rule.0)
    }

    /// Replaces the key in bucketing.
    pub fn salt(self, salt: impl Into<String>) -> Self {
        self.with("salt", salt.into())
    }

    /// One tag more.
    pub fn tag(self, tag: impl Into<String>) -> Self {
        self.push("tags", tag.into())
    }

    /// Who looks after it.
    pub fn owner(self, owner: impl Into<String>) -> Self {
        self.with("owner", owner.into())
    }

    /// One entry of metadata more, or another value for it.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let metadata = self.0.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(entries) = metadata {
            entries.insert(name.into(), value.into());
        }
        self
    }

    /// The flag.
    ///
    /// # Errors
    /// Every fault that it has, each with the pointer that it would have in JSON.
    pub fn build(self) -> Result<Flag, Faults> {
        Flag::from_value(&Value::Object(self.0))
    }
}

/// A rule that is being put together.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct RuleBuilder(Map<String, Value>);

/// A rule with this id, for everyone until [`when`](RuleBuilder::when) says for whom.
pub fn rule(id: impl AsRef<str>) -> RuleBuilder {
    RuleBuilder(object([("id", id.as_ref().into())]))
}

impl RuleBuilder {
    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    /// For people.
    pub fn description(self, description: impl Into<String>) -> Self {
        self.with("description", description.into())
    }

    /// The users that it is for.
    pub fn when(self, condition: impl Into<ConditionBuilder>) -> Self {
        self.with("when", condition.into().into_value())
    }

    /// They all get this variant.
    pub fn variant(self, variant: impl AsRef<str>) -> Self {
        self.with("rollout", object([("variant", variant.as_ref().into())]))
    }

    /// Each of them gets one of these, in proportion to the weights.
    pub fn distribution<T: AsRef<str>>(self, shares: impl IntoIterator<Item = (T, f64)>) -> Self {
        let share = |(variant, weight): (T, f64)| object([("variant", variant.as_ref().into()), ("weight", number(weight))]);
        let shares: Value = shares.into_iter().map(share).collect();
        self.with("rollout", object([("distribution", shares)]))
    }
}

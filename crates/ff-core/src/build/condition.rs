//! Conditions in Rust.

use serde_json::{Map, Value};

use super::{number, object, texts};
use crate::fault::Faults;
use crate::model::Condition;
use crate::timestamp::Timestamp;

/// A condition that is being put together. Whether it is right shows when it is built, alone or in a flag or a segment.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct ConditionBuilder(Map<String, Value>);

/// Everyone.
pub fn everyone() -> ConditionBuilder {
    ConditionBuilder(Map::new())
}

/// Nobody.
pub fn nobody() -> ConditionBuilder {
    ConditionBuilder::clause(("any", Value::Array(Vec::new())))
}

/// The users in this segment.
pub fn segment(key: impl AsRef<str>) -> ConditionBuilder {
    ConditionBuilder::clause(("segment", key.as_ref().into()))
}

/// The users in any of these segments.
pub fn segments<T: AsRef<str>>(keys: impl IntoIterator<Item = T>) -> ConditionBuilder {
    ConditionBuilder::clause(("segment", texts(keys)))
}

/// The users to whom another flag gives one of these variants.
pub fn prerequisite<T: AsRef<str>>(flag_key: impl AsRef<str>, variants: impl IntoIterator<Item = T>) -> ConditionBuilder {
    let fields = object([("key", flag_key.as_ref().into()), ("variant", texts(variants))]);
    ConditionBuilder::clause(("flag", Value::Object(fields)))
}

/// From this instant on.
pub fn after(instant: Timestamp) -> ConditionBuilder {
    ConditionBuilder::clause(("time", Value::Object(object([("after", instant.to_string().into())]))))
}

/// Until just before this instant.
pub fn before(instant: Timestamp) -> ConditionBuilder {
    ConditionBuilder::clause(("time", Value::Object(object([("before", instant.to_string().into())]))))
}

/// From the first instant on until just before the second.
pub fn between(after: Timestamp, before: Timestamp) -> ConditionBuilder {
    let window = object([("after", after.to_string().into()), ("before", before.to_string().into())]);
    ConditionBuilder::clause(("time", Value::Object(window)))
}

/// Every one of these holds; none at all holds for everyone.
pub fn all<C: Into<ConditionBuilder>>(conditions: impl IntoIterator<Item = C>) -> ConditionBuilder {
    ConditionBuilder::clause(("all", list(conditions)))
}

/// One of these holds; none at all holds for nobody.
pub fn any<C: Into<ConditionBuilder>>(conditions: impl IntoIterator<Item = C>) -> ConditionBuilder {
    ConditionBuilder::clause(("any", list(conditions)))
}

/// This does not hold.
pub fn not(condition: impl Into<ConditionBuilder>) -> ConditionBuilder {
    ConditionBuilder::clause(("not", condition.into().into_value()))
}

fn list<C: Into<ConditionBuilder>>(conditions: impl IntoIterator<Item = C>) -> Value {
    conditions.into_iter().map(|condition| condition.into().into_value()).collect()
}

impl ConditionBuilder {
    pub(super) fn clause(clause: (&str, Value)) -> Self {
        Self(object([clause]))
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// Both hold.
    pub fn and(self, other: impl Into<Self>) -> Self {
        let (mut fields, other) = (self.0, other.into().0);
        if !other.keys().any(|name| fields.contains_key(name)) {
            // Clauses side by side in one object must all hold.
            fields.extend(other);
            return Self(fields);
        }
        if fields.len() == 1
            && let Some(Value::Array(conditions)) = fields.get_mut("all")
        {
            conditions.push(Value::Object(other));
            return Self(fields);
        }
        all([Self(fields), Self(other)])
    }

    /// One of both holds.
    pub fn or(self, other: impl Into<Self>) -> Self {
        let (mut fields, other) = (self.0, other.into());
        if fields.len() == 1
            && let Some(Value::Array(conditions)) = fields.get_mut("any")
        {
            conditions.push(other.into_value());
            return Self(fields);
        }
        any([Self(fields), other])
    }

    /// The condition.
    ///
    /// # Errors
    /// Every fault that it has, each with the pointer that it would have in JSON.
    pub fn build(self) -> Result<Condition, Faults> {
        Condition::from_value(&self.into_value())
    }
}

impl From<&Condition> for ConditionBuilder {
    fn from(condition: &Condition) -> Self {
        match condition.to_value() {
            Value::Object(fields) => Self(fields),
            // A condition always is an object.
            _ => everyone(),
        }
    }
}

impl From<Condition> for ConditionBuilder {
    fn from(condition: Condition) -> Self {
        (&condition).into()
    }
}

/// A share of all users that is being put together.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct PercentageBuilder(Map<String, Value>);

/// So many per cent of all users, 0 to 100, the same ones each time.
pub fn percentage(value: f64) -> PercentageBuilder {
    PercentageBuilder(object([("value", number(value))]))
}

/// A share of all users that changes in a straight line: so many per cent at the first instant, so many at the second.
pub fn growing(from: (f64, Timestamp), to: (f64, Timestamp)) -> PercentageBuilder {
    let end = |(value, at): (f64, Timestamp)| Value::Object(object([("value", number(value)), ("at", at.to_string().into())]));
    PercentageBuilder(object([("from", end(from)), ("to", end(to))]))
}

impl PercentageBuilder {
    /// Users with the same value of this attribute are in or out together.
    pub fn by(mut self, attribute: impl Into<String>) -> Self {
        self.0.insert("by".to_owned(), Value::from(attribute.into()));
        self
    }

    /// Makes this choice of users the same wherever the salt is the same.
    pub fn salt(mut self, salt: impl Into<String>) -> Self {
        self.0.insert("salt".to_owned(), Value::from(salt.into()));
        self
    }

    /// Both hold.
    pub fn and(self, other: impl Into<ConditionBuilder>) -> ConditionBuilder {
        ConditionBuilder::from(self).and(other)
    }

    /// One of both holds.
    pub fn or(self, other: impl Into<ConditionBuilder>) -> ConditionBuilder {
        ConditionBuilder::from(self).or(other)
    }
}

impl From<PercentageBuilder> for ConditionBuilder {
    fn from(percentage: PercentageBuilder) -> Self {
        let mut fields = percentage.0;
        // A bare number is how people write it.
        let value = match fields.remove("value") {
            Some(bare) if fields.is_empty() => bare,
            Some(value) => {
                fields.insert("value".to_owned(), value);
                Value::Object(fields)
            }
            None => Value::Object(fields),
        };
        Self::clause(("percentage", value))
    }
}

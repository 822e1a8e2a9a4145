//! Segments in Rust.

use serde_json::{Map, Value};

use super::condition::ConditionBuilder;
use super::{object, texts};
use crate::fault::Faults;
use crate::model::Segment;

/// A segment that is being put together. What is not said is as in JSON: without criteria only the listed users belong to it.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct SegmentBuilder(Map<String, Value>);

impl Segment {
    /// A segment with this key, to be put together.
    pub fn builder(key: impl AsRef<str>) -> SegmentBuilder {
        SegmentBuilder(object([("key", key.as_ref().into())]))
    }
}

impl SegmentBuilder {
    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    /// What people call it.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.with("name", name.into())
    }

    /// For people.
    pub fn description(self, description: impl Into<String>) -> Self {
        self.with("description", description.into())
    }

    /// Who belongs to it, the lists aside.
    pub fn criteria(self, criteria: impl Into<ConditionBuilder>) -> Self {
        self.with("criteria", criteria.into().into_value())
    }

    /// Ids of users who belong to it whatever the criteria say.
    pub fn included<T: AsRef<str>>(self, ids: impl IntoIterator<Item = T>) -> Self {
        self.with("included", texts(ids))
    }

    /// Ids of users who do not belong to it whatever else says so.
    pub fn excluded<T: AsRef<str>>(self, ids: impl IntoIterator<Item = T>) -> Self {
        self.with("excluded", texts(ids))
    }

    /// The segment.
    ///
    /// # Errors
    /// Every fault that it has, each with the pointer that it would have in JSON.
    pub fn build(self) -> Result<Segment, Faults> {
        Segment::from_value(&Value::Object(self.0))
    }
}

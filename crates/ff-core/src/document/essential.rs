//! Flags and segments without what only people read.

use serde::Serialize;
use serde::ser::{SerializeSeq, SerializeStruct, Serializer};

use crate::model::{Condition, Flag, Rollout, Rule, Segment};

/// A flag as [`RulesetDocument`](super::RulesetDocument) holds it: what evaluation, explanations and findings look at. Without name,
/// description, tags, owner and metadata, and without the descriptions of its rules.
///
/// Read as a [`Flag`], it evaluates as the flag that it was made of.
///
/// ```
/// let flag = ff_core::Flag::from_json(r#"{"key": "f", "type": "boolean", "state": "on", "owner": "payments"}"#)?;
/// let text = serde_json::to_string(&flag.essential())?;
/// assert_eq!(
///     text,
///     r#"{"key":"f","type":"boolean","state":"on","variants":[{"key":"on","weight":100,"value":true},{"key":"off","weight":0,"value":false}],"off_variant":"off"}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct EssentialFlag<'a>(&'a Flag);

/// A segment as [`RulesetDocument`](super::RulesetDocument) holds it: key, criteria and lists of users.
#[derive(Debug, Clone, Copy)]
pub struct EssentialSegment<'a>(&'a Segment);

impl Flag {
    /// What evaluation needs of this flag, to be serialized.
    pub fn essential(&self) -> EssentialFlag<'_> {
        EssentialFlag(self)
    }
}

impl Segment {
    /// What evaluation needs of this segment, to be serialized.
    pub fn essential(&self) -> EssentialSegment<'_> {
        EssentialSegment(self)
    }
}

/// The key stands first, so that whoever sorts and compares entities need not read all of them.
impl Serialize for EssentialFlag<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let flag = self.0;
        let mut out = serializer.serialize_struct("Flag", 7)?;
        out.serialize_field("key", &flag.key)?;
        out.serialize_field("type", &flag.kind)?;
        out.serialize_field("state", &flag.state)?;
        out.serialize_field("variants", &flag.variants)?;
        out.serialize_field("off_variant", &flag.off_variant)?;
        if !flag.rules.is_empty() {
            out.serialize_field("rules", &EssentialRules(&flag.rules))?;
        }
        if let Some(salt) = &flag.salt {
            out.serialize_field("salt", salt)?;
        }
        out.end()
    }
}

struct EssentialRules<'a>(&'a [Rule]);

impl Serialize for EssentialRules<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct EssentialRule<'a> {
            id: &'a str,
            when: &'a Condition,
            rollout: &'a Rollout,
        }
        let mut out = serializer.serialize_seq(Some(self.0.len()))?;
        for Rule { id, when, rollout, .. } in self.0 {
            out.serialize_element(&EssentialRule { id: id.as_str(), when, rollout })?;
        }
        out.end()
    }
}

impl Serialize for EssentialSegment<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let segment = self.0;
        let mut out = serializer.serialize_struct("Segment", 4)?;
        out.serialize_field("key", &segment.key)?;
        out.serialize_field("criteria", &segment.criteria)?;
        if !segment.included.is_empty() {
            out.serialize_field("included", &segment.included)?;
        }
        if !segment.excluded.is_empty() {
            out.serialize_field("excluded", &segment.excluded)?;
        }
        out.end()
    }
}

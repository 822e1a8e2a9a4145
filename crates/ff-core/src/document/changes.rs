//! What changed in a ruleset, as a document.

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use serde_json::Value;

use super::whole::Essential;
use super::{RULESET_FORMAT, entities, is_known_format, require, whole_number};
use crate::fault::{Faults, Findings, Place};
use crate::json::{Json, unknown};
use crate::key::{EnvironmentKey, FlagKey, SegmentKey, TenantId};
use crate::model::{Flag, Segment, keep};

/// The flags and segments of one (tenant, environment) that changed from one revision to another, each as it is at the later one:
/// what `GET /v1/ruleset/changes` answers. [`Ruleset::with_changes`](crate::Ruleset::with_changes) applies it.
///
/// As JSON: `{"format": 1, "tenant", "environment", "since", "revision", "reset", "flags": [Flag…], "segments": [Segment…],
/// "removed_flags": [key…], "removed_segments": [key…]}`; lists that are left out are empty, and so is `reset` false.
///
/// ```
/// use ff_core::{RulesetChanges, RulesetDocument};
///
/// let document = RulesetDocument::from_json(
///     r#"{"format": 1, "tenant": "acme", "environment": "production", "revision": 7, "flags": [
///         {"key": "f", "type": "boolean", "state": "on"}, {"key": "g", "type": "boolean", "state": "on"}
///     ], "segments": []}"#,
/// )?;
/// let changes = RulesetChanges::from_json(
///     r#"{"format": 1, "tenant": "acme", "environment": "production", "since": 7, "revision": 9, "removed_flags": ["g"]}"#,
/// )?;
/// let ruleset = document.compile()?.with_changes(&changes)?;
/// assert_eq!((ruleset.revision(), ruleset.contains("f"), ruleset.contains("g")), (9, true, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RulesetChanges {
    /// Whose they are.
    pub tenant: TenantId,
    /// Their environment.
    pub environment: EnvironmentKey,
    /// The revision after which they were made.
    pub since: u64,
    /// The revision that they lead to.
    pub revision: u64,
    /// Whether they are not listed, because they are too many or too long ago: the whole ruleset is to be fetched.
    pub reset: bool,
    /// Flags that are new or were changed.
    pub flags: Vec<Flag>,
    /// Segments that are new or were changed.
    pub segments: Vec<Segment>,
    /// Flags that are gone, or were never there.
    pub removed_flags: Vec<FlagKey>,
    /// Segments that are gone, or were never there.
    pub removed_segments: Vec<SegmentKey>,
}

const FIELDS: [&str; 10] =
    ["format", "tenant", "environment", "since", "revision", "reset", "flags", "segments", "removed_flags", "removed_segments"];

impl RulesetChanges {
    /// Reads changes from JSON text.
    ///
    /// # Errors
    /// Text that is not JSON, another format, or every fault of the document with its pointer.
    pub fn from_json(text: &str) -> Result<Self, Faults> {
        crate::read::from_text(text, Self::read)
    }

    /// Reads changes from a JSON value.
    ///
    /// # Errors
    /// Another format, or every fault of the document with its pointer.
    pub fn from_value(value: &Value) -> Result<Self, Faults> {
        crate::read::from_value(value, Self::read)
    }

    pub(crate) fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        if !is_known_format(json, at, found) {
            return None;
        }
        let mut is_right = true;
        let (mut tenant, mut environment, mut since, mut revision, mut reset) = (None, None, None, None, None);
        let (mut flags, mut segments, mut removed_flags, mut removed_segments) = (None, None, None, None);
        for (name, json) in json.fields(at, found)? {
            let here = &at.field(name);
            is_right &= match *name {
                "format" => true,
                "tenant" => keep(&mut tenant, json.key(here, found)),
                "environment" => keep(&mut environment, json.key(here, found)),
                "since" => keep(&mut since, whole_number(json, here, found)),
                "revision" => keep(&mut revision, whole_number(json, here, found)),
                "reset" => keep(&mut reset, json.bool(here, found)),
                "flags" => keep(&mut flags, entities(json, here, found, Flag::read)),
                "segments" => keep(&mut segments, entities(json, here, found, Segment::read)),
                "removed_flags" => keep(&mut removed_flags, entities(json, here, found, |json, at, found| json.key(at, found))),
                "removed_segments" => keep(&mut removed_segments, entities(json, here, found, |json, at, found| json.key(at, found))),
                name => {
                    unknown(name, &FIELDS, at, found);
                    false
                }
            };
        }
        if !is_right {
            return None;
        }
        let there = [
            ("tenant", tenant.is_some()),
            ("environment", environment.is_some()),
            ("since", since.is_some()),
            ("revision", revision.is_some()),
        ];
        require(there, at, found);
        Some(Self {
            tenant: tenant?,
            environment: environment?,
            since: since?,
            revision: revision?,
            reset: reset.unwrap_or_default(),
            flags: flags.unwrap_or_default(),
            segments: segments.unwrap_or_default(),
            removed_flags: removed_flags.unwrap_or_default(),
            removed_segments: removed_segments.unwrap_or_default(),
        })
    }
}

impl Serialize for RulesetChanges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("RulesetChanges", FIELDS.len())?;
        out.serialize_field("format", &RULESET_FORMAT)?;
        out.serialize_field("tenant", &self.tenant)?;
        out.serialize_field("environment", &self.environment)?;
        out.serialize_field("since", &self.since)?;
        out.serialize_field("revision", &self.revision)?;
        out.serialize_field("reset", &self.reset)?;
        out.serialize_field("flags", &Essential(&self.flags, Flag::essential))?;
        out.serialize_field("segments", &Essential(&self.segments, Segment::essential))?;
        out.serialize_field("removed_flags", &self.removed_flags)?;
        out.serialize_field("removed_segments", &self.removed_segments)?;
        out.end()
    }
}

//! A whole ruleset as a document.

use serde::Serialize;
use serde::ser::{SerializeSeq, SerializeStruct, Serializer};
use serde_json::Value;

use super::{RULESET_FORMAT, entities, is_known_format, require, whole_number};
use crate::fault::{Faults, Findings, Place};
use crate::json::{Json, unknown};
use crate::key::{EnvironmentKey, TenantId};
use crate::model::{Flag, Segment, keep};
use crate::ruleset::Ruleset;

/// All flags and segments of one (tenant, environment) at one revision: what `GET /v1/ruleset` answers, and all that it takes to
/// evaluate exactly as the server does.
///
/// As JSON: `{"format": 1, "tenant", "environment", "revision", "flags": [Flag…], "segments": [Segment…]}`, with
/// [essential](Flag::essential) flags and segments.
///
/// ```
/// use ff_core::{RulesetDocument, User};
///
/// let document = RulesetDocument::from_json(
///     r#"{"format": 1, "tenant": "acme", "environment": "production", "revision": 7, "flags": [
///         {"key": "f", "type": "boolean", "state": "on", "rollout_percentage": 100}
///     ], "segments": []}"#,
/// )?;
/// let ruleset = document.compile()?;
/// assert_eq!(ruleset.revision(), 7);
/// assert!(ruleset.bool_or("f", &User::new("ada")?, "2026-11-21T08:00:00Z".parse()?, false));
///
/// let refused = RulesetDocument::from_json(r#"{"format": 2, "deltas": []}"#).unwrap_err();
/// assert_eq!(refused.to_string(), "/format: is 2, and this version reads format 1 only");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RulesetDocument {
    /// Whose they are. It goes into bucketing.
    pub tenant: TenantId,
    /// Their environment.
    pub environment: EnvironmentKey,
    /// The tenant's revision that they show.
    pub revision: u64,
    /// The flags.
    pub flags: Vec<Flag>,
    /// The segments.
    pub segments: Vec<Segment>,
}

const FIELDS: [&str; 6] = ["format", "tenant", "environment", "revision", "flags", "segments"];

impl RulesetDocument {
    /// Reads a document from JSON text.
    ///
    /// # Errors
    /// Text that is not JSON, another format, or every fault of the document with its pointer (`/flags/3/variants/0/weight`).
    pub fn from_json(text: &str) -> Result<Self, Faults> {
        crate::read::from_text(text, Self::read)
    }

    /// Reads a document from a JSON value.
    ///
    /// # Errors
    /// Another format, or every fault of the document with its pointer.
    pub fn from_value(value: &Value) -> Result<Self, Faults> {
        crate::read::from_value(value, Self::read)
    }

    /// The ruleset that it describes, at its revision.
    ///
    /// # Errors
    /// Every fault between its flags and segments: unknown references, circles, two of one key. Pointers lead into the document.
    pub fn compile(&self) -> Result<Ruleset, Faults> {
        Ruleset::compile(self.tenant.clone(), self.environment.clone(), self.revision, &self.flags, &self.segments)
    }

    pub(crate) fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        if !is_known_format(json, at, found) {
            return None;
        }
        let mut is_right = true;
        let (mut tenant, mut environment, mut revision, mut flags, mut segments) = (None, None, None, None, None);
        for (name, json) in json.fields(at, found)? {
            let here = &at.field(name);
            is_right &= match *name {
                "format" => true,
                "tenant" => keep(&mut tenant, json.key(here, found)),
                "environment" => keep(&mut environment, json.key(here, found)),
                "revision" => keep(&mut revision, whole_number(json, here, found)),
                "flags" => keep(&mut flags, entities(json, here, found, Flag::read)),
                "segments" => keep(&mut segments, entities(json, here, found, Segment::read)),
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
            ("revision", revision.is_some()),
            ("flags", flags.is_some()),
            ("segments", segments.is_some()),
        ];
        require(there, at, found);
        Some(Self { tenant: tenant?, environment: environment?, revision: revision?, flags: flags?, segments: segments? })
    }
}

impl Serialize for RulesetDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("RulesetDocument", FIELDS.len())?;
        out.serialize_field("format", &RULESET_FORMAT)?;
        out.serialize_field("tenant", &self.tenant)?;
        out.serialize_field("environment", &self.environment)?;
        out.serialize_field("revision", &self.revision)?;
        out.serialize_field("flags", &Essential(&self.flags, Flag::essential))?;
        out.serialize_field("segments", &Essential(&self.segments, Segment::essential))?;
        out.end()
    }
}

/// A list of entities, each by its essential form.
pub(super) struct Essential<'a, T, E>(pub(super) &'a [T], pub(super) fn(&'a T) -> E);

impl<T, E: Serialize> Serialize for Essential<'_, T, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_seq(Some(self.0.len()))?;
        for entity in self.0 {
            out.serialize_element(&self.1(entity))?;
        }
        out.end()
    }
}

//! Flag sets: flags and segments in one document, as files hold them.

use serde::Serialize;
use serde_json::Value;

use crate::document::entities;
use crate::fault::{Faults, Findings, Place};
use crate::json::{Json, unknown};
use crate::key::{EnvironmentKey, TenantId};
use crate::model::{Flag, Segment, keep};
use crate::ruleset::Ruleset;

/// Flags and segments that belong together, with the tenant and the environment that they are for.
///
/// As JSON: `{"tenant"?, "environment"?, "flags"?: [Flag…], "segments"?: [Segment…]}`, which is the form of flag files. The tenant
/// goes into bucketing: only under the same one does a user get the same variants.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FlagSet {
    /// Whose they are; `default`, where none is named.
    pub tenant: TenantId,
    /// Their environment; `production`, where none is named.
    pub environment: EnvironmentKey,
    /// The flags.
    pub flags: Vec<Flag>,
    /// The segments.
    pub segments: Vec<Segment>,
}

const FIELDS: [&str; 4] = ["tenant", "environment", "flags", "segments"];

impl FlagSet {
    /// No flags yet, in the environment `production`.
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, environment: EnvironmentKey::production(), flags: Vec::new(), segments: Vec::new() }
    }

    /// The same flags and segments in another environment.
    #[must_use]
    pub fn in_environment(mut self, environment: EnvironmentKey) -> Self {
        self.environment = environment;
        self
    }

    /// With one flag more.
    #[must_use]
    pub fn flag(mut self, flag: Flag) -> Self {
        self.flags.push(flag);
        self
    }

    /// With one segment more.
    #[must_use]
    pub fn segment(mut self, segment: Segment) -> Self {
        self.segments.push(segment);
        self
    }

    /// Reads a flag set from JSON text.
    ///
    /// # Errors
    /// Text that is not JSON, or every fault of the document with its pointer (`/flags/3/variants/0/weight`).
    pub fn from_json(text: &str) -> Result<Self, Faults> {
        crate::read::from_text(text, Self::read)
    }

    /// Reads a flag set from a JSON value.
    ///
    /// # Errors
    /// Every fault of the document with its pointer.
    pub fn from_value(value: &Value) -> Result<Self, Faults> {
        crate::read::from_value(value, Self::read)
    }

    /// The ruleset of these flags and segments. `revision` is whatever tells one ruleset from the next: a counter, or 0.
    ///
    /// # Errors
    /// Every fault between them: unknown references, circles, two of one key. Pointers lead into the document.
    pub fn compile(&self, revision: u64) -> Result<Ruleset, Faults> {
        Ruleset::compile(self.tenant.clone(), self.environment.clone(), revision, &self.flags, &self.segments)
    }

    pub(crate) fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let mut is_right = true;
        let (mut tenant, mut environment, mut flags, mut segments) = (None, None, None, None);
        for (name, json) in json.fields(at, found)? {
            let here = &at.field(name);
            is_right &= match (*name, json) {
                (name, Json::Null) if FIELDS.contains(&name) => true,
                ("tenant", json) => keep(&mut tenant, json.key(here, found)),
                ("environment", json) => keep(&mut environment, json.key(here, found)),
                ("flags", json) => keep(&mut flags, entities(json, here, found, Flag::read)),
                ("segments", json) => keep(&mut segments, entities(json, here, found, Segment::read)),
                (name, _) => {
                    unknown(name, &FIELDS, at, found);
                    false
                }
            };
        }
        let tenant = tenant.or_else(|| "default".parse().ok())?;
        is_right.then(|| Self {
            tenant,
            environment: environment.unwrap_or_default(),
            flags: flags.unwrap_or_default(),
            segments: segments.unwrap_or_default(),
        })
    }
}

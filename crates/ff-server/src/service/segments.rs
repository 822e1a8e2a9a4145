//! Writing segments.

use ff_core::{Segment, SegmentKey, Segments};
use ff_store::{Change, Revision, SegmentRecord, segment};
use serde_json::Value;

use super::told::Told;
use super::writing::{self, Linted, refused};
use super::{Context, Made, Missing, Precondition, ServiceError};
use crate::cache::{TenantRulesets, number};
use crate::state::AppState;

/// Which segment a document is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The one that its `key` names; it is created if there is none.
    Named,
    /// This one, which must exist.
    Existing(SegmentKey),
}

/// Creates a segment or changes the fields that `body` gives; those left out keep their value. The same document again
/// changes nothing. What is legal and probably a mistake comes back as warnings, seen in the request's environment.
///
/// # Errors
/// Every fault of the resulting document, cycles included; a change that would push a flag over the engine's bounds; a
/// precondition that does not hold; no such segment.
pub fn put(
    state: &AppState,
    context: &Context,
    target: &Target,
    body: &Value,
    precondition: &Precondition,
) -> Result<Linted<SegmentRecord>, ServiceError> {
    let work = |change: &mut Change<'_>, rulesets: &TenantRulesets| {
        let key = match target {
            Target::Existing(key) => Some(key.clone()),
            Target::Named => body.get("key").and_then(Value::as_str).and_then(|key| key.parse().ok()),
        };
        let before = key.as_ref().map_or(Ok(None), |key| segment::find_in(change, key))?;
        if let (Target::Existing(key), None) = (target, &before) {
            return Err(ServiceError::NotFound(Missing::Segment(key.to_string())));
        }
        precondition.check(before.as_ref().map(|record| record.version))?;
        let after = match &before {
            Some(record) => record.segment.revised(body)?,
            None => Segment::from_value(body)?,
        };
        let segments = rulesets.segments().with(&after)?;
        let written = segment::put_in(change, after)?;
        let rulesets = writing::is_changed(&written).then(|| compiled(rulesets, change.revision(), &segments)).transpose()?;
        Ok((written, rulesets))
    };
    writing::run_and_lint(state, context, work, |ruleset, record: &SegmentRecord| ruleset.lint_segment(&record.segment))
}

fn compiled(before: &TenantRulesets, revision: Revision, segments: &Segments) -> Result<TenantRulesets, ServiceError> {
    before
        .changed(revision, segments.clone(), |_, ruleset| ruleset.with_segments(number(revision), segments.clone()))
        .map_err(|error| refused("segment_in_use", error))
}

/// Deletes a segment. Its history stays.
///
/// # Errors
/// A flag or another segment names it, in whatever environment; a precondition that does not hold; no such segment.
pub fn delete(
    state: &AppState,
    context: &Context,
    key: &SegmentKey,
    precondition: &Precondition,
) -> Result<Made<SegmentRecord>, ServiceError> {
    let work = |change: &mut Change<'_>, rulesets: &TenantRulesets| {
        let before = segment::find_in(change, key)?.ok_or_else(|| ServiceError::NotFound(Missing::Segment(key.to_string())))?;
        precondition.check(Some(before.version))?;
        let deleted = segment::delete_in(change, key)?;
        let after = compiled(rulesets, change.revision(), &rulesets.segments().without([key]))?;
        Ok((deleted, Some(after)))
    };
    writing::run(state, context, work, Told::deleted)
}

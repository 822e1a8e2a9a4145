//! What is probably a mistake in a document, and where.

use serde::Serialize;

use super::code::LintCode;
use crate::fault::Place;
use crate::key::RuleId;

/// The most findings that are listed for one document: those that come first in it.
pub const FINDINGS_MAX: usize = 100;

/// Something in a flag or segment that is legal and probably not meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The kind.
    pub code: LintCode,
    /// JSON Pointer (RFC 6901) to the place; empty for the document itself.
    pub pointer: String,
    /// What was found, in lower case and without a full stop.
    pub message: String,
    /// The rule that nobody can match on this account, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_rule: Option<RuleId>,
}

/// Collects findings in the order in which they are made.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Finding>);

impl Notes {
    /// Notes a finding and gives its number, by which it can be named as a cause.
    pub(super) fn add(&mut self, code: LintCode, place: &Place<'_>, message: impl Into<String>) -> usize {
        self.0.push(Finding { code, pointer: place.pointer(), message: message.into(), dead_rule: None });
        self.0.len() - 1
    }

    /// Says what follows from findings that were made before.
    pub(super) fn follow(&mut self, causes: &[usize], consequence: &str, dead_rule: Option<&RuleId>) {
        for cause in causes {
            if let Some(finding) = self.0.get_mut(*cause) {
                finding.message = format!("{}, so {consequence}", finding.message);
                finding.dead_rule = dead_rule.cloned();
            }
        }
    }

    pub(super) fn finish(mut self) -> Vec<Finding> {
        self.0.truncate(FINDINGS_MAX);
        self.0
    }
}

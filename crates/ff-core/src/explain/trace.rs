//! What an evaluation looked at.

use serde::Serialize;
use serde_json::Value;

use crate::evaluate::Reason;
use crate::key::{FlagKey, RuleId, SegmentKey, VariantKey};
use crate::timestamp::Timestamp;

/// The most tests that an explanation shows.
pub const TRACES_MAX: usize = 1_000;

/// A rule that was tried.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct RuleTrace<'a> {
    /// The rule.
    pub rule_id: &'a RuleId,
    /// Whether its condition holds.
    pub holds: bool,
    /// Why it does or does not, in a sentence: the tests that decided.
    pub because: String,
    /// The tests that were made.
    pub tests: Vec<Trace<'a>>,
}

/// One test that was made, with those inside it.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Trace<'a> {
    /// What was asked.
    #[serde(flatten)]
    pub test: TestTrace<'a>,
    /// The outcome.
    pub holds: bool,
    /// Why, in a sentence.
    pub because: String,
    /// The tests of which it consists; of `all` and `any` only those that were needed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<Trace<'a>>,
}

/// What a test asked, and what it saw.
#[derive(Debug, Serialize)]
#[serde(tag = "test", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TestTrace<'a> {
    /// Always holds.
    Everyone,
    /// A test on an attribute.
    Attr {
        /// Its name or dotted path.
        attribute: &'a str,
        /// The operator's name.
        operator: &'static str,
        /// The operator's operand.
        operand: Value,
        /// The user's value; nothing, where the user has no such attribute.
        value: Option<Value>,
    },
    /// A test on the user's id.
    UserId {
        /// The operator's name.
        operator: &'static str,
        /// The operator's operand.
        operand: Value,
        /// The user's id.
        value: &'a str,
    },
    /// Membership in one of several segments, each a test inside.
    Segment,
    /// Membership in one segment.
    Member {
        /// The segment.
        segment: &'a SegmentKey,
        /// What decided: `excluded`, `included` or `criteria`.
        by: &'static str,
        /// The user's id, by which the lists go.
        user_id: &'a str,
    },
    /// A percentage.
    Percentage {
        /// The attribute that it goes by; nothing for the user's id.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<&'a str>,
        /// The user's bucket; nothing, where the user has no usable attribute of that name.
        bucket: Option<f64>,
        /// Buckets below this are in.
        threshold: f64,
        /// Where the percentage grows or shrinks: the first instant at which this user's outcome is another than at the
        /// beginning. Nothing, if it never changes.
        #[serde(skip_serializing_if = "Option::is_none")]
        turns_at: Option<Timestamp>,
    },
    /// A time window.
    Time {
        /// The first instant inside.
        after: Option<Timestamp>,
        /// The first instant outside again.
        before: Option<Timestamp>,
        /// The instant of the evaluation.
        now: Timestamp,
    },
    /// A prerequisite.
    Flag {
        /// The other flag.
        flag_key: &'a FlagKey,
        /// The variants that satisfy.
        wanted: &'a [VariantKey],
        /// What the user gets there.
        variant: Option<&'a VariantKey>,
        /// Why.
        reason: Option<Reason>,
    },
    /// A test past the bound on how many are shown.
    #[serde(skip)]
    Cut,
    /// Every one must hold.
    All,
    /// One must hold.
    Any,
    /// The one inside must not hold.
    Not,
}

/// How a bucket chose among variants.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct DistributionTrace<'a> {
    /// The user's bucket.
    pub bucket: f64,
    /// The variants with a share, in order.
    pub shares: Vec<ShareTrace<'a>>,
}

/// A variant's stretch of the line from 0 to 1.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct ShareTrace<'a> {
    /// The variant.
    pub variant: &'a VariantKey,
    /// Where its buckets begin.
    pub from: f64,
    /// Where its buckets end.
    pub to: f64,
}

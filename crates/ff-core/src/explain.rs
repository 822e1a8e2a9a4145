//! The recording observer: what an evaluation looked at, by the evaluator itself, so that it cannot differ.

use serde::Serialize;
use serde_json::Value;

use crate::bucket::{Bucket, Threshold};
use crate::compile::{CompiledFlag, CompiledRule, CompiledSegment, Cond, Membership, Split};
use crate::evaluate::{Evaluation, Reason};
use crate::key::{FlagKey, RuleId, SegmentKey, VariantKey};
use crate::matcher::{Matcher, Observer};
use crate::ruleset::Ruleset;
use crate::timestamp::Timestamp;
use crate::user::{AttributeValue, User};

/// An evaluation with everything that it looked at, in the order in which it did. What it did not need is not there.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Explanation<'a> {
    /// The answer itself.
    pub evaluation: Evaluation<'a>,
    /// Every rule that was tried; the last one decided, if a rule did.
    pub rules: Vec<RuleTrace<'a>>,
    /// How the bucket chose, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<DistributionTrace<'a>>,
    /// Whether tests were left out because there were more than [`TRACES_MAX`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
}

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
    },
    /// Membership in one of several segments, each a test inside.
    Segment,
    /// Membership in one segment.
    Member {
        /// The segment.
        segment: &'a SegmentKey,
        /// What decided: `excluded`, `included` or `criteria`.
        by: &'static str,
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

impl Ruleset {
    /// Like [`evaluate`](Ruleset::evaluate), with everything that it looked at. Allocates; meant for people.
    pub fn explain<'a>(&'a self, flag_key: &str, user: &'a User, now: Timestamp) -> Option<Explanation<'a>> {
        let flag = self.flag(flag_key)?;
        let recorder = Recorder { now, rules: Vec::new(), open: Vec::new(), begun: 0 };
        let mut matcher = Matcher { ruleset: self, user, now, observer: recorder, percentage_bucket: None };
        let outcome = matcher.flag(flag);
        let split = match outcome.rule.and_then(|rule| flag.rules.get(rule as usize)) {
            Some(rule) => &rule.rollout,
            None => &flag.default,
        };
        Some(Explanation {
            evaluation: Evaluation::new(flag, user, outcome, matcher.percentage_bucket),
            is_cut: matcher.observer.begun > TRACES_MAX,
            rules: matcher.observer.rules,
            distribution: outcome.bucket.map(|bucket| distribution(flag, split, bucket)),
        })
    }
}

fn distribution<'a>(flag: &'a CompiledFlag, split: &Split, bucket: Bucket) -> DistributionTrace<'a> {
    let mut from = 0.0;
    let mut shares = Vec::new();
    if let Split::Many(all) = split {
        for (threshold, variant) in all {
            let to = threshold.as_f64();
            if let Some((key, _)) = flag.variants.get(*variant as usize) {
                shares.push(ShareTrace { variant: key, from, to });
            }
            from = to;
        }
    }
    DistributionTrace { bucket: bucket.as_f64(), shares }
}

struct Recorder<'a> {
    now: Timestamp,
    rules: Vec<RuleTrace<'a>>,
    /// Tests that have begun and not ended, the outermost first.
    open: Vec<Trace<'a>>,
    /// How many tests have begun, those that are not shown counted.
    begun: usize,
}

impl<'a> Recorder<'a> {
    fn begin(&mut self, test: TestTrace<'a>) {
        self.open.push(Trace { test, holds: false, tests: Vec::new() });
    }

    fn end(&mut self, holds: bool) {
        let Some(mut trace) = self.open.pop() else { return };
        trace.holds = holds;
        // One that is past the bound was begun without a description, and is dropped with all inside it.
        if matches!(trace.test, TestTrace::Cut) {
            return;
        }
        let siblings = match self.open.last_mut() {
            Some(outer) => Some(&mut outer.tests),
            None => self.rules.last_mut().map(|rule| &mut rule.tests),
        };
        if let Some(siblings) = siblings {
            siblings.push(trace);
        }
    }
}

impl<'a> Observer<'a> for Recorder<'a> {
    const SEES_ALL: bool = true;

    fn rule_begins(&mut self, rule: &'a CompiledRule) {
        self.rules.push(RuleTrace { rule_id: &rule.id, holds: false, tests: Vec::new() });
    }

    fn rule_ends(&mut self, holds: bool) {
        if let Some(rule) = self.rules.last_mut() {
            rule.holds = holds;
        }
    }

    fn condition_begins(&mut self, condition: &'a Cond) {
        self.begun += 1;
        if self.begun > TRACES_MAX {
            return self.begin(TestTrace::Cut);
        }
        let test = match condition {
            Cond::Everyone => TestTrace::Everyone,
            Cond::Attr { name, check, negated } => {
                let (operator, operand) = check.describe(*negated);
                TestTrace::Attr { attribute: name.as_str(), operator, operand, value: None }
            }
            Cond::UserId { check, negated } => {
                let (operator, operand) = check.describe(*negated);
                TestTrace::UserId { operator, operand }
            }
            Cond::Segments(_) => TestTrace::Segment,
            Cond::Percentage(gate) => {
                TestTrace::Percentage { by: gate.by.as_ref().map(crate::user::AttributeName::as_str), bucket: None, threshold: 0.0 }
            }
            Cond::Time { after, before } => TestTrace::Time { after: *after, before: *before, now: self.now },
            Cond::Flag(need) => TestTrace::Flag { flag_key: &need.key, wanted: &need.variants, variant: None, reason: None },
            Cond::All(_) => TestTrace::All,
            Cond::Any(_) => TestTrace::Any,
            Cond::Not(_) => TestTrace::Not,
        };
        self.begin(test);
    }

    fn condition_ends(&mut self, holds: bool) {
        self.end(holds);
    }

    fn attribute(&mut self, seen: Option<&'a AttributeValue>) {
        if let Some(Trace { test: TestTrace::Attr { value, .. }, .. }) = self.open.last_mut() {
            *value = seen.map(AttributeValue::to_json);
        }
    }

    fn gate(&mut self, seen: Option<Bucket>, limit: Threshold) {
        if let Some(Trace { test: TestTrace::Percentage { bucket, threshold, .. }, .. }) = self.open.last_mut() {
            *bucket = seen.map(Bucket::as_f64);
            *threshold = limit.as_f64();
        }
    }

    fn segment_begins(&mut self, segment: &'a CompiledSegment, membership: Membership) {
        let by = match membership {
            Membership::Excluded => "excluded",
            Membership::Included => "included",
            Membership::ByCriteria => "criteria",
        };
        self.begin(TestTrace::Member { segment: &segment.key, by });
    }

    fn segment_ends(&mut self, holds: bool) {
        self.end(holds);
    }

    fn prerequisite(&mut self, given: Option<&'a VariantKey>, why: Option<Reason>) {
        if let Some(Trace { test: TestTrace::Flag { variant, reason, .. }, .. }) = self.open.last_mut() {
            *variant = given;
            *reason = why;
        }
    }
}

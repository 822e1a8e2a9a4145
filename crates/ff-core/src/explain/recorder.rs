//! The recording observer: is told by the evaluator itself what it does, so that what it shows cannot differ.

use super::trace::{RuleTrace, TRACES_MAX, TestTrace, Trace};
use super::{summary, words};
use crate::bucket::{Bucket, Threshold};
use crate::compile::{CompiledRule, CompiledSegment, Cond, Limit, Membership};
use crate::evaluate::Reason;
use crate::key::VariantKey;
use crate::matcher::Observer;
use crate::timestamp::Timestamp;
use crate::user::{AttributeValue, User};

pub(super) struct Recorder<'a> {
    user: &'a User,
    now: Timestamp,
    rules: Vec<RuleTrace<'a>>,
    /// Tests that have begun and not ended, the outermost first; with each percentage the limit that it has over time.
    open: Vec<(Trace<'a>, Option<Limit>)>,
    /// How many tests have begun, those that are not shown counted.
    begun: usize,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(user: &'a User, now: Timestamp) -> Self {
        Self { user, now, rules: Vec::new(), open: Vec::new(), begun: 0 }
    }

    /// The rules that were tried, and whether tests were left out.
    pub(super) fn finish(self) -> (Vec<RuleTrace<'a>>, bool) {
        (self.rules, self.begun > TRACES_MAX)
    }

    fn begin(&mut self, test: TestTrace<'a>, limit: Option<Limit>) {
        self.open.push((Trace { test, holds: false, because: String::new(), tests: Vec::new() }, limit));
    }

    fn end(&mut self, holds: bool) {
        let Some((mut trace, _)) = self.open.pop() else { return };
        // One that is past the bound was begun without a description, and is dropped with all inside it.
        if matches!(trace.test, TestTrace::Cut) {
            return;
        }
        trace.holds = holds;
        trace.because = words::of(&trace, self.now);
        let siblings = match self.open.last_mut() {
            Some((outer, _)) => Some(&mut outer.tests),
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
        self.rules.push(RuleTrace { rule_id: &rule.id, holds: false, because: String::new(), tests: Vec::new() });
    }

    fn rule_ends(&mut self, holds: bool) {
        if let Some(rule) = self.rules.last_mut() {
            rule.holds = holds;
            rule.because = summary::of_rule(rule);
        }
    }

    fn condition_begins(&mut self, condition: &'a Cond) {
        self.begun += 1;
        if self.begun > TRACES_MAX {
            return self.begin(TestTrace::Cut, None);
        }
        let mut limit = None;
        let test = match condition {
            Cond::Everyone => TestTrace::Everyone,
            Cond::Attr { name, check, negated } => {
                let (operator, operand) = check.describe(*negated);
                TestTrace::Attr { attribute: name.as_str(), operator, operand, value: None }
            }
            Cond::UserId { check, negated } => {
                let (operator, operand) = check.describe(*negated);
                TestTrace::UserId { operator, operand, value: self.user.id() }
            }
            Cond::Segments(_) => TestTrace::Segment,
            Cond::Percentage(gate) => {
                limit = Some(gate.limit);
                let by = gate.by.as_ref().map(crate::user::AttributeName::as_str);
                TestTrace::Percentage { by, bucket: None, threshold: 0.0, turns_at: None }
            }
            Cond::Time { after, before } => TestTrace::Time { after: *after, before: *before, now: self.now },
            Cond::Flag(need) => TestTrace::Flag { flag_key: &need.key, wanted: &need.variants, variant: None, reason: None },
            Cond::All(_) => TestTrace::All,
            Cond::Any(_) => TestTrace::Any,
            Cond::Not(_) => TestTrace::Not,
        };
        self.begin(test, limit);
    }

    fn condition_ends(&mut self, holds: bool) {
        self.end(holds);
    }

    fn attribute(&mut self, seen: Option<&'a AttributeValue>) {
        if let Some((Trace { test: TestTrace::Attr { value, .. }, .. }, _)) = self.open.last_mut() {
            *value = seen.map(AttributeValue::to_json);
        }
    }

    fn gate(&mut self, seen: Option<Bucket>, at_present: Threshold) {
        if let Some((Trace { test: TestTrace::Percentage { bucket, threshold, turns_at, .. }, .. }, limit)) = self.open.last_mut() {
            *bucket = seen.map(Bucket::as_f64);
            *threshold = at_present.as_f64();
            *turns_at = seen.zip(*limit).and_then(|(bucket, limit)| limit.turns_for(bucket));
        }
    }

    fn segment_begins(&mut self, segment: &'a CompiledSegment, membership: Membership) {
        let by = match membership {
            Membership::Excluded => "excluded",
            Membership::Included => "included",
            Membership::ByCriteria => "criteria",
        };
        self.begin(TestTrace::Member { segment: &segment.key, by, user_id: self.user.id() }, None);
    }

    fn segment_ends(&mut self, holds: bool) {
        self.end(holds);
    }

    fn prerequisite(&mut self, given: Option<&'a VariantKey>, why: Option<Reason>) {
        if let Some((Trace { test: TestTrace::Flag { variant, reason, .. }, .. }, _)) = self.open.last_mut() {
            *variant = given;
            *reason = why;
        }
    }
}

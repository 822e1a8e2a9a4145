//! Does a compiled condition hold for a user? With an observer, which costs nothing when it is the empty one.

use crate::bucket::{Bucket, Threshold};
use crate::compile::{Check, CompiledFlag, CompiledRule, CompiledSegment, Cond, Gate, Membership, Need, SegmentSlot, Split};
use crate::evaluate::Reason;
use crate::key::VariantKey;
use crate::ruleset::Ruleset;
use crate::timestamp::Timestamp;
use crate::user::{AttributeName, AttributeValue, User};

/// Is told what the matcher does, as it does it.
pub(crate) trait Observer<'a> {
    /// Whether it wants to see the rules that cannot hold, too.
    const SEES_ALL: bool;

    fn rule_begins(&mut self, rule: &'a CompiledRule);
    fn rule_ends(&mut self, holds: bool);
    fn condition_begins(&mut self, condition: &'a Cond);
    fn condition_ends(&mut self, holds: bool);
    /// The attribute that the current condition looks at.
    fn attribute(&mut self, value: Option<&'a AttributeValue>);
    /// The bucket that the current percentage looks at, if the user has one there.
    fn gate(&mut self, bucket: Option<Bucket>, threshold: Threshold);
    /// A segment of the current condition is asked; its criteria, if they count, are conditions inside.
    fn segment_begins(&mut self, segment: &'a CompiledSegment, membership: Membership);
    fn segment_ends(&mut self, holds: bool);
    /// What another flag gave.
    fn prerequisite(&mut self, variant: Option<&'a VariantKey>, reason: Option<Reason>);
}

/// The observer that looks away.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nobody;

impl<'a> Observer<'a> for Nobody {
    const SEES_ALL: bool = false;

    #[inline]
    fn rule_begins(&mut self, _: &'a CompiledRule) {}
    #[inline]
    fn rule_ends(&mut self, _: bool) {}
    #[inline]
    fn condition_begins(&mut self, _: &'a Cond) {}
    #[inline]
    fn condition_ends(&mut self, _: bool) {}
    #[inline]
    fn attribute(&mut self, _: Option<&'a AttributeValue>) {}
    #[inline]
    fn gate(&mut self, _: Option<Bucket>, _: Threshold) {}
    #[inline]
    fn segment_begins(&mut self, _: &'a CompiledSegment, _: Membership) {}
    #[inline]
    fn segment_ends(&mut self, _: bool) {}
    #[inline]
    fn prerequisite(&mut self, _: Option<&'a VariantKey>, _: Option<Reason>) {}
}

/// One evaluation under way.
pub(crate) struct Matcher<'a, O> {
    pub(crate) ruleset: &'a Ruleset,
    pub(crate) user: &'a User,
    pub(crate) now: Timestamp,
    pub(crate) observer: O,
    /// Of the last percentage that was asked.
    pub(crate) percentage_bucket: Option<Bucket>,
}

/// What an evaluation came to, in numbers of the flag's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) variant: u32,
    pub(crate) reason: Reason,
    pub(crate) rule: Option<u32>,
    pub(crate) bucket: Option<Bucket>,
}

impl<'a, O: Observer<'a>> Matcher<'a, O> {
    /// design: off → first rule that holds → weights.
    #[inline]
    pub(crate) fn flag(&mut self, flag: &'a CompiledFlag) -> Outcome {
        if !flag.is_on {
            return Outcome { variant: flag.off_variant, reason: Reason::FlagOff, rule: None, bucket: None };
        }
        let first = match &flag.index {
            Some(index) if !O::SEES_ALL => {
                let mut candidates = index.candidates(self.user).iter().filter_map(|i| Some((i, flag.rules.get(i)?)));
                candidates.find(|(_, rule)| self.rule_holds(rule))
            }
            _ => flag.rules.iter().enumerate().find(|(_, rule)| self.rule_holds(rule)),
        };
        match first {
            Some((i, rule)) => self.split(flag, &rule.rollout, Reason::RuleMatch, Some(i as u32)),
            None => self.split(flag, &flag.default, Reason::DefaultDistribution, None),
        }
    }

    #[inline(always)]
    fn rule_holds(&mut self, rule: &'a CompiledRule) -> bool {
        self.observer.rule_begins(rule);
        let holds = self.holds(&rule.when);
        self.observer.rule_ends(holds);
        holds
    }

    #[inline(always)]
    fn split(&self, flag: &'a CompiledFlag, split: &Split, reason: Reason, rule: Option<u32>) -> Outcome {
        match split {
            Split::One(variant) => Outcome { variant: *variant, reason, rule, bucket: None },
            Split::Many(shares) => {
                let bucket = flag.seed.bucket(self.user.id());
                Outcome { variant: Split::pick(shares, bucket), reason, rule, bucket: Some(bucket) }
            }
        }
    }

    /// Inlined wherever conditions are tried, so that a test on an attribute, which most of them are, is tried without a call.
    #[inline(always)]
    pub(crate) fn holds(&mut self, condition: &'a Cond) -> bool {
        self.observer.condition_begins(condition);
        let holds = match condition {
            Cond::Attr { name, check, negated } => self.test(name, check) != *negated,
            other => self.holds_otherwise(other),
        };
        self.observer.condition_ends(holds);
        holds
    }

    #[inline]
    fn test(&mut self, name: &AttributeName, check: &Check) -> bool {
        let attribute = self.user.get(name);
        self.observer.attribute(attribute.map(|attribute| &attribute.value));
        check.passes(attribute)
    }

    /// Never inlined, since it is [`holds`](Self::holds) again that it calls for what is inside.
    #[inline(never)]
    fn holds_otherwise(&mut self, condition: &'a Cond) -> bool {
        match condition {
            // Never met here, and what it would be: the compiler wants every kind to have an answer.
            Cond::Attr { name, check, negated } => self.test(name, check) != *negated,
            Cond::UserId { check, negated } => check.passes_text(self.user.id_text()) != *negated,
            Cond::Segments(slots) => slots.iter().any(|slot| self.is_member(*slot)),
            Cond::Percentage(gate) => self.is_admitted(gate),
            Cond::Time { after, before } => after.is_none_or(|after| after <= self.now) && before.is_none_or(|before| self.now < before),
            Cond::Flag(need) => self.is_given(need),
            Cond::All(inner) => inner.iter().all(|condition| self.holds(condition)),
            Cond::Any(inner) => inner.iter().any(|condition| self.holds(condition)),
            Cond::Not(inner) => !self.holds(inner),
            Cond::Everyone => true,
        }
    }

    fn is_member(&mut self, slot: SegmentSlot) -> bool {
        // INVARIANT: a compiled condition names only segments that are in its ruleset.
        let Some(segment) = self.ruleset.segment_at(slot) else { return false };
        let membership = segment.membership(self.user.id());
        self.observer.segment_begins(segment, membership);
        let holds = match membership {
            Membership::Excluded => false,
            Membership::Included => true,
            Membership::ByCriteria => self.holds(&segment.criteria),
        };
        self.observer.segment_ends(holds);
        holds
    }

    fn is_admitted(&mut self, gate: &Gate) -> bool {
        let bucket = match &gate.by {
            None => Some(gate.seed.bucket(self.user.id())),
            Some(name) => self.bucket_by(gate, name),
        };
        let threshold = gate.limit.at(self.now);
        self.observer.gate(bucket, threshold);
        self.percentage_bucket = bucket.or(self.percentage_bucket);
        bucket.is_some_and(|bucket| threshold.admits(bucket))
    }

    /// Texts, booleans and whole numbers have a form that every language writes alike; others are in no percentage.
    fn bucket_by(&self, gate: &Gate, name: &AttributeName) -> Option<Bucket> {
        match &self.user.get(name)?.value {
            AttributeValue::String(text) => Some(gate.seed.bucket(text)),
            AttributeValue::Bool(value) => Some(gate.seed.bucket(if *value { "true" } else { "false" })),
            AttributeValue::Number(number) => {
                let mut digits = [0; 20];
                Some(gate.seed.bucket(whole(*number, &mut digits)?))
            }
            AttributeValue::List(_) | AttributeValue::Object => None,
        }
    }

    fn is_given(&mut self, need: &'a Need) -> bool {
        let flag = self.ruleset.flag_hashed(need.hash, need.key.as_str());
        // Its own percentages are its own affair, and so are its rules.
        let mut inner = Matcher { ruleset: self.ruleset, user: self.user, now: self.now, observer: Nobody, percentage_bucket: None };
        let outcome = flag.map(|flag| (flag, inner.flag(flag)));
        let variant = outcome.and_then(|(flag, outcome)| flag.variants.get(outcome.variant as usize)).map(|(key, _)| key);
        self.observer.prerequisite(variant, outcome.map(|(_, outcome)| outcome.reason));
        variant.is_some_and(|variant| need.variants.contains(variant))
    }
}

/// The decimal digits of a whole number below 2^53 (either sign), written into `buffer`: no allocation on the way to a bucket.
fn whole(number: f64, buffer: &mut [u8; 20]) -> Option<&str> {
    // 2^53: from there on several whole numbers share a double, so that which one was sent can no longer be told.
    if number.fract() != 0.0 || number.abs() >= 9_007_199_254_740_992.0 {
        return None;
    }
    let mut rest = number.abs() as u64;
    let mut start = buffer.len();
    loop {
        start -= 1;
        *buffer.get_mut(start)? = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0.0 {
        start -= 1;
        *buffer.get_mut(start)? = b'-';
    }
    std::str::from_utf8(buffer.get(start..)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_written_in_digits_and_others_not_at_all() {
        for (number, text) in [(0.0, "0"), (-0.0, "0"), (42.0, "42"), (-7.0, "-7"), (9_007_199_254_740_991.0, "9007199254740991")] {
            assert_eq!(whole(number, &mut [0; 20]), Some(text));
        }
        for number in [0.5, -1.25, 9_007_199_254_740_992.0, -9_007_199_254_740_992.0, 1e300, f64::NAN, f64::INFINITY] {
            assert_eq!(whole(number, &mut [0; 20]), None);
        }
    }
}

//! Conditions, ready to run: names hashed, segments resolved to slots, percentages to seeds and thresholds.

use crate::bucket::{Bucket, Domain, Seed, Threshold};
use crate::compile::check::{self, Check};
use crate::fault::{Findings, Place};
use crate::flag_map::KeyHash;
use crate::key::{FlagKey, SegmentKey, TenantId, VariantKey};
use crate::limits::CONDITION_DEPTH_MAX;
use crate::model::{Amount, Clause, Condition, Percentage, Prerequisite};
use crate::timestamp::Timestamp;
use crate::user::AttributeName;

/// Where a segment stands in its ruleset; it keeps its place for the ruleset's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentSlot(pub(crate) u32);

/// A compiled condition.
#[derive(Debug, Clone)]
pub(crate) enum Cond {
    Everyone,
    Attr { name: AttributeName, check: Check, negated: bool },
    UserId { check: Check, negated: bool },
    Segments(Box<[SegmentSlot]>),
    Percentage(Box<Gate>),
    Time { after: Option<Timestamp>, before: Option<Timestamp> },
    Flag(Box<Need>),
    All(Box<[Cond]>),
    Any(Box<[Cond]>),
    Not(Box<Cond>),
}

/// A percentage.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) seed: Seed,
    pub(crate) by: Option<AttributeName>,
    pub(crate) limit: Limit,
}

/// How many a gate lets in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    Fixed(Threshold),
    Growing { from: (Threshold, Timestamp), to: (Threshold, Timestamp) },
}

/// A prerequisite.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    pub(crate) key: FlagKey,
    pub(crate) hash: KeyHash,
    pub(crate) variants: Box<[VariantKey]>,
}

/// Another entity that a condition names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    Segment(SegmentKey),
    Flag(FlagKey, Box<[VariantKey]>),
}

impl Gate {
    /// Whether both go by the same bucket.
    pub(crate) fn decides_with(&self, other: &Self) -> bool {
        self.seed == other.seed && self.by.as_ref().map(AttributeName::as_str) == other.by.as_ref().map(AttributeName::as_str)
    }
}

impl Limit {
    pub(crate) fn grows(self) -> bool {
        matches!(self, Self::Growing { .. })
    }

    pub(crate) fn at(self, now: Timestamp) -> Threshold {
        match self {
            Self::Fixed(threshold) => threshold,
            Self::Growing { from: (first, start), to: (last, end) } => {
                if now < start {
                    first
                } else if now >= end {
                    last
                } else {
                    let nanos = |later: Timestamp| (later.as_nanos() - start.as_nanos()).unsigned_abs();
                    first.towards(last, nanos(now), nanos(end))
                }
            }
        }
    }

    /// The first instant at which this bucket's outcome is another than it was in the beginning. None, if it never changes.
    pub(crate) fn turns_for(self, bucket: Bucket) -> Option<Timestamp> {
        let Self::Growing { from: (first, start), to: (last, end) } = self else { return None };
        let outcome = first.admits(bucket);
        if last.admits(bucket) == outcome {
            return None;
        }
        // INVARIANT: the line never turns back, so there is one such instant. At `unchanged` it has not come, at `turned` it has.
        let (mut unchanged, mut turned) = (start.as_nanos(), end.as_nanos());
        while turned - unchanged > 1 {
            let middle = unchanged + (turned - unchanged) / 2;
            if self.at(Timestamp::from_nanos(middle)).admits(bucket) == outcome { unchanged = middle } else { turned = middle }
        }
        Some(Timestamp::from_nanos(turned))
    }
}

/// Compiles conditions of one flag or segment, noting what they refer to and how long they take.
pub(crate) struct Compiler<'a> {
    pub(crate) tenant: &'a TenantId,
    /// The domain and text of a percentage without a salt.
    pub(crate) default_seed: (Domain, &'a str),
    pub(crate) slot_of: &'a dyn Fn(&SegmentKey) -> Option<SegmentSlot>,
    pub(crate) found: &'a mut Findings,
    /// With the place where each was named.
    pub(crate) references: Vec<(Reference, Box<str>)>,
    /// Clauses and tests so far.
    pub(crate) steps: u64,
    /// How deep in the tree the compiler is.
    pub(crate) depth: usize,
}

impl Compiler<'_> {
    pub(crate) fn condition(&mut self, condition: &Condition, at: &Place<'_>) -> Cond {
        // A condition that was read is within the bound; one that was built in code need not be.
        if self.depth >= CONDITION_DEPTH_MAX {
            self.found.add(at, format!("conditions may be nested at most {CONDITION_DEPTH_MAX} deep"));
            return Cond::Everyone;
        }
        self.depth += 1;
        let compiled = self.clauses(condition, at);
        self.depth -= 1;
        compiled
    }

    fn clauses(&mut self, condition: &Condition, at: &Place<'_>) -> Cond {
        match condition.clauses.as_slice() {
            [] => {
                self.steps += 1;
                Cond::Everyone
            }
            [clause] => self.clause(clause, &at.field(clause.name())),
            clauses => Cond::All(clauses.iter().map(|clause| self.clause(clause, &at.field(clause.name()))).collect()),
        }
    }

    fn clause(&mut self, clause: &Clause, at: &Place<'_>) -> Cond {
        self.steps += 1;
        match clause {
            Clause::Attr(tests) => {
                let named = tests.iter().flat_map(|(name, test)| {
                    check::compile(test).map(|(check, negated)| Cond::Attr { name: AttributeName::new(name), check, negated })
                });
                self.all(named)
            }
            Clause::UserId(test) => self.all(check::compile(test).map(|(check, negated)| Cond::UserId { check, negated })),
            Clause::Segment(keys) => self.segments(keys.as_slice(), at),
            Clause::Percentage(percentage) => Cond::Percentage(Box::new(self.gate(percentage))),
            Clause::Time(window) => Cond::Time { after: window.after, before: window.before },
            Clause::Flag(prerequisite) => self.need(prerequisite, at),
            Clause::All(inner) => Cond::All(self.conditions(inner, at)),
            Clause::Any(inner) => Cond::Any(self.conditions(inner, at)),
            Clause::Not(inner) => Cond::Not(Box::new(self.condition(inner, at))),
        }
    }

    fn conditions(&mut self, conditions: &[Condition], at: &Place<'_>) -> Box<[Cond]> {
        conditions.iter().enumerate().map(|(i, condition)| self.condition(condition, &at.item(i))).collect()
    }

    fn all(&mut self, mut checks: impl Iterator<Item = Cond>) -> Cond {
        let steps = |check: &Cond| match check {
            Cond::Attr { check, .. } => check.steps_on_attribute(),
            Cond::UserId { check, .. } => check.steps(),
            _ => 1,
        };
        // The clause itself has counted for one.
        match (checks.next(), checks.next()) {
            (Some(only), None) => {
                self.steps += steps(&only).saturating_sub(1);
                only
            }
            (first, second) => {
                let all: Box<[_]> = first.into_iter().chain(second).chain(checks).collect();
                self.steps += all.iter().map(steps).sum::<u64>().saturating_sub(1);
                Cond::All(all)
            }
        }
    }

    fn segments(&mut self, keys: &[SegmentKey], at: &Place<'_>) -> Cond {
        let mut slots = Vec::with_capacity(keys.len());
        for (i, key) in keys.iter().enumerate() {
            match (self.slot_of)(key) {
                Some(slot) => slots.push(slot),
                None if keys.len() == 1 => self.found.add(at, format!("there is no segment `{key}`")),
                None => self.found.add(&at.item(i), format!("there is no segment `{key}`")),
            }
            self.refer(Reference::Segment(key.clone()), at);
        }
        Cond::Segments(slots.into())
    }

    fn need(&mut self, prerequisite: &Prerequisite, at: &Place<'_>) -> Cond {
        let Prerequisite { key, variant } = prerequisite;
        let variants: Box<[VariantKey]> = variant.as_slice().into();
        self.refer(Reference::Flag(key.clone(), variants.clone()), at);
        Cond::Flag(Box::new(Need { key: key.clone(), hash: KeyHash::of(key.as_str()), variants }))
    }

    fn refer(&mut self, reference: Reference, at: &Place<'_>) {
        self.references.push((reference, at.pointer().into()));
    }

    fn gate(&mut self, percentage: &Percentage) -> Gate {
        let (domain, text) = match &percentage.salt {
            Some(salt) => (Domain::Percentage, salt.as_str()),
            None => self.default_seed,
        };
        let end = |(value, at)| (Threshold::from_percentage(value), at);
        Gate {
            seed: Seed::new(domain, self.tenant, text),
            by: percentage.by.as_deref().map(AttributeName::new),
            limit: match percentage.amount {
                Amount::Fixed(value) => Limit::Fixed(Threshold::from_percentage(value)),
                Amount::Growing { from, to } => Limit::Growing { from: end(from), to: end(to) },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Segment;
    use crate::compile::CompiledSegment;
    use crate::limits::{READ_STEPS, REGEX_STEPS, SEARCH_STEPS, STEP_LENGTH, STEP_TEXTS, VERSION_STEPS};

    /// A list of 200 values, and a quarter more.
    const LOOKUPS_MAX: u64 = 250;

    fn compiled(criteria: &Value) -> CompiledSegment {
        let segment =
            Segment::from_value(&json!({"key": "s", "criteria": criteria})).unwrap_or_else(|faults| panic!("{criteria}: {faults}"));
        CompiledSegment::new(&segment, &"acme".parse().unwrap(), &|_| Some(SegmentSlot(0)), &mut Findings::default())
    }

    /// Of the condition alone: the segment around it counts for one.
    fn steps(criteria: &Value) -> u64 {
        compiled(criteria).outline.steps - 1
    }

    #[test]
    fn every_kind_of_clause_and_test_counts_for_the_steps_that_it_may_take() {
        let on_attribute = |test: Value| steps(&json!({"attr": {"x": test}}));
        let on_user_id = |test: Value| steps(&json!({ "user_id": test }));
        let many = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
        let long = "x".repeat(STEP_LENGTH * 3);
        for one in [json!({}), json!({"segment": "a"}), json!({"percentage": 5}), json!({"time": {"after": "2026-01-01T00:00:00Z"}})] {
            assert_eq!(steps(&one), 1, "{one}");
        }
        for (test, on_id, more_for_lists) in [
            (json!("a"), 1, 1),
            (json!(long), 4, 1),
            (json!(true), 1, 0),
            (json!({"exists": true}), 1, 0),
            (json!({"starts_with": "a"}), 1, 1),
            (json!({"ends_with": long}), 4, 1),
            (json!({"lt": "a"}), 1, 0),
            (json!(many(STEP_TEXTS)), 1, 2),
            (json!(many(STEP_TEXTS + 1)), 1, 3),
            (json!(many(10_000)), 1, 1 + LOOKUPS_MAX),
            (json!({"iin": many(STEP_TEXTS)}), READ_STEPS, 2),
            (json!([1, 2, 3]), READ_STEPS, 3),
            (json!([1, 2, "a", "b", true]), READ_STEPS, 3),
            (json!({"ieq": "a"}), READ_STEPS, 0),
            (json!({"istarts_with": "a"}), READ_STEPS, 0),
            (json!(7), READ_STEPS, 0),
            (json!({"gt": 7}), READ_STEPS, 0),
            (json!({"before": "2026-01-01T00:00:00Z"}), READ_STEPS, 0),
            (json!({"ip_in": ["10.0.0.0/8", "11.0.0.0/8", "::1"]}), READ_STEPS, 3),
            (json!({"semver_gt": "1.2"}), VERSION_STEPS, 0),
            (json!({"contains": "a"}), SEARCH_STEPS, 0),
            (json!({"icontains": "a"}), SEARCH_STEPS, 0),
            (json!({"matches": "a"}), REGEX_STEPS, 0),
        ] {
            assert_eq!(on_user_id(test.clone()), on_id, "{test}");
            assert_eq!(on_attribute(test.clone()), on_id + more_for_lists, "{test}");
        }
    }

    #[test]
    fn clauses_and_tests_are_counted_together() {
        let several = json!({"user_id": "a", "attr": {"x": true, "y": {"gt": 1, "lt": 5}}, "percentage": 5});
        assert_eq!(steps(&several), 1 + (1 + 2 * READ_STEPS) + 1);
        assert_eq!(steps(&json!({"all": [several, {}, {"not": {}}]})), 1 + (3 + 2 * READ_STEPS) + 1 + 2);
    }

    fn gate(percentage: &Value) -> Gate {
        match compiled(&json!({ "percentage": percentage })).criteria {
            Cond::Percentage(gate) => *gate,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn percentages_go_by_one_bucket_where_salt_and_attribute_are_the_same() {
        let first = gate(&json!({"value": 5, "by": "org", "salt": "a"}));
        assert!(first.decides_with(&gate(&json!({"value": 50, "by": "org", "salt": "a"}))));
        assert!(!first.decides_with(&gate(&json!({"value": 5, "by": "org", "salt": "b"}))));
        assert!(!first.decides_with(&gate(&json!({"value": 5, "by": "team", "salt": "a"}))));
        assert!(!first.decides_with(&gate(&json!({"value": 5, "salt": "a"}))));
    }

    #[test]
    fn only_a_percentage_between_two_instants_grows() {
        let ends = json!({"from": {"value": 0, "at": "2026-01-01T00:00:00Z"}, "to": {"value": 9, "at": "2026-01-02T00:00:00Z"}});
        assert!(gate(&ends).limit.grows() && !gate(&json!(9)).limit.grows());
    }
}

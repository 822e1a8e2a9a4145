//! Which tests must change their outcome for a condition to have the wanted one.

use super::demand::{DISTINCT_MAX, Demanded, Leaf, Subject, Wrong};
use super::world::World;
use super::{Goal, Reach, Search};
use crate::compile::{CompiledFlag, CompiledSegment, Cond, Gate, Membership, Need, SegmentSlot, Split};
use crate::user::{AttributeValue, User};

/// A part of `all`, `any` or a list of segments.
#[derive(Clone, Copy)]
enum Part<'a> {
    Cond(&'a Cond),
    Segment(SegmentSlot),
}

impl<'a> Search<'a> {
    pub(super) fn goal(&mut self, goal: Goal, world: &World<'a>) -> Option<Wrong<'a>> {
        let flag = self.flag;
        let (target, earlier) = match goal {
            Goal::Decides(_) if !world.is_on => {
                let switch = Demanded::of(Subject::FlagOn, Leaf::FlagOn, true);
                return Some(self.beyond_attributes(switch));
            }
            Goal::Decides(target) => (target, target),
            Goal::Holds(target) => (target, 0),
        };
        let rules = flag.rules.iter().take(earlier).map(|rule| (Part::Cond(&rule.when), false));
        let last = flag.rules.get(target).map(|rule| (Part::Cond(&rule.when), true));
        let mut wrong = self.every(world, rules.chain(last))?;
        if wrong.tests.len() <= DISTINCT_MAX {
            for test in std::mem::take(&mut wrong.tests) {
                let is_same =
                    |known: &Demanded<'_>| known.leaf.is(&test.leaf) && known.want == test.want && known.subject.is(&test.subject);
                if !wrong.tests.iter().any(is_same) {
                    wrong.tests.push(test);
                }
            }
        }
        Some(wrong)
    }

    fn condition(&mut self, world: &World<'a>, condition: &'a Cond, want: bool) -> Option<Wrong<'a>> {
        if self.is_exhausted() {
            return Some(Wrong::never());
        }
        self.work += 1;
        match condition {
            Cond::All(inner) | Cond::Any(inner) => {
                let parts = inner.iter().map(|inner| (Part::Cond(inner), want));
                if matches!(condition, Cond::All(_)) == want { self.every(world, parts) } else { self.some(world, parts) }
            }
            Cond::Segments(slots) => {
                let parts = slots.iter().map(|slot| (Part::Segment(*slot), want));
                if want { self.some(world, parts) } else { self.every(world, parts) }
            }
            Cond::Not(inner) => self.condition(world, inner, !want),
            Cond::Everyone => (!want).then(Wrong::never),
            Cond::Attr { .. } | Cond::UserId { .. } | Cond::Percentage(_) | Cond::Time { .. } | Cond::Flag(_) => {
                self.leaf(world, condition, want)
            }
        }
    }

    fn part(&mut self, world: &World<'a>, part: Part<'a>, want: bool) -> Option<Wrong<'a>> {
        match part {
            Part::Cond(condition) => self.condition(world, condition, want),
            Part::Segment(slot) => match self.ruleset.segment_at(slot) {
                Some(segment) => self.member(world, segment, want),
                None => want.then(Wrong::never),
            },
        }
    }

    /// All parts must have the wanted outcome: of those that have not, the one that leaves the least choice; those that name no
    /// value come last, whatever the order in which they are written. What the others need counts too, as far as they need
    /// other attributes.
    fn every(&mut self, world: &World<'a>, parts: impl Iterator<Item = (Part<'a>, bool)>) -> Option<Wrong<'a>> {
        let mut least: Option<(_, Vec<_>)> = None;
        let (mut changes_min, mut within) = (0, Vec::new());
        for (part, want) in parts {
            let Some(wrong) = self.part(world, part, want) else { continue };
            if wrong.tests.is_empty() {
                return Some(wrong);
            }
            if within.len() <= DISTINCT_MAX && wrong.within.iter().all(|name| !within.contains(name)) {
                changes_min += wrong.changes_min;
                within.extend(wrong.within);
            }
            let choice = (wrong.tests.iter().map(|test| vagueness(world, test)).max(), wrong.tests.len());
            if least.as_ref().is_none_or(|(least, _)| choice < *least) {
                least = Some((choice, wrong.tests));
            }
        }
        least.map(|(_, tests)| Wrong { tests, changes_min, within })
    }

    /// One part must have the wanted outcome: if none has, any test of any part may be the one.
    fn some(&mut self, world: &World<'a>, parts: impl Iterator<Item = (Part<'a>, bool)>) -> Option<Wrong<'a>> {
        let mut all = Wrong::never();
        for (part, want) in parts {
            all = all.or(self.part(world, part, want)?);
        }
        Some(all)
    }

    /// What is not about attributes leads on only where that is allowed.
    fn beyond_attributes(&self, test: Demanded<'a>) -> Wrong<'a> {
        if self.reach == Reach::Everything { Wrong::one_of(vec![test]) } else { Wrong::never() }
    }

    /// The outermost object of the user under which an attribute lies, or the attribute: a change of the one may spare that
    /// of another under the same.
    pub(super) fn root(&self, name: &'a str) -> &'a str {
        let mut outer = name.match_indices('.').filter_map(|(at, _)| name.get(..at));
        outer.find(|outer| self.user.attribute(outer) == Some(&AttributeValue::Object)).unwrap_or(name)
    }

    fn attribute(&self, world: &World<'a>, test: Demanded<'a>, name: &'a str) -> Wrong<'a> {
        let root = self.root(name);
        // Beyond attributes a value may be supposed, and nothing changes.
        let must_change = self.reach == Reach::Attributes && !world.changed.contains(&root);
        Wrong { tests: vec![test], changes_min: usize::from(must_change), within: if must_change { vec![root] } else { Vec::new() } }
    }

    fn member(&mut self, world: &World<'a>, segment: &'a CompiledSegment, want: bool) -> Option<Wrong<'a>> {
        let listed = |leaf, want| Demanded::of(Subject::UserId, leaf, want);
        match (world.membership(segment), want) {
            (Membership::Excluded, false) | (Membership::Included, true) => None,
            (Membership::Excluded, true) => Some(self.beyond_attributes(listed(Leaf::Excluded(segment), false))),
            (Membership::Included, false) => Some(self.beyond_attributes(listed(Leaf::Included(segment), false))),
            (Membership::ByCriteria, _) => {
                let wrong = self.condition(world, &segment.criteria, want)?;
                let (list, leaf) =
                    if want { (&segment.included, Leaf::Included(segment)) } else { (&segment.excluded, Leaf::Excluded(segment)) };
                if list.is_empty() { Some(wrong) } else { Some(wrong.or(self.beyond_attributes(listed(leaf, true)))) }
            }
        }
    }

    fn leaf(&mut self, world: &World<'a>, condition: &'a Cond, want: bool) -> Option<Wrong<'a>> {
        let leaf = Leaf::Cond(condition);
        if world.supposes(leaf, want) {
            return None;
        }
        if world.supposes(leaf, !want) {
            return Some(Wrong::never());
        }
        let test = |subject| Demanded::of(subject, leaf, want);
        match condition {
            Cond::Flag(need) if self.reach == Reach::Attributes => self.prerequisite(world, need, want),
            Cond::Flag(need) => {
                let given = world.flags.iter().find(|(key, _)| **key == need.key);
                let holds = match given {
                    Some((_, variant)) => need.variants.contains(variant),
                    None => self.test(&world.user, world.now, condition),
                };
                (holds != want).then(|| Wrong::one_of(vec![test(Subject::Flag(&need.key))]))
            }
            Cond::Percentage(gate) => {
                let is_unknown = world.is_unknown(&Subject::of_gate(gate));
                let is_met = !is_unknown && self.test(&world.user, world.now, condition) == want;
                (!is_met).then(|| self.percentage(world, gate, is_unknown, test))
            }
            _ => {
                let subject = match condition {
                    Cond::Attr { name, .. } => Subject::Attribute(name.as_str()),
                    Cond::UserId { .. } => Subject::UserId,
                    _ => Subject::Instant,
                };
                if let Subject::Attribute(name) = subject {
                    self.work += weight(world.user.attribute(name));
                }
                match subject {
                    _ if world.is_likely(&subject, condition, want) => None,
                    _ if world.is_unknown(&subject) => Some(Wrong::one_of(vec![test(subject)])),
                    _ if self.test(&world.user, world.now, condition) == want => None,
                    Subject::Attribute(name) => Some(self.attribute(world, test(subject), name)),
                    _ => Some(self.beyond_attributes(test(subject))),
                }
            }
        }
    }

    /// A value has the bucket that it has. What may be otherwise is the value by which the percentage goes, and the time.
    fn percentage(&self, world: &World<'a>, gate: &'a Gate, is_unknown: bool, test: impl Fn(Subject<'a>) -> Demanded<'a>) -> Wrong<'a> {
        let subject = Subject::of_gate(gate);
        match (self.reach, subject) {
            (Reach::Attributes, Subject::Attribute(name)) if !is_unknown => self.attribute(world, test(subject), name),
            (Reach::Attributes, Subject::Attribute(_)) => Wrong::one_of(vec![test(subject)]),
            (Reach::Attributes, _) => Wrong::never(),
            // When a percentage passes a bucket that is not known cannot be told.
            (Reach::Everything, _) if gate.limit.grows() && !is_unknown => Wrong::one_of(vec![test(Subject::Instant), test(subject)]),
            (Reach::Everything, _) => Wrong::one_of(vec![test(subject)]),
        }
    }

    /// Another flag must give a wanted variant, or must not. Its answer is that of the first of its rules that holds: either
    /// an earlier one with a right answer must hold, or this one must not, if a right answer comes later.
    fn prerequisite(&mut self, world: &World<'a>, need: &'a Need, want: bool) -> Option<Wrong<'a>> {
        let Some(flag) = self.ruleset.flag_hashed(need.hash, need.key.as_str()) else { return want.then(Wrong::never) };
        let is_right = |variant: u32| {
            let key = flag.variants.get(variant as usize).map(|(key, _)| key);
            key.is_some_and(|key| need.variants.contains(key)) == want
        };
        if !flag.is_on {
            return (!is_right(flag.off_variant)).then(Wrong::never);
        }
        let picked = |split: &Split| is_right(picked(flag, split, &world.user));
        let mut wrong = Wrong::never();
        for (i, rule) in flag.rules.iter().enumerate() {
            match (self.condition(world, &rule.when, true), picked(&rule.rollout)) {
                (None, true) => return None,
                (None, false) => {
                    let comes_later = flag.rules.iter().skip(i + 1).any(|later| picked(&later.rollout)) || picked(&flag.default);
                    let otherwise = if comes_later { self.condition(world, &rule.when, false) } else { None };
                    return Some(wrong.or(otherwise.unwrap_or_default()));
                }
                (Some(tests), true) => wrong = wrong.or(tests),
                (Some(_), false) => {}
            }
        }
        (!picked(&flag.default)).then_some(wrong)
    }
}

/// How little a test tells of the value that it asks for. Most of those that must pass name one; what forbids says little of a
/// value that is only supposed, and of a bucket nothing can be told.
fn vagueness(world: &World<'_>, test: &Demanded<'_>) -> u8 {
    match test.leaf {
        Leaf::Cond(Cond::Percentage(_)) => 2,
        Leaf::Cond(Cond::Attr { negated, .. } | Cond::UserId { negated, .. }) if test.want == *negated => {
            u8::from(world.is_unknown(&test.subject))
        }
        _ => 0,
    }
}

fn picked(flag: &CompiledFlag, split: &Split, user: &User) -> u32 {
    match split {
        Split::One(variant) => *variant,
        Split::Many(shares) => Split::pick(shares, flag.seed.bucket(user.id())),
    }
}

/// What a test of this attribute counts for: long ones take long.
pub(super) fn weight(value: Option<&AttributeValue>) -> u64 {
    match value {
        Some(AttributeValue::String(text)) => text.len() as u64 / 64,
        Some(AttributeValue::List(items)) => items.iter().map(|item| 1 + weight(Some(item))).sum(),
        _ => 0,
    }
}

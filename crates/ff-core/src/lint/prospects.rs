//! What the other flags and segments can come to: which variants a flag can give, whether a segment has anybody in it.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use super::asked::Seeds;
use crate::bucket::Threshold;
use crate::compile::{CompiledFlag, CompiledSegment, Cond, Gate, Limit, Split};
use crate::error::Entity;
use crate::key::{FlagKey, SegmentKey, VariantKey};
use crate::ruleset::Ruleset;

/// Whether a condition comes out the same for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlook {
    Always,
    Never,
    /// It depends, or it cannot be told.
    Open,
}

/// Answers about the entities of a ruleset, each found once.
#[derive(Debug)]
pub(super) struct Prospects<'a> {
    pub(super) ruleset: &'a Ruleset,
    segments: RefCell<HashMap<SegmentKey, Outlook>>,
    /// None stands for every variant: while a flag is being looked at.
    flags: RefCell<HashMap<FlagKey, Option<BTreeSet<VariantKey>>>>,
    pub(super) asked: RefCell<HashMap<Entity, Seeds>>,
}

/// How many members of a list are looked at in search of one that is not excluded.
const MEMBERS_SEEN_MAX: usize = 1_000;

impl Outlook {
    fn not(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Open => Self::Open,
        }
    }

    fn all(outlooks: impl Iterator<Item = Self>) -> Self {
        let mut sum = Self::Always;
        for outlook in outlooks {
            match outlook {
                Self::Never => return Self::Never,
                Self::Open => sum = Self::Open,
                Self::Always => {}
            }
        }
        sum
    }

    fn any(outlooks: impl Iterator<Item = Self>) -> Self {
        Self::all(outlooks.map(Self::not)).not()
    }
}

impl<'a> Prospects<'a> {
    pub(super) fn new(ruleset: &'a Ruleset) -> Self {
        Self { ruleset, segments: RefCell::default(), flags: RefCell::default(), asked: RefCell::default() }
    }

    /// Whether everybody or nobody is in the segment; open for one that is not there.
    pub(super) fn segment(&self, key: &SegmentKey) -> Outlook {
        self.ruleset.segments().get(key).map_or(Outlook::Open, |segment| self.compiled_segment(segment))
    }

    fn compiled_segment(&self, segment: &CompiledSegment) -> Outlook {
        if let Some(known) = self.segments.borrow().get(&segment.key) {
            return *known;
        }
        // A ruleset has no circles, but what is being linted need not be the one that is in it.
        self.segments.borrow_mut().insert(segment.key.clone(), Outlook::Open);
        let outlook = match self.condition(&segment.criteria) {
            Outlook::Always if segment.excluded.is_empty() => Outlook::Always,
            Outlook::Never if !has_members(segment) => Outlook::Never,
            _ => Outlook::Open,
        };
        self.segments.borrow_mut().insert(segment.key.clone(), outlook);
        outlook
    }

    /// The variants that the flag can give to somebody, now that it is what it is; nothing for one that is not there.
    pub(super) fn variants(&self, key: &FlagKey) -> Option<BTreeSet<VariantKey>> {
        let flag = self.ruleset.flag(key.as_str())?;
        if let Some(known) = self.flags.borrow().get(key) {
            return known.clone();
        }
        self.flags.borrow_mut().insert(key.clone(), None);
        let variants = self.given_by(flag);
        self.flags.borrow_mut().insert(key.clone(), Some(variants.clone()));
        Some(variants)
    }

    fn given_by(&self, flag: &CompiledFlag) -> BTreeSet<VariantKey> {
        let mut given = BTreeSet::new();
        let mut give = |number: u32| given.extend(flag.variants.get(number as usize).map(|(key, _)| key.clone()));
        if !flag.is_on {
            give(flag.off_variant);
            return given;
        }
        let mut give_all = |split: &Split| match split {
            Split::One(variant) => give(*variant),
            Split::Many(shares) => shares.iter().for_each(|(_, variant)| give(*variant)),
        };
        for rule in &flag.rules {
            let outlook = self.condition(&rule.when);
            if outlook != Outlook::Never {
                give_all(&rule.rollout);
            }
            if outlook == Outlook::Always {
                return given;
            }
        }
        give_all(&flag.default);
        given
    }

    fn condition(&self, condition: &Cond) -> Outlook {
        match condition {
            Cond::Everyone => Outlook::Always,
            Cond::Attr { .. } | Cond::UserId { .. } | Cond::Time { .. } => Outlook::Open,
            Cond::Segments(slots) => Outlook::any(
                slots.iter().map(|slot| self.ruleset.segment_at(*slot).map_or(Outlook::Never, |segment| self.compiled_segment(segment))),
            ),
            Cond::Percentage(gate) => percentage(gate),
            Cond::Flag(need) => match self.variants(&need.key) {
                Some(given) if given.iter().all(|variant| need.variants.contains(variant)) => Outlook::Always,
                Some(given) if given.iter().all(|variant| !need.variants.contains(variant)) => Outlook::Never,
                _ => Outlook::Open,
            },
            Cond::All(inner) => Outlook::all(inner.iter().map(|condition| self.condition(condition))),
            Cond::Any(inner) => Outlook::any(inner.iter().map(|condition| self.condition(condition))),
            Cond::Not(inner) => self.condition(inner).not(),
        }
    }
}

fn has_members(segment: &CompiledSegment) -> bool {
    let mut seen = 0;
    let mut members = segment.included.iter().inspect(|_| seen += 1).take(MEMBERS_SEEN_MAX);
    let found = members.any(|id| !segment.excluded.contains(id));
    drop(members);
    found || seen == MEMBERS_SEEN_MAX
}

fn percentage(gate: &Gate) -> Outlook {
    let (least, most) = match gate.limit {
        Limit::Fixed(threshold) => (threshold, threshold),
        Limit::Growing { from: (from, _), to: (to, _) } => (from.min(to), from.max(to)),
    };
    if most == Threshold::Below(0) {
        Outlook::Never
    } else if least == Threshold::All && gate.by.is_none() {
        Outlook::Always
    } else {
        Outlook::Open
    }
}

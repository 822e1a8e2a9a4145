//! What a condition is evaluated in.

use super::demand::{Leaf, Subject};
use crate::compile::{Check, CompiledSegment, Cond, Membership};
use crate::key::{FlagKey, VariantKey};
use crate::timestamp::Timestamp;
use crate::user::User;

/// All that an evaluation depends on, as a hypothesis has it.
#[derive(Debug)]
pub(super) struct World<'a> {
    pub(super) user: User,
    pub(super) now: Timestamp,
    pub(super) is_on: bool,
    /// Attributes that change, each as [`Search::root`] has it.
    pub(super) changed: Vec<&'a str>,
    pub(super) flags: Vec<(&'a FlagKey, &'a VariantKey)>,
    /// Tests that are supposed to have the demanded outcome, though no value is known that gives it.
    pub(super) supposed: Vec<(Leaf<'a>, bool)>,
    /// What those tests are about. Of other tests of the same the outcome is not known.
    pub(super) unknown: Vec<Subject<'a>>,
    /// Of those the ones of which nothing is asked but buckets, so that nearly any other value may do.
    pub(super) nearly_any: Vec<Subject<'a>>,
}

impl World<'_> {
    pub(super) fn supposes(&self, leaf: Leaf<'_>, outcome: bool) -> bool {
        self.supposed.iter().any(|(known, supposed)| known.is(&leaf) && *supposed == outcome)
    }

    pub(super) fn is_unknown(&self, subject: &Subject<'_>) -> bool {
        self.unknown.iter().any(|known| known.is(subject))
    }

    /// Whether a value of which nothing is known but that it has a bucket has this outcome: it is there, and it is none of what
    /// tests name.
    pub(super) fn is_likely(&self, subject: &Subject<'_>, condition: &Cond, want: bool) -> bool {
        let (Cond::Attr { check, negated, .. } | Cond::UserId { check, negated }) = condition else { return false };
        self.nearly_any.iter().any(|known| known.is(subject)) && (want != *negated) == matches!(check, Check::Exists)
    }

    /// What the lists say of the user. One of whom no more is known than what is supposed is in no list but those.
    pub(super) fn membership(&self, segment: &CompiledSegment) -> Membership {
        let id = self.user.id();
        let is_known = !self.is_unknown(&Subject::UserId);
        let is_listed = |actual: bool, leaf: Leaf<'_>| (actual && is_known) || self.supposes(leaf, true);
        if is_listed(segment.excluded.contains(id), Leaf::Excluded(segment)) {
            Membership::Excluded
        } else if is_listed(segment.included.contains(id), Leaf::Included(segment)) {
            Membership::Included
        } else {
            Membership::ByCriteria
        }
    }
}

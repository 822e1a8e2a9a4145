//! What leaves about one subject say of one another.

use super::graph::{Conflict, Fact, Graph, Term};
use super::single_value::{Wanted, a_list_passes, none_passes, nothing_passes};

impl Graph<'_> {
    /// Leaves of a group that cannot all hold. The group is about one subject.
    pub(super) fn conflict_of_leaves(&self, group: &[Term]) -> Option<Conflict> {
        for (i, one) in group.iter().enumerate() {
            for other in group.iter().skip(i + 1) {
                if !self.burn(1) {
                    return None;
                }
                if self.exclude(*one, *other) {
                    return Some(vec![*one, *other]);
                }
            }
        }
        let Some(Fact::Test(atom)) = self.fact(*group.first()?) else { return None };
        let cannot = if atom.is_user_id { none_passes } else { nothing_passes };
        self.fewest(group, cannot)
    }

    /// Tests on one attribute that no single value passes.
    pub(super) fn needs_list(&self, group: &[Term]) -> Option<Vec<Term>> {
        self.fewest(group, none_passes)
    }

    /// Whether certainly some list passes all these tests on one attribute.
    pub(super) fn admits_list(&self, group: &[Term]) -> bool {
        self.paid(|fuel| a_list_passes(&self.wanted(group), fuel))
    }

    fn wanted(&self, group: &[Term]) -> Vec<Wanted<'_>> {
        let test = |term: &Term| if let Some(Fact::Test(atom)) = self.fact(*term) { Some((atom, !term.is_negated())) } else { None };
        group.iter().filter_map(test).collect()
    }

    /// If it is so of the group: a part of it of which it is so already, and of none with one test less, as far as can be told.
    fn fewest(&self, group: &[Term], is_so: fn(&[Wanted<'_>], &mut u64) -> bool) -> Option<Vec<Term>> {
        let is_so_of = |part: &[Term]| self.paid(|fuel| is_so(&self.wanted(part), fuel));
        is_so_of(group).then(|| {
            self.within_share(|| {
                let mut part = group.to_vec();
                let mut at = 0;
                while at < part.len() && self.burn(part.len()) {
                    let mut fewer = part.clone();
                    fewer.remove(at);
                    if is_so_of(&fewer) { part = fewer } else { at += 1 }
                }
                part
            })
        })
    }

    /// Whether two leaves about one subject certainly exclude one another.
    pub(super) fn exclude(&self, one: Term, other: Term) -> bool {
        let (Some(one_fact), Some(other_fact)) = (self.fact(one), self.fact(other)) else { return false };
        match (one.is_negated(), other.is_negated()) {
            (false, true) => self.fact_implies(one_fact, other_fact),
            (true, false) => self.fact_implies(other_fact, one_fact),
            (false, false) => match (one_fact, other_fact) {
                (Fact::Gives { variants: one, .. }, Fact::Gives { variants: other, .. }) => one.is_disjoint(other),
                (Fact::Test(atom), Fact::Test(other)) => {
                    atom.is_user_id && self.paid(|fuel| none_passes(&[(atom, true), (other, true)], fuel))
                }
                _ => false,
            },
            (true, true) => false,
        }
    }

    fn fact_implies(&self, one: &Fact<'_>, other: &Fact<'_>) -> bool {
        match (one, other) {
            (Fact::Test(one), Fact::Test(other)) => {
                let steps = one.shape.size().saturating_mul(other.shape.cost());
                self.burn(1 + steps) && one.implies(other)
            }
            (Fact::Below { most, .. }, Fact::Below { least, .. }) => most <= least,
            (Fact::From(one), Fact::From(other)) => one >= other,
            (Fact::Gives { variants: one, .. }, Fact::Gives { variants: other, .. }) => one.is_subset(other),
            _ => false,
        }
    }
}

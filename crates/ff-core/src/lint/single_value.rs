//! Can one value pass several tests? The question that finds `gt 5` next to `lt 3`.
//!
//! An attribute that is a list passes each test by an element of its own, so for attributes the answer "no" means that only
//! lists match; for user ids it means that nobody does.

use crate::lint::interval::Interval;
use crate::lint::test_atom::{Candidate, Shape, TestAtom};
use crate::model::TextPlace;

/// A test, and whether it must hold or must not.
pub(super) type Wanted<'a> = (&'a TestAtom<'a>, bool);

/// Whether certainly no single value passes. Work is paid for with `fuel`; where it runs out, nothing is certain.
pub(super) fn none_passes(wanted: &[Wanted<'_>], fuel: &mut u64) -> bool {
    let asked: Vec<&Shape<'_>> = wanted.iter().filter(|(_, holds)| *holds).map(|(atom, _)| &atom.shape).collect();
    if asked.is_empty() || wanted.len() < 2 {
        return false;
    }
    are_of_different_kinds(&asked) || have_no_common_stretch(&asked) || stand_in_the_way(&asked, fuel) || rule_out_all(wanted, fuel)
}

/// Instants, addresses, versions and numbers are written in ways of which no two fit the same text, but for versions and
/// numbers: `1.5` is both.
fn are_of_different_kinds(asked: &[&Shape<'_>]) -> bool {
    let has = |is_it: fn(&Shape<'_>) -> bool| usize::from(asked.iter().any(|shape| is_it(shape)));
    let instant = has(|shape| matches!(shape, Shape::Instants(_)));
    let address = has(|shape| matches!(shape, Shape::Addresses));
    let version_or_number = has(|shape| matches!(shape, Shape::Versions(_) | Shape::Numbers(_)));
    instant + address + version_or_number > 1
}

fn have_no_common_stretch(asked: &[&Shape<'_>]) -> bool {
    macro_rules! is_empty {
        ($kind:path) => {
            is_disjoint(asked.iter().filter_map(|shape| if let $kind(interval) = shape { Some(interval) } else { None }))
        };
    }
    is_empty!(Shape::Numbers) || is_empty!(Shape::Texts) || is_empty!(Shape::Instants) || is_empty!(Shape::Versions)
}

fn is_disjoint<'a, T: Ord + Clone + 'a>(intervals: impl Iterator<Item = &'a Interval<T>>) -> bool {
    intervals.cloned().reduce(|one, other| one.and(&other)).is_some_and(|common| common.is_empty())
}

/// Two beginnings of one text: the longer begins with the shorter. Likewise two ends.
fn stand_in_the_way(asked: &[&Shape<'_>], fuel: &mut u64) -> bool {
    let texts = |wanted: TextPlace| {
        asked.iter().filter_map(move |shape| match shape {
            Shape::Stands(place, text) if *place == wanted => Some(text),
            _ => None,
        })
    };
    let pairs = texts(TextPlace::Start).count().pow(2) + texts(TextPlace::End).count().pow(2);
    if !burn(fuel, pairs) {
        return false;
    }
    texts(TextPlace::Start).any(|a| texts(TextPlace::Start).any(|b| !a.starts_with(*b) && !b.starts_with(*a)))
        || texts(TextPlace::End).any(|a| texts(TextPlace::End).any(|b| !a.ends_with(*b) && !b.ends_with(*a)))
}

/// Where a test names all values that pass it: does another test rule each of them out?
fn rule_out_all(wanted: &[Wanted<'_>], fuel: &mut u64) -> bool {
    let cost: usize = wanted.iter().map(|(atom, _)| atom.shape.cost()).sum();
    wanted.iter().filter(|(_, holds)| *holds).any(|(atom, _)| {
        let Some(count) = atom.shape.count() else { return false };
        if !burn(fuel, count.saturating_mul(cost)) {
            return false;
        }
        let is_ruled_out = |candidate: &Candidate<'_>| wanted.iter().any(|(other, holds)| other.admits(candidate) == Some(!holds));
        atom.all_candidates(is_ruled_out).unwrap_or_default()
    })
}

/// Pays for so many steps, if there is enough left.
pub(super) fn burn(fuel: &mut u64, steps: usize) -> bool {
    let rest = fuel.checked_sub(steps as u64);
    *fuel = rest.unwrap_or_default();
    rest.is_some()
}

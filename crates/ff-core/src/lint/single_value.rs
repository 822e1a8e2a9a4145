//! Can one value pass several tests? The question that finds `gt 5` next to `lt 3`. And can a list?
//!
//! An attribute that is a list passes each test that must hold by an element of its own, and each that must not only if no
//! element passes it. So for attributes the answer "no single value" means that only lists match; for user ids it means that
//! nobody does.

use crate::lint::addresses::Addresses;
use crate::lint::interval::Interval;
use crate::lint::shape::Shape;
use crate::lint::stand::Stand;
use crate::lint::test_atom::{Candidate, TestAtom};

/// A test, and whether it must hold or must not.
pub(super) type Wanted<'a> = (&'a TestAtom<'a>, bool);

/// Whether certainly no single value passes. Work is paid for with `fuel`; where it runs out, nothing is certain.
pub(super) fn none_passes(wanted: &[Wanted<'_>], fuel: &mut u64) -> bool {
    let asked: Vec<&Shape<'_>> = wanted.iter().filter(|(_, holds)| *holds).map(|(atom, _)| &atom.shape).collect();
    if asked.is_empty() || wanted.len() < 2 {
        return false;
    }
    are_of_different_kinds(&asked)
        || have_no_common_stretch(&asked, fuel)
        || stand_in_the_way(&asked, fuel)
        || ruled_out(wanted, wanted, fuel)
}

/// Whether certainly no value at all passes, and no list either: all that pass one of the tests are forbidden by others.
pub(super) fn nothing_passes(wanted: &[Wanted<'_>], fuel: &mut u64) -> bool {
    let forbidding: Vec<_> = wanted.iter().filter(|(_, holds)| !holds).copied().collect();
    !forbidding.is_empty() && ruled_out(wanted, &forbidding, fuel)
}

/// Whether certainly some list passes.
pub(super) fn a_list_passes(wanted: &[Wanted<'_>], fuel: &mut u64) -> bool {
    let forbidding: Vec<_> = wanted.iter().filter(|(_, holds)| !holds).copied().collect();
    let cost: usize = forbidding.iter().map(|(atom, _)| atom.shape.cost()).sum();
    let may_be_forbidden = |candidate: &Candidate<'_>| forbidding.iter().any(|(atom, _)| atom.admits(candidate) != Some(false));
    wanted.iter().filter(|(_, holds)| *holds).all(|(atom, _)| match &atom.shape {
        // Whatever passes the others exists.
        Shape::Exists => true,
        // It may be an expression that is found nowhere.
        Shape::Pattern | Shape::OtherTexts => false,
        _ if forbidding.is_empty() => true,
        shape => burn(fuel, shape.size().saturating_mul(cost)) && atom.all_candidates(may_be_forbidden) == Some(false),
    })
}

/// Instants, addresses, versions and numbers are written in ways of which no two fit the same text, but for versions and
/// numbers: `1.5` is both.
fn are_of_different_kinds(asked: &[&Shape<'_>]) -> bool {
    let has = |is_it: fn(&Shape<'_>) -> bool| usize::from(asked.iter().any(|shape| is_it(shape)));
    let instant = has(|shape| matches!(shape, Shape::Instants(_)));
    let address = has(|shape| matches!(shape, Shape::Addresses(_)));
    let version_or_number = has(|shape| matches!(shape, Shape::Versions(_) | Shape::Numbers(_)));
    instant + address + version_or_number > 1
}

fn have_no_common_stretch(asked: &[&Shape<'_>], fuel: &mut u64) -> bool {
    macro_rules! is_empty {
        ($kind:path) => {
            is_disjoint(asked.iter().filter_map(|shape| if let $kind(interval) = shape { Some(interval) } else { None }))
        };
    }
    let addresses = || asked.iter().filter_map(|shape| if let Shape::Addresses(addresses) = shape { Some(addresses) } else { None });
    is_empty!(Shape::Numbers)
        || is_empty!(Shape::Instants)
        || is_empty!(Shape::Versions)
        || is_disjoint(asked.iter().filter_map(|shape| shape.stretch()))
        || (burn(fuel, addresses().map(Addresses::len).sum())
            && addresses().cloned().reduce(|one, other| one.and(&other)).is_some_and(|common| common.is_empty()))
}

fn is_disjoint<'a, T: Ord + Clone + 'a>(intervals: impl Iterator<Item = &'a Interval<T>>) -> bool {
    intervals.cloned().reduce(|one, other| one.and(&other)).is_some_and(|common| common.is_empty())
}

fn stand_in_the_way(asked: &[&Shape<'_>], fuel: &mut u64) -> bool {
    let stands: Vec<&Stand<'_>> =
        asked.iter().filter_map(|shape| if let Shape::Stands(stand) = shape { Some(stand) } else { None }).collect();
    burn(fuel, stands.len().pow(2)) && stands.iter().any(|one| stands.iter().any(|other| one.clashes(other)))
}

/// Where a test that must hold names all values that pass it: does one of the others rule out each of them?
fn ruled_out(wanted: &[Wanted<'_>], others: &[Wanted<'_>], fuel: &mut u64) -> bool {
    let cost: usize = others.iter().map(|(atom, _)| atom.shape.cost()).sum();
    wanted.iter().filter(|(_, holds)| *holds).any(|(atom, _)| {
        if !burn(fuel, atom.shape.size().saturating_mul(cost)) {
            return false;
        }
        let is_ruled_out = |candidate: &Candidate<'_>| others.iter().any(|(other, holds)| other.admits(candidate) == Some(!holds));
        atom.all_candidates(is_ruled_out).unwrap_or_default()
    })
}

/// Pays for so many steps, if there is enough left.
pub(super) fn burn(fuel: &mut u64, steps: usize) -> bool {
    let rest = fuel.checked_sub(steps as u64);
    *fuel = rest.unwrap_or_default();
    rest.is_some()
}

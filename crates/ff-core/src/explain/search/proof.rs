//! Why no text meets what is asked. What is not proven here may still be so.

use super::candidates::{addresses, instants, ordered};
use super::numbers;
use super::value::{Asked, Probe};
use crate::compile::Check;
use crate::model::{Ordering, TextPlace};
use crate::user::AttributeValue;

/// Whether it is certain that no text meets all. Some of what is asked already suffices for that, so each kind of check is
/// looked at by itself.
pub(super) fn no_text(probe: &mut Probe<'_, '_>, all: &[Asked<'_>]) -> bool {
    no_number(probe, all)
        || no_place(probe, all, instants, |check| matches!(check, Check::Before(_) | Check::After(_)))
        || no_place(probe, all, addresses, |check| matches!(check, Check::Network(_)))
        || no_place(probe, all, ordered, |check| matches!(check, Check::Text(..)))
        || versions_contradict(all)
        || parts_contradict(probe, all)
}

fn of_kind<'a>(all: &[Asked<'a>], is_kind: fn(&Check) -> bool) -> Option<Vec<Asked<'a>>> {
    let kind: Vec<_> = all.iter().filter(|asked| asked.check().is_some_and(is_kind)).copied().collect();
    // One of the kind must be asked for, so that whatever passes has a place on its line.
    kind.iter().any(|asked| asked.is_positive).then_some(kind)
}

/// Checks that compare numbers see of a text nothing but its number.
fn no_number(probe: &mut Probe<'_, '_>, all: &[Asked<'_>]) -> bool {
    let compares = |check: &Check| match check {
        Check::EqualsNumber(_) | Check::Number(..) => true,
        Check::InMixed(mixed) => mixed.texts.is_empty() && mixed.bools.is_empty(),
        _ => false,
    };
    let Some(kind) = of_kind(all, compares) else { return false };
    let numbers = numbers::candidates(kind.iter().filter_map(Asked::check), None);
    !numbers.into_iter().any(|number| probe.are_met(&kind, &crate::model::plain_number(number).to_string().into()))
}

/// Checks that see of a text nothing but its place on a line, and places that stand for all others.
fn no_place(probe: &mut Probe<'_, '_>, all: &[Asked<'_>], places: fn(&[Asked<'_>]) -> Vec<String>, is_kind: fn(&Check) -> bool) -> bool {
    let Some(kind) = of_kind(all, is_kind) else { return false };
    !places(&kind).into_iter().any(|text| probe.are_met(&kind, &text.into()))
}

/// One version must be above what another must be below.
fn versions_contradict(all: &[Asked<'_>]) -> bool {
    let asked = || {
        all.iter().filter(|asked| asked.is_positive).filter_map(|asked| match asked.check() {
            Some(Check::Version(ordering, operand)) => operand.version.as_ref().map(|version| (*ordering, version)),
            _ => None,
        })
    };
    asked().filter(|(low, _)| !matches!(low, Ordering::Less | Ordering::AtMost)).any(|(low, least)| {
        asked().filter(|(high, _)| !matches!(high, Ordering::Greater | Ordering::AtLeast)).any(|(high, most)| {
            let order = least.precedence(most);
            order.is_gt() || (order.is_eq() && (low == Ordering::Greater || high == Ordering::Less))
        })
    })
}

/// Two beginnings or two endings that do not fit together, or a part that brings a forbidden one with it.
fn parts_contradict(probe: &mut Probe<'_, '_>, all: &[Asked<'_>]) -> bool {
    let parts = all.iter().filter_map(|asked| asked.check().and_then(Check::part).map(|(place, text, folds)| (asked, place, text, folds)));
    let parts: Vec<_> = parts.collect();
    let positive = || parts.iter().filter(|(asked, ..)| asked.is_positive);
    let fits = |place: TextPlace, one: &str, other: &str| match place {
        TextPlace::Start => one.starts_with(other) || other.starts_with(one),
        TextPlace::End => one.ends_with(other) || other.ends_with(one),
        TextPlace::Anywhere => true,
    };
    let clash = positive().any(|(_, place, one, folded)| {
        positive().any(|(_, same, other, also_folded)| place == same && folded == also_folded && !fits(*place, one, other))
    });
    clash
        || positive().any(|(_, place, part, is_folded)| {
            parts.iter().any(|(forbidden, at, _, folds)| {
                // What is asked for stands where the forbidden part is looked for, and case is no way out.
                let reaches = *at == TextPlace::Anywhere || at == place;
                let is_sure = *folds || !is_folded;
                !forbidden.is_positive && reaches && is_sure && !probe.is_met(forbidden, Some(&AttributeValue::from(*part)))
            })
        })
}

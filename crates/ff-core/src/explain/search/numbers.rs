//! Numbers that stand for all others: no check of the engine treats two numbers differently between which none of these lies.

use super::value::Asked;
use crate::compile::{Check, Cond};

/// Whether a number can pass at all.
pub(super) fn can_pass(asked: &Asked<'_>) -> bool {
    match asked.check() {
        Some(Check::EqualsNumber(_) | Check::Number(..) | Check::Exists) => true,
        Some(Check::InMixed(mixed)) => !mixed.numbers.is_empty(),
        Some(_) => false,
        None => matches!(asked.leaf, super::demand::Leaf::Cond(Cond::Percentage(_))),
    }
}

/// The operands, and between each two of them, below and above, what is plainest. Plain ones come first, and of those the
/// nearest to `near`.
pub(super) fn candidates<'c>(checks: impl Iterator<Item = &'c Check>, near: Option<f64>) -> Vec<f64> {
    let mut operands = Vec::new();
    for check in checks {
        match check {
            Check::EqualsNumber(number) | Check::Number(_, number) => operands.push(*number),
            Check::InMixed(mixed) => operands.extend(mixed.numbers.iter().copied()),
            _ => {}
        }
    }
    operands.sort_unstable_by(f64::total_cmp);
    operands.dedup();
    let mut all = operands.clone();
    for pair in operands.windows(2) {
        if let [low, high] = *pair {
            all.extend(between(low, high));
        }
    }
    match (operands.first(), operands.last()) {
        (Some(least), Some(greatest)) => {
            all.extend([below(*least), above(*greatest)].into_iter().flatten());
        }
        _ => all.push(near.unwrap_or(1.0)),
    }
    let distance = |number: &f64| near.map_or(0.0, |near| (number - near).abs());
    // Where fractions are asked about, they are as plain as whole numbers.
    let is_odd = |number: &f64| number.fract() != 0.0 && operands.iter().all(|operand| operand.fract() == 0.0);
    all.sort_by(|a, b| is_odd(a).cmp(&is_odd(b)).then(distance(a).total_cmp(&distance(b))));
    all
}

/// Some numbers between, whole ones first; none only where no double lies between.
fn between(low: f64, high: f64) -> Vec<f64> {
    let inside = |number: &f64| low < *number && *number < high;
    let mut some: Vec<_> =
        [low.floor() + 1.0, high.ceil() - 1.0, low / 2.0 + high / 2.0, low.next_up()].into_iter().filter(inside).collect();
    some.dedup();
    some
}

fn below(number: f64) -> Option<f64> {
    [number.ceil() - 1.0, number.next_down()].into_iter().find(|other| other.is_finite() && *other < number)
}

fn above(number: f64) -> Option<f64> {
    [number.floor() + 1.0, number.next_up()].into_iter().find(|other| other.is_finite() && *other > number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_number_between_any_two_that_have_one() {
        for (low, high) in [(0.0, 1.0), (18.0, 30.0), (0.1, 0.2), (-1e308, 1.7e308), (5e-324, 2e-323), (1e300, 2e300), (-0.5, 0.5)] {
            assert!(!between(low, high).is_empty() && between(low, high).iter().all(|n| low < *n && *n < high), "{low} {high}");
        }
        assert!(between(1.0, 1.0_f64.next_up()).is_empty());
        assert_eq!((between(18.0, 30.0)[0], below(18.0), above(18.5)), (19.0, Some(17.0), Some(19.0)));
        assert_eq!((below(f64::MIN), above(f64::MAX), above(1e300)), (None, None, Some(1e300_f64.next_up())));
    }

    #[test]
    fn what_is_whole_and_near_comes_first() {
        let checks = [Check::Number(crate::model::Ordering::AtLeast, 18.0), Check::EqualsNumber(65.0)];
        assert_eq!(candidates(checks.iter(), Some(16.0))[..2], [17.0, 18.0]);
        assert_eq!(candidates(checks.iter(), Some(70.0))[..2], [66.0, 65.0]);
        assert_eq!(candidates(checks.iter(), None)[..2], [18.0, 65.0]);
        assert_eq!(candidates([Check::EqualsNumber(0.5)].iter(), Some(0.6)), [0.5, 1.0, 0.0]);
        assert_eq!(
            candidates([Check::EqualsNumber(1.0), Check::EqualsNumber(2.0)].iter(), Some(1.4)),
            [1.0, 2.0, 0.0, 3.0, 1.5, 1.0_f64.next_up()]
        );
    }
}

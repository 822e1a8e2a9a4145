//! Stretches of an order: all numbers above 5, all versions from 2.0 to before 3.0.

use std::cmp::Ordering as Order;

use crate::model::Ordering;
use crate::version::Version;

/// The values between two ends. A missing end is open; the flag tells whether the end itself belongs to it.
#[derive(Debug, Clone)]
pub(super) struct Interval<T> {
    low: Option<(T, bool)>,
    high: Option<(T, bool)>,
}

/// A finite number by value; both zeros are one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number(f64);

/// A version, ordered by precedence.
#[derive(Debug, Clone, Copy)]
pub(super) struct VersionText<'a>(Version<&'a str>);

impl Number {
    pub(super) fn new(value: f64) -> Self {
        // `+ 0.0` turns -0.0 into 0.0.
        Self(value + 0.0)
    }

    pub(super) fn get(self) -> f64 {
        self.0
    }
}

impl<'a> VersionText<'a> {
    pub(super) fn new(text: &'a str) -> Option<Self> {
        Version::parse(text).map(Self)
    }

    /// From the first of all versions to the last.
    pub(super) fn all() -> Interval<Self> {
        let version = |text| Version::parse(text).map(|version| (Self(version), true));
        let last = "18446744073709551615.18446744073709551615.18446744073709551615";
        Interval { low: version("0.0.0-0"), high: version(last) }
    }
}

impl<T: Ord + Clone> Interval<T> {
    pub(super) fn new(ordering: Ordering, operand: T) -> Self {
        let end = |is_in: bool| Some((operand.clone(), is_in));
        let (low, high) = match ordering {
            Ordering::Equal => (end(true), end(true)),
            Ordering::Less => (None, end(false)),
            Ordering::AtMost => (None, end(true)),
            Ordering::Greater => (end(false), None),
            Ordering::AtLeast => (end(true), None),
        };
        Self { low, high }
    }

    /// From one value to another, both in it.
    pub(super) fn from_to(first: T, last: T) -> Self {
        Self { low: Some((first, true)), high: Some((last, true)) }
    }

    /// From one value, which is in it, until another, which is not, or without an end.
    pub(super) fn from_until(first: T, end: Option<T>) -> Self {
        Self { low: Some((first, true)), high: end.map(|end| (end, false)) }
    }

    /// What lies in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        // Of equal ends the one that is left out is the narrower.
        let low = narrower(&self.low, &other.low, |a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let high = narrower(&self.high, &other.high, |a, b| a.0.cmp(&b.0).then(a.1.cmp(&b.1)));
        Self { low, high }
    }

    /// Whether certainly nothing lies in it.
    pub(super) fn is_empty(&self) -> bool {
        match (&self.low, &self.high) {
            (Some((low, low_is_in)), Some((high, high_is_in))) => match low.cmp(high) {
                Order::Less => false,
                Order::Equal => !(*low_is_in && *high_is_in),
                Order::Greater => true,
            },
            _ => false,
        }
    }

    pub(super) fn contains(&self, value: &T) -> bool {
        let above = self.low.as_ref().is_none_or(|(low, is_in)| low < value || (*is_in && low == value));
        let below = self.high.as_ref().is_none_or(|(high, is_in)| value < high || (*is_in && high == value));
        above && below
    }

    /// Whether everything in it lies in `other` too.
    pub(super) fn lies_in(&self, other: &Self) -> bool {
        let low = match (&self.low, &other.low) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some((own, own_is_in)), Some((low, is_in))) => own > low || (own == low && (*is_in || !own_is_in)),
        };
        let high = match (&self.high, &other.high) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some((own, own_is_in)), Some((high, is_in))) => own < high || (own == high && (*is_in || !own_is_in)),
        };
        low && high
    }
}

/// The end that leaves less, by an order in which the narrower one is the lesser.
fn narrower<T: Clone>(a: &Option<(T, bool)>, b: &Option<(T, bool)>, order: impl Fn(&(T, bool), &(T, bool)) -> Order) -> Option<(T, bool)> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if order(a, b).is_le() { a.clone() } else { b.clone() }),
        (end, None) | (None, end) => end.clone(),
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Order {
        self.0.total_cmp(&other.0)
    }
}

impl Ord for VersionText<'_> {
    fn cmp(&self, other: &Self) -> Order {
        self.0.precedence(&other.0)
    }
}

macro_rules! equal_by_order {
    ($($type:ty),*) => { $(
        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<Order> {
                Some(self.cmp(other))
            }
        }
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }
        impl Eq for $type {}
    )* };
}

equal_by_order!(Number, VersionText<'_>);

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Ordering; 5] = [Ordering::Equal, Ordering::Less, Ordering::AtMost, Ordering::Greater, Ordering::AtLeast];

    /// Every pair of intervals over a few numbers, against the definitions.
    #[test]
    fn intersection_emptiness_and_inclusion_agree_with_membership() {
        let numbers = [-1.0, 0.0, 1.0, 2.0, 3.0, 4.0].map(Number::new);
        let all: Vec<_> = ALL.iter().flat_map(|o| [1.0, 2.0, 3.0].map(|n| Interval::new(*o, Number::new(n)))).collect();
        for a in &all {
            for b in &all {
                let both = a.and(b);
                let members = |i: &Interval<Number>| numbers.iter().filter(|n| i.contains(n)).count();
                assert!(numbers.iter().all(|n| both.contains(n) == (a.contains(n) && b.contains(n))), "{a:?} {b:?}");
                // Between whole numbers there are others, so only emptiness that is certain counts.
                assert!(!both.is_empty() || members(&both) == 0, "{a:?} {b:?}");
                assert!(!a.lies_in(b) || numbers.iter().all(|n| !a.contains(n) || b.contains(n)), "{a:?} {b:?}");
            }
        }
        let of = |ordering, n: f64| Interval::new(ordering, Number::new(n));
        assert!(of(Ordering::Greater, 5.0).and(&of(Ordering::Less, 3.0)).is_empty());
        assert!(of(Ordering::Greater, 5.0).and(&of(Ordering::AtMost, 5.0)).is_empty());
        assert!(!of(Ordering::AtLeast, 5.0).and(&of(Ordering::AtMost, 5.0)).is_empty());
        assert!(
            of(Ordering::Greater, 5.0).lies_in(&of(Ordering::AtLeast, 5.0))
                && !of(Ordering::AtLeast, 5.0).lies_in(&of(Ordering::Greater, 5.0))
        );
        assert!(of(Ordering::Equal, -0.0).contains(&Number::new(0.0)));
    }

    #[test]
    fn versions_are_ordered_by_precedence() {
        fn of(ordering: Ordering, text: &str) -> Interval<VersionText<'_>> {
            Interval::new(ordering, VersionText::new(text).unwrap())
        }
        assert!(of(Ordering::AtLeast, "2.10").and(&of(Ordering::Less, "2.9.1")).is_empty());
        assert!(of(Ordering::Equal, "2").lies_in(&of(Ordering::AtLeast, "2.0.0+build")));
        assert!(!of(Ordering::Less, "2").and(&of(Ordering::AtLeast, "2.0.0-rc.1")).is_empty());
        assert!(VersionText::new("v2").is_none());
    }
}

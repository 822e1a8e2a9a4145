//! One test on an attribute or a user id, as something that can be set against others.

use std::borrow::Cow;

use crate::compile::{Check, compile_test, decimal};
use crate::fold::Foldable;
use crate::lint::interval::{Interval, Number, VersionText};
use crate::lint::shape::{Shape, shape, values};
use crate::lint::shown::Shown;
use crate::model::{Ordering, Test};
use crate::timestamp::Timestamp;
use crate::user::AttributeValue;

/// A test without its negation.
#[derive(Debug)]
pub(super) struct TestAtom<'a> {
    pub(super) shape: Shape<'a>,
    /// Decides about values, exactly as an evaluation does.
    check: Check,
    /// A user id is one text and never missing or empty; an attribute may be anything, and a list.
    pub(super) is_user_id: bool,
}

/// One value that may pass, or a kind of them.
#[derive(Debug)]
pub(super) enum Candidate<'a> {
    Text(&'a str),
    Bool(bool),
    Number(Number),
    /// Any text that is this decimal number.
    Decimal(Number),
    /// Any text that is this one when its case is ignored.
    Folded(&'a str),
}

/// One test of a condition, with what identifies and what shows it.
#[derive(Debug)]
pub(super) struct ReadTest<'a> {
    pub(super) atom: TestAtom<'a>,
    pub(super) is_negated: bool,
    /// Equal for equal tests, whatever their negation.
    pub(super) key: String,
    /// For messages.
    pub(super) shown: Shown<'a>,
    /// The operator's name in JSON, where one was written.
    pub(super) operator: Option<&'static str>,
}

/// The single tests of which this one consists; without a name it is one on the user's id.
pub(super) fn read<'a>(name: Option<&'a str>, test: &'a Test) -> impl Iterator<Item = ReadTest<'a>> {
    // INVARIANT: a test compiles to its operations in their order.
    compile_test(test).enumerate().map(move |(position, (check, is_negated))| {
        let shape = match test {
            Test::Is(value) => values(std::slice::from_ref(value)),
            Test::In(list) => values(list),
            Test::Operations(operations) => operations.get(position).map_or(Shape::OtherTexts, shape),
        };
        let shown = Shown { name, test, position };
        let key = shape.key().unwrap_or_else(|| shown.operand_text());
        ReadTest { atom: TestAtom { shape, check, is_user_id: name.is_none() }, is_negated, key, shown, operator: shown.operator() }
    })
}

impl TestAtom<'_> {
    /// Whether the test comes out the same for every user.
    pub(super) fn certainty(&self) -> Option<bool> {
        let counts = |text: &str| !self.is_user_id || !text.is_empty();
        match &self.shape {
            Shape::Exists | Shape::AnyText => self.is_user_id.then_some(true),
            Shape::Values { texts, numbers, bools } => {
                let is_empty = !texts.iter().any(|text| counts(text)) && numbers.is_empty() && bools.is_empty();
                is_empty.then_some(false)
            }
            Shape::Folded(texts) => (!texts.iter().any(|text| counts(text))).then_some(false),
            Shape::Texts(interval) => {
                let from_empty = Interval::new(Ordering::AtLeast, Cow::Borrowed(""));
                let above_empty = Interval::new(Ordering::Greater, Cow::Borrowed(""));
                // No text stands before the empty one, and every user id behind it.
                let possible = if self.is_user_id { &above_empty } else { &from_empty };
                if interval.and(possible).is_empty() {
                    Some(false)
                } else {
                    (self.is_user_id && above_empty.lies_in(interval)).then_some(true)
                }
            }
            Shape::Instants(interval) => {
                let all = Interval::from_to(Timestamp::from_nanos(i128::MIN), Timestamp::from_nanos(i128::MAX));
                interval.and(&all).is_empty().then_some(false)
            }
            Shape::Versions(interval) => interval.and(&VersionText::all()).is_empty().then_some(false),
            Shape::Addresses(addresses) => addresses.is_empty().then_some(false),
            _ => None,
        }
    }

    /// Whether this is so of everything that a single value which passes can be; none, where that is not a list.
    pub(super) fn all_candidates(&self, is_so: impl Fn(&Candidate<'_>) -> bool) -> Option<bool> {
        match &self.shape {
            Shape::Values { texts, numbers, bools } => {
                let mut texts = texts.iter().filter(|text| !self.is_user_id || !text.is_empty());
                let is_so_of_bool = |value: bool| {
                    is_so(&Candidate::Text(if value { "true" } else { "false" })) && (self.is_user_id || is_so(&Candidate::Bool(value)))
                };
                let is_so_of_number =
                    |number: Number| is_so(&Candidate::Decimal(number)) && (self.is_user_id || is_so(&Candidate::Number(number)));
                Some(
                    texts.all(|text| is_so(&Candidate::Text(text)))
                        && bools.iter().all(|value| is_so_of_bool(*value))
                        && numbers.iter().all(|number| is_so_of_number(*number)),
                )
            }
            Shape::Folded(texts) => Some(texts.iter().all(|text| is_so(&Candidate::Folded(text)))),
            _ => None,
        }
    }

    /// Whether the candidate passes: all of its kind, none of it, or it cannot be told.
    pub(super) fn admits(&self, candidate: &Candidate<'_>) -> Option<bool> {
        match (candidate, &self.shape) {
            (Candidate::Text(text), _) => Some(self.check.passes_text(Foldable::plain(text))),
            (Candidate::Bool(value), _) => Some(self.check.passes_other(&AttributeValue::Bool(*value))),
            (Candidate::Number(number), _) => Some(self.check.passes_other(&AttributeValue::Number(number.get()))),
            (_, Shape::Exists | Shape::AnyText) => Some(true),
            (Candidate::Decimal(n), Shape::Numbers(interval)) => Some(interval.contains(n)),
            (Candidate::Decimal(n), Shape::Values { texts, numbers, .. }) => {
                let is_written = || texts.iter().any(|text| decimal(text).is_some_and(|number| Number::new(number) == *n));
                if numbers.contains_by(|known| known.cmp(n)) { Some(true) } else { (!is_written()).then_some(false) }
            }
            // A decimal number is neither an instant nor an address.
            (Candidate::Decimal(_), Shape::Instants(_) | Shape::Addresses(_)) => Some(false),
            (Candidate::Folded(text), Shape::Stands(stand)) => stand.is_in_all(text),
            (Candidate::Folded(text), Shape::Folded(texts)) => Some(texts.contains_by(|known| (**known).cmp(text))),
            _ => None,
        }
    }

    /// Whether certainly every value that passes this test passes the other one. It then holds for lists too, in which one
    /// element must pass.
    pub(super) fn implies(&self, other: &Self) -> bool {
        match (&self.shape, &other.shape) {
            (_, Shape::Exists) => true,
            (Shape::Values { .. } | Shape::Folded(_), _) => {
                self.all_candidates(|candidate| other.admits(candidate) == Some(true)).unwrap_or_default()
            }
            (Shape::Numbers(one), Shape::Numbers(other)) => one.lies_in(other),
            (Shape::Instants(one), Shape::Instants(other)) => one.lies_in(other),
            (Shape::Versions(one), Shape::Versions(other)) => one.lies_in(other),
            (Shape::Addresses(one), Shape::Addresses(other)) => one.lies_in(other),
            (Shape::Stands(one), Shape::Stands(other)) => one.implies(other),
            (one, Shape::Texts(other)) => one.stretch().is_some_and(|stretch| stretch.lies_in(other)),
            (shape, Shape::AnyText) => shape.is_of_texts(),
            _ => false,
        }
    }
}

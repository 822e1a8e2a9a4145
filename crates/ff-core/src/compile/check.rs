//! One test on one attribute, ready to run: operands parsed, lists hashed, case folded.

mod describe;
mod list;
mod networks;
mod text_set;

use std::cmp::Ordering as Order;
use std::net::IpAddr;

use crate::compile::needle::Needle;
use crate::fold::{Foldable, Folded};
use crate::limits::{
    ATTRIBUTE_LIST_MAX, DECIMAL_LENGTH_MAX, READ_STEPS, REGEX_STEPS, SEARCH_STEPS, STEP_LENGTH, STEP_TEXTS, VERSION_STEPS,
};
use crate::model::{Operation, Ordering, Pattern, Scalar, Test, TextPlace};
use crate::same::same;
use crate::timestamp::Timestamp;
use crate::user::{Attribute, AttributeValue};
use crate::version::{OwnedVersion, Version};

pub(crate) use networks::Networks;
pub(crate) use text_set::TextSet;

/// A test without its negation, which the condition around it keeps.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    EqualsText(Box<str>),
    EqualsNumber(f64),
    EqualsBool(bool),
    EqualsFolded(Folded),
    InTexts(Box<TextSet>),
    InMixed(Box<Mixed>),
    InFolded(Box<TextSet>),
    Number(Ordering, f64),
    Text(Ordering, Box<str>),
    Starts(Box<str>),
    Ends(Box<Ending>),
    Contains(Box<Needle>),
    StartsFolded(Folded),
    EndsFolded(Box<Ending>),
    ContainsFolded(Box<Needle>),
    Matches(Box<Pattern>),
    Exists,
    Before(Timestamp),
    After(Timestamp),
    Version(Ordering, Box<VersionOperand>),
    Network(Box<Networks>),
}

/// The end of a text; for lists, which are searched from their texts' ends, its bytes with the last one first.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    text: Box<str>,
    backwards: Box<[u8]>,
}

/// A version as it was written, and as it compares; one that was built in code and is none compares with nothing.
#[derive(Debug, Clone)]
pub(crate) struct VersionOperand {
    pub(crate) text: Box<str>,
    pub(crate) version: Option<OwnedVersion>,
}

/// Operands of several types, each compared by its own.
#[derive(Debug, Clone)]
pub(crate) struct Mixed {
    pub(crate) texts: TextSet,
    pub(crate) numbers: Box<[f64]>,
    pub(crate) bools: Box<[bool]>,
}

/// Steps in which each value of the longest list is looked up in a set of any size, where it may have to be waited for.
const LOOKUPS_MAX: usize = ATTRIBUTE_LIST_MAX + ATTRIBUTE_LIST_MAX / 4;

/// What one test of the model becomes: checks that must all hold, each perhaps negated.
pub(crate) fn compile(test: &Test) -> impl Iterator<Item = (Check, bool)> {
    let (check, operations): (_, &[Operation]) = match test {
        Test::Is(value) => (Some(Check::equals(value)), &[]),
        Test::In(values) => (Some(Check::one_of(values)), &[]),
        Test::Operations(operations) => (None, operations),
    };
    check.map(|check| (check, false)).into_iter().chain(operations.iter().map(Check::operation))
}

fn as_f64(number: &serde_json::Number) -> f64 {
    // INVARIANT: the model's numbers are finite, so they have a double.
    number.as_f64().unwrap_or(f64::NAN)
}

fn text_of(value: &Scalar) -> &str {
    // INVARIANT: where case is ignored the model's operands are texts.
    if let Scalar::String(text) = value { text } else { "" }
}

impl Check {
    fn equals(value: &Scalar) -> Self {
        match value {
            Scalar::Bool(value) => Self::EqualsBool(*value),
            Scalar::Number(number) => Self::EqualsNumber(as_f64(number)),
            Scalar::String(text) => Self::EqualsText(text.as_str().into()),
        }
    }

    fn one_of(values: &[Scalar]) -> Self {
        let texts = values.iter().filter_map(|v| if let Scalar::String(text) = v { Some(text.as_str()) } else { None });
        let mut numbers: Vec<f64> = values.iter().filter_map(|v| if let Scalar::Number(n) = v { Some(as_f64(n)) } else { None }).collect();
        numbers.sort_unstable_by(f64::total_cmp);
        let bools: Box<[bool]> = values.iter().filter_map(|v| if let Scalar::Bool(b) = v { Some(*b) } else { None }).collect();
        let texts = TextSet::new(texts);
        if numbers.is_empty() && bools.is_empty() {
            Self::InTexts(Box::new(texts))
        } else {
            Self::InMixed(Box::new(Mixed { texts, numbers: numbers.into(), bools }))
        }
    }

    fn operation(operation: &Operation) -> (Self, bool) {
        match operation {
            Operation::Equal { value, ignore_case: true, negated } => (Self::EqualsFolded(Folded::new(text_of(value))), *negated),
            Operation::Equal { value, ignore_case: false, negated } => (Self::equals(value), *negated),
            Operation::OneOf { values, ignore_case: true, negated } => {
                let folded: Vec<_> = values.iter().map(|v| Folded::new(text_of(v))).collect();
                (Self::InFolded(Box::new(TextSet::new(folded.iter().map(Folded::as_str)))), *negated)
            }
            Operation::OneOf { values, ignore_case: false, negated } => (Self::one_of(values), *negated),
            Operation::Order { ordering, value: Scalar::Number(number) } => (Self::Number(*ordering, as_f64(number)), false),
            Operation::Order { ordering, value } => (Self::Text(*ordering, text_of(value).into()), false),
            Operation::Text { place: TextPlace::Start, value, ignore_case: true } => (Self::StartsFolded(Folded::new(value)), false),
            Operation::Text { place: TextPlace::End, value, ignore_case: true } => {
                (Self::EndsFolded(Box::new(Ending::new(Folded::new(value).as_str()))), false)
            }
            Operation::Text { place: TextPlace::Anywhere, value, ignore_case: true } => {
                (Self::ContainsFolded(Box::new(Needle::new(Folded::new(value).as_str()))), false)
            }
            Operation::Text { place: TextPlace::Start, value, ignore_case: false } => (Self::Starts(value.as_str().into()), false),
            Operation::Text { place: TextPlace::End, value, ignore_case: false } => (Self::Ends(Box::new(Ending::new(value))), false),
            Operation::Text { place: TextPlace::Anywhere, value, ignore_case: false } => {
                (Self::Contains(Box::new(Needle::new(value))), false)
            }
            Operation::Matches(pattern) => (Self::Matches(Box::new(pattern.clone())), false),
            Operation::Exists(wanted) => (Self::Exists, !wanted),
            Operation::Before(at) => (Self::Before(*at), false),
            Operation::After(at) => (Self::After(*at), false),
            Operation::Version { ordering, value } => {
                let version = Version::parse(value).map(Version::to_owned);
                (Self::Version(*ordering, Box::new(VersionOperand { text: value.as_str().into(), version })), false)
            }
            Operation::Network(networks) => (Self::Network(Box::new(Networks::new(networks.as_slice()))), false),
        }
    }

    /// What the check counts for in [`EVALUATION_STEPS_MAX`](crate::limits::EVALUATION_STEPS_MAX), for one value.
    pub(crate) fn steps(&self) -> u64 {
        match self {
            Self::EqualsBool(_) | Self::InTexts(_) | Self::Exists => 1,
            Self::EqualsText(text) | Self::Text(_, text) | Self::Starts(text) => 1 + (text.len() / STEP_LENGTH) as u64,
            Self::Ends(ending) => 1 + (ending.text.len() / STEP_LENGTH) as u64,
            Self::EqualsNumber(_)
            | Self::Number(..)
            | Self::InMixed(_)
            | Self::EqualsFolded(_)
            | Self::InFolded(_)
            | Self::StartsFolded(_)
            | Self::EndsFolded(_)
            | Self::Before(_)
            | Self::After(_)
            | Self::Network(_) => READ_STEPS,
            Self::Version(..) => VERSION_STEPS,
            Self::Contains(_) | Self::ContainsFolded(_) => SEARCH_STEPS,
            Self::Matches(_) => REGEX_STEPS,
        }
    }

    /// The same for an attribute, which may be a list.
    pub(crate) fn steps_on_attribute(&self) -> u64 {
        // Texts are looked up, by hash or by halves, and so are the operands of an `in`, until it takes less to look up the values.
        let each = |operands: usize| operands.min(LOOKUPS_MAX) as u64;
        let more = match self {
            Self::EqualsText(_) | Self::Starts(_) | Self::Ends(_) => 1,
            Self::InTexts(texts) | Self::InFolded(texts) => 1 + each(texts.len().div_ceil(STEP_TEXTS)),
            Self::InMixed(mixed) => each(mixed.texts.len().div_ceil(STEP_TEXTS)) + each(mixed.numbers.len()),
            Self::Network(networks) => each(networks.len()),
            _ => 0,
        };
        self.steps() + more
    }

    /// Whether the attribute passes. A missing one passes nothing; a list passes where one of its elements does.
    #[inline]
    pub(crate) fn passes(&self, attribute: Option<&Attribute>) -> bool {
        let Some(attribute) = attribute else { return false };
        match attribute.text() {
            Some(text) => self.passes_text(text),
            None => match attribute.list() {
                Some((list, values)) => self.passes_list(list, values),
                None => self.passes_other(&attribute.value),
            },
        }
    }

    #[inline]
    pub(crate) fn passes_text(&self, foldable: Foldable<'_>) -> bool {
        let text = foldable.plain;
        match self {
            Self::EqualsText(wanted) => same(wanted.as_bytes(), text.as_bytes()),
            Self::EqualsNumber(wanted) => decimal(text).is_some_and(|number| number == *wanted),
            Self::EqualsBool(wanted) => text == if *wanted { "true" } else { "false" },
            Self::EqualsFolded(wanted) => wanted.equals(foldable),
            Self::InTexts(wanted) => wanted.contains(text),
            Self::InMixed(mixed) => mixed.contains_text(text),
            Self::InFolded(wanted) => foldable.with_folded(|text| wanted.contains(text)),
            Self::Number(ordering, operand) => decimal(text).is_some_and(|number| compare(*ordering, number, *operand)),
            Self::Text(ordering, operand) => ordering.holds(text.cmp(operand)),
            Self::Starts(wanted) => text.starts_with(&**wanted),
            Self::Ends(wanted) => text.ends_with(&*wanted.text),
            Self::Contains(wanted) => wanted.is_in(text.as_bytes()),
            Self::StartsFolded(wanted) => foldable.with_folded(|text| text.starts_with(wanted.as_str())),
            Self::EndsFolded(wanted) => foldable.with_folded(|text| text.ends_with(&*wanted.text)),
            Self::ContainsFolded(wanted) => foldable.with_folded(|text| wanted.is_in(text.as_bytes())),
            Self::Matches(pattern) => pattern.regex().is_match(text),
            Self::Exists => true,
            Self::Before(at) => Timestamp::read(text).is_some_and(|instant| instant < *at),
            Self::After(at) => Timestamp::read(text).is_some_and(|instant| instant > *at),
            Self::Version(ordering, operand) => match (&operand.version, Version::parse(text)) {
                (Some(operand), Some(version)) => ordering.holds(version.precedence(operand)),
                _ => false,
            },
            Self::Network(networks) => text.parse::<IpAddr>().is_ok_and(|address| networks.contain(address.to_canonical())),
        }
    }

    /// Whether a value passes that is neither text nor list.
    pub(crate) fn passes_other(&self, value: &AttributeValue) -> bool {
        match (self, value) {
            (Self::Exists, _) => true,
            (Self::EqualsNumber(wanted), AttributeValue::Number(number)) => number == wanted,
            (Self::EqualsBool(wanted), AttributeValue::Bool(value)) => value == wanted,
            (Self::InMixed(mixed), AttributeValue::Number(number)) => has_number(&mixed.numbers, *number),
            (Self::InMixed(mixed), AttributeValue::Bool(value)) => mixed.bools.contains(value),
            (Self::Number(ordering, operand), AttributeValue::Number(number)) => compare(*ordering, *number, *operand),
            _ => false,
        }
    }

    /// A text that must stand in the attribute, where, and whether case is ignored; the text is folded then.
    pub(crate) fn part(&self) -> Option<(TextPlace, &str, bool)> {
        match self {
            Self::Starts(text) => Some((TextPlace::Start, text, false)),
            Self::Ends(ending) => Some((TextPlace::End, &ending.text, false)),
            Self::Contains(needle) => Some((TextPlace::Anywhere, needle.as_str(), false)),
            Self::StartsFolded(text) => Some((TextPlace::Start, text.as_str(), true)),
            Self::EndsFolded(ending) => Some((TextPlace::End, &ending.text, true)),
            Self::ContainsFolded(needle) => Some((TextPlace::Anywhere, needle.as_str(), true)),
            _ => None,
        }
    }
}

/// Whether the number is among those, which are in order.
fn has_number(numbers: &[f64], wanted: f64) -> bool {
    // -0.0 equals 0.0, but stands before it in the total order.
    numbers.get(numbers.partition_point(|number| *number < wanted)) == Some(&wanted)
}

impl Ending {
    fn new(text: &str) -> Self {
        Self { text: text.into(), backwards: text.bytes().rev().collect() }
    }
}

impl Mixed {
    fn contains_text(&self, text: &str) -> bool {
        self.texts.contains(text)
            || self.bools.iter().any(|b| text == if *b { "true" } else { "false" })
            || (!self.numbers.is_empty() && decimal(text).is_some_and(|number| has_number(&self.numbers, number)))
    }
}

fn compare(ordering: Ordering, attribute: f64, operand: f64) -> bool {
    attribute.partial_cmp(&operand).is_some_and(|order: Order| ordering.holds(order))
}

/// A decimal literal: optional sign, digits with at most one point, optional exponent; finite, and of a length that some
/// double needs.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    if text.len() > DECIMAL_LENGTH_MAX {
        return None;
    }
    // `parse` also reads `inf`, `infinity` and `nan`; a literal has no other letter than its exponent's.
    let is_literal = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if is_literal { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_among_operands_of_several_types() {
        let test = serde_json::json!([3, "x", -1.5, 0, true, 7]);
        let crate::model::Clause::Attr(tests) =
            &crate::Condition::from_value(&serde_json::json!({"attr": {"n": test}})).unwrap().clauses[0]
        else {
            panic!("a test")
        };
        let (check, _) = compile(&tests[0].1).next().unwrap();
        for (number, holds) in [(3.0, true), (-1.5, true), (-0.0, true), (0.0, true), (7.0, true), (6.9, false), (8.0, false)] {
            assert_eq!(check.passes_other(&AttributeValue::Number(number)), holds, "{number}");
        }
    }

    #[test]
    fn a_decimal_literal_is_read_and_nothing_else() {
        for (text, number) in [("1", 1.0), ("-1.5", -1.5), ("+2", 2.0), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("1E-2", 0.01)] {
            assert_eq!(decimal(text), Some(number), "{text}");
        }
        for text in ["", " 1", "1 ", "inf", "NaN", "infinity", "1e999", "0x10", "1_000", "1,5", "e", ".", "--1", "1e"] {
            assert_eq!(decimal(text), None, "{text}");
        }
        for (length, is_read) in [(DECIMAL_LENGTH_MAX - 1, true), (DECIMAL_LENGTH_MAX, true), (DECIMAL_LENGTH_MAX + 1, false), (500, false)]
        {
            assert_eq!(decimal(&"1".repeat(length)).is_some(), is_read, "{length} digits");
        }
    }
}

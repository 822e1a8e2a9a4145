//! What is known of the values that pass a test.

use std::borrow::Cow;

use crate::fold::Folded;
use crate::lint::addresses::Addresses;
use crate::lint::interval::{Interval, Number, VersionText};
use crate::lint::sorted::Sorted;
use crate::lint::stand::Stand;
use crate::model::{Operation, Ordering, Scalar};
use crate::timestamp::Timestamp;

/// What is known of the values that pass.
#[derive(Debug)]
pub(super) enum Shape<'a> {
    /// All.
    Exists,
    /// These.
    Values { texts: Sorted<&'a str>, numbers: Sorted<Number>, bools: Sorted<bool> },
    /// Texts that are one of these when their case is ignored.
    Folded(Sorted<Box<str>>),
    /// Numbers, and texts that are decimal numbers.
    Numbers(Interval<Number>),
    /// Texts, by code point.
    Texts(Interval<Cow<'a, str>>),
    /// Texts that are instants.
    Instants(Interval<Timestamp>),
    /// Texts that are versions.
    Versions(Interval<VersionText<'a>>),
    /// Texts with this one in them.
    Stands(Stand<'a>),
    /// Texts that are one of these addresses.
    Addresses(Addresses),
    /// Texts in which a regular expression is found.
    Pattern,
    /// Texts of which nothing more is known.
    OtherTexts,
    /// All texts, but nothing else.
    AnyText,
}

fn number(number: &serde_json::Number) -> Number {
    Number::new(number.as_f64().unwrap_or_default())
}

pub(super) fn values(list: &[Scalar]) -> Shape<'_> {
    let texts = list.iter().filter_map(|v| if let Scalar::String(text) = v { Some(text.as_str()) } else { None });
    let numbers = list.iter().filter_map(|v| if let Scalar::Number(n) = v { Some(number(n)) } else { None });
    let bools = list.iter().filter_map(|v| if let Scalar::Bool(value) = v { Some(*value) } else { None });
    Shape::Values { texts: texts.collect(), numbers: numbers.collect(), bools: bools.collect() }
}

fn folded(list: &[Scalar]) -> Shape<'_> {
    // Other operands than texts are never read; built in code they are compiled as an empty text.
    let text = |value: &Scalar| Box::from(Folded::new(if let Scalar::String(text) = value { text } else { "" }).as_str());
    Shape::Folded(list.iter().map(text).collect())
}

pub(super) fn shape(operation: &Operation) -> Shape<'_> {
    match operation {
        Operation::Equal { value, ignore_case: true, .. } => folded(std::slice::from_ref(value)),
        Operation::Equal { value, .. } => values(std::slice::from_ref(value)),
        Operation::OneOf { values, ignore_case: true, .. } => folded(values),
        Operation::OneOf { values: list, .. } => values(list),
        Operation::Order { ordering, value: Scalar::Number(n) } => Shape::Numbers(Interval::new(*ordering, number(n))),
        Operation::Order { ordering, value: Scalar::String(text) } => Shape::Texts(Interval::new(*ordering, Cow::Borrowed(text))),
        Operation::Text { value, .. } if value.is_empty() => Shape::AnyText,
        Operation::Text { place, value, ignore_case } => Shape::Stands(Stand::new(*place, value, *ignore_case)),
        Operation::Exists(_) => Shape::Exists,
        Operation::Before(at) => Shape::Instants(Interval::new(Ordering::Less, *at)),
        Operation::After(at) => Shape::Instants(Interval::new(Ordering::Greater, *at)),
        Operation::Version { ordering, value } => match VersionText::new(value) {
            Some(version) => Shape::Versions(Interval::new(*ordering, version)),
            None => Shape::OtherTexts,
        },
        Operation::Network(networks) => Shape::Addresses(Addresses::new(networks.as_slice())),
        Operation::Matches(_) => Shape::Pattern,
        Operation::Order { .. } => Shape::OtherTexts,
    }
}

/// Texts in one, each with its length in front, so that no two different sets are written alike.
fn listed<T: AsRef<str>>(name: &str, texts: &Sorted<T>) -> String {
    let mut key = name.to_owned();
    for text in texts.iter().map(AsRef::as_ref) {
        key.push_str(&format!(" {}:", text.len()));
        key.push_str(text);
    }
    key
}

impl Shape<'_> {
    /// What tests of equal meaning have in common, where that is not how they were written.
    pub(super) fn key(&self) -> Option<String> {
        match self {
            Self::Exists => Some("exists".to_owned()),
            Self::Values { texts, numbers, bools } => {
                let mut key = listed("in", texts);
                numbers.iter().for_each(|n| key.push_str(&format!(" n{}", n.get().to_bits())));
                bools.iter().for_each(|b| key.push_str(if *b { " true" } else { " false" }));
                Some(key)
            }
            Self::Folded(texts) => Some(listed("iin", texts)),
            Self::AnyText => Some("any text".to_owned()),
            _ => None,
        }
    }

    /// What trying one candidate costs, in comparisons: a text may be long, and a regular expression made for long texts.
    pub(super) fn cost(&self) -> usize {
        match self {
            Self::Pattern => 1_000,
            Self::OtherTexts => 20,
            Self::Instants(_) | Self::Versions(_) | Self::Addresses(_) | Self::Stands(_) => 5,
            _ => 1,
        }
    }

    /// How much there is in it that one has to look at.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Values { texts, numbers, bools } => texts.len() + 2 * numbers.len() + 2 * bools.len(),
            Self::Folded(texts) => texts.len(),
            Self::Addresses(addresses) => addresses.len(),
            _ => 0,
        }
    }

    /// Where its texts stand in the order of texts, if they are all that stand there.
    pub(super) fn stretch(&self) -> Option<&Interval<Cow<'_, str>>> {
        match self {
            Self::Texts(interval) => Some(interval),
            Self::Stands(stand) => stand.stretch(),
            _ => None,
        }
    }

    /// Whether only texts pass.
    pub(super) fn is_of_texts(&self) -> bool {
        !matches!(self, Self::Exists | Self::Values { .. } | Self::Numbers(_))
    }
}

//! One test on an attribute or a user id, as something that can be set against others.

use std::fmt;

use crate::compile::{Check, compile_test};
use crate::fold::{Foldable, Folded};
use crate::lint::interval::{Interval, Number, VersionText};
use crate::lint::sorted::Sorted;
use crate::model::{Operation, Ordering, Scalar, Test, TextPlace};
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
    Texts(Interval<&'a str>),
    /// Texts that are instants.
    Instants(Interval<Timestamp>),
    /// Texts that are versions.
    Versions(Interval<VersionText<'a>>),
    /// Texts with this one in them.
    Stands(TextPlace, &'a str),
    /// Texts that are addresses.
    Addresses,
    /// Texts in which a regular expression is found.
    Pattern,
    /// Texts of which nothing more is known.
    OtherTexts,
    /// All texts, but nothing else.
    AnyText,
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

fn number(number: &serde_json::Number) -> Number {
    Number::new(number.as_f64().unwrap_or_default())
}

fn values(list: &[Scalar]) -> Shape<'_> {
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

fn shape(operation: &Operation) -> Shape<'_> {
    match operation {
        Operation::Equal { value, ignore_case: true, .. } => folded(std::slice::from_ref(value)),
        Operation::Equal { value, .. } => values(std::slice::from_ref(value)),
        Operation::OneOf { values, ignore_case: true, .. } => folded(values),
        Operation::OneOf { values: list, .. } => values(list),
        Operation::Order { ordering, value: Scalar::Number(n) } => Shape::Numbers(Interval::new(*ordering, number(n))),
        Operation::Order { ordering, value: Scalar::String(text) } => Shape::Texts(Interval::new(*ordering, text)),
        Operation::Text { value, .. } if value.is_empty() => Shape::AnyText,
        Operation::Text { place, value, ignore_case: false } => Shape::Stands(*place, value),
        Operation::Exists(_) => Shape::Exists,
        Operation::Before(at) => Shape::Instants(Interval::new(Ordering::Less, *at)),
        Operation::After(at) => Shape::Instants(Interval::new(Ordering::Greater, *at)),
        Operation::Version { ordering, value } => match VersionText::new(value) {
            Some(version) => Shape::Versions(Interval::new(*ordering, version)),
            None => Shape::OtherTexts,
        },
        Operation::Network(_) => Shape::Addresses,
        Operation::Matches(_) => Shape::Pattern,
        Operation::Order { .. } | Operation::Text { .. } => Shape::OtherTexts,
    }
}

/// A single test, to be written only when a message needs it: `age gt 5`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    name: Option<&'a str>,
    test: &'a Test,
    position: usize,
}

/// How many operands of a list a message quotes at most; they are cut by [`SHOWN_MAX`] before that.
const LISTED_MAX: usize = 20;

/// The longest operand that a message quotes, in characters.
const SHOWN_MAX: usize = 60;

impl Shown<'_> {
    fn operation(&self) -> Option<&Operation> {
        if let Test::Operations(operations) = self.test { operations.get(self.position) } else { None }
    }

    fn operator(&self) -> Option<&'static str> {
        self.operation().map(Operation::name)
    }

    /// The test as it was written, in full or, of a long list, its beginning.
    fn operand_text(&self) -> String {
        let beginning = |list: &[Scalar]| json(&list.iter().take(LISTED_MAX).collect::<Vec<_>>());
        match (self.test, self.operation()) {
            (Test::Is(value), _) => format!("eq {}", json(value)),
            (Test::In(list), _) => format!("in {}", beginning(list)),
            (_, Some(Operation::OneOf { values, .. })) => format!("{} {}", self.operator().unwrap_or_default(), beginning(values)),
            (_, Some(operation)) => {
                // The test's JSON is `{"name":operand}`, which is exactly what is to be shown.
                let whole = json(&Test::Operations(vec![operation.clone()]));
                let operand = whole.split_once(':').and_then(|(_, rest)| rest.strip_suffix('}')).unwrap_or_default();
                format!("{} {operand}", operation.name())
            }
            (Test::Operations(_), None) => String::new(),
        }
    }

    /// The test as it was written, short enough for a message.
    pub(super) fn as_written(&self) -> String {
        cut(&self.operand_text())
    }
}

/// The test without its negation.
impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.as_written();
        let plain = match text.split_once(' ') {
            Some(("ne", operand)) => format!("eq {operand}"),
            Some(("ine", operand)) => format!("ieq {operand}"),
            Some(("not_in", operand)) => format!("in {operand}"),
            Some(("inot_in", operand)) => format!("iin {operand}"),
            Some(("exists", _)) => "exists true".to_owned(),
            _ => text,
        };
        write!(f, "{} {plain}", self.name.map_or_else(|| "user_id".to_owned(), cut))
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A text of bounded length for a message.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
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
    fn key(&self) -> Option<String> {
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
            Self::Instants(_) | Self::Versions(_) | Self::Addresses => 5,
            _ => 1,
        }
    }

    /// How many candidates there are, if they can be counted.
    pub(super) fn count(&self) -> Option<usize> {
        match self {
            Self::Values { texts, numbers, bools } => Some(texts.len() + 2 * numbers.len() + 2 * bools.len()),
            Self::Folded(texts) => Some(texts.len()),
            _ => None,
        }
    }
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
                let from_empty = Interval::new(Ordering::AtLeast, "");
                let above_empty = Interval::new(Ordering::Greater, "");
                // No text stands before the empty one, and every user id behind it.
                let possible = if self.is_user_id { &above_empty } else { &from_empty };
                if interval.and(possible).is_empty() {
                    Some(false)
                } else {
                    (self.is_user_id && above_empty.lies_in(interval)).then_some(true)
                }
            }
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
                if numbers.contains_by(|known| known.cmp(n)) {
                    Some(true)
                } else {
                    texts.is_empty().then_some(false)
                }
            }
            // A decimal number is neither an instant nor an address.
            (Candidate::Decimal(_), Shape::Instants(_) | Shape::Addresses) => Some(false),
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
            (Shape::Texts(one), Shape::Texts(other)) => one.lies_in(other),
            (Shape::Instants(one), Shape::Instants(other)) => one.lies_in(other),
            (Shape::Versions(one), Shape::Versions(other)) => one.lies_in(other),
            (Shape::Stands(TextPlace::Start, one), Shape::Stands(TextPlace::Start, other)) => one.starts_with(other),
            (Shape::Stands(TextPlace::End, one), Shape::Stands(TextPlace::End, other)) => one.ends_with(other),
            (Shape::Stands(_, one), Shape::Stands(TextPlace::Anywhere, other)) => one.contains(other),
            (shape, Shape::AnyText) => shape.is_of_texts(),
            _ => false,
        }
    }
}

impl Shape<'_> {
    /// Whether only texts pass.
    pub(super) fn is_of_texts(&self) -> bool {
        match self {
            Self::Exists | Self::Values { .. } | Self::Numbers(_) => false,
            Self::Folded(_)
            | Self::Texts(_)
            | Self::Instants(_)
            | Self::Versions(_)
            | Self::Stands(..)
            | Self::Addresses
            | Self::Pattern
            | Self::OtherTexts
            | Self::AnyText => true,
        }
    }
}

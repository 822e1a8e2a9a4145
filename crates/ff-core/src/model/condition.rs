//! Conditions: trees of tests on the user. A rule's `when` and a segment's `criteria` share this grammar.

mod percentage;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

pub(crate) use percentage::plain_number;
pub use percentage::{Amount, Percentage};
pub(super) use percentage::{read_percentage, read_salt};

use super::operation::Test;
use super::scalar::OneOrMany;
use crate::fault::{Faults, Findings, Place};
use crate::json::{Json, unknown};
use crate::key::{FlagKey, SegmentKey, VariantKey};
use crate::limits::{ATTRIBUTE_NAME_LENGTH_MAX, CONDITION_DEPTH_MAX, CONDITION_NODES_MAX, LIST_LENGTH_MAX, REGEXES_MAX, VARIANTS_MAX};
use crate::timestamp::Timestamp;

/// Clauses that must all hold; without any, everyone is meant.
///
/// Made by reading JSON or with the functions of [`build`](crate::build).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Condition {
    pub(crate) clauses: Vec<Clause>,
}

/// One part of a condition.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Clause {
    /// `attr`: every named attribute passes its test. A name may be a dotted path into nested objects.
    Attr(Vec<(String, Test)>),
    /// `user_id`: a test on the user's id.
    UserId(Test),
    /// `segment`: the user is in one of them.
    Segment(OneOrMany<SegmentKey>),
    /// `percentage`: the user is among the first so many per cent.
    Percentage(Percentage),
    /// `time`: now lies in the window.
    Time(TimeWindow),
    /// `flag`: another flag gives this user one of these variants.
    Flag(Prerequisite),
    /// `all`: every one holds; an empty list holds.
    All(Vec<Condition>),
    /// `any`: one of them holds; an empty list does not.
    Any(Vec<Condition>),
    /// `not`: it does not hold.
    Not(Box<Condition>),
}

/// `after <= now < before`, either end open where it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TimeWindow {
    /// The first instant inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Timestamp>,
    /// The first instant outside again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Timestamp>,
}

/// Another flag's answer for the same user at the same instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Prerequisite {
    /// The other flag.
    pub key: FlagKey,
    /// The variants that satisfy.
    pub variant: OneOrMany<VariantKey>,
}

const CLAUSES: [&str; 9] = ["attr", "user_id", "segment", "percentage", "time", "flag", "all", "any", "not"];

impl Condition {
    /// The condition that holds for everyone.
    pub fn everyone() -> Self {
        Self::default()
    }

    /// The clauses, each kind at most once, in the order in which they were written.
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// The condition that holds for no one.
    pub fn nobody() -> Self {
        Self { clauses: vec![Clause::Any(Vec::new())] }
    }

    /// Reads a condition from JSON text.
    ///
    /// # Errors
    /// Text that is not JSON, or whatever does not fit the grammar or a bound, each with its JSON pointer.
    pub fn from_json(text: &str) -> Result<Self, Faults> {
        crate::read::from_text(text, Self::read_alone)
    }

    /// Reads a condition from a JSON value.
    ///
    /// # Errors
    /// Whatever does not fit the grammar or a bound, each with its JSON pointer.
    pub fn from_value(value: &serde_json::Value) -> Result<Self, Faults> {
        crate::read::from_value(value, Self::read_alone)
    }

    /// The condition in its JSON form.
    pub fn to_value(&self) -> serde_json::Value {
        // Lists, texts and numbers under text keys always become JSON.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// A condition that is a document of its own, and so bounded by itself.
    pub(crate) fn read_alone(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let condition = Self::read(json, at, found)?;
        Self::check_size(std::iter::once(&condition), at, found);
        Some(condition)
    }

    /// The bounds on a whole document's conditions: one flag's rules together, or one segment's criteria.
    pub(crate) fn check_size<'a>(conditions: impl Iterator<Item = &'a Condition> + Clone, at: &Place<'_>, found: &mut Findings) {
        let nodes: usize = conditions.clone().map(Condition::nodes).sum();
        if nodes > CONDITION_NODES_MAX {
            found.add(at, format!("the conditions must have at most {CONDITION_NODES_MAX} clauses and tests together, got {nodes}"));
        }
        let regexes: usize = conditions.map(Condition::regexes).sum();
        if regexes > REGEXES_MAX {
            found.add(at, format!("the conditions must have at most {REGEXES_MAX} regular expressions together, got {regexes}"));
        }
    }

    pub(crate) fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        Self::read_at_depth(json, 1, at, found)
    }

    fn read_at_depth(json: &Json<'_>, depth: usize, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        if depth > CONDITION_DEPTH_MAX {
            found.add(at, format!("conditions may be nested at most {CONDITION_DEPTH_MAX} deep"));
            return None;
        }
        let fields = json.fields(at, found)?;
        let mut read = Vec::with_capacity(fields.len());
        read.extend(fields.iter().filter_map(|(name, value)| Clause::read(name, value, depth, at, found)));
        (read.len() == fields.len()).then_some(Self { clauses: read })
    }

    fn nodes(&self) -> usize {
        self.clauses.iter().map(Clause::nodes).sum::<usize>().max(1)
    }

    fn regexes(&self) -> usize {
        let tests = |tests: &[(String, Test)]| tests.iter().map(|(_, t)| t.regexes()).sum();
        let clause = |clause: &Clause| match clause {
            Clause::Attr(attrs) => tests(attrs),
            Clause::UserId(test) => test.regexes(),
            Clause::All(inner) | Clause::Any(inner) => inner.iter().map(Condition::regexes).sum(),
            Clause::Not(inner) => inner.regexes(),
            Clause::Segment(_) | Clause::Percentage(_) | Clause::Time(_) | Clause::Flag(_) => 0,
        };
        self.clauses.iter().map(clause).sum()
    }
}

impl Clause {
    /// The clause's name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Attr(_) => "attr",
            Self::UserId(_) => "user_id",
            Self::Segment(_) => "segment",
            Self::Percentage(_) => "percentage",
            Self::Time(_) => "time",
            Self::Flag(_) => "flag",
            Self::All(_) => "all",
            Self::Any(_) => "any",
            Self::Not(_) => "not",
        }
    }

    fn nodes(&self) -> usize {
        match self {
            Self::Attr(attrs) => attrs.iter().map(|(_, t)| t.nodes()).sum(),
            Self::UserId(test) => test.nodes(),
            Self::Segment(keys) => keys.as_slice().len(),
            Self::Percentage(_) | Self::Time(_) | Self::Flag(_) => 1,
            Self::All(inner) | Self::Any(inner) => 1 + inner.iter().map(Condition::nodes).sum::<usize>(),
            Self::Not(inner) => 1 + inner.nodes(),
        }
    }

    fn read(name: &str, json: &Json<'_>, depth: usize, parent: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let at = &parent.field(name);
        match name {
            "attr" => read_attributes(json, at, found).map(Self::Attr),
            "user_id" => Test::read(json, at, found).map(Self::UserId),
            "segment" => OneOrMany::read(json, LIST_LENGTH_MAX, at, found, |j, at, found| j.key(at, found)).map(Self::Segment),
            "percentage" => Percentage::read(json, at, found).map(Self::Percentage),
            "time" => TimeWindow::read(json, at, found).map(Self::Time),
            "flag" => Prerequisite::read(json, at, found).map(Self::Flag),
            "all" => read_conditions(json, depth, at, found).map(Self::All),
            "any" => read_conditions(json, depth, at, found).map(Self::Any),
            "not" => Condition::read_at_depth(json, depth + 1, at, found).map(|c| Self::Not(Box::new(c))),
            _ => {
                unknown(name, &CLAUSES, parent, found);
                None
            }
        }
    }
}

fn read_conditions(json: &Json<'_>, depth: usize, at: &Place<'_>, found: &mut Findings) -> Option<Vec<Condition>> {
    let items = json.array(at, found)?;
    super::scalar::list(items, CONDITION_NODES_MAX, at, found, |item, at, found| Condition::read_at_depth(item, depth + 1, at, found))
}

fn read_attributes(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Vec<(String, Test)>> {
    let fields = json.fields(at, found)?;
    if fields.is_empty() {
        found.add(at, "must name at least one attribute");
    }
    let mut read = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        check_attribute_name(name, &at.field(name), found);
        if let Some(test) = Test::read(value, &at.field(name), found) {
            read.push(((*name).to_owned(), test));
        }
    }
    (read.len() == fields.len()).then_some(read)
}

fn check_attribute_name(name: &str, at: &Place<'_>, found: &mut Findings) {
    if name.is_empty() || name.len() > ATTRIBUTE_NAME_LENGTH_MAX || name.contains('\0') {
        found.add(at, format!("an attribute's name must have 1 to {ATTRIBUTE_NAME_LENGTH_MAX} bytes, none of them 0"));
    }
}

fn read_instant(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Timestamp> {
    match json.string(at, found)?.parse::<Timestamp>() {
        Ok(instant) => Some(instant),
        Err(error) => {
            found.add(at, error.to_string());
            None
        }
    }
}

/// Keeps what was read, and tells whether anything was.
pub(crate) fn keep<T>(slot: &mut Option<T>, read: Option<T>) -> bool {
    *slot = read;
    slot.is_some()
}

impl TimeWindow {
    fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let (mut after, mut before) = (None, None);
        let mut is_right = true;
        for (name, json) in json.fields(at, found)? {
            is_right &= match *name {
                "after" => keep(&mut after, read_instant(json, &at.field(name), found)),
                "before" => keep(&mut before, read_instant(json, &at.field(name), found)),
                _ => {
                    unknown(name, &["after", "before"], at, found);
                    false
                }
            };
        }
        if is_right && after.is_none() && before.is_none() {
            found.add(at, "must have `after`, `before` or both");
        }
        if let (Some(after), Some(before)) = (after, before)
            && after >= before
        {
            found.add(&at.field("before"), "must be later than `after`");
        }
        is_right.then_some(Self { after, before })
    }
}

impl Prerequisite {
    fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let (mut key, mut variant) = (None, None);
        for (name, json) in json.fields(at, found)? {
            let at_field = &at.field(name);
            match *name {
                "key" => key = Some(json.key(at_field, found)),
                "variant" => variant = Some(OneOrMany::read(json, VARIANTS_MAX, at_field, found, |j, at, found| j.key(at, found))),
                _ => unknown(name, &["key", "variant"], at, found),
            }
        }
        for (name, is_missing) in [("key", key.is_none()), ("variant", variant.is_none())] {
            if is_missing {
                found.add(&at.field(name), "is required");
            }
        }
        Some(Self { key: key??, variant: variant?? })
    }
}

/// Attribute tests as the JSON object that they were read from.
struct Attributes<'a>(&'a [(String, Test)]);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, test)| (name, test)))
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.clauses.len()))?;
        for clause in &self.clauses {
            let name = clause.name();
            match clause {
                Clause::Attr(attrs) => map.serialize_entry(name, &Attributes(attrs))?,
                Clause::UserId(test) => map.serialize_entry(name, test)?,
                Clause::Segment(keys) => map.serialize_entry(name, keys)?,
                Clause::Percentage(percentage) => map.serialize_entry(name, percentage)?,
                Clause::Time(window) => map.serialize_entry(name, window)?,
                Clause::Flag(prerequisite) => map.serialize_entry(name, prerequisite)?,
                Clause::All(inner) | Clause::Any(inner) => map.serialize_entry(name, inner)?,
                Clause::Not(inner) => map.serialize_entry(name, inner)?,
            }
        }
        map.end()
    }
}

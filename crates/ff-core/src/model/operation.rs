//! Tests on one attribute: a scalar, a list, or operators.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::pattern::Pattern;
use super::scalar::{OneOrMany, Scalar, list};
use crate::fault::{Findings, Place as At};
use crate::json::Json;
use crate::limits::{LIST_LENGTH_MAX, OPERAND_LENGTH_MAX, VERSION_LENGTH_MAX};
use crate::timestamp::Timestamp;
use crate::version::Version;

/// What is asked of an attribute.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Test {
    /// Equals this value.
    Is(Scalar),
    /// Equals one of these values.
    In(Vec<Scalar>),
    /// Every operation holds.
    Operations(Vec<Operation>),
}

/// One operator with its operand.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Operation {
    /// `eq`, `ne`, `ieq`, `ine`.
    Equal {
        /// The operand; a text where case is ignored.
        value: Scalar,
        /// The `i` form.
        ignore_case: bool,
        /// The negated form.
        negated: bool,
    },
    /// `in`, `not_in`, `iin`, `inot_in`.
    OneOf {
        /// The operands; texts where case is ignored.
        values: Vec<Scalar>,
        /// The `i` form.
        ignore_case: bool,
        /// The negated form.
        negated: bool,
    },
    /// `lt`, `lte`, `gt`, `gte`: numbers by value, texts by code point.
    Order {
        /// Which comparison.
        ordering: Ordering,
        /// A number or a text.
        value: Scalar,
    },
    /// `starts_with`, `ends_with`, `contains` and their `i` forms.
    Text {
        /// Where the operand must stand.
        place: Place,
        /// The operand.
        value: String,
        /// The `i` form.
        ignore_case: bool,
    },
    /// `matches`, `imatches`: an unanchored regular expression.
    Matches(Pattern),
    /// `exists`: whether the attribute is there.
    Exists(bool),
    /// `before`: the attribute is an earlier instant.
    Before(Timestamp),
    /// `after`: the attribute is a later instant.
    After(Timestamp),
    /// `semver_eq`, `semver_lt`, `semver_lte`, `semver_gt`, `semver_gte`.
    Version {
        /// Which comparison.
        ordering: Ordering,
        /// The operand, a version as it was written.
        value: String,
    },
    /// `ip_in`: the attribute is an address in one of these networks.
    Network(OneOrMany<Network>),
}

/// How an attribute compares with an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordering {
    /// Equal.
    Equal,
    /// Less.
    Less,
    /// Less or equal.
    AtMost,
    /// Greater.
    Greater,
    /// Greater or equal.
    AtLeast,
}

impl Ordering {
    /// Whether an attribute that stands in this relation to the operand passes.
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

/// Where in an attribute a text operand must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At its beginning.
    Start,
    /// At its end.
    End,
    /// Anywhere.
    Anywhere,
}

/// An IP network, or an address as the network of itself alone; shown as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    text: String,
    network: ipnet::IpNet,
}

impl Network {
    pub(crate) fn network(&self) -> ipnet::IpNet {
        self.network
    }

    fn read(json: &Json<'_>, at: &At<'_>, found: &mut Findings) -> Option<Self> {
        let text = json.string(at, found)?;
        let parsed = match text.parse::<ipnet::IpNet>() {
            Ok(network) => Some(network),
            Err(_) => text.parse::<std::net::IpAddr>().ok().map(|address| address.to_canonical().into()),
        };
        if parsed.is_none() {
            found.add(at, format!("{text:?} is not an IP network or address such as `10.0.0.0/8`"));
        }
        Some(Self { text: text.to_owned(), network: mapped_to_v4(parsed?) })
    }
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`: addresses of users are compared in their IPv4 form, so networks must be too.
fn mapped_to_v4(network: ipnet::IpNet) -> ipnet::IpNet {
    if let ipnet::IpNet::V6(v6) = network
        && let Some(address) = v6.addr().to_ipv4_mapped()
        && let Some(prefix) = v6.prefix_len().checked_sub(96)
        && let Ok(v4) = ipnet::Ipv4Net::new(address, prefix)
    {
        return v4.into();
    }
    network
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Every operator's name, for the fault that an unknown one causes.
const OPERATORS: [&str; 29] = [
    "eq",
    "ne",
    "in",
    "not_in",
    "lt",
    "lte",
    "gt",
    "gte",
    "starts_with",
    "ends_with",
    "contains",
    "matches",
    "exists",
    "before",
    "after",
    "semver_eq",
    "semver_lt",
    "semver_lte",
    "semver_gt",
    "semver_gte",
    "ip_in",
    "ieq",
    "ine",
    "iin",
    "inot_in",
    "istarts_with",
    "iends_with",
    "icontains",
    "imatches",
];

impl Operation {
    /// The operator's name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Equal { ignore_case, negated, .. } => match (ignore_case, negated) {
                (false, false) => "eq",
                (false, true) => "ne",
                (true, false) => "ieq",
                (true, true) => "ine",
            },
            Self::OneOf { ignore_case, negated, .. } => match (ignore_case, negated) {
                (false, false) => "in",
                (false, true) => "not_in",
                (true, false) => "iin",
                (true, true) => "inot_in",
            },
            Self::Order { ordering, .. } => match ordering {
                Ordering::Equal => "eq",
                Ordering::Less => "lt",
                Ordering::AtMost => "lte",
                Ordering::Greater => "gt",
                Ordering::AtLeast => "gte",
            },
            Self::Text { place, ignore_case, .. } => match (place, ignore_case) {
                (Place::Start, false) => "starts_with",
                (Place::Start, true) => "istarts_with",
                (Place::End, false) => "ends_with",
                (Place::End, true) => "iends_with",
                (Place::Anywhere, false) => "contains",
                (Place::Anywhere, true) => "icontains",
            },
            Self::Matches(pattern) => {
                if pattern.ignores_case() {
                    "imatches"
                } else {
                    "matches"
                }
            }
            Self::Exists(_) => "exists",
            Self::Before(_) => "before",
            Self::After(_) => "after",
            Self::Version { ordering, .. } => match ordering {
                Ordering::Equal => "semver_eq",
                Ordering::Less => "semver_lt",
                Ordering::AtMost => "semver_lte",
                Ordering::Greater => "semver_gt",
                Ordering::AtLeast => "semver_gte",
            },
            Self::Network(_) => "ip_in",
        }
    }

    fn read(name: &str, json: &Json<'_>, at: &At<'_>, found: &mut Findings) -> Option<Self> {
        let ordering = |name: &str| match name {
            "lt" => Ordering::Less,
            "lte" => Ordering::AtMost,
            "gt" => Ordering::Greater,
            "gte" => Ordering::AtLeast,
            _ => Ordering::Equal,
        };
        let instant = |found: &mut Findings| match json.string(at, found)?.parse::<Timestamp>() {
            Ok(instant) => Some(instant),
            Err(error) => {
                found.add(at, error.to_string());
                None
            }
        };
        match name {
            "eq" | "ne" => Some(Self::Equal { value: Scalar::read(json, at, found)?, ignore_case: false, negated: name == "ne" }),
            "ieq" | "ine" => Some(Self::Equal { value: text_operand(json, at, found)?, ignore_case: true, negated: name == "ine" }),
            "in" | "not_in" => {
                let values = list(json.array(at, found)?, LIST_LENGTH_MAX, at, found, Scalar::read)?;
                Some(Self::OneOf { values, ignore_case: false, negated: name == "not_in" })
            }
            "iin" | "inot_in" => {
                let values = list(json.array(at, found)?, LIST_LENGTH_MAX, at, found, text_operand)?;
                Some(Self::OneOf { values, ignore_case: true, negated: name == "inot_in" })
            }
            "lt" | "lte" | "gt" | "gte" => {
                let value = Scalar::read(json, at, found)?;
                if let Scalar::Bool(_) = value {
                    json.expected("a number or a string", at, found);
                    return None;
                }
                Some(Self::Order { ordering: ordering(name), value })
            }
            "starts_with" | "istarts_with" | "ends_with" | "iends_with" | "contains" | "icontains" => {
                let value = json.short_string(OPERAND_LENGTH_MAX, at, found)?;
                let place = match name.trim_start_matches('i') {
                    "starts_with" => Place::Start,
                    "ends_with" => Place::End,
                    _ => Place::Anywhere,
                };
                Some(Self::Text { place, value, ignore_case: name.starts_with('i') })
            }
            "matches" | "imatches" => Pattern::read(json, name == "imatches", at, found).map(Self::Matches),
            "exists" => json.bool(at, found).map(Self::Exists),
            "before" => instant(found).map(Self::Before),
            "after" => instant(found).map(Self::After),
            "semver_eq" | "semver_lt" | "semver_lte" | "semver_gt" | "semver_gte" => {
                let value = json.short_string(VERSION_LENGTH_MAX, at, found)?;
                if Version::parse(&value).is_none() {
                    found.add(at, format!("{value:?} is not a version such as `2.1.0`"));
                    return None;
                }
                Some(Self::Version { ordering: ordering(name.trim_start_matches("semver_")), value })
            }
            "ip_in" => OneOrMany::read(json, LIST_LENGTH_MAX, at, found, Network::read).map(Self::Network),
            _ => {
                found.add(at, format!("unknown operator; known are {}", OPERATORS.map(|o| format!("`{o}`")).join(", ")));
                None
            }
        }
    }
}

fn text_operand(json: &Json<'_>, at: &At<'_>, found: &mut Findings) -> Option<Scalar> {
    json.short_string(OPERAND_LENGTH_MAX, at, found).map(Scalar::String)
}

impl Test {
    pub(crate) fn read(json: &Json<'_>, at: &At<'_>, found: &mut Findings) -> Option<Self> {
        match json {
            Json::Bool(_) | Json::Number(_) | Json::String(_) => Scalar::read(json, at, found).map(Self::Is),
            Json::Array(items) => list(items, LIST_LENGTH_MAX, at, found, Scalar::read).map(Self::In),
            Json::Object(_) => {
                let fields = json.fields(at, found)?;
                if fields.is_empty() {
                    found.add(at, "must name at least one operator");
                    return None;
                }
                let read: Vec<_> = fields.iter().filter_map(|(name, value)| Operation::read(name, value, &at.field(name), found)).collect();
                (read.len() == fields.len()).then_some(Self::Operations(read))
            }
            Json::Null => {
                json.expected("a value, a list of values or operators", at, found);
                None
            }
        }
    }

    /// How many single tests this is.
    pub(crate) fn nodes(&self) -> usize {
        match self {
            Self::Is(_) | Self::In(_) => 1,
            Self::Operations(operations) => operations.len(),
        }
    }

    pub(crate) fn regexes(&self) -> usize {
        match self {
            Self::Is(_) | Self::In(_) => 0,
            Self::Operations(operations) => operations.iter().filter(|o| matches!(o, Operation::Matches(_))).count(),
        }
    }
}

impl Serialize for Test {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Is(value) => value.serialize(serializer),
            Self::In(values) => values.serialize(serializer),
            Self::Operations(operations) => {
                let mut map = serializer.serialize_map(Some(operations.len()))?;
                for operation in operations {
                    let name = operation.name();
                    match operation {
                        Operation::Equal { value, .. } | Operation::Order { value, .. } => map.serialize_entry(name, value)?,
                        Operation::OneOf { values, .. } => map.serialize_entry(name, values)?,
                        Operation::Text { value, .. } | Operation::Version { value, .. } => map.serialize_entry(name, value)?,
                        Operation::Matches(pattern) => map.serialize_entry(name, pattern.as_str())?,
                        Operation::Exists(wanted) => map.serialize_entry(name, wanted)?,
                        Operation::Before(at) | Operation::After(at) => map.serialize_entry(name, at)?,
                        Operation::Network(networks) => map.serialize_entry(name, networks)?,
                    }
                }
                map.end()
            }
        }
    }
}

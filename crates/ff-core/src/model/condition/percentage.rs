//! Percentages: how many users, by what they are counted, and how the number grows.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::{check_attribute_name, keep, read_instant};
use crate::fault::{Findings, Place};
use crate::json::{Json, unknown};
use crate::limits::{GROWTH_DAYS_MAX, NAME_LENGTH_MAX};
use crate::timestamp::Timestamp;

/// A share of all users, the same ones each time.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Percentage {
    /// How many, perhaps growing with time.
    pub amount: Amount,
    /// The attribute by which users are counted in or out together; the user's id, where none is named.
    pub by: Option<String>,
    /// What makes this choice of users independent of another; the flag's salt or key, where none is given.
    pub salt: Option<String>,
}

/// How many per cent.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Amount {
    /// Always so many, 0 to 100.
    Fixed(f64),
    /// So many until one instant, then changing in a straight line until another.
    Growing {
        /// Per cent before and at the first instant, and that instant.
        from: (f64, Timestamp),
        /// Per cent at and after the second instant, and that instant.
        to: (f64, Timestamp),
    },
}

/// 0 to 100, both included.
pub(in crate::model) fn read_percentage(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<f64> {
    let value = json.number(at, found)?;
    if (0.0..=100.0).contains(&value) {
        return Some(value);
    }
    found.add(at, format!("a percentage must lie between 0 and 100, got {value}"));
    None
}

impl Percentage {
    pub(super) fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        if let Json::Number(_) = json {
            let value = read_percentage(json, at, found)?;
            return Some(Self { amount: Amount::Fixed(value), by: None, salt: None });
        }
        let Json::Object(_) = json else {
            json.expected_number("a number from 0 to 100 or an object", at, found);
            return None;
        };
        let (mut value, mut from, mut to, mut by, mut salt) = (None, None, None, None, None);
        let mut is_right = true;
        for (name, json) in json.fields(at, found)? {
            let at_field = &at.field(name);
            is_right &= match *name {
                "value" => keep(&mut value, read_percentage(json, at_field, found)),
                "from" => keep(&mut from, read_end(json, at_field, found)),
                "to" => keep(&mut to, read_end(json, at_field, found)),
                "by" => {
                    let name = json.string(at_field, found).map(str::to_owned);
                    name.iter().for_each(|n| check_attribute_name(n, at_field, found));
                    keep(&mut by, name)
                }
                "salt" => keep(&mut salt, read_salt(json, at_field, found)),
                _ => {
                    unknown(name, &["value", "from", "to", "by", "salt"], at, found);
                    false
                }
            };
        }
        if !is_right {
            return None;
        }
        let amount = match (value, from, to) {
            (Some(value), None, None) => Amount::Fixed(value),
            (None, Some(from), Some(to)) if to.1.as_nanos() - from.1.as_nanos() > i128::from(GROWTH_DAYS_MAX) * 86_400_000_000_000 => {
                found.add(&at.field("to").field("at"), format!("must be at most {GROWTH_DAYS_MAX} days later than `from.at`"));
                return None;
            }
            (None, Some(from), Some(to)) if from.1 < to.1 => Amount::Growing { from, to },
            (None, Some(_), Some(_)) => {
                found.add(&at.field("to").field("at"), "must be later than `from.at`");
                return None;
            }
            _ => {
                found.add(at, "must have either `value`, or `from` and `to`");
                return None;
            }
        };
        Some(Self { amount, by, salt })
    }
}

/// A salt: some text, so that an empty string cannot be mistaken for no salt.
pub(in crate::model) fn read_salt(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<String> {
    let salt = json.short_string(NAME_LENGTH_MAX, at, found)?;
    if salt.is_empty() {
        found.add(at, "a salt must not be empty");
        return None;
    }
    Some(salt)
}

fn read_end(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<(f64, Timestamp)> {
    let (mut value, mut instant) = (None, None);
    for (name, json) in json.fields(at, found)? {
        match *name {
            "value" => value = Some(read_percentage(json, &at.field(name), found)),
            "at" => instant = Some(read_instant(json, &at.field(name), found)),
            _ => unknown(name, &["value", "at"], at, found),
        }
    }
    for (name, is_missing) in [("value", value.is_none()), ("at", instant.is_none())] {
        if is_missing {
            found.add(&at.field(name), "is required");
        }
    }
    Some((value??, instant??))
}

/// A whole number is written without its point, as people write percentages and weights.
pub(crate) fn plain_number(value: f64) -> serde_json::Value {
    // 2^53: up to here every whole double is an exact integer.
    if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
        serde_json::Value::from(value as i64)
    } else {
        serde_json::Value::from(value)
    }
}

impl Serialize for Percentage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let end = |(value, at): (f64, Timestamp)| serde_json::json!({"value": plain_number(value), "at": at.to_string()});
        if let (Amount::Fixed(value), None, None) = (self.amount, &self.by, &self.salt) {
            return plain_number(value).serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        match self.amount {
            Amount::Fixed(value) => map.serialize_entry("value", &plain_number(value))?,
            Amount::Growing { from, to } => {
                map.serialize_entry("from", &end(from))?;
                map.serialize_entry("to", &end(to))?;
            }
        }
        if let Some(by) = &self.by {
            map.serialize_entry("by", by)?;
        }
        if let Some(salt) = &self.salt {
            map.serialize_entry("salt", salt)?;
        }
        map.end()
    }
}

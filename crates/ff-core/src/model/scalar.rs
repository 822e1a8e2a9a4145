//! Single values, as operands and metadata hold them.

use serde::Serialize;
use serde_json::Number;

use crate::fault::{Findings, Place};
use crate::json::Json;
use crate::limits::OPERAND_LENGTH_MAX;

/// A boolean, a number or a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A finite number, in the form in which it was written (`3` or `3.0`).
    Number(Number),
    /// A text.
    String(String),
}

impl Scalar {
    pub(crate) fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        match json {
            Json::Bool(value) => Some(Self::Bool(*value)),
            Json::Number(number) => Some(Self::Number((*number).into())),
            Json::String(_) => json.short_string(OPERAND_LENGTH_MAX, at, found).map(Self::String),
            Json::Null | Json::Array(_) | Json::Object(_) => {
                json.expected_number("a string, a number or a boolean", at, found);
                None
            }
        }
    }
}

/// One thing, or a list: both forms are legal in JSON, and the one that was written is shown back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// Written bare.
    One(T),
    /// Written as a list.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// All of them.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::Many(items) => items,
        }
    }

    /// Reads one, or a list of at least one and at most `max`.
    pub(crate) fn read(
        json: &Json<'_>,
        max: usize,
        at: &Place<'_>,
        found: &mut Findings,
        read: impl Fn(&Json<'_>, &Place<'_>, &mut Findings) -> Option<T>,
    ) -> Option<Self> {
        let Json::Array(items) = json else {
            return read(json, at, found).map(Self::One);
        };
        if items.is_empty() {
            found.add(at, "the list must not be empty");
        }
        list(items, max, at, found, read).map(Self::Many)
    }
}

/// Reads a list of at most `max` items; gives none if an item is at fault.
pub(crate) fn list<T>(
    items: &[Json<'_>],
    max: usize,
    at: &Place<'_>,
    found: &mut Findings,
    read: impl Fn(&Json<'_>, &Place<'_>, &mut Findings) -> Option<T>,
) -> Option<Vec<T>> {
    if items.len() > max {
        found.add(at, format!("must have at most {max} items, got {}", items.len()));
        return None;
    }
    // Sized beforehand: most documents are right, and their lists are kept as they are.
    let mut all = Vec::with_capacity(items.len());
    all.extend(items.iter().enumerate().filter_map(|(i, item)| read(item, &at.item(i), found)));
    (all.len() == items.len()).then_some(all)
}

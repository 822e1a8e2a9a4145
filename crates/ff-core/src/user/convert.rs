//! What becomes an attribute's value, and how a user is shown and written as JSON.

use std::borrow::Cow;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};
use serde_json::Value;

use super::{AttributeValue, User};
use crate::timestamp::Timestamp;

macro_rules! numbers {
    ($($type:ty),*) => { $(
        impl From<$type> for AttributeValue {
            fn from(number: $type) -> Self {
                Self::Number(f64::from(number))
            }
        }
    )* };
}

numbers!(i8, i16, i32, u8, u16, u32, f32, f64);

macro_rules! long_numbers {
    ($($type:ty),*) => { $(
        /// As in JSON: beyond 2^53 it becomes the nearest number that a double can hold. Give long ids as text.
        impl From<$type> for AttributeValue {
            fn from(number: $type) -> Self {
                Self::Number(number as f64)
            }
        }
    )* };
}

long_numbers!(i64, u64, isize, usize);

impl From<bool> for AttributeValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

macro_rules! texts {
    ($($type:ty),*) => { $(
        impl From<$type> for AttributeValue {
            fn from(text: $type) -> Self {
                Self::String(text.into())
            }
        }
    )* };
}

texts!(&str, String, Box<str>, Cow<'_, str>);

impl From<&String> for AttributeValue {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

/// As RFC 3339 text, which is what `before` and `after` read.
impl From<Timestamp> for AttributeValue {
    fn from(instant: Timestamp) -> Self {
        instant.to_string().into()
    }
}

impl<T: Into<AttributeValue>> From<Vec<T>> for AttributeValue {
    fn from(values: Vec<T>) -> Self {
        values.into_iter().collect()
    }
}

impl<T: Into<AttributeValue>, const N: usize> From<[T; N]> for AttributeValue {
    fn from(values: [T; N]) -> Self {
        values.into_iter().collect()
    }
}

impl<T: Into<AttributeValue> + Clone> From<&[T]> for AttributeValue {
    fn from(values: &[T]) -> Self {
        values.iter().cloned().collect()
    }
}

/// A list.
impl<T: Into<AttributeValue>> FromIterator<T> for AttributeValue {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

/// As JSON, for showing; a nested object is shown empty.
impl From<&AttributeValue> for Value {
    fn from(value: &AttributeValue) -> Self {
        value.to_json()
    }
}

impl Serialize for AttributeValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

struct Attributes<'a>(&'a User);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.attributes() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// What was prepared of a user is nobody's business.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes = std::collections::BTreeMap::from_iter(self.attributes());
        f.debug_struct("User").field("id", &self.id()).field("attributes", &attributes).finish()
    }
}

/// `{"id", "attributes"}` with nested attributes under their dotted paths; what is written reads back as the same user, within the
/// bounds that reading holds.
impl Serialize for User {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("User", 2)?;
        out.serialize_field("id", self.id())?;
        out.serialize_field("attributes", &Attributes(self))?;
        out.end()
    }
}

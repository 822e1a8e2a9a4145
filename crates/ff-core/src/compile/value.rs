//! What a variant gives to the caller.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A variant's value: of one type throughout a flag, and ready to be written as JSON.
#[derive(Clone)]
#[non_exhaustive]
pub enum VariantValue {
    /// Of a boolean flag.
    Bool(bool),
    /// Of a string flag.
    String(Arc<str>),
    /// Of a number flag, in the form in which it was written (`3` or `3.0`).
    Number(serde_json::Number),
    /// Of a JSON flag, as text.
    Json(Arc<RawValue>),
}

impl VariantValue {
    pub(super) fn new(value: &Value, key: &crate::key::VariantKey) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::String(text) if text == key.as_str() => Self::String(key.shared()),
            Value::String(text) => Self::String(text.as_str().into()),
            Value::Number(number) => Self::Number(number.clone()),
            Value::Null | Value::Array(_) | Value::Object(_) => match serde_json::value::to_raw_value(value) {
                Ok(raw) => Self::Json(raw.into()),
                // A JSON value always becomes JSON text.
                Err(_) => Self::Bool(false),
            },
        }
    }

    /// The value of a boolean flag.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The value of a string flag.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The value of a number flag, as an IEEE double.
    pub fn as_f64(&self) -> Option<f64> {
        if let Self::Number(number) = self { number.as_f64() } else { None }
    }

    /// The value of a number flag that is a whole number within the range of `i64`, however it is written: `20`, `20.0`, `2e1`.
    pub fn as_i64(&self) -> Option<i64> {
        let Self::Number(number) = self else { return None };
        number.as_i64().or_else(|| whole(number.as_f64()?))
    }

    /// The value as a type of yours: a JSON flag as a struct, a string flag as an enum. Reads it each time.
    ///
    /// # Errors
    /// The value does not fit the type.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match self {
            Self::Json(raw) => serde_json::from_str(raw.get()),
            Self::Bool(_) | Self::String(_) | Self::Number(_) => serde_json::from_value(self.to_json()),
        }
    }

    /// The value as a JSON tree, whatever its type. Allocates.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

fn whole(value: f64) -> Option<i64> {
    // Of the bounds of `i64` the lower one is a double, and the upper one lies just below one.
    const BOUND: f64 = -(i64::MIN as f64);
    (value.fract() == 0.0 && (-BOUND..BOUND).contains(&value)).then_some(value as i64)
}

impl Serialize for VariantValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::String(text) => serializer.serialize_str(text),
            Self::Number(number) => number.serialize(serializer),
            Self::Json(raw) => raw.serialize(serializer),
        }
    }
}

impl PartialEq for VariantValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::Json(a), Self::Json(b)) => a.get() == b.get(),
            _ => false,
        }
    }
}

impl fmt::Debug for VariantValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::String(text) => text.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Json(raw) => f.write_str(raw.get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_of_one_type_and_shown_as_it_was_written() {
        let key = "on".parse().unwrap();
        let of = |value: Value| VariantValue::new(&value, &key);
        let values = [json!(true), json!("text"), json!("on"), json!(3), json!(3.5), json!({"a": [1, null]}), json!(null)];
        for (i, value) in values.iter().enumerate() {
            let made = of(value.clone());
            assert_eq!((made.as_bool(), made.as_str(), made.as_f64()), (value.as_bool(), value.as_str(), value.as_f64()), "{value}");
            assert_eq!(made.as_i64(), value.as_i64(), "{value}");
            assert_eq!(made.to_json(), *value);
            assert_eq!(serde_json::to_string(&made).unwrap(), value.to_string());
            assert_eq!(format!("{made:?}").trim_matches('"').replace("Number(", "").replace(')', ""), value.to_string().trim_matches('"'));
            let equal: Vec<usize> = (0..values.len()).filter(|j| of(values[*j].clone()) == made).collect();
            assert_eq!(equal, [i], "{value} equals itself only");
        }
    }

    #[test]
    fn a_number_is_whole_whatever_its_form_up_to_the_bounds() {
        let whole = |value: f64| VariantValue::new(&json!(value), &"v".parse().unwrap()).as_i64();
        for (value, expected) in [
            (20.0, 20),
            (-0.0, 0),
            (-25.0, -25),
            (9_007_199_254_740_992.0, 9_007_199_254_740_992),
            (9_223_372_036_854_774_784.0, 9_223_372_036_854_774_784),
            (-9_223_372_036_854_775_808.0, i64::MIN),
        ] {
            assert_eq!(whole(value), Some(expected), "{value}");
        }
        for value in [0.5, -0.5, 20.000_001, 9_223_372_036_854_775_808.0, -9_223_372_036_854_777_856.0, f64::MAX, f64::MIN] {
            assert_eq!(whole(value), None, "{value}");
        }
        assert_eq!(VariantValue::new(&json!(u64::MAX), &"v".parse().unwrap()).as_i64(), None);
        assert_eq!(VariantValue::new(&json!(i64::MAX), &"v".parse().unwrap()).as_i64(), Some(i64::MAX));
    }

    #[test]
    fn a_text_that_is_the_variants_key_is_shared_with_it() {
        let key: crate::key::VariantKey = "on".parse().unwrap();
        let [VariantValue::String(same), VariantValue::String(other)] = ["on", "off"].map(|text| VariantValue::new(&json!(text), &key))
        else {
            panic!("texts")
        };
        assert!(Arc::ptr_eq(&same, &key.shared()) && !Arc::ptr_eq(&other, &key.shared()));
    }
}

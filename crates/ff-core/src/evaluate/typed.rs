//! Values as Rust types, and what to take where there is none.
//!
//! A default stands in for a flag that does not exist and for one of another type: code that asks for a flag must go on
//! without it. Whoever wants to know asks [`Ruleset::evaluate`] and looks.

use serde::de::DeserializeOwned;

use super::Evaluation;
use crate::ruleset::Ruleset;
use crate::timestamp::Timestamp;
use crate::user::User;

impl<'a> Evaluation<'a> {
    /// The value, if it is that of a boolean flag.
    pub fn as_bool(&self) -> Option<bool> {
        self.value().as_bool()
    }

    /// The value, if it is that of a string flag.
    pub fn as_str(&self) -> Option<&'a str> {
        self.value().as_str()
    }

    /// The value, if it is that of a number flag.
    pub fn as_f64(&self) -> Option<f64> {
        self.value().as_f64()
    }

    /// The value, if it is that of a number flag, whole (as `20` and `20.0` are) and within the range of `i64`.
    pub fn as_i64(&self) -> Option<i64> {
        self.value().as_i64()
    }

    /// The value as a type of yours: a JSON flag as a struct, a string flag as an enum. Reads it each time.
    ///
    /// # Errors
    /// The value does not fit the type.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        self.value().deserialize()
    }
}

impl Ruleset {
    /// What a boolean flag gives to this user; `default`, if there is no boolean flag of that key.
    pub fn bool_or(&self, flag_key: &str, user: &User, now: Timestamp, default: bool) -> bool {
        self.evaluate(flag_key, user, now).and_then(|answer| answer.as_bool()).unwrap_or(default)
    }

    /// What a string flag gives to this user; `default`, if there is no string flag of that key.
    pub fn str_or<'a>(&'a self, flag_key: &str, user: &'a User, now: Timestamp, default: &'a str) -> &'a str {
        self.evaluate(flag_key, user, now).and_then(|answer| answer.as_str()).unwrap_or(default)
    }

    /// What a number flag gives to this user; `default`, if there is no number flag of that key.
    pub fn f64_or(&self, flag_key: &str, user: &User, now: Timestamp, default: f64) -> f64 {
        self.evaluate(flag_key, user, now).and_then(|answer| answer.as_f64()).unwrap_or(default)
    }

    /// What a number flag gives to this user; `default`, if there is no number flag of that key, or the number is not
    /// [whole](Evaluation::as_i64).
    pub fn i64_or(&self, flag_key: &str, user: &User, now: Timestamp, default: i64) -> i64 {
        self.evaluate(flag_key, user, now).and_then(|answer| answer.as_i64()).unwrap_or(default)
    }
}

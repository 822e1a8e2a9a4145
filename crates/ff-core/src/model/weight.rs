//! Proportions.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::condition::plain_number;
use crate::fault::{Findings, Place};
use crate::json::Json;

/// The number is no weight.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a weight must be finite and ≥ 0, got {0}")]
pub struct WeightError(f64);

/// A proportion: finite and at least 0. Weights are set against their sum, whatever that is.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Weight(pub(super) f64);

impl Weight {
    /// No share at all.
    pub const ZERO: Self = Self(0.0);

    /// A weight, if `value` is finite and at least 0.
    pub fn new(value: f64) -> Option<Self> {
        // `+ 0.0` turns -0.0, which compares as 0, into 0.0.
        (value.is_finite() && value >= 0.0).then_some(Self(value + 0.0))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    pub(super) fn read(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let value = json.number(at, found)?;
        let weight = Self::new(value);
        if weight.is_none() {
            found.add(at, WeightError(value).to_string());
        }
        weight
    }

    /// The sum must be something to take proportions of.
    pub(crate) fn check_sum(weights: impl Iterator<Item = Self>, at: &Place<'_>, found: &mut Findings) {
        let sum: f64 = weights.map(Self::get).sum();
        if sum <= 0.0 {
            found.add(at, "the weights must not all be 0");
        } else if !sum.is_finite() {
            found.add(at, "the sum of the weights is too large");
        }
    }
}

impl TryFrom<f64> for Weight {
    type Error = WeightError;

    fn try_from(value: f64) -> Result<Self, WeightError> {
        Self::new(value).ok_or(WeightError(value))
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

impl Serialize for Weight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        plain_number(self.0).serialize(serializer)
    }
}

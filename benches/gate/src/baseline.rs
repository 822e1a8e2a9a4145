//! The counts that stand until somebody accepts others, kept in the repository.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::conditions::Conditions;
use crate::counts::Counts;

/// Accepted counts, what they were measured with, and why they were accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Baseline {
    pub(crate) reason: String,
    pub(crate) measured_with: Conditions,
    pub(crate) instructions: Counts,
}

impl Baseline {
    fn path() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("baseline.json")
    }

    pub(crate) fn read() -> Result<Self, Failure> {
        let text = fs::read_to_string(Self::path()).map_err(|e| format!("cannot read {}: {e}", Self::path().display()))?;
        Self::from_json(&text).map_err(|e| format!("{}: {e}", Self::path().display()))
    }

    pub(crate) fn write(&self) -> Result<(), Failure> {
        fs::write(Self::path(), self.to_json()?).map_err(|e| format!("cannot write {}: {e}", Self::path().display()))
    }

    fn from_json(text: &str) -> Result<Self, Failure> {
        serde_json::from_str(text).map_err(|e| e.to_string())
    }

    fn to_json(&self) -> Result<String, Failure> {
        let text = serde_json::to_string_pretty(self).map_err(|e| e.to_string())?;
        Ok(text + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_baseline_has_a_reason_and_a_count_of_every_workload_on_which_engines_are_compared() {
        let baseline = Baseline::read().unwrap();
        assert!(!baseline.reason.trim().is_empty());
        for workload in ["w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9", "w10_load"] {
            assert!(baseline.instructions.of(workload).is_some(), "no baseline of {workload}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let measured_with = [("rustc".to_owned(), "1.95.0".to_owned())].into();
        let baseline = Baseline { reason: "first".to_owned(), measured_with, instructions: [("w1", 100), ("w2", 200)].into() };
        assert_eq!(Baseline::from_json(&baseline.to_json().unwrap()).unwrap(), baseline);
    }

    #[test]
    fn a_baseline_that_cannot_be_divided_by_is_refused() {
        let text = r#"{"reason": "r", "measured_with": {}, "instructions": {"w1": 0}}"#;
        assert!(Baseline::from_json(text).unwrap_err().starts_with("the baseline of `w1` is not a count: 0"));
    }
}

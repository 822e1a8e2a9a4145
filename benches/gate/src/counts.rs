//! Instruction counts by workload, as the benchmark printed them.

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::Failure;

/// How many instructions each workload took, in the order in which they ran.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub(crate) struct Counts(Vec<(String, u64)>);

impl Counts {
    /// Reads gungraun's summaries, one JSON object a line.
    pub(crate) fn from_json_lines(text: &str) -> Result<Self, Failure> {
        let mut counts = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let summary: Value = serde_json::from_str(line).map_err(|e| format!("not a summary of a benchmark: {e}: {line}"))?;
            let name = summary.get("id").and_then(Value::as_str).ok_or_else(|| format!("a summary without an id: {line}"))?;
            let count = summary
                .pointer("/profiles/0/data/total/metrics/Ir/values/new")
                .and_then(Value::as_u64)
                .ok_or_else(|| format!("no instruction count of `{name}`: {line}"))?;
            if counts.of(name).is_some() {
                return Err(format!("two benchmarks are called `{name}`"));
            }
            counts.0.push((name.to_owned(), count));
        }
        if counts.0.is_empty() { Err("nothing was measured".to_owned()) } else { Ok(counts) }
    }

    pub(crate) fn of(&self, name: &str) -> Option<u64> {
        self.iter().find(|(known, _)| *known == name).map(|(_, count)| count)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, count)| (name.as_str(), *count))
    }
}

impl Serialize for Counts {
    /// In their order, which a sorted map would lose: `w10` stands after `w9`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, count) in self.iter() {
            map.serialize_entry(name, &count)?;
        }
        map.end()
    }
}

impl TryFrom<Map<String, Value>> for Counts {
    type Error = Failure;

    fn try_from(map: Map<String, Value>) -> Result<Self, Failure> {
        let count = |(name, value): (String, Value)| match value.as_u64() {
            Some(count) if count > 0 => Ok((name, count)),
            _ => Err(format!("the baseline of `{name}` is not a count: {value}")),
        };
        map.into_iter().map(count).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, u64); N]> for Counts {
    fn from(counts: [(&str, u64); N]) -> Self {
        Self(counts.map(|(name, count)| (name.to_owned(), count)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, metrics: &str) -> String {
        format!(r#"{{"id": "{name}", "profiles": [{{"data": {{"parts": [], "total": {{"metrics": {metrics}}}}}}}]}}"#)
    }

    #[test]
    fn the_new_count_of_each_line_is_read_whether_or_not_an_older_run_stands_beside_it() {
        let alone = line("w1", r#"{"Ir": {"values": {"new": 7}}}"#);
        let beside = line("w10", r#"{"Ir": {"change": {"factor": "1"}, "values": {"new": 9, "old": 8}}}"#);
        let counts = Counts::from_json_lines(&format!("{alone}\n\n{beside}\n")).unwrap();
        assert_eq!(counts, Counts::from([("w1", 7), ("w10", 9)]));
    }

    #[test]
    fn output_without_a_count_is_refused_and_the_workload_named() {
        let without = line("w3", r#"{"L1hits": {"values": {"new": 7}}}"#);
        assert!(Counts::from_json_lines(&without).unwrap_err().starts_with("no instruction count of `w3`"));
        assert!(Counts::from_json_lines("Running benches").unwrap_err().starts_with("not a summary"));
        assert_eq!(Counts::from_json_lines("\n").unwrap_err(), "nothing was measured");
    }

    #[test]
    fn two_workloads_of_one_name_are_refused() {
        let one = line("w3", r#"{"Ir": {"values": {"new": 7}}}"#);
        assert_eq!(Counts::from_json_lines(&format!("{one}\n{one}")).unwrap_err(), "two benchmarks are called `w3`");
    }

    #[test]
    fn counts_are_written_in_the_order_in_which_they_ran() {
        assert_eq!(serde_json::to_string(&Counts::from([("w9", 1), ("w10", 2)])).unwrap(), r#"{"w9":1,"w10":2}"#);
    }
}

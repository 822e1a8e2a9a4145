//! What a comparison with the baseline comes to, and the table that shows it.

use std::fmt::Write as _;

use crate::baseline::Baseline;
use crate::conditions::Conditions;
use crate::counts::Counts;

/// By how much a count may be above its baseline, in percent.
const TOLERANCE_PERCENT: u64 = 3;

/// A baseline and what was measured now, workload by workload.
#[derive(Debug)]
pub(crate) struct Report {
    rows: Vec<Row>,
    /// In what the conditions differ, in words. Where they do, nothing is compared in earnest.
    differences: Vec<String>,
}

#[derive(Debug)]
struct Row {
    name: String,
    old: Option<u64>,
    new: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    Better,
    Worse,
    /// Measured, but without a baseline.
    Unknown,
    /// In the baseline, but not measured any more.
    Gone,
}

impl Row {
    fn verdict(&self) -> Verdict {
        match (self.old, self.new) {
            (Some(old), Some(new)) if percent_of(new, 100) > percent_of(old, 100 + TOLERANCE_PERCENT) => Verdict::Worse,
            (Some(old), Some(new)) if percent_of(new, 100) < percent_of(old, 100 - TOLERANCE_PERCENT) => Verdict::Better,
            (Some(_), Some(_)) => Verdict::Same,
            (None, _) => Verdict::Unknown,
            (Some(_), None) => Verdict::Gone,
        }
    }

    fn ratio(&self) -> Option<f64> {
        Some(self.new? as f64 / self.old? as f64)
    }
}

/// So many hundredths of a count, in hundredths of an instruction: exact, and too wide to overflow.
fn percent_of(count: u64, percent: u64) -> u128 {
    u128::from(count) * u128::from(percent)
}

impl Report {
    /// What was measured under some conditions, against the baseline.
    pub(crate) fn new(baseline: &Baseline, measured: &Counts, conditions: &Conditions) -> Self {
        let now = measured.iter().map(|(name, new)| Row { name: name.to_owned(), old: baseline.instructions.of(name), new: Some(new) });
        let gone = baseline.instructions.iter().filter(|(name, _)| measured.of(name).is_none());
        let gone = gone.map(|(name, old)| Row { name: name.to_owned(), old: Some(old), new: None });
        Self { rows: now.chain(gone).collect(), differences: differences(&baseline.measured_with, conditions) }
    }

    /// Whether nothing is worse, unknown or gone. Where the conditions differ there is no telling; `is_strict` says whether
    /// that fails.
    pub(crate) fn passes(&self, is_strict: bool) -> bool {
        if !self.differences.is_empty() {
            return !is_strict;
        }
        self.rows.iter().all(|row| matches!(row.verdict(), Verdict::Same | Verdict::Better))
    }

    /// The table, and below it what is to be done.
    pub(crate) fn to_text(&self, is_strict: bool) -> String {
        format!("{}{}\n", self.table(), self.advice(is_strict))
    }

    /// Each workload with its old and its new count and their ratio.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{:<12} {:>12} {:>12} {:>7}\n", "instructions", "old", "new", "ratio");
        for row in &self.rows {
            let remark = match row.verdict() {
                Verdict::Same => String::new(),
                Verdict::Better => "  better".to_owned(),
                Verdict::Worse => format!("  above +{TOLERANCE_PERCENT} %"),
                Verdict::Unknown => "  has no baseline".to_owned(),
                Verdict::Gone => "  is not measured".to_owned(),
            };
            let ratio = row.ratio().map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"));
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "{:<12} {:>12} {:>12} {ratio:>7}{remark}", row.name, count(row.old), count(row.new));
        }
        text
    }

    fn advice(&self, is_strict: bool) -> String {
        const ACCEPT: &str = "`just instructions-accept \"reason\"`";
        if !self.differences.is_empty() {
            let what = self.differences.join("\n  ");
            let consequence = if is_strict {
                format!("That fails here: whatever brings them takes the baseline anew in the same commit: {ACCEPT}.")
            } else {
                "So the ratios mean little, and nothing fails on them here; the pipeline compares in earnest.".to_owned()
            };
            return format!("NOT COMPARED: the baseline was measured under other conditions.\n  {what}\n{consequence}");
        }
        if !self.passes(is_strict) {
            return format!(
                "FAILED. Mend it, or accept the new counts with a reason, in the same commit: {ACCEPT}.\n\
                 What costs more now: `callgrind_annotate` on the files in target/gungraun/ff-core/instructions."
            );
        }
        if self.rows.iter().any(|row| row.verdict() == Verdict::Better) {
            return format!("Passed. Lower the baseline, so that what was won is kept: {ACCEPT}.");
        }
        "Passed.".to_owned()
    }
}

fn differences(old: &Conditions, new: &Conditions) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let value = |conditions: &Conditions, name: &String| conditions.get(name).cloned().unwrap_or_else(|| "unknown".to_owned());
    let pairs = names.into_iter().map(|name| (name, value(old, name), value(new, name)));
    pairs.filter(|(_, old, new)| old != new).map(|(name, old, new)| format!("{name}: {old} then, {new} now")).collect()
}

/// A count with its thousands apart.
fn count(count: Option<u64>) -> String {
    let Some(count) = count else { return "-".to_owned() };
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;

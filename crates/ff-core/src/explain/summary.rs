//! A rule and an evaluation in words: the tests that decided, and no others.

use super::trace::{DistributionTrace, RuleTrace, TestTrace, Trace};
use super::words::apart;
use crate::evaluate::{Evaluation, Reason};

/// The most tests that one sentence tells.
const TESTS_MAX: usize = 4;

/// Why a rule's condition holds or does not.
pub(super) fn of_rule(rule: &RuleTrace<'_>) -> String {
    let mut decisive = Vec::new();
    rule.tests.iter().for_each(|test| collect(test, &mut decisive));
    let rest = decisive.len().saturating_sub(TESTS_MAX);
    let told: Vec<_> = decisive.iter().take(TESTS_MAX).map(|test| test.because.as_str()).collect();
    match (told.is_empty(), rest) {
        (true, _) => "there are too many tests to show".to_owned(),
        (false, 0) => told.join("; "),
        (false, _) => format!("{}; and {rest} more", told.join("; ")),
    }
}

/// The tests without which the outcome would not be what it is, those that consist of others left out.
fn collect<'t, 'a>(test: &'t Trace<'a>, decisive: &mut Vec<&'t Trace<'a>>) {
    let is_decided_by_one = match test.test {
        TestTrace::All => !test.holds,
        TestTrace::Any => test.holds,
        TestTrace::Segment if test.holds => true,
        // A list decides by itself; criteria are told by their tests.
        TestTrace::Member { by: "criteria", .. } | TestTrace::Segment => false,
        _ => return decisive.push(test),
    };
    match test.tests.as_slice() {
        [] => decisive.push(test),
        // The last one was reached because those before it did not decide.
        [.., last] if is_decided_by_one => collect(last, decisive),
        all => all.iter().for_each(|inner| collect(inner, decisive)),
    }
}

/// Why the answer is what it is.
pub(super) fn of_evaluation(
    evaluation: &Evaluation<'_>,
    rules: &[RuleTrace<'_>],
    distribution: Option<&DistributionTrace<'_>>,
    rule_count: usize,
) -> String {
    let (flag, variant) = (evaluation.flag_key(), evaluation.variant());
    let share = distribution.and_then(|d| d.shares.iter().find(|share| d.bucket < share.to).map(|share| (d, share)));
    let by_bucket = share.map(|(d, share)| {
        let (bucket, to) = apart(d.bucket, share.to);
        format!("bucket {bucket} lies between {} and {to}, where `{variant}` is", apart(d.bucket, share.from).1)
    });
    match (evaluation.reason(), rules.last()) {
        (Reason::FlagOff, _) => format!("flag `{flag}` is off, so everyone gets `{variant}`"),
        (Reason::RuleMatch, Some(rule)) => {
            let chosen = by_bucket.map(|by| format!("; {by}")).unwrap_or_default();
            let earlier = match rules.len().saturating_sub(1) {
                0 => String::new(),
                1 => ", the first that matches after one that does not".to_owned(),
                many => format!(", the first that matches after {many} that do not"),
            };
            format!("flag `{flag}` gives `{variant}` by rule `{}`{earlier}: {}{chosen}", rule.rule_id, rule.because)
        }
        _ => {
            let rules = match rule_count {
                0 => "it has no rules".to_owned(),
                1 => "its rule does not match".to_owned(),
                many => format!("none of its {many} rules matches"),
            };
            let weights = by_bucket.unwrap_or_else(|| format!("`{variant}` has all the weight"));
            format!("flag `{flag}` gives `{variant}` by the variants' weights, since {rules}; {weights}")
        }
    }
}

//! Explanations: an evaluation with everything that it looked at, in words, and what would have to be otherwise.
//!
//! Read in this order: `trace` is what was looked at, told by `recorder` while the evaluator itself runs, so that it
//! cannot differ; `words` and `summary` put it into sentences, `quote` values; `why_not` says which smallest change would make another
//! rule decide, as `search` finds it. Nothing here runs while a flag is only evaluated.

mod quote;
mod recorder;
mod search;
mod summary;
mod trace;
mod why_not;
mod words;

use serde::Serialize;

pub use trace::{DistributionTrace, RuleTrace, ShareTrace, TRACES_MAX, TestTrace, Trace};
pub use why_not::{AttributeChange, Need, Remedy, Requirement, SEARCH_TESTS_MAX, WhyNot};

use crate::bucket::Bucket;
use crate::compile::{CompiledFlag, Split};
use crate::evaluate::Evaluation;
use crate::matcher::Matcher;
use crate::ruleset::Ruleset;
use crate::timestamp::Timestamp;
use crate::user::User;
use recorder::Recorder;

/// An evaluation with everything that it looked at, in the order in which it did. What it did not need is not there.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Explanation<'a> {
    /// The answer itself.
    pub evaluation: Evaluation<'a>,
    /// Why it is the answer, in a sentence or two.
    pub summary: String,
    /// Every rule that was tried; the last one decided, if a rule did.
    pub rules: Vec<RuleTrace<'a>>,
    /// How the bucket chose, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<DistributionTrace<'a>>,
    /// For each rule that was asked about, why it did not decide and the smallest change that would have made it.
    pub why_not: Vec<WhyNot<'a>>,
    /// Whether tests were left out because there were more than [`TRACES_MAX`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
}

impl Ruleset {
    /// Like [`evaluate`](Ruleset::evaluate), with everything that it looked at, and with the answer to "why not?" for each
    /// rule that was tried and does not hold. Allocates; meant for people. Its work is bounded: see [`SEARCH_TESTS_MAX`].
    pub fn explain<'a>(&'a self, flag_key: &str, user: &'a User, now: Timestamp) -> Option<Explanation<'a>> {
        let flag = self.flag(flag_key)?;
        let mut explanation = self.traced(flag, user, now);
        let failed = explanation.rules.iter().enumerate().filter(|(_, rule)| !rule.holds).map(|(i, _)| i);
        explanation.why_not = why_not::answer(self, flag, user, now, failed);
        Some(explanation)
    }

    /// Like [`explain`](Ruleset::explain), with the answer to "why not?" for this rule alone, wherever it stands. Nothing, if
    /// there is no such flag or it has no such rule.
    ///
    /// ```
    /// use ff_core::{EnvironmentKey, Flag, Remedy, Ruleset, Timestamp, User};
    ///
    /// let flag = Flag::from_json(
    ///     r#"{
    ///         "key": "checkout", "type": "boolean", "state": "on", "rollout_percentage": 0,
    ///         "rules": [{"id": "canada", "when": {"attr": {"country": "CA", "age": {"gte": 18}}}, "rollout": {"variant": "on"}}]
    ///     }"#,
    /// )?;
    /// let ruleset = Ruleset::compile("acme".parse()?, EnvironmentKey::production(), 1, &[flag], &[])?;
    /// let user = User::new("user-1")?.with("country", "US").with("age", 30);
    ///
    /// let explanation = ruleset.explain_rule("checkout", "canada", &user, Timestamp::EPOCH).ok_or("no such rule")?;
    /// let why_not = &explanation.why_not[0];
    /// assert_eq!(why_not.summary, "rule `canada` would decide if country were `CA` instead of `US`");
    ///
    /// let changed = why_not.changed(&user).ok_or("no change is known")?;
    /// let answer = ruleset.evaluate("checkout", &changed, Timestamp::EPOCH).ok_or("no such flag")?;
    /// assert_eq!(answer.rule_id().map(|id| id.as_str()), Some("canada"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn explain_rule<'a>(&'a self, flag_key: &str, rule_id: &str, user: &'a User, now: Timestamp) -> Option<Explanation<'a>> {
        let flag = self.flag(flag_key)?;
        let rule = flag.rules.iter().position(|rule| rule.id.as_str() == rule_id)?;
        let mut explanation = self.traced(flag, user, now);
        explanation.why_not = why_not::answer(self, flag, user, now, std::iter::once(rule));
        Some(explanation)
    }

    fn traced<'a>(&'a self, flag: &'a CompiledFlag, user: &'a User, now: Timestamp) -> Explanation<'a> {
        let mut matcher = Matcher { ruleset: self, user, now, observer: Recorder::new(user, now), percentage_bucket: None };
        let outcome = matcher.flag(flag);
        let split = match outcome.rule.and_then(|rule| flag.rules.get(rule as usize)) {
            Some(rule) => &rule.rollout,
            None => &flag.default,
        };
        let evaluation = Evaluation::new(flag, user, outcome, matcher.percentage_bucket);
        let (rules, is_cut) = matcher.observer.finish();
        let distribution = outcome.bucket.map(|bucket| distribution(flag, split, bucket));
        let summary = summary::of_evaluation(&evaluation, &rules, distribution.as_ref(), flag.rules.len());
        Explanation { evaluation, summary, rules, distribution, why_not: Vec::new(), is_cut }
    }
}

fn distribution<'a>(flag: &'a CompiledFlag, split: &Split, bucket: Bucket) -> DistributionTrace<'a> {
    let mut from = 0.0;
    let mut shares = Vec::new();
    if let Split::Many(all) = split {
        for (threshold, variant) in all {
            let to = threshold.as_f64();
            if let Some((key, _)) = flag.variants.get(*variant as usize) {
                shares.push(ShareTrace { variant: key, from, to });
            }
            from = to;
        }
    }
    DistributionTrace { bucket: bucket.as_f64(), shares }
}

#[cfg(test)]
mod tests;

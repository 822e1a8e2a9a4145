//! What is legal and probably not meant: rules that nobody reaches, tests that exclude one another, variants that nobody gets.
//!
//! A finding is certain: of a rule that is said never to match, no user and no instant ever makes one that does. What cannot
//! be told is not said. `docs/lint.md` explains each code.
//!
//! Linting is pure, gives the same findings in the same order each time, and takes bounded time, whatever the document.

mod addresses;
mod asked;
mod code;
mod conditions;
mod finding;
mod graph;
mod interval;
mod leaves;
mod percentages;
mod prospects;
mod rollouts;
mod rules;
mod segments;
mod shape;
mod share;
mod shown;
mod single_value;
mod sorted;
mod stand;
mod test_atom;

pub use code::{LintCode, UnknownLintCode};
pub use finding::{FINDINGS_MAX, Finding};

use crate::bucket::{Domain, Seed};
use crate::fault::Place;
use crate::model::{Flag, Segment};
use crate::ruleset::Ruleset;
use conditions::Linter;
use prospects::Prospects;

impl Ruleset {
    /// What is probably a mistake in a flag, seen together with this ruleset's segments and other flags. Pointers lead into
    /// the flag's JSON. At most [`FINDINGS_MAX`] are listed.
    ///
    /// The flag need not be in the ruleset; what it names and the ruleset does not have is taken as unknown.
    ///
    /// ```
    /// use ff_core::{EnvironmentKey, Flag, LintCode, Ruleset};
    ///
    /// let flag = Flag::from_json(
    ///     r#"{
    ///         "key": "checkout", "type": "boolean", "state": "on", "rollout_percentage": 0,
    ///         "rules": [
    ///             {"id": "all", "when": {}, "rollout": {"variant": "on"}},
    ///             {"id": "beta", "when": {"attr": {"beta": true}}, "rollout": {"variant": "on"}}
    ///         ]
    ///     }"#,
    /// )?;
    /// let ruleset = Ruleset::compile("acme".parse()?, EnvironmentKey::production(), 1, std::slice::from_ref(&flag), &[])?;
    ///
    /// let findings = ruleset.lint(&flag);
    /// assert_eq!(findings[0].code, LintCode::RuleShadowed);
    /// assert_eq!(findings[0].pointer, "/rules/1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lint(&self, flag: &Flag) -> Vec<Finding> {
        let text = flag.salt.as_deref().unwrap_or(flag.key.as_str());
        let mut linter = Linter::new(Prospects::new(self), (Domain::Percentage, text));
        let root = Place::Root;
        let at_rules = root.field("rules");
        let (whens, reach) = linter.rules(&flag.rules, &at_rules);
        for i in reach.among(0..flag.rules.len()) {
            linter.rollout(flag, i, &whens, &reach, &at_rules);
        }
        linter.percentage_then_weights(flag, &whens, &reach, &at_rules);
        linter.variants(flag, &reach, &root.field("variants"));
        if flag.salt.is_some() {
            let seed = Seed::new(Domain::Distribution, self.tenant(), text);
            let mut others: Vec<_> =
                self.flags().filter(|other| other.seed == seed && other.key != flag.key).map(|other| other.key.to_string()).collect();
            others.sort_unstable();
            linter.salt(flag, others.into_iter(), &root.field("salt"));
        }
        linter.notes.finish()
    }

    /// What is probably a mistake in a segment, as [`lint`](Self::lint) has it for flags.
    pub fn lint_segment(&self, segment: &Segment) -> Vec<Finding> {
        let mut linter = Linter::new(Prospects::new(self), (Domain::SegmentPercentage, segment.key.as_str()));
        linter.segment(segment);
        linter.notes.finish()
    }
}

#[cfg(test)]
mod tests;

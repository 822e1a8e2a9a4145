//! What rules and weights give, and how percentages meet them.

use std::collections::BTreeSet;

use super::LintCode;
use super::conditions::{Linter, Walked};
use super::graph::Term;
use super::rules::Reach;
use super::share::{self, ALL, percent};
use crate::fault::Place;
use crate::key::VariantKey;
use crate::model::{Clause, Condition, Flag, FlagType, Rollout, Rule};

impl Linter<'_> {
    /// One rule's rollout behind its own percentage.
    pub(super) fn rollout(&mut self, flag: &Flag, rule: &Rule, when: Term, at: &Place<'_>) {
        let Rollout::Distribution(shares) = &rule.rollout else { return };
        let at_rollout = at.field("rollout");
        let at_distribution = at_rollout.field("distribution");
        let given = share::of_rollout(&rule.rollout);
        if let (Some((variant, _)), 1) = (given.first_key_value(), given.len()) {
            if shares.len() > 1 {
                let message = format!("`{variant}` has all the weight, so nobody gets the others");
                self.notes.add(LintCode::OneSidedDistribution, &at_distribution, message);
            }
            return;
        }
        if let Some(by) = names_by(&rule.when) {
            let message =
                format!("users who share `{by}` are admitted together and then split by their ids, so they get different variants");
            self.notes.add(LintCode::SplitIgnoresBy, &at_distribution, message);
        } else {
            self.note_product(flag, rule, when, &at_distribution);
        }
    }

    /// A percentage admits some, and the distribution sends a part of them back to what the others get anyway.
    fn note_product(&mut self, flag: &Flag, rule: &Rule, when: Term, at: &Place<'_>) {
        let Some((gate, others)) = self.split_gate(when) else { return };
        let given = share::of_rollout(&rule.rollout);
        let weights = share::of_weights(&flag.variants);
        let is_off_alone = weights.len() == 1 && weights.contains_key(&flag.off_variant);
        let rest: Vec<_> = given.iter().filter(|(variant, _)| **variant != &flag.off_variant).collect();
        if flag.kind != FlagType::Boolean || !is_off_alone || !given.contains_key(&flag.off_variant) {
            return;
        }
        let [(variant, share)] = rest.as_slice() else { return };
        let product = (gate.least as f64 / ALL as f64 * **share as f64) as u128;
        let message = format!(
            "the percentage admits {} and the distribution gives `{variant}` to {} of them: {} {}, and the others get `{}` with or without this rule",
            percent(gate.least),
            percent(**share),
            percent(product),
            among(&others),
            flag.off_variant
        );
        self.notes.add(LintCode::PercentageTimesWeight, at, message);
    }

    /// The last rule's percentage gives a variant to some, and the weights give it to some of the others.
    pub(super) fn percentage_then_weights(&mut self, flag: &Flag, whens: &[Walked], reach: &Reach, at_rules: &Place<'_>) {
        let last = reach.is_reached.iter().rposition(|is_reached| *is_reached);
        let Some((i, rule, when)) = last.and_then(|i| Some((i, flag.rules.get(i)?, whens.get(i)?))) else { return };
        let (Rollout::Variant(variant), Some((gate, rest))) = (&rule.rollout, self.split_gate(when.term)) else { return };
        let weights = share::of_weights(&flag.variants);
        let Some(share) = weights.get(variant).filter(|_| weights.len() > 1 && names_by(&rule.when).is_none()) else { return };
        let admitted = gate.least as f64 / ALL as f64;
        let sum = ((admitted + (1.0 - admitted) * (*share as f64 / ALL as f64)) * ALL as f64) as u128;
        let message = format!(
            "the percentage gives `{variant}` to {}, and the weights give it to {} of the others, who go on to them: {} {}",
            percent(gate.least),
            percent(*share),
            percent(sum),
            among(&rest)
        );
        self.notes.add(LintCode::PercentageThenWeights, &at_rules.item(i), message);
    }

    /// Variants that neither a rule that somebody reaches, nor the weights, nor the flag being off gives to anybody.
    pub(super) fn variants(&mut self, flag: &Flag, reach: &Reach, at: &Place<'_>) {
        let mut given: BTreeSet<&VariantKey> = BTreeSet::from([&flag.off_variant]);
        for (rule, _) in flag.rules.iter().zip(&reach.is_reached).filter(|(_, is_reached)| **is_reached) {
            given.extend(share::of_rollout(&rule.rollout).into_keys());
        }
        if reach.is_passed {
            given.extend(share::of_weights(&flag.variants).into_keys());
        }
        for (i, variant) in flag.variants.iter().enumerate().filter(|(_, variant)| !given.contains(&variant.key)) {
            let message =
                format!("nobody gets `{}`: no rule that can match gives it, no weight does, and it is not the off variant", variant.key);
            self.notes.add(LintCode::VariantUnobtainable, &at.item(i), message);
        }
    }

    /// Another flag deals its users by the same text, so that the two are not independent.
    pub(super) fn salt(&mut self, flag: &Flag, others: impl Iterator<Item = String>, at: &Place<'_>) {
        let (Some(salt), others) = (&flag.salt, others.take(OTHERS_SHOWN_MAX + 1).collect::<Vec<_>>()) else { return };
        if others.is_empty() {
            return;
        }
        let shown: Vec<_> = others.iter().take(OTHERS_SHOWN_MAX).map(|key| format!("`{key}`")).collect();
        let more = if others.len() > OTHERS_SHOWN_MAX { " and others" } else { "" };
        let message = format!(
            "`{salt}` is also the salt or key of {}{more}: users have the same bucket in both, so what they get in one tells what they get in the other",
            shown.join(", ")
        );
        self.notes.add(LintCode::SaltShared, at, message);
    }
}

/// Of whom a share is said, behind a percentage and these other conditions.
fn among(others: &[Term]) -> &'static str {
    if others.is_empty() { "in all" } else { "of those whom the rule is for" }
}

/// How many other flags a message names.
const OTHERS_SHOWN_MAX: usize = 3;

/// The attribute that a percentage of this condition, or of one that it needs, goes by.
fn names_by(condition: &Condition) -> Option<&str> {
    condition.clauses.iter().find_map(|clause| match clause {
        Clause::Percentage(percentage) => percentage.by.as_deref(),
        Clause::All(inner) => inner.iter().find_map(names_by),
        _ => None,
    })
}

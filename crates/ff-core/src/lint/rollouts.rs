//! What rules and weights give, and how percentages meet them.

use std::collections::BTreeSet;

use super::LintCode;
use super::conditions::{Linter, Walked};
use super::graph::FALSE;
use super::rules::{Reach, Split};
use super::share::{self, ALL, percent};
use super::shown::cut;
use crate::bucket::{Domain, Seed};
use crate::fault::Place;
use crate::key::VariantKey;
use crate::model::{Flag, FlagType, Rollout};

impl<'a> Linter<'a> {
    /// One rule's rollout behind its own percentage.
    pub(super) fn rollout(&mut self, flag: &'a Flag, i: usize, whens: &[Walked], reach: &Reach, at_rules: &Place<'_>) {
        let (Some(rule), Some(when)) = (flag.rules.get(i), whens.get(i)) else { return };
        let Rollout::Distribution(shares) = &rule.rollout else { return };
        let at_rule = at_rules.item(i);
        let at_rollout = at_rule.field("rollout");
        let at_distribution = at_rollout.field("distribution");
        let given = share::of_rollout(&rule.rollout);
        if let (Some((variant, _)), 1) = (given.first_key_value(), given.len()) {
            if shares.len() > 1 {
                let message = format!("`{variant}` has all the weight, so nobody gets the others by this rule");
                self.notes.add(LintCode::OneSidedDistribution, &at_distribution, message);
            }
            return;
        }
        let parts = self.graph.parts(when.term);
        if let Some(by) = parts.into_iter().find_map(|part| self.graph.gate(part)?.by) {
            let by = cut(by);
            let message = format!(
                "the percentage admits users who share `{by}` together, and the distribution splits them by their ids, so they may get different variants"
            );
            self.notes.add(LintCode::SplitIgnoresBy, &at_distribution, message);
        } else {
            self.note_product(flag, i, whens, reach, &at_distribution);
        }
    }

    /// A percentage admits some, and the distribution sends a part of them back to what the others get anyway.
    fn note_product(&mut self, flag: &'a Flag, i: usize, whens: &[Walked], reach: &Reach, at: &Place<'_>) {
        let Some((rule, split)) = flag.rules.get(i).zip(self.figures(flag, i, whens, reach)) else { return };
        let given = share::of_rollout(&rule.rollout);
        let weights = share::of_weights(&flag.variants);
        let is_off_alone = weights.len() == 1 && weights.contains_key(&flag.off_variant);
        // To those whom this rule leaves out, a later one may give something else; and without this rule also one that it hides.
        let mut later = flag.rules.iter().zip(whens).skip(i + 1).filter(|(_, when)| when.term != FALSE);
        let is_off_later = later.all(|(rule, _)| share::of_rollout(&rule.rollout).into_keys().all(|variant| *variant == flag.off_variant));
        let rest: Vec<_> = given.iter().filter(|(variant, _)| **variant != &flag.off_variant).collect();
        if flag.kind != FlagType::Boolean || !is_off_alone || !is_off_later || !given.contains_key(&flag.off_variant) {
            return;
        }
        let [(variant, share)] = rest.as_slice() else { return };
        let product = (split.0.least as f64 / ALL as f64 * **share as f64) as u128;
        let message = format!(
            "the percentage admits {} and the distribution gives `{variant}` to {} of them: {} {}, and the others get `{}` with or without this rule",
            percent(split.0.least),
            percent(**share),
            percent(product),
            among(&split, i, reach),
            flag.off_variant
        );
        self.notes.add(LintCode::PercentageTimesWeight, at, message);
    }

    /// The last rule's percentage gives a variant to some, and the weights give it to some of the others.
    pub(super) fn percentage_then_weights(&mut self, flag: &'a Flag, whens: &[Walked], reach: &Reach, at_rules: &Place<'_>) {
        let Some(i) = reach.among(0..flag.rules.len()).last() else { return };
        let Some(Rollout::Variant(variant)) = flag.rules.get(i).map(|rule| &rule.rollout) else { return };
        let weights = share::of_weights(&flag.variants);
        let Some(share) = weights.get(variant).filter(|_| weights.len() > 1) else { return };
        let Some(split) = self.figures(flag, i, whens, reach) else { return };
        let admitted = split.0.least as f64 / ALL as f64;
        let sum = ((admitted + (1.0 - admitted) * (*share as f64 / ALL as f64)) * ALL as f64) as u128;
        let message = format!(
            "the percentage gives `{variant}` to {}, and the weights give it to {} of the others, who go on to them: {} {}",
            percent(split.0.least),
            percent(*share),
            percent(sum),
            among(&split, i, reach)
        );
        self.notes.add(LintCode::PercentageThenWeights, &at_rules.item(i), message);
    }

    /// The percentage of a rule, if it admits just that share of the users who get there: it goes by their ids, and neither
    /// what else the rule asks nor an earlier rule chooses by its bucket, or by the one of the flag's distributions.
    fn figures(&self, flag: &'a Flag, i: usize, whens: &[Walked], reach: &Reach) -> Option<Split<'a>> {
        let (gate, rest) = self.split_gate(whens.get(i)?.term)?;
        let text = flag.salt.as_deref().unwrap_or(flag.key.as_str());
        let seeds = [gate.seed, Seed::new(Domain::Distribution, self.prospects.ruleset.tenant(), text)];
        let others: Vec<_> = reach.among(0..i).filter_map(|i| whens.get(i)).map(|when| when.term).chain(rest.iter().copied()).collect();
        (gate.by.is_none() && self.are_apart(&others, &seeds)).then_some((gate, rest))
    }

    /// Variants that neither a rule that somebody reaches, nor the weights, nor the flag being off gives to anybody.
    pub(super) fn variants(&mut self, flag: &Flag, reach: &Reach, at: &Place<'_>) {
        let mut given: BTreeSet<&VariantKey> = BTreeSet::from([&flag.off_variant]);
        for rule in reach.among(0..flag.rules.len()).filter_map(|i| flag.rules.get(i)) {
            given.extend(share::of_rollout(&rule.rollout).into_keys());
        }
        let weights = share::of_weights(&flag.variants);
        if reach.is_passed {
            given.extend(weights.keys().copied());
        }
        for (i, variant) in flag.variants.iter().enumerate().filter(|(_, variant)| !given.contains(&variant.key)) {
            let is_weighed = weights.contains_key(&variant.key);
            let why = if is_weighed { "its weight counts for nobody, since the rules take everybody" } else { "no weight does" };
            let message = format!("nobody gets `{}`: no rule that can match gives it, {why}, and it is not the off variant", variant.key);
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

/// Of whom a share is said, behind this rule's percentage.
fn among((_, rest): &Split<'_>, i: usize, reach: &Reach) -> &'static str {
    match (reach.among(0..i).next().is_some(), rest.is_empty()) {
        (false, true) => "in all",
        (false, false) => "of those whom the rule is for",
        (true, true) => "of those who get to this rule",
        (true, false) => "of those whom the rule is for and who get to it",
    }
}

/// How many other flags a message names.
const OTHERS_SHOWN_MAX: usize = 3;

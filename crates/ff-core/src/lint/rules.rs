//! Rules among themselves: the first that holds decides, so an earlier one may leave nobody to a later one.

use std::collections::HashMap;
use std::ops::Range;

use super::LintCode;
use super::conditions::{Linter, Walked};
use super::graph::{FALSE, Gate, TRUE, Term};
use super::share::percent;
use crate::fault::Place;
use crate::model::Rule;

/// Why a rule is never reached.
enum Shadow {
    /// This rule holds for everybody.
    Everybody(usize),
    /// These two leave nobody out.
    Both(usize, usize),
    /// This rule has the same condition.
    Same(usize),
    /// This rule's condition holds wherever this one's does.
    Wider(usize),
}

/// The rules before the one that is looked at, as far as they can be reached.
#[derive(Default)]
struct Earlier<'a> {
    /// Position, condition and the percentage in it, in order.
    reached: Vec<(usize, Term, Option<Split<'a>>)>,
    position: HashMap<Term, usize>,
    /// Those that together leave nobody to later rules.
    everybody: Option<(usize, usize)>,
}

impl<'a> Earlier<'a> {
    fn add(&mut self, at: usize, when: Term, split: Option<Split<'a>>) {
        if self.everybody.is_none() {
            let opposite = self.position.get(&when.not()).copied();
            self.everybody = opposite.map(|opposite| (opposite, at)).or((when == TRUE).then_some((at, at)));
        }
        self.position.entry(when).or_insert(at);
        self.reached.push((at, when, split));
    }
}

/// A fixed percentage, and what else must hold, which chooses by other buckets.
pub(super) type Split<'a> = (Gate<'a>, Vec<Term>);

/// Which rules some user may reach, as far as can be told.
pub(super) struct Reach {
    is_reached: Vec<bool>,
    /// Whether someone may get past all rules.
    pub(super) is_passed: bool,
}

impl Reach {
    pub(super) fn is_reached(&self, at: usize) -> bool {
        self.is_reached.get(at) == Some(&true)
    }

    /// Of these rules the ones that may be reached.
    pub(super) fn among(&self, positions: Range<usize>) -> impl Iterator<Item = usize> {
        positions.filter(|at| self.is_reached(*at))
    }
}

impl<'a> Linter<'a> {
    /// Walks the rules' conditions and notes which rules come too late.
    pub(super) fn rules(&mut self, rules: &'a [Rule], at: &Place<'_>) -> (Vec<Walked>, Reach) {
        let mut walked = Vec::with_capacity(rules.len());
        let mut is_reached = Vec::with_capacity(rules.len());
        let mut earlier = Earlier::default();
        for (i, rule) in rules.iter().enumerate() {
            let at_rule = at.item(i);
            let when = self.condition(&rule.when, &at_rule.field("when"));
            let shadow = self.shadow(&earlier, when.term);
            if when.term == FALSE {
                self.notes.follow(&when.causes, &format!("rule `{}` never matches", rule.id), Some(&rule.id));
            } else if let Some(shadow) = &shadow {
                self.note_shadow(shadow, rules, rule, &at_rule);
            } else {
                if when.term == TRUE {
                    self.notes.follow(&when.causes, &format!("rule `{}` takes everybody who gets to it", rule.id), None);
                }
                let split = self.split_gate(when.term);
                if let Some(split) = &split {
                    self.note_remainder(&earlier, split, rules, &at_rule);
                }
                earlier.add(i, when.term, split);
            }
            is_reached.push(when.term != FALSE && shadow.is_none());
            walked.push(when);
        }
        (walked, Reach { is_reached, is_passed: earlier.everybody.is_none() })
    }

    fn shadow(&self, earlier: &Earlier<'a>, when: Term) -> Option<Shadow> {
        if let Some((one, other)) = earlier.everybody {
            return Some(if one == other { Shadow::Everybody(one) } else { Shadow::Both(one, other) });
        }
        if let Some(same) = earlier.position.get(&when) {
            return Some(Shadow::Same(*same));
        }
        let wider = earlier.reached.iter().find(|(_, before, _)| self.graph.implies(when, *before))?;
        Some(Shadow::Wider(wider.0))
    }

    fn note_shadow(&mut self, shadow: &Shadow, rules: &[Rule], rule: &Rule, at: &Place<'_>) {
        let name = |i: &usize| rules.get(*i).map(|rule| rule.id.as_str()).unwrap_or_default();
        let reason = match shadow {
            Shadow::Everybody(by) => format!("rule `{}` comes before it and takes everybody", name(by)),
            Shadow::Both(one, other) => format!("rules `{}` and `{}` come before it and take everybody", name(one), name(other)),
            Shadow::Same(by) => format!("rule `{}` comes before it and has the same condition", name(by)),
            Shadow::Wider(by) => format!("rule `{}` comes before it and takes everybody whom this one is for", name(by)),
        };
        let finding = self.notes.add(LintCode::RuleShadowed, at, reason);
        self.notes.follow(&[finding], &format!("rule `{}` never matches", rule.id), Some(&rule.id));
    }

    /// A term that has one fixed percentage among its parts, and parts that choose by other buckets.
    pub(super) fn split_gate(&self, when: Term) -> Option<Split<'a>> {
        let (gates, rest): (Vec<Term>, Vec<Term>) = self.graph.parts(when).into_iter().partition(|part| self.graph.gate(*part).is_some());
        let [gate] = gates.as_slice() else { return None };
        let gate = self.graph.gate(*gate).filter(|gate| gate.least == gate.most)?;
        self.are_apart(&rest, &[gate.seed]).then_some((gate, rest))
    }

    /// Two percentages ask one bucket: the earlier, smaller one has taken the first of the later one's users.
    fn note_remainder(&mut self, earlier: &Earlier<'a>, (gate, rest): &Split<'a>, rules: &[Rule], at: &Place<'_>) {
        let taken = earlier.reached.iter().filter_map(|(i, _, split)| {
            let (before, demands) = split.as_ref()?;
            let is_smaller = before.bucket == gate.bucket && before.most < gate.least;
            let takes = is_smaller && demands.iter().all(|demand| rest.iter().any(|part| self.graph.implies(*part, *demand)));
            takes.then_some((before.most, *i))
        });
        let Some((most, by)) = taken.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1))) else { return };
        let name = rules.get(by).map(|rule| rule.id.as_str()).unwrap_or_default();
        let message = format!(
            "rule `{name}` comes before it and asks the same bucket: of this rule's {} the first {} are taken, and at most {} are left",
            percent(gate.least),
            percent(most),
            percent(gate.least - most)
        );
        self.notes.add(LintCode::PercentageRemainder, at, message);
    }
}

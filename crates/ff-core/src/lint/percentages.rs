//! Percentages: what one admits, and several that ask the same bucket.

use super::LintCode;
use super::conditions::{Linter, Walked};
use super::graph::{FALSE, Fact, Subject, TRUE, Term, Text};
use super::shown::{cut, together};
use crate::bucket::{Domain, Seed, Threshold};
use crate::fault::Place;
use crate::model::{Amount, Percentage, plain_number};

impl<'a> Linter<'a> {
    pub(super) fn percentage(&mut self, percentage: &'a Percentage, at: &Place<'_>) -> Walked {
        let threshold = |value: f64| Threshold::from_percentage(value);
        let (least, most) = match percentage.amount {
            Amount::Fixed(value) => (threshold(value), threshold(value)),
            Amount::Growing { from, to } => (threshold(from.0).min(threshold(to.0)), threshold(from.0).max(threshold(to.0))),
        };
        if most == Threshold::Below(0) {
            return Walked::because(FALSE, self.notes.add(LintCode::PercentageZero, at, "this percentage admits nobody"));
        }
        if least == Threshold::All && percentage.by.is_none() {
            return Walked::because(TRUE, self.notes.add(LintCode::PercentageFull, at, "this percentage admits everybody"));
        }
        if let (Threshold::All, Some(by)) = (least, &percentage.by) {
            let message = format!("this percentage admits everybody whose `{}` is a text, a boolean or a whole number", cut(by));
            self.notes.add(LintCode::PercentageFull, at, message);
        }
        let (domain, text) = match &percentage.salt {
            Some(salt) => (Domain::Percentage, salt.as_str()),
            None => self.default_seed,
        };
        let (key, shown) = match percentage.amount {
            Amount::Fixed(value) => (String::new(), plain_number(value).to_string()),
            Amount::Growing { from, to } => {
                let [(from, start), (to, end)] = [from, to].map(|(value, at)| (plain_number(value), at));
                (format!("{start} {end}"), format!("{from} to {to}"))
            }
        };
        let subject = Subject::Bucket(domain as u8, text, percentage.by.as_deref());
        let seed = Seed::new(domain, self.prospects.ruleset.tenant(), text);
        let fact = Fact::Below { seed, by: percentage.by.as_deref(), least: least.end(), most: most.end() };
        Walked::plain(self.graph.leaf(subject, format!("{key} {shown}"), fact, Text::Plain(format!("percentage {shown}"))))
    }

    pub(super) fn note_overlap(&mut self, term: Term, parts: &[Walked], at: &Place<'_>) {
        if parts.iter().any(|part| self.overlapping.contains(&part.term)) {
            self.overlapping.insert(term);
            return;
        }
        let positive: Vec<_> = self.graph.parts(term).into_iter().filter(|part| self.graph.gate(*part).is_some()).collect();
        for group in self.graph.meeting(positive) {
            let gates = together(&self.graph.words(&group).unwrap_or_default(), "and");
            let smallest = if group.len() > 2 { "smallest" } else { "smaller" };
            let message = format!("{gates} ask the same bucket, so the {smallest} one alone decides; a `salt` would make them independent");
            self.notes.add(LintCode::PercentagesOverlap, at, message);
            self.overlapping.insert(term);
        }
    }
}

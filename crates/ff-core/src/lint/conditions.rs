//! Walks a condition, turns it into a term and notes what is odd on the way, each thing where it arises.

use std::collections::{BTreeSet, HashSet};

use super::LintCode;
use super::finding::Notes;
use super::graph::{FALSE, Fact, Graph, Subject, TRUE, Term, Text};
use super::prospects::{Outlook, Prospects};
use super::shown::{cut, together};
use super::test_atom::{self, ReadTest};
use crate::bucket::Domain;
use crate::fault::Place;
use crate::key::SegmentKey;
use crate::limits::CONDITION_DEPTH_MAX;
use crate::model::{Clause, Condition, Prerequisite, Test, TimeWindow};
use crate::timestamp::Timestamp;

/// What is known of one document, and what was noted about it.
#[derive(Debug)]
pub(super) struct Linter<'a> {
    pub(super) prospects: Prospects<'a>,
    pub(super) graph: Graph<'a>,
    pub(super) notes: Notes,
    /// The domain and text of a percentage without a salt.
    pub(super) default_seed: (Domain, &'a str),
    /// Terms that only lists satisfy, as has been said.
    only_lists: HashSet<Term>,
    /// Terms in which percentages overlap, as has been said.
    pub(super) overlapping: HashSet<Term>,
    depth: usize,
}

/// A condition as a term. Where that is always the same, the findings that are the cause.
#[derive(Debug, Clone)]
pub(super) struct Walked {
    pub(super) term: Term,
    pub(super) causes: Vec<usize>,
}

impl Walked {
    pub(super) fn plain(term: Term) -> Self {
        Self { term, causes: Vec::new() }
    }

    pub(super) fn because(term: Term, cause: usize) -> Self {
        Self { term, causes: vec![cause] }
    }

    fn not(self) -> Self {
        Self { term: self.term.not(), ..self }
    }
}

/// If one part is `decisive`, so is the whole; if all are its opposite, the whole is that.
fn settled(parts: &[Walked], decisive: Term) -> Option<Walked> {
    let causes = |wanted: Term| parts.iter().filter(|p| p.term == wanted).flat_map(|p| p.causes.iter().copied()).collect();
    if parts.iter().any(|part| part.term == decisive) {
        return Some(Walked { term: decisive, causes: causes(decisive) });
    }
    let is_other = parts.iter().all(|part| part.term == decisive.not());
    is_other.then(|| Walked { term: decisive.not(), causes: causes(decisive.not()) })
}

impl<'a> Linter<'a> {
    pub(super) fn new(prospects: Prospects<'a>, default_seed: (Domain, &'a str)) -> Self {
        Self {
            prospects,
            graph: Graph::new(),
            notes: Notes::default(),
            default_seed,
            only_lists: HashSet::new(),
            overlapping: HashSet::new(),
            depth: 0,
        }
    }

    /// `{}` is silently everybody; whoever has it inside an `all`, `any` or `not` says what that means.
    pub(super) fn condition(&mut self, condition: &'a Condition, at: &Place<'_>) -> Walked {
        // A condition that was built in code may be deeper than any that is read; it will not compile.
        if self.depth >= CONDITION_DEPTH_MAX {
            return Walked::plain(self.unknown(&at.pointer()));
        }
        self.depth += 1;
        let parts: Vec<_> = condition.clauses.iter().map(|clause| self.clause(clause, &at.field(clause.name()))).collect();
        self.depth -= 1;
        self.all(&parts, at)
    }

    fn unknown(&mut self, name: &str) -> Term {
        self.graph.leaf(Subject::Other(format!("unknown {name}")), String::new(), Fact::Unknown, Text::Plain(name.to_owned()))
    }

    fn clause(&mut self, clause: &'a Clause, at: &Place<'_>) -> Walked {
        match clause {
            Clause::Attr(tests) => {
                let parts: Vec<_> = tests.iter().map(|(name, test)| self.test(Some(name), test, &at.field(name))).collect();
                self.all(&parts, at)
            }
            Clause::UserId(test) => self.test(None, test, at),
            Clause::Segment(keys) => self.segments(keys.as_slice(), at),
            Clause::Percentage(percentage) => self.percentage(percentage, at),
            Clause::Time(window) => self.time(*window, at),
            Clause::Flag(prerequisite) => self.prerequisite(prerequisite, at),
            Clause::All(conditions) if conditions.is_empty() => {
                Walked::because(TRUE, self.notes.add(LintCode::AlwaysHolds, at, "an empty `all` holds for everybody"))
            }
            Clause::Any(conditions) if conditions.is_empty() => {
                Walked::because(FALSE, self.notes.add(LintCode::NeverHolds, at, "an empty `any` holds for nobody"))
            }
            Clause::All(conditions) => {
                let parts = self.members(conditions, at);
                self.all(&parts, at)
            }
            Clause::Any(conditions) => {
                let parts = self.members(conditions, at);
                self.any(&parts, at)
            }
            Clause::Not(inner) if inner.clauses.is_empty() => self.everybody(at).not(),
            Clause::Not(inner) => self.condition(inner, at).not(),
        }
    }

    fn everybody(&mut self, at: &Place<'_>) -> Walked {
        Walked::because(TRUE, self.notes.add(LintCode::AlwaysHolds, at, "an empty condition holds for everybody"))
    }

    fn members(&mut self, conditions: &'a [Condition], at: &Place<'_>) -> Vec<Walked> {
        let mut members = Vec::with_capacity(conditions.len());
        for (i, condition) in conditions.iter().enumerate() {
            let at = at.item(i);
            members.push(if condition.clauses.is_empty() { self.everybody(&at) } else { self.condition(condition, &at) });
        }
        members
    }

    fn all(&mut self, parts: &[Walked], at: &Place<'_>) -> Walked {
        if let [only] = parts {
            return only.clone();
        }
        if let Some(settled) = settled(parts, FALSE) {
            return settled;
        }
        let (term, conflict) = self.graph.all(parts.iter().map(|part| part.term));
        if let Some(conflict) = conflict {
            let message = match self.graph.words(&conflict) {
                Some(tests) if tests.len() > 2 => format!("{} cannot all hold", together(&tests, "and")),
                Some(tests) => format!("{} cannot both hold", together(&tests, "and")),
                None => "one part of this is the opposite of another".to_owned(),
            };
            return Walked::because(FALSE, self.notes.add(LintCode::Contradiction, at, message));
        }
        self.note_lists(term, parts, at);
        self.note_overlap(term, parts, at);
        Walked::plain(term)
    }

    fn any(&mut self, parts: &[Walked], at: &Place<'_>) -> Walked {
        if let Some(settled) = settled(parts, TRUE) {
            return settled;
        }
        let (term, conflict) = self.graph.any(parts.iter().map(|part| part.term));
        match conflict {
            Some(conflict) => Walked::because(TRUE, self.note_everybody(&conflict, at)),
            None => Walked::plain(term),
        }
    }

    fn note_everybody(&mut self, conflict: &[Term], at: &Place<'_>) -> usize {
        let message = match self.graph.words(conflict) {
            Some(tests) => format!("{} holds for everybody", together(&tests, "or")),
            None => "one part of this is the opposite of another, so one of them holds for everybody".to_owned(),
        };
        self.notes.add(LintCode::AlwaysHolds, at, message)
    }

    fn note_lists(&mut self, term: Term, parts: &[Walked], at: &Place<'_>) {
        if parts.iter().any(|part| self.only_lists.contains(&part.term)) {
            self.only_lists.insert(term);
            return;
        }
        for group in self.graph.meeting(self.graph.parts(term)) {
            let Some(tests) = self.graph.needs_list(&group) else { continue };
            let tests = together(&self.graph.words(&tests).unwrap_or_default(), "and");
            let can = if self.graph.admits_list(&group) { "can" } else { "might" };
            let message = format!("no single value passes {tests}: only an attribute that is a list {can}");
            self.notes.add(LintCode::OnlyListsMatch, at, message);
            self.only_lists.insert(term);
        }
    }

    /// A test on an attribute, or on the user's id.
    fn test(&mut self, name: Option<&'a str>, test: &'a Test, at: &Place<'_>) -> Walked {
        let parts: Vec<_> = test_atom::read(name, test).map(|read| self.single_test(name, read, at)).collect();
        self.all(&parts, at)
    }

    fn single_test(&mut self, name: Option<&'a str>, read: ReadTest<'a>, at: &Place<'_>) -> Walked {
        let ReadTest { atom, is_negated, key, shown, operator } = read;
        let term = match atom.certainty() {
            Some(true) => TRUE,
            Some(false) => FALSE,
            None => {
                let subject = name.map_or(Subject::UserId, Subject::Attribute);
                self.graph.leaf(subject, key, Fact::Test(atom), Text::Test(shown))
            }
        };
        let term = if is_negated { term.not() } else { term };
        let field = operator.map(|operator| at.field(operator));
        let at = field.as_ref().unwrap_or(at);
        match term {
            TRUE => {
                Walked::because(TRUE, self.notes.add(LintCode::AlwaysHolds, at, format!("`{}` holds for everybody", shown.as_written())))
            }
            FALSE => Walked::because(FALSE, self.notes.add(LintCode::NeverHolds, at, format!("`{}` holds for nobody", shown.as_written()))),
            _ => Walked::plain(term),
        }
    }

    fn segments(&mut self, keys: &'a [SegmentKey], at: &Place<'_>) -> Walked {
        let mut parts = Vec::with_capacity(keys.len());
        for (i, key) in keys.iter().enumerate() {
            let item = at.item(i);
            let at = if keys.len() == 1 { at } else { &item };
            parts.push(match self.prospects.segment(key) {
                Outlook::Always => {
                    let message = format!("everybody is in segment `{key}`");
                    Walked::because(TRUE, self.notes.add(LintCode::SegmentAlwaysHolds, at, message))
                }
                Outlook::Never => {
                    let message = format!("nobody is in segment `{key}`");
                    Walked::because(FALSE, self.notes.add(LintCode::SegmentNeverHolds, at, message))
                }
                Outlook::Open => {
                    let text = format!("segment {key}");
                    Walked::plain(self.graph.leaf(Subject::Other(text.clone()), String::new(), Fact::Within(key), Text::Plain(text)))
                }
            });
        }
        self.any(&parts, at)
    }

    fn prerequisite(&mut self, Prerequisite { key, variant }: &'a Prerequisite, at: &Place<'_>) -> Walked {
        let wanted: BTreeSet<_> = variant.as_slice().iter().cloned().collect();
        let shown = cut(&wanted.iter().map(|variant| variant.as_str()).collect::<Vec<_>>().join(", "));
        let given = self.prospects.variants(key);
        let fitting = given.as_ref().map_or_else(|| wanted.clone(), |given| wanted.intersection(given).cloned().collect());
        match given {
            Some(_) if fitting.is_empty() => {
                let message = format!("flag `{key}` as it is now gives nobody `{shown}`");
                Walked::because(FALSE, self.notes.add(LintCode::PrerequisiteNeverHolds, at, message))
            }
            Some(given) if given.is_subset(&wanted) => {
                let message = format!("flag `{key}` as it is now gives everybody `{shown}`");
                Walked::because(TRUE, self.notes.add(LintCode::PrerequisiteAlwaysHolds, at, message))
            }
            _ => {
                let leaf_key = fitting.iter().map(|variant| variant.as_str()).collect::<Vec<_>>().join(" ");
                let text = format!("flag {key} gives {shown}");
                Walked::plain(self.graph.leaf(
                    Subject::Prerequisite(key.as_str()),
                    leaf_key,
                    Fact::Gives { flag: key, variants: fitting },
                    Text::Plain(text),
                ))
            }
        }
    }

    fn time(&mut self, window: TimeWindow, at: &Place<'_>) -> Walked {
        let mut ends = Vec::new();
        for (end, name) in [(window.after, "after"), (window.before, "before")] {
            let Some(instant) = end else { continue };
            let is_after = name == "after";
            // No instant comes before the first of all.
            if instant == Timestamp::from_nanos(i128::MIN) {
                let (term, code, when) =
                    if is_after { (TRUE, LintCode::AlwaysHolds, "always") } else { (FALSE, LintCode::NeverHolds, "never") };
                let cause = self.notes.add(code, &at.field(name), format!("`time {name} {instant}` {when} holds"));
                ends.push(Walked::because(term, cause));
                continue;
            }
            let text = Text::Plain(format!("time after {instant}"));
            let from = self.graph.leaf(Subject::Time, instant.to_string(), Fact::From(instant), text);
            ends.push(Walked::plain(if is_after { from } else { from.not() }));
        }
        self.all(&ends, at)
    }
}

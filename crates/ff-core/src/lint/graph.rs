//! Conditions as propositions: equal ones are one, whatever the order in which they were written.
//!
//! A [`Term`] is a node and whether it is negated. Nodes are conjunctions and leaves; `any` is `not all not`. So what is
//! found about `all` is found about `any` too. Everything said here is certain; what is not found may still be so.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::key::VariantKey;
use crate::lint::single_value::none_passes;
use crate::lint::test_atom::{Shown, TestAtom};
use crate::timestamp::Timestamp;

/// A proposition about a user at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Term(u32);

/// Holds for everybody at every instant.
pub(super) const TRUE: Term = Term(0);
/// Holds for nobody, ever.
pub(super) const FALSE: Term = Term(1);

/// What a leaf is about. Leaves about different things say nothing of one another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Subject<'a> {
    Attribute(&'a str),
    UserId,
    /// A bucket: domain, text and the attribute that it goes by.
    Bucket(u8, &'a str, Option<&'a str>),
    Time,
    Prerequisite(&'a str),
    /// Something that is only equal to itself, by name.
    Other(String),
}

/// What a leaf says about its subject.
#[derive(Debug)]
pub(super) enum Fact<'a> {
    Test(TestAtom<'a>),
    /// The bucket is below a threshold, which lies between these.
    Below {
        least: u128,
        most: u128,
    },
    /// It is this instant or later.
    From(Timestamp),
    /// The flag gives one of these variants.
    Gives(BTreeSet<VariantKey>),
    Opaque,
}

/// How a message shows a leaf.
#[derive(Debug)]
pub(super) enum Text<'a> {
    Test(Shown<'a>),
    Plain(String),
}

/// A percentage that must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gate {
    /// Equal for those that ask the same bucket.
    pub(super) bucket: u32,
    /// The threshold lies between these; they differ where it changes with time.
    pub(super) least: u128,
    pub(super) most: u128,
}

#[derive(Debug)]
enum Node<'a> {
    All(Box<[Term]>),
    Leaf { subject: u32, fact: Fact<'a>, text: Text<'a> },
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    All(Box<[Term]>),
    Leaf(u32, String),
}

/// Two terms that cannot both hold.
pub(super) type Conflict = (Term, Term);

/// All propositions of one document.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    nodes: Vec<Node<'a>>,
    ids: HashMap<Key, u32>,
    subjects: HashMap<Subject<'a>, u32>,
    /// What may still be spent on comparing; see [`FUEL`].
    fuel: Cell<u64>,
}

/// How many comparisons one document may cost; beyond them, what is not yet known is taken as unknown. A flag as large as
/// the bounds allow is done within some tens of milliseconds.
const FUEL: u64 = 500_000;

/// How many of them one question may take, so that a hard one leaves something for the others.
const FUEL_PER_QUESTION: u64 = 20_000;

impl Term {
    pub(super) fn not(self) -> Self {
        Self(self.0 ^ 1)
    }

    fn is_negated(self) -> bool {
        self.0 & 1 == 1
    }

    fn node(self) -> usize {
        (self.0 >> 1) as usize
    }
}

impl<'a> Graph<'a> {
    pub(super) fn new() -> Self {
        let nothing: Box<[Term]> = Box::default();
        let ids = HashMap::from([(Key::All(nothing.clone()), 0)]);
        Self { nodes: vec![Node::All(nothing)], ids, subjects: HashMap::new(), fuel: Cell::new(FUEL) }
    }

    /// A leaf; `key` tells leaves of one subject apart, `text` shows it.
    pub(super) fn leaf(&mut self, subject: Subject<'a>, key: String, fact: Fact<'a>, text: Text<'a>) -> Term {
        let next = self.subjects.len() as u32;
        let subject = *self.subjects.entry(subject).or_insert(next);
        self.node(Key::Leaf(subject, key), || Node::Leaf { subject, fact, text })
    }

    fn node(&mut self, key: Key, make: impl FnOnce() -> Node<'a>) -> Term {
        // INVARIANT: a document has far fewer than 2^31 clauses and tests.
        let next = self.nodes.len() as u32;
        let id = *self.ids.entry(key).or_insert(next);
        if id == next {
            self.nodes.push(make());
        }
        Term(id << 1)
    }

    /// All of these hold. If two of them, or parts of them, exclude one another, these are told.
    pub(super) fn all(&mut self, terms: impl IntoIterator<Item = Term>) -> (Term, Option<Conflict>) {
        let mut parts = BTreeSet::new();
        for term in terms {
            match self.inner(term) {
                Some(inner) => parts.extend(inner.iter().copied()),
                None => drop(parts.insert(term)),
            }
        }
        if parts.contains(&FALSE) {
            return (FALSE, None);
        }
        if let Some(conflict) = self.conflict(&parts) {
            return (FALSE, Some(conflict));
        }
        let parts: Vec<_> = parts.into_iter().collect();
        match parts.as_slice() {
            [] => (TRUE, None),
            [one] => (*one, None),
            _ => {
                let parts: Box<[Term]> = parts.into();
                (self.node(Key::All(parts.clone()), || Node::All(parts)), None)
            }
        }
    }

    /// One of these holds. If two of them leave nobody out, these are told.
    pub(super) fn any(&mut self, terms: impl IntoIterator<Item = Term>) -> (Term, Option<Conflict>) {
        let (none, conflict) = self.all(terms.into_iter().map(Term::not));
        (none.not(), conflict.map(|(one, other)| (one.not(), other.not())))
    }

    /// The parts of a conjunction; none, if the term is no conjunction. `TRUE` is one without parts.
    fn inner(&self, term: Term) -> Option<&[Term]> {
        match self.nodes.get(term.node()) {
            Some(Node::All(parts)) if !term.is_negated() => Some(parts),
            _ => None,
        }
    }

    /// The terms that must all hold for this one to hold.
    pub(super) fn parts(&self, term: Term) -> Vec<Term> {
        self.inner(term).map_or_else(|| vec![term], <[Term]>::to_vec)
    }

    fn subject(&self, term: Term) -> Option<u32> {
        if let Some(Node::Leaf { subject, .. }) = self.nodes.get(term.node()) { Some(*subject) } else { None }
    }

    /// What a leaf says.
    pub(super) fn fact(&self, term: Term) -> Option<&Fact<'a>> {
        if let Some(Node::Leaf { fact, .. }) = self.nodes.get(term.node()) { Some(fact) } else { None }
    }

    /// The bucket that must be below a threshold, if that is what the term says.
    pub(super) fn gate(&self, term: Term) -> Option<Gate> {
        match self.nodes.get(term.node()) {
            Some(Node::Leaf { subject, fact: Fact::Below { least, most }, .. }) if !term.is_negated() => {
                Some(Gate { bucket: *subject, least: *least, most: *most })
            }
            _ => None,
        }
    }

    /// Whether the term, or a part of it, asks this bucket; or there is no telling any more.
    pub(super) fn asks(&self, term: Term, bucket: u32) -> bool {
        if !self.burn(1) {
            return true;
        }
        match self.nodes.get(term.node()) {
            Some(Node::All(parts)) => parts.iter().any(|part| self.asks(*part, bucket)),
            Some(Node::Leaf { subject, fact, .. }) => *subject == bucket && matches!(fact, Fact::Below { .. }),
            None => false,
        }
    }

    /// Those of the leaves that say something about one and the same subject, for each subject about which two or more do.
    pub(super) fn meeting(&self, parts: impl IntoIterator<Item = Term>) -> Vec<Vec<Term>> {
        let mut groups: BTreeMap<u32, Vec<Term>> = BTreeMap::new();
        for part in parts {
            if let Some(subject) = self.subject(part) {
                groups.entry(subject).or_default().push(part);
            }
        }
        groups.into_values().filter(|group| group.len() > 1).collect()
    }

    fn conflict(&self, parts: &BTreeSet<Term>) -> Option<Conflict> {
        let opposite = parts.iter().find(|part| !part.is_negated() && parts.contains(&part.not()));
        if let Some(part) = opposite {
            return Some((*part, part.not()));
        }
        // `not all [a, b]` next to `a` and `b`.
        for part in parts.iter().filter(|part| part.is_negated()) {
            let Some(inner) = self.inner(part.not()) else { continue };
            if self.burn(inner.len()) && inner.iter().all(|term| parts.contains(term)) {
                return Some((*part, part.not()));
            }
        }
        self.meeting(parts.iter().copied()).iter().find_map(|group| self.conflict_of_leaves(group))
    }

    /// The leaves of a group are about one subject.
    fn conflict_of_leaves(&self, group: &[Term]) -> Option<Conflict> {
        for (i, one) in group.iter().enumerate() {
            for other in group.iter().skip(i + 1) {
                if !self.burn(1) {
                    return None;
                }
                if self.exclude(*one, *other) {
                    return Some((*one, *other));
                }
            }
        }
        let is_single = matches!(group.first().and_then(|term| self.fact(*term)), Some(Fact::Test(atom)) if atom.is_user_id);
        if is_single && self.needs_list(group) { Some((*group.first()?, *group.last()?)) } else { None }
    }

    /// Whether no single value passes all these tests on one attribute.
    pub(super) fn needs_list(&self, group: &[Term]) -> bool {
        let tests: Vec<_> = group
            .iter()
            .filter_map(|term| if let Some(Fact::Test(atom)) = self.fact(*term) { Some((atom, !term.is_negated())) } else { None })
            .collect();
        let mut fuel = self.fuel.get();
        let found = none_passes(&tests, &mut fuel);
        self.fuel.set(fuel);
        found
    }

    fn burn(&self, steps: usize) -> bool {
        let rest = self.fuel.get().checked_sub(steps as u64);
        self.fuel.set(rest.unwrap_or_default());
        rest.is_some()
    }

    /// Whether two leaves about one subject certainly exclude one another.
    fn exclude(&self, one: Term, other: Term) -> bool {
        let (Some(one_fact), Some(other_fact)) = (self.fact(one), self.fact(other)) else { return false };
        match (one.is_negated(), other.is_negated()) {
            (false, true) => self.fact_implies(one_fact, other_fact),
            (true, false) => self.fact_implies(other_fact, one_fact),
            (false, false) => match (one_fact, other_fact) {
                (Fact::Gives(one), Fact::Gives(other)) => one.is_disjoint(other),
                (Fact::Test(atom), Fact::Test(_)) => atom.is_user_id && self.needs_list(&[one, other]),
                _ => false,
            },
            (true, true) => false,
        }
    }

    fn fact_implies(&self, one: &Fact<'_>, other: &Fact<'_>) -> bool {
        match (one, other) {
            (Fact::Test(one), Fact::Test(other)) => {
                let steps = one.shape.count().unwrap_or_default().saturating_mul(other.shape.cost());
                self.burn(1 + steps) && one.implies(other)
            }
            (Fact::Below { most, .. }, Fact::Below { least, .. }) => most <= least,
            (Fact::From(one), Fact::From(other)) => one >= other,
            (Fact::Gives(one), Fact::Gives(other)) => one.is_subset(other),
            _ => false,
        }
    }

    /// Whether certainly everyone for whom `one` holds is one for whom `other` does.
    pub(super) fn implies(&self, one: Term, other: Term) -> bool {
        let whole = self.fuel.get();
        let share = whole.min(FUEL_PER_QUESTION);
        self.fuel.set(share);
        let found = self.leads_to(one, other);
        self.fuel.set(whole - (share - self.fuel.get()));
        found
    }

    fn leads_to(&self, one: Term, other: Term) -> bool {
        if one == other || one == FALSE || other == TRUE {
            return true;
        }
        if !self.burn(1) {
            return false;
        }
        if let Some(parts) = self.inner(other) {
            return parts.iter().all(|part| self.leads_to(one, *part));
        }
        // `one` is an `any`: each of its alternatives must do.
        if let Some(parts) = self.inner(one.not())
            && parts.iter().all(|part| self.leads_to(part.not(), other))
        {
            return true;
        }
        if let Some(parts) = self.inner(one)
            && parts.iter().any(|part| self.leads_to(*part, other))
        {
            return true;
        }
        if let Some(parts) = self.inner(other.not())
            && parts.iter().any(|part| self.leads_to(one, part.not()))
        {
            return true;
        }
        self.subject(one).is_some() && self.subject(one) == self.subject(other) && self.exclude(one, other.not())
    }

    /// The term in words, if it is a leaf.
    pub(super) fn text(&self, term: Term) -> Option<String> {
        let Some(Node::Leaf { text, fact, .. }) = self.nodes.get(term.node()) else { return None };
        if let (Fact::From(instant), true) = (fact, term.is_negated()) {
            return Some(format!("`time before {instant}`"));
        }
        let text: &dyn std::fmt::Display = match text {
            Text::Test(shown) => shown,
            Text::Plain(text) => text,
        };
        Some(if term.is_negated() { format!("not `{text}`") } else { format!("`{text}`") })
    }

    /// Two terms in words, if both are leaves and different.
    pub(super) fn pair(&self, (one, other): Conflict) -> Option<(String, String)> {
        let (one, other) = if one.is_negated() { (other, one) } else { (one, other) };
        Some((self.text(one)?, self.text(other)?)).filter(|_| one != other.not())
    }
}

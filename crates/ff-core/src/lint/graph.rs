//! Conditions as propositions: equal ones are one, whatever the order in which they were written.
//!
//! A [`Term`] is a node and whether it is negated. Nodes are conjunctions and leaves; `any` is `not all not`. So what is
//! found about `all` is found about `any` too. Everything said here is certain; what is not found may still be so.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::bucket::Seed;
use crate::key::{FlagKey, SegmentKey, VariantKey};
use crate::lint::shown::Shown;
use crate::lint::test_atom::TestAtom;
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
    /// The bucket of this seed, for the user's id or an attribute, is below a threshold, which lies between these.
    Below {
        seed: Seed,
        by: Option<&'a str>,
        least: u128,
        most: u128,
    },
    /// It is this instant or later.
    From(Timestamp),
    /// The flag gives one of these variants.
    Gives {
        flag: &'a FlagKey,
        variants: BTreeSet<VariantKey>,
    },
    /// The user is in the segment.
    Within(&'a SegmentKey),
    Unknown,
}

/// How a message shows a leaf.
#[derive(Debug)]
pub(super) enum Text<'a> {
    Test(Shown<'a>),
    Plain(String),
}

/// A percentage that must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gate<'a> {
    /// Equal for those that ask the same bucket.
    pub(super) bucket: u32,
    pub(super) seed: Seed,
    /// The attribute that it goes by, if that is not the user's id.
    pub(super) by: Option<&'a str>,
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

/// Terms that cannot all hold.
pub(super) type Conflict = Vec<Term>;

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

    pub(super) fn is_negated(self) -> bool {
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

    /// All of these hold. If some of them, or of their parts, exclude one another, these are told.
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

    /// One of these holds. If some of them leave nobody out, these are told.
    pub(super) fn any(&mut self, terms: impl IntoIterator<Item = Term>) -> (Term, Option<Conflict>) {
        let (none, conflict) = self.all(terms.into_iter().map(Term::not));
        (none.not(), conflict.map(|terms| terms.into_iter().map(Term::not).collect()))
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

    /// The leaves of which a term consists, however they are joined; none, if there is no telling any more.
    pub(super) fn leaves(&self, term: Term) -> Option<Vec<Term>> {
        if !self.burn(1) {
            return None;
        }
        let Some(Node::All(parts)) = self.nodes.get(term.node()) else { return Some(vec![term]) };
        parts.iter().try_fold(Vec::new(), |mut leaves, part| {
            leaves.extend(self.leaves(*part)?);
            Some(leaves)
        })
    }

    /// The bucket that must be below a threshold, if that is what the term says.
    pub(super) fn gate(&self, term: Term) -> Option<Gate<'a>> {
        match self.nodes.get(term.node()) {
            Some(Node::Leaf { subject, fact: Fact::Below { seed, by, least, most }, .. }) if !term.is_negated() => {
                Some(Gate { bucket: *subject, seed: *seed, by: *by, least: *least, most: *most })
            }
            _ => None,
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
            return Some(vec![*part, part.not()]);
        }
        // `not all [a, b]` next to `a` and `b`.
        for part in parts.iter().filter(|part| part.is_negated()) {
            let Some(inner) = self.inner(part.not()) else { continue };
            if self.burn(inner.len()) && inner.iter().all(|term| parts.contains(term)) {
                return Some(vec![*part, part.not()]);
            }
        }
        self.meeting(parts.iter().copied()).iter().find_map(|group| self.conflict_of_leaves(group))
    }

    pub(super) fn burn(&self, steps: usize) -> bool {
        let rest = self.fuel.get().checked_sub(steps as u64);
        self.fuel.set(rest.unwrap_or_default());
        rest.is_some()
    }

    /// Asks a question that may take but a share of what may still be spent.
    pub(super) fn within_share<T>(&self, question: impl FnOnce() -> T) -> T {
        let whole = self.fuel.get();
        let share = whole.min(FUEL_PER_QUESTION);
        self.fuel.set(share);
        let answer = question();
        self.fuel.set(whole - (share - self.fuel.get()));
        answer
    }

    /// Asks a question that pays for itself.
    pub(super) fn paid<T>(&self, question: impl FnOnce(&mut u64) -> T) -> T {
        let mut fuel = self.fuel.get();
        let answer = question(&mut fuel);
        self.fuel.set(fuel);
        answer
    }

    /// Whether certainly everyone for whom `one` holds is one for whom `other` does.
    pub(super) fn implies(&self, one: Term, other: Term) -> bool {
        self.within_share(|| self.leads_to(one, other))
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
    fn text(&self, term: Term) -> Option<String> {
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

    /// Terms in words, those that must hold first; if all are leaves, and not a leaf and its own opposite.
    pub(super) fn words(&self, terms: &[Term]) -> Option<Vec<String>> {
        let (positive, negative): (Vec<_>, Vec<_>) = terms.iter().partition(|term| !term.is_negated());
        let is_plain = terms.iter().all(|term| !terms.contains(&term.not()));
        if is_plain { positive.into_iter().chain(negative).map(|term| self.text(term)).collect() } else { None }
    }
}

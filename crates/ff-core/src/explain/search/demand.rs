//! Tests whose outcome must change.

use crate::compile::{CompiledSegment, Cond, Gate};
use crate::key::FlagKey;

/// What a test is about: tests of one subject must be met by one value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    Attribute(&'a str),
    UserId,
    Instant,
    Flag(&'a FlagKey),
    FlagOn,
}

/// A single test.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaf<'a> {
    Cond(&'a Cond),
    /// Whether the user stands in the segment's list.
    Included(&'a CompiledSegment),
    Excluded(&'a CompiledSegment),
    FlagOn,
}

/// A test and the outcome that it must have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demanded<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) leaf: Leaf<'a>,
    pub(super) want: bool,
}

/// What is wrong with a condition's outcome.
#[derive(Debug, Default)]
pub(super) struct Wrong<'a> {
    /// The tests of which one must be put right. If there are none, it cannot be.
    pub(super) tests: Vec<Demanded<'a>>,
    /// How many of these attributes will have to change at least, besides those that do already.
    pub(super) changes_min: usize,
    pub(super) within: Vec<&'a str>,
}

/// Past so many, tests that stand in a list twice are not looked for, nor is counted how many attributes must change.
pub(super) const DISTINCT_MAX: usize = 64;

impl<'a> Subject<'a> {
    /// What a percentage goes by: its bucket is that of a value.
    pub(super) fn of_gate(gate: &'a Gate) -> Self {
        match &gate.by {
            Some(name) => Self::Attribute(name.as_str()),
            None => Self::UserId,
        }
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Attribute(a), Self::Attribute(b)) => a == b,
            (Self::Flag(a), Self::Flag(b)) => a == b,
            (Self::UserId, Self::UserId) | (Self::Instant, Self::Instant) | (Self::FlagOn, Self::FlagOn) => true,
            _ => false,
        }
    }
}

impl<'a> Leaf<'a> {
    /// The percentage, if it is one.
    pub(super) fn gate(&self) -> Option<&'a Gate> {
        if let Self::Cond(Cond::Percentage(gate)) = self { Some(gate) } else { None }
    }

    /// Whether both are the same place in the same condition.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Cond(a), Self::Cond(b)) => std::ptr::eq(*a, *b),
            (Self::Included(a), Self::Included(b)) | (Self::Excluded(a), Self::Excluded(b)) => std::ptr::eq(*a, *b),
            (Self::FlagOn, Self::FlagOn) => true,
            _ => false,
        }
    }
}

impl<'a> Wrong<'a> {
    pub(super) fn never() -> Self {
        Self::default()
    }

    pub(super) fn one_of(tests: Vec<Demanded<'a>>) -> Self {
        Self { tests, ..Self::default() }
    }

    /// One of either must be put right.
    pub(super) fn or(mut self, other: Self) -> Self {
        if other.tests.is_empty() {
            return self;
        }
        self.changes_min = if self.tests.is_empty() { other.changes_min } else { self.changes_min.min(other.changes_min) };
        self.tests.extend(other.tests);
        self.within.extend(other.within);
        if self.within.len() > DISTINCT_MAX {
            (self.changes_min, self.within) = (0, Vec::new());
        }
        self
    }
}

impl<'a> Demanded<'a> {
    pub(super) fn of(subject: Subject<'a>, leaf: Leaf<'a>, want: bool) -> Self {
        Self { subject, leaf, want }
    }
}

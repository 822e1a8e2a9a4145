//! From model to compiled form: all that can fail, fails here, so that evaluation cannot.

mod check;
mod condition;
mod flag;
mod index;
mod needle;
mod segment;
mod value;

pub(crate) use check::{Check, TextSet, compile as compile_test, decimal};
pub(crate) use condition::{Cond, Gate, Limit, Need, Reference, SegmentSlot};
pub(crate) use flag::{CompiledFlag, CompiledRule, Split};
pub(crate) use needle::Needle;
pub(crate) use segment::{CompiledSegment, Membership};
pub use value::VariantValue;

/// What an evaluation of an entity costs of its own, and what it refers to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outline {
    /// Clauses and tests in its own conditions.
    pub(crate) steps: u64,
    /// The entities that its conditions name, as often as they name them, each with its place in the document.
    pub(crate) references: Box<[(Reference, Box<str>)]>,
}

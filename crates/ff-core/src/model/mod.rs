//! The model: flags and segments as JSON shows them and rows hold them.
//!
//! A value of these types is right in itself: keys, weights, operands, ids and bounds were checked when it was read.
//! What only the other flags and segments can tell (whether a segment exists, whether prerequisites form a cycle) is
//! checked when a [`Ruleset`](crate::Ruleset) is compiled.

mod condition;
mod definition;
mod flag;
mod operation;
mod pattern;
mod rule;
mod scalar;
mod segment;
mod weight;

pub use condition::{Amount, Clause, Condition, Percentage, Prerequisite, TimeWindow};
pub(crate) use condition::{keep, plain_number};
pub use definition::{Configuration, Definition, Use, VariantInUse};
pub use flag::{Flag, FlagType, State, Variant};
pub use operation::{Network, Operation, Ordering, Place as TextPlace, Test};
pub use pattern::Pattern;
pub use rule::{Rollout, Rule, Share};
pub(crate) use scalar::list;
pub use scalar::{OneOrMany, Scalar};
pub use segment::Segment;
pub use weight::{Weight, WeightError};

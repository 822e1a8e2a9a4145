//! Flags, segments and conditions written in Rust, under the same checks as JSON.
//!
//! A builder holds the document that its calls describe; `build` reads it by the very code that reads JSON. So there is nothing
//! that one way takes and the other does not, and a fault has the pointer that it would have in JSON.
//!
//! ```
//! use ff_core::build::{attr, percentage, rule, segment};
//! use ff_core::{Flag, FlagSet, FlagType, Segment, Timestamp, User};
//!
//! let beta = Segment::builder("beta").criteria(attr("email").iends_with("@example.com")).build()?;
//! let search = Flag::builder("new-search", FlagType::Boolean)
//!     .on()
//!     .rollout_percentage(20.0)
//!     .rule(rule("beta").when(segment("beta")).variant("on"))
//!     .rule(rule("canada").when(attr("country").eq("CA").and(percentage(50.0))).distribution([("on", 3.0), ("off", 1.0)]))
//!     .build()?;
//! let ruleset = FlagSet::new("acme".parse()?).flag(search).segment(beta).compile(1)?;
//!
//! let ada = User::new("user-1")?.with("email", "Ada@Example.com");
//! assert!(ruleset.bool_or("new-search", &ada, Timestamp::EPOCH, false));
//!
//! // What is wrong is a value, with its place.
//! let faults = Flag::builder("f", FlagType::Boolean)
//!     .rule(rule("r").when(attr("version").semver_gte("new")).variant("maybe"))
//!     .build()
//!     .unwrap_err();
//! let pointers: Vec<_> = faults.as_slice().iter().map(|fault| fault.pointer.as_str()).collect();
//! assert_eq!(pointers, ["/rules/0/when/attr/version/semver_gte"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod condition;
mod flag;
mod segment;
mod test;

pub use condition::{
    ConditionBuilder, PercentageBuilder, after, all, any, before, between, everyone, growing, nobody, not, percentage, prerequisite,
    segment, segments,
};
pub use flag::{FlagBuilder, RuleBuilder, rule};
pub use segment::SegmentBuilder;
pub use test::{TestBuilder, attr, user_id};

use serde_json::{Map, Value};

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Value {
    texts.into_iter().map(|text| Value::from(text.as_ref())).collect()
}

/// A number that JSON cannot hold becomes a text, which no reader of numbers takes; `null` could pass for one left out.
fn number(value: f64) -> Value {
    if value.is_finite() { crate::model::plain_number(value) } else { Value::from(value.to_string()) }
}

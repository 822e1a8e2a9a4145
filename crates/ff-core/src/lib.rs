//! The ff evaluation engine: feature flags from JSON to answer.
//!
//! For Rust services that evaluate flags in-process, and for the ff server, which is one of them.
//!
//! ```
//! use ff_core::{EnvironmentKey, Flag, Reason, Ruleset, Segment, Timestamp, User};
//!
//! let beta = Segment::from_json(r#"{"key": "beta", "criteria": {"attr": {"email": {"ends_with": "@example.com"}}}}"#)?;
//! let flag = Flag::from_json(
//!     r#"{
//!         "key": "checkout-redesign", "type": "boolean", "state": "on", "rollout_percentage": 0,
//!         "rules": [{"id": "beta-testers", "when": {"segment": "beta"}, "rollout": {"variant": "on"}}]
//!     }"#,
//! )?;
//! let ruleset = Ruleset::compile("acme".parse()?, EnvironmentKey::production(), 1, &[flag], &[beta])?;
//!
//! let user = User::new("user-1")?.with("email", "ada@example.com");
//! let now: Timestamp = "2026-11-21T08:00:00Z".parse()?;
//! let answer = ruleset.evaluate("checkout-redesign", &user, now).ok_or("no such flag")?;
//!
//! assert_eq!(answer.value().as_bool(), Some(true));
//! assert_eq!(answer.reason(), Reason::RuleMatch);
//! assert_eq!(answer.rule_id().map(|id| id.as_str()), Some("beta-testers"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The repository's `docs/embedding.md` goes through what a service needs: files, the server and code as sources of flags, swapping
//! rulesets under running requests, users, errors, costs, tests, and what a version promises. `docs/conditions.md` is the reference
//! of what a rule can ask, `docs/bucketing.md` that of who gets what.
//!
//! # Stages
//! 1. **Read**: JSON becomes a [`Flag`], a [`Segment`] or a [`FlagSet`] of both, or a list of every [`Fault`] that it has, each with
//!    its JSON pointer. What is read is right in itself, and so is what is written in Rust, with [`build`].
//! 2. **Compile**: flags and segments become a [`Ruleset`]: regular expressions built, lists hashed, percentages turned
//!    into integer thresholds, references resolved, cycles refused. All that can fail has failed by now.
//! 3. **Evaluate**: [`Ruleset::evaluate`] gives an [`Evaluation`]: which variant, and why.
//! 4. **Explain**: [`Ruleset::explain`] gives the same with everything that was looked at, by the same code, and
//!    [`WhyNot`]: what would have to be otherwise for another rule to decide.
//! 5. **Lint**: [`Ruleset::lint`] tells what in a flag is legal and probably not meant.
//!
//! # Promises
//! - *Pure*: no I/O, no clock (time is an argument), no threads, no randomness, no unsafe code.
//! - *Stable*: equal inputs give equal answers on every platform and in every release ([`bucket`]).
//! - *Bounded*: everything from outside has a limit ([`limits`]), and so has the work of one evaluation.
//! - *Shared*: a [`Ruleset`] is immutable, `Send + Sync`; a change makes a new one that shares what did not change.

pub mod bucket;
pub mod build;
mod compile;
mod document;
mod error;
mod evaluate;
mod explain;
mod fault;
mod flag_map;
mod flag_set;
mod fold;
mod json;
mod key;
pub mod limits;
mod links;
mod lint;
mod matcher;
mod members;
pub mod model;
mod read;
mod ruleset;
mod same;
mod segments;
mod string_set;
mod timestamp;
mod user;
mod version;

pub use compile::VariantValue;
pub use document::{EssentialFlag, EssentialSegment, RULESET_FORMAT, RulesetChanges, RulesetDocument};
pub use error::{Entity, Error};
pub use evaluate::{Evaluation, OwnedEvaluation, Reason};
pub use explain::{
    AttributeChange, DistributionTrace, Explanation, Need, Remedy, Requirement, RuleTrace, SEARCH_TESTS_MAX, ShareTrace, TRACES_MAX,
    TestTrace, Trace, WhyNot,
};
pub use fault::{FAULTS_MAX, Fault, Faults};
pub use flag_set::FlagSet;
pub use key::{EnvironmentKey, FlagKey, KEY_LENGTH_MAX, KeyError, RuleId, SegmentKey, TenantId, VariantKey};
pub use lint::{FINDINGS_MAX, Finding, LintCode, UnknownLintCode};
pub use members::{ListChange, MembersChange};
pub use model::{Condition, Configuration, Definition, Flag, FlagType, Rollout, Rule, Segment, State, Variant, VariantInUse, Weight};
pub use ruleset::Ruleset;
pub use segments::{Rejected, Segments};
pub use timestamp::{Timestamp, TimestampError};
pub use user::{AttributeValue, User};

/// The Rust examples of the documents, compiled and run with the other examples.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../README.md")]
    struct Readme;
    #[doc = include_str!("../README.md")]
    struct CrateReadme;
    #[doc = include_str!("../../../docs/embedding.md")]
    struct Embedding;
    #[doc = include_str!("../../../docs/explain.md")]
    struct Explanations;
}

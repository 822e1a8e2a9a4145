//! The answer to: which variant does this user get, and why?

mod owned;
mod typed;

use std::fmt;

use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use crate::bucket::Bucket;
use crate::compile::{CompiledFlag, VariantValue};
use crate::key::{FlagKey, RuleId, VariantKey};
use crate::matcher::{Matcher, Nobody, Outcome};
use crate::ruleset::Ruleset;
use crate::timestamp::Timestamp;
use crate::user::User;

pub use owned::OwnedEvaluation;

/// Why a user got a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The flag is off: everyone gets its off variant.
    FlagOff,
    /// A rule's condition holds.
    RuleMatch,
    /// No rule's condition holds: the variants' weights decide.
    DefaultDistribution,
}

impl Reason {
    /// Every reason.
    pub const ALL: &'static [Self] = &[Self::FlagOff, Self::RuleMatch, Self::DefaultDistribution];

    /// The reason's name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FlagOff => "flag_off",
            Self::RuleMatch => "rule_match",
            Self::DefaultDistribution => "default_distribution",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which variant a user gets, and why. Borrows from the ruleset and the user; copying it costs nothing.
///
/// As JSON: `{"flag_key", "variant", "value", "reason", "rule_id"?, "details": {"bucket", "percentage_bucket"?}}`.
#[derive(Clone, Copy)]
pub struct Evaluation<'a> {
    flag: &'a CompiledFlag,
    user: &'a User,
    outcome: Outcome,
    percentage_bucket: Option<Bucket>,
}

impl Ruleset {
    /// What the flag gives to this user at this instant; nothing, if there is no such flag.
    ///
    /// Takes no lock and allocates nothing. Its time is bounded: see
    /// [`EVALUATION_STEPS_MAX`](crate::limits::EVALUATION_STEPS_MAX).
    #[inline]
    pub fn evaluate<'a>(&'a self, flag_key: &str, user: &'a User, now: Timestamp) -> Option<Evaluation<'a>> {
        Some(self.evaluate_flag(self.flag(flag_key)?, user, now))
    }

    /// What each flag gives to this user at this instant, in no particular order.
    pub fn evaluate_all<'a>(&'a self, user: &'a User, now: Timestamp) -> impl Iterator<Item = Evaluation<'a>> {
        self.flags().map(move |flag| self.evaluate_flag(flag, user, now))
    }

    #[inline]
    pub(crate) fn evaluate_flag<'a>(&'a self, flag: &'a CompiledFlag, user: &'a User, now: Timestamp) -> Evaluation<'a> {
        let mut matcher = Matcher { ruleset: self, user, now, observer: Nobody, percentage_bucket: None };
        let outcome = matcher.flag(flag);
        Evaluation::new(flag, user, outcome, matcher.percentage_bucket)
    }
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(flag: &'a CompiledFlag, user: &'a User, outcome: Outcome, percentage_bucket: Option<Bucket>) -> Self {
        Self { flag, user, outcome, percentage_bucket }
    }

    /// The flag.
    pub fn flag_key(&self) -> &'a FlagKey {
        &self.flag.key
    }

    /// The variant's key.
    pub fn variant(&self) -> &'a VariantKey {
        &self.pair().0
    }

    /// The variant's value.
    pub fn value(&self) -> &'a VariantValue {
        &self.pair().1
    }

    #[inline]
    fn pair(&self) -> &'a (VariantKey, VariantValue) {
        // INVARIANT: numbers of variants come from the flag itself, and every flag has at least one.
        #[expect(clippy::indexing_slicing, reason = "the compiler of flags gives out only numbers of variants that exist")]
        &self.flag.variants[self.outcome.variant as usize]
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.outcome.reason
    }

    /// The rule that decided, if one did.
    pub fn rule_id(&self) -> Option<&'a RuleId> {
        let rule = self.outcome.rule?;
        self.flag.rules.get(rule as usize).map(|rule| &rule.id)
    }

    /// The user's bucket for this flag's distributions. Computed when asked for, where the decision did not need it.
    pub fn bucket(&self) -> Bucket {
        self.outcome.bucket.unwrap_or_else(|| self.flag.seed.bucket(self.user.id()))
    }

    /// The user's bucket in the percentage that was consulted last, if one was.
    pub fn percentage_bucket(&self) -> Option<Bucket> {
        self.percentage_bucket
    }

    /// Whether the user's bucket decided the variant: a distribution over more than one.
    pub fn is_split(&self) -> bool {
        self.outcome.bucket.is_some()
    }

    /// Whether the flag has rules.
    pub fn has_rules(&self) -> bool {
        !self.flag.rules.is_empty()
    }
}

impl fmt::Debug for Evaluation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evaluation")
            .field("flag_key", self.flag_key())
            .field("variant", self.variant())
            .field("value", self.value())
            .field("reason", &self.reason())
            .field("rule_id", &self.rule_id())
            .field("bucket", &self.bucket().as_f64())
            .field("percentage_bucket", &self.percentage_bucket.map(Bucket::as_f64))
            .finish()
    }
}

#[derive(Serialize, Deserialize)]
struct Details {
    bucket: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percentage_bucket: Option<f64>,
}

impl Serialize for Evaluation<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rule_id = self.rule_id();
        let mut out = serializer.serialize_struct("Evaluation", 5 + usize::from(rule_id.is_some()))?;
        out.serialize_field("flag_key", self.flag_key())?;
        out.serialize_field("variant", self.variant())?;
        out.serialize_field("value", self.value())?;
        out.serialize_field("reason", &self.reason())?;
        if let Some(rule_id) = rule_id {
            out.serialize_field("rule_id", rule_id)?;
        }
        let details = Details { bucket: self.bucket().as_f64(), percentage_bucket: self.percentage_bucket.map(Bucket::as_f64) };
        out.serialize_field("details", &details)?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::bucket::{Domain, Seed};
    use crate::{EnvironmentKey, Flag};

    fn compile(flags: &[Value]) -> Ruleset {
        let flags: Vec<Flag> = flags.iter().map(|flag| Flag::from_value(flag).unwrap()).collect();
        Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &flags, &[]).unwrap()
    }

    #[test]
    fn an_evaluation_tells_what_decided_it() {
        let split = json!([{"key": "a", "weight": 1}, {"key": "b", "weight": 1}]);
        let gate = json!([{"id": "half", "when": {"percentage": {"value": 100, "salt": "s"}}, "rollout": {"variant": "b"}}]);
        let ruleset = compile(&[
            json!({"key": "split", "state": "on", "variants": split}),
            json!({"key": "gate", "state": "on", "variants": split, "rules": gate}),
            json!({"key": "off", "state": "off", "variants": split}),
        ]);
        let user = User::new("u").unwrap();
        let of = |key: &str| ruleset.evaluate(key, &user, Timestamp::EPOCH).unwrap();
        let (split, gate, off) = (of("split"), of("gate"), of("off"));
        assert_eq!([split, gate, off].map(|e| e.is_split()), [true, false, false]);
        assert_eq!([split, gate, off].map(|e| e.has_rules()), [false, true, false]);
        assert_eq!([split, gate, off].map(|e| e.percentage_bucket().is_some()), [false, true, false]);
        assert_eq!(gate.percentage_bucket(), Some(Seed::new(Domain::Percentage, &"acme".parse().unwrap(), "s").bucket("u")));
        let names = [split, gate, off].map(|e| e.reason().to_string());
        assert_eq!(names, ["default_distribution", "rule_match", "flag_off"]);
        // As in JSON, for whoever logs them or counts by them.
        assert!(Reason::ALL.iter().all(|reason| json!(reason) == reason.as_str()));
        let shown = format!("{gate:?}");
        for part in ["flag_key: FlagKey(gate)", "RuleMatch", "half", "bucket: 0.", "percentage_bucket: Some(0."] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
    }
}

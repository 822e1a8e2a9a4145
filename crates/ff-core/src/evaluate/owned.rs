//! Evaluations that outlive their ruleset and their user: for queues, caches and what a server answered.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Details, Evaluation, Reason};
use crate::bucket::Bucket;
use crate::key::{FlagKey, RuleId, VariantKey};

/// An [`Evaluation`] that borrows nothing. Same JSON, which it also reads: so it is what the server's answer is read into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
#[non_exhaustive]
pub struct OwnedEvaluation {
    /// The flag.
    pub flag_key: FlagKey,
    /// The variant's key.
    pub variant: VariantKey,
    /// The variant's value.
    pub value: Value,
    /// Why.
    pub reason: Reason,
    /// The rule that decided, if one did.
    pub rule_id: Option<RuleId>,
    /// The user's bucket for the flag's distributions, in `[0, 1)`.
    pub bucket: f64,
    /// The user's bucket in the percentage that was consulted last, if one was.
    pub percentage_bucket: Option<f64>,
}

/// Its form in JSON. Fields that are not known are skipped, since answers may grow.
#[derive(Serialize, Deserialize)]
struct Wire {
    flag_key: FlagKey,
    variant: VariantKey,
    value: Value,
    reason: Reason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule_id: Option<RuleId>,
    details: Details,
}

impl From<Wire> for OwnedEvaluation {
    fn from(wire: Wire) -> Self {
        let Wire { flag_key, variant, value, reason, rule_id, details: Details { bucket, percentage_bucket } } = wire;
        Self { flag_key, variant, value, reason, rule_id, bucket, percentage_bucket }
    }
}

impl From<OwnedEvaluation> for Wire {
    fn from(owned: OwnedEvaluation) -> Self {
        let OwnedEvaluation { flag_key, variant, value, reason, rule_id, bucket, percentage_bucket } = owned;
        Self { flag_key, variant, value, reason, rule_id, details: Details { bucket, percentage_bucket } }
    }
}

impl Evaluation<'_> {
    /// The same without borrows. Allocates.
    pub fn into_owned(self) -> OwnedEvaluation {
        OwnedEvaluation {
            flag_key: self.flag_key().clone(),
            variant: self.variant().clone(),
            value: self.value().to_json(),
            reason: self.reason(),
            rule_id: self.rule_id().cloned(),
            bucket: self.bucket().as_f64(),
            percentage_bucket: self.percentage_bucket().map(Bucket::as_f64),
        }
    }
}

impl From<Evaluation<'_>> for OwnedEvaluation {
    fn from(evaluation: Evaluation<'_>) -> Self {
        evaluation.into_owned()
    }
}

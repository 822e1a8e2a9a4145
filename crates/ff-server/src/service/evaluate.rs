//! Evaluating flags from memory.

use std::sync::Arc;

use ff_core::{Evaluation, Faults, Flag, FlagKey, KEY_LENGTH_MAX, Reason, Ruleset, TenantId, Timestamp, User};
use ff_store::{Revision, Scope, StoreError, flag};
use metrics::Counter;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{Missing, ServiceError};
use crate::blocking;
use crate::cache::{ServedRuleset, TenantRulesets};
use crate::state::AppState;
use crate::telemetry::EvaluationCounters;

/// The ruleset that a scope's evaluations read: one revision, from the beginning of a request to its end. `min` or a later one, if it is
/// given: that is waited for within the configured time.
///
/// # Errors
/// No such environment; the ruleset is not in memory and the database is away; the revision did not come.
pub async fn ruleset_from(state: &AppState, scope: &Scope, min: Option<Revision>) -> Result<Arc<ServedRuleset>, ServiceError> {
    let mut rulesets = state.rulesets.get(&state.store, &scope.tenant).await?;
    if let Some(min) = min.filter(|min| rulesets.revision() < *min) {
        rulesets = reached(state, &scope.tenant, min).await?;
    }
    match rulesets.get(&scope.environment) {
        Some(ruleset) => Ok(ruleset.clone()),
        None => Err(ServiceError::NotFound(Missing::Environment(scope.environment.to_string()))),
    }
}

/// The tenant's rulesets once they are at `min`. Whoever follows other servers' writes is asked to look at once, so that the wait is no
/// longer than the look.
async fn reached(state: &AppState, tenant: &TenantId, min: Revision) -> Result<Arc<TenantRulesets>, ServiceError> {
    let deadline = Instant::now() + state.http.min_revision_wait;
    // INVARIANT: before looking at what there is, so that nothing comes unnoticed between the two.
    let (mut served, mut told) = (state.news.any(), state.news.follow(tenant));
    state.hints.look_at(tenant);
    loop {
        served.mark_unchanged();
        told.mark_unchanged();
        let rulesets = match state.rulesets.peek(tenant) {
            Some(rulesets) => rulesets,
            // Nobody has written to it, as far as is known: it is read again when there is news of it.
            None => state.rulesets.get(&state.store, tenant).await?,
        };
        if rulesets.revision() >= min {
            return Ok(rulesets);
        }
        let is_kept = rulesets.revision() > Revision::ZERO;
        let news = async { if is_kept { served.changed().await } else { told.changed().await } };
        if timeout_at(deadline, news).await.is_err() {
            return Err(ServiceError::Behind { served: rulesets.revision(), wanted: min });
        }
    }
}

/// Counts of evaluations that were given to a user, by reason: gathered for a whole answer, then added to the counters.
/// Explanations are not counted: nobody was given anything.
#[derive(Debug, Default)]
pub struct Count([u64; Reason::ALL.len()]);

impl Count {
    /// One more.
    pub fn add(&mut self, evaluation: &Evaluation<'_>) {
        let reason = evaluation.reason();
        if let Some((count, _)) = self.0.iter_mut().zip(Reason::ALL).find(|(_, known)| **known == reason) {
            *count += 1;
        }
    }

    /// Adds them to the counters.
    pub fn report(self, counters: &EvaluationCounters) {
        for (count, reason) in self.0.into_iter().zip(Reason::ALL).filter(|(count, _)| *count > 0) {
            if let Some(counter) = counter_of(counters, *reason) {
                counter.increment(count);
            }
        }
    }
}

fn counter_of(counters: &EvaluationCounters, reason: Reason) -> Option<&Counter> {
    Some(match reason {
        Reason::FlagOff => &counters.flag_off,
        Reason::RuleMatch => &counters.rule_match,
        Reason::DefaultDistribution => &counters.default_distribution,
        // A reason that the engine has learnt and this table has not; a test walks all of them.
        _ => return None,
    })
}

/// The ruleset as it would be with this draft in it, and the draft's key. A draft of a flag that exists may leave fields
/// out, as a write may. Nothing is stored.
///
/// # Errors
/// Every fault of the draft, below `/flag`; what others need of the flag and the draft takes away.
pub async fn with_draft(state: &AppState, scope: &Scope, ruleset: &Ruleset, draft: Value) -> Result<(Ruleset, FlagKey), ServiceError> {
    let key = draft.get("key").and_then(Value::as_str).and_then(|key| key.parse::<FlagKey>().ok());
    let stored = match key.filter(|key| ruleset.contains(key.as_str())) {
        None => None,
        Some(key) => {
            let (store, scope) = (state.store.clone(), scope.clone());
            blocking::run(move || match flag::find(&store, &scope, &key) {
                Ok(record) => Ok(Some(record.flag)),
                // It was deleted since the ruleset was made.
                Err(StoreError::NotFound { .. }) => Ok(None),
                Err(error) => Err(ServiceError::from(error)),
            })
            .await?
        }
    };
    let flag = match stored {
        Some(flag) => flag.revised(&draft),
        None => Flag::from_value(&draft),
    };
    let flag = flag.map_err(|faults| ServiceError::Invalid(faults.below("/flag")))?;
    match ruleset.with_flag(ruleset.revision(), &flag) {
        Ok(changed) => Ok((changed, flag.key().clone())),
        Err(ff_core::Error::Invalid(faults)) => Err(ServiceError::Invalid(faults.below("/flag"))),
        Err(error) => Err(super::writing::refused("flag_in_use", vec![(scope.environment.clone(), error)])),
    }
}

/// The explanation of what the flag gives to the user, as JSON; with the answer to "why not?" for this rule, or for all that were
/// tried in vain.
///
/// # Errors
/// There is no such flag, or it has no such rule.
pub async fn explained(
    ruleset: Arc<ServedRuleset>,
    flag_key: String,
    why_not: Option<String>,
    user: User,
    at: Timestamp,
) -> Result<Vec<u8>, ServiceError> {
    // The search for changes may take a hundred thousand times as long as an evaluation: others must not wait for it.
    blocking::compute(move || {
        let explanation = match &why_not {
            None => ruleset.explain(&flag_key, &user, at),
            Some(rule) => ruleset.explain_rule(&flag_key, rule, &user, at),
        };
        match (explanation, why_not) {
            (Some(explanation), _) => serde_json::to_vec(&explanation).map_err(ServiceError::internal),
            (None, Some(rule)) if ruleset.contains(&flag_key) => {
                let rule: String = rule.chars().take(KEY_LENGTH_MAX).collect();
                Err(ServiceError::Invalid(Faults::one("/why_not", format!("flag `{flag_key}` has no rule `{rule}`"))))
            }
            (None, _) => Err(ServiceError::NotFound(Missing::Flag(flag_key.chars().take(KEY_LENGTH_MAX).collect()))),
        }
    })
    .await
}

/// A user whose attributes were given as text, as the query of a `GET` does. A name that is given several times is a list.
///
/// # Errors
/// A user id that is none, or attributes past the bounds.
pub fn user_from_text(id: &str, attributes: &[(String, String)]) -> Result<User, ServiceError> {
    let mut object = serde_json::Map::new();
    for (name, text) in attributes {
        match object.get_mut(name) {
            None => drop(object.insert(name.clone(), Value::String(text.clone()))),
            Some(Value::Array(texts)) => texts.push(Value::String(text.clone())),
            Some(first) => *first = Value::Array(vec![first.take(), Value::String(text.clone())]),
        }
    }
    Ok(User::from_value(&serde_json::json!({"id": id, "attributes": object}))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter() {
        let counters = EvaluationCounters { flag_off: Counter::noop(), rule_match: Counter::noop(), default_distribution: Counter::noop() };
        assert!(Reason::ALL.iter().all(|reason| counter_of(&counters, *reason).is_some()));
    }
}

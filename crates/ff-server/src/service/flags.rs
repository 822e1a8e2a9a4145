//! Writing flags.

use ff_core::{Flag, FlagKey};
use ff_store::{Change, Entity, FlagRecord, StoreError, Written, audit, flag, ruleset};
use serde_json::Value;

use super::told::Told;
use super::writing::{self, Linted, check_environment, refused};
use super::{Context, Made, Missing, Precondition, ServiceError};
use crate::cache::{TenantRulesets, number};
use crate::state::AppState;

/// Which flag a document is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The one that its `key` names; it is created if there is none.
    Named,
    /// This one, which must exist.
    Existing(FlagKey),
}

/// Creates a flag or changes the fields that `body` gives; those left out keep their value. The same document again
/// changes nothing. What is legal and probably a mistake comes back as warnings.
///
/// # Errors
/// Every fault of the resulting document; conflicts with other environments (a removed variant) and other flags (a
/// prerequisite's variant); a precondition that does not hold; an unknown environment; no such flag.
pub fn put(
    state: &AppState,
    context: &Context,
    target: &Target,
    body: &Value,
    precondition: &Precondition,
) -> Result<Linted<FlagRecord>, ServiceError> {
    let environment = &context.scope.environment;
    let work = |change: &mut Change<'_>, rulesets: &TenantRulesets| {
        check_environment(rulesets, environment)?;
        let key = match target {
            Target::Existing(key) => Some(key.clone()),
            // A document without a usable key is read as new, for its faults.
            Target::Named => body.get("key").and_then(Value::as_str).and_then(|key| key.parse().ok()),
        };
        let before = key.as_ref().map_or(Ok(None), |key| flag::find_in(change, environment, key))?;
        if let (Target::Existing(key), None) = (target, &before) {
            return Err(ServiceError::NotFound(Missing::Flag(key.to_string())));
        }
        precondition.check(before.as_ref().map(|record| record.version))?;
        let after = match &before {
            Some(record) => record.flag.revised(body)?,
            None => Flag::from_value(body)?,
        };
        // What the engine refuses must not reach the database, but only the database knows what becomes of the flag in
        // other environments; the transaction is rolled back if the engine then says no.
        let written = flag::put_in(change, environment, after)?;
        let rulesets = writing::is_changed(&written).then(|| compiled(rulesets, change.revision(), &written)).transpose()?;
        Ok((written, rulesets))
    };
    writing::run_and_lint(state, context, work, |ruleset, record: &FlagRecord| ruleset.lint(&record.flag))
}

fn compiled(before: &TenantRulesets, revision: ff_store::Revision, written: &Written<FlagRecord>) -> Result<TenantRulesets, ServiceError> {
    before
        .changed(revision, before.segments().clone(), |environment, ruleset| {
            match written.flags.iter().find(|(changed, _)| changed == environment) {
                Some((_, flag)) => ruleset.with_flag(number(revision), flag),
                None => Ok(ruleset.at_revision(number(revision))),
            }
        })
        .map_err(|error| refused("flag_in_use", error))
}

/// Deletes a flag in all environments. Its history stays.
///
/// # Errors
/// It is a prerequisite of others; a precondition that does not hold; no such flag or environment.
pub fn delete(state: &AppState, context: &Context, key: &FlagKey, precondition: &Precondition) -> Result<Made<FlagRecord>, ServiceError> {
    let environment = &context.scope.environment;
    let work = |change: &mut Change<'_>, rulesets: &TenantRulesets| {
        check_environment(rulesets, environment)?;
        let before = flag::find_in(change, environment, key)?.ok_or_else(|| ServiceError::NotFound(Missing::Flag(key.to_string())))?;
        precondition.check(Some(before.version))?;
        let deleted = flag::delete_in(change, environment, key)?;
        let revision = change.revision();
        let after = rulesets
            .changed(revision, rulesets.segments().clone(), |_, ruleset| ruleset.without_flag(number(revision), key))
            .map_err(|error| refused("flag_in_use", error))?;
        Ok((deleted, Some(after)))
    };
    writing::run(state, context, work, Told::deleted)
}

/// Gives a flag back what it showed in this environment at an earlier revision or version, as a new change.
///
/// # Errors
/// There was nothing then; whatever [`put`] finds wrong with it now (a segment that has since been deleted).
pub fn rollback(
    state: &AppState,
    context: &Context,
    key: &FlagKey,
    to: audit::At,
    precondition: &Precondition,
) -> Result<Linted<FlagRecord>, ServiceError> {
    // Whether there is such a flag comes before whether it had such a state.
    flag::find(&state.store, &context.scope, key)?;
    if let audit::At::Revision(revision) = to {
        // The future is not a state to go back to.
        let now = ruleset::revisions(&state.store, std::slice::from_ref(&context.scope.tenant))?;
        if now.iter().all(|(_, current)| *current < revision) {
            return Err(ServiceError::NotFound(Missing::Revision(format!("revision {revision}"))));
        }
    }
    let then = audit::flag_at(&state.store, &context.scope, key, to).map_err(|error| match (error, to) {
        (StoreError::NotFound { entity: Entity::Flag, .. }, audit::At::Version(version)) => {
            ServiceError::NotFound(Missing::Revision(format!("version {version} of flag `{key}`")))
        }
        (StoreError::NotFound { entity: Entity::Flag, .. }, audit::At::Revision(revision)) => {
            ServiceError::NotFound(Missing::Revision(format!("flag `{key}` at revision {revision}")))
        }
        (error, _) => error.into(),
    })?;
    put(state, context, &Target::Existing(key.clone()), &then, precondition)
}

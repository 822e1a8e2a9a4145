//! What all writes share: one transaction, the rulesets that the tenant has in it, and serving the new ones once it is
//! committed.

use std::collections::BTreeSet;
use std::sync::Arc;

use ff_core::{Entity, EnvironmentKey, Error, Finding, Ruleset, TenantId};
use ff_store::{Author, Change, Written, audit, change};

use super::{Context, Missing, ServiceError, catch_up};
use crate::cache::TenantRulesets;
use crate::clock;
use crate::state::AppState;

/// What a write gives: an answer, and the rulesets that hold from its commit on, if they change.
pub(super) type Done<T> = (T, Option<TenantRulesets>);

/// An entity that was written, and what is probably a mistake in it. The warnings are about the entity as it is among the
/// others now; they are stored nowhere.
#[derive(Debug)]
pub struct Linted<T> {
    /// What was written.
    pub written: Written<T>,
    /// What was found.
    pub warnings: Vec<Finding>,
}

/// Runs `work` as [`run`] does, and then, when the tenant's other writers need not wait for it any more, lints what was
/// written with the ruleset of the request's environment.
pub(super) fn run_and_lint<T>(
    state: &AppState,
    context: &Context,
    work: impl FnOnce(&mut Change<'_>, &TenantRulesets) -> Result<Done<Written<T>>, ServiceError>,
    lint: impl FnOnce(&Ruleset, &T) -> Vec<Finding>,
) -> Result<Linted<T>, ServiceError> {
    let (written, rulesets) = apply(state, context, work)?;
    let ruleset = rulesets.get(&context.scope.environment);
    let warnings = ruleset.map(|ruleset| lint(ruleset, &written.record)).unwrap_or_default();
    Ok(Linted { written, warnings })
}

/// Runs `work` inside the tenant's one write transaction, with the rulesets as they are at its revision. What it compiles
/// is served before this returns, so whoever reads after the answer reads the new state.
pub(super) fn run<T>(
    state: &AppState,
    context: &Context,
    work: impl FnOnce(&mut Change<'_>, &TenantRulesets) -> Result<Done<T>, ServiceError>,
) -> Result<T, ServiceError> {
    apply(state, context, work).map(|(answer, _)| answer)
}

/// As [`run`], with the rulesets that hold after it.
fn apply<T>(
    state: &AppState,
    context: &Context,
    work: impl FnOnce(&mut Change<'_>, &TenantRulesets) -> Result<Done<T>, ServiceError>,
) -> Result<(T, Arc<TenantRulesets>), ServiceError> {
    let tenant = &context.scope.tenant;
    let author = Author { actor: context.caller.subject().to_owned(), request_id: Some(context.request_id.to_string()), at: clock::now() };
    let (answer, (before, overtaken), after) = change::run(&state.store, tenant, &author, |change| {
        let (before, overtaken) = at_revision_of(state, tenant, change)?;
        let (answer, after) = work(change, &before)?;
        let after = after.map(Arc::new);
        // Whoever writes next may do so before these are published.
        if let Some(after) = &after {
            change.leave(after);
        }
        Ok::<_, ServiceError>((answer, (before, overtaken), after))
    })?;
    let Some(after) = after else { return Ok((answer, before)) };
    match overtaken {
        None => state.rulesets.publish(tenant, Arc::clone(&after)),
        Some(served) => state.rulesets.publish_instead_of(tenant, &served, Arc::clone(&after)),
    }
    Ok((answer, after))
}

/// The rulesets as they are in this transaction: from memory, if nobody else has written or the writer before has left its own; else
/// from memory and the log, or read anew. The tenant's revision is locked, so what is read here is what the change will apply to.
///
/// Beside them what is served, if that is of a later revision than the database has: it was restored.
fn at_revision_of(
    state: &AppState,
    tenant: &TenantId,
    change: &mut Change<'_>,
) -> Result<(Arc<TenantRulesets>, Option<Arc<TenantRulesets>>), ServiceError> {
    let (served, revision) = (state.rulesets.peek(tenant), change.revision());
    if let Some(current) = served.as_ref().filter(|served| served.revision() == revision) {
        return Ok((current.clone(), None));
    }
    let overtaken = served.clone().filter(|served| served.revision() > revision);
    if let Some(left) = change.left() {
        return Ok((left, overtaken));
    }
    if let Some(behind) = served.filter(|served| served.revision() < revision) {
        match catch_up::along_the_log(&behind, revision, |after, limit| audit::after_in(change, after, limit))? {
            Ok(Some(reached)) => return Ok((Arc::new(reached.rulesets), None)),
            Ok(None) => return Ok((behind, None)),
            Err(gap) => {
                slog::info!(state.logger, "tenant `{tenant}` is read anew for a change, since the log does not lead on from memory: {gap}")
            }
        }
    }
    Ok((Arc::new(ff_store::ruleset::read_in(change, |reading| TenantRulesets::compile(tenant, reading))?), overtaken))
}

/// The environment must be there before anything is written into it.
pub(super) fn check_environment(rulesets: &TenantRulesets, key: &EnvironmentKey) -> Result<(), ServiceError> {
    match rulesets.get(key) {
        Some(_) => Ok(()),
        None => Err(ServiceError::NotFound(Missing::Environment(key.to_string()))),
    }
}

/// A change that the engine refused in some of the tenant's environments: everyone in the way is named.
pub(super) fn refused(code: &'static str, errors: Vec<(EnvironmentKey, Error)>) -> ServiceError {
    let mut message = None;
    let mut used_by = BTreeSet::new();
    for (environment, error) in errors {
        match error {
            Error::Invalid(faults) => return ServiceError::Invalid(faults),
            Error::InUse { message: reason, used_by: users, .. } => {
                message.get_or_insert_with(|| format!("{reason} in environment `{environment}`"));
                used_by.extend(users.into_iter().map(|user| match &user {
                    Entity::Flag(_) => format!("{user} in environment `{environment}`"),
                    // Segments are the same in all environments.
                    _ => user.to_string(),
                }));
            }
            // The engine's errors may become more; one that is not known here is no fault of the caller's.
            other => return ServiceError::internal(other),
        }
    }
    ServiceError::Conflict { code, message: message.unwrap_or_default(), used_by: used_by.into_iter().collect() }
}

/// Whether anything was written.
pub(super) fn is_changed<T>(written: &Written<T>) -> bool {
    written.outcome != ff_store::Outcome::Unchanged
}

//! What all writes share: one transaction, the rulesets that the tenant has in it, and serving the new ones once it is
//! committed.

use std::collections::BTreeSet;
use std::sync::Arc;

use ff_core::{Entity, EnvironmentKey, Error, Finding, Ruleset, TenantId};
use ff_store::{Author, Change, Revision, Written, change};

use super::told::{Shows, Told};
use super::{Context, Missing, ServiceError, catch_up};
use crate::cache::{Found, TenantRulesets};
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
    /// As [`Made::revision`].
    pub revision: Revision,
}

/// What a write gives to whoever asked for it.
#[derive(Debug)]
pub struct Made<T> {
    /// What was asked for.
    pub answer: T,
    /// The tenant's revision after it: the one that it made or, where it changed nothing, the one that it found.
    pub revision: Revision,
}

/// Runs `work` as [`run`] does, and then, when the tenant's other writers need not wait for it any more, lints what was
/// written with the ruleset of the request's environment. A request with a key is linted before: its answer is kept in the
/// transaction.
pub(super) fn run_and_lint<T: Shows>(
    state: &AppState,
    context: &Context,
    work: impl FnOnce(&mut Change<'_>, &TenantRulesets) -> Result<Done<Written<T>>, ServiceError>,
    lint: impl FnOnce(&Ruleset, &T) -> Vec<Finding>,
) -> Result<Linted<T>, ServiceError> {
    let lint = |rulesets: &TenantRulesets, written: &Written<T>| {
        rulesets.get(&context.scope.environment).map(|ruleset| lint(ruleset, &written.record)).unwrap_or_default()
    };
    if context.once.is_none() {
        let (written, rulesets) = apply(state, context, work, |written| Told::written(written, &[]))?;
        let warnings = lint(&rulesets, &written);
        return Ok(Linted { written, warnings, revision: rulesets.revision() });
    }
    let work = |change: &mut Change<'_>, rulesets: &TenantRulesets| {
        let (written, after) = work(change, rulesets)?;
        let warnings = lint(after.as_ref().unwrap_or(rulesets), &written);
        Ok((Linted { written, warnings, revision: change.revision() }, after))
    };
    apply(state, context, work, |linted| Told::written(&linted.written, &linted.warnings)).map(|(linted, _)| linted)
}

/// Runs `work` inside the tenant's one write transaction, with the rulesets as they are at its revision. What it compiles
/// is served before this returns, so whoever reads after the answer reads the new state.
///
/// `tell` says what the request will be answered, for one that comes again.
pub(super) fn run<T>(
    state: &AppState,
    context: &Context,
    work: impl FnOnce(&mut Change<'_>, &TenantRulesets) -> Result<Done<T>, ServiceError>,
    tell: impl FnOnce(&T) -> Result<Told, ServiceError>,
) -> Result<Made<T>, ServiceError> {
    apply(state, context, work, tell).map(|(answer, rulesets)| Made { answer, revision: rulesets.revision() })
}

/// As [`run`], with the rulesets that hold after it.
fn apply<T>(
    state: &AppState,
    context: &Context,
    work: impl FnOnce(&mut Change<'_>, &TenantRulesets) -> Result<Done<T>, ServiceError>,
    tell: impl FnOnce(&T) -> Result<Told, ServiceError>,
) -> Result<(T, Arc<TenantRulesets>), ServiceError> {
    let tenant = &context.scope.tenant;
    let author = Author { actor: context.caller.subject().to_owned(), request_id: Some(context.request_id.to_string()), at: clock::now() };
    let once = context.once.as_deref();
    let (answer, (before, overtaken), after, untold) = change::run(&state.store, tenant, &author, |change| {
        once.map_or(Ok(()), |once| once.check_in(change))?;
        let found = change.revision();
        let (before, overtaken) = at_revision_of(state, tenant, change)?;
        let (answer, after) = work(change, &before)?;
        let after = after.map(|after| Arc::new(after.made_by(change.position().change)));
        // Whoever writes next may do so before these are published.
        if let Some(after) = &after {
            change.leave(after);
        }
        let untold = match once {
            None => None,
            Some(once) if change.revision() == found => Some((once, tell(&answer)?, found)),
            Some(once) => {
                once.keep_in(change, &tell(&answer)?)?;
                None
            }
        };
        Ok::<_, ServiceError>((answer, (before, overtaken), after, untold))
    })?;
    if let Some(after) = &after {
        match overtaken {
            None => state.rulesets.publish(tenant, Arc::clone(after)),
            Some(served) => state.rulesets.publish_instead_of(tenant, &served, Arc::clone(after)),
        }
    }
    match (untold, once) {
        // Nothing was written, and so no transaction was committed.
        (Some((once, told, revision)), _) => once.keep(state, tenant, &told.at(revision), told.shown.as_ref())?,
        (None, Some(once)) => once.note_kept(),
        (None, None) => {}
    }
    Ok((answer, after.unwrap_or(before)))
}

/// The rulesets as they are in this transaction: from memory, if nobody else has written or the writer before has left its own; else
/// from memory and the log, or read anew. The tenant's revision is locked, so what is read here is what the change will apply to.
///
/// Beside them what is served, if that is not part of the history that the database has: it was restored.
fn at_revision_of(
    state: &AppState,
    tenant: &TenantId,
    change: &mut Change<'_>,
) -> Result<(Arc<TenantRulesets>, Option<Arc<TenantRulesets>>), ServiceError> {
    let (served, position) = (state.rulesets.peek(tenant), change.position());
    let Some(served) = served else {
        let found = match change.left() {
            Some(left) => left,
            None => ff_store::ruleset::read_in(change, |reading| Found::of(tenant, reading, None))?.rulesets,
        };
        return Ok((found, None));
    };
    let is_astray = served.revision() > position.revision || served.position().contradicts(position);
    if !is_astray && served.revision() == position.revision {
        return Ok((served, None));
    }
    if let Some(left) = change.left() {
        return Ok((left, is_astray.then_some(served)));
    }
    if !is_astray {
        match catch_up::along_the_log(&served, position.revision, change)? {
            Ok(Some(reached)) => return Ok((Arc::new(reached.rulesets), None)),
            Ok(None) => return Ok((served, None)),
            Err(gap) => {
                slog::info!(state.logger, "tenant `{tenant}` is read anew for a change, since the log does not lead on from memory: {gap}")
            }
        }
    }
    let found = ff_store::ruleset::read_in(change, |reading| Found::of(tenant, reading, Some(&served)))?;
    Ok((found.rulesets, found.instead_of))
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

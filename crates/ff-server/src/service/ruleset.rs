//! Rulesets for those who evaluate by themselves.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use ff_store::{Position, Revision, Scope, audit, ruleset};
use slog::debug;

use super::{Missing, ServiceError, catch_up, evaluate};
use crate::cache::{Found, RulesetCache};
use crate::document::contents::Contents;
use crate::document::difference::Difference;
use crate::document::recent::{REVISIONS_MAX, Recent};
use crate::document::{Document, Encoded, Held};
use crate::state::AppState;
use crate::{blocking, clock};

/// The document of the scope, at the revision that is served or a later one, and at `min` at least. While the database is away it is the
/// latest that there is: of what was built, and what was saved.
///
/// # Errors
/// There is no such environment; nothing is in memory and the database is away; or `min` did not come.
pub async fn document(state: &web::Data<AppState>, scope: &Scope, min: Option<Revision>) -> Result<Arc<Document>, ServiceError> {
    let ruleset = evaluate::ruleset_from(state, scope, min).await?;
    let wanted = Revision::new(i64::try_from(ruleset.revision()).unwrap_or(i64::MAX));
    let document = state.documents.get(scope, |held| will_do(state, scope, wanted, held), |former| held(state, scope, former)).await?;
    match min.filter(|min| document.revision() < *min) {
        Some(wanted) => Err(ServiceError::Behind { served: document.revision(), wanted }),
        None => Ok(document),
    }
}

/// Brings the documents that somebody has asked for within `lately` to what is served, so that they are there when the database is not; and
/// lets go of the others, once they are behind. Whether it is done with all of them.
pub(crate) async fn keep_fresh(state: &web::Data<AppState>, lately: Duration) -> bool {
    let mut is_done = true;
    for (scope, document, idle) in state.documents.all() {
        let wanted = served(state, &scope).revision;
        if is_current(state, &scope, wanted, &document) {
            continue;
        }
        let has_environment = state.rulesets.peek(&scope.tenant).is_none_or(|rulesets| rulesets.get(&scope.environment).is_some());
        // While the database is away, what was in use before is all that there is.
        if !has_environment || (idle >= lately && state.health.is_well()) {
            state.documents.forget(&scope);
            continue;
        }
        let renewed = state.documents.renew(&scope, |held| will_do(state, &scope, wanted, held), |former| held(state, &scope, former));
        is_done &= match renewed.await {
            Ok(document) => {
                let is_current = is_current(state, &scope, wanted, &document);
                if is_current {
                    debug!(
                        state.logger,
                        "the document of `{}`, `{}` is at revision {}",
                        scope.tenant,
                        scope.environment,
                        document.revision()
                    );
                }
                is_current
            }
            Err(ServiceError::NotFound(_)) => true,
            Err(_) => false,
        };
    }
    is_done
}

/// Where the tenant is that is served now.
fn served(state: &AppState, scope: &Scope) -> Position {
    state.rulesets.peek(&scope.tenant).map_or(Position::START, |rulesets| rulesets.position())
}

/// Whether the document shows what is served, or what was when `wanted` was.
fn is_current(state: &AppState, scope: &Scope, wanted: Revision, document: &Document) -> bool {
    // A tenant without a change is not kept in memory.
    let served = state.rulesets.peek(&scope.tenant).map_or(Position { revision: wanted, change: None }, |rulesets| rulesets.position());
    // Later than what is served it can only be where the database was restored.
    (wanted..=served.revision).contains(&document.revision()) && !document.position().contradicts(served)
}

/// Whether what is held need not be built anew: it is current, or it is known to be the best that can be had.
fn will_do(state: &AppState, scope: &Scope, wanted: Revision, held: &Held) -> bool {
    is_current(state, scope, wanted, &held.document)
        || (!state.health.is_well() && held.stands_in_for.is_some_and(|place| place == served(state, scope)))
}

/// The document as it is to be held from now on, made from `former` where that is possible.
async fn held(state: &web::Data<AppState>, scope: &Scope, former: Option<Arc<Document>>) -> Result<Held, ServiceError> {
    // One of a history that is gone is nothing to go on from, nor to stand in.
    let former = former.filter(|former| !state.rulesets.is_doubtful(&scope.tenant, former.revision()));
    let (shared, subject, before, served) = (state.clone(), scope.clone(), former.clone(), served(state, scope));
    let error = match blocking::run(move || build(&shared, &subject, before.as_deref())).await {
        Ok(document) => return Ok(Held { document: Arc::new(document), stands_in_for: None }),
        Err(error @ ServiceError::Unavailable(_)) => error,
        Err(error) => return Err(error),
    };
    let (shared, subject) = (state.clone(), scope.clone());
    let saved = blocking::compute(move || saved(&shared.rulesets, &subject)).await?;
    let is_latest = |saved: &Document| former.as_ref().is_none_or(|former| saved.revision() > former.revision());
    match saved.filter(is_latest).map(Arc::new).or(former) {
        Some(document) => Ok(Held { document, stands_in_for: Some(served) }),
        None => Err(error),
    }
}

/// What changed in the scope after the revision `since`, and the revision that this leads to.
///
/// # Errors
/// As [`document`]; and `since` is yet to come.
pub async fn changes(
    state: &web::Data<AppState>,
    scope: &Scope,
    since: Revision,
    min: Option<Revision>,
) -> Result<(Revision, Encoded), ServiceError> {
    let mut document = document(state, scope, min).await?;
    if since > document.revision() {
        // Another server may have told of it already.
        let (shared, tenant) = (state.clone(), scope.tenant.clone());
        blocking::run(move || catch_up::bring_up(&shared, &tenant, Revision::ZERO)).await?;
        document = self::document(state, scope, min).await?;
    }
    let revision = document.revision();
    if since > revision {
        return Err(ServiceError::Ahead { asked: since, reached: revision });
    }
    let is_doubtful = state.rulesets.is_doubtful(&scope.tenant, since);
    let kept = document.changes_kept(since);
    let make = async || {
        let document = Arc::clone(&document);
        blocking::compute(move || document.changes_since(since, is_doubtful).map_err(ServiceError::internal)).await
    };
    kept.get_or_try_init(make).await.map(|changes| (revision, changes.clone()))
}

/// From the former document and what changed since, where that is possible; else from the database.
fn build(state: &AppState, scope: &Scope, former: Option<&Document>) -> Result<Document, ServiceError> {
    let followed = former.map_or(Ok(None), |former| follow(state, scope, former))?;
    followed.map_or_else(|| read(state, scope), Ok)
}

/// The former document brought to what is served; none, if the log does not tell how.
fn follow(state: &AppState, scope: &Scope, former: &Document) -> Result<Option<Document>, ServiceError> {
    let Some(served) = state.rulesets.peek(&scope.tenant) else { return Ok(None) };
    let environment = std::iter::once(scope.environment.clone());
    let (from, to) = (former.position(), served.position());
    let Some(difference) = Difference::read(&state.store, &scope.tenant, environment, from, to)? else { return Ok(None) };
    let environments = [(scope.environment.clone(), former.flags())].into();
    let contents = Contents { position: from, segments: former.segments(), environments };
    let Some(contents) = contents.followed_by(&difference, &served) else { return Ok(None) };
    let recent = former.recent().followed_by(difference.marks(), to.revision);
    document_of(scope, &contents, recent).map(Some)
}

/// All of it from the database, at one revision.
fn read(state: &AppState, scope: &Scope) -> Result<Document, ServiceError> {
    let (served, begun) = (state.rulesets.peek(&scope.tenant), clock::uptime());
    let (contents, found) = ruleset::read(&state.store, &scope.tenant, |reading| {
        let found = Found::at_place_of(&scope.tenant, reading, served.as_ref(), begun);
        (Contents::read(reading, &found.rulesets, std::iter::once(&scope.environment)), found)
    })?;
    let revision = contents.position.revision;
    if revision > Revision::ZERO {
        state.rulesets.serve(&scope.tenant, found);
    }
    let since = Revision::new(revision.get().saturating_sub(REVISIONS_MAX.into()).max(0));
    let log = audit::touched(&state.store, &scope.tenant, since, REVISIONS_MAX)?;
    document_of(scope, &contents, Recent::read(&scope.environment, since, revision, log))
}

/// What was saved of the scope, unless it may be of a history that is gone.
fn saved(rulesets: &RulesetCache, scope: &Scope) -> Result<Option<Document>, ServiceError> {
    let served = rulesets.peek(&scope.tenant).map_or(Position::START, |rulesets| rulesets.position());
    let Some(saved) = rulesets.saved().and_then(|folder| folder.read(&scope.tenant)) else { return Ok(None) };
    let Ok(contents) = saved.contents() else { return Ok(None) };
    let position = contents.position;
    let is_served = position.change.is_some() && position == served;
    let is_doubtful = position.contradicts(served) || rulesets.is_doubtful(&scope.tenant, position.revision);
    // An environment that is served may be newer than the file.
    if (is_doubtful && !is_served) || !contents.environments.contains_key(&scope.environment) {
        return Ok(None);
    }
    document_of(scope, &contents, Recent::from(position.revision)).map(Some)
}

fn document_of(scope: &Scope, contents: &Contents<'_>, recent: Recent) -> Result<Document, ServiceError> {
    let Some(flags) = contents.environments.get(&scope.environment) else {
        return Err(ServiceError::NotFound(Missing::Environment(scope.environment.to_string())));
    };
    Document::new(scope.clone(), contents.position, flags, &contents.segments, recent).map_err(ServiceError::internal)
}

#[cfg(test)]
mod tests;

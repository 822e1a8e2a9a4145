//! Rulesets for those who evaluate by themselves.

use std::sync::Arc;

use actix_web::web;
use ff_store::{Position, Revision, Scope, audit, ruleset};

use super::{Missing, ServiceError, catch_up, evaluate};
use crate::cache::{Found, RulesetCache, TenantRulesets};
use crate::document::contents::Contents;
use crate::document::difference::Difference;
use crate::document::recent::{REVISIONS_MAX, Recent};
use crate::document::{Document, Encoded};
use crate::state::AppState;
use crate::{blocking, clock};

/// The document of the scope, at the revision that is served or a later one, and at `min` at least. While the database is away it is the
/// last one that was built, or what was saved.
///
/// # Errors
/// There is no such environment; nothing is in memory and the database is away; or `min` did not come.
pub async fn document(state: &web::Data<AppState>, scope: &Scope, min: Option<Revision>) -> Result<Arc<Document>, ServiceError> {
    let ruleset = evaluate::ruleset_from(state, scope, min).await?;
    let wanted = Revision::new(i64::try_from(ruleset.revision()).unwrap_or(i64::MAX));
    // Later than what is served it can only be where the database was restored.
    let served = || state.rulesets.peek(&scope.tenant).map_or(Position { revision: wanted, change: None }, |rulesets| rulesets.position());
    let will_do = |document: &Document| {
        let served = served();
        (wanted..=served.revision).contains(&document.revision()) && !document.position().contradicts(served)
    };
    let build = async |former: Option<Arc<Document>>| {
        // One of a history that is gone is nothing to go on from, nor to stand in.
        let former = former.filter(|former| !state.rulesets.is_doubtful(&scope.tenant, former.revision()));
        let (state, scope, before) = (state.clone(), scope.clone(), former.clone());
        let built = blocking::run(move || build(&state, &scope, before.as_deref())).await;
        match (built, former) {
            (Err(ServiceError::Unavailable(_)), Some(former)) => Ok(former),
            (built, _) => built,
        }
    };
    let document = state.documents.get(scope, will_do, build).await?;
    match min.filter(|min| document.revision() < *min) {
        Some(wanted) => Err(ServiceError::Behind { served: document.revision(), wanted }),
        None => Ok(document),
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
        blocking::run(move || document.changes_since(since, is_doubtful).map_err(ServiceError::internal)).await
    };
    kept.get_or_try_init(make).await.map(|changes| (revision, changes.clone()))
}

/// From the former document and what changed since, where that is possible; else from the database, or from what was saved.
fn build(state: &AppState, scope: &Scope, former: Option<&Document>) -> Result<Arc<Document>, ServiceError> {
    let followed = match former {
        Some(former) => follow(state, scope, former),
        None => Ok(None),
    };
    let built = match followed {
        Ok(Some(document)) => Ok(document),
        Ok(None) => read(state, scope),
        Err(error) => Err(error),
    };
    match built {
        Err(error @ ServiceError::Unavailable(_)) if former.is_none() => saved(&state.rulesets, scope)?.ok_or(error),
        built => built,
    }
    .map(Arc::new)
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

/// What was saved of the scope, if it is what is served.
fn saved(rulesets: &RulesetCache, scope: &Scope) -> Result<Option<Document>, ServiceError> {
    let served = rulesets.peek(&scope.tenant).map_or(Position::START, |rulesets: Arc<TenantRulesets>| rulesets.position());
    let Some(saved) = rulesets.saved().and_then(|folder| folder.read(&scope.tenant)) else { return Ok(None) };
    match saved.contents() {
        Ok(contents) if contents.position.revision >= served.revision && !contents.position.contradicts(served) => {
            document_of(scope, &contents, Recent::from(contents.position.revision)).map(Some)
        }
        Ok(_) | Err(_) => Ok(None),
    }
}

fn document_of(scope: &Scope, contents: &Contents<'_>, recent: Recent) -> Result<Document, ServiceError> {
    let Some(flags) = contents.environments.get(&scope.environment) else {
        return Err(ServiceError::NotFound(Missing::Environment(scope.environment.to_string())));
    };
    Document::new(scope.clone(), contents.position, flags, &contents.segments, recent).map_err(ServiceError::internal)
}

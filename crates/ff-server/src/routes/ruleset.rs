//! Rulesets for those who evaluate by themselves.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, ContentType, ETAG, VARY};
use actix_web::{HttpResponse, web};
use ff_store::Revision;

use super::answer::CHOOSERS;
use crate::document::Encoded;
use crate::extract::{AcceptsGzip, Allowed, FromParams, MinRevision, Params, Query, RulesetRead, SeenTags, X_REVISION, revision};
use crate::problem::{Problem, ProblemType};
use crate::service::ruleset as service;
use crate::state::AppState;

/// Everything that it takes to evaluate as the server does in one environment, in the form that `ff-core` reads.
#[utoipa::path(get, path = "/v1/ruleset", operation_id = "ruleset_show", tag = "delivery",
    responses((status = 200, description = "The flags and segments at one revision. `X-Revision` names it too. Compressed, if `Accept-Encoding` prefers gzip.", body = ref("#/components/schemas/Ruleset"), content_type = "application/json"),
        (status = 304, description = "The client has this state already.")))]
pub async fn show(
    state: web::Data<AppState>,
    context: Allowed<RulesetRead>,
    _: Query<()>,
    min: MinRevision,
    seen: SeenTags,
    gzip: AcceptsGzip,
) -> Result<HttpResponse, Problem> {
    let document = service::document(&state, &context.scope, min.0).await?;
    Ok(answer(document.revision(), document.whole(), gzip, &seen))
}

/// What changed in a ruleset since a revision, each entity once and as it is now, in the form that `ff-core` applies.
///
/// With `reset`, changes are not listed, and the whole ruleset is to be fetched: they are too long ago or too many, or the environment
/// is newer.
#[utoipa::path(get, path = "/v1/ruleset/changes", operation_id = "ruleset_changes", tag = "delivery",
    params(("since" = i64, Query, description = "The revision that the client has. One that is yet to come is refused.", minimum = 0)),
    responses((status = 200, description = "The changes. `X-Revision` names the revision that they lead to. Compressed, if `Accept-Encoding` prefers gzip.", body = ref("#/components/schemas/RulesetChanges"), content_type = "application/json"),
        (status = 304, description = "The client has these changes already.")))]
pub async fn changes(
    state: web::Data<AppState>,
    context: Allowed<RulesetRead>,
    Query(Since(since)): Query<Since>,
    min: MinRevision,
    seen: SeenTags,
    gzip: AcceptsGzip,
) -> Result<HttpResponse, Problem> {
    let (revision, changes) = service::changes(&state, &context.scope, since, min.0).await?;
    Ok(answer(revision, &changes, gzip, &seen))
}

/// The revision that a client has.
#[derive(Debug)]
pub struct Since(Revision);

impl FromParams for Since {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let since = params.value_by("since", revision)?;
        since.map(Self).ok_or_else(|| Problem::new(ProblemType::InvalidQuery, "the parameter `since` is missing"))
    }
}

/// The form that the client prefers; 304, if it has that already.
fn answer(revision: Revision, body: &Encoded, AcceptsGzip(is_gzip): AcceptsGzip, seen: &SeenTags) -> HttpResponse {
    let chosen = if is_gzip { &body.gzip } else { &body.identity };
    let is_seen = seen.contain(&chosen.tag);
    let mut answer = if is_seen { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((ETAG, chosen.tag.as_str()))
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .insert_header((VARY, format!("Accept-Encoding, {CHOOSERS}")))
        .insert_header((X_REVISION, revision.to_string()));
    if is_seen {
        return answer.finish();
    }
    if is_gzip {
        answer.insert_header((CONTENT_ENCODING, "gzip"));
    }
    answer.content_type(ContentType::json()).body(chosen.bytes.clone())
}

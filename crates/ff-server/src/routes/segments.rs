//! Segments.

use actix_web::{HttpResponse, web};
use ff_core::SegmentKey;
use ff_store::{PageLimit, PageRequest, SegmentFilter, segment};

use super::answer;
use crate::blocking;
use crate::extract::{
    Allowed, Conditional, FromParams, IfNoneMatch, JsonBody, Params, PatchBody, PathKey, Query, SegmentsRead, SegmentsWrite,
};
use crate::problem::Problem;
use crate::service::segments::{self, Target};
use crate::service::{Context, Linted, Precondition};
use crate::state::AppState;

/// Which segments a list shows.
#[derive(Debug, Clone)]
pub struct ListQuery {
    filter: SegmentFilter,
    page: PageRequest,
}

impl FromParams for ListQuery {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self { filter: SegmentFilter { q: params.text("q")? }, page: answer::page_request(params, PageLimit::LIST_MAX)? })
    }
}

async fn put(
    state: web::Data<AppState>,
    context: Context,
    target: Target,
    body: serde_json::Value,
    precondition: Precondition,
) -> Result<HttpResponse, Problem> {
    let Linted { written, warnings, revision } =
        blocking::run(move || segments::put(&state, &context, &target, &body, &precondition)).await?;
    let record = &written.record;
    Ok(answer::at(
        revision,
        answer::linted(record, &warnings, written.outcome, record.version, format_args!("/v1/segments/{}", record.segment.key())),
    ))
}

/// Lists segments, ordered by key.
#[utoipa::path(get, path = "/v1/segments", operation_id = "segments_list", tag = "segments",
    params(
        ("q" = Option<String>, Query, description = "Only segments whose key, name or description contains this text, whatever the case. No character is a wildcard."),
        ("limit" = Option<u32>, Query, description = "Items a page, 1 to 100; 50 if left out."),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page.", body = ref("#/components/schemas/SegmentPage"), content_type = "application/json")))]
pub async fn list(
    state: web::Data<AppState>,
    allowed: Allowed<SegmentsRead>,
    Query(query): Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let tenant = allowed.into_context().scope.tenant;
    let page = blocking::run(move || segment::list(&state.store, &tenant, &query.filter, &query.page)).await?;
    Ok(answer::page(&page))
}

/// Creates a segment, or changes the one that has this key.
#[utoipa::path(post, path = "/v1/segments", operation_id = "segments_create", tag = "segments",
    request_body(content = ref("#/components/schemas/SegmentDraft"), content_type = "application/json"),
    responses(
        (status = 201, description = "Created.", body = ref("#/components/schemas/SegmentWritten"), content_type = "application/json"),
        (status = 200, description = "Updated, or already as asked for.", body = ref("#/components/schemas/SegmentWritten"), content_type = "application/json"),
        (status = 409, description = "A flag that uses the segment could not be evaluated any more."),
        (status = 412, description = "`If-Match` or `If-None-Match` does not hold."),
    ))]
pub async fn create(
    state: web::Data<AppState>,
    allowed: Allowed<SegmentsWrite>,
    Conditional(precondition): Conditional,
    JsonBody(body): JsonBody,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    put(state, allowed.into_context(), Target::Named, body, precondition).await
}

/// Shows a segment.
#[utoipa::path(get, path = "/v1/segments/{key}", operation_id = "segments_show", tag = "segments",
    responses(
        (status = 200, description = "The segment.", body = ref("#/components/schemas/Segment"), content_type = "application/json"),
        (status = 304, description = "The version in `If-None-Match` is the present one."),
        (status = 404, description = "No such segment."),
    ))]
pub async fn show(
    state: web::Data<AppState>,
    allowed: Allowed<SegmentsRead>,
    PathKey(key): PathKey<SegmentKey>,
    seen: IfNoneMatch,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    let tenant = allowed.into_context().scope.tenant;
    let record = blocking::run(move || segment::find(&state.store, &tenant, &key)).await?;
    Ok(answer::shown(&record, record.version, &seen))
}

/// Changes a segment. Fields left out keep their value.
#[utoipa::path(put, path = "/v1/segments/{key}", operation_id = "segments_update", tag = "segments",
    request_body(content = ref("#/components/schemas/SegmentChange"), content_type = "application/json"),
    responses(
        (status = 200, description = "Updated, or already as asked for.", body = ref("#/components/schemas/SegmentWritten"), content_type = "application/json"),
        (status = 404, description = "No such segment."),
        (status = 409, description = "A flag that uses the segment could not be evaluated any more."),
        (status = 412, description = "`If-Match` or `If-None-Match` does not hold."),
    ))]
pub async fn update(
    state: web::Data<AppState>,
    allowed: Allowed<SegmentsWrite>,
    PathKey(key): PathKey<SegmentKey>,
    Conditional(precondition): Conditional,
    JsonBody(body): JsonBody,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    put(state, allowed.into_context(), Target::Existing(key), body, precondition).await
}

/// Changes a segment. Fields left out keep their value; `null` gives a field its default back.
#[utoipa::path(patch, path = "/v1/segments/{key}", operation_id = "segments_patch", tag = "segments",
    request_body(content((ref("#/components/schemas/SegmentChange") = "application/json"), (ref("#/components/schemas/SegmentChange") = "application/merge-patch+json"))),
    responses(
        (status = 200, description = "Updated, or already as asked for.", body = ref("#/components/schemas/SegmentWritten"), content_type = "application/json"),
        (status = 404, description = "No such segment."),
        (status = 409, description = "A flag that uses the segment could not be evaluated any more."),
        (status = 412, description = "`If-Match` or `If-None-Match` does not hold."),
    ))]
pub async fn patch(
    state: web::Data<AppState>,
    allowed: Allowed<SegmentsWrite>,
    PathKey(key): PathKey<SegmentKey>,
    Conditional(precondition): Conditional,
    PatchBody(body): PatchBody,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    put(state, allowed.into_context(), Target::Existing(key), body, precondition).await
}

/// Deletes a segment that nobody uses.
#[utoipa::path(delete, path = "/v1/segments/{key}", operation_id = "segments_delete", tag = "segments",
    responses(
        (status = 204, description = "Deleted."),
        (status = 404, description = "No such segment."),
        (status = 409, description = "Flags or other segments name it; `used_by` lists them."),
        (status = 412, description = "`If-Match` or `If-None-Match` does not hold."),
    ))]
pub async fn delete(
    state: web::Data<AppState>,
    allowed: Allowed<SegmentsWrite>,
    PathKey(key): PathKey<SegmentKey>,
    Conditional(precondition): Conditional,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    let context = allowed.into_context();
    let deleted = blocking::run(move || segments::delete(&state, &context, &key, &precondition)).await?;
    Ok(answer::at(deleted.revision, answer::deleted()))
}

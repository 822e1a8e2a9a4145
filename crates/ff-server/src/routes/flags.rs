//! Flags.

mod rollback_body;

use actix_web::{HttpResponse, web};
use ff_core::{EnvironmentKey, FlagKey, State, TenantId};
use ff_store::{AuditEntry, AuditFilter, Entity, FlagFilter, Page, PageLimit, PageRequest, audit, flag};

use super::answer;
use crate::blocking;
use crate::extract::{Allowed, Conditional, FlagsRead, FlagsWrite, FromParams, IfNoneMatch, JsonBody, Params, PatchBody, PathKey, Query};
use crate::problem::Problem;
use crate::service::flags::{self, Target};
use crate::service::{Context, Linted, Missing, Precondition, ServiceError};
use crate::state::AppState;

/// Which flags a list shows.
#[derive(Debug, Clone)]
pub struct ListQuery {
    filter: FlagFilter,
    page: PageRequest,
}

impl FromParams for ListQuery {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let state = |text: &str| match text {
            "on" => Ok(State::On),
            "off" => Ok(State::Off),
            _ => Err("expected `on` or `off`"),
        };
        let filter = FlagFilter { state: params.value_by("state", state)?, q: params.text("q")?, tag: params.text("tag")? };
        Ok(Self { filter, page: answer::page_request(params, PageLimit::LIST_MAX)? })
    }
}

/// Which part of a flag's history is shown.
#[derive(Debug, Clone)]
pub struct HistoryQuery {
    environment: Option<EnvironmentKey>,
    page: PageRequest,
}

impl FromParams for HistoryQuery {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self { environment: params.value("environment")?, page: answer::page_request(params, PageLimit::AUDIT_MAX)? })
    }
}

fn path(key: &FlagKey) -> String {
    format!("/v1/flags/{key}")
}

/// The changes of a flag. A page without any is the end of a list, unless no flag ever had the key.
fn past(state: &AppState, tenant: &TenantId, key: &FlagKey, query: &HistoryQuery) -> Result<Page<AuditEntry>, ServiceError> {
    let of_flag = AuditFilter { entity: Some(Entity::Flag), entity_key: Some(key.to_string()), ..AuditFilter::default() };
    let here = AuditFilter { environment: query.environment.clone(), ..of_flag.clone() };
    let page = audit::page(&state.store, tenant, &here, &query.page)?;
    if page.items.is_empty() && audit::page(&state.store, tenant, &of_flag, &PageRequest::default())?.items.is_empty() {
        return Err(ServiceError::NotFound(Missing::Flag(key.to_string())));
    }
    Ok(page)
}

async fn put(
    state: web::Data<AppState>,
    context: Context,
    target: Target,
    body: serde_json::Value,
    precondition: Precondition,
) -> Result<HttpResponse, Problem> {
    let Linted { written, warnings, revision } = blocking::run(move || flags::put(&state, &context, &target, &body, &precondition)).await?;
    let record = &written.record;
    Ok(answer::at(revision, answer::linted(record, &warnings, written.outcome, record.version, path(record.flag.key()))))
}

/// Lists flags, ordered by key, as they are in the environment.
#[utoipa::path(get, path = "/v1/flags", operation_id = "flags_list", tag = "flags",
    params(
        ("state" = Option<String>, Query, description = "Only flags that are `on` or `off`."),
        ("q" = Option<String>, Query, description = "Only flags whose key, name or description contains this text, whatever the case. No character is a wildcard."),
        ("tag" = Option<String>, Query, description = "Only flags with this tag."),
        ("limit" = Option<u32>, Query, description = "Items a page, 1 to 100; 50 if left out."),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page.", body = ref("#/components/schemas/FlagPage"), content_type = "application/json")))]
pub async fn list(
    state: web::Data<AppState>,
    allowed: Allowed<FlagsRead>,
    Query(query): Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let scope = allowed.into_context().scope;
    let page = blocking::run(move || flag::list(&state.store, &scope, &query.filter, &query.page)).await?;
    Ok(answer::page(&page))
}

/// Creates a flag, or changes the one that has this key.
///
/// A new flag is defined in every environment of the tenant: state and rules apply to the environment of the request,
/// elsewhere it starts `off` with the same variants and no rules. For a flag that exists, fields left out keep their value.
#[utoipa::path(post, path = "/v1/flags", operation_id = "flags_create", tag = "flags",
    request_body(content = ref("#/components/schemas/FlagDraft"), content_type = "application/json"),
    responses(
        (status = 201, description = "Created.", body = ref("#/components/schemas/FlagWritten"), content_type = "application/json"),
        (status = 200, description = "Updated, or already as asked for.", body = ref("#/components/schemas/FlagWritten"), content_type = "application/json"),
        (status = 409, description = "Another environment uses a variant that this change removes, or another flag needs one."),
        (status = 412, description = "`If-Match` or `If-None-Match` does not hold."),
    ))]
pub async fn create(
    state: web::Data<AppState>,
    allowed: Allowed<FlagsWrite>,
    Conditional(precondition): Conditional,
    JsonBody(body): JsonBody,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    put(state, allowed.into_context(), Target::Named, body, precondition).await
}

/// Shows a flag as it is in the environment.
#[utoipa::path(get, path = "/v1/flags/{key}", operation_id = "flags_show", tag = "flags",
    responses(
        (status = 200, description = "The flag.", body = ref("#/components/schemas/Flag"), content_type = "application/json"),
        (status = 304, description = "The version in `If-None-Match` is the present one."),
        (status = 404, description = "No such flag or environment."),
    ))]
pub async fn show(
    state: web::Data<AppState>,
    allowed: Allowed<FlagsRead>,
    PathKey(key): PathKey<FlagKey>,
    seen: IfNoneMatch,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    let scope = allowed.into_context().scope;
    let record = blocking::run(move || flag::find(&state.store, &scope, &key)).await?;
    Ok(answer::shown(&record, record.version, &seen))
}

/// Changes a flag. Fields left out keep their value.
#[utoipa::path(put, path = "/v1/flags/{key}", operation_id = "flags_update", tag = "flags",
    request_body(content = ref("#/components/schemas/FlagChange"), content_type = "application/json"),
    responses(
        (status = 200, description = "Updated, or already as asked for.", body = ref("#/components/schemas/FlagWritten"), content_type = "application/json"),
        (status = 404, description = "No such flag or environment."),
        (status = 409, description = "Another environment uses a variant that this change removes, or another flag needs one."),
        (status = 412, description = "`If-Match` or `If-None-Match` does not hold."),
    ))]
pub async fn update(
    state: web::Data<AppState>,
    allowed: Allowed<FlagsWrite>,
    PathKey(key): PathKey<FlagKey>,
    Conditional(precondition): Conditional,
    JsonBody(body): JsonBody,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    put(state, allowed.into_context(), Target::Existing(key), body, precondition).await
}

/// Changes a flag. Fields left out keep their value; `null` gives a field its default back.
#[utoipa::path(patch, path = "/v1/flags/{key}", operation_id = "flags_patch", tag = "flags",
    request_body(content((ref("#/components/schemas/FlagChange") = "application/json"), (ref("#/components/schemas/FlagChange") = "application/merge-patch+json"))),
    responses(
        (status = 200, description = "Updated, or already as asked for.", body = ref("#/components/schemas/FlagWritten"), content_type = "application/json"),
        (status = 404, description = "No such flag or environment."),
        (status = 409, description = "Another environment uses a variant that this change removes, or another flag needs one."),
        (status = 412, description = "`If-Match` or `If-None-Match` does not hold."),
    ))]
pub async fn patch(
    state: web::Data<AppState>,
    allowed: Allowed<FlagsWrite>,
    PathKey(key): PathKey<FlagKey>,
    Conditional(precondition): Conditional,
    PatchBody(body): PatchBody,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    put(state, allowed.into_context(), Target::Existing(key), body, precondition).await
}

/// Deletes a flag in all environments. Its history stays; the key may be used again, for a new flag.
#[utoipa::path(delete, path = "/v1/flags/{key}", operation_id = "flags_delete", tag = "flags",
    responses(
        (status = 204, description = "Deleted."),
        (status = 404, description = "No such flag or environment."),
        (status = 409, description = "Other flags have this one as a prerequisite."),
        (status = 412, description = "`If-Match` or `If-None-Match` does not hold."),
    ))]
pub async fn delete(
    state: web::Data<AppState>,
    allowed: Allowed<FlagsWrite>,
    PathKey(key): PathKey<FlagKey>,
    Conditional(precondition): Conditional,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    let context = allowed.into_context();
    let deleted = blocking::run(move || flags::delete(&state, &context, &key, &precondition)).await?;
    Ok(answer::at(deleted.revision, answer::deleted()))
}

/// Lists the changes of a flag, newest first, in all environments or one. Deleted flags have a history too.
#[utoipa::path(get, path = "/v1/flags/{key}/history", operation_id = "flags_history", tag = "flags",
    params(
        ("environment" = Option<String>, Query, description = "Only changes made in this environment."),
        ("limit" = Option<u32>, Query, description = "Items a page, 1 to 200; 50 if left out."),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before."),
    ),
    responses(
        (status = 200, description = "A page.", body = ref("#/components/schemas/AuditPage"), content_type = "application/json"),
        (status = 404, description = "There never was such a flag."),
    ))]
pub async fn history(
    state: web::Data<AppState>,
    allowed: Allowed<FlagsRead>,
    PathKey(key): PathKey<FlagKey>,
    Query(query): Query<HistoryQuery>,
) -> Result<HttpResponse, Problem> {
    let tenant = allowed.into_context().scope.tenant;
    let page = blocking::run(move || past(&state, &tenant, &key, &query)).await?;
    Ok(answer::page(&page))
}

/// Gives a flag back what it was in the environment at an earlier revision or version, as a new change.
#[utoipa::path(post, path = "/v1/flags/{key}/rollback", operation_id = "flags_rollback", tag = "flags",
    request_body(content = ref("#/components/schemas/Rollback"), content_type = "application/json"),
    responses(
        (status = 200, description = "The flag as it is now.", body = ref("#/components/schemas/FlagWritten"), content_type = "application/json"),
        (status = 404, description = "No such flag or environment, or it was not there then."),
        (status = 409, description = "Another environment uses a variant that this change removes, or another flag needs one."),
        (status = 412, description = "`If-Match` or `If-None-Match` does not hold."),
    ))]
pub async fn rollback(
    state: web::Data<AppState>,
    allowed: Allowed<FlagsWrite>,
    PathKey(key): PathKey<FlagKey>,
    Conditional(precondition): Conditional,
    JsonBody(body): JsonBody,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    let at = rollback_body::read(&body).map_err(Problem::invalid_body)?;
    let context = allowed.into_context();
    let Linted { written, warnings, revision } = blocking::run(move || flags::rollback(&state, &context, &key, at, &precondition)).await?;
    let record = &written.record;
    Ok(answer::at(revision, answer::linted(record, &warnings, written.outcome, record.version, path(record.flag.key()))))
}

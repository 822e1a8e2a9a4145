//! Environments.

mod draft;

use actix_web::{HttpResponse, web};
use ff_core::EnvironmentKey;
use ff_store::{PageLimit, PageRequest, StoreError, environment};

use super::answer;
use crate::blocking;
use crate::extract::{Allowed, EnvironmentsRead, EnvironmentsWrite, FromParams, JsonBody, Params, PathKey, Query};
use crate::problem::Problem;
use crate::service::{Made, environments};
use crate::state::AppState;

/// Which page of the environments is shown.
#[derive(Debug, Clone)]
pub struct ListQuery(PageRequest);

impl FromParams for ListQuery {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        answer::page_request(params, PageLimit::LIST_MAX).map(Self)
    }
}

/// Lists the tenant's environments, ordered by key. `production` is always among them.
#[utoipa::path(get, path = "/v1/environments", operation_id = "environments_list", tag = "environments",
    params(
        ("limit" = Option<u32>, Query, description = "Items a page, 1 to 100; 50 if left out."),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page.", body = ref("#/components/schemas/EnvironmentPage"), content_type = "application/json")))]
pub async fn list(
    state: web::Data<AppState>,
    allowed: Allowed<EnvironmentsRead>,
    Query(query): Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let tenant = allowed.into_context().scope.tenant;
    let page = blocking::run(move || environment::list(&state.store, &tenant, &query.0)).await?;
    Ok(answer::page(&page))
}

/// Creates an environment in which every flag is off, or gives the one that has this key another name.
#[utoipa::path(post, path = "/v1/environments", operation_id = "environments_create", tag = "environments",
    request_body(content = ref("#/components/schemas/EnvironmentDraft"), content_type = "application/json"),
    responses(
        (status = 201, description = "Created.", body = ref("#/components/schemas/Environment"), content_type = "application/json"),
        (status = 200, description = "Updated, or already as asked for.", body = ref("#/components/schemas/Environment"), content_type = "application/json"),
    ))]
pub async fn create(
    state: web::Data<AppState>,
    allowed: Allowed<EnvironmentsWrite>,
    JsonBody(body): JsonBody,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    let mut draft = draft::read(&body).map_err(Problem::invalid_body)?;
    let context = allowed.into_context();
    let is_given = |name: &str| body.get(name).is_some();
    let (keeps_name, keeps_description) = (!is_given("name"), !is_given("description"));
    let Made { answer: written, revision } = blocking::run(move || {
        // Fields that are left out keep their value, if the environment has one.
        match environment::find(&state.store, &context.scope.tenant, &draft.key) {
            Ok(known) => {
                draft.name = if keeps_name { known.name } else { draft.name };
                draft.description = if keeps_description { known.description } else { draft.description };
            }
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        environments::put(&state, &context, draft)
    })
    .await?;
    let path = format_args!("/v1/environments/{}", written.record.key);
    Ok(answer::at(revision, answer::written(&written.record, written.outcome, None, path)))
}

/// Shows an environment.
#[utoipa::path(get, path = "/v1/environments/{key}", operation_id = "environments_show", tag = "environments",
    responses(
        (status = 200, description = "The environment.", body = ref("#/components/schemas/Environment"), content_type = "application/json"),
        (status = 404, description = "No such environment."),
    ))]
pub async fn show(
    state: web::Data<AppState>,
    allowed: Allowed<EnvironmentsRead>,
    PathKey(key): PathKey<EnvironmentKey>,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    let tenant = allowed.into_context().scope.tenant;
    let record = blocking::run(move || environment::find(&state.store, &tenant, &key)).await?;
    Ok(HttpResponse::Ok().json(record))
}

/// Deletes an environment in which no flag is on. `production` stays.
#[utoipa::path(delete, path = "/v1/environments/{key}", operation_id = "environments_delete", tag = "environments",
    responses(
        (status = 204, description = "Deleted."),
        (status = 404, description = "No such environment."),
        (status = 409, description = "It is `production`, or flags are on in it; `used_by` lists them."),
    ))]
pub async fn delete(
    state: web::Data<AppState>,
    allowed: Allowed<EnvironmentsWrite>,
    PathKey(key): PathKey<EnvironmentKey>,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    let context = allowed.into_context();
    let deleted = blocking::run(move || environments::delete(&state, &context, &key)).await?;
    Ok(answer::at(deleted.revision, answer::deleted()))
}

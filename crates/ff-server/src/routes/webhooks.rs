//! Webhooks.

use actix_web::{HttpResponse, web};
use ff_store::{Outcome, PageLimit, PageRequest, WebhookShown, webhook};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use super::answer;
use crate::blocking;
use crate::extract::{
    Allowed, Conditional, FromParams, JsonBody, OptionalJsonBody, Params, PathDelivery, PathWebhook, Query, WebhooksWrite,
};
use crate::problem::Problem;
use crate::service::Made;
use crate::service::webhooks::{self, Redelivery, Requested, WithSecret};
use crate::state::AppState;
use crate::webhook::{draft, message};

/// Which page of a list is shown.
#[derive(Debug, Clone)]
pub struct ListQuery(PageRequest);

impl FromParams for ListQuery {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        answer::page_request(params, PageLimit::LIST_MAX).map(Self)
    }
}

#[derive(Serialize)]
struct SecretShown<'a> {
    #[serde(flatten)]
    webhook: &'a WebhookShown,
    secret: String,
}

/// The one kind of answer that shows a secret.
fn with_secret(WithSecret { webhook, secret, revision }: &WithSecret, outcome: Outcome) -> HttpResponse {
    let record = &webhook.record;
    let shown = SecretShown { webhook, secret: message::shown(secret) };
    let answer = answer::written(&shown, outcome, Some(record.version), format_args!("/v1/webhooks/{}", record.id));
    answer::at(*revision, answer::unstored(answer))
}

#[derive(Serialize)]
struct AttemptShown<'a> {
    id: &'a str,
    delivered: bool,
    status: Option<u16>,
    error: Option<&'a str>,
    duration_ms: u32,
}

fn attempt(Requested { id, attempt }: &Requested) -> HttpResponse {
    HttpResponse::Ok().json(AttemptShown {
        id,
        delivered: attempt.is_success(),
        status: attempt.status,
        error: attempt.error.as_deref(),
        duration_ms: attempt.duration_ms(),
    })
}

/// A target may take its time, on a thread that others need.
fn permit(state: &AppState) -> Result<OwnedSemaphorePermit, Problem> {
    let permit = state.webhooks.request();
    permit.ok_or_else(|| Problem::too_many_requests("too many deliveries that were asked for are being made at the moment", 1))
}

/// Lists webhooks, in the order of their creation.
#[utoipa::path(get, path = "/v1/webhooks", operation_id = "webhooks_list", tag = "webhooks",
    params(
        ("limit" = Option<u32>, Query, description = "Items a page, 1 to 100; 50 if left out."),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before."),
    ),
    responses((status = 200, description = "A page.", body = ref("#/components/schemas/WebhookPage"), content_type = "application/json")))]
pub async fn list(
    state: web::Data<AppState>,
    allowed: Allowed<WebhooksWrite>,
    Query(query): Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let tenant = allowed.into_context().scope.tenant;
    let page = blocking::run(move || webhook::list(&state.store, &tenant, &query.0)).await?;
    Ok(answer::page(&page))
}

/// Creates a webhook. The answer shows its secret, and no other does.
#[utoipa::path(post, path = "/v1/webhooks", operation_id = "webhooks_create", tag = "webhooks",
    request_body(content = ref("#/components/schemas/WebhookDraft"), content_type = "application/json"),
    responses(
        (status = 201, description = "Created.", body = ref("#/components/schemas/WebhookWithSecret"), content_type = "application/json"),
        (status = 409, description = "The tenant has as many webhooks as it may have."),
    ))]
pub async fn create(
    state: web::Data<AppState>,
    allowed: Allowed<WebhooksWrite>,
    JsonBody(body): JsonBody,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    let draft = draft::draft(&body, &state.webhooks.config.networks).map_err(Problem::invalid_body)?;
    let context = allowed.into_context();
    let created = blocking::run(move || webhooks::create(&state, &context, draft)).await?;
    Ok(with_secret(&created, Outcome::Created))
}

/// Shows a webhook, and how far it has come.
#[utoipa::path(get, path = "/v1/webhooks/{id}", operation_id = "webhooks_show", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id.")),
    responses(
        (status = 200, description = "The webhook.", body = ref("#/components/schemas/Webhook"), content_type = "application/json"),
        (status = 404, description = "No such webhook."),
    ))]
pub async fn show(
    state: web::Data<AppState>,
    allowed: Allowed<WebhooksWrite>,
    PathWebhook(id): PathWebhook,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    let tenant = allowed.into_context().scope.tenant;
    let webhook = blocking::run(move || webhook::find(&state.store, &tenant, id)).await?;
    // It shows more than its version tells of, so whoever has seen the version has not seen all.
    Ok(answer::unstored(answer::written(&webhook, Outcome::Unchanged, Some(webhook.record.version), "")))
}

/// Changes a webhook. Fields left out keep their value; what failed so far is tried again at once, or parked if it is not wanted any more.
#[utoipa::path(put, path = "/v1/webhooks/{id}", operation_id = "webhooks_update", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id.")),
    request_body(content = ref("#/components/schemas/WebhookChange"), content_type = "application/json"),
    responses(
        (status = 200, description = "Updated, or already as asked for.", body = ref("#/components/schemas/Webhook"), content_type = "application/json"),
        (status = 404, description = "No such webhook."),
        (status = 412, description = "`If-Match` or `If-None-Match` does not hold."),
    ))]
pub async fn update(
    state: web::Data<AppState>,
    allowed: Allowed<WebhooksWrite>,
    PathWebhook(id): PathWebhook,
    Conditional(precondition): Conditional,
    JsonBody(body): JsonBody,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    let changed = draft::change(&body, &state.webhooks.config.networks).map_err(Problem::invalid_body)?;
    let context = allowed.into_context();
    let Made { answer, revision } = blocking::run(move || webhooks::update(&state, &context, id, changed, &precondition)).await?;
    let version = answer.record.record.version;
    Ok(answer::at(revision, answer::written(&answer.record, answer.outcome, Some(version), "")))
}

/// Deletes a webhook with its secrets and deliveries.
#[utoipa::path(delete, path = "/v1/webhooks/{id}", operation_id = "webhooks_delete", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id.")),
    responses(
        (status = 204, description = "Deleted."),
        (status = 404, description = "No such webhook."),
        (status = 412, description = "`If-Match` or `If-None-Match` does not hold."),
    ))]
pub async fn delete(
    state: web::Data<AppState>,
    allowed: Allowed<WebhooksWrite>,
    PathWebhook(id): PathWebhook,
    Conditional(precondition): Conditional,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    let context = allowed.into_context();
    let deleted = blocking::run(move || webhooks::delete(&state, &context, id, &precondition)).await?;
    Ok(answer::at(deleted.revision, answer::deleted()))
}

/// Sends a message of type `webhook.test` now, once, and says how that went.
#[utoipa::path(post, path = "/v1/webhooks/{id}/test", operation_id = "webhooks_test", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id.")),
    request_body(content = ref("#/components/schemas/NoFields"), content_type = "application/json"),
    responses(
        (status = 200, description = "How it went, well or not.", body = ref("#/components/schemas/WebhookAttempt"), content_type = "application/json"),
        (status = 404, description = "No such webhook."),
        (status = 429, description = "Too many tests and redeliveries at the moment."),
    ))]
pub async fn test(
    state: web::Data<AppState>,
    allowed: Allowed<WebhooksWrite>,
    PathWebhook(id): PathWebhook,
    OptionalJsonBody(body): OptionalJsonBody,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    draft::nothing(body.as_ref()).map_err(Problem::invalid_body)?;
    let (context, permit) = (allowed.into_context(), permit(&state)?);
    let made = move || {
        let _permit = permit;
        webhooks::test(&state, &context, id)
    };
    Ok(attempt(&blocking::run(made).await?))
}

/// Gives a webhook another secret, which the answer shows. The one before goes on signing beside it for a day, or as long as is said.
#[utoipa::path(post, path = "/v1/webhooks/{id}/rotate", operation_id = "webhooks_rotate", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id.")),
    request_body(content = ref("#/components/schemas/Rotation"), content_type = "application/json"),
    responses(
        (status = 200, description = "The webhook with its new secret.", body = ref("#/components/schemas/WebhookWithSecret"), content_type = "application/json"),
        (status = 404, description = "No such webhook."),
        (status = 412, description = "`If-Match` or `If-None-Match` does not hold."),
    ))]
pub async fn rotate(
    state: web::Data<AppState>,
    allowed: Allowed<WebhooksWrite>,
    PathWebhook(id): PathWebhook,
    Conditional(precondition): Conditional,
    OptionalJsonBody(body): OptionalJsonBody,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    let old_secret_s = draft::rotation(body.as_ref()).map_err(Problem::invalid_body)?;
    let context = allowed.into_context();
    let rotated = blocking::run(move || webhooks::rotate(&state, &context, id, old_secret_s, &precondition)).await?;
    Ok(with_secret(&rotated, Outcome::Updated))
}

/// Lists what became of a webhook's deliveries, newest first: of the last 1,000, for 30 days.
#[utoipa::path(get, path = "/v1/webhooks/{id}/deliveries", operation_id = "webhooks_deliveries", tag = "webhooks",
    params(
        ("id" = String, Path, description = "The webhook's id."),
        ("limit" = Option<u32>, Query, description = "Items a page, 1 to 100; 50 if left out."),
        ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before."),
    ),
    responses(
        (status = 200, description = "A page.", body = ref("#/components/schemas/DeliveryPage"), content_type = "application/json"),
        (status = 404, description = "No such webhook."),
    ))]
pub async fn deliveries(
    state: web::Data<AppState>,
    allowed: Allowed<WebhooksWrite>,
    PathWebhook(id): PathWebhook,
    Query(query): Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let tenant = allowed.into_context().scope.tenant;
    let page = blocking::run(move || webhook::deliveries(&state.store, &tenant, id, &query.0)).await?;
    Ok(answer::page(&page))
}

/// Makes a delivery again, under the same `webhook-id`: now, and once. One that is still being tried is tried next, at once.
#[utoipa::path(post, path = "/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver", operation_id = "webhooks_redeliver", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook's id."), ("delivery_id" = String, Path, description = "The delivery's id.")),
    request_body(content = ref("#/components/schemas/NoFields"), content_type = "application/json"),
    responses(
        (status = 200, description = "How it went, well or not.", body = ref("#/components/schemas/WebhookAttempt"), content_type = "application/json"),
        (status = 202, description = "It is still being tried, and its next attempt was brought forward.", body = ref("#/components/schemas/Delivery"), content_type = "application/json"),
        (status = 404, description = "No such webhook or delivery."),
        (status = 429, description = "Too many tests and redeliveries at the moment."),
    ))]
pub async fn redeliver(
    state: web::Data<AppState>,
    allowed: Allowed<WebhooksWrite>,
    PathDelivery(id): PathDelivery,
    OptionalJsonBody(body): OptionalJsonBody,
    Query(()): Query<()>,
) -> Result<HttpResponse, Problem> {
    draft::nothing(body.as_ref()).map_err(Problem::invalid_body)?;
    let (context, permit) = (allowed.into_context(), permit(&state)?);
    let made = move || {
        let _permit = permit;
        webhooks::redeliver(&state, &context, id)
    };
    Ok(match blocking::run(made).await? {
        Redelivery::Made(requested) => attempt(&requested),
        Redelivery::BroughtForward(delivery) => HttpResponse::Accepted().json(delivery),
    })
}

//! Is it alive, is it ready, how is it doing: for orchestrators and Prometheus, open to everyone who can connect.

use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{HttpResponse, web};

use crate::state::AppState;

fn text(body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::plaintext()).insert_header((CACHE_CONTROL, "no-store")).body(body.into())
}

/// Whether the process answers at all.
#[utoipa::path(get, path = "/healthz", operation_id = "ops_healthz", tag = "ops",
    responses((status = 200, description = "The process answers.", body = String, example = "ok")))]
pub async fn healthz() -> HttpResponse {
    text("ok")
}

/// Whether the server can do all that it should.
///
/// `degraded` says that the database was away when last looked: evaluation goes on from memory, writes get 503. It is not
/// an error status on purpose: a server that still evaluates should keep its traffic.
#[utoipa::path(get, path = "/readyz", operation_id = "ops_readyz", tag = "ops",
    responses((status = 200, description = "`ready`, or `degraded` while the database is away.", body = String, example = "ready")))]
pub async fn readyz(state: web::Data<AppState>) -> HttpResponse {
    text(if state.health.is_well() { "ready" } else { "degraded" })
}

/// Counters in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", operation_id = "ops_metrics", tag = "ops",
    responses((status = 200, description = "Prometheus text format 0.0.4.", body = String, content_type = "text/plain; version=0.0.4")))]
pub async fn metrics(state: web::Data<AppState>) -> HttpResponse {
    let body = state.metrics.render(state.store.pool_state());
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").insert_header((CACHE_CONTROL, "no-store")).body(body)
}

//! Is it alive, is it ready, how is it doing: for orchestrators and Prometheus, open to everyone who can connect.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType, HeaderName, HeaderValue};
use actix_web::{HttpResponse, web};

use crate::state::AppState;

fn text(status: StatusCode, body: &'static str) -> HttpResponse {
    HttpResponse::build(status).content_type(ContentType::plaintext()).insert_header((CACHE_CONTROL, "no-store")).body(body)
}

/// Whether the process answers at all.
#[utoipa::path(get, path = "/healthz", operation_id = "ops_healthz", tag = "ops",
    responses((status = 200, description = "The process answers.", body = String, example = "ok")))]
pub async fn healthz() -> HttpResponse {
    text(StatusCode::OK, "ok")
}

/// Why the server cannot do all that it should.
const X_DEGRADED_REASON: HeaderName = HeaderName::from_static("x-degraded-reason");

/// Whether the server can do all that it should.
///
/// `degraded` says that the database was away when last looked: evaluation goes on from memory, writes get 503. Unless it is configured
/// to be (`READY_WHEN_DEGRADED`), it is no error status: a server that still evaluates should keep its traffic. `stopping` says that
/// the server is about to end.
#[utoipa::path(get, path = "/readyz", operation_id = "ops_readyz", tag = "ops",
    responses((status = 200, description = "`ready`, or `degraded` while the database is away; `X-Degraded-Reason` says why.", body = String, example = "ready"),
        (status = 503, description = "`stopping`; or `degraded`, if the server is so configured.", body = String, content_type = "text/plain", example = "stopping")))]
pub async fn readyz(state: web::Data<AppState>) -> HttpResponse {
    if state.health.is_stopping() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "stopping");
    }
    if state.health.is_well() {
        return text(StatusCode::OK, "ready");
    }
    let status = if state.http.is_ready_when_degraded { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut answer = text(status, "degraded");
    answer.headers_mut().insert(X_DEGRADED_REASON, HeaderValue::from_static("database_unavailable"));
    answer
}

/// Counters in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", operation_id = "ops_metrics", tag = "ops",
    responses((status = 200, description = "Prometheus text format 0.0.4.", body = String, content_type = "text/plain; version=0.0.4")))]
pub async fn metrics(state: web::Data<AppState>) -> HttpResponse {
    state.metrics.database_up.set(if state.health.is_well() { 1.0 } else { 0.0 });
    let body = state.metrics.render(state.store.pool_state());
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").insert_header((CACHE_CONTROL, "no-store")).body(body)
}

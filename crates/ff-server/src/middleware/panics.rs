//! A panic is a failed request, not a dead worker.

use std::panic::AssertUnwindSafe;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};
use futures_util::FutureExt;

use crate::problem::Problem;
use crate::telemetry::panic_reason;

/// Around a route: what panics inside becomes a 500, and its reason goes to the log with the id of the request.
///
/// Needs panics to unwind; a profile with `panic = "abort"` would turn every one of them into an outage. Nothing that
/// outlives the request is left half changed: rulesets are replaced whole, and a transaction that unwinds is rolled back.
///
/// # Errors
/// As the route.
pub async fn catch_panics(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    // The route is matched here, so holding a second reference to the request is allowed.
    let kept = request.request().clone();
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(answer) => answer,
        Err(panic) => {
            let problem = Problem::internal(format!("panic: {}", panic_reason(panic.as_ref())));
            Ok(ServiceResponse::new(kept, HttpResponse::from_error(problem)))
        }
    }
}

//! What happens to every request: it gets a name, is counted and logged, and whatever goes wrong inside it comes out as a
//! problem that carries its name.
//!
//! [`Observe`] does all of that in one layer around the whole application, since each layer costs every request an
//! allocation. [`CatchPanics`] sits inside, around each route, where the route is known already.

pub mod access_log;
mod metrics;
mod once;
mod panics;

use std::future::{Ready, ready};
use std::rc::Rc;
use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode};
use actix_web::{Error, HttpMessage, HttpResponse, web};
use ff_core::TenantId;
use futures_util::future::LocalBoxFuture;
use slog::{error, warn};

use self::access_log::{AccessLine, AccessLog};
pub use self::metrics::{HttpMetrics, WorkerMetrics};
pub use self::once::{AnswerOnce, IDEMPOTENCY_REPLAYED};
pub use self::panics::CatchPanics;
use crate::extract::tenant_named;
use crate::problem::{Problem, X_REQUEST_ID};
use crate::service::RequestId;
use crate::state::AppState;

/// A route's place in the route table, and its path template: the `path` of logs and metrics. Set as the app data of each
/// resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// Its place in the table of paths; names it in keys.
    pub index: u16,
    /// The path with `{…}` where a value stands.
    pub path: &'static str,
}

impl Template {
    /// Where no route matched. What was asked for instead is the client's invention and would make for endless names.
    pub const UNMATCHED: Self = Self { index: u16::MAX, path: "unmatched" };
}

/// What is known of a request before anyone looks for its route. Kept in the request's extensions.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Its name.
    pub request_id: RequestId,
    /// The tenant that it names, if it names one as it should.
    pub tenant: Option<TenantId>,
}

/// The outermost layer.
#[derive(Clone)]
pub struct Observe {
    state: web::Data<AppState>,
    access_log: AccessLog,
}

impl std::fmt::Debug for Observe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observe")
    }
}

impl Observe {
    /// Counts into and logs through what `state` holds.
    pub fn new(state: web::Data<AppState>) -> Self {
        let access_log = AccessLog::new(&state.logger);
        Self { state, access_log }
    }

    /// The error, if there is one, as an answer that names the request; and a line in the log where the fault is ours.
    fn finish_problem(&self, response: ServiceResponse, line: &AccessLine) -> ServiceResponse {
        let Some(problem) = response.response().error().and_then(|error| error.as_error::<Problem>()) else {
            return response;
        };
        let answer = problem.response(Some(&line.request_id));
        if problem.kind().status() == StatusCode::INTERNAL_SERVER_ERROR {
            error!(self.state.logger, "{} {} failed: {}", line.method, line.path, problem.causes().unwrap_or_default();
                "request_id" => line.request_id.as_str(), "tenant" => line.tenant.as_ref().map(|tenant| tenant.as_str()));
        } else if problem.kind().status() == StatusCode::SERVICE_UNAVAILABLE {
            warn!(self.state.logger, "{} {} refused: {}", line.method, line.path, problem.causes().unwrap_or_default();
                "request_id" => line.request_id.as_str(), "tenant" => line.tenant.as_ref().map(|tenant| tenant.as_str()));
        }
        response.into_response(answer)
    }
}

impl<S> Transform<S, ServiceRequest> for Observe
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
    S::Future: 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = Observed<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        let metrics = self.state.metrics.http.of_worker();
        ready(Ok(Observed { inner, worker: Rc::new(Worker { observe: self.clone(), metrics }) }))
    }
}

/// [`Observe`] around an application.
#[derive(Debug)]
pub struct Observed<S> {
    inner: S,
    worker: Rc<Worker>,
}

/// What the requests of one worker share.
#[derive(Debug)]
struct Worker {
    observe: Observe,
    metrics: WorkerMetrics,
}

impl<S> Service<ServiceRequest> for Observed<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
    S::Future: 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    actix_web::dev::forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let started = Instant::now();
        let taken = request.headers().get(X_REQUEST_ID).and_then(|value| RequestId::taken(value.as_bytes()));
        let request_id = taken.unwrap_or_else(RequestId::made);
        let method: Method = request.method().clone();
        let tenant = tenant_named(request.headers()).ok();
        request.extensions_mut().insert(Arrival { request_id: request_id.clone(), tenant: tenant.clone() });
        let answer = self.worker.observe.state.patience.clone().bound(self.inner.call(request));
        let worker = self.worker.clone();
        Box::pin(async move {
            let response = answer.await?;
            let template = response.request().app_data::<Template>().copied().unwrap_or(Template::UNMATCHED);
            let latency = started.elapsed();
            let status = response.status().as_u16();
            worker.metrics.record(template, &method, status, latency);
            let line = AccessLine { method, path: template.path, status, tenant, request_id, latency };
            let mut response = worker.observe.finish_problem(response, &line);
            // Both sources of ids give nothing but printable ASCII.
            if let Ok(value) = HeaderValue::from_str(line.request_id.as_str()) {
                response.headers_mut().insert(X_REQUEST_ID, value);
            }
            if worker.observe.state.health.is_stopping() {
                close_after(&mut response);
            }
            worker.observe.access_log.write(&line);
            Ok(response)
        })
    }
}

/// Ends the connection with this answer, and says so in it: the client's next request goes elsewhere, rather than to a connection that
/// is closed under it.
fn close_after(response: &mut ServiceResponse<BoxBody>) {
    // actix-web does not name the type of this word; an answer that closes its connection has it.
    let close = HttpResponse::Ok().force_close().finish().head().connection_type();
    response.response_mut().head_mut().set_connection_type(close);
}

#[cfg(test)]
mod tests;

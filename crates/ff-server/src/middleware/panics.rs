//! A panic is a failed request, not a dead worker.

use std::future::{Future, Ready, ready};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{Error, HttpRequest, HttpResponse};
use futures_util::FutureExt;
use futures_util::future::CatchUnwind;
use pin_project_lite::pin_project;

use crate::problem::Problem;
use crate::telemetry::panic_reason;

/// Around a route: what panics inside becomes a 500, and its reason goes to the log with the id of the request.
///
/// Needs panics to unwind; a profile with `panic = "abort"` would turn every one of them into an outage. Nothing that
/// outlives the request is left half changed: rulesets are replaced whole, and a transaction that unwinds is rolled back.
#[derive(Debug, Clone, Copy)]
pub struct CatchPanics;

impl<S> Transform<S, ServiceRequest> for CatchPanics
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = CatchingPanics<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, route: S) -> Self::Future {
        ready(Ok(CatchingPanics { route }))
    }
}

/// [`CatchPanics`] around a route.
#[derive(Debug)]
pub struct CatchingPanics<S> {
    route: S,
}

impl<S> Service<ServiceRequest> for CatchingPanics<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = Answer<S::Future>;

    actix_web::dev::forward_ready!(route);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        // The route is matched here, so holding a second reference to the request is allowed.
        let kept = Some(request.request().clone());
        Answer { answer: AssertUnwindSafe(self.route.call(request)).catch_unwind(), kept }
    }
}

pin_project! {
    /// The route's answer, or what stands for it.
    #[derive(Debug)]
    pub struct Answer<F> {
        #[pin]
        answer: CatchUnwind<AssertUnwindSafe<F>>,
        kept: Option<HttpRequest>,
    }
}

impl<F: Future<Output = Result<ServiceResponse<BoxBody>, Error>>> Future for Answer<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let answer = std::task::ready!(this.answer.poll(context));
        let kept = this.kept.take();
        Poll::Ready(answer.unwrap_or_else(|panic| {
            let problem = Problem::internal(format!("panic: {}", panic_reason(panic.as_ref())));
            match kept {
                Some(request) => Ok(ServiceResponse::new(request, HttpResponse::from_error(problem))),
                // Asked again after its end, which no caller may do.
                None => Err(problem.into()),
            }
        }))
    }
}

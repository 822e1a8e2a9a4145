//! A write that comes with an `Idempotency-Key` is done once, and answered the same however often it is sent.

use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION};
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};
use ff_core::TenantId;
use ff_store::{KeptAnswer, KeyedRequest, Known, idempotency};
use futures_util::future::{Either, LocalBoxFuture};
use futures_util::stream;

use crate::auth::{Credential, TokenScope};
use crate::blocking;
use crate::clock;
use crate::extract::{IDEMPOTENCY_KEY, IdempotencyKey, X_REVISION, allow, read_bytes, state};
use crate::problem::{PROBLEM_JSON, Problem};
use crate::service::{Context, Once, ServiceError};

/// Says that an answer was given before.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Around a route that writes and needs this scope.
///
/// A request without a key passes through. One with a key is let in, read, and looked for in the database: it is answered as before, or
/// refused if the key came with another request, or passed on with a [`Once`] that the write keeps its answer through. What
/// the route refused is kept here. A caller who is not let in passes through too, to be told so by the route.
#[derive(Debug, Clone, Copy)]
pub struct AnswerOnce(pub TokenScope);

impl<S> Transform<S, ServiceRequest> for AnswerOnce
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
    S::Future: 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = AnsweringOnce<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, route: S) -> Self::Future {
        ready(Ok(AnsweringOnce { route: Rc::new(route), scope: self.0 }))
    }
}

/// [`AnswerOnce`] around a route.
#[derive(Debug)]
pub struct AnsweringOnce<S> {
    route: Rc<S>,
    scope: TokenScope,
}

impl<S> Service<ServiceRequest> for AnsweringOnce<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
    S::Future: 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = Either<S::Future, LocalBoxFuture<'static, Result<Self::Response, Error>>>;

    actix_web::dev::forward_ready!(route);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        if !request.headers().contains_key(&IDEMPOTENCY_KEY) {
            return Either::Left(self.route.call(request));
        }
        let Ok((context, credential)) = allow(request.request(), self.scope) else {
            return Either::Left(self.route.call(request));
        };
        let route = self.route.clone();
        Either::Right(Box::pin(async move {
            let answer = match arrive(&mut request, &context, credential).await {
                Ok(Arrived::Known(answer)) => replay(request.request(), answer),
                Ok(Arrived::New(once)) => {
                    request.extensions_mut().insert(once.clone());
                    let answer = route.call(request).await?;
                    return Ok(conclude(answer, &once, &context).await);
                }
                Err(problem) => HttpResponse::from_error(problem),
            };
            // `into_response` would lose the problem behind the answer, which the outermost layer looks for.
            Ok(ServiceResponse::new(request.into_parts().0, answer))
        }))
    }
}

/// What is known of a request when it arrives.
enum Arrived {
    /// It was answered before.
    Known(KeptAnswer),
    /// It is to be done.
    New(Arc<Once>),
}

async fn arrive(request: &mut ServiceRequest, context: &Context, credential: Credential) -> Result<Arrived, Problem> {
    let mut payload = request.take_payload();
    let http = request.request();
    let key = IdempotencyKey::of(http.headers())?;
    let body = read_bytes(http, &mut payload).await?;
    let keyed = key.request(http, context, credential, &body);
    let answer = known(http, &context.scope.tenant, &keyed).await?;
    request.set_payload(again(body));
    Ok(answer.map_or_else(|| Arrived::New(Arc::new(Once::new(keyed))), Arrived::Known))
}

/// What the same request was answered; none, if it is new.
async fn known(http: &HttpRequest, tenant: &TenantId, request: &KeyedRequest) -> Result<Option<KeptAnswer>, Problem> {
    let (state, tenant, request) = (state(http)?.clone(), tenant.clone(), request.clone());
    match blocking::run(move || idempotency::find(&state.store, &tenant, &request, clock::now())).await? {
        None => Ok(None),
        Some(Known::Same(answer)) => Ok(Some(answer)),
        Some(Known::Other) => Err(Problem::key_reused()),
    }
}

/// A body that was read, for the route to read.
fn again(body: Bytes) -> Payload {
    Payload::Stream { payload: Box::pin(stream::iter([Ok::<_, PayloadError>(body)])) }
}

/// What the client gets: the route's answer once it is kept, or the one that another request with this key was given first.
async fn conclude(answer: ServiceResponse<BoxBody>, once: &Arc<Once>, context: &Context) -> ServiceResponse<BoxBody> {
    if once.is_kept() {
        return answer;
    }
    let (answer, refused) = if once.is_taken() {
        (answer, Problem::from(ServiceError::Repeated))
    } else if is_passing(answer.status()) {
        return answer;
    } else {
        match keep(answer, once, context).await {
            (answer, Ok(())) => return answer,
            (answer, Err(problem)) => (answer, problem),
        }
    };
    let http = answer.request().clone();
    let instead = if once.is_taken() { known(&http, &context.scope.tenant, once.request()).await } else { Ok(None) };
    answer.into_response(match instead {
        Ok(Some(first)) => replay(&http, first),
        // It could not be kept, so it is not given; or the other request has not come to its end after all.
        Ok(None) => HttpResponse::from_error(refused),
        Err(problem) => HttpResponse::from_error(problem),
    })
}

/// Answers that say nothing about the request itself, and may be others next time: a fault of ours, too many requests, a slow
/// connection.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

/// Keeps the answer to a request that did not go through a write: most were refused.
async fn keep(answer: ServiceResponse<BoxBody>, once: &Arc<Once>, context: &Context) -> (ServiceResponse<BoxBody>, Result<(), Problem>) {
    let text =
        |name: HeaderName, answer: &HttpResponse| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (status, etag, location) = (answer.status().as_u16(), text(ETAG, answer.response()), text(LOCATION, answer.response()));
    let problem = answer.response().error().and_then(|error| error.as_error::<Problem>());
    let (answer, body) = match problem {
        // The outermost layer writes it so once more.
        Some(problem) => {
            let body = problem.response(Some(&context.request_id)).into_body().try_into_bytes();
            (answer, body)
        }
        None => {
            let mut body = Err(BoxBody::new(()));
            let answer = answer.map_body(|_, whole| match whole.try_into_bytes() {
                Ok(bytes) => {
                    body = Ok(bytes.clone());
                    BoxBody::new(bytes)
                }
                Err(stream) => stream,
            });
            (answer, body)
        }
    };
    let body = body.ok().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()).filter(|body| !body.is_empty());
    // A conflict may name thousands who are in the way. Nothing was changed, so it may be judged anew.
    if body.as_ref().is_some_and(|body| body.len() > idempotency::BODY_BYTES_MAX) {
        return (answer, Ok(()));
    }
    let kept = KeptAnswer { status, etag, location, revision: None, body };
    let state = match state(answer.request()) {
        Ok(state) => state.clone(),
        Err(problem) => return (answer, Err(problem)),
    };
    let (once, tenant) = (once.clone(), context.scope.tenant.clone());
    let result = blocking::run(move || once.keep(&state, &tenant, &kept, None)).await;
    (answer, result.map_err(Problem::from))
}

/// The answer that was given before, and that it was.
fn replay(http: &HttpRequest, answer: KeptAnswer) -> HttpResponse {
    if let Ok(state) = state(http) {
        state.metrics.idempotent_replays.increment(1);
    }
    // What cannot be a status was never sent.
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true")));
    for (name, value) in [(ETAG, answer.etag), (LOCATION, answer.location)] {
        if let Some(value) = value {
            response.insert_header((name, value));
        }
    }
    if let Some(revision) = answer.revision {
        response.insert_header((X_REVISION, revision.get()));
    }
    match answer.body {
        Some(body) => {
            let media_type = if status.is_client_error() { PROBLEM_JSON } else { "application/json" };
            response.insert_header((CONTENT_TYPE, media_type)).body(body)
        }
        None => response.finish(),
    }
}

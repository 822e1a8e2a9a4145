//! The event stream.

use std::convert::Infallible;

use actix_web::http::header::{CACHE_CONTROL, HeaderName};
use actix_web::http::{Method, Version};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use ff_core::EnvironmentKey;
use ff_store::Revision;
use futures_util::stream;

use crate::event::EventPattern;
use crate::extract::{Allowed, EventsRead, FromParams, Params, Query, X_ENVIRONMENT, revision};
use crate::problem::{Problem, ProblemType};
use crate::service::{Missing, ServiceError};
use crate::state::AppState;
use crate::stream::{Resume, Subscription, Wanted};

/// The media type of event streams (WHATWG HTML, "Server-sent events").
pub const EVENT_STREAM: &str = "text/event-stream";

/// What a client sends by itself when it connects again.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells nginx and others like it to pass on each event at once.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Which events, and from where on.
#[derive(Debug, Clone)]
pub struct FollowQuery {
    since: Option<Revision>,
    wanted: Wanted,
}

impl FromParams for FollowQuery {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let since = params.value_by("since", revision)?;
        let environments = listed(params, "environment", str::parse::<EnvironmentKey>)?;
        let patterns = listed(params, "event", str::parse::<EventPattern>)?;
        Ok(Self { since, wanted: Wanted { environments, patterns } })
    }
}

/// A parameter that may stand several times, each time with one value or with several between commas.
fn listed<T, E: std::fmt::Display>(
    params: &mut Params,
    name: &'static str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, Problem> {
    let texts = params.texts(name);
    let (mut values, mut faults) = (Vec::new(), Vec::new());
    for text in texts.iter().flat_map(|text| text.split(',')) {
        match read(text) {
            Ok(value) => values.push(value),
            Err(error) => faults.push(format!("`{}` {error}", text.chars().take(64).collect::<String>())),
        }
    }
    if faults.is_empty() {
        return Ok(values);
    }
    Err(Problem::new(ProblemType::InvalidQuery, format!("the parameter `{name}` does not fit: {}", faults.join("; "))))
}

/// Where the client was, by what it says and by what its address says. It connects again to the address with which it began, so what
/// it says by itself is newer.
fn resume(request: &HttpRequest, since: Option<Revision>) -> Result<Resume, Problem> {
    let misfit =
        || Problem::new(ProblemType::InvalidHeader, "the header `Last-Event-ID` does not fit: expected a revision, a whole number");
    let mut values = request.headers().get_all(&LAST_EVENT_ID);
    let text = values.next().map(|value| value.to_str().map_err(|_| misfit())).transpose()?.unwrap_or_default();
    if values.next().is_some() {
        return Err(misfit());
    }
    if !text.is_empty() {
        return revision(text).map(Resume::LastEventId).map_err(|_| misfit());
    }
    Ok(since.map_or(Resume::Now, Resume::Since))
}

/// Follows the tenant's changes, as server-sent events.
///
/// Each change is one event: `event` is its type (`flag.updated`), `id` the tenant's revision that it made, `data` one line of JSON that
/// names what has changed and shows none of it. The stream begins with an event `ready`, whose `id` is the revision after which it goes on.
/// `reset` says that changes may have been missed: fetch everything, and go on from its `id`. `progress` carries only an `id`, past
/// changes that were not asked for. Comments come in silence. The stream ends with the server and with the credential; connect again with
/// the last `id`.
#[utoipa::path(get, path = "/v1/events", operation_id = "events_follow", tag = "delivery",
    params(
        ("since" = Option<u64>, Query, description = "The revision after which to begin: all later changes, then those to come. Without it, and without `Last-Event-ID`, only those to come."),
        ("Last-Event-ID" = Option<u64>, Header, description = "The `id` of the last event that came. Clients send it by themselves when they connect again; it wins over `since`. One that the tenant has not reached is answered with the event `reset`."),
        ("X-Environment" = Option<String>, Header, description = "The same as the parameter `environment`, for one environment; the parameter wins over it."),
        ("environment" = Option<Vec<String>>, Query, description = "Only changes that may be felt in these environments: repeated, or with commas between. Without it, that of the header `X-Environment`, or all where that is missing too."),
        ("event" = Option<Vec<String>>, Query, description = "Only events of these types: `*`, `flag.*`, `flag.updated` …: repeated, or with commas between.", example = "flag.*"),
    ),
    responses(
        (status = 200, description = "Events, without end. The data of a change is a `#/components/schemas/ChangeEvent`.", body = String, content_type = "text/event-stream",
            example = "event: ready\nid: 41\ndata: {\"revision\":41}\n\nevent: flag.updated\nid: 42\ndata: {\"type\":\"flag.updated\",\"revision\":42,\"timestamp\":\"2026-11-21T08:00:00.123Z\",\"key\":\"checkout-redesign\",\"id\":\"01a1fc7b-6bb6-7121-bac9-e78ee51c24f1\",\"version\":7,\"environments\":[\"production\"],\"changed\":[\"state\"],\"actor\":\"ada\",\"request_id\":\"r-7\"}\n\n"),
        (status = 404, description = "There is no such environment."),
        (status = 429, description = "The tenant has as many streams on this server as it may have."),
    ))]
pub async fn follow(
    state: web::Data<AppState>,
    allowed: Allowed<EventsRead>,
    Query(query): Query<FollowQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let resume = resume(&request, query.since)?;
    let context = allowed.into_context();
    let (tenant, mut wanted) = (context.scope.tenant, query.wanted);
    if wanted.environments.is_empty() && request.headers().contains_key(X_ENVIRONMENT) {
        wanted.environments.push(context.scope.environment);
    }
    let rulesets = state.rulesets.get(&state.store, &tenant).await?;
    if let Some(unknown) = wanted.environments.iter().find(|key| rulesets.get(key).is_none()) {
        return Err(ServiceError::NotFound(Missing::Environment(unknown.to_string())).into());
    }
    let mut answer = HttpResponse::Ok();
    answer.content_type(EVENT_STREAM).insert_header((CACHE_CONTROL, "no-store")).insert_header((X_ACCEL_BUFFERING, "no"));
    if request.method() == Method::HEAD {
        // The same head; a body would be waited for, though none is sent.
        return Ok(answer.streaming(stream::empty::<Result<Bytes, Infallible>>()));
    }
    let is_old = request.version() < Version::HTTP_11;
    if is_old {
        answer.force_close();
    }
    let subscription = Subscription { tenant, wanted, resume, refused_from_s: context.caller.refused_from_s() };
    let mut answer = answer.streaming(state.streams.begin(&state.rulesets, rulesets.revision(), subscription).await?);
    // HTTP/1.0, which some proxies speak by default, knows no chunks: the end of the connection is the end of the stream.
    answer.head_mut().no_chunking(is_old);
    Ok(answer)
}

//! Every error of the server as `application/problem+json` (RFC 9457). This file decides HTTP's side of errors, once: it
//! holds the only `ResponseError` of the workspace.

mod types;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use actix_web::error::{JsonPayloadError, PathError, PayloadError, QueryPayloadError};
use actix_web::http::header::{ALLOW, CACHE_CONTROL, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, ResponseError};
use ff_core::Fault;
use serde::Serialize;

pub use self::types::ProblemType;
use crate::service::{BoxError, Missing, RequestId, ServiceError};
use crate::stream::Refused;
use crate::telemetry::chain;

/// The media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The header that names a request.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long a client should wait for a database that is gone or busy, in seconds.
const RETRY_AFTER_S: u16 = 1;

/// How long a client should wait where all places for event streams are taken, in seconds.
const RETRY_STREAM_AFTER_S: u16 = 10;

/// One occurrence of an error, as the client sees it.
///
/// What went wrong below it is kept for the log and never shown.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: ProblemType,
    detail: Cow<'static, str>,
    errors: Vec<Fault>,
    used_by: Vec<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<BoxError>,
}

impl Problem {
    /// A problem of this type; `detail` says what is special about this occurrence.
    pub fn new(kind: ProblemType, detail: impl Into<Cow<'static, str>>) -> Self {
        let headers = match kind.status() {
            StatusCode::UNAUTHORIZED => vec![(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))],
            StatusCode::SERVICE_UNAVAILABLE => vec![(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S))],
            _ => Vec::new(),
        };
        Self(Box::new(Parts { kind, detail: detail.into(), errors: Vec::new(), used_by: Vec::new(), headers, cause: None }))
    }

    /// A server's fault: the client learns that it happened, the log learns why.
    pub fn internal(cause: impl Into<BoxError>) -> Self {
        Self::new(ProblemType::Internal, "the request failed on our side; the log has the reason under this request id").because(cause)
    }

    /// Too many requests, for now.
    pub fn too_many_requests(detail: impl Into<Cow<'static, str>>, retry_after_s: u32) -> Self {
        let problem = Self::new(ProblemType::TooManyRequests, detail);
        problem.with([(RETRY_AFTER, HeaderValue::from(retry_after_s))])
    }

    /// Another request with the same key is not answered yet.
    pub fn key_busy() -> Self {
        let detail = "another request with this `Idempotency-Key` is not answered yet; this one has changed nothing";
        Self::new(ProblemType::IdempotencyKeyBusy, detail).with([(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S))])
    }

    /// The key came with another request before.
    pub fn key_reused() -> Self {
        let mut problem =
            Self::new(ProblemType::IdempotencyKeyReused, "this `Idempotency-Key` came with another request before; nothing was changed");
        problem.0.errors = vec![Fault::new("", "is not the request that came with this `Idempotency-Key` before")];
        problem
    }

    /// This path knows other methods than the one that was used.
    pub fn method_not_allowed(used: &Method, allowed: &str) -> Self {
        let problem = Self::new(ProblemType::MethodNotAllowed, format!("`{used}` is not possible here; these are: {allowed}"));
        problem.with(HeaderValue::from_str(allowed).ok().map(|allowed| (ALLOW, allowed)))
    }

    /// The faults of a document, as 422.
    pub fn invalid_body(faults: impl Into<Vec<Fault>>) -> Self {
        let faults = faults.into();
        let detail = match faults.as_slice() {
            [only] if only.pointer.is_empty() => only.message.clone(),
            [only] => format!("{}: {}", only.pointer, only.message),
            several => format!("{} faults; `errors` lists them", several.len()),
        };
        let mut problem = Self::new(ProblemType::InvalidBody, detail);
        problem.0.errors = faults;
        problem
    }

    /// With these headers.
    #[must_use]
    pub fn with(mut self, headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        self.0.headers.extend(headers);
        self
    }

    /// With what went wrong below, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<BoxError>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Which type of problem this is.
    pub fn kind(&self) -> ProblemType {
        self.0.kind
    }

    /// The chain of causes, for the log.
    pub fn causes(&self) -> Option<String> {
        self.0.cause.as_deref().map(|cause| chain(cause))
    }

    /// The answer, naming the request that it belongs to.
    pub fn response(&self, request_id: Option<&RequestId>) -> HttpResponse {
        let parts = &*self.0;
        let code = parts.kind.code();
        let body = Body {
            r#type: format_args!("/problems/{code}"),
            title: parts.kind.title(),
            status: parts.kind.status().as_u16(),
            detail: &parts.detail,
            code,
            errors: &parts.errors,
            used_by: &parts.used_by,
            request_id: request_id.map(RequestId::as_str),
        };
        let mut response = HttpResponse::build(parts.kind.status());
        // A cache may keep a 404 or a 405 for as long as it thinks right, unless it is told otherwise.
        response.insert_header((CACHE_CONTROL, "no-store"));
        if let Some(id) = request_id {
            response.insert_header((X_REQUEST_ID, id.as_str()));
        }
        for header in &parts.headers {
            response.insert_header(header.clone());
        }
        // Texts and numbers always become JSON.
        response.content_type(PROBLEM_JSON).body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

/// The members of an answer: those of the standard, then ours.
#[derive(Serialize)]
struct Body<'a> {
    r#type: fmt::Arguments<'a>,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Fault],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    used_by: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind.code(), self.0.detail)
    }
}

impl StdError for Problem {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.kind.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.response(None)
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Invalid(faults) => Self::invalid_body(faults),
            ServiceError::NotFound(missing) => missing.into(),
            ServiceError::Conflict { code, message, used_by } => {
                let mut problem = Self::new(ProblemType::from_code(code).unwrap_or(ProblemType::Conflict), message);
                problem.0.used_by = used_by;
                problem
            }
            ServiceError::Stale { .. } => Self::new(ProblemType::VersionMismatch, error.to_string()),
            ServiceError::PageToken => Self::new(ProblemType::InvalidQuery, format!("`page_token`: {error}")),
            ServiceError::Ahead { .. } => Self::new(ProblemType::InvalidQuery, format!("`since`: {error}")),
            ServiceError::Forbidden(reason) => Self::new(ProblemType::Forbidden, reason),
            ServiceError::Repeated => Self::key_busy(),
            ServiceError::Behind { .. } => Self::new(ProblemType::RevisionNotServed, error.to_string()),
            ServiceError::Unavailable(cause) => {
                Self::new(ProblemType::Unavailable, "the database cannot be reached; evaluation goes on, writes must wait").because(cause)
            }
            ServiceError::Internal(cause) => Self::internal(cause),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TenantFull { .. } => Self::too_many_requests(refused.to_string(), RETRY_STREAM_AFTER_S.into()),
            // The last header of a name counts.
            Refused::Full => Self::new(ProblemType::StreamUnavailable, refused.to_string())
                .with([(RETRY_AFTER, HeaderValue::from(RETRY_STREAM_AFTER_S))]),
            Refused::Future { .. } => Self::new(ProblemType::InvalidQuery, refused.to_string()),
            Refused::Service(error) => error.into(),
        }
    }
}

impl From<Missing> for Problem {
    fn from(missing: Missing) -> Self {
        let kind = match missing {
            Missing::Flag(_) => ProblemType::FlagNotFound,
            Missing::Segment(_) => ProblemType::SegmentNotFound,
            Missing::Environment(_) => ProblemType::EnvironmentNotFound,
            Missing::Revision(_) => ProblemType::RevisionNotFound,
            Missing::Webhook(_) => ProblemType::WebhookNotFound,
            Missing::Delivery(_) => ProblemType::DeliveryNotFound,
        };
        Self::new(kind, missing.to_string())
    }
}

impl From<PayloadError> for Problem {
    fn from(error: PayloadError) -> Self {
        match error {
            PayloadError::Overflow => Self::new(ProblemType::BodyTooLarge, "the body is larger than this server accepts"),
            _ => Self::new(ProblemType::MalformedBody, "the body broke off or cannot be read"),
        }
    }
}

impl From<JsonPayloadError> for Problem {
    fn from(error: JsonPayloadError) -> Self {
        match error {
            JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => PayloadError::Overflow.into(),
            JsonPayloadError::ContentType => Self::new(ProblemType::UnsupportedMediaType, "expected `application/json`"),
            JsonPayloadError::Deserialize(error) => Self::new(ProblemType::MalformedBody, format!("not the expected JSON: {error}")),
            JsonPayloadError::Payload(error) => error.into(),
            _ => Self::new(ProblemType::MalformedBody, "the body cannot be read"),
        }
    }
}

impl From<QueryPayloadError> for Problem {
    fn from(error: QueryPayloadError) -> Self {
        Self::new(ProblemType::InvalidQuery, error.to_string())
    }
}

impl From<PathError> for Problem {
    fn from(_: PathError) -> Self {
        Self::new(ProblemType::RouteNotFound, "nothing lives under this path")
    }
}

#[cfg(test)]
mod tests;

//! The types of problems: a stable code, a status, a title and a page each.

use actix_web::http::StatusCode;

macro_rules! problem_types {
    ($($(#[$doc:meta])* $name:ident = $status:ident $code:literal $title:literal: $page:literal;)*) => {
        /// What kind of problem; its code is the last part of the problem's `type`, `/problems/{code}`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemType { $($(#[$doc])* $name,)* }

        impl ProblemType {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable name in `code` and at the end of `type`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The status that goes with it, always the same.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// A summary, the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it means and what to do about it.
            const fn page(self) -> &'static str {
                match self { $(Self::$name => $page,)* }
            }
        }
    };
}

problem_types! {
    /// 400, the body is not JSON.
    MalformedBody = BAD_REQUEST "malformed_body" "The body cannot be read":
        "The body is not JSON, breaks off, or is nested too deeply. `detail` names the line and column where reading stopped.";
    /// 400, the query string.
    InvalidQuery = BAD_REQUEST "invalid_query" "A query parameter does not fit":
        "A parameter is unknown here, stands twice, or has a value outside its range. `detail` names it.";
    /// 400, a header other than the tenant's.
    InvalidHeader = BAD_REQUEST "invalid_header" "A header does not fit":
        "A header has a value that cannot be read, for example an `X-Environment` that is no environment key. `detail` names it.";
    /// 400, no tenant named, or by a text that is no tenant id.
    TenantMissing = BAD_REQUEST "tenant_missing" "No tenant was named":
        "Every request under /v1 but the one for a token belongs to one tenant. Send its id in the header `X-Tenant-ID`: letters, digits, `.`, `_` and `-`, starting with a letter or digit, at most 128 characters.";
    /// 401.
    Unauthenticated = UNAUTHORIZED "unauthenticated" "A valid credential is required":
        "Send a token or an API key as `Authorization: Bearer …` or in the header `X-API-Key`. This answer also comes for a token that has expired, was altered, or was signed by another server.";
    /// 403, tenant.
    TenantForbidden = FORBIDDEN "tenant_forbidden" "The credential does not open this tenant":
        "The credential is valid, but its list of tenants does not hold the one in `X-Tenant-ID`.";
    /// 403, scope.
    ScopeMissing = FORBIDDEN "scope_missing" "The credential lacks a scope":
        "The credential is valid, but does not hold the scope that `detail` names. `rw` includes `r`, `flags:r` includes `evaluate`, `admin` includes everything.";
    /// 403, anything else.
    Forbidden = FORBIDDEN "forbidden" "This is not allowed":
        "The credential is valid, but this is not allowed to it. `detail` says why.";
    /// 404, flag.
    FlagNotFound = NOT_FOUND "flag_not_found" "There is no such flag":
        "The tenant has no flag of this key. Deleted flags are not found either; their history is.";
    /// 404, segment.
    SegmentNotFound = NOT_FOUND "segment_not_found" "There is no such segment":
        "The tenant has no segment of this key.";
    /// 404, environment.
    EnvironmentNotFound = NOT_FOUND "environment_not_found" "There is no such environment":
        "The tenant has no environment of the key in `X-Environment` or in the path. `GET /v1/environments` lists them.";
    /// 404, history.
    RevisionNotFound = NOT_FOUND "revision_not_found" "There is no such past state":
        "The history has no state of this entity at the revision or version that was asked for.";
    /// 404, webhook.
    WebhookNotFound = NOT_FOUND "webhook_not_found" "There is no such webhook":
        "The tenant has no webhook of this id. `GET /v1/webhooks` lists them.";
    /// 404, delivery.
    DeliveryNotFound = NOT_FOUND "delivery_not_found" "There is no such delivery":
        "The webhook has no delivery of this id, or it is no longer remembered: the last 1,000 of a webhook are, for 30 days.";
    /// 404, path.
    RouteNotFound = NOT_FOUND "route_not_found" "Nothing lives under this path":
        "The path is not part of the API. `GET /openapi.json` lists what is.";
    /// 405.
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed" "The path knows other methods":
        "The path exists, but not with this method. The header `Allow` lists those that it has.";
    /// 408.
    RequestTimeout = REQUEST_TIMEOUT "request_timeout" "The body came too slowly":
        "The server stopped waiting for the rest of the body. Nothing was changed; send the request again.";
    /// 409, flag used as a prerequisite.
    FlagInUse = CONFLICT "flag_in_use" "The flag is in use":
        "Other flags have this one as a prerequisite; `used_by` lists them. Change them first.";
    /// 409, segment.
    SegmentInUse = CONFLICT "segment_in_use" "The segment is in use":
        "Flags or segments name this one; `used_by` lists them. Change them first.";
    /// 409, variant.
    VariantInUse = CONFLICT "variant_in_use" "The variant is in use":
        "Another environment's weights, rules or off variant use a variant that this change removes; `used_by` lists where. Change them first.";
    /// 409, environment with flags that are on.
    EnvironmentInUse = CONFLICT "environment_in_use" "The environment is in use":
        "Flags are on in this environment; `used_by` lists them. Turn them off first.";
    /// 409, production.
    EnvironmentProtected = CONFLICT "environment_protected" "The environment cannot be deleted":
        "Every tenant has the environment `production`, always.";
    /// 409, webhooks.
    WebhookLimitReached = CONFLICT "webhook_limit_reached" "There are too many webhooks":
        "A tenant may have a limited number of webhooks; `detail` has the bound. Delete one that is not needed any more.";
    /// 409, anything else.
    Conflict = CONFLICT "conflict" "Another entity stands in the way":
        "The change would contradict something else in the tenant; `detail` says what, `used_by` where.";
    /// 409, two requests with one key at the same moment.
    IdempotencyKeyBusy = CONFLICT "idempotency_key_busy" "A request with this key is being answered":
        "Another request with the same `Idempotency-Key` is not answered yet, and this one has changed nothing. Send it again after as many seconds as the header `Retry-After` says, to get the other one's answer.";
    /// 412.
    VersionMismatch = PRECONDITION_FAILED "version_mismatch" "The entity has changed":
        "`If-Match` or `If-None-Match` asked for another version than the present one. Read the entity again, apply the change to what is there now, and send it with the new `ETag`.";
    /// 413.
    BodyTooLarge = PAYLOAD_TOO_LARGE "body_too_large" "The body is too large":
        "The body is larger than this server accepts; `detail` has the bound.";
    /// 415.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "The body has another media type":
        "Send JSON as `application/json`, or with PATCH also as `application/merge-patch+json`, in UTF-8 and without a content encoding.";
    /// 422.
    InvalidBody = UNPROCESSABLE_ENTITY "invalid_body" "The body breaks the rules":
        "The body is JSON, but not what is expected here. `errors` lists every fault with a JSON Pointer to its place. Nothing was changed.";
    /// 422, a key that was used for something else.
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY "idempotency_key_reused" "The key belongs to another request":
        "Within the last 24 hours the same caller has sent another request with this `Idempotency-Key`: another method, path, query, environment, precondition, media type or body. Nothing was changed. A new request needs a new key.";
    /// 429.
    TooManyRequests = TOO_MANY_REQUESTS "too_many_requests" "Too many requests":
        "Wait as many seconds as the header `Retry-After` says.";
    /// 500.
    Internal = INTERNAL_SERVER_ERROR "internal" "The server failed":
        "The request failed through no fault of the client. The server's log has the reason under the `request_id` of the answer.";
    /// 503, revision.
    RevisionNotServed = SERVICE_UNAVAILABLE "revision_not_served" "The revision is not served here yet":
        "The header `X-Min-Revision` names a revision that this server had not heard of within the time that it waits: it is on its way, or was never made. Repeat the request after as many seconds as the header `Retry-After` says.";
    /// 503.
    Unavailable = SERVICE_UNAVAILABLE "unavailable" "The database is unavailable":
        "The database cannot be reached or is too busy. Evaluation goes on from memory; repeat anything else after as many seconds as the header `Retry-After` says.";
    /// 503, no place for another event stream.
    StreamUnavailable = SERVICE_UNAVAILABLE "stream_unavailable" "There is no place for another event stream":
        "This server has as many event streams as it takes (`EVENT_SUBSCRIBERS_MAX`). Connect again after as many seconds as the header `Retry-After` says; another server of the same database may have a place at once.";
}

impl ProblemType {
    /// The type with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }

    /// The page behind the problem's `type`, as plain text.
    pub fn text(self) -> String {
        format!("{}\n\ncode: {}\nstatus: {}\n\n{}\n", self.title(), self.code(), self.status(), self.page())
    }
}

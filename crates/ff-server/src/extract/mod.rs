//! From a request to typed arguments. Each extractor refuses early and says why; a handler that runs has what it needs.
//!
//! actix asks them in the order in which a handler lists them, and `Allowed` comes first: who is not let in learns nothing
//! about bodies, keys or parameters.

mod accept_encoding;
mod allowed;
mod body;
mod caller;
mod idempotency_key;
mod if_match;
mod json;
mod min_revision;
mod path;
mod query;
mod scope;

pub use self::accept_encoding::AcceptsGzip;
pub(crate) use self::allowed::allow;
pub use self::allowed::{
    Allowed, AuditRead, EnvironmentsRead, EnvironmentsWrite, Evaluate, EventsRead, FlagsRead, FlagsWrite, Permission, RulesetRead,
    SegmentsRead, SegmentsWrite, WebhooksWrite,
};
pub(crate) use self::body::read_bytes;
pub use self::body::{JsonBody, JsonBytes, OptionalJsonBody, PatchBody};
pub use self::caller::caller_of;
pub use self::idempotency_key::{IDEMPOTENCY_KEY, IdempotencyKey};
pub use self::if_match::{Conditional, IfNoneMatch, SeenTags};
pub(crate) use self::json::read as read_json_body;
pub use self::min_revision::{MinRevision, X_MIN_REVISION, X_REVISION, revision};
pub use self::path::{Named, PathDelivery, PathKey, PathUserId, PathWebhook};
pub use self::query::{FromParams, Params, Query};
pub use self::scope::{X_ENVIRONMENT, X_TENANT_ID, scope_of, tenant_named};

use actix_web::{HttpRequest, web};

use crate::problem::Problem;
use crate::state::AppState;

/// The state that the application was built with.
pub(crate) fn state(request: &HttpRequest) -> Result<&web::Data<AppState>, Problem> {
    request.app_data::<web::Data<AppState>>().ok_or_else(|| Problem::internal("the application was built without its state"))
}

#[cfg(test)]
mod tests;

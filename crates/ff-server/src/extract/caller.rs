//! Who: the credential of a request.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName};

use super::state;
use crate::auth::{Caller, Credential};
use crate::problem::{Problem, ProblemType};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The caller behind the request's credential, and what kind of credential it is.
///
/// Either kind is accepted in either header. `Authorization` decides where it is present: a request that carries a bad
/// token is not saved by a good key next to it.
///
/// # Errors
/// 401, without saying what is wrong with the credential.
pub fn caller_of(request: &HttpRequest) -> Result<(Arc<Caller>, Credential), Problem> {
    let auth = &state(request)?.auth;
    let Some(credential) = credential(request.headers()) else {
        return Err(Problem::new(ProblemType::Unauthenticated, "no credential was sent; use `Authorization: Bearer …` or `X-API-Key`"));
    };
    auth.caller(credential).ok_or_else(|| Problem::new(ProblemType::Unauthenticated, "the credential is unknown, malformed or expired"))
}

/// The credential that the headers carry, in bytes, since one that is remembered is not read. A header that cannot be a credential gives
/// an empty one, which nobody has.
pub(super) fn credential(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION);
    let (mut values, value, is_bearer) = match values.next() {
        Some(value) => (values, value, true),
        None => {
            let mut values = headers.get_all(X_API_KEY);
            let value = values.next()?;
            (values, value, false)
        }
    };
    if values.next().is_some() {
        return Some(b"");
    }
    let value = value.as_bytes();
    if is_bearer { Some(bearer(value).unwrap_or_default()) } else { Some(value) }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, credential) = value.split_at_checked(b"bearer".len())?;
    let credential = credential.strip_prefix(b" ")?.trim_ascii_start();
    scheme.eq_ignore_ascii_case(b"bearer").then_some(credential)
}

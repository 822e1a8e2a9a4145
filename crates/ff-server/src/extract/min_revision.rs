//! Which revision a reader must see at least: read your writes, whichever server they went through.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpRequest};
use ff_store::Revision;

use crate::problem::{Problem, ProblemType};

/// Names a revision that an evaluation must not be older than; any will do, where it is missing.
pub const X_MIN_REVISION: HeaderName = HeaderName::from_static("x-min-revision");

/// In answers: the tenant's revision that a write has made or found, or that an evaluation was made from.
pub const X_REVISION: HeaderName = HeaderName::from_static("x-revision");

/// The revision that `X-Min-Revision` names, if it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinRevision(pub Option<Revision>);

impl FromRequest for MinRevision {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(named(request.headers()))
    }
}

fn named(headers: &HeaderMap) -> Result<MinRevision, Problem> {
    // Most requests do not name one.
    if !headers.contains_key(X_MIN_REVISION) {
        return Ok(MinRevision(None));
    }
    let mut values = headers.get_all(X_MIN_REVISION);
    let revision = match (values.next(), values.next()) {
        (Some(only), None) => only.to_str().ok().and_then(|text| revision(text).ok()),
        _ => None,
    };
    revision.map(|revision| MinRevision(Some(revision))).ok_or_else(|| {
        Problem::new(ProblemType::InvalidHeader, "the header `X-Min-Revision` must be there once at most, as a whole number such as `42`")
    })
}

/// A revision as clients write it.
///
/// # Errors
/// What a revision looks like, where this is none.
pub fn revision(text: &str) -> Result<Revision, &'static str> {
    // What the number's own parser takes besides: a sign.
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number).map(Revision::new).ok_or("expected a revision, a whole number below 2^63")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_a_whole_number_that_fits() {
        for (text, number) in [("0", 0), ("42", 42), ("9223372036854775807", i64::MAX)] {
            assert_eq!(revision(text), Ok(Revision::new(number)));
        }
        for text in ["", "-1", "+1", "abc", "1.0", " 1", "0x1", "9223372036854775808", "99999999999999999999"] {
            assert!(revision(text).is_err(), "{text}");
        }
    }
}

//! How results become answers.

use std::fmt::Display;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ETAG, HeaderName, HeaderValue, LOCATION, VARY};
use ff_core::Finding;
use ff_store::{Outcome, Page, PageLimit, PageRequest, PageToken, Revision, Version};
use serde::Serialize;

use crate::cache::ServedRuleset;
use crate::extract::{IfNoneMatch, Params, X_REVISION};
use crate::problem::Problem;

/// The headers that choose what an answer shows; a cache must keep them apart.
pub(super) const CHOOSERS: &str = "Authorization, X-API-Key, X-Tenant-ID, X-Environment";

/// How long ago this server last knew that what it answers from is what the database has, in seconds with three decimals.
pub(super) const X_RULESET_AGE: HeaderName = HeaderName::from_static("x-ruleset-age");

/// What an evaluation says about the ruleset that it was made from; and that no cache may keep it: the next one may be another, and it is
/// about one user.
pub(super) fn seen(ruleset: &ServedRuleset) -> [(HeaderName, HeaderValue); 3] {
    let [revision, age] = [HeaderValue::from(ruleset.revision()), seconds(ruleset.age())];
    [(X_REVISION, revision), (X_RULESET_AGE, age), (CACHE_CONTROL, HeaderValue::from_static("no-store"))]
}

/// The answer to a write that has left the tenant at this revision.
pub(super) fn at(revision: Revision, mut answer: HttpResponse) -> HttpResponse {
    answer.headers_mut().insert(X_REVISION, HeaderValue::from(revision.get()));
    answer
}

/// Milliseconds that a number of 64 bits may have, with a point: more than any age.
const AGE_BYTES: usize = 24;

/// `0.042`. Every evaluation writes one, so it is not left to the formatter.
fn seconds(age: Duration) -> HeaderValue {
    let mut rest = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    let (mut text, mut start) = ([0; AGE_BYTES], AGE_BYTES);
    for (i, place) in text.iter_mut().rev().enumerate() {
        start -= 1;
        if i == 3 {
            *place = b'.';
            continue;
        }
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        if i > 3 && rest == 0 {
            break;
        }
    }
    // Digits and a point are always a header's value.
    text.get(start..).and_then(|text| HeaderValue::from_bytes(text).ok()).unwrap_or_else(|| HeaderValue::from_static("0.000"))
}

/// Some text as an entity tag.
fn tag(version: Version) -> String {
    format!("\"{version}\"")
}

/// One entity that was read; 304, if the client has this version already.
pub(super) fn shown(entity: &impl Serialize, version: Version, seen: &IfNoneMatch) -> HttpResponse {
    let is_seen = seen.0.as_ref().is_some_and(|tags| tags.contain(Some(version)));
    let mut answer = if is_seen { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((ETAG, tag(version))).insert_header((CACHE_CONTROL, "private, no-cache")).insert_header((VARY, CHOOSERS));
    if is_seen { answer.finish() } else { answer.json(entity) }
}

/// An entity with what is probably a mistake in it. The warnings are no part of the entity: its version does not tell of them.
#[derive(Serialize)]
struct WithWarnings<'a, T> {
    #[serde(flatten)]
    entity: &'a T,
    warnings: &'a [Finding],
}

/// One entity that was written, and what was found in it: 201 and where it is if it is new, else 200.
pub(super) fn linted(
    entity: &impl Serialize,
    warnings: &[Finding],
    outcome: Outcome,
    version: Version,
    path: impl Display,
) -> HttpResponse {
    if warnings.is_empty() {
        return written(entity, outcome, Some(version), path);
    }
    written(&WithWarnings { entity, warnings }, outcome, Some(version), path)
}

/// One entity that was written: 201 and where it is if it is new, else 200.
pub(super) fn written(entity: &impl Serialize, outcome: Outcome, version: Option<Version>, path: impl Display) -> HttpResponse {
    let mut answer = match outcome {
        Outcome::Created => HttpResponse::Created(),
        Outcome::Updated | Outcome::Unchanged => HttpResponse::Ok(),
    };
    if outcome == Outcome::Created {
        answer.insert_header((LOCATION, path.to_string()));
    }
    if let Some(version) = version {
        answer.insert_header((ETAG, tag(version)));
    }
    answer.json(entity)
}

/// An answer that no cache may keep: it holds a secret, or more than its entity tag tells of.
pub(super) fn unstored(mut answer: HttpResponse) -> HttpResponse {
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    answer
}

/// One entity that is gone.
pub(super) fn deleted() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

#[derive(Serialize)]
struct Body<'a, T> {
    items: &'a [T],
    next_page_token: Option<&'a PageToken>,
}

/// A page of a list.
pub(super) fn page<T: Serialize>(page: &Page<T>) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, "private, no-cache")).insert_header((VARY, CHOOSERS));
    answer.json(Body { items: &page.items, next_page_token: page.next.as_ref() })
}

/// Takes `limit` (1 to `max`, by default 50) and `page_token`.
///
/// # Errors
/// 400, naming the parameter that does not fit.
pub(super) fn page_request(params: &mut Params, max: u32) -> Result<PageRequest, Problem> {
    let read = |text: &str| {
        // A number of any size is out of range rather than unreadable.
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let limit = if is_number { Ok(text.parse().unwrap_or(u32::MAX)) } else { Err("expected a whole number".to_owned()) };
        limit.and_then(|limit| PageLimit::new(limit, max).map_err(|error| error.to_string()))
    };
    let limit = params.value_by("limit", read)?.unwrap_or_default();
    Ok(PageRequest { limit, token: params.value::<PageToken>("page_token")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_seconds_with_three_decimals() {
        for (millis, text) in [(0, "0.000"), (7, "0.007"), (42, "0.042"), (999, "0.999"), (1_000, "1.000"), (61_234, "61.234")] {
            assert_eq!(seconds(Duration::from_millis(millis)), text);
        }
        assert_eq!(seconds(Duration::from_micros(1_999)), "0.001");
        assert_eq!(seconds(Duration::MAX), "18446744073709551.615");
    }
}

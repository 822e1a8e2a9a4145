//! Conditional requests (RFC 9110, section 13): which version of an entity the client has seen.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use actix_web::{FromRequest, HttpRequest};

use crate::problem::{Problem, ProblemType};
use crate::service::{Precondition, Tags};

/// The precondition of a write.
#[derive(Debug, Clone)]
pub struct Conditional(pub Precondition);

/// The versions that a reader has already, if it names any.
#[derive(Debug, Clone)]
pub struct IfNoneMatch(pub Option<Tags>);

impl FromRequest for Conditional {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let headers = request.headers();
        let precondition = || {
            Ok(Precondition {
                matches: tags(headers, IF_MATCH, Comparison::Strong)?,
                matches_none: tags(headers, IF_NONE_MATCH, Comparison::Weak)?,
            })
        };
        ready(precondition().map(Self))
    }
}

impl FromRequest for IfNoneMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(tags(request.headers(), IF_NONE_MATCH, Comparison::Weak).map(Self))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    /// A weak tag matches nothing.
    Strong,
    /// A weak tag counts like a strong one.
    Weak,
}

fn tags(headers: &HeaderMap, name: HeaderName, comparison: Comparison) -> Result<Option<Tags>, Problem> {
    let mut found = None;
    for value in headers.get_all(&name) {
        let listed = value.to_str().ok().and_then(|text| parse(text, comparison)).ok_or_else(|| {
            Problem::new(ProblemType::InvalidHeader, format!("`{name}` must be `*` or a list of entity tags such as `\"7\"`"))
        })?;
        // Several headers of one name are one list.
        found = Some(match (found, listed) {
            (None, listed) => listed,
            (Some(Tags::Versions(mut versions)), Tags::Versions(more)) => {
                versions.extend(more);
                Tags::Versions(versions)
            }
            (Some(_), _) => Tags::Any,
        });
    }
    Ok(found)
}

/// `*`, or entity tags between commas. Our tags are versions, so a tag that is no number matches nothing and is dropped.
fn parse(text: &str, comparison: Comparison) -> Option<Tags> {
    let text = text.trim();
    if text == "*" {
        return Some(Tags::Any);
    }
    let mut versions = Vec::new();
    let mut rest = text;
    loop {
        let (is_weak, tag) = rest.strip_prefix("W/").map_or((false, rest), |tag| (true, tag));
        let (tag, after) = tag.strip_prefix('"')?.split_once('"')?;
        let version = tag.parse::<i64>().ok().filter(|version| version.to_string() == tag);
        versions.extend(version.filter(|_| !is_weak || comparison == Comparison::Weak));
        let after = after.trim_start();
        if after.is_empty() {
            return Some(Tags::Versions(versions));
        }
        rest = after.strip_prefix(',')?.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use ff_store::Version;

    use super::*;

    fn strong(text: &str) -> Option<Tags> {
        parse(text, Comparison::Strong)
    }

    #[test]
    fn lists_of_strong_tags_are_read() {
        assert_eq!(strong("*"), Some(Tags::Any));
        assert_eq!(strong("\"7\""), Some(Tags::Versions(vec![7])));
        assert_eq!(strong(" \"7\" ,\"8\",  \"abc\", \"07\", \"\""), Some(Tags::Versions(vec![7, 8])));
        for bad in ["", "7", "\"7", "7\"", "\"7\" \"8\"", "\"7\",", "\"7\", *", "w/\"7\"", "W/7"] {
            assert_eq!(strong(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_weak_tag_never_matches_a_write_and_always_a_read() {
        assert_eq!(strong("W/\"7\""), Some(Tags::Versions(vec![])));
        assert_eq!(parse("W/\"7\", \"8\"", Comparison::Weak), Some(Tags::Versions(vec![7, 8])));
    }

    #[test]
    fn a_precondition_is_held_against_the_present_version() {
        let condition = |matches: Option<&str>, none: Option<&str>| Precondition {
            matches: matches.and_then(strong),
            matches_none: none.and_then(|text| parse(text, Comparison::Weak)),
        };
        let seven = Some(Version::new(7));
        for (matches, none, current, holds) in [
            (None, None, seven, true),
            (None, None, None, true),
            (Some("\"7\""), None, seven, true),
            (Some("\"6\", \"7\""), None, seven, true),
            (Some("\"6\""), None, seven, false),
            (Some("W/\"7\""), None, seven, false),
            (Some("\"7\""), None, None, false),
            (Some("*"), None, seven, true),
            (Some("*"), None, None, false),
            (None, Some("*"), None, true),
            (None, Some("*"), seven, false),
            (None, Some("\"7\""), seven, false),
            (None, Some("\"6\""), seven, true),
        ] {
            assert_eq!(condition(matches, none).check(current).is_ok(), holds, "{matches:?} {none:?} {current:?}");
        }
    }
}

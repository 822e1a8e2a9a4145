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

/// The states of a document that a reader has already, by tags that are no versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenTags {
    any: bool,
    /// Without their quotes.
    tags: Vec<String>,
}

impl SeenTags {
    /// Whether the reader has the state of this tag, which has its quotes.
    pub fn contain(&self, tag: &str) -> bool {
        let bare = tag.trim_matches('"');
        self.any || self.tags.iter().any(|seen| seen == bare)
    }
}

impl FromRequest for SeenTags {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut seen = Self::default();
        for value in request.headers().get_all(IF_NONE_MATCH) {
            match value.to_str().ok().and_then(listed) {
                Some(Listed::Any) => seen.any = true,
                // Weak ones count like strong ones: a proxy that compresses makes ours weak.
                Some(Listed::Tags(tags)) => seen.tags.extend(tags.into_iter().map(|(_, tag)| tag.to_owned())),
                None => return ready(Err(unreadable(&IF_NONE_MATCH))),
            }
        }
        ready(Ok(seen))
    }
}

fn unreadable(name: &HeaderName) -> Problem {
    Problem::new(ProblemType::InvalidHeader, format!("`{name}` must be `*` or a list of entity tags such as `\"7\"`"))
}

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
        let listed = value.to_str().ok().and_then(|text| parse(text, comparison)).ok_or_else(|| unreadable(&name))?;
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

/// `*`, or entity tags between commas. These tags are versions, so one that is no number matches nothing and is dropped.
fn parse(text: &str, comparison: Comparison) -> Option<Tags> {
    let Listed::Tags(tags) = listed(text)? else { return Some(Tags::Any) };
    let counted = tags.into_iter().filter(|(is_weak, _)| !is_weak || comparison == Comparison::Weak);
    Some(Tags::Versions(counted.filter_map(|(_, tag)| tag.parse::<i64>().ok().filter(|version| version.to_string() == tag)).collect()))
}

/// What `If-Match` and `If-None-Match` hold.
#[derive(Debug, PartialEq)]
enum Listed<'a> {
    Any,
    /// Each with whether it is weak, without its quotes.
    Tags(Vec<(bool, &'a str)>),
}

fn listed(text: &str) -> Option<Listed<'_>> {
    let text = text.trim();
    if text == "*" {
        return Some(Listed::Any);
    }
    let mut tags = Vec::new();
    let mut rest = text;
    loop {
        // Whoever reads a list passes over members that are empty (RFC 9110, 5.6.1.2).
        rest = rest.trim_start_matches([',', ' ', '\t']);
        if rest.is_empty() {
            return (!tags.is_empty()).then_some(Listed::Tags(tags));
        }
        let (is_weak, tag) = rest.strip_prefix("W/").map_or((false, rest), |tag| (true, tag));
        let (tag, after) = tag.strip_prefix('"')?.split_once('"')?;
        tags.push((is_weak, tag));
        rest = after.trim_start();
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
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
        for gaps in ["\"7\",", ", \"7\"", ",,\"7\"\t, ,"] {
            assert_eq!(strong(gaps), Some(Tags::Versions(vec![7])), "{gaps}");
        }
        for bad in ["", ",", "7", "\"7", "7\"", "\"7\" \"8\"", "\"7\", *", "w/\"7\"", "W/7"] {
            assert_eq!(strong(bad), None, "{bad}");
        }
    }

    #[actix_web::test]
    async fn tags_of_documents_are_compared_as_they_are() {
        let seen = async |headers: &[&str]| {
            let request =
                headers.iter().fold(actix_web::test::TestRequest::default(), |r, value| r.append_header(("If-None-Match", *value)));
            SeenTags::extract(&request.to_http_request()).await.ok()
        };
        for yes in [&["*"] as &[_], &["\"a1\""], &["W/\"a1\""], &["\"b\" , \"a1\""], &["\"b\"", "\"a1\""]] {
            assert!(seen(yes).await.unwrap().contain("\"a1\""), "{yes:?}");
        }
        for no in [&[] as &[_], &["\"a\""], &["\"A1\""], &["\"\""]] {
            assert!(!seen(no).await.unwrap().contain("\"a1\""), "{no:?}");
        }
        assert_eq!(seen(&["a1"]).await, None);
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

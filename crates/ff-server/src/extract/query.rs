//! Query parameters: each read once, by name, with a message of its own; those that nobody reads are refused.

use std::fmt::Display;
use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use crate::problem::{Problem, ProblemType};

/// Whether the bytes behind the percent signs are UTF-8: what is not would be replaced on the way, and two ids become one.
pub(super) fn is_text(encoded: &str) -> bool {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok()).and_then(|two| u8::from_str_radix(two, 16).ok());
        match (first, digits) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    std::str::from_utf8(&bytes).is_ok()
}

/// The parameters of a request, decoded, in their order.
#[derive(Debug, Clone, Default)]
pub struct Params {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Params {
    /// Decodes a query string.
    ///
    /// # Errors
    /// 400, where it is no list of pairs.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        if !is_text(query) {
            return Err(Problem::new(ProblemType::InvalidQuery, "the query is not UTF-8"));
        }
        let web::Query(pairs) = web::Query::<Vec<(String, String)>>::from_query(query).map_err(Problem::from)?;
        Ok(Self { pairs, known: Vec::new() })
    }

    /// Takes the text of a parameter.
    ///
    /// # Errors
    /// 400, where it stands twice.
    pub fn text(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        self.known.push(name);
        let Some(at) = self.pairs.iter().position(|(other, _)| other == name) else {
            return Ok(None);
        };
        let (_, text) = self.pairs.swap_remove(at);
        if self.pairs.iter().any(|(other, _)| other == name) {
            return Err(Problem::new(ProblemType::InvalidQuery, format!("the parameter `{name}` stands twice")));
        }
        if text.contains('\0') {
            return Err(Problem::new(ProblemType::InvalidQuery, format!("the parameter `{name}` must not contain the character U+0000")));
        }
        Ok(Some(text))
    }

    /// Takes the texts of a parameter that may stand several times, in their order.
    pub fn texts(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        self.pairs.extract_if(.., |(other, _)| other == name).map(|(_, text)| text).collect()
    }

    /// Takes the value of a parameter, read by `read`.
    ///
    /// # Errors
    /// 400, where it stands twice or cannot be read.
    pub fn value_by<T, E: Display>(&mut self, name: &'static str, read: impl FnOnce(&str) -> Result<T, E>) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        read(&text)
            .map(Some)
            .map_err(|error| Problem::new(ProblemType::InvalidQuery, format!("the parameter `{name}` does not fit: {error}")))
    }

    /// Takes the value of a parameter.
    ///
    /// # Errors
    /// 400, where it stands twice or cannot be read.
    pub fn value<T>(&mut self, name: &'static str) -> Result<Option<T>, Problem>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.value_by(name, str::parse)
    }

    /// The parameters that were not taken: for routes where any other parameter means something too.
    pub fn rest(self) -> Vec<(String, String)> {
        self.pairs
    }

    /// Makes sure that every parameter was taken.
    ///
    /// # Errors
    /// 400, naming the first that was not, and those that would have been.
    pub fn finish(self) -> Result<(), Problem> {
        let Some((unknown, _)) = self.pairs.first() else {
            return Ok(());
        };
        let unknown: String = unknown.chars().take(64).collect();
        let known = self.known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "this route has none".to_owned() } else { format!("known here: {known}") };
        Err(Problem::new(ProblemType::InvalidQuery, format!("unknown parameter `{unknown}`; {known}")))
    }
}

/// Something that a query string can hold.
pub trait FromParams: Sized + 'static {
    /// Takes what it knows.
    ///
    /// # Errors
    /// 400, naming the parameter that does not fit.
    fn from_params(params: &mut Params) -> Result<Self, Problem>;
}

/// No parameters at all.
impl FromParams for () {
    fn from_params(_: &mut Params) -> Result<Self, Problem> {
        Ok(())
    }
}

/// The query of a route whose parameters are fixed.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: FromParams> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Params::parse(request.query_string()).and_then(|mut params| {
            let value = T::from_params(&mut params)?;
            params.finish()?;
            Ok(Self(value))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<T: std::fmt::Debug>(result: Result<T, Problem>) -> String {
        let problem = result.unwrap_err();
        assert_eq!(problem.kind(), ProblemType::InvalidQuery);
        problem.to_string()
    }

    #[test]
    fn parameters_are_decoded_and_typed() {
        let mut params = Params::parse("q=50%25+off%5F&limit=7").unwrap();
        assert_eq!(params.value::<u32>("limit").unwrap(), Some(7));
        assert_eq!(params.text("q").unwrap().as_deref(), Some("50% off_"));
        assert_eq!(params.text("tag").unwrap(), None);
        params.finish().unwrap();
    }

    #[test]
    fn a_parameter_may_be_a_list_where_the_route_says_so() {
        let mut params = Params::parse("a=2&b=x&a=1&a=").unwrap();
        assert_eq!(params.texts("a"), ["2", "1", ""]);
        assert_eq!(params.texts("c"), Vec::<String>::new());
        assert!(refusal(params.finish()).contains("unknown parameter `b`; known here: `a`, `c`"));
    }

    #[test]
    fn unknown_repeated_and_unreadable_ones_are_refused_by_name() {
        let mut params = Params::parse("limt=7").unwrap();
        params.value::<u32>("limit").unwrap();
        assert_eq!(refusal(params.finish()), "invalid_query: unknown parameter `limt`; known here: `limit`");
        assert!(refusal(Params::parse("a=1&a=1").unwrap().text("a")).contains("`a` stands twice"));
        assert!(refusal(Params::parse("a=x").unwrap().value::<u32>("a")).contains("`a` does not fit"));
        assert!(refusal(Params::parse("a=%00").unwrap().text("a")).contains("U+0000"));
        assert!(refusal(Params::parse("a=1").unwrap().finish()).contains("this route has none"));
    }
}

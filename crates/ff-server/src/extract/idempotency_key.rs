//! `Idempotency-Key`: the name that a client gives a request, so that it can be sent again and is not done again.

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use ff_store::KeyedRequest;
use sha2::{Digest as _, Sha256};

use crate::auth::Credential;
use crate::problem::{Problem, ProblemType};
use crate::service::Context;

/// Names a request.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, in characters.
const LENGTH_MAX: usize = 255;

/// A key as the client chose it: 1 to 255 printable ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl std::fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdempotencyKey(…)")
    }
}

impl IdempotencyKey {
    /// The key that the headers carry.
    ///
    /// # Errors
    /// 400, if it cannot be read, or is not there just once.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(&IDEMPOTENCY_KEY);
        let only = values.next().filter(|_| values.next().is_none());
        only.and_then(|value| parse(value.to_str().ok()?)).map(Self).ok_or_else(|| {
            let detail = format!(
                "`Idempotency-Key` must be there once, as 1 to {LENGTH_MAX} printable ASCII characters, between quotes or without (then without spaces, `\"`, `,`, `;` and `\\`)"
            );
            Problem::new(ProblemType::InvalidHeader, detail)
        })
    }

    /// The request under this key, as digests: whose key it is, and what "the same request" means.
    ///
    /// All that has a part in what the request does counts: method, path and query as they were sent, the environment (`production`, where
    /// none is named), preconditions, the media type, and every byte of the body. What does not is left out: request id, user agent, and
    /// which of a caller's tokens it is.
    pub fn request(&self, request: &HttpRequest, context: &Context, credential: Credential, body: &[u8]) -> KeyedRequest {
        let kind = match credential {
            Credential::AdminKey => "admin key",
            Credential::Token => "token",
        };
        let key_digest = Parts::default().part(kind).part(context.caller.subject()).part(&self.0).digest();
        let headers = request.headers();
        let request_digest = Parts::default()
            .part(request.method().as_str())
            .part(request.uri().path())
            .part(request.uri().query().unwrap_or_default())
            .part(context.scope.environment.as_str())
            .list(headers, &IF_MATCH)
            .list(headers, &IF_NONE_MATCH)
            .list(headers, &CONTENT_TYPE)
            .part(body)
            .digest();
        KeyedRequest { key_digest, request_digest }
    }
}

/// An `sf-string` (RFC 9651) without parameters, or the same text bare.
fn parse(text: &str) -> Option<String> {
    let text = text.trim_matches([' ', '\t']);
    let key = match text.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None => text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';' | b'\\')).then(|| text.to_owned())?,
    };
    (1..=LENGTH_MAX).contains(&key.len()).then_some(key)
}

/// What stands up to the closing quote, which must be the end.
fn unquote(quoted: &str) -> Option<String> {
    let mut key = String::new();
    let mut rest = quoted.chars();
    loop {
        match rest.next()? {
            '"' => return rest.as_str().is_empty().then_some(key),
            '\\' => key.push(rest.next().filter(|c| matches!(c, '"' | '\\'))?),
            c @ ' '..='~' => key.push(c),
            _ => return None,
        }
    }
}

/// SHA-256 over texts, each with its length before it, so that no two lists of texts run into one.
#[derive(Default)]
struct Parts(Sha256);

impl Parts {
    fn part(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// All values of a header.
    fn list(self, headers: &HeaderMap, name: &HeaderName) -> Self {
        let count = headers.get_all(name).count() as u64;
        headers.get_all(name).fold(self.part(count.to_le_bytes()), |parts, value| parts.part(value.as_bytes()))
    }

    fn digest(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::test::TestRequest;
    use ff_core::EnvironmentKey;
    use ff_store::Scope;

    use super::*;
    use crate::auth::{Caller, Tenants};
    use crate::service::RequestId;

    #[test]
    fn a_key_is_read_with_quotes_and_without() {
        for (sent, key) in [
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            (" \"a b, c; d\" ", "a b, c; d"),
            (r#""say \"hi\" \\""#, r#"say "hi" \"#),
            ("job:7/42=_~", "job:7/42=_~"),
            (&"x".repeat(255), &"x".repeat(255)),
        ] {
            assert_eq!(parse(sent).as_deref(), Some(key), "{sent}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let (long, long_quoted) = ("x".repeat(256), format!("\"{}\"", "x".repeat(256)));
        for bad in [
            "",
            " ",
            "\"\"",
            "\"",
            "\"a",
            "a\"",
            "\"a\"b",
            "\"a\";p=1",
            "a b",
            "a,b",
            "a;b",
            r"a\b",
            r#""\n""#,
            "é",
            "\"é\"",
            &long,
            &long_quoted,
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        let request =
            TestRequest::default().append_header(("Idempotency-Key", "a")).append_header(("Idempotency-Key", "a")).to_http_request();
        assert_eq!(IdempotencyKey::of(request.headers()).unwrap_err().kind(), ProblemType::InvalidHeader);
    }

    fn context(subject: &str, environment: &str) -> Context {
        Context {
            scope: Scope::new("acme".parse().unwrap(), environment.parse::<EnvironmentKey>().unwrap()),
            caller: Arc::new(Caller::new(subject, [].into_iter().collect(), Tenants::All)),
            request_id: RequestId::made(),
            once: None,
        }
    }

    #[test]
    fn all_that_has_a_part_in_what_a_request_does_tells_requests_apart() {
        let key = IdempotencyKey("k".to_owned());
        let post = || {
            TestRequest::post()
                .uri("/v1/flags?a=b")
                .insert_header(("If-Match", "\"1\""))
                .insert_header(("Content-Type", "application/json"))
        };
        let digest = |request: TestRequest, environment: &str, body: &str| {
            key.request(&request.to_http_request(), &context("ada", environment), Credential::Token, body.as_bytes()).request_digest
        };
        let first = digest(post(), "production", "{}");
        assert_eq!(first, digest(post().insert_header(("X-Request-ID", "another")), "production", "{}"));
        let others = [
            digest(post().method(actix_web::http::Method::PUT), "production", "{}"),
            digest(post().uri("/v1/flagsa?=b"), "production", "{}"),
            digest(post().uri("/v1/flags?a=c"), "production", "{}"),
            digest(post().uri("/v1/flags"), "production", "{}"),
            digest(post(), "staging", "{}"),
            digest(post().insert_header(("If-Match", "\"2\"")), "production", "{}"),
            digest(post().append_header(("If-Match", "\"1\"")), "production", "{}"),
            digest(post().insert_header(("If-None-Match", "*")), "production", "{}"),
            digest(post().insert_header(("Content-Type", "application/merge-patch+json")), "production", "{}"),
            digest(post(), "production", "{ }"),
            digest(post(), "production", ""),
        ];
        for (i, other) in others.iter().enumerate() {
            assert!(*other != first && !others[..i].contains(other), "number {i}");
        }
    }

    #[test]
    fn a_key_belongs_to_its_caller() {
        let request = TestRequest::post().uri("/v1/flags").to_http_request();
        let digest = |key: &str, subject: &str, credential| {
            IdempotencyKey(key.to_owned()).request(&request, &context(subject, "production"), credential, b"").key_digest
        };
        let mine = digest("k", "ada", Credential::Token);
        assert_eq!(mine, digest("k", "ada", Credential::Token));
        for other in
            [digest("l", "ada", Credential::Token), digest("k", "bob", Credential::Token), digest("k", "ada", Credential::AdminKey)]
        {
            assert_ne!(other, mine);
        }
        assert_ne!(digest("bc", "a", Credential::Token), digest("c", "ab", Credential::Token));
        assert!(!mine.contains("ada") && mine.len() == 64);
    }
}

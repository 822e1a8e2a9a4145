//! Who asks, and where.

use std::fmt;
use std::sync::Arc;

use ff_store::Scope;

use super::Once;
use crate::auth::Caller;

/// The frame of one request: which tenant and environment, on whose behalf, under which id.
#[derive(Debug, Clone)]
pub struct Context {
    /// The tenant that was entered, with permission, and the environment that was named.
    pub scope: Scope,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// Ties answer, log lines and audit entries together.
    pub request_id: RequestId,
    /// For a write that came with an `Idempotency-Key`.
    pub once: Option<Arc<Once>>,
}

/// The name of one request: taken from the client if it has a usable one, else made.
///
/// 1 to 128 printable ASCII characters, so it can stand in a header, a log line and a database column as it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The longest that is taken, in bytes.
    pub const LENGTH_MAX: usize = 128;

    /// `text` as a request id, if it can be one.
    pub fn taken(text: &[u8]) -> Option<Self> {
        let usable = (1..=Self::LENGTH_MAX).contains(&text.len()) && text.iter().all(|b| matches!(b, 0x20..=0x7e));
        let text = std::str::from_utf8(text).ok().filter(|_| usable)?;
        Some(Self(text.into()))
    }

    /// A fresh one. It starts with the time, so ids sort by it.
    pub fn made() -> Self {
        let mut buffer = uuid::Uuid::encode_buffer();
        Self((&*uuid::Uuid::now_v7().hyphenated().encode_lower(&mut buffer)).into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_ascii_of_a_bounded_length_is_taken() {
        for good in ["a", "0192-…".trim_end_matches('…'), "with space and ~", &"x".repeat(128)] {
            assert_eq!(RequestId::taken(good.as_bytes()).unwrap().as_str(), good);
        }
        for bad in ["", "é", "a\nb", "a\tb", "\u{7f}", &"x".repeat(129)] {
            assert!(RequestId::taken(bad.as_bytes()).is_none(), "{bad:?}");
        }
        assert!(RequestId::taken(&[0xff]).is_none());
    }

    #[test]
    fn made_ids_differ_and_could_be_taken() {
        let (a, b) = (RequestId::made(), RequestId::made());
        assert_ne!(a, b);
        assert_eq!(RequestId::taken(a.as_str().as_bytes()), Some(a));
    }
}

//! Lists in pages: how many, and from where on.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::error::StoreError;

/// How many items a page may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(u32);

/// The limit is outside its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit must be 1 to {max}, got {limit}")]
pub struct PageLimitError {
    /// The refused limit.
    pub limit: u32,
    /// The largest one of this list.
    pub max: u32,
}

impl PageLimit {
    /// Where none is given.
    pub const DEFAULT: Self = Self(50);
    /// The largest page of flags, segments or environments.
    pub const LIST_MAX: u32 = 100;
    /// The largest page of audit entries.
    pub const AUDIT_MAX: u32 = 200;

    /// A limit from 1 to `max`.
    ///
    /// # Errors
    /// One outside that range.
    pub fn new(limit: u32, max: u32) -> Result<Self, PageLimitError> {
        if (1..=max).contains(&limit) { Ok(Self(limit)) } else { Err(PageLimitError { limit, max }) }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// One more than asked for, to see whether another page follows.
    pub(crate) fn with_lookahead(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Which page is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageRequest {
    /// How many items at most.
    pub limit: PageLimit,
    /// Where the page before ended; the first page, where there is none.
    pub token: Option<PageToken>,
}

impl PageRequest {
    /// The key after which a list by key goes on; the empty text stands before all keys.
    pub(crate) fn key(&self) -> Result<&str, StoreError> {
        match &self.token {
            None => Ok(""),
            Some(PageToken(Position::Key(key))) => Ok(key),
            Some(PageToken(Position::Revision(_))) => Err(StoreError::PageToken),
        }
    }

    /// The revision before which a list by revision goes on.
    pub(crate) fn revision(&self) -> Result<Option<i64>, StoreError> {
        match &self.token {
            None => Ok(None),
            Some(PageToken(Position::Revision(revision))) => Ok(Some(*revision)),
            Some(PageToken(Position::Key(_))) => Err(StoreError::PageToken),
        }
    }
}

/// Some items, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items in the list's order. Rows that do not parse are left out, so a page may be short and yet not the last.
    pub items: Vec<T>,
    /// The token of the next page, if there is one.
    pub next: Option<PageToken>,
}

impl<T> Page<T> {
    pub(crate) fn empty() -> Self {
        Self { items: Vec::new(), next: None }
    }

    /// Makes a page of the rows that were read with one row of lookahead.
    pub(crate) fn cut<R>(mut rows: Vec<R>, limit: PageLimit, token: impl Fn(&R) -> PageToken, item: impl FnMut(R) -> Option<T>) -> Self {
        let limit = limit.get() as usize;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = if has_more { rows.last().map(token) } else { None };
        Self { items: rows.into_iter().filter_map(item).collect(), next }
    }
}

/// Where a page ended. Opaque to clients: its text may change between releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken(Position);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Position {
    /// The last key that was shown, in a list ordered by key.
    Key(String),
    /// The last revision that was shown, in a list ordered by revision.
    Revision(i64),
}

/// The text is not a page token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the page token is malformed; use `next_page_token` of the page before, unchanged")]
pub struct PageTokenError;

impl PageToken {
    pub(crate) fn after_key(key: &str) -> Self {
        Self(Position::Key(key.to_owned()))
    }

    pub(crate) fn before_revision(revision: i64) -> Self {
        Self(Position::Revision(revision))
    }
}

/// The alphabet of base64url (RFC 4648 §5): a token stands in a query string as it is.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in (0..=chunk.len()).map(|i| 18 - 6 * i) {
            // Six bits are always within the alphabet.
            text.extend(ALPHABET.get((bits >> place & 63) as usize).map(|symbol| char::from(*symbol)));
        }
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for symbol in chunk {
            bits = bits << 6 | u32::try_from(ALPHABET.iter().position(|known| known == symbol)?).ok()?;
        }
        bits <<= 6 * (4 - chunk.len());
        let [_, decoded @ ..] = bits.to_be_bytes();
        bytes.extend_from_slice(decoded.get(..chunk.len() - 1)?);
    }
    // Leftover bits and a lone symbol would be other spellings of the same token.
    (encode(&bytes) == text).then_some(bytes)
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = match &self.0 {
            Position::Key(key) => format!("k{key}"),
            Position::Revision(revision) => format!("r{revision}"),
        };
        f.write_str(&encode(plain.as_bytes()))
    }
}

impl FromStr for PageToken {
    type Err = PageTokenError;

    fn from_str(text: &str) -> Result<Self, PageTokenError> {
        let plain = decode(text).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(PageTokenError)?;
        if let Some(key) = plain.strip_prefix('k') {
            // All kinds of keys share one grammar. Checking it keeps characters out of queries that no key can have.
            let key: ff_core::FlagKey = key.parse().map_err(|_| PageTokenError)?;
            return Ok(Self::after_key(key.as_str()));
        }
        let revision: i64 = plain.strip_prefix('r').and_then(|number| number.parse().ok()).ok_or(PageTokenError)?;
        // One spelling only: no `+7`, no `007`.
        if revision < 0 || plain != format!("r{revision}") {
            return Err(PageTokenError);
        }
        Ok(Self::before_revision(revision))
    }
}

impl Serialize for PageToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_there_and_back() {
        for token in ["a", "ab", "abc", &"k".repeat(128)].map(PageToken::after_key) {
            assert_eq!(token.to_string().parse(), Ok(token));
        }
        for token in [0, 1, 12, i64::MAX].map(PageToken::before_revision) {
            assert_eq!(token.to_string().parse(), Ok(token));
        }
    }

    #[test]
    fn garbage_is_not_a_token() {
        let garbage = [
            "",
            "a",
            "aw",
            "a2E=",
            "a2E\n",
            "%%%",
            "zzzz",
            "ключ",
            &encode(b"x1"),
            &encode(b"k"),
            &encode(b"k%"),
            &encode(b"r"),
            &encode(b"r-1"),
            &encode(b"r+1"),
            &encode(b"r01"),
        ];
        for text in garbage {
            assert_eq!(text.parse::<PageToken>(), Err(PageTokenError), "{text:?}");
        }
        // The last symbol carries two bits that mean nothing; only one spelling is a token.
        assert_eq!(encode(b"ka"), "a2E");
        assert_eq!("a2F".parse::<PageToken>(), Err(PageTokenError));
    }

    #[test]
    fn the_limit_has_a_range() {
        assert_eq!(PageLimit::new(100, PageLimit::LIST_MAX).unwrap().get(), 100);
        assert!(PageLimit::new(0, 100).is_err());
        assert_eq!(PageLimit::new(101, 100).unwrap_err().to_string(), "the limit must be 1 to 100, got 101");
    }
}

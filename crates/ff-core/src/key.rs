//! The names of things: checked once on the way in, then trusted.
//!
//! All keys share one grammar, `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`, so that a key can stand in a URL path, a header, a
//! file name or a metric label without escaping. There is no other way to make a key than to parse it.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest key, in bytes (all of them ASCII).
pub const KEY_LENGTH_MAX: usize = 128;

/// Why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Nothing was given.
    #[error("{0} must not be empty")]
    Empty(&'static str),
    /// More than [`KEY_LENGTH_MAX`] bytes.
    #[error("{what} must have at most {KEY_LENGTH_MAX} characters, got {length}")]
    TooLong {
        /// Which kind of key was expected.
        what: &'static str,
        /// How long the text was, in bytes.
        length: usize,
    },
    /// A character outside the grammar.
    #[error("{what} must be letters, digits, `.`, `_` or `-` and start with a letter or digit, got {text:?}")]
    Grammar {
        /// Which kind of key was expected.
        what: &'static str,
        /// The refused text.
        text: String,
    },
}

fn check(what: &'static str, text: &str) -> Result<(), KeyError> {
    let Some(first) = text.bytes().next() else {
        return Err(KeyError::Empty(what));
    };
    if text.len() > KEY_LENGTH_MAX {
        return Err(KeyError::TooLong { what, length: text.len() });
    }
    let rest = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if first.is_ascii_alphanumeric() && text.bytes().all(rest) { Ok(()) } else { Err(KeyError::Grammar { what, text: text.to_owned() }) }
}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident is $what:literal;)*) => { $(
        $(#[$doc])*
        ///
        /// Cheap to clone; compares and hashes as its text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The key's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = KeyError;

            fn from_str(text: &str) -> Result<Self, KeyError> {
                check($what, text)?;
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = KeyError;

            fn try_from(text: &str) -> Result<Self, KeyError> {
                text.parse()
            }
        }

        impl TryFrom<String> for $name {
            type Error = KeyError;

            fn try_from(text: String) -> Result<Self, KeyError> {
                text.parse()
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, text: &str) -> bool {
                *self.0 == *text
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, text: &&str) -> bool {
                *self.0 == **text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )* };
}

keys! {
    /// A tenant: the isolation boundary that every read and write belongs to.
    TenantId is "tenant id";
    /// A stage inside a tenant, such as `production`.
    EnvironmentKey is "environment key";
    /// A flag's name inside its tenant.
    FlagKey is "flag key";
    /// A variant's name inside its flag.
    VariantKey is "variant key";
    /// A segment's name inside its tenant.
    SegmentKey is "segment key";
    /// A rule's name inside its flag.
    RuleId is "rule id";
}

impl VariantKey {
    pub(crate) fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

/// [`EnvironmentKey::production`].
impl Default for EnvironmentKey {
    fn default() -> Self {
        Self::production()
    }
}

impl EnvironmentKey {
    /// The environment that every tenant has, and that a request without a choice means.
    pub fn production() -> Self {
        Self("production".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_letters_digits_and_three_marks() {
        for good in ["a", "0", "checkout-redesign", "A.b_c-9", &"k".repeat(KEY_LENGTH_MAX)] {
            assert_eq!(good.parse::<FlagKey>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", ".a", "_a", "a b", "a/b", "ä", "a\n", "a\0", "схема", &"k".repeat(KEY_LENGTH_MAX + 1)] {
            assert!(bad.parse::<FlagKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn json_is_checked_like_text() {
        assert_eq!(serde_json::from_str::<VariantKey>("\"on\"").unwrap().as_str(), "on");
        assert!(serde_json::from_str::<VariantKey>("\"o n\"").is_err());
    }
}

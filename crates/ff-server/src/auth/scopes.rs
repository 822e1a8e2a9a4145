//! What a token allows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One permission as tokens name it. Some imply others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TokenScope {
    /// `flags:r`: read flags and their history.
    FlagsRead,
    /// `flags:rw`: also write them.
    FlagsWrite,
    /// `segments:r`: read segments.
    SegmentsRead,
    /// `segments:rw`: also write them.
    SegmentsWrite,
    /// `evaluate`: evaluate flags for users, and nothing else.
    Evaluate,
    /// `audit:r`: read the audit log, which shows every entity of the tenant.
    AuditRead,
    /// `environments:r`: list environments.
    EnvironmentsRead,
    /// `environments:rw`: also create and delete them.
    EnvironmentsWrite,
    /// `events:r`: follow the event stream, which names what has changed and who changed it.
    EventsRead,
    /// `ruleset:r`: download rulesets, which show every flag, segment and list of users that evaluation needs.
    RulesetRead,
    /// `webhooks:rw`: create, read, change, try and delete webhooks.
    WebhooksWrite,
    /// `admin`: everything.
    Admin,
}

impl TokenScope {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 12] = [
        Self::FlagsRead,
        Self::FlagsWrite,
        Self::SegmentsRead,
        Self::SegmentsWrite,
        Self::Evaluate,
        Self::AuditRead,
        Self::EnvironmentsRead,
        Self::EnvironmentsWrite,
        Self::EventsRead,
        Self::RulesetRead,
        Self::WebhooksWrite,
        Self::Admin,
    ];

    /// Its name in tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FlagsRead => "flags:r",
            Self::FlagsWrite => "flags:rw",
            Self::SegmentsRead => "segments:r",
            Self::SegmentsWrite => "segments:rw",
            Self::Evaluate => "evaluate",
            Self::AuditRead => "audit:r",
            Self::EnvironmentsRead => "environments:r",
            Self::EnvironmentsWrite => "environments:rw",
            Self::EventsRead => "events:r",
            Self::RulesetRead => "ruleset:r",
            Self::WebhooksWrite => "webhooks:rw",
            Self::Admin => "admin",
        }
    }

    /// The scopes that come with this one, directly. Who may read flags may see what they evaluate to and in which
    /// environments they live.
    const fn implied(self) -> &'static [Self] {
        match self {
            Self::FlagsRead => &[Self::Evaluate, Self::EnvironmentsRead],
            Self::FlagsWrite => &[Self::FlagsRead],
            Self::SegmentsWrite => &[Self::SegmentsRead],
            Self::EnvironmentsWrite => &[Self::EnvironmentsRead],
            Self::Admin => &[
                Self::FlagsWrite,
                Self::SegmentsWrite,
                Self::AuditRead,
                Self::EnvironmentsWrite,
                Self::EventsRead,
                Self::RulesetRead,
                Self::WebhooksWrite,
            ],
            Self::SegmentsRead
            | Self::Evaluate
            | Self::AuditRead
            | Self::EnvironmentsRead
            | Self::EventsRead
            | Self::RulesetRead
            | Self::WebhooksWrite => &[],
        }
    }

    /// Whether it is needed for changes only.
    pub const fn is_for_changes(self) -> bool {
        match self {
            Self::FlagsWrite | Self::SegmentsWrite | Self::EnvironmentsWrite | Self::WebhooksWrite => true,
            Self::FlagsRead
            | Self::SegmentsRead
            | Self::Evaluate
            | Self::AuditRead
            | Self::EnvironmentsRead
            | Self::EventsRead
            | Self::RulesetRead
            | Self::Admin => false,
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for TokenScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TokenScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(|scope| format!("`{scope}`")).join(", ");
            format!("unknown scope; known: {known}")
        })
    }
}

impl Serialize for TokenScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TokenScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A set of scopes, closed under implication: asking it is one bit test.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenScopes(u16);

impl TokenScopes {
    /// Whether the set holds `scope`, itself or by implication.
    pub const fn allow(self, scope: TokenScope) -> bool {
        self.0 & scope.bit() != 0
    }

    fn add(&mut self, scope: TokenScope) {
        if !self.allow(scope) {
            self.0 |= scope.bit();
            scope.implied().iter().for_each(|implied| self.add(*implied));
        }
    }
}

impl FromIterator<TokenScope> for TokenScopes {
    fn from_iter<I: IntoIterator<Item = TokenScope>>(scopes: I) -> Self {
        let mut set = Self::default();
        scopes.into_iter().for_each(|scope| set.add(scope));
        set
    }
}

impl fmt::Debug for TokenScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(TokenScope::ALL.iter().filter(|scope| self.allow(**scope)).map(|scope| scope.as_str())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::TokenScope::*;
    use super::*;

    fn closure(scope: TokenScope) -> Vec<TokenScope> {
        let set: TokenScopes = [scope].into_iter().collect();
        TokenScope::ALL.into_iter().filter(|s| set.allow(*s)).collect()
    }

    #[test]
    fn writing_implies_reading_and_reading_flags_implies_evaluating() {
        assert_eq!(closure(FlagsWrite), [FlagsRead, FlagsWrite, Evaluate, EnvironmentsRead]);
        assert_eq!(closure(FlagsRead), [FlagsRead, Evaluate, EnvironmentsRead]);
        assert_eq!(closure(SegmentsWrite), [SegmentsRead, SegmentsWrite]);
        assert_eq!(closure(EnvironmentsWrite), [EnvironmentsRead, EnvironmentsWrite]);
    }

    #[test]
    fn admin_implies_everything_and_the_leaves_nothing() {
        assert_eq!(closure(Admin), TokenScope::ALL);
        for leaf in [SegmentsRead, Evaluate, AuditRead, EnvironmentsRead, EventsRead, RulesetRead, WebhooksWrite] {
            assert_eq!(closure(leaf), [leaf]);
        }
    }

    #[test]
    fn nothing_but_admin_implies_admin() {
        for scope in TokenScope::ALL {
            assert_eq!(closure(scope).contains(&Admin), scope == Admin);
        }
    }

    #[test]
    fn a_scope_is_read_as_it_is_shown_and_nothing_else_is() {
        for scope in TokenScope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        for bad in ["", "flags", "FLAGS:R", "flags:w", "*", "flags:r "] {
            assert!(bad.parse::<TokenScope>().is_err(), "{bad}");
        }
    }
}

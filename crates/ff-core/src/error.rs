//! Why a ruleset refused a change.

use std::fmt;

use serde::Serialize;

use crate::fault::Faults;
use crate::key::{FlagKey, SegmentKey};

/// A flag or a segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Entity {
    /// A flag, by key.
    Flag(FlagKey),
    /// A segment, by key.
    Segment(SegmentKey),
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(key) => write!(f, "flag `{key}`"),
            Self::Segment(key) => write!(f, "segment `{key}`"),
        }
    }
}

/// Why the engine refused a document or a change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The document is wrong in itself, or names what is not there.
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// Others need what the change would take away.
    #[error("{message}")]
    #[non_exhaustive]
    InUse {
        /// What is needed, and by whom.
        message: String,
        /// Who needs it.
        used_by: Vec<Entity>,
    },
    /// The segments come from another tenant, or were compiled apart from those that they should replace.
    #[error("the segments do not come from those of this ruleset")]
    Unrelated,
}

impl Error {
    pub(crate) fn in_use(what: &str, used_by: impl IntoIterator<Item = Entity>) -> Self {
        let used_by: Vec<_> = used_by.into_iter().collect();
        let users = used_by.iter().map(Entity::to_string).collect::<Vec<_>>().join(", ");
        Self::InUse { message: format!("{what} is used by {users}"), used_by }
    }
}

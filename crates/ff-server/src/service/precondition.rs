//! Which state an entity must be in for a write to happen (RFC 9110, section 13).

use ff_store::Version;

use super::ServiceError;

/// What `If-Match` and `If-None-Match` ask for. The default asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Precondition {
    /// Write only if the entity is in one of these versions: nobody else's change is overwritten.
    pub matches: Option<Tags>,
    /// Write only if it is in none of these; [`Tags::Any`] means create only.
    pub matches_none: Option<Tags>,
}

/// The entity tags of a conditional header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`: whatever version, as long as the entity exists.
    Any,
    /// These versions. Tags that cannot be a version of ours were dropped: they match nothing.
    Versions(Vec<i64>),
}

impl Tags {
    /// Whether the entity, which is in version `current` or absent, is among them.
    pub fn contain(&self, current: Option<Version>) -> bool {
        match (self, current) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::Versions(versions), Some(current)) => versions.contains(&current.get()),
        }
    }
}

impl Precondition {
    /// Holds the entity, in version `current` or absent, against what was asked for. To be called inside the transaction
    /// that writes, so that of two writers with the same precondition one loses.
    ///
    /// # Errors
    /// [`ServiceError::Stale`].
    pub fn check(&self, current: Option<Version>) -> Result<(), ServiceError> {
        let holds = self.matches.as_ref().is_none_or(|tags| tags.contain(current))
            && self.matches_none.as_ref().is_none_or(|tags| !tags.contain(current));
        if holds { Ok(()) } else { Err(ServiceError::Stale { current }) }
    }
}

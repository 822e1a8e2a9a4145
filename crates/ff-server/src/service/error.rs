//! Why something was not done.

use std::fmt;

use ff_core::Faults;
use ff_store::{Entity, Revision, StoreError, Version};

/// A lower cause, for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a service function did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The document that was sent breaks the rules.
    #[error("invalid document: {0}")]
    Invalid(Faults),
    /// It is not there, or not yours.
    #[error("{0}")]
    NotFound(Missing),
    /// Another entity stands in the way.
    #[error("{message}")]
    Conflict {
        /// Which conflict, such as `segment_in_use`; the last part of the problem's type.
        code: &'static str,
        /// The conflict in words.
        message: String,
        /// Who stands in the way.
        used_by: Vec<String>,
    },
    /// The entity is not in the state that the caller had seen.
    #[error("the entity is in {}", Shown(*current))]
    Stale {
        /// The version that it is in; `None` if it does not exist.
        current: Option<Version>,
    },
    /// The page token was made by another list.
    #[error("the page token belongs to another list")]
    PageToken,
    /// The caller asks for what follows a revision that is yet to come.
    #[error("the tenant is at revision {reached}, and {asked} is yet to come")]
    Ahead {
        /// The revision that was named.
        asked: Revision,
        /// The one that the tenant is at.
        reached: Revision,
    },
    /// The caller may not do this, for a reason beyond their scopes.
    #[error("{0}")]
    Forbidden(String),
    /// Another request with the same key was answered, or is about to be; this one has changed nothing.
    #[error("another request with this `Idempotency-Key` is being answered")]
    Repeated,
    /// This server does not serve the revision that the caller must see, and did not within the time that it waits.
    #[error("revision {served} is served here, and {wanted} was asked for")]
    Behind {
        /// What it serves.
        served: Revision,
        /// What the caller must see.
        wanted: Revision,
    },
    /// The database cannot be reached, or every connection is taken.
    #[error("the database is unavailable")]
    Unavailable(#[source] BoxError),
    /// Our fault.
    #[error("internal error")]
    Internal(#[source] BoxError),
}

/// What is not there, each with the key that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// A flag.
    Flag(String),
    /// A segment.
    Segment(String),
    /// An environment.
    Environment(String),
    /// A past state of an entity, such as `version 7 of flag x`.
    Revision(String),
    /// A webhook.
    Webhook(String),
    /// A delivery of a webhook.
    Delivery(String),
}

impl Missing {
    fn entity(entity: Entity, key: String) -> Self {
        match entity {
            Entity::Flag => Self::Flag(key),
            Entity::Segment => Self::Segment(key),
            Entity::Environment => Self::Environment(key),
            Entity::Webhook => Self::Webhook(key),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(key) => write!(f, "there is no flag `{key}`"),
            Self::Segment(key) => write!(f, "there is no segment `{key}`"),
            Self::Environment(key) => write!(f, "there is no environment `{key}`"),
            Self::Revision(which) => write!(f, "there is no {which}"),
            Self::Webhook(id) => write!(f, "there is no webhook `{id}`"),
            Self::Delivery(id) => write!(f, "there is no delivery `{id}`"),
        }
    }
}

struct Shown(Option<Version>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(version) => write!(f, "version {version}"),
            None => f.write_str("no version: it does not exist"),
        }
    }
}

impl ServiceError {
    /// An internal error with words of ours.
    pub fn internal(reason: impl Into<BoxError>) -> Self {
        Self::Internal(reason.into())
    }
}

impl From<Faults> for ServiceError {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { entity, key } => Self::NotFound(Missing::entity(entity, key)),
            StoreError::Conflict { code, message, used_by } => Self::Conflict { code, message, used_by },
            StoreError::PageToken => Self::PageToken,
            StoreError::Unavailable(_) => Self::Unavailable(Box::new(error)),
            StoreError::Query(_) | StoreError::Corrupt { .. } | StoreError::Migration(_) | StoreError::Dsn(_) => {
                Self::Internal(Box::new(error))
            }
        }
    }
}

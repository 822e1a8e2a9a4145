//! The names of webhooks and of their deliveries.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::scope::Revision;

/// A webhook's id: a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookId(Uuid);

/// What a delivery is known by at both ends: the header `webhook-id`, the same however often it is tried. Made of the webhook and of the
/// revision that it tells of, so it needs no place of its own to be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryId {
    /// Whose delivery.
    pub webhook: WebhookId,
    /// Of which change.
    pub revision: Revision,
}

/// The text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct IdError;

impl WebhookId {
    /// A new one. Version 7 rises with time, so a list by id is in the order of creation.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for WebhookId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for WebhookId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let id = Uuid::try_parse(text).map(Self).map_err(|_| IdError)?;
        // One spelling only.
        if id.to_string() == text { Ok(id) } else { Err(IdError) }
    }
}

impl Serialize for WebhookId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

// No dots: in what is signed, a dot ends the id.
const PREFIX: &str = "evt_";

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}_{}", self.webhook.0.simple(), self.revision)
    }
}

impl FromStr for DeliveryId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (webhook, revision) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(IdError)?;
        let webhook = Uuid::try_parse(webhook).map(WebhookId).map_err(|_| IdError)?;
        let revision = Revision::new(revision.parse().map_err(|_| IdError)?);
        let id = Self { webhook, revision };
        if id.to_string() == text { Ok(id) } else { Err(IdError) }
    }
}

impl Serialize for DeliveryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_shown_and_in_no_other_spelling() {
        let webhook = WebhookId::new();
        assert_eq!(webhook.to_string().parse(), Ok(webhook));
        let delivery = DeliveryId { webhook, revision: Revision::new(17) };
        assert_eq!(delivery.to_string().parse(), Ok(delivery));
        assert!(!delivery.to_string().contains('.'));
        for text in ["", "x", &webhook.to_string().to_uppercase(), &webhook.0.simple().to_string()] {
            assert_eq!(text.parse::<WebhookId>(), Err(IdError), "{text}");
        }
        let simple = webhook.0.simple();
        for text in
            ["", "evt_", &format!("evt_{simple}"), &format!("evt_{simple}_"), &format!("evt_{simple}_07"), &format!("evt_{webhook}_7")]
        {
            assert_eq!(text.parse::<DeliveryId>(), Err(IdError), "{text}");
        }
    }
}

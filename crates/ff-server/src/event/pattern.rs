//! Which events somebody wants: `*`, `flag.*`, `flag.updated`.

use std::fmt;
use std::str::FromStr;

use ff_store::{Action, Entity};
use serde::{Serialize, Serializer};

use super::EventType;

/// A set of event types that has a short name. Changes of webhooks are no events: nobody is told of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventPattern {
    /// `*`: all.
    All,
    /// `flag.*`: all of one entity.
    Of(Entity),
    /// `flag.updated`: one.
    One(EventType),
}

/// A text that names no events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be `*`, or `flag`, `segment` or `environment` followed by `.*`, `.created`, `.updated` or `.deleted`")]
pub struct EventPatternError;

impl EventPattern {
    /// Whether events of this type are meant.
    pub fn matches(self, kind: EventType) -> bool {
        match self {
            Self::All => EventType::all().any(|known| known == kind),
            Self::Of(entity) => kind.entity == entity,
            Self::One(one) => kind == one,
        }
    }
}

impl FromStr for EventPattern {
    type Err = EventPatternError;

    fn from_str(text: &str) -> Result<Self, EventPatternError> {
        if text == "*" {
            return Ok(Self::All);
        }
        let (entity, action) = text.split_once('.').ok_or(EventPatternError)?;
        let entity: Entity = entity.parse().map_err(|_| EventPatternError)?;
        if EventType::all().all(|known| known.entity != entity) {
            return Err(EventPatternError);
        }
        if action == "*" {
            return Ok(Self::Of(entity));
        }
        let action: Action = action.parse().map_err(|_| EventPatternError)?;
        Ok(Self::One(EventType { entity, action }))
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Of(entity) => write!(f, "{entity}.*"),
            Self::One(kind) => kind.fmt(f),
        }
    }
}

impl Serialize for EventPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_shown_again_and_mean_what_they_say() {
        for (text, count) in [("*", 9), ("flag.*", 3), ("segment.*", 3), ("environment.deleted", 1), ("flag.created", 1)] {
            let pattern: EventPattern = text.parse().unwrap();
            assert_eq!(pattern.to_string(), text);
            let matching: Vec<_> = EventType::all().filter(|kind| pattern.matches(*kind)).map(|kind| kind.to_string()).collect();
            assert_eq!(matching.len(), count, "{matching:?}");
            assert!(matching.iter().all(|kind| kind.starts_with(text.trim_end_matches('*'))));
            assert!(!pattern.matches(EventType { entity: Entity::Webhook, action: Action::Created }), "{text}");
        }
    }

    #[test]
    fn what_names_no_events_is_refused() {
        for text in [
            "",
            "flag",
            "flag.",
            ".updated",
            "flags.*",
            "flag.changed",
            "flag.*.x",
            "*.updated",
            "FLAG.*",
            " *",
            "webhook.*",
            "webhook.created",
        ] {
            assert_eq!(text.parse::<EventPattern>(), Err(EventPatternError), "{text}");
        }
    }
}

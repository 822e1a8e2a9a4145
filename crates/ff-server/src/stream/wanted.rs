//! What a subscriber wants to hear of.

use ff_core::EnvironmentKey;

use crate::event::{EventPattern, EventType};

/// Which changes a subscriber is told of: those that are felt in one of the environments and match one of the patterns. An empty list
/// narrows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The environments.
    pub environments: Vec<EnvironmentKey>,
    /// The types of events.
    pub patterns: Vec<EventPattern>,
}

impl Wanted {
    /// Whether an event of this type, felt in these environments (none stands for all), is one of them.
    pub(super) fn holds(&self, kind: EventType, environments: Option<&[EnvironmentKey]>) -> bool {
        let is_felt = |wanted: &EnvironmentKey| environments.is_none_or(|environments| environments.contains(wanted));
        (self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(kind)))
            && (self.environments.is_empty() || self.environments.iter().any(is_felt))
    }
}

#[cfg(test)]
mod tests {
    use ff_store::{Action, Entity};

    use super::*;

    #[test]
    fn both_lists_narrow_and_empty_ones_do_not() {
        let environment = |key: &str| key.parse::<EnvironmentKey>().unwrap();
        let kind = EventType { entity: Entity::Flag, action: Action::Updated };
        let wanted = |environments: &[&str], patterns: &[&str]| Wanted {
            environments: environments.iter().map(|key| environment(key)).collect(),
            patterns: patterns.iter().map(|pattern| pattern.parse().unwrap()).collect(),
        };
        let here = [environment("staging"), environment("qa")];
        // The last column is for a change that is felt everywhere.
        for (wanted, is_held, is_held_everywhere) in [
            (wanted(&[], &[]), true, true),
            (wanted(&["qa"], &[]), true, true),
            (wanted(&["production", "qa"], &["segment.*", "flag.updated"]), true, true),
            (wanted(&["production"], &[]), false, true),
            (wanted(&["production"], &["*"]), false, true),
            (wanted(&["qa"], &["flag.created", "segment.*"]), false, false),
        ] {
            assert_eq!(wanted.holds(kind, Some(&here)), is_held, "{wanted:?}");
            assert_eq!(wanted.holds(kind, None), is_held_everywhere, "{wanted:?}");
        }
    }
}

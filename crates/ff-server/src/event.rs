//! What event streams and webhooks tell of a change.
//!
//! An event names what has changed and shows none of it: a segment may list a million users, and whoever may hear of a change need
//! not be allowed to read the entity.

mod pattern;

use std::collections::BTreeSet;
use std::fmt;

use ff_core::{EnvironmentKey, Timestamp};
use ff_store::audit::Logged;
use ff_store::{Action, Entity, Revision};
use serde::{Serialize, Serializer};
use serde_json::Value;

pub use self::pattern::{EventPattern, EventPatternError};

/// What kind of change: `flag.updated`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventType {
    /// What was changed.
    pub entity: Entity,
    /// How.
    pub action: Action,
}

impl EventType {
    /// Every type that there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let entities = [Entity::Flag, Entity::Segment, Entity::Environment];
        let actions = [Action::Created, Action::Updated, Action::Deleted];
        entities.into_iter().flat_map(move |entity| actions.map(|action| Self { entity, action }))
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.entity, self.action)
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One change, as its event tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeEvent {
    /// What kind of change it was.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// The tenant's revision that it made. Each revision has one event.
    pub revision: Revision,
    /// When, by the writer's clock.
    pub timestamp: Timestamp,
    /// The entity's key.
    pub key: String,
    /// The entity's id: a flag that was deleted and created again has another one.
    pub id: String,
    /// The entity's version after the change, where it has one: a flag's in the first of `environments`, which is the one of the request.
    pub version: Option<i64>,
    /// The environments in which something has changed; none stands for all of them, as for segments and deleted flags.
    pub environments: Option<Vec<EnvironmentKey>>,
    /// The fields of the entity that are not as they were, in alphabetical order; empty for what was created or deleted.
    pub changed: Vec<String>,
    /// Who.
    pub actor: String,
    /// The request that asked for it.
    pub request_id: Option<String>,
}

/// Fields that change with every change and so say nothing.
const ALWAYS_CHANGED: [&str; 2] = ["updated_at", "version"];

impl ChangeEvent {
    /// The event of a logged change.
    pub fn of(logged: &Logged) -> Self {
        let Logged { entry, elsewhere } = logged;
        let environments = match (entry.entity, entry.action) {
            (Entity::Flag, Action::Created | Action::Updated) => {
                Some(entry.environment.iter().chain(elsewhere.keys()).cloned().collect::<Vec<_>>())
            }
            // An environment's key was read as one when it was written.
            (Entity::Environment, _) => entry.entity_key.parse().ok().map(|key| vec![key]),
            (Entity::Flag, Action::Deleted) | (Entity::Segment | Entity::Webhook, _) => None,
        };
        let views = elsewhere.values().map(|view| (&view.before, &view.after));
        let changed: BTreeSet<_> = std::iter::once((&entry.before, &entry.after)).chain(views).flat_map(differing).collect();
        Self {
            kind: EventType { entity: entry.entity, action: entry.action },
            revision: entry.revision,
            timestamp: entry.at,
            key: entry.entity_key.clone(),
            id: entry.entity_id.clone(),
            version: entry.after.as_ref().and_then(|after| after.get("version")).and_then(Value::as_i64),
            environments,
            changed: changed.into_iter().map(str::to_owned).collect(),
            actor: entry.actor.clone(),
            request_id: entry.request_id.clone(),
        }
    }

    /// Whether the change may be felt in this environment.
    pub fn touches(&self, environment: &EnvironmentKey) -> bool {
        self.environments.as_ref().is_none_or(|environments| environments.contains(environment))
    }
}

/// The fields that differ, of two states of one entity.
fn differing<'a>((before, after): (&'a Option<Value>, &'a Option<Value>)) -> Vec<&'a str> {
    let (Some(Value::Object(before)), Some(Value::Object(after))) = (before, after) else { return Vec::new() };
    let names = before.keys().chain(after.keys()).map(String::as_str).filter(|name| !ALWAYS_CHANGED.contains(name));
    names.filter(|name| before.get(*name) != after.get(*name)).collect()
}

#[cfg(test)]
mod tests {
    use ff_store::AuditEntry;
    use ff_store::audit::View;
    use serde_json::json;

    use super::*;

    fn key(text: &str) -> EnvironmentKey {
        text.parse().unwrap()
    }

    fn logged(entity: Entity, action: Action, before: Option<Value>, after: Option<Value>) -> Logged {
        let entry = AuditEntry {
            revision: Revision::new(7),
            at: Timestamp::EPOCH,
            actor: "ann".to_owned(),
            action,
            entity,
            entity_key: "checkout".to_owned(),
            entity_id: "id".to_owned(),
            environment: (entity != Entity::Segment).then(|| key("staging")),
            before,
            after,
            request_id: None,
        };
        Logged { entry, elsewhere: Default::default() }
    }

    #[test]
    fn an_update_tells_where_and_which_fields_and_shows_nothing_of_them() {
        let state = |state: &str, version: u32| Some(json!({"state": state, "owner": "x", "version": version, "updated_at": version}));
        let mut change = logged(Entity::Flag, Action::Updated, state("on", 3), state("off", 4));
        let before = Some(json!({"variants": [1]}));
        change.elsewhere.insert(key("production"), View { before, after: Some(json!({"variants": []})) });
        assert_eq!(
            serde_json::to_value(ChangeEvent::of(&change)).unwrap(),
            json!({
                "type": "flag.updated", "revision": 7, "timestamp": "1970-01-01T00:00:00Z", "key": "checkout", "id": "id", "version": 4,
                "environments": ["staging", "production"], "changed": ["state", "variants"], "actor": "ann", "request_id": null
            })
        );
    }

    #[test]
    fn segments_and_deleted_flags_touch_every_environment_and_others_their_own() {
        let some = || Some(json!({}));
        let event = |entity, action| ChangeEvent::of(&logged(entity, action, some(), some()));
        for (event, production, staging) in [
            (event(Entity::Segment, Action::Updated), true, true),
            (event(Entity::Flag, Action::Deleted), true, true),
            (event(Entity::Flag, Action::Updated), false, true),
            (event(Entity::Environment, Action::Created), false, false),
        ] {
            assert_eq!((event.touches(&key("production")), event.touches(&key("staging"))), (production, staging), "{event:?}");
        }
        assert!(event(Entity::Environment, Action::Deleted).touches(&key("checkout")));
    }
}

//! What the tests of event streams share.

use ff_core::Timestamp;
use ff_store::{Action, AuditEntry, Entity, Logged, Revision};
use serde_json::json;

/// A change at `revision`.
pub(super) fn logged(revision: i64, entity: Entity) -> Logged {
    let entry = AuditEntry {
        revision: Revision::new(revision),
        at: Timestamp::EPOCH,
        actor: "ann".to_owned(),
        action: Action::Updated,
        entity,
        entity_key: "key".to_owned(),
        entity_id: "id".to_owned(),
        environment: (entity != Entity::Segment).then(|| "production".parse().unwrap()),
        before: Some(json!({"name": "a"})),
        after: Some(json!({"name": "b"})),
        request_id: None,
    };
    Logged { entry, elsewhere: Default::default() }
}

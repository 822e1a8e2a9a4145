//! Audit rows, and how they are written.

use diesel::prelude::*;
use ff_core::{EnvironmentKey, TenantId, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::position::id;
use super::{Action, AuditEntry, Entity, Position};
use crate::change::Author;
use crate::connection::{Link, on};
use crate::document::JsonText;
use crate::error::{CorruptRow, StoreError};
use crate::schema::audit;
use crate::scope::{Revision, Version};

/// What a write has to say about itself.
pub(crate) struct Entry {
    pub(crate) action: Action,
    pub(crate) entity: Entity,
    pub(crate) entity_key: String,
    pub(crate) entity_id: String,
    pub(crate) environment: Option<EnvironmentKey>,
    /// The version that `after` has.
    pub(crate) version: Option<Version>,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
    /// What the change did in other environments: environment key → `before` and `after`.
    pub(crate) elsewhere: Option<Value>,
}

impl Action {
    /// What turns `before` into `after`.
    pub(crate) fn of<T>(before: Option<&T>, after: Option<&T>) -> Self {
        match (before, after) {
            (None, _) => Self::Created,
            (Some(_), Some(_)) => Self::Updated,
            (Some(_), None) => Self::Deleted,
        }
    }
}

impl Entry {
    /// The API form of a record.
    pub(crate) fn document<T: Serialize>(record: Option<&T>) -> Result<Option<Value>, StoreError> {
        record.map(serde_json::to_value).transpose().map_err(|error| StoreError::Query(error.into()))
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit)]
pub(super) struct AuditRow {
    tenant_id: String,
    pub(super) revision: i64,
    ts: i64,
    actor: String,
    action: String,
    entity: String,
    entity_key: String,
    entity_id: String,
    environment: Option<String>,
    version: Option<i64>,
    before: Option<JsonText>,
    after: Option<JsonText>,
    request_id: Option<String>,
}

impl AuditRow {
    pub(super) fn corrupt(&self, reason: impl ToString) -> CorruptRow {
        CorruptRow::new("audit", format!("{}/{}", self.tenant_id, self.revision), reason)
    }

    pub(super) fn entry(&self) -> Result<AuditEntry, CorruptRow> {
        let corrupt = |reason: String| self.corrupt(reason);
        let document = |text: &Option<JsonText>| text.as_ref().map(JsonText::parse).transpose().map_err(|error| corrupt(error.to_string()));
        Ok(AuditEntry {
            revision: Revision::new(self.revision),
            at: Timestamp::from_millis(self.ts),
            action: self.action.parse().map_err(|error| corrupt(format!("action {error}")))?,
            entity: self.entity.parse().map_err(|error| corrupt(format!("entity {error}")))?,
            environment: self.environment.as_deref().map(str::parse).transpose().map_err(|error| corrupt(format!("{error}")))?,
            before: document(&self.before)?,
            after: document(&self.after)?,
            actor: self.actor.clone(),
            entity_key: self.entity_key.clone(),
            entity_id: self.entity_id.clone(),
            request_id: self.request_id.clone(),
        })
    }
}

/// Appends the entry, and says where it stands.
pub(crate) fn insert(
    link: &mut Link<'_>,
    tenant: &TenantId,
    revision: Revision,
    at: Timestamp,
    author: &Author,
    entry: Entry,
) -> Result<Position, StoreError> {
    let text = |document: Option<Value>| document.as_ref().map(JsonText::of).transpose().map_err(|error| StoreError::Query(error.into()));
    let row = AuditRow {
        tenant_id: tenant.to_string(),
        revision: revision.get(),
        ts: at.as_millis(),
        actor: storable(&author.actor),
        action: entry.action.to_string(),
        entity: entry.entity.to_string(),
        entity_key: entry.entity_key,
        entity_id: entry.entity_id,
        environment: entry.environment.map(|key| key.to_string()),
        version: entry.version.map(Version::get),
        before: text(entry.before)?,
        after: text(entry.after)?,
        request_id: author.request_id.as_deref().map(storable),
    };
    let elsewhere = text(entry.elsewhere)?;
    on!(link, c => diesel::insert_into(audit::table).values((&row, audit::elsewhere.eq(&elsewhere))).execute(c))?;
    let change = id(row.revision, row.ts, [&row.actor, &row.entity_key, &row.entity_id], row.request_id.as_deref());
    Ok(Position { revision, change: Some(change) })
}

/// PostgreSQL has no place for U+0000; names that come out of tokens and headers are not ours to refuse here.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

//! Places in a tenant's history: numbers alone do not tell one history from another.

use std::hash::Hasher;

use diesel::prelude::*;
use ff_core::{TenantId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use siphasher::sip128::{Hasher128, SipHasher24};

use super::AuditEntry;
use crate::change::Change;
use crate::connection::{Link, on};
use crate::error::StoreError;
use crate::schema::{audit, tenants};
use crate::scope::Revision;
use crate::store::Store;

/// Tells the change that made a revision from any other that might have made it: a hash of who changed which entity, when, and on which
/// request. The documents, which may be large, are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChangeId(u128);

/// No secret: who could choose all that goes in would deceive nobody else.
const KEY: &[u8; 16] = b"ff: a change id.";

/// A place in a tenant's history. After a database was restored from a backup, revisions are given out a second time, for other
/// changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// How many changes there were.
    pub revision: Revision,
    /// Which was the last of them; none, before the first and where that is not known.
    pub change: Option<ChangeId>,
}

impl Position {
    /// Before the first change, which all histories have in common.
    pub const START: Self = Self { revision: Revision::ZERO, change: None };

    /// Whether the two cannot lie in one history: they are at one revision, which different changes have made.
    pub fn contradicts(self, other: Self) -> bool {
        self.revision == other.revision && self.change.zip(other.change).is_some_and(|(mine, theirs)| mine != theirs)
    }
}

impl Serialize for ChangeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for ChangeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

/// What goes into an id, as rows have it.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = audit)]
pub(crate) struct ChangeRow {
    revision: i64,
    ts: i64,
    actor: String,
    entity_key: String,
    entity_id: String,
    request_id: Option<String>,
}

impl ChangeRow {
    pub(crate) fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.ts)
    }

    pub(crate) fn id(&self) -> ChangeId {
        id(self.revision, self.ts, [&self.actor, &self.entity_key, &self.entity_id], self.request_id.as_deref())
    }
}

impl AuditEntry {
    /// Which change it tells of.
    pub fn id(&self) -> ChangeId {
        let texts = [&self.actor, &self.entity_key, &self.entity_id];
        id(self.revision.get(), self.at.as_millis(), texts, self.request_id.as_deref())
    }

    /// Where in the tenant's history it stands.
    pub fn position(&self) -> Position {
        Position { revision: self.revision, change: Some(self.id()) }
    }
}

pub(super) fn id(revision: i64, ts: i64, texts: [&String; 3], request_id: Option<&str>) -> ChangeId {
    let mut hasher = SipHasher24::new_with_key(KEY);
    hasher.write(&revision.to_le_bytes());
    hasher.write(&ts.to_le_bytes());
    for text in texts.map(|text| Some(text.as_str())).into_iter().chain([request_id]) {
        // Lengths keep neighbours apart; no text is another thing than an empty one.
        let length = text.map_or(u64::MAX, |text| text.len() as u64);
        hasher.write(&length.to_le_bytes());
        hasher.write(text.unwrap_or_default().as_bytes());
    }
    ChangeId(hasher.finish128().as_u128())
}

/// What is known of the tenant's change that made `revision`; none, if the log does not have it.
pub(crate) fn row_at(link: &mut Link<'_>, tenant: &TenantId, revision: Revision) -> Result<Option<ChangeRow>, StoreError> {
    let mine = audit::tenant_id.eq(tenant.as_str()).and(audit::revision.eq(revision.get()));
    Ok(on!(link, c => audit::table.filter(mine).select(ChangeRow::as_select()).first(c).optional())?)
}

/// Which change of the tenant made `revision`; none, if the log does not have it. One row by its primary key.
///
/// # Errors
/// What every read may give.
pub fn change_at(store: &Store, tenant: &TenantId, revision: Revision) -> Result<Option<ChangeId>, StoreError> {
    Ok(store.read(|link| row_at(link, tenant, revision))?.map(|row| row.id()))
}

/// The same inside a change.
///
/// # Errors
/// What every write may give.
pub fn change_at_in(change: &mut Change<'_>, revision: Revision) -> Result<Option<ChangeId>, StoreError> {
    let tenant = change.tenant().clone();
    Ok(change.step(|change| row_at(change.link(), &tenant, revision))?.map(|row| row.id()))
}

/// Where those of the tenants are that have a row, each by its id.
pub(crate) fn positions_of<'t>(
    link: &mut Link<'_>,
    tenants: impl Iterator<Item = &'t str> + Clone,
) -> Result<Vec<(String, Position)>, StoreError> {
    let last = audit::tenant_id.eq(tenants::id).and(audit::revision.eq(tenants::revision));
    let rows: Vec<(String, i64, Option<ChangeRow>)> = on!(link, c => tenants::table
        .left_join(audit::table.on(last))
        .filter(tenants::id.eq_any(tenants.clone()))
        .select((tenants::id, tenants::revision, Option::<ChangeRow>::as_select()))
        .load(c))?;
    let position = |revision, row: Option<ChangeRow>| Position { revision: Revision::new(revision), change: row.map(|row| row.id()) };
    Ok(rows.into_iter().map(|(id, revision, row)| (id, position(revision, row))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Action, Entity};

    fn row() -> ChangeRow {
        let [actor, entity_key, entity_id, request_id] = ["ann", "f", "1", "r"].map(str::to_owned);
        ChangeRow { revision: 7, ts: 1_000, actor, entity_key, entity_id, request_id: Some(request_id) }
    }

    fn entry(row: &ChangeRow) -> AuditEntry {
        AuditEntry {
            revision: Revision::new(row.revision),
            at: row.at(),
            actor: row.actor.clone(),
            action: Action::Updated,
            entity: Entity::Flag,
            entity_key: row.entity_key.clone(),
            entity_id: row.entity_id.clone(),
            environment: None,
            before: Some(serde_json::json!({"state": "off"})),
            after: None,
            request_id: row.request_id.clone(),
        }
    }

    #[test]
    fn a_row_and_the_entry_that_was_read_from_it_are_one_change() {
        assert_eq!(entry(&row()).id(), row().id());
        let bare = ChangeRow { request_id: None, ..row() };
        assert_eq!(entry(&bare).id(), bare.id());
    }

    #[test]
    fn whatever_differs_makes_another_change() {
        let others = [
            ChangeRow { revision: 8, ..row() },
            ChangeRow { ts: 1_001, ..row() },
            ChangeRow { actor: "bob".to_owned(), ..row() },
            ChangeRow { entity_key: "f1".to_owned(), entity_id: String::new(), ..row() },
            ChangeRow { entity_id: "2".to_owned(), ..row() },
            ChangeRow { request_id: Some(String::new()), ..row() },
            ChangeRow { request_id: None, ..row() },
            row(),
        ];
        let ids: std::collections::HashSet<_> = others.iter().map(ChangeRow::id).collect();
        assert_eq!(ids.len(), others.len());
    }

    #[test]
    fn an_id_goes_through_json_and_back() {
        let id = row().id();
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!((text.len(), serde_json::from_str::<ChangeId>(&text).unwrap()), (34, id));
        assert!(serde_json::from_str::<ChangeId>("\"x\"").is_err());
    }

    #[test]
    fn only_what_is_known_of_one_revision_contradicts() {
        let at = |revision, change| Position { revision: Revision::new(revision), change };
        let (mine, theirs) = (Some(row().id()), Some(ChangeRow { ts: 2, ..row() }.id()));
        assert!(at(7, mine).contradicts(at(7, theirs)));
        for other in [at(7, mine), at(7, None), at(8, theirs), Position::START] {
            assert!(!at(7, mine).contradicts(other) && !other.contradicts(at(7, mine)), "{other:?}");
        }
    }
}

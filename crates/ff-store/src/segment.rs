//! Segments: named conditions of a tenant, the same in all its environments.

use diesel::prelude::*;
use ff_core::{Segment, SegmentKey, TenantId, Timestamp};
use serde::Serialize;
use serde_json::json;

use crate::audit::{Action, Entity, Entry};
use crate::change::{Change, Outcome, Written, new_id};
use crate::connection::{Link, on};
use crate::document::{JsonText, as_stored};
use crate::error::{CorruptRow, StoreError};
use crate::flag::json_text;
use crate::page::{Page, PageRequest, PageToken};
use crate::schema::segments;
use crate::scope::Version;
use crate::search::{self, search_text};
use crate::store::Store;

/// A segment as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentRecord {
    /// A UUID; another one for a segment that was deleted and created again.
    pub id: String,
    /// What it is.
    #[serde(flatten)]
    pub segment: Segment,
    /// Which state of it this is.
    pub version: Version,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it became what it is.
    pub updated_at: Timestamp,
}

/// Which segments are wanted; what is not given does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SegmentFilter {
    /// Stands, whatever the case, in the key, the name or the description. Nothing in it is a wildcard.
    pub q: Option<String>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = segments, primary_key(tenant_id, id))]
struct SegmentRow {
    tenant_id: String,
    id: String,
    key: String,
    name: String,
    description: String,
    criteria: JsonText,
    included: JsonText,
    excluded: JsonText,
    search_text: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl SegmentRow {
    fn new(tenant: &TenantId, record: &SegmentRecord) -> Result<Self, StoreError> {
        let segment = &record.segment;
        Ok(Self {
            tenant_id: tenant.to_string(),
            id: record.id.clone(),
            key: segment.key().to_string(),
            name: segment.name().to_owned(),
            description: segment.description().to_owned(),
            criteria: json_text(segment.criteria())?,
            included: json_text(segment.included())?,
            excluded: json_text(segment.excluded())?,
            search_text: search_text([segment.key().as_str(), segment.name(), segment.description()]),
            version: record.version.get(),
            created_at: record.created_at.as_millis(),
            updated_at: record.updated_at.as_millis(),
        })
    }

    fn record(&self) -> Result<SegmentRecord, CorruptRow> {
        Ok(SegmentRecord {
            id: self.id.clone(),
            segment: self.segment()?,
            version: Version::new(self.version),
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
        })
    }

    fn segment(&self) -> Result<Segment, CorruptRow> {
        let corrupt = |reason: String| CorruptRow::new("segments", &self.id, reason);
        let parsed = |column: &str, text: &JsonText| text.parse().map_err(|error| corrupt(format!("{column}: {error}")));
        let document = json!({
            "key": self.key, "name": self.name, "description": self.description,
            "criteria": parsed("criteria", &self.criteria)?,
            "included": parsed("included", &self.included)?,
            "excluded": parsed("excluded", &self.excluded)?,
        });
        Segment::from_value(&document).map_err(|faults| corrupt(faults.to_string()))
    }
}

/// The living segment `key`.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound), [`Corrupt`](StoreError::Corrupt), and what every read may give.
pub fn find(store: &Store, tenant: &TenantId, key: &SegmentKey) -> Result<SegmentRecord, StoreError> {
    let row = store.read(|link| row(link, tenant, key))?.ok_or_else(|| StoreError::not_found(Entity::Segment, key))?;
    Ok(row.record()?)
}

/// The living segment `key` inside a change; none, if there is no such segment.
///
/// # Errors
/// [`Corrupt`](StoreError::Corrupt), and what every write may give.
pub fn find_in(change: &mut Change<'_>, key: &SegmentKey) -> Result<Option<SegmentRecord>, StoreError> {
    change.step(|change| {
        let tenant = change.tenant().clone();
        Ok(row(change.link(), &tenant, key)?.map(|row| row.record()).transpose()?)
    })
}

fn row(link: &mut Link<'_>, tenant: &TenantId, key: &SegmentKey) -> Result<Option<SegmentRow>, StoreError> {
    let wanted = segments::tenant_id.eq(tenant.as_str()).and(segments::key.eq(key.as_str())).and(segments::deleted_at.is_null());
    Ok(on!(link, c => segments::table.filter(wanted).select(SegmentRow::as_select()).first(c).optional())?)
}

/// The tenant's living segments that `filter` lets through, by key. Rows that do not parse are logged and left out.
///
/// # Errors
/// [`PageToken`](StoreError::PageToken) for another list's token, and what every read may give.
pub fn list(store: &Store, tenant: &TenantId, filter: &SegmentFilter, page: &PageRequest) -> Result<Page<SegmentRecord>, StoreError> {
    let after = page.key()?;
    let pattern = match filter.q.as_deref().map(search::pattern) {
        Some(None) => return Ok(Page::empty()),
        Some(pattern) => pattern,
        None => None,
    };
    let rows: Vec<SegmentRow> = store.read(|link| {
        let wanted = segments::tenant_id.eq(tenant.as_str()).and(segments::deleted_at.is_null()).and(segments::key.gt(after));
        Ok(on!(link, c => {
            let mut query = segments::table.select(SegmentRow::as_select()).into_boxed().filter(wanted);
            if let Some(pattern) = &pattern {
                query = query.filter(segments::search_text.like(pattern).escape('\\'));
            }
            query.order(segments::key).limit(page.limit.with_lookahead()).load(c)
        })?)
    })?;
    Ok(Page::cut(rows, page.limit, |row| PageToken::after_key(&row.key), |row| row.record().inspect_err(CorruptRow::log).ok()))
}

/// All living segments of the tenant by key, and the rows that do not parse.
pub(crate) fn all(link: &mut Link<'_>, tenant: &TenantId) -> Result<(Vec<Segment>, Vec<CorruptRow>), StoreError> {
    let mine = segments::tenant_id.eq(tenant.as_str()).and(segments::deleted_at.is_null());
    let rows: Vec<SegmentRow> = on!(link, c => segments::table.filter(mine).select(SegmentRow::as_select()).order(segments::key).load(c))?;
    let (mut all, mut corrupt) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match row.segment() {
            Ok(segment) => all.push(segment),
            Err(row) => corrupt.push(row),
        }
    }
    Ok((all, corrupt))
}

/// Creates the segment, or makes it what `segment` says.
///
/// # Errors
/// [`Corrupt`](StoreError::Corrupt), and what every write may give.
pub fn put_in(change: &mut Change<'_>, segment: Segment) -> Result<Written<SegmentRecord>, StoreError> {
    change.step(|change| put(change, stored_form(segment)?))
}

fn put(change: &mut Change<'_>, segment: Segment) -> Result<Written<SegmentRecord>, StoreError> {
    let (tenant, at) = (change.tenant().clone(), change.at());
    let before = find_in(change, segment.key())?;
    let after = match &before {
        Some(before) if before.segment == segment => {
            return Ok(Written { outcome: Outcome::Unchanged, record: before.clone(), flags: Vec::new() });
        }
        Some(before) => SegmentRecord { segment, version: before.version.next(), updated_at: at, ..before.clone() },
        None => SegmentRecord { id: new_id(), segment, version: Version::FIRST, created_at: at, updated_at: at },
    };
    let row = SegmentRow::new(&tenant, &after)?;
    let mine = segments::tenant_id.eq(&row.tenant_id).and(segments::id.eq(&row.id));
    let outcome = if before.is_some() {
        on!(change.link(), c => diesel::update(segments::table).filter(mine).set(&row).execute(c))?;
        Outcome::Updated
    } else {
        on!(change.link(), c => diesel::insert_into(segments::table).values(&row).execute(c))?;
        Outcome::Created
    };
    change.append(entry(before.as_ref(), Some(&after))?)?;
    Ok(Written { outcome, record: after, flags: Vec::new() })
}

/// The segment as it will be read back, which also proves that it can be.
fn stored_form(segment: Segment) -> Result<Segment, StoreError> {
    Segment::from_value(&as_stored(segment.to_value())).map_err(|faults| CorruptRow::new("segments", segment.key().as_str(), faults).into())
}

/// Deletes the segment. Whether something uses it is the caller's to know.
///
/// # Errors
/// [`NotFound`](StoreError::NotFound), [`Corrupt`](StoreError::Corrupt), and what every write may give.
pub fn delete_in(change: &mut Change<'_>, key: &SegmentKey) -> Result<SegmentRecord, StoreError> {
    change.step(|change| delete(change, key))
}

fn delete(change: &mut Change<'_>, key: &SegmentKey) -> Result<SegmentRecord, StoreError> {
    let (tenant, at) = (change.tenant().clone(), change.at().as_millis());
    let record = find_in(change, key)?.ok_or_else(|| StoreError::not_found(Entity::Segment, key))?;
    let mine = segments::tenant_id.eq(tenant.as_str()).and(segments::id.eq(&record.id));
    on!(change.link(), c => diesel::update(segments::table).filter(mine).set(segments::deleted_at.eq(at)).execute(c))?;
    change.append(entry(Some(&record), None)?)?;
    Ok(record)
}

fn entry(before: Option<&SegmentRecord>, after: Option<&SegmentRecord>) -> Result<Entry, StoreError> {
    let known = after.or(before);
    Ok(Entry {
        action: Action::of(before, after),
        entity: Entity::Segment,
        entity_key: known.map(|record| record.segment.key().to_string()).unwrap_or_default(),
        entity_id: known.map(|record| record.id.clone()).unwrap_or_default(),
        environment: None,
        version: after.map(|record| record.version),
        before: Entry::document(before)?,
        after: Entry::document(after)?,
        elsewhere: None,
    })
}

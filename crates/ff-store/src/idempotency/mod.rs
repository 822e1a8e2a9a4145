//! Answers that are kept for a day under the key that came with the request, so that a request that is sent again is not done again.
//!
//! The answer to a request that changed something is kept [in its transaction](keep_in): either both are there or neither is,
//! whenever the process ends. Any other answer, which changed nothing, is kept [by itself](keep) before it is given. Whoever keeps
//! an answer first under a key decides what all others with this key are answered: the primary key of the table is the arbiter,
//! between threads and between servers. `adr/0013` has the reasons.

mod row;
mod sweep;

use std::time::Duration;

use diesel::prelude::*;
use ff_core::{EnvironmentKey, TenantId, Timestamp};

use self::row::{AnswerRow, resolve};
pub use self::sweep::forget_expired;
use crate::audit::Entity;
use crate::bookkeeping;
use crate::change::Change;
use crate::connection::{Link, on};
use crate::error::StoreError;
use crate::schema::idempotency;
use crate::scope::{Revision, Version};
use crate::store::Store;

/// How long an answer is kept.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A larger body is not kept a second time if the audit log has it already, in bytes. Most flags are far below it.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// A request that came with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// A digest of who asked and of the key. The key itself is not stored: it may be of use to somebody who reads the table.
    pub key_digest: String,
    /// A digest of what was asked.
    pub request_digest: String,
}

/// What a request was answered, as far as a repetition must be answered the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// As in HTTP.
    pub status: u16,
    /// Header.
    pub etag: Option<String>,
    /// Header.
    pub location: Option<String>,
    /// The tenant's revision after the request, where it came as far as that.
    pub revision: Option<Revision>,
    /// As it was sent; none, if the answer had none.
    pub body: Option<String>,
}

/// The state of an entity that an answer shows, which the audit log may have too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What it is.
    pub entity: Entity,
    /// Its key.
    pub key: String,
    /// Its id.
    pub id: String,
    /// The environment in which it is seen; none for what is the same in all of them.
    pub environment: Option<EnvironmentKey>,
    /// Which state of it.
    pub version: Version,
    /// What the body has besides the entity, under `warnings`: a list in JSON. None, if there is no such member.
    pub warnings: Option<String>,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// The same request was answered this.
    Same(KeptAnswer),
    /// It came with another request.
    Other,
}

/// What the tenant's requests with this key were answered in the 24 hours before `now`; none, if there were none.
///
/// # Errors
/// [`Corrupt`](StoreError::Corrupt), if an answer that the log should have is not there, and what every read may give.
pub fn find(store: &Store, tenant: &TenantId, request: &KeyedRequest, now: Timestamp) -> Result<Option<Known>, StoreError> {
    store.read(|link| {
        let Some(row) = row(link, tenant, request, now)? else { return Ok(None) };
        if row.request_digest != request.request_digest {
            return Ok(Some(Known::Other));
        }
        resolve(link, row).map(|answer| Some(Known::Same(answer)))
    })
}

/// Whether an answer is kept for this key, as this change sees it: behind the lock for which all changes of the tenant wait.
///
/// # Errors
/// What every write may give.
pub fn is_known_in(change: &mut Change<'_>, request: &KeyedRequest) -> Result<bool, StoreError> {
    change.step(|change| {
        let (tenant, at) = (change.tenant().clone(), change.asked_at());
        Ok(row(change.link(), &tenant, request, at)?.is_some())
    })
}

/// Keeps the answer in the transaction of the change that it tells of; says false, and keeps nothing, if another one is kept
/// for this key. Then the change must not be made. To be called when all is written.
///
/// # Errors
/// What every write may give.
pub fn keep_in(change: &mut Change<'_>, request: &KeyedRequest, answer: &KeptAnswer, shown: Option<&Shown>) -> Result<bool, StoreError> {
    change.step(|change| {
        // Not the log's time, which one server with a wrong clock takes far ahead for good.
        let (tenant, at) = (change.tenant().clone(), change.asked_at());
        insert(change.link(), &tenant, request, at, answer, shown)
    })
}

/// Keeps the answer to a request that changed nothing; says false, and keeps nothing, if another one is kept for this key. Then that one is
/// what must be answered.
///
/// # Errors
/// What every write may give.
pub fn keep(
    store: &Store,
    tenant: &TenantId,
    request: &KeyedRequest,
    now: Timestamp,
    answer: &KeptAnswer,
    shown: Option<&Shown>,
) -> Result<bool, StoreError> {
    bookkeeping::write(store, |link| insert(link, tenant, request, now, answer, shown))
}

/// Rows made at this instant or before mean nothing any more.
fn expiry(now: Timestamp) -> i64 {
    let kept_for = i64::try_from(KEPT_FOR.as_millis()).unwrap_or(i64::MAX);
    now.as_millis().saturating_sub(kept_for)
}

fn row(link: &mut Link<'_>, tenant: &TenantId, request: &KeyedRequest, now: Timestamp) -> Result<Option<AnswerRow>, StoreError> {
    let mine = idempotency::tenant_id.eq(tenant.as_str()).and(idempotency::key_digest.eq(&request.key_digest));
    let wanted = mine.and(idempotency::created_at.gt(expiry(now)));
    Ok(on!(link, c => idempotency::table.filter(wanted).select(AnswerRow::as_select()).first(c).optional())?)
}

fn insert(
    link: &mut Link<'_>,
    tenant: &TenantId,
    request: &KeyedRequest,
    now: Timestamp,
    answer: &KeptAnswer,
    shown: Option<&Shown>,
) -> Result<bool, StoreError> {
    // One that has expired and was not swept yet is in the way of the new one.
    let mine = idempotency::tenant_id.eq(tenant.as_str()).and(idempotency::key_digest.eq(&request.key_digest));
    let expired = mine.and(idempotency::created_at.le(expiry(now)));
    on!(&mut *link, c => diesel::delete(idempotency::table).filter(expired).execute(c))?;
    let row = AnswerRow::new(link, tenant, request, now, answer, shown)?;
    // PostgreSQL waits here for a transaction that has inserted the same key and has not ended.
    let inserted = on!(link, c => diesel::insert_into(idempotency::table).values(&row).on_conflict_do_nothing().execute(c))?;
    Ok(inserted == 1)
}

//! Getting rid of answers that have expired.

use diesel::RunQueryDsl;
use ff_core::Timestamp;

use super::expiry;
use crate::bookkeeping;
use crate::connection::Link;
use crate::error::StoreError;
use crate::store::Store;

/// Deletes at most `limit` answers that have expired at `now`, of whatever tenants, the oldest first, and says how many. Several
/// servers may do it at once: they do not wait for one another.
///
/// # Errors
/// What every write may give.
pub fn forget_expired(store: &Store, now: Timestamp, limit: u32) -> Result<usize, StoreError> {
    let expiry = expiry(now);
    // Rows with two columns in `IN` are beyond diesel's query builder; both values are numbers of ours.
    let delete = |locking: &str| {
        diesel::sql_query(format!(
            "DELETE FROM idempotency WHERE (tenant_id, key_digest) IN (
                SELECT tenant_id, key_digest FROM idempotency WHERE created_at <= {expiry} ORDER BY created_at LIMIT {limit} {locking})"
        ))
    };
    bookkeeping::write(store, |link| {
        Ok(match link {
            Link::Postgres(c) => delete("FOR UPDATE SKIP LOCKED").execute(&mut **c)?,
            Link::Sqlite(c) => delete("").execute(&mut **c)?,
        })
    })
}

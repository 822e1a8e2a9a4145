//! Writes that are no changes of a tenant: no revision, no audit entry.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use diesel::Connection as _;

use crate::connection::Link;
use crate::error::StoreError;
use crate::group::Group;
use crate::store::Store;

/// Runs `work` in a transaction of its own, which is committed if it answers `Ok`. On SQLite it takes its turn among the changes, and may
/// share their transaction and its sync to disk.
pub(crate) fn write<T>(store: &Store, work: impl FnOnce(&mut Link<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
    let Some(groups) = store.groups() else {
        let mut connection = store.connection_for_writing()?;
        let asked = Instant::now();
        let result = match connection.link() {
            Link::Postgres(c) => c.transaction(|c| work(&mut Link::Postgres(c))),
            Link::Sqlite(c) => c.transaction(|c| work(&mut Link::Sqlite(c))),
        };
        return result.map_err(|error| connection.diagnose(error.after(asked, store.busy_timeout())));
    };
    let (turn, mut group) = Group::join(store, groups)?;
    let result = match group.begin_member() {
        Err(error) => Ok(Err(error)),
        // A panic must not leave the others of the group without an end.
        Ok(()) => catch_unwind(AssertUnwindSafe(|| work(&mut group.parts().0))),
    };
    let result = match result {
        Ok(Ok(value)) => Ok(group.keep_member().map(|()| value)),
        other => {
            group.undo_member();
            other
        }
    };
    let ended = group.settle(turn);
    let result = result.unwrap_or_else(|panic| resume_unwind(panic));
    ended?;
    result
}

//! The log, read onwards and turned into what subscribers are told.

use std::sync::Arc;

use ff_core::TenantId;
use ff_store::{Logged, Revision, Store, StoreError, audit};

use super::told::{ResetReason, Told};

/// Entries that are read at once. Each holds an entity before and after the change, so that this bounds the memory that a reader takes.
const ENTRIES_PER_READ: u32 = 64;

/// A piece of the log.
#[derive(Debug)]
pub(super) struct Piece {
    /// What there is to tell, in the order of revisions.
    pub(super) told: Vec<Arc<Told>>,
    /// The revision up to which that is all.
    pub(super) reached: Revision,
}

/// Reads what comes after the revision `after`, and not after `until`, which the tenant has reached. Gets further than `after` wherever
/// there is something. Blocks.
///
/// # Errors
/// The database is away.
pub(super) fn read(store: &Store, tenant: &TenantId, after: Revision, until: Revision) -> Result<Piece, StoreError> {
    Ok(piece(&audit::after(store, tenant, after, ENTRIES_PER_READ)?, after, until))
}

fn piece(logged: &[Logged], after: Revision, until: Revision) -> Piece {
    let mut told = Vec::new();
    let mut reached = after;
    for logged in logged.iter().take_while(|logged| logged.entry.revision <= until) {
        let revision = logged.entry.revision;
        let before = Revision::new(revision.get() - 1);
        // Revisions have no gaps, so what is missing was left out because it does not parse.
        if reached < before {
            told.push(Arc::new(Told::reset(before, ResetReason::LogUnreadable)));
        }
        told.extend(Told::of(logged).map(Arc::new));
        reached = revision;
    }
    if reached == after && reached < until {
        // Nothing that was read is up to there: none of it parses.
        told.push(Arc::new(Told::reset(until, ResetReason::LogUnreadable)));
        reached = until;
    }
    Piece { told, reached }
}

#[cfg(test)]
mod tests {
    use ff_store::Entity;

    use super::*;
    use crate::stream::testing::logged;

    /// The revisions that are told of, with an `r` for a reset, and how far that is.
    fn read(revisions: &[i64], after: i64, until: i64) -> (Vec<String>, i64) {
        let entries: Vec<_> = revisions.iter().map(|revision| logged(*revision, Entity::Flag)).collect();
        let piece = piece(&entries, Revision::new(after), Revision::new(until));
        let shown = |told: &Arc<Told>| {
            let is_reset = told.text.starts_with(b"event: reset");
            format!("{}{}", if is_reset { "r" } else { "" }, told.revision)
        };
        (piece.told.iter().map(shown).collect(), piece.reached.get())
    }

    fn told(revisions: &[&str], reached: i64) -> (Vec<String>, i64) {
        (revisions.iter().map(|&revision| revision.to_owned()).collect(), reached)
    }

    #[test]
    fn what_is_there_is_told_up_to_what_is_served() {
        assert_eq!(read(&[4, 5, 6], 3, 6), told(&["4", "5", "6"], 6));
        assert_eq!(read(&[4, 5, 6], 3, 5), told(&["4", "5"], 5));
        assert_eq!(read(&[4, 5, 6], 3, 9), told(&["4", "5", "6"], 6));
        assert_eq!(read(&[], 3, 3), told(&[], 3));
        assert_eq!(read(&[4], 3, 3), told(&[], 3));
    }

    #[test]
    fn a_gap_is_told_as_a_reset_and_stops_nothing() {
        assert_eq!(read(&[5, 6], 3, 6), told(&["r4", "5", "6"], 6));
        assert_eq!(read(&[4, 7], 3, 7), told(&["4", "r6", "7"], 7));
        // At the end, it shows only once nothing before it is left to be read.
        assert_eq!(read(&[4], 3, 6), told(&["4"], 4));
        assert_eq!(read(&[], 4, 6), told(&["r6"], 6));
        assert_eq!(read(&[7], 4, 6), told(&["r6"], 6));
    }
}

//! The latest events of a tenant: one queue for all its subscribers, each of whom has a place in it.

use std::collections::VecDeque;
use std::sync::Arc;

use ff_store::Revision;

use super::log::Piece;
use super::told::Told;
use super::wanted::Wanted;

/// The events of the revisions after `start` up to `end`, at most `max` of them.
#[derive(Debug)]
pub(super) struct Recent {
    start: Revision,
    end: Revision,
    /// How often it began anew.
    restarts: u64,
    told: VecDeque<Arc<Told>>,
    max: usize,
}

/// What there is for a subscriber who has heard everything up to some revision.
#[derive(Debug)]
pub(super) enum Next {
    /// This is next.
    Told(Arc<Told>),
    /// There is nothing for them up to this revision.
    Nothing(Revision),
    /// What is next is not here any more.
    Behind,
}

impl Recent {
    pub(super) fn new(start: Revision, max: usize) -> Self {
        Self { start, end: start, restarts: 0, told: VecDeque::new(), max }
    }

    /// Begins anew: the log is another one, and what was told of the former one does not hold.
    pub(super) fn restart(&mut self, start: Revision) {
        self.told.clear();
        (self.start, self.end) = (start, start);
        self.restarts += 1;
    }

    /// How often it began anew, and the revision after which its events are.
    pub(super) fn restarts(&self) -> (u64, Revision) {
        (self.restarts, self.start)
    }

    /// Up to where the events are here.
    pub(super) fn end(&self) -> Revision {
        self.end
    }

    /// Appends what comes next, and lets go of the oldest.
    pub(super) fn append(&mut self, piece: Piece) {
        self.told.extend(piece.told);
        self.end = piece.reached;
        while self.told.len() > self.max {
            if let Some(oldest) = self.told.pop_front() {
                self.start = oldest.revision;
            }
        }
    }

    /// What is next after the revision `after`.
    pub(super) fn next(&self, after: Revision, wanted: &Wanted) -> Next {
        if after < self.start {
            return Next::Behind;
        }
        let from = self.told.partition_point(|told| told.revision <= after);
        let next = self.told.range(from..).find(|told| told.is_wanted(wanted));
        next.map_or(Next::Nothing(self.end), |told| Next::Told(told.clone()))
    }
}

#[cfg(test)]
mod tests {
    use ff_store::Entity;

    use super::*;
    use crate::stream::testing::logged;

    fn appended(recent: &mut Recent, revisions: std::ops::RangeInclusive<i64>) {
        let reached = Revision::new(*revisions.end());
        let entity = |revision: i64| if revision % 2 == 0 { Entity::Flag } else { Entity::Segment };
        let told = revisions.filter_map(|revision| Told::of(&logged(revision, entity(revision)))).map(Arc::new).collect();
        recent.append(Piece { told, reached });
    }

    fn next(recent: &Recent, after: i64, patterns: &[&str]) -> Result<Option<i64>, i64> {
        let patterns = patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
        match recent.next(Revision::new(after), &Wanted { patterns, ..Wanted::default() }) {
            Next::Told(told) => Ok(Some(told.revision.get())),
            Next::Nothing(end) => Err(end.get()),
            Next::Behind => Ok(None),
        }
    }

    #[test]
    fn each_has_a_place_of_their_own() {
        let mut recent = Recent::new(Revision::new(10), 100);
        assert_eq!(next(&recent, 10, &[]), Err(10));
        appended(&mut recent, 11..=14);
        assert_eq!([10, 11, 13].map(|after| next(&recent, after, &[])), [Ok(Some(11)), Ok(Some(12)), Ok(Some(14))]);
        assert_eq!(next(&recent, 14, &[]), Err(14));
        // Whoever comes from a server that is further ahead has to wait.
        assert_eq!(next(&recent, 20, &[]), Err(14));
        assert_eq!(next(&recent, 9, &[]), Ok(None));
    }

    #[test]
    fn what_is_not_wanted_is_passed_over() {
        let mut recent = Recent::new(Revision::ZERO, 100);
        appended(&mut recent, 1..=5);
        assert_eq!(next(&recent, 2, &["flag.*"]), Ok(Some(4)));
        assert_eq!(next(&recent, 4, &["flag.*"]), Err(5));
        assert_eq!(next(&recent, 0, &["environment.*"]), Err(5));
    }

    #[test]
    fn the_oldest_go_and_whoever_needs_them_is_behind() {
        let mut recent = Recent::new(Revision::ZERO, 3);
        appended(&mut recent, 1..=3);
        assert_eq!(next(&recent, 0, &[]), Ok(Some(1)));
        appended(&mut recent, 4..=5);
        assert_eq!(recent.told.len(), 3);
        assert_eq!([0, 1, 2].map(|after| next(&recent, after, &[])), [Ok(None), Ok(None), Ok(Some(3))]);
    }
}

//! Which entities of an environment were touched lately: what answers "what changed since?" together with the document.

use std::collections::BTreeSet;

use ff_core::EnvironmentKey;
use ff_store::audit::Touched;
use ff_store::{Action, Entity, Revision};

/// Revisions that are looked back at most. Whoever is further behind fetches the whole.
pub(crate) const REVISIONS_MAX: u32 = 1_000;

/// A flag or a segment that a change touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    revision: Revision,
    is_segment: bool,
    key: Box<str>,
}

impl Mark {
    pub(crate) fn flag(revision: Revision, key: &str) -> Self {
        Self { revision, is_segment: false, key: key.into() }
    }

    pub(crate) fn segment(revision: Revision, key: &str) -> Self {
        Self { revision, is_segment: true, key: key.into() }
    }
}

/// Everything that was touched after a revision, in the order of changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recent {
    since: i64,
    marks: Vec<Mark>,
}

/// The keys of entities that were touched.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys<'a> {
    pub(crate) flags: BTreeSet<&'a str>,
    pub(crate) segments: BTreeSet<&'a str>,
}

impl Recent {
    /// Nothing is known of what was before `revision`.
    pub(crate) fn from(revision: Revision) -> Self {
        Self { since: revision.get(), marks: Vec::new() }
    }

    /// What the log says of the environment from after `since` to `revision`. Where an entry is missing, or the environment was
    /// created, it begins after that.
    pub(crate) fn read(environment: &EnvironmentKey, since: Revision, revision: Revision, log: Vec<Touched>) -> Self {
        let mut recent = Self::from(since);
        let mut reached = since.get();
        for touched in log.into_iter().filter(|touched| touched.revision <= revision) {
            let is_next = touched.revision.get() == reached + 1;
            reached = touched.revision.get();
            if !is_next {
                recent = Self::from(Revision::new(reached - 1));
            }
            match touched.entity {
                Entity::Segment => recent.marks.push(Mark::segment(touched.revision, &touched.entity_key)),
                Entity::Flag => {
                    let is_here = touched.environment.as_ref() == Some(environment);
                    if is_here || touched.is_elsewhere || touched.action == Action::Deleted {
                        recent.marks.push(Mark::flag(touched.revision, &touched.entity_key));
                    }
                }
                Entity::Environment if touched.entity_key == environment.as_str() && touched.action != Action::Updated => {
                    recent = Self::from(touched.revision);
                }
                Entity::Environment | Entity::Webhook => {}
            }
        }
        if reached < revision.get() { Self::from(revision) } else { recent }
    }

    /// With what was touched since, up to `revision`; without what is too long ago.
    pub(crate) fn followed_by(&self, marks: &[Mark], revision: Revision) -> Self {
        let since = self.since.max(revision.get() - i64::from(REVISIONS_MAX));
        let kept = self.marks.iter().chain(marks).filter(|mark| mark.revision.get() > since);
        Self { since, marks: kept.cloned().collect() }
    }

    /// What was touched after the revision `since`; none, if that is not known any more.
    pub(crate) fn after(&self, since: Revision) -> Option<Keys<'_>> {
        if since.get() < self.since {
            return None;
        }
        let first = self.marks.partition_point(|mark| mark.revision <= since);
        let mut keys = Keys::default();
        for mark in self.marks.iter().skip(first) {
            let list = if mark.is_segment { &mut keys.segments } else { &mut keys.flags };
            list.insert(&mark.key);
        }
        Some(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(revision: i64, entity: Entity, action: Action, key: &str, environment: Option<&str>) -> Touched {
        let environment = environment.map(|key| key.parse().unwrap());
        Touched { revision: Revision::new(revision), action, entity, entity_key: key.to_owned(), environment, is_elsewhere: false }
    }

    fn flag(revision: i64, key: &str, environment: &str) -> Touched {
        touched(revision, Entity::Flag, Action::Updated, key, Some(environment))
    }

    fn read(since: i64, revision: i64, log: Vec<Touched>) -> Recent {
        Recent::read(&"staging".parse().unwrap(), Revision::new(since), Revision::new(revision), log)
    }

    fn flags_after(recent: &Recent, since: i64) -> Option<Vec<&str>> {
        recent.after(Revision::new(since)).map(|keys| keys.flags.into_iter().collect())
    }

    #[test]
    fn what_concerns_another_environment_alone_is_left_out() {
        let mut everywhere = flag(3, "c", "production");
        everywhere.is_elsewhere = true;
        let gone = touched(4, Entity::Flag, Action::Deleted, "d", Some("production"));
        let segment = touched(5, Entity::Segment, Action::Updated, "s", None);
        let other = touched(6, Entity::Environment, Action::Created, "testing", None);
        let recent = read(0, 6, vec![flag(1, "a", "staging"), flag(2, "b", "production"), everywhere, gone, segment, other]);
        assert_eq!(flags_after(&recent, 0), Some(vec!["a", "c", "d"]));
        assert_eq!(flags_after(&recent, 3), Some(vec!["d"]));
        let keys = recent.after(Revision::new(4)).unwrap();
        assert_eq!((keys.flags.len(), keys.segments.into_iter().collect::<Vec<_>>()), (0, vec!["s"]));
        assert_eq!(recent.after(Revision::new(6)), Some(Keys::default()));
    }

    #[test]
    fn nothing_is_known_of_what_was_before_a_gap_or_the_environment() {
        let recent = read(5, 9, vec![flag(6, "a", "staging"), flag(8, "b", "staging"), flag(9, "c", "staging"), flag(10, "d", "staging")]);
        assert_eq!((flags_after(&recent, 6), flags_after(&recent, 7)), (None, Some(vec!["b", "c"])));
        let created = touched(7, Entity::Environment, Action::Created, "staging", None);
        let recent = read(5, 8, vec![flag(6, "a", "staging"), created, flag(8, "b", "staging")]);
        assert_eq!((flags_after(&recent, 6), flags_after(&recent, 7)), (None, Some(vec!["b"])));
        // The log ends too early.
        let recent = read(5, 8, vec![flag(6, "a", "staging")]);
        assert_eq!((flags_after(&recent, 7), flags_after(&recent, 8)), (None, Some(vec![])));
    }

    #[test]
    fn what_is_too_long_ago_is_forgotten() {
        let recent = read(0, 1, vec![flag(1, "a", "staging")]);
        let last = i64::from(REVISIONS_MAX) + 1;
        let later = recent.followed_by(&[Mark::flag(Revision::new(last), "b")], Revision::new(last));
        assert_eq!((flags_after(&later, 0), flags_after(&later, 1)), (None, Some(vec!["b"])));
    }
}

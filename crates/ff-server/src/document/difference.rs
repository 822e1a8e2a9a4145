//! What a stretch of the audit log comes to: each entity that was touched, as it is at the end.

use std::collections::{BTreeMap, BTreeSet};

use ff_core::{EnvironmentKey, Flag, Segment, TenantId};
use ff_store::{Action, Entity, Logged, Position, Revision, Store, StoreError, audit};
use serde_json::Value;

use super::entities::{flag_json, segment_json};
use super::recent::Mark;

/// Further behind than this, reading everything anew is not more work.
const ENTRIES_MAX: i64 = 1_000;

/// Entries that are read together. One may hold two documents with a million user ids each.
const ENTRIES_PER_READ: u32 = 50;

/// What changed in some environments of a tenant, from one revision to another.
#[derive(Debug)]
pub(crate) struct Difference {
    position: Position,
    environments: BTreeSet<EnvironmentKey>,
    gone: BTreeSet<EnvironmentKey>,
    flags: BTreeMap<(EnvironmentKey, String), Option<String>>,
    segments: BTreeMap<String, Option<String>>,
    marks: Vec<Mark>,
}

/// As it stands in the log, until it is known to be the last word on its entity.
#[derive(Default)]
struct LastWords {
    flags: BTreeMap<(EnvironmentKey, String), Option<Value>>,
    segments: BTreeMap<String, Option<Value>>,
}

impl Difference {
    /// What the log tells from after `from` to `to`; none, if it does not tell all: it is too long a stretch, an entry is missing or
    /// does not parse, an environment is new, or another change than that has made one of the two revisions.
    ///
    /// # Errors
    /// What every read may give.
    pub(crate) fn read(
        store: &Store,
        tenant: &TenantId,
        environments: impl Iterator<Item = EnvironmentKey>,
        from: Position,
        to: Position,
    ) -> Result<Option<Self>, StoreError> {
        if !(1..=ENTRIES_MAX).contains(&(to.revision.get() - from.revision.get())) {
            return Ok(None);
        }
        let mut difference = Self {
            position: from,
            environments: environments.collect(),
            gone: BTreeSet::new(),
            flags: BTreeMap::new(),
            segments: BTreeMap::new(),
            marks: Vec::new(),
        };
        let mut last = LastWords::default();
        while difference.revision() < to.revision {
            let entries = audit::after(store, tenant, difference.revision(), ENTRIES_PER_READ)?;
            if entries.is_empty() {
                return Ok(None);
            }
            for logged in entries.into_iter().take_while(|logged| logged.entry.revision <= to.revision) {
                if difference.add(logged, &mut last).is_none() {
                    return Ok(None);
                }
            }
        }
        let start = Position { change: audit::change_at(store, tenant, from.revision)?, ..from };
        if from.contradicts(start) || to.contradicts(difference.position) {
            return Ok(None);
        }
        Ok(difference.closed(last))
    }

    /// The next entry; none, if it is not the next one or does not tell all.
    fn add(&mut self, logged: Logged, last: &mut LastWords) -> Option<()> {
        let Logged { entry, elsewhere } = logged;
        if entry.revision.get() != self.revision().get() + 1 {
            return None;
        }
        self.position = entry.position();
        match (entry.entity, entry.action) {
            (Entity::Flag, Action::Deleted) => {
                for environment in &self.environments {
                    last.flags.insert((environment.clone(), entry.entity_key.clone()), None);
                }
                self.marks.push(Mark::flag(entry.revision, &entry.entity_key));
            }
            (Entity::Flag, Action::Created | Action::Updated) => {
                let views = elsewhere.into_iter().map(|(environment, view)| (environment, view.after));
                for (environment, flag) in views.chain([(entry.environment?, entry.after)]) {
                    if self.environments.contains(&environment) {
                        last.flags.insert((environment, entry.entity_key.clone()), Some(flag?));
                        self.marks.push(Mark::flag(entry.revision, &entry.entity_key));
                    }
                }
            }
            (Entity::Segment, action) => {
                let segment = if action == Action::Deleted { None } else { Some(entry.after?) };
                self.marks.push(Mark::segment(entry.revision, &entry.entity_key));
                last.segments.insert(entry.entity_key, segment);
            }
            (Entity::Environment, Action::Updated) | (Entity::Webhook, _) => {}
            (Entity::Environment, Action::Deleted) => drop(self.gone.insert(entry.entity_key.parse().ok()?)),
            // Its flags are not in the log.
            (Entity::Environment, Action::Created) => return None,
        }
        Some(())
    }

    /// With the last word on each entity in the form that evaluation needs.
    fn closed(mut self, last: LastWords) -> Option<Self> {
        for (place, flag) in last.flags {
            let json = flag.map(|flag| Flag::from_value(&flag).ok().map(|flag| flag_json(&flag)));
            self.flags.insert(place, json.map_or(Some(None), |json| json.map(Some))?);
        }
        for (key, segment) in last.segments {
            let json = segment.map(|segment| Segment::from_value(&segment).ok().map(|segment| segment_json(&segment)));
            self.segments.insert(key, json.map_or(Some(None), |json| json.map(Some))?);
        }
        Some(self)
    }

    /// The revision that it leads to.
    pub(crate) fn revision(&self) -> Revision {
        self.position.revision
    }

    /// That revision, and which change made it.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Environments that were deleted.
    pub(crate) fn gone(&self) -> &BTreeSet<EnvironmentKey> {
        &self.gone
    }

    /// Flags by environment and key; none in place of one that is gone.
    pub(crate) fn flags(&self) -> impl Iterator<Item = (&(EnvironmentKey, String), &Option<String>)> {
        self.flags.iter()
    }

    /// Segments by key; none in place of one that is gone.
    pub(crate) fn segments(&self) -> &BTreeMap<String, Option<String>> {
        &self.segments
    }

    /// Which entities were touched, in the order of changes.
    pub(crate) fn marks(&self) -> &[Mark] {
        &self.marks
    }
}

//! Many changes at once: what a ruleset has missed.

use std::collections::HashSet;
use std::sync::Arc;

use super::Ruleset;
use crate::compile::{CompiledFlag, Outline};
use crate::document::RulesetChanges;
use crate::error::{Entity, Error};
use crate::fault::{Fault, Findings, Place};

impl Ruleset {
    /// This ruleset with everything that changed since, all of it or nothing. The changes may begin earlier than this ruleset's
    /// revision: each entity comes as it is at the end.
    ///
    /// The order of changes does not matter, as it would where they are applied one by one: a flag and the segment that it names
    /// may be new together, and gone together.
    ///
    /// # Errors
    /// [`Error::Invalid`], with pointers into the changes: they are of another tenant or environment, begin after this ruleset's
    /// revision or lead to an earlier one, are [not listed](RulesetChanges::reset), or hold an entity that names what is not
    /// there, forms a cycle, or passes a bound. [`Error::InUse`]: what was not changed would break. The whole ruleset is to be
    /// fetched then.
    pub fn with_changes(&self, changes: &RulesetChanges) -> Result<Self, Error> {
        self.check_fit(changes)?;
        let root = Place::Root;
        let (at_flags, at_segments) = (root.field("flags"), root.field("segments"));
        let mut found = Findings::default();
        check_once(changes, &mut found);

        // What is wrong in an entity itself is found by the position of the entity, and said further down with what is wrong among
        // them.
        let mut of_segments: Vec<Findings> = Vec::new();
        let segments = self.segments.with_all(&changes.segments, &changes.removed_segments, &mut of_segments);
        let (mut flags, mut of_flags) = (self.flags.clone(), Vec::with_capacity(changes.flags.len()));
        for flag in &changes.flags {
            let mut faults = Findings::default();
            let compiled = CompiledFlag::new(flag, segments.tenant(), &|key| segments.slot_of(key), &mut faults);
            flags = flags.with(Arc::new(compiled));
            of_flags.push(faults);
        }
        for key in &changes.removed_flags {
            flags = flags.without(key.as_str());
        }

        let mut changed = Self { revision: changes.revision, flags, segments, ..self.clone() };
        let put_flags = changes.flags.iter().map(|flag| Entity::Flag(flag.key.clone()));
        let put_segments = changes.segments.iter().map(|segment| Entity::Segment(segment.key.clone()));
        let (put_flags, put_segments): (Vec<_>, Vec<_>) = (put_flags.collect(), put_segments.collect());
        let gone = changes.removed_flags.iter().map(|key| Entity::Flag(key.clone()));
        let gone = gone.chain(changes.removed_segments.iter().map(|key| Entity::Segment(key.clone())));
        let all: Vec<Entity> = gone.chain(put_flags.iter().cloned()).chain(put_segments.iter().cloned()).collect();
        let none = Outline::default();
        let outlines = all.iter().map(|entity| (entity, self.outline(entity).unwrap_or(&none), changed.outline(entity).unwrap_or(&none)));
        changed.links = self.links.with_all(outlines);

        let put = [(put_flags, of_flags, at_flags), (put_segments, of_segments, at_segments)];
        for (entities, faults, at) in put {
            for (i, (entity, faults)) in entities.iter().zip(faults).enumerate() {
                let place = at.item(i).pointer();
                for fault in changed.check_entity(entity, faults).err().into_iter().flatten() {
                    found.push(Fault { pointer: format!("{place}{}", fault.pointer), message: fault.message });
                }
            }
        }
        found.into_result()?;
        all.iter().try_for_each(|entity| changed.check_dependents(entity))?;
        Ok(changed)
    }

    /// Whether the changes are those of this ruleset, and reach from what it shows to what comes after it.
    fn check_fit(&self, changes: &RulesetChanges) -> Result<(), Error> {
        let mut found = Findings::default();
        let root = Place::Root;
        if changes.tenant != *self.tenant() {
            found.add(&root.field("tenant"), format!("is `{}`, and the ruleset is of `{}`", changes.tenant, self.tenant()));
        }
        if changes.environment != self.environment {
            found.add(&root.field("environment"), format!("is `{}`, and the ruleset is of `{}`", changes.environment, self.environment));
        }
        if changes.reset {
            found.add(&root.field("reset"), "the changes are not listed; the whole ruleset is to be fetched");
        }
        if changes.since > self.revision {
            let message = format!("the changes come after revision {}, and the ruleset is at {}", changes.since, self.revision);
            found.add(&root.field("since"), message);
        }
        if changes.revision < self.revision {
            let message = format!("the changes lead to revision {}, and the ruleset is at {}", changes.revision, self.revision);
            found.add(&root.field("revision"), message);
        }
        Ok(found.into_result()?)
    }
}

/// An entity has one last state.
fn check_once(changes: &RulesetChanges, found: &mut Findings) {
    let root = Place::Root;
    let lists = [
        ("flags", "removed_flags", changes.flags.iter().map(|f| f.key.as_str()).collect(), keys(&changes.removed_flags)),
        ("segments", "removed_segments", changes.segments.iter().map(|s| s.key.as_str()).collect(), keys(&changes.removed_segments)),
    ];
    for (put, removed, put_keys, removed_keys) in lists {
        let mut seen = HashSet::new();
        for (list, keys) in [(put, put_keys), (removed, removed_keys)] {
            for (i, key) in keys.into_iter().enumerate().filter(|(_, key)| !seen.insert(*key)) {
                found.add(&root.field(list).item(i), format!("`{key}` is listed twice"));
            }
        }
    }
}

fn keys<K: AsRef<str>>(keys: &[K]) -> Vec<&str> {
    keys.iter().map(AsRef::as_ref).collect()
}

#[cfg(test)]
mod tests;

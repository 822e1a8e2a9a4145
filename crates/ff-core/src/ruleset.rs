//! Rulesets: all flags and segments of one (tenant, environment) at one revision, compiled and immutable.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::compile::{CompiledFlag, CompiledSegment, Outline, Reference, SegmentSlot};
use crate::error::{Entity, Error};
use crate::fault::{Fault, Faults, Findings, Place};
use crate::flag_map::{FlagMap, KeyHash};
use crate::key::{EnvironmentKey, FlagKey, SegmentKey, TenantId};
use crate::links::{Links, Reach};
use crate::model::{Flag, Segment};
use crate::segments::{Rejected, Segments};

/// All flags and segments of one (tenant, environment) at one revision, compiled and immutable.
///
/// `Send + Sync`, cheap to clone. A change makes a new ruleset that shares with the old one all that did not change;
/// readers of the old one go on undisturbed.
#[derive(Debug, Clone)]
pub struct Ruleset {
    environment: EnvironmentKey,
    revision: u64,
    flags: FlagMap,
    segments: Segments,
    links: Links,
}

impl Ruleset {
    /// Compiles flags and segments.
    ///
    /// `revision` is the tenant's counter of changes; 0 where nobody counts.
    ///
    /// # Errors
    /// Every fault: two of one key, unknown segments, flags or variants, cycles, more than the bounds. Pointers begin with
    /// `/flags/<position>` or `/segments/<position>`.
    pub fn compile(
        tenant: TenantId,
        environment: EnvironmentKey,
        revision: u64,
        flags: &[Flag],
        segments: &[Segment],
    ) -> Result<Self, Faults> {
        let (compiled, rejected_segments) = Segments::compile_valid(tenant, segments.iter());
        let (ruleset, rejected_flags) = Self::compile_valid(environment, revision, flags.iter(), compiled);
        // Of two entities with one key, the later is the rejected one: hence the last position.
        let place = |entity: &Entity| match entity {
            Entity::Flag(key) => format!("/flags/{}", flags.iter().rposition(|flag| flag.key == *key).unwrap_or_default()),
            Entity::Segment(key) => format!("/segments/{}", segments.iter().rposition(|s| s.key == *key).unwrap_or_default()),
        };
        let faults: Vec<Fault> =
            rejected_segments.into_iter().chain(rejected_flags).flat_map(|r| Vec::from(r.faults.below(&place(&r.entity)))).collect();
        let mut found = Findings::default();
        for fault in faults {
            found.push(fault);
        }
        found.into_result().map(|()| ruleset)
    }

    /// Compiles what can be compiled, and tells what cannot: for documents that came from storage, where one bad row must
    /// not take all others down.
    pub fn compile_valid<'a>(
        environment: EnvironmentKey,
        revision: u64,
        flags: impl Iterator<Item = &'a Flag>,
        segments: Segments,
    ) -> (Self, Vec<Rejected>) {
        let mut rejected = Vec::new();
        let mut keys = HashSet::new();
        let mut compiled = Vec::new();
        let mut places = HashMap::new();
        for flag in flags {
            let mut found = Findings::default();
            let (ready, its_places) = CompiledFlag::new(flag, segments.tenant(), &|key| segments.slot_of(key), &mut found);
            if !keys.insert(flag.key.clone()) {
                found.add(&Place::Root.field("key"), format!("`{}` is another flag's key", flag.key));
            }
            match found.into_result() {
                Ok(()) => {
                    if !its_places.is_empty() {
                        places.insert(Entity::Flag(flag.key.clone()), its_places);
                    }
                    compiled.push(Arc::new(ready));
                }
                Err(faults) => rejected.push(Rejected { entity: Entity::Flag(flag.key.clone()), faults }),
            }
        }
        let mut links = Links::default();
        for flag in compiled.iter().filter(|flag| !flag.outline.references.is_empty()) {
            links = links.with(&Entity::Flag(flag.key.clone()), &[], &flag.outline.references);
        }
        for segment in segments.keys().filter_map(|key| segments.get(key)).filter(|s| !s.outline.references.is_empty()) {
            links = links.with(&Entity::Segment(segment.key.clone()), &[], &segment.outline.references);
        }
        let mut ruleset = Self { environment, revision, flags: FlagMap::new(compiled.into_iter()), segments, links };
        // Taking a bad entity out may leave others without what they name, so look until nothing is found.
        loop {
            let bad = ruleset.unsound(&places);
            if bad.is_empty() {
                return (ruleset, rejected);
            }
            for Rejected { entity, .. } in &bad {
                ruleset = ruleset.expel(entity);
            }
            rejected.extend(bad);
        }
    }

    /// This ruleset at a new revision with a flag put in place of the one with its key, or added. Copies no other flag.
    ///
    /// # Errors
    /// [`Error::Invalid`]: it names what is not there, forms a cycle, or passes a bound. [`Error::InUse`]: it lacks a
    /// variant that others name as a prerequisite, or would make others pass a bound.
    pub fn with_flag(&self, revision: u64, flag: &Flag) -> Result<Self, Error> {
        let entity = Entity::Flag(flag.key.clone());
        let mut found = Findings::default();
        let (compiled, places) = CompiledFlag::new(flag, self.segments.tenant(), &|key| self.segments.slot_of(key), &mut found);
        found.into_result()?;
        let former = self.flags.get(flag.key.as_str()).map_or(&[][..], |old| &old.outline.references);
        let links = self.links.with(&entity, former, &compiled.outline.references);
        let changed = Self { revision, flags: self.flags.with(Arc::new(compiled)), links, ..self.clone() };
        changed.check_entity(&entity, &places)?;
        changed.check_dependents(&entity)?;
        Ok(changed)
    }

    /// This ruleset at a new revision without a flag.
    ///
    /// # Errors
    /// [`Error::InUse`]: it is a prerequisite of others.
    pub fn without_flag(&self, revision: u64, key: &FlagKey) -> Result<Self, Error> {
        let entity = Entity::Flag(key.clone());
        self.check_unused(&entity)?;
        Ok(Self { revision, ..self.clone() }.expel(&entity))
    }

    /// This ruleset at a new revision with a segment put in place of the one with its key, or added.
    ///
    /// # Errors
    /// As [`with_flag`](Self::with_flag).
    pub fn with_segment(&self, revision: u64, segment: &Segment) -> Result<Self, Error> {
        self.with_segments(revision, self.segments.with(segment)?)
    }

    /// This ruleset at a new revision without a segment.
    ///
    /// # Errors
    /// [`Error::InUse`]: others name it.
    pub fn without_segment(&self, revision: u64, key: &SegmentKey) -> Result<Self, Error> {
        self.with_segments(revision, self.segments.without(key))
    }

    /// This ruleset at a new revision with other segments: for the environments of one tenant, which share theirs. The new
    /// ones must have come from this ruleset's by [`Segments::with`] and [`Segments::without`].
    ///
    /// # Errors
    /// As [`with_flag`](Self::with_flag), for each segment that differs; [`Error::InUse`] for one that is gone.
    pub fn with_segments(&self, revision: u64, segments: Segments) -> Result<Self, Error> {
        let gone: Vec<_> = self.segments.keys().filter(|key| segments.get(key).is_none()).cloned().collect();
        for key in &gone {
            self.check_unused(&Entity::Segment(key.clone()))?;
        }
        let differing: Vec<_> = segments.keys().filter(|key| !self.segments.shares(&segments, key)).cloned().collect();
        let mut links = self.links.clone();
        for key in gone.iter().chain(&differing) {
            let references = |segments: &Segments| segments.get(key).map(|s| s.outline.references.clone()).unwrap_or_default();
            links = links.with(&Entity::Segment(key.clone()), &references(&self.segments), &references(&segments));
        }
        let changed = Self { revision, segments, links, ..self.clone() };
        for key in differing {
            let entity = Entity::Segment(key);
            changed.check_entity(&entity, &[])?;
            changed.check_dependents(&entity)?;
        }
        Ok(changed)
    }

    /// The same flags and segments at another revision: a change of the tenant that did not touch this environment.
    #[must_use]
    pub fn at_revision(&self, revision: u64) -> Self {
        Self { revision, ..self.clone() }
    }

    /// The tenant.
    pub fn tenant(&self) -> &TenantId {
        self.segments.tenant()
    }

    /// The environment.
    pub fn environment(&self) -> &EnvironmentKey {
        &self.environment
    }

    /// The tenant's revision that this ruleset shows.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many flags there are.
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    /// Whether there is no flag.
    pub fn is_empty(&self) -> bool {
        self.flags.len() == 0
    }

    /// Whether there is a flag of that key.
    pub fn contains(&self, flag_key: &str) -> bool {
        self.flags.get(flag_key).is_some()
    }

    /// The keys of all flags, in no particular order.
    pub fn flag_keys(&self) -> impl Iterator<Item = &FlagKey> {
        self.flags.iter().map(|flag| &flag.key)
    }

    /// The segments, for the rulesets of the tenant's other environments.
    pub fn segments(&self) -> &Segments {
        &self.segments
    }

    /// The flags and segments that name this one, directly.
    pub fn users_of(&self, entity: &Entity) -> impl Iterator<Item = &Entity> {
        self.links.users_of(entity)
    }

    #[inline]
    pub(crate) fn flag(&self, key: &str) -> Option<&CompiledFlag> {
        self.flags.get(key).map(|flag| &**flag)
    }

    #[inline]
    pub(crate) fn flag_hashed(&self, hash: KeyHash, key: &str) -> Option<&CompiledFlag> {
        self.flags.get_hashed(hash, key).map(|flag| &**flag)
    }

    pub(crate) fn flags(&self) -> impl Iterator<Item = &CompiledFlag> {
        self.flags.iter().map(|flag| &**flag)
    }

    #[inline]
    pub(crate) fn segment_at(&self, slot: SegmentSlot) -> Option<&CompiledSegment> {
        self.segments.at(slot).map(|segment| &**segment)
    }

    fn outline(&self, entity: &Entity) -> Option<&Outline> {
        match entity {
            Entity::Flag(key) => self.flag(key.as_str()).map(|flag| &flag.outline),
            Entity::Segment(key) => self.segments.get(key).map(|segment| &segment.outline),
        }
    }

    /// What is wrong with a reference, looked at alone.
    fn fault_of(&self, reference: &Reference) -> Option<String> {
        match reference {
            Reference::Segment(key) if self.segments.get(key).is_none() => Some(format!("there is no segment `{key}`")),
            Reference::Segment(_) => None,
            Reference::Flag(key, variants) => match self.flag(key.as_str()) {
                None => Some(format!("there is no flag `{key}`")),
                Some(flag) => {
                    let missing = variants.iter().find(|variant| !flag.has_variant(variant))?;
                    Some(format!("flag `{key}` has no variant `{missing}`"))
                }
            },
        }
    }

    fn check_entity(&self, entity: &Entity, places: &[String]) -> Result<(), Faults> {
        let Some(outline) = self.outline(entity) else { return Ok(()) };
        let place = |i: usize| {
            let whole = match entity {
                Entity::Flag(_) => "/rules",
                Entity::Segment(_) => "/criteria",
            };
            places.get(i).map_or(whole, String::as_str)
        };
        let mut found = Findings::default();
        for (i, reference) in outline.references.iter().enumerate() {
            if let Some(message) = self.fault_of(reference) {
                found.push(Fault { pointer: place(i).to_owned(), message });
            }
        }
        found.into_result()?;
        Reach::new(|e: &Entity| self.outline(e)).check(entity).map_err(|(i, message)| Faults::one(place(i), message))
    }

    /// Those who name `entity` must still be sound now that it has changed.
    fn check_dependents(&self, entity: &Entity) -> Result<(), Error> {
        let dependents = self.links.dependents_of(entity);
        let mut reach = Reach::new(|e: &Entity| self.outline(e));
        for dependent in dependents {
            let Some(outline) = self.outline(&dependent) else { continue };
            if let Some(message) = outline.references.iter().find_map(|reference| self.fault_of(reference)) {
                return Err(Error::InUse { message: format!("{dependent} would break: {message}"), used_by: vec![dependent] });
            }
            if let Err((_, message)) = reach.check(&dependent) {
                return Err(Error::InUse { message: format!("{dependent} would break: {message}"), used_by: vec![dependent] });
            }
        }
        Ok(())
    }

    fn check_unused(&self, entity: &Entity) -> Result<(), Error> {
        let users: Vec<_> = self.users_of(entity).filter(|user| *user != entity).cloned().collect();
        if users.is_empty() { Ok(()) } else { Err(Error::in_use(&entity.to_string(), users)) }
    }

    /// Entities whose references lead nowhere or astray.
    fn unsound(&self, places: &HashMap<Entity, Vec<String>>) -> Vec<Rejected> {
        let flags = self.flags().filter(|flag| !flag.outline.references.is_empty()).map(|flag| Entity::Flag(flag.key.clone()));
        let segments = self.segments.keys().map(|key| Entity::Segment(key.clone()));
        let mut reach = Reach::new(|e: &Entity| self.outline(e));
        let mut bad = Vec::new();
        for entity in flags.chain(segments) {
            let Some(outline) = self.outline(&entity).filter(|o| !o.references.is_empty()) else { continue };
            let dangling = outline.references.iter().enumerate().find_map(|(i, r)| self.fault_of(r).map(|message| (i, message)));
            let Some((i, message)) = dangling.or_else(|| reach.check(&entity).err()) else { continue };
            let whole = if matches!(entity, Entity::Flag(_)) { "/rules" } else { "/criteria" };
            let pointer = places.get(&entity).and_then(|places| places.get(i)).map_or(whole, String::as_str).to_owned();
            bad.push(Rejected { faults: Faults::one(pointer, message), entity });
        }
        bad
    }

    fn expel(mut self, entity: &Entity) -> Self {
        let references = self.outline(entity).map(|o| o.references.clone()).unwrap_or_default();
        self.links = self.links.with(entity, &references, &[]);
        match entity {
            Entity::Flag(key) => self.flags = self.flags.without(key.as_str()),
            Entity::Segment(key) => self.segments = self.segments.without(key),
        }
        self
    }
}

#[cfg(test)]
mod tests;

//! Rulesets: all flags and segments of one (tenant, environment) at one revision, compiled and immutable.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::compile::{CompiledFlag, CompiledSegment, Outline, Reference, SegmentSlot};
use crate::error::{Entity, Error};
use crate::fault::{Fault, Faults, Findings, Place};
use crate::flag_map::{FlagMap, KeyHash};
use crate::key::{EnvironmentKey, FlagKey, SegmentKey, TenantId};
use crate::links::{Links, Reach};
use crate::members::MembersChange;
use crate::model::{Flag, Segment};
use crate::segments::{Rejected, Segments};

/// All flags and segments of one (tenant, environment) at one revision, compiled and immutable.
///
/// `Send + Sync`, cheap to clone. A change makes a new ruleset that shares with the old one all that did not change;
/// readers of the old one go on undisturbed.
#[derive(Clone)]
pub struct Ruleset {
    environment: EnvironmentKey,
    revision: u64,
    flags: FlagMap,
    segments: Segments,
    links: Links,
}

/// What it is a ruleset of and how large it is, since the flags themselves may fill megabytes.
impl fmt::Debug for Ruleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ruleset")
            .field("tenant", self.tenant())
            .field("environment", &self.environment)
            .field("revision", &self.revision)
            .field("flags", &self.len())
            .field("segments", &self.segments.keys().count())
            .finish_non_exhaustive()
    }
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
        // Of two entities with one key the later is at fault for the key, and only for that.
        let place = |entity: &Entity, fault: &Fault| {
            let (list, is_it): (_, &dyn Fn(usize) -> bool) = match entity {
                Entity::Flag(key) => ("flags", &|i| flags.get(i).is_some_and(|flag| flag.key == *key)),
                Entity::Segment(key) => ("segments", &|i| segments.get(i).is_some_and(|segment| segment.key == *key)),
            };
            let mut positions = (0..flags.len().max(segments.len())).filter(|i| is_it(*i));
            let position = if fault.pointer == "/key" { positions.next_back() } else { positions.next() };
            format!("/{list}/{}", position.unwrap_or_default())
        };
        let mut found = Findings::default();
        for Rejected { entity, faults } in rejected_segments.into_iter().chain(rejected_flags) {
            for fault in Vec::from(faults) {
                found.push(Fault { pointer: place(&entity, &fault) + &fault.pointer, message: fault.message });
            }
        }
        found.into_result().map(|()| ruleset)
    }

    /// Compiles what can be compiled, and tells what cannot: for documents that came from storage, where one bad row must
    /// not take all others down.
    ///
    /// Flags may be borrowed or given one by one: none is held longer than it takes to compile it.
    pub fn compile_valid(
        environment: EnvironmentKey,
        revision: u64,
        flags: impl Iterator<Item = impl Borrow<Flag>>,
        segments: Segments,
    ) -> (Self, Vec<Rejected>) {
        let mut rejected = Vec::new();
        let mut keys = HashSet::with_capacity_and_hasher(flags.size_hint().0, FixedState::with_seed(3));
        let mut compiled = Vec::with_capacity(flags.size_hint().0);
        for flag in flags {
            let flag = flag.borrow();
            let mut found = Findings::default();
            let ready = CompiledFlag::new(flag, segments.tenant(), &|key| segments.slot_of(key), &mut found);
            if !keys.insert(flag.key.clone()) {
                found.add(&Place::Root.field("key"), format!("`{}` is another flag's key", flag.key));
            }
            match found.into_result() {
                Ok(()) => compiled.push(Arc::new(ready)),
                Err(faults) => rejected.push(Rejected { entity: Entity::Flag(flag.key.clone()), faults }),
            }
        }
        let mut ruleset = Self { environment, revision, flags: FlagMap::new(compiled.into_iter()), segments, links: Links::default() };
        // Taking a bad entity out may leave others without what they name, so look until nothing is found.
        loop {
            let bad = ruleset.unsound();
            if bad.is_empty() {
                ruleset.links = Links::new(ruleset.referring());
                return (ruleset, rejected);
            }
            ruleset.segments =
                ruleset.segments.without(bad.iter().filter_map(|r| if let Entity::Segment(key) = &r.entity { Some(key) } else { None }));
            for Rejected { entity, .. } in &bad {
                if let Entity::Flag(key) = entity {
                    ruleset.flags = ruleset.flags.without(key.as_str());
                }
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
        let compiled = CompiledFlag::new(flag, self.segments.tenant(), &|key| self.segments.slot_of(key), &mut found);
        let none = Outline::default();
        let former = self.flags.get(flag.key.as_str()).map_or(&none, |old| &old.outline);
        let links = self.links.with(&entity, former, &compiled.outline);
        let changed = Self { revision, flags: self.flags.with(Arc::new(compiled)), links, ..self.clone() };
        changed.check_entity(&entity, found)?;
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
        let links = self.flags.get(key.as_str()).map(|flag| self.links.with(&entity, &flag.outline, &Outline::default()));
        Ok(Self { revision, flags: self.flags.without(key.as_str()), links: links.unwrap_or_else(|| self.links.clone()), ..self.clone() })
    }

    /// This ruleset at a new revision with a segment put in place of the one with its key, or added.
    ///
    /// # Errors
    /// As [`with_flag`](Self::with_flag).
    pub fn with_segment(&self, revision: u64, segment: &Segment) -> Result<Self, Error> {
        self.with_segments(revision, self.segments.with(segment)?)
    }

    /// This ruleset at a new revision with a difference in one segment's lists of users; nothing, if there is no such segment.
    /// Takes time in proportion to the difference, not to the lists.
    ///
    /// # Errors
    /// As [`Segments::with_members`].
    pub fn with_members(&self, revision: u64, key: &SegmentKey, change: &MembersChange<'_>) -> Result<Option<Self>, Faults> {
        // What the segment refers to and what it may cost stay the same, so nothing else needs a look.
        let segments = self.segments.with_members(key, change)?;
        Ok(segments.map(|segments| Self { revision, segments, ..self.clone() }))
    }

    /// This ruleset at a new revision without a segment.
    ///
    /// # Errors
    /// [`Error::InUse`]: others name it.
    pub fn without_segment(&self, revision: u64, key: &SegmentKey) -> Result<Self, Error> {
        self.with_segments(revision, self.segments.without([key]))
    }

    /// This ruleset at a new revision with other segments: for the environments of one tenant, which share theirs.
    ///
    /// # Errors
    /// As [`with_flag`](Self::with_flag), for each segment that differs; [`Error::InUse`] for one that is gone;
    /// [`Error::Unrelated`], if the new ones were not made from this ruleset's by [`Segments::with`] and
    /// [`Segments::without`].
    pub fn with_segments(&self, revision: u64, segments: Segments) -> Result<Self, Error> {
        if !self.segments.lead_to(&segments) {
            return Err(Error::Unrelated);
        }
        let gone: Vec<_> = self.segments.keys().filter(|key| segments.get(key).is_none()).cloned().collect();
        let mut differing: Vec<_> = segments.keys().filter(|key| !self.segments.shares(&segments, key)).cloned().collect();
        differing.sort_unstable();
        let mut links = self.links.clone();
        for key in gone.iter().chain(&differing) {
            let outline = |segments: &'_ Segments| segments.get(key).map_or_else(Outline::default, |s| s.outline.clone());
            links = links.with(&Entity::Segment(key.clone()), &outline(&self.segments), &outline(&segments));
        }
        let changed = Self { revision, segments, links, ..self.clone() };
        for key in gone {
            changed.check_unused(&Entity::Segment(key))?;
        }
        for key in differing {
            let entity = Entity::Segment(key);
            changed.check_entity(&entity, Findings::default())?;
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

    /// Every fault of an entity that is in this ruleset now; `found` has those that showed before.
    fn check_entity(&self, entity: &Entity, mut found: Findings) -> Result<(), Faults> {
        let Some(outline) = self.outline(entity) else { return found.into_result() };
        for (reference, place) in &outline.references {
            let is_known = matches!(reference, Reference::Segment(_)) && !found.is_empty();
            if let Some(message) = self.fault_of(reference).filter(|_| !is_known) {
                found.push(Fault { pointer: place.to_string(), message });
            }
        }
        found.into_result()?;
        Reach::new(|e: &Entity| self.outline(e)).check(entity).map_err(|(i, message)| Faults::one(place_of(outline, i), message))
    }

    /// Those who name `entity` must still be sound now that it has changed.
    fn check_dependents(&self, entity: &Entity) -> Result<(), Error> {
        let dependents = self.links.dependents_of(entity);
        let mut reach = Reach::new(|e: &Entity| self.outline(e));
        for dependent in dependents {
            let Some(outline) = self.outline(&dependent) else { continue };
            if let Some(message) = outline.references.iter().find_map(|(reference, _)| self.fault_of(reference)) {
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

    /// The entities that refer to others.
    fn referring(&self) -> impl Iterator<Item = (Entity, &Outline)> {
        let flags = self.flags().map(|flag| (Entity::Flag(flag.key.clone()), &flag.outline));
        let segments = self.segments.iter().map(|segment| (Entity::Segment(segment.key.clone()), &segment.outline));
        flags.filter(|(_, outline)| !outline.references.is_empty()).chain(segments.filter(|(_, outline)| !outline.references.is_empty()))
    }

    /// Entities whose references lead nowhere or astray, in an order that does not depend on how they are kept.
    fn unsound(&self) -> Vec<Rejected> {
        let mut referring: Vec<_> = self.referring().collect();
        referring.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut reach = Reach::new(|e: &Entity| self.outline(e));
        let mut bad = Vec::new();
        for (entity, outline) in referring {
            let dangling = outline.references.iter().enumerate().find_map(|(i, (r, _))| self.fault_of(r).map(|message| (i, message)));
            if let Some((i, message)) = dangling.or_else(|| reach.check(&entity).err()) {
                bad.push(Rejected { faults: Faults::one(place_of(outline, i), message), entity });
            }
        }
        bad
    }
}

/// Where in its document an entity makes this reference.
fn place_of(outline: &Outline, reference: usize) -> &str {
    outline.references.get(reference).map_or("", |(_, place)| place)
}

mod changes;
#[cfg(test)]
mod tests;

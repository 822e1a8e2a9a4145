//! The segments of a tenant, shared by the rulesets of all its environments.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::compile::{CompiledSegment, Reference, SegmentSlot};
use crate::error::Entity;
use crate::fault::{Faults, Findings, Place};
use crate::key::{SegmentKey, TenantId};
use crate::members::MembersChange;
use crate::model::Segment;

/// A tenant's segments, compiled. Cheap to clone; a changed copy shares every segment that did not change.
#[derive(Clone)]
pub struct Segments {
    tenant: TenantId,
    table: Arc<Table>,
}

/// INVARIANT: a key keeps its slot, and a slot its key, for as long as tables are made from one another: compiled conditions
/// name segments by slot, and must never find another segment there.
#[derive(Debug, Clone, Default)]
struct Table {
    /// Empty where the key's segment was removed.
    slots: Vec<Option<Arc<CompiledSegment>>>,
    by_key: HashMap<SegmentKey, SegmentSlot>,
}

/// An entity that cannot be compiled, and why.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Rejected {
    /// Which one.
    pub entity: Entity,
    /// What is wrong with it.
    pub faults: Faults,
}

/// Whose they are and how many, since the segments of a large tenant fill megabytes.
impl fmt::Debug for Segments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segments").field("tenant", &self.tenant).field("segments", &self.iter().count()).finish_non_exhaustive()
    }
}

impl Table {
    fn claim(&mut self, key: &SegmentKey) -> SegmentSlot {
        let next = SegmentSlot(self.slots.len() as u32);
        let slot = *self.by_key.entry(key.clone()).or_insert(next);
        if slot == next {
            self.slots.push(None);
        }
        slot
    }

    fn get(&self, key: &SegmentKey) -> Option<&Arc<CompiledSegment>> {
        self.at(*self.by_key.get(key)?)
    }

    fn at(&self, slot: SegmentSlot) -> Option<&Arc<CompiledSegment>> {
        self.slots.get(slot.0 as usize)?.as_ref()
    }

    fn set(&mut self, slot: SegmentSlot, segment: Option<Arc<CompiledSegment>>) {
        if let Some(place) = self.slots.get_mut(slot.0 as usize) {
            *place = segment;
        }
    }

    fn remove(&mut self, key: &SegmentKey) {
        if let Some(slot) = self.by_key.get(key) {
            self.set(*slot, None);
        }
    }
}

impl Segments {
    /// No segments.
    pub fn none(tenant: TenantId) -> Self {
        Self { tenant, table: Arc::default() }
    }

    /// Compiles what can be compiled, and tells what cannot: a segment that names one that is not there, or that cannot be
    /// compiled. Of two with the same key the later is rejected.
    pub fn compile_valid<'a>(tenant: TenantId, segments: impl Iterator<Item = &'a Segment> + Clone) -> (Self, Vec<Rejected>) {
        let mut table = Table::default();
        let mut rejected = Vec::new();
        let slots: Vec<_> = segments.clone().map(|segment| table.claim(&segment.key)).collect();
        let mut taken = HashSet::new();
        for (segment, slot) in segments.zip(slots) {
            let mut found = Findings::default();
            let compiled = CompiledSegment::new(segment, &tenant, &|key| table.by_key.get(key).copied(), &mut found);
            if !taken.insert(slot.0) {
                found.add(&Place::Root.field("key"), format!("`{}` is another segment's key", segment.key));
            }
            match found.into_result() {
                Ok(()) => table.set(slot, Some(Arc::new(compiled))),
                Err(faults) => rejected.push(reject(&segment.key, faults)),
            }
        }
        // Taking one out may leave others without what they name, so look until nothing is found.
        loop {
            let bad: Vec<_> = table.slots.iter().flatten().filter_map(|segment| dangling(segment, &table)).collect();
            if bad.is_empty() {
                return (Self { tenant, table: Arc::new(table) }, rejected);
            }
            for Rejected { entity, .. } in &bad {
                if let Entity::Segment(key) = entity {
                    table.remove(key);
                }
            }
            rejected.extend(bad);
        }
    }

    /// These segments with one put in place of the one with its key, or added. Whether it forms a cycle shows when the
    /// result is put into a ruleset.
    ///
    /// # Errors
    /// It names segments that are not there.
    pub fn with(&self, segment: &Segment) -> Result<Self, Faults> {
        let mut table = Table::clone(&self.table);
        let slot = table.claim(&segment.key);
        let mut found = Findings::default();
        let known = |key: &SegmentKey| table.by_key.get(key).copied().filter(|known| *known == slot || table.at(*known).is_some());
        let compiled = CompiledSegment::new(segment, &self.tenant, &known, &mut found);
        found.into_result()?;
        table.set(slot, Some(Arc::new(compiled)));
        Ok(Self { tenant: self.tenant.clone(), table: Arc::new(table) })
    }

    /// These segments with some put in place or added and others taken out, all at once: new ones may name one another. What is wrong
    /// with each of the new ones goes to its place in `found`; that they name segments that are not there shows when the result is
    /// put into a ruleset.
    pub(crate) fn with_all(&self, put: &[Segment], gone: &[SegmentKey], found: &mut Vec<Findings>) -> Self {
        let mut table = Table::clone(&self.table);
        gone.iter().for_each(|key| table.remove(key));
        let slots: Vec<_> = put.iter().map(|segment| table.claim(&segment.key)).collect();
        for (segment, slot) in put.iter().zip(slots) {
            let mut faults = Findings::default();
            let compiled = CompiledSegment::new(segment, &self.tenant, &|key| table.by_key.get(key).copied(), &mut faults);
            table.set(slot, Some(Arc::new(compiled)));
            found.push(faults);
        }
        Self { tenant: self.tenant.clone(), table: Arc::new(table) }
    }

    /// These segments with a difference in one's lists of users; nothing, if there is no such segment. Takes time in
    /// proportion to the difference, and shares all that it does not touch with these segments.
    ///
    /// # Errors
    /// An id that is empty or too long, or more members than the bound. Pointers are those of [`MembersChange`].
    pub fn with_members(&self, key: &SegmentKey, change: &MembersChange<'_>) -> Result<Option<Self>, Faults> {
        let Some(segment) = self.get(key) else { return Ok(None) };
        let changed = segment.with_members(change)?;
        let mut table = Table::clone(&self.table);
        let slot = table.claim(key);
        table.set(slot, Some(Arc::new(changed)));
        Ok(Some(Self { tenant: self.tenant.clone(), table: Arc::new(table) }))
    }

    /// These segments without some. Whether others need them shows when the result is put into a ruleset.
    pub fn without<'a>(&self, keys: impl IntoIterator<Item = &'a SegmentKey>) -> Self {
        let mut table = Table::clone(&self.table);
        keys.into_iter().for_each(|key| table.remove(key));
        Self { tenant: self.tenant.clone(), table: Arc::new(table) }
    }

    /// The keys of all segments, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &SegmentKey> {
        self.iter().map(|segment| &segment.key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<CompiledSegment>> {
        self.table.slots.iter().flatten()
    }

    pub(crate) fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    pub(crate) fn slot_of(&self, key: &SegmentKey) -> Option<SegmentSlot> {
        self.table.by_key.get(key).copied().filter(|slot| self.table.at(*slot).is_some())
    }

    pub(crate) fn get(&self, key: &SegmentKey) -> Option<&Arc<CompiledSegment>> {
        self.table.get(key)
    }

    #[inline]
    pub(crate) fn at(&self, slot: SegmentSlot) -> Option<&Arc<CompiledSegment>> {
        self.table.slots.get(slot.0 as usize)?.as_ref()
    }

    /// Whether `later` was made from these, so that what names a segment by slot finds the same one there.
    pub(crate) fn lead_to(&self, later: &Self) -> bool {
        self.tenant == later.tenant && self.table.by_key.iter().all(|(key, slot)| later.table.by_key.get(key) == Some(slot))
    }

    /// Whether both hold the very same compiled segment under this key.
    pub(crate) fn shares(&self, other: &Self, key: &SegmentKey) -> bool {
        match (self.get(key), other.get(key)) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }
}

fn dangling(segment: &CompiledSegment, table: &Table) -> Option<Rejected> {
    segment.outline.references.iter().find_map(|(reference, place)| match reference {
        Reference::Segment(key) if table.get(key).is_none() => {
            Some(reject(&segment.key, Faults::one(&**place, format!("there is no segment `{key}`"))))
        }
        _ => None,
    })
}

fn reject(key: &SegmentKey, faults: Faults) -> Rejected {
    Rejected { entity: Entity::Segment(key.clone()), faults }
}

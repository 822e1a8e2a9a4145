//! The segments of a tenant, shared by the rulesets of all its environments.

use std::collections::HashMap;
use std::sync::Arc;

use crate::compile::{CompiledSegment, SegmentSlot};
use crate::error::Entity;
use crate::fault::{Faults, Findings};
use crate::key::{SegmentKey, TenantId};
use crate::model::Segment;

/// A tenant's segments, compiled. Cheap to clone; a changed copy shares every segment that did not change.
#[derive(Debug, Clone)]
pub struct Segments {
    tenant: TenantId,
    table: Arc<Table>,
}

#[derive(Debug, Clone, Default)]
struct Table {
    /// A slot that a removed segment left empty is the next to be filled.
    slots: Vec<Option<Arc<CompiledSegment>>>,
    by_key: HashMap<SegmentKey, SegmentSlot>,
}

/// An entity that cannot be compiled, and why.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// Which one.
    pub entity: Entity,
    /// What is wrong with it.
    pub faults: Faults,
}

impl Table {
    fn claim(&mut self, key: &SegmentKey) -> SegmentSlot {
        if let Some(slot) = self.by_key.get(key) {
            return *slot;
        }
        let free = self.slots.iter().position(Option::is_none).filter(|free| self.by_key.values().all(|slot| slot.0 as usize != *free));
        let slot = SegmentSlot(free.unwrap_or(self.slots.len()) as u32);
        if free.is_none() {
            self.slots.push(None);
        }
        self.by_key.insert(key.clone(), slot);
        slot
    }

    fn put(&mut self, slot: SegmentSlot, segment: Arc<CompiledSegment>) {
        if let Some(place) = self.slots.get_mut(slot.0 as usize) {
            *place = Some(segment);
        }
    }

    fn remove(&mut self, key: &SegmentKey) {
        if let Some(slot) = self.by_key.remove(key)
            && let Some(place) = self.slots.get_mut(slot.0 as usize)
        {
            *place = None;
        }
    }
}

impl Segments {
    /// No segments.
    pub fn none(tenant: TenantId) -> Self {
        Self { tenant, table: Arc::default() }
    }

    /// Compiles what can be compiled, and tells what cannot: a segment that names one that is not there. Of two with the
    /// same key the later is rejected.
    pub fn compile_valid<'a>(tenant: TenantId, segments: impl Iterator<Item = &'a Segment> + Clone) -> (Self, Vec<Rejected>) {
        let mut table = Table::default();
        let mut rejected = Vec::new();
        for (i, segment) in segments.clone().enumerate() {
            let slot = SegmentSlot(i as u32);
            table.slots.push(None);
            if table.by_key.contains_key(&segment.key) {
                rejected.push(reject(&segment.key, Faults::one("/key", format!("`{}` is another segment's key", segment.key))));
            } else {
                table.by_key.insert(segment.key.clone(), slot);
            }
        }
        for (i, segment) in segments.enumerate() {
            let slot = SegmentSlot(i as u32);
            if table.by_key.get(&segment.key) != Some(&slot) {
                continue;
            }
            let mut found = Findings::default();
            let compiled = CompiledSegment::new(segment, &tenant, &|key| table.by_key.get(key).copied(), &mut found).0;
            match found.into_result() {
                Ok(()) => table.put(slot, Arc::new(compiled)),
                Err(faults) => rejected.push(reject(&segment.key, faults)),
            }
        }
        let bad: Vec<_> =
            rejected.iter().filter_map(|r| if let Entity::Segment(key) = &r.entity { Some(key.clone()) } else { None }).collect();
        for key in bad {
            // A rejected duplicate leaves the first holder of its key alone.
            if table.by_key.get(&key).is_some_and(|slot| table.slots.get(slot.0 as usize).is_some_and(Option::is_none)) {
                table.remove(&key);
            }
        }
        (Self { tenant, table: Arc::new(table) }, rejected)
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
        let compiled = CompiledSegment::new(segment, &self.tenant, &|key| table.by_key.get(key).copied(), &mut found).0;
        found.into_result()?;
        table.put(slot, Arc::new(compiled));
        Ok(Self { tenant: self.tenant.clone(), table: Arc::new(table) })
    }

    /// These segments without one. Whether others need it shows when the result is put into a ruleset.
    pub fn without(&self, key: &SegmentKey) -> Self {
        let mut table = Table::clone(&self.table);
        table.remove(key);
        Self { tenant: self.tenant.clone(), table: Arc::new(table) }
    }

    /// The keys of all segments, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &SegmentKey> {
        self.table.by_key.keys()
    }

    pub(crate) fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    pub(crate) fn slot_of(&self, key: &SegmentKey) -> Option<SegmentSlot> {
        self.table.by_key.get(key).copied()
    }

    pub(crate) fn get(&self, key: &SegmentKey) -> Option<&Arc<CompiledSegment>> {
        self.at(*self.table.by_key.get(key)?)
    }

    #[inline]
    pub(crate) fn at(&self, slot: SegmentSlot) -> Option<&Arc<CompiledSegment>> {
        self.table.slots.get(slot.0 as usize)?.as_ref()
    }

    /// Whether both hold exactly the same compiled segment under this key.
    pub(crate) fn shares(&self, other: &Self, key: &SegmentKey) -> bool {
        match (self.get(key), other.get(key)) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) && self.slot_of(key) == other.slot_of(key),
            (None, None) => true,
            _ => false,
        }
    }
}

fn reject(key: &SegmentKey, faults: Faults) -> Rejected {
    Rejected { entity: Entity::Segment(key.clone()), faults }
}

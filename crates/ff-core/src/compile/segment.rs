//! Segments, ready to ask.

use crate::bucket::Domain;
use crate::compile::Outline;
use crate::compile::condition::{Compiler, Cond, SegmentSlot};
use crate::fault::{Faults, Findings, Place};
use crate::key::{SegmentKey, TenantId};
use crate::members::MembersChange;
use crate::model::Segment;
use crate::string_set::StringSet;

/// A segment without what only people read.
#[derive(Debug)]
pub(crate) struct CompiledSegment {
    pub(crate) key: SegmentKey,
    pub(crate) included: StringSet,
    pub(crate) excluded: StringSet,
    pub(crate) criteria: Cond,
    pub(crate) outline: Outline,
}

/// What the lists say of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    Excluded,
    Included,
    ByCriteria,
}

impl CompiledSegment {
    /// Compiles a segment; what it refers to is looked at later, when all is there.
    pub(crate) fn new(
        segment: &Segment,
        tenant: &TenantId,
        slot_of: &dyn Fn(&SegmentKey) -> Option<SegmentSlot>,
        found: &mut Findings,
    ) -> Self {
        let mut compiler = Compiler {
            tenant,
            default_seed: (Domain::SegmentPercentage, segment.key.as_str()),
            slot_of,
            found,
            references: Vec::new(),
            steps: 0,
            depth: 0,
        };
        let criteria = compiler.condition(&segment.criteria, &Place::Root.field("criteria"));
        Self {
            key: segment.key.clone(),
            included: StringSet::new(segment.included.iter().map(String::as_str)),
            excluded: StringSet::new(segment.excluded.iter().map(String::as_str)),
            criteria,
            outline: Outline { steps: compiler.steps + 1, references: compiler.references.into() },
        }
    }

    /// This segment with a difference in its lists; the rest is shared.
    pub(crate) fn with_members(&self, change: &MembersChange<'_>) -> Result<Self, Faults> {
        let mut found = Findings::default();
        let included = change.included.apply(&self.included, &Place::Root.field("included"), &mut found);
        let excluded = change.excluded.apply(&self.excluded, &Place::Root.field("excluded"), &mut found);
        found.into_result()?;
        Ok(Self { key: self.key.clone(), included, excluded, criteria: self.criteria.clone(), outline: self.outline.clone() })
    }

    #[inline]
    pub(crate) fn membership(&self, user_id: &str) -> Membership {
        if !self.excluded.is_empty() && self.excluded.contains(user_id) {
            Membership::Excluded
        } else if !self.included.is_empty() && self.included.contains(user_id) {
            Membership::Included
        } else {
            Membership::ByCriteria
        }
    }
}

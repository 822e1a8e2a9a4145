//! Which buckets are asked by what a condition names: figures about a bucket are true only among users who were not chosen
//! by that very bucket, also not by a segment or another flag.

use std::rc::Rc;

use super::conditions::Linter;
use super::graph::{Fact, Term};
use super::prospects::Prospects;
use crate::bucket::Seed;
use crate::compile::{Cond, Split};
use crate::error::Entity;

/// The seeds of some buckets; none, if it cannot be told which.
pub(super) type Seeds = Option<Rc<[Seed]>>;

/// How many are told apart.
const SEEDS_MAX: usize = 64;

impl Prospects<'_> {
    /// The seeds of the buckets by which a segment or flag chooses its users, itself or through others.
    fn seeds(&self, entity: &Entity) -> Seeds {
        if let Some(known) = self.asked.borrow().get(entity) {
            return known.clone();
        }
        // As with the outlooks: what is being linted may close a circle.
        self.asked.borrow_mut().insert(entity.clone(), None);
        let mut found = Vec::new();
        let seeds = self.collect_of(entity, &mut found).filter(|()| found.len() <= SEEDS_MAX).map(|()| Rc::from(found));
        self.asked.borrow_mut().insert(entity.clone(), seeds.clone());
        seeds
    }

    fn collect_of(&self, entity: &Entity, found: &mut Vec<Seed>) -> Option<()> {
        match entity {
            Entity::Segment(key) => self.collect(&self.ruleset.segments().get(key)?.criteria, found),
            Entity::Flag(key) => {
                let flag = self.ruleset.flag(key.as_str())?;
                let splits = || flag.rules.iter().map(|rule| &rule.rollout).chain([&flag.default]);
                if splits().any(|split| matches!(split, Split::Many(_))) {
                    add(found, flag.seed);
                }
                flag.rules.iter().try_for_each(|rule| self.collect(&rule.when, found))
            }
        }
    }

    fn collect(&self, condition: &Cond, found: &mut Vec<Seed>) -> Option<()> {
        match condition {
            Cond::Everyone | Cond::Attr { .. } | Cond::UserId { .. } | Cond::Time { .. } => {}
            Cond::Percentage(gate) => add(found, gate.seed),
            Cond::Segments(slots) => {
                for slot in slots {
                    let segment = self.ruleset.segment_at(*slot)?;
                    self.seeds(&Entity::Segment(segment.key.clone()))?.iter().for_each(|seed| add(found, *seed));
                }
            }
            Cond::Flag(need) => self.seeds(&Entity::Flag(need.key.clone()))?.iter().for_each(|seed| add(found, *seed)),
            Cond::All(inner) | Cond::Any(inner) => inner.iter().try_for_each(|condition| self.collect(condition, found))?,
            Cond::Not(inner) => self.collect(inner, found)?,
        }
        Some(())
    }
}

/// Beyond the bound one more is kept, to tell that there are too many.
fn add(found: &mut Vec<Seed>, seed: Seed) {
    if found.len() <= SEEDS_MAX && !found.contains(&seed) {
        found.push(seed);
    }
}

impl Linter<'_> {
    /// Whether none of these terms asks one of these buckets, for whatever user or attribute; as far as can be told.
    pub(super) fn are_apart(&self, terms: &[Term], seeds: &[Seed]) -> bool {
        let leaves = terms.iter().try_fold(Vec::new(), |mut leaves, term| {
            leaves.extend(self.graph.leaves(*term)?);
            Some(leaves)
        });
        let is_none_of = |asked: Seeds| asked.is_some_and(|asked| !asked.iter().any(|seed| seeds.contains(seed)));
        leaves.is_some_and(|leaves| {
            leaves.into_iter().all(|leaf| match self.graph.fact(leaf) {
                Some(Fact::Test(_) | Fact::From(_)) => true,
                Some(Fact::Below { seed, .. }) => !seeds.contains(seed),
                Some(Fact::Within(key)) => is_none_of(self.prospects.seeds(&Entity::Segment((*key).clone()))),
                Some(Fact::Gives { flag, .. }) => is_none_of(self.prospects.seeds(&Entity::Flag((*flag).clone()))),
                Some(Fact::Unknown) | None => false,
            })
        })
    }
}

//! Which tests must have which outcome, and what follows from that for the user.

use super::buckets::bucket;
use super::demand::{Demanded, Leaf, Subject};
use super::needs::{in_words, needs};
use super::value::Solved;
use super::world::World;
use super::{Bound, Found, Reach, Search};
use crate::compile::{Cond, Membership};
use crate::explain::why_not::AttributeChange;
use crate::key::VariantKey;
use crate::timestamp::Timestamp;
use crate::user::{AttributeValue, User};

/// Demands on all subjects, each with what meets them.
#[derive(Debug, Clone, Default)]
pub(super) struct Hypothesis<'a> {
    subjects: Vec<Demands<'a>>,
}

/// All demands on one subject.
#[derive(Debug, Clone)]
pub(super) struct Demands<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) tests: Vec<(Leaf<'a>, bool)>,
    pub(super) met_by: Met<'a>,
}

/// What meets the demands.
#[derive(Debug, Clone)]
pub(super) enum Met<'a> {
    /// What is there already.
    Present,
    /// This value of the attribute, or that there is none.
    Attribute(Option<AttributeValue>),
    /// Another value is supposed to; none is known.
    Supposed,
    UserId(String),
    Instant(Timestamp),
    Flag(&'a VariantKey),
    FlagOn,
}

impl Demands<'_> {
    fn has_percentage(&self) -> bool {
        self.tests.iter().any(|(leaf, _)| leaf.gate().is_some())
    }
}

impl<'a> Hypothesis<'a> {
    /// How many demands there are.
    pub(super) fn demands(&self) -> usize {
        self.subjects.iter().map(|demands| demands.tests.len()).sum()
    }

    pub(super) fn cost(&self, reach: Reach) -> Bound {
        let mut cost = Bound { changes: 0, needs: 0 };
        for demands in &self.subjects {
            match demands.met_by {
                Met::Present => {}
                Met::Attribute(_) => cost.changes += 1,
                Met::Supposed if reach == Reach::Attributes => cost.changes += 1,
                _ => cost.needs += 1,
            }
        }
        cost
    }

    /// Whether some of it is only supposed, and so cannot be put before the evaluator.
    pub(super) fn supposes(&self) -> bool {
        self.subjects.iter().any(|demands| matches!(demands.met_by, Met::Supposed | Met::Flag(_) | Met::FlagOn))
    }

    /// This hypothesis with one demand more. Nothing, if its demands then contradict each other.
    pub(super) fn with(&self, search: &mut Search<'a>, test: Demanded<'a>) -> Option<Self> {
        let mut next = self.clone();
        let at = next.subjects.iter().position(|demands| demands.subject.is(&test.subject)).unwrap_or_else(|| {
            next.subjects.push(Demands { subject: test.subject, tests: Vec::new(), met_by: Met::Present });
            next.subjects.len() - 1
        });
        if let Some(demands) = next.subjects.get_mut(at) {
            demands.tests.push((test.leaf, test.want));
        }
        next.meet(search, at)?;
        if let Subject::Attribute(name) = test.subject
            && search.user.attribute(name) == Some(&AttributeValue::Object)
        {
            // What lay under the object goes with it, so that what was there already may no longer be.
            for below in 0..next.subjects.len() {
                if next.subjects.get(below).is_some_and(|demands| lies_under(demands.subject, name)) {
                    next.meet(search, below)?;
                }
            }
        }
        if let Subject::Instant = test.subject {
            // Percentages that grow have other thresholds then.
            for other in 0..next.subjects.len() {
                if next.subjects.get(other).is_some_and(|demands| !matches!(demands.subject, Subject::Instant) && demands.has_percentage())
                {
                    next.meet(search, other)?;
                }
            }
        }
        search.may_share |= next.shares_an_object(search);
        Some(next)
    }

    /// Whether attributes change that lie under one object, whose change might have done for both.
    fn shares_an_object(&self, search: &Search<'a>) -> bool {
        let changed = self.subjects.iter().filter(|demands| matches!(demands.met_by, Met::Attribute(_) | Met::Supposed));
        let names: Vec<_> =
            changed.filter_map(|demands| if let Subject::Attribute(name) = demands.subject { Some(name) } else { None }).collect();
        let mut roots: Vec<_> = names.iter().map(|name| search.root(name)).collect();
        roots.sort_unstable();
        roots.windows(2).any(|pair| pair.first() == pair.last())
    }

    /// Finds what meets the demands on one subject. Where nothing is known that does, something is supposed to.
    fn meet(&mut self, search: &mut Search<'a>, at: usize) -> Option<()> {
        let Demands { subject, tests, .. } = self.subjects.get(at).cloned()?;
        let now = self.instant().unwrap_or(search.now);
        let met_by = match subject {
            Subject::Attribute(name) => {
                let is_gone = self.subjects.iter().any(|above| match (above.subject, &above.met_by) {
                    (Subject::Attribute(object), Met::Attribute(_)) => {
                        lies_under(subject, object) && search.user.attribute(object) == Some(&AttributeValue::Object)
                    }
                    _ => false,
                });
                let present = search.user.attribute(name).filter(|_| !is_gone);
                match search.solve_attribute(name, present, &tests, now) {
                    Solved::Present => Met::Present,
                    Solved::Set(value) => Met::Attribute(Some(value)),
                    Solved::Remove => Met::Attribute(None),
                    Solved::Impossible => return None,
                    Solved::Unknown => Met::Supposed,
                }
            }
            Subject::UserId => match search.solve_user_id(&tests, now) {
                Solved::Set(AttributeValue::String(id)) => Met::UserId(id.into()),
                Solved::Impossible => return None,
                _ => Met::Supposed,
            },
            Subject::Instant => Met::Instant(nearest(search, &self.world(search).user, &tests)?),
            Subject::Flag(_) => Met::Flag(variant(search, &tests)?),
            Subject::FlagOn => Met::FlagOn,
        };
        if let Some(demands) = self.subjects.get_mut(at) {
            demands.met_by = met_by;
        }
        Some(())
    }

    pub(super) fn instant(&self) -> Option<Timestamp> {
        self.subjects.iter().find_map(|demands| if let Met::Instant(at) = demands.met_by { Some(at) } else { None })
    }

    /// What an evaluation would depend on, were it so.
    pub(super) fn world(&self, search: &Search<'a>) -> World<'a> {
        let mut world = World {
            user: search.user.clone(),
            now: self.instant().unwrap_or(search.now),
            is_on: search.flag.is_on,
            changed: Vec::new(),
            flags: Vec::new(),
            supposed: Vec::new(),
            unknown: Vec::new(),
            nearly_any: Vec::new(),
        };
        for change in self.changes(search) {
            world.user = change.apply(world.user);
        }
        for demands in &self.subjects {
            match (&demands.met_by, demands.subject) {
                (Met::UserId(id), _) => world.user = world.user.renamed(id),
                (Met::Flag(variant), Subject::Flag(key)) => world.flags.push((key, variant)),
                (Met::FlagOn, _) => world.is_on = true,
                (Met::Supposed, subject) => {
                    world.supposed.extend(&demands.tests);
                    world.unknown.push(subject);
                    if demands.tests.iter().all(|(leaf, _)| leaf.gate().is_some()) {
                        world.nearly_any.push(subject);
                    }
                }
                _ => {}
            }
            if let (Subject::Attribute(name), Met::Attribute(_) | Met::Supposed) = (demands.subject, &demands.met_by) {
                world.changed.push(search.root(name));
            }
        }
        world
    }

    /// By name, so that an object comes before what lies under it.
    fn changes(&self, search: &Search<'a>) -> Vec<AttributeChange> {
        let mut changes: Vec<_> = self
            .subjects
            .iter()
            .filter_map(|demands| match (demands.subject, &demands.met_by) {
                (Subject::Attribute(name), Met::Attribute(to)) => Some(AttributeChange {
                    attribute: name.to_owned(),
                    from: search.user.attribute(name).cloned(),
                    to: to.clone(),
                    so_that: Vec::new(),
                }),
                _ => None,
            })
            .collect();
        changes.sort_unstable_by(|a, b| a.attribute.cmp(&b.attribute));
        changes
    }

    pub(super) fn found(&self, search: &Search<'a>) -> Found<'a> {
        let mut changes = self.changes(search);
        for change in &mut changes {
            let demands = self.subjects.iter().find(|demands| demands.subject.is(&Subject::Attribute(&change.attribute)));
            change.so_that = demands.map(|demands| in_words(&demands.tests)).unwrap_or_default();
        }
        let now = self.instant().unwrap_or(search.now);
        Found { changes, needs: self.subjects.iter().flat_map(|demands| needs(search, demands, now)).collect() }
    }
}

fn lies_under(subject: Subject<'_>, object: &str) -> bool {
    matches!(subject, Subject::Attribute(name) if name.strip_prefix(object).is_some_and(|rest| rest.starts_with('.')))
}

/// The instant nearest to now at which all have the wanted outcome. Outcomes turn only at the ends of windows and where a
/// growing percentage passes the user's bucket, so no other instants need to be tried.
fn nearest<'a>(search: &Search<'a>, user: &User, tests: &[(Leaf<'a>, bool)]) -> Option<Timestamp> {
    let mut turns = Vec::new();
    for (leaf, _) in tests {
        match leaf {
            Leaf::Cond(Cond::Time { after, before }) => turns.extend(after.iter().chain(before)),
            Leaf::Cond(condition @ Cond::Percentage(gate)) => {
                turns.extend(bucket(search, user, condition).and_then(|bucket| gate.limit.turns_for(bucket)));
            }
            _ => {}
        }
    }
    let mut instants: Vec<_> = turns.into_iter().flat_map(|turn| [turn, Timestamp::from_nanos(turn.as_nanos() - 1)]).collect();
    instants.sort_unstable_by_key(|instant| (instant.as_nanos() - search.now.as_nanos()).unsigned_abs());
    let passes = |at: Timestamp| {
        tests.iter().all(|(leaf, want)| match leaf {
            Leaf::Cond(condition) => search.test(user, at, condition) == *want,
            _ => false,
        })
    };
    instants.into_iter().find(|at| passes(*at))
}

/// A variant that all would be content with.
fn variant<'a>(search: &Search<'a>, tests: &[(Leaf<'a>, bool)]) -> Option<&'a VariantKey> {
    let need = tests.iter().find_map(|(leaf, _)| if let Leaf::Cond(Cond::Flag(need)) = leaf { Some(need) } else { None })?;
    let flag = search.ruleset.flag_hashed(need.hash, need.key.as_str())?;
    let is_wanted = |variant: &VariantKey| {
        tests.iter().all(|(leaf, want)| matches!(leaf, Leaf::Cond(Cond::Flag(need)) if need.variants.contains(variant) == *want))
    };
    flag.variants.iter().map(|(key, _)| key).find(|key| is_wanted(key))
}

/// Whether the lists of the segment treat a user id as demanded.
pub(super) fn is_listed(leaf: &Leaf<'_>, user_id: &str) -> Option<bool> {
    match leaf {
        Leaf::Included(segment) => Some(segment.membership(user_id) == Membership::Included),
        Leaf::Excluded(segment) => Some(segment.membership(user_id) == Membership::Excluded),
        Leaf::Cond(_) | Leaf::FlagOn => None,
    }
}

//! The search for the smallest change of attributes that makes a rule decide.
//!
//! A *hypothesis* says which tests must have which outcome; from that follows a value for each attribute that has to change.
//! The search begins with none. It evaluates the changed user; where the goal fails, some tests have the wrong outcome, and
//! one of a few of them must be put right (`walk`). Each is demanded in turn, values that meet all demands are looked for
//! (`value`), and so on from there. Every smallest change is met on the way: it puts one of those tests right, at each step.
//! Where no value is known, as for a percentage that goes by an attribute, one is supposed: what else is asked of the
//! attribute may name it. What is still only supposed in the end is no change, and leaves open whether there is one.
//!
//! The search allows no change, then one, then two, so the first that it finds is the smallest. It never looks at what already
//! is as it should be, so what it costs grows with what is wrong, not with the size of the flag. Tests are made one by one by
//! the matcher, and a change is shown only after the evaluator itself has confirmed it as a whole.

mod buckets;
mod candidates;
mod demand;
mod hypothesis;
mod needs;
mod numbers;
mod pattern;
mod proof;
mod value;
mod walk;
mod world;

use hypothesis::Hypothesis;
use world::World;

use super::why_not::{AttributeChange, Need};
use crate::compile::{CompiledFlag, Cond};
use crate::key::RuleId;
use crate::limits::ATTRIBUTES_MAX;
use crate::matcher::{Matcher, Nobody};
use crate::ruleset::Ruleset;
use crate::timestamp::Timestamp;
use crate::user::User;

/// The most attributes that a change may touch.
const CHANGES_MAX: usize = 16;

/// The most things besides attributes that may have to be otherwise.
const NEEDS_MAX: usize = 8;

/// The most tests whose outcome one hypothesis fixes; each is a step deeper on the stack.
const DEMANDS_MAX: usize = 64;

/// How often a search for changes may come to an end where a value is only supposed. Past that none is supposed any more.
const SUPPOSED_MAX: usize = 16;

/// What is looked for; rules by position.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal {
    /// The rule's condition holds and that of no earlier one does.
    Decides(usize),
    /// The rule's condition holds.
    Holds(usize),
}

/// What may be otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The user's attributes.
    Attributes,
    /// Also the user's id and buckets, the instant, what other flags give, and whether the flag is on.
    Everything,
}

/// What would do.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// By name, so that an object comes before what lies under it.
    pub(super) changes: Vec<AttributeChange>,
    pub(super) needs: Vec<Need<'a>>,
}

/// What a search came to.
#[derive(Debug)]
pub(super) struct Outcome<'a> {
    pub(super) found: Option<Found<'a>>,
    /// Whether it is certain that less would not do; if nothing was found, that nothing would.
    pub(super) is_certain: bool,
}

/// How much a hypothesis may suppose.
#[derive(Debug, Clone, Copy)]
struct Bound {
    changes: usize,
    needs: usize,
}

/// One user, one flag, one instant.
pub(super) struct Search<'a> {
    ruleset: &'a Ruleset,
    flag: &'a CompiledFlag,
    user: &'a User,
    now: Timestamp,
    reach: Reach,
    /// Tests made so far and allowed at most, in this run; and those of earlier runs.
    work: u64,
    work_max: u64,
    work_before: u64,
    /// How often values that are only supposed were all that was missing.
    supposed: usize,
    /// Whether a way was given up of which it is not known that it leads nowhere.
    is_unsure: bool,
    /// Whether one change of an object might have done for several of what lies under it. Such changes are not looked for.
    may_share: bool,
    /// The least numbers of changes and needs by which a hypothesis was beyond the bound.
    beyond: Option<Bound>,
}

impl<'a> Search<'a> {
    pub(super) fn new(ruleset: &'a Ruleset, flag: &'a CompiledFlag, user: &'a User, now: Timestamp) -> Self {
        Self {
            ruleset,
            flag,
            user,
            now,
            reach: Reach::Attributes,
            work: 0,
            work_max: 0,
            work_before: 0,
            supposed: 0,
            is_unsure: false,
            may_share: false,
            beyond: None,
        }
    }

    pub(super) fn user(&self) -> &'a User {
        self.user
    }

    pub(super) fn is_on(&self) -> bool {
        self.flag.is_on
    }

    pub(super) fn rule_id(&self, rule: usize) -> Option<&'a RuleId> {
        self.flag.rules.get(rule).map(|rule| &rule.id)
    }

    /// The rule that decides for the user.
    pub(super) fn decided(&self) -> Option<usize> {
        self.decided_for(self.user)
    }

    pub(super) fn decided_for(&self, user: &User) -> Option<usize> {
        self.decided_at(user, self.now)
    }

    fn decided_at(&self, user: &User, now: Timestamp) -> Option<usize> {
        let mut matcher = Matcher { ruleset: self.ruleset, user, now, observer: Nobody, percentage_bucket: None };
        matcher.flag(self.flag).rule.map(|rule| rule as usize)
    }

    /// Whether the rule's condition holds for the user.
    pub(super) fn holds(&self, rule: usize) -> bool {
        self.flag.rules.get(rule).is_some_and(|rule| self.test(self.user, self.now, &rule.when))
    }

    /// Whether the condition holds, by the engine's own matcher.
    fn test(&self, user: &User, now: Timestamp, condition: &Cond) -> bool {
        Matcher { ruleset: self.ruleset, user, now, observer: Nobody, percentage_bucket: None }.holds(condition)
    }

    /// Tests made in all runs.
    pub(super) fn work(&self) -> u64 {
        self.work_before + self.work
    }

    fn is_exhausted(&self) -> bool {
        self.work > self.work_max
    }

    /// Looks for the least that would do.
    pub(super) fn run(&mut self, goal: Goal, reach: Reach, work_max: u64) -> Outcome<'a> {
        self.work_before += self.work;
        (self.reach, self.work, self.work_max) = (reach, 0, work_max);
        (self.supposed, self.is_unsure, self.may_share) = (0, false, false);
        match reach {
            Reach::Attributes => {
                self.work_max = work_max / 4 * 3;
                let fewest = self.fewest(goal, Bound { changes: 0, needs: 0 });
                if fewest.found.is_some() || !self.is_exhausted() {
                    return fewest;
                }
                // Any change is better than none.
                self.work_max = self.work + work_max / 4;
                let some = self.descend(goal, &Hypothesis::default(), Bound { changes: CHANGES_MAX, needs: 0 });
                Outcome { found: some.map(|some| some.found(self)), is_certain: false }
            }
            Reach::Everything => {
                // First the fewest needs with whatever changes, then the fewest changes with as many needs.
                let mut bound = Bound { changes: CHANGES_MAX, needs: 1 };
                let some = loop {
                    self.beyond = None;
                    let found = self.descend(goal, &Hypothesis::default(), bound);
                    match (found, self.beyond) {
                        (Some(found), _) => break Some(found),
                        (None, Some(next)) if next.needs > bound.needs && next.needs <= NEEDS_MAX && !self.is_exhausted() => {
                            bound.needs = next.needs;
                        }
                        _ => break None,
                    }
                };
                let Some(some) = some else { return Outcome { found: None, is_certain: false } };
                let fewest = self.fewest(goal, Bound { changes: 0, needs: bound.needs });
                Outcome { found: fewest.found.or_else(|| Some(some.found(self))), is_certain: false }
            }
        }
    }

    /// Allows more and more changes until something is found.
    fn fewest(&mut self, goal: Goal, mut bound: Bound) -> Outcome<'a> {
        loop {
            self.beyond = None;
            let is_certain = !self.is_unsure;
            if let Some(found) = self.descend(goal, &Hypothesis::default(), bound) {
                let is_certain = is_certain && (!self.may_share || bound.changes <= 1);
                return Outcome { found: Some(found.found(self)), is_certain };
            }
            match self.beyond {
                Some(next) if !self.is_exhausted() && next.changes > bound.changes && next.changes <= CHANGES_MAX => {
                    bound.changes = next.changes;
                }
                beyond => {
                    let is_certain = beyond.is_none() && !self.is_unsure && !self.is_exhausted();
                    return Outcome { found: None, is_certain };
                }
            }
        }
    }

    /// Goes on from a hypothesis: done if it is enough; else each test that may be put right next is, in turn.
    fn descend(&mut self, goal: Goal, hypothesis: &Hypothesis<'a>, bound: Bound) -> Option<Hypothesis<'a>> {
        let cost = hypothesis.cost(self.reach);
        if cost.changes > bound.changes || cost.needs > bound.needs {
            self.note_beyond(cost, bound);
            return None;
        }
        let world = hypothesis.world(self);
        if world.user.attribute_count() > ATTRIBUTES_MAX.max(self.user.attribute_count()) {
            self.is_unsure = true;
            return None;
        }
        let wrong = self.goal(goal, &world);
        if self.is_exhausted() {
            return None;
        }
        let Some(wrong) = wrong else { return self.is_confirmed(goal, hypothesis, &world).then(|| hypothesis.clone()) };
        let least = Bound { changes: cost.changes + wrong.changes_min, needs: cost.needs };
        if least.changes > bound.changes {
            self.note_beyond(least, bound);
            return None;
        }
        for test in wrong.tests {
            if hypothesis.demands() >= DEMANDS_MAX {
                self.is_unsure = true;
                return None;
            }
            let Some(next) = hypothesis.with(self, test) else { continue };
            if self.supposed >= SUPPOSED_MAX && next.supposes() {
                self.is_unsure = true;
                continue;
            }
            if let Some(found) = self.descend(goal, &next, bound) {
                return Some(found);
            }
        }
        None
    }

    /// Remembers the least that would have been allowed by a wider bound. Of two kinds the one counts that was exceeded.
    fn note_beyond(&mut self, cost: Bound, bound: Bound) {
        let changes = if cost.changes > bound.changes { cost.changes } else { usize::MAX };
        let needs = if cost.needs > bound.needs { cost.needs } else { usize::MAX };
        let least = self.beyond.get_or_insert(Bound { changes, needs });
        *least = Bound { changes: least.changes.min(changes), needs: least.needs.min(needs) };
    }

    /// The last word has the evaluator. It cannot be asked about what is only supposed, such as another flag's answer.
    fn is_confirmed(&mut self, goal: Goal, hypothesis: &Hypothesis<'a>, world: &World<'a>) -> bool {
        let is_so = match goal {
            _ if hypothesis.supposes() => self.reach == Reach::Everything,
            Goal::Decides(rule) => self.decided_at(&world.user, world.now) == Some(rule),
            Goal::Holds(rule) => self.flag.rules.get(rule).is_some_and(|rule| self.test(&world.user, world.now, &rule.when)),
        };
        self.supposed += usize::from(!is_so && hypothesis.supposes());
        self.is_unsure |= !is_so;
        is_so
    }
}

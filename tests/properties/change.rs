//! Changing a ruleset entity by entity gives what compiling its documents anew would give, refusals included.

use std::fmt;

use ff_core::{Flag, FlagKey, ListChange, MembersChange, Ruleset, RulesetChanges, RulesetDocument, Segment, SegmentKey};
use quickcheck::{Arbitrary, Gen};
use serde_json::json;

use crate::check::holds;
use crate::dice::Dice;
use crate::world::{World, answer, compile};

/// One step on the way.
#[derive(Clone, Debug)]
enum Step {
    PutFlag(Box<Flag>),
    PutSegment(Box<Segment>),
    DropFlag(FlagKey),
    DropSegment(SegmentKey),
    /// Ids put into a segment's `included`, ids taken out of it, and the same for `excluded`.
    Members(SegmentKey, [Vec<String>; 4]),
}

/// A world, and steps that bring parts of another one into it.
#[derive(Clone)]
struct History {
    start: World,
    steps: Vec<Step>,
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}\nthen {:#?}", self.start, self.steps)
    }
}

impl Arbitrary for History {
    fn arbitrary(source: &mut Gen) -> Self {
        let start = World::arbitrary(source);
        let other = World::arbitrary(source);
        let mut steps: Vec<Step> = other.flags().into_iter().map(|flag| Step::PutFlag(Box::new(flag))).collect();
        steps.extend(other.segments().into_iter().map(|segment| Step::PutSegment(Box::new(segment))));
        let dice = &mut Dice(source);
        for flag in start.flags() {
            if dice.chance(40) {
                steps.push(Step::DropFlag(flag.key().clone()));
                steps.push(Step::PutFlag(Box::new(flag)));
            }
        }
        for segment in start.segments() {
            if dice.chance(40) {
                steps.push(Step::DropSegment(segment.key().clone()));
                steps.push(Step::PutSegment(Box::new(segment)));
            }
        }
        for segment in start.segments() {
            let ids = |dice: &mut Dice<'_>| dice.some(6, |dice| format!("u{}", dice.below(8)));
            steps.push(Step::Members(segment.key().clone(), [ids(dice), ids(dice), ids(dice), ids(dice)]));
        }
        let steps = dice.shuffled(steps);
        Self { start, steps }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let this = self.clone();
        let shorter = (0..self.steps.len()).map(move |at| {
            let mut less = this.clone();
            less.steps.remove(at);
            less
        });
        let this = self.clone();
        Box::new(shorter.chain(self.start.shrink().map(move |start| History { start, steps: this.steps.clone() })))
    }
}

fn put<T: Clone>(list: &[T], item: &T, same: impl Fn(&T) -> bool) -> Vec<T> {
    let mut list: Vec<T> = list.iter().filter(|other| !same(other)).cloned().collect();
    list.push(item.clone());
    list
}

/// The segment as its document would be after the change.
fn with_members(segment: &Segment, [add, remove, exclude, admit]: &[Vec<String>; 4]) -> Segment {
    let mut document = segment.to_value();
    for (list, add, remove) in [("included", add, remove), ("excluded", exclude, admit)] {
        let former = document[list].as_array().cloned().unwrap_or_default();
        let kept = former.into_iter().filter(|id| !remove.iter().any(|removed| *id == **removed));
        document[list] = kept.chain(add.iter().map(|id| json!(id))).collect();
    }
    Segment::from_value(&document).unwrap()
}

/// The documents after the step, whether they may be so or not.
fn after(step: &Step, flags: &[Flag], segments: &[Segment]) -> (Vec<Flag>, Vec<Segment>) {
    match step {
        Step::PutFlag(flag) => (put(flags, flag, |other| other.key() == flag.key()), segments.to_vec()),
        Step::PutSegment(segment) => (flags.to_vec(), put(segments, segment, |other| other.key() == segment.key())),
        Step::Members(key, lists) => {
            let changed = segments.iter().map(|segment| if segment.key() == key { with_members(segment, lists) } else { segment.clone() });
            (flags.to_vec(), changed.collect())
        }
        Step::DropFlag(key) => (flags.iter().filter(|flag| flag.key() != key).cloned().collect(), segments.to_vec()),
        Step::DropSegment(key) => (flags.to_vec(), segments.iter().filter(|segment| segment.key() != key).cloned().collect()),
    }
}

fn apply(step: &Step, ruleset: &Ruleset) -> Result<Ruleset, ff_core::Error> {
    let revision = ruleset.revision() + 1;
    match step {
        Step::PutFlag(flag) => ruleset.with_flag(revision, flag),
        Step::PutSegment(segment) => ruleset.with_segment(revision, segment),
        Step::DropFlag(key) => ruleset.without_flag(revision, key),
        Step::DropSegment(key) => ruleset.without_segment(revision, key),
        Step::Members(key, lists) => {
            let [add, remove, exclude, admit] = lists.each_ref().map(|ids| ids.iter().map(String::as_str).collect::<Vec<_>>());
            let change = MembersChange {
                included: ListChange { add: &add, remove: &remove },
                excluded: ListChange { add: &exclude, remove: &admit },
            };
            // Of a segment that is not there nothing changes.
            Ok(ruleset.with_members(revision, key, &change)?.unwrap_or_else(|| ruleset.at_revision(revision)))
        }
    }
}

/// Whether both rulesets answer alike.
fn alike(world: &World, flags: &[Flag], one: &Ruleset, other: &Ruleset) -> bool {
    one.len() == flags.len()
        && other.len() == flags.len()
        && flags.iter().all(|flag| {
            let key = flag.key().as_str();
            world.questions.iter().all(|question| answer(one, key, question) == answer(other, key, question))
        })
}

#[test]
fn a_changed_ruleset_is_like_a_freshly_compiled_one() {
    fn same(history: History) -> bool {
        let world = &history.start;
        let (mut flags, mut segments, mut ruleset) = (world.flags(), world.segments(), world.compile());
        history.steps.iter().all(|step| {
            let before = ruleset.clone();
            let (next_flags, next_segments) = after(step, &flags, &segments);
            let fresh = compile(world.tenant, &next_flags, &next_segments);
            match (apply(step, &ruleset), fresh) {
                (Ok(changed), Ok(fresh)) => {
                    // Readers of the former ruleset go on with what they had.
                    let undisturbed = alike(world, &flags, &before, &ruleset);
                    let is_same = undisturbed && changed.revision() == before.revision() + 1 && alike(world, &next_flags, &changed, &fresh);
                    (flags, segments, ruleset) = (next_flags, next_segments, changed);
                    is_same
                }
                (Err(_), Err(_)) => true,
                (Ok(_), Err(faults)) => {
                    println!("the change was allowed, the documents are not: {faults}");
                    false
                }
                (Err(error), Ok(_)) => {
                    println!("the change was refused, the documents are right: {error}");
                    false
                }
            }
        })
    }
    holds(200, same as fn(History) -> bool);
}

#[test]
fn a_ruleset_built_up_from_nothing_is_like_one_compiled_at_once() {
    fn same(world: World) -> bool {
        let (flags, segments) = (world.flags(), world.segments());
        let mut built = compile(world.tenant, &[], &[]).unwrap();
        // Worlds are made in this order, each entity after those that it names.
        for (i, segment) in segments.iter().enumerate() {
            built = built.with_segment(0, segment).unwrap();
            built = built.with_flag(0, &flags[i]).unwrap();
        }
        for flag in &flags[segments.len()..] {
            built = built.with_flag(0, flag).unwrap();
        }
        alike(&world, &flags, &built, &world.compile())
    }
    holds(300, same as fn(World) -> bool);
}

/// Everything that differs between two states of the documents, each entity as it is in the later one.
fn difference(world: &World, before: &(Vec<Flag>, Vec<Segment>), after: &(Vec<Flag>, Vec<Segment>)) -> RulesetChanges {
    let is_new_flag = |flag: &&Flag| !before.0.contains(flag);
    let is_new_segment = |segment: &&Segment| !before.1.contains(segment);
    let gone_flags = before.0.iter().map(Flag::key).filter(|key| after.0.iter().all(|flag| flag.key() != *key));
    let gone_segments = before.1.iter().map(Segment::key).filter(|key| after.1.iter().all(|segment| segment.key() != *key));
    let document = json!({
        "format": 1, "tenant": world.tenant, "environment": "production", "since": 1, "revision": 9,
        "flags": after.0.iter().filter(is_new_flag).map(Flag::to_value).collect::<Vec<_>>(),
        "segments": after.1.iter().filter(is_new_segment).map(Segment::to_value).collect::<Vec<_>>(),
        "removed_flags": gone_flags.collect::<Vec<_>>(),
        "removed_segments": gone_segments.collect::<Vec<_>>(),
    });
    let changes = RulesetChanges::from_value(&document).unwrap();
    // As it travels: without what only people read.
    RulesetChanges::from_json(&serde_json::to_string(&changes).unwrap()).unwrap()
}

fn explained(ruleset: &Ruleset, world: &World) -> Vec<serde_json::Value> {
    let mut keys: Vec<_> = ruleset.flag_keys().cloned().collect();
    keys.sort();
    let explain = |question: &crate::world::Question, key: &FlagKey| {
        serde_json::to_value(ruleset.explain(key.as_str(), &question.user(), question.now()).unwrap()).unwrap()
    };
    world.questions.iter().flat_map(|question| keys.iter().map(|key| explain(question, key)).collect::<Vec<_>>()).collect()
}

#[test]
fn all_changes_at_once_are_like_a_freshly_compiled_ruleset() {
    fn same(history: History) -> bool {
        let world = &history.start;
        let before = (world.flags(), world.segments());
        let ruleset = world.compile();
        let then = history.steps.iter().fold(before.clone(), |(flags, segments), step| after(step, &flags, &segments));
        let changed = ruleset.with_changes(&difference(world, &before, &then));
        let untouched = alike(world, &before.0, &ruleset, &world.compile());
        untouched
            && match (changed, compile(world.tenant, &then.0, &then.1)) {
                (Ok(changed), Ok(fresh)) => {
                    // What comes after must find everything in order too: who names whom, and which segment is where.
                    let mut back = difference(world, &then, &before);
                    back.since = changed.revision();
                    let back = changed.with_changes(&back);
                    changed.revision() == 9
                        && alike(world, &then.0, &changed, &fresh)
                        && explained(&changed, world) == explained(&fresh, world)
                        && back.is_ok_and(|back| explained(&back, world) == explained(&ruleset, world))
                }
                (Err(_), Err(_)) => true,
                (Ok(_), Err(faults)) => {
                    println!("the changes were allowed, the documents are not: {faults}");
                    false
                }
                (Err(error), Ok(_)) => {
                    println!("the changes were refused, the documents are right: {error}");
                    false
                }
            }
    }
    holds(150, same as fn(History) -> bool);
}

#[test]
fn a_ruleset_that_went_through_a_document_explains_as_before() {
    fn same(world: World) -> bool {
        let ruleset = world.compile();
        let document = RulesetDocument::from_value(&json!({
            "format": 1, "tenant": world.tenant, "environment": "production", "revision": 1,
            "flags": world.flags, "segments": world.segments,
        }));
        let text = serde_json::to_string(&document.unwrap()).unwrap();
        let travelled = RulesetDocument::from_json(&text).unwrap();
        let is_stable = serde_json::to_string(&travelled).unwrap() == text;
        is_stable && explained(&travelled.compile().unwrap(), &world) == explained(&ruleset, &world)
    }
    holds(150, same as fn(World) -> bool);
}

//! What the linter says is so: for every generated user and instant. `FF_LINT_CASES` raises the number of flags that are tried.

mod figures;
mod lists;

use std::collections::BTreeMap;

use ff_core::{AttributeValue, Finding, Flag, LintCode, Ruleset};
use quickcheck::{Arbitrary, Gen};
use serde_json::{Value, json};

use crate::check::{holds, number_from_environment};
use crate::dice::Dice;
use crate::generate::{Known, operation, percentage_value, test};
use crate::pools::{INSTANTS, NAMES};
use crate::world::{Question, World, attribute, compile, key, user, user_id};

/// How it is held that what a finding says is so.
#[derive(Debug, PartialEq, Eq)]
enum Held {
    /// By asking whether users meet a condition, or get what a flag gives.
    ByUsers,
    /// By what is told of a segment.
    BySegments,
    /// By counting many users (`figures.rs`).
    OnSamples,
}

fn held(code: LintCode) -> Held {
    match code {
        LintCode::Contradiction
        | LintCode::OnlyListsMatch
        | LintCode::NeverHolds
        | LintCode::AlwaysHolds
        | LintCode::PercentageZero
        | LintCode::PercentageFull
        | LintCode::SegmentNeverHolds
        | LintCode::SegmentAlwaysHolds
        | LintCode::PrerequisiteNeverHolds
        | LintCode::PrerequisiteAlwaysHolds
        | LintCode::RuleShadowed
        | LintCode::VariantUnobtainable
        | LintCode::SaltShared => Held::ByUsers,
        LintCode::IncludedAndExcluded => Held::BySegments,
        LintCode::PercentagesOverlap
        | LintCode::PercentageRemainder
        | LintCode::PercentageThenWeights
        | LintCode::PercentageTimesWeight
        | LintCode::SplitIgnoresBy
        | LintCode::OneSidedDistribution => Held::OnSamples,
        code => panic!("nothing holds `{code}`"),
    }
}

#[test]
fn every_kind_of_finding_is_held() {
    for code in LintCode::ALL.iter().copied() {
        let is_sampled = figures::KINDS.iter().any(|(sampled, _)| *sampled == code);
        assert_eq!(held(code) == Held::OnSamples, is_sampled, "{code}");
    }
}

/// The condition that a finding is about: the part of the document at its pointer, made whole.
fn part_at(condition: &Value, pointer: &str) -> Value {
    let mut rest = pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"));
    let mut current = condition.clone();
    while let Some(clause) = rest.next() {
        let inside = current[&clause].clone();
        current = match (clause.as_str(), rest.next()) {
            ("not", None) => inside,
            ("not", Some(next)) => return part_at(&inside, &format!("/{next}{}", rest.map(|t| format!("/{t}")).collect::<String>())),
            ("all" | "any", Some(i)) => inside[i.parse::<usize>().unwrap()].clone(),
            ("segment", Some(i)) => json!({"segment": inside[i.parse::<usize>().unwrap()]}),
            ("attr", Some(name)) => match rest.next() {
                None => json!({"attr": {&name: inside[&name]}}),
                Some(operator) => json!({"attr": {&name: {&operator: inside[&name][&operator]}}}),
            },
            ("user_id", Some(operator)) => json!({"user_id": {&operator: inside[&operator]}}),
            (_, None) => json!({clause: inside}),
            (clause, Some(next)) => panic!("{clause}/{next} in {pointer}"),
        };
    }
    current
}

/// A world in which one flag has one rule, with this condition.
fn with_condition(world: &World, flag: usize, condition: Value) -> World {
    let mut changed = world.clone();
    let variant = &world.flags[flag]["variants"][0]["key"];
    changed.flags[flag]["state"] = json!("on");
    changed.flags[flag]["rules"] = json!([{"id": "only", "when": condition, "rollout": {"variant": variant}}]);
    changed
}

/// Whether a rule holds for the user: the one with this condition in place of the flag's own.
fn is_met(world: &World, flag: usize, condition: &Value, questions: &[Question]) -> Vec<bool> {
    let ruleset = with_condition(world, flag, condition.clone()).compile();
    let flag = key(&world.flags[flag]);
    questions.iter().map(|q| ruleset.evaluate(flag, &q.user(), q.now()).unwrap().rule_id().is_some()).collect()
}

/// The user without attributes that are lists, anywhere.
fn without_lists(question: &Question) -> Question {
    fn strip(value: &mut Value) {
        if let Value::Object(fields) = value {
            fields.retain(|_, value| !value.is_array());
            fields.values_mut().for_each(strip);
        }
    }
    let mut question = question.clone();
    strip(&mut question.user["attributes"]);
    question
}

/// Whether what a finding says of a condition is so.
fn is_right_about(world: &World, flag: usize, condition: &Value, finding: &Finding, questions: &[Question]) -> bool {
    let met = |questions: &[Question]| is_met(world, flag, condition, questions);
    match finding.code {
        LintCode::Contradiction
        | LintCode::NeverHolds
        | LintCode::PercentageZero
        | LintCode::SegmentNeverHolds
        | LintCode::PrerequisiteNeverHolds => !met(questions).contains(&true),
        LintCode::AlwaysHolds | LintCode::SegmentAlwaysHolds | LintCode::PrerequisiteAlwaysHolds => !met(questions).contains(&false),
        LintCode::PercentageFull => {
            let by = condition["percentage"].get("by").map(|by| by.as_str().unwrap());
            let counts = |value: &AttributeValue| match value {
                AttributeValue::Number(number) => number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0,
                AttributeValue::String(_) | AttributeValue::Bool(_) => true,
                _ => false,
            };
            let is_admitted = |question: &Question| by.is_none_or(|by| question.user().attribute(by).is_some_and(counts));
            met(questions).into_iter().zip(questions).all(|(met, question)| met == is_admitted(question))
        }
        LintCode::OnlyListsMatch => {
            let plain: Vec<_> = questions.iter().map(without_lists).collect();
            !met(&plain).contains(&true)
        }
        code => panic!("`{code}` says nothing of a condition"),
    }
}

/// Whether users have one bucket in this flag and in those that are named with it.
fn is_dealt_alike(ruleset: &Ruleset, flag: &str, finding: &Finding, questions: &[Question]) -> bool {
    let named: Vec<_> = finding.message.split('`').skip(3).step_by(2).collect();
    let bucket = |flag: &str, q: &Question| ruleset.evaluate(flag, &q.user(), q.now()).unwrap().bucket();
    !named.is_empty() && named.iter().all(|other| questions.iter().all(|q| bucket(other, q) == bucket(flag, q)))
}

/// Whether all that is said about a flag is so.
fn is_right(world: &World, flag: usize, questions: &[Question]) -> bool {
    let document = &world.flags[flag];
    let mut on = world.clone();
    on.flags[flag]["state"] = json!("on");
    let (ruleset, switched_on) = (world.compile(), on.compile());
    let model = Flag::from_value(document).unwrap();
    let answers: Vec<_> = questions.iter().map(|q| (q.user(), q.now())).collect();
    let findings = ruleset.lint(&model);
    assert_eq!(findings, ruleset.lint(&model), "the same findings in the same order");
    findings.iter().all(|finding| {
        let in_document = finding.pointer.is_empty() || document.pointer(&finding.pointer).is_some();
        let is_dead = finding.dead_rule.as_ref().is_none_or(|rule| {
            answers.iter().all(|(user, now)| switched_on.evaluate(key(document), user, *now).unwrap().rule_id() != Some(rule))
        });
        let is_ungiven = finding.code != LintCode::VariantUnobtainable
            || [&ruleset, &switched_on].iter().all(|ruleset| {
                let variant = document.pointer(&finding.pointer).unwrap()["key"].as_str().unwrap();
                answers.iter().all(|(user, now)| ruleset.evaluate(key(document), user, *now).unwrap().variant().as_str() != variant)
            });
        let takes_all = finding.message.split_once("so rule `").and_then(|(_, rest)| rest.strip_suffix("` takes everybody who gets to it"));
        let is_last = takes_all.is_none_or(|rule| {
            let rules = document["rules"].as_array().unwrap();
            let ids: Vec<_> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
            let first = &ids[..=ids.iter().position(|id| *id == rule).unwrap()];
            answers.iter().all(|(user, now)| {
                switched_on.evaluate(key(document), user, *now).unwrap().rule_id().is_some_and(|rule| first.contains(&rule.as_str()))
            })
        });
        let is_named = finding.dead_rule.is_some() || finding.code != LintCode::RuleShadowed;
        let is_dealt = finding.code != LintCode::SaltShared || is_dealt_alike(&ruleset, key(document), finding, questions);
        let mut tokens = finding.pointer.splitn(5, '/').skip(1);
        let condition = match (tokens.next(), tokens.next(), tokens.next(), tokens.next()) {
            (Some("rules"), Some(i), Some("when"), rest) => {
                let when = &document["rules"][i.parse::<usize>().unwrap()]["when"];
                Some(part_at(when, &rest.map(|rest| format!("/{rest}")).unwrap_or_default()))
            }
            _ => None,
        };
        let condition = condition.filter(|_| held(finding.code) == Held::ByUsers);
        let is_so = condition.as_ref().is_none_or(|condition| is_right_about(world, flag, condition, finding, questions));
        let all = [in_document, is_dead, is_named, is_last, is_ungiven, is_dealt, is_so];
        if all.contains(&false) {
            println!("{finding:?} about {document} (place, dead, named, last, ungiven, dealt, so: {all:?})");
        }
        !all.contains(&false)
    })
}

#[test]
fn what_is_said_about_a_flag_is_so() {
    #[derive(Debug, Clone)]
    struct Asked(World);
    impl Arbitrary for Asked {
        fn arbitrary(source: &mut Gen) -> Self {
            let mut world = World::arbitrary(source);
            let dice = &mut Dice(source);
            world.questions.extend((0..20).map(|_| Question { user: user(dice), at: dice.pick(&INSTANTS) }));
            Self(world)
        }
        fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
            Box::new(self.0.shrink().map(Self))
        }
    }
    fn right(Asked(world): Asked) -> bool {
        (0..world.flags.len()).all(|flag| is_right(&world, flag, &world.questions))
    }
    holds(200, right as fn(Asked) -> bool);
}

/// Conditions on one or two attributes, so that tests meet; users who have them.
#[derive(Debug, Clone)]
struct Narrow(World);

fn narrow_condition(dice: &mut Dice<'_>, names: &[&str], depth: usize) -> Value {
    match dice.below(if depth == 0 { 7 } else { 11 }) {
        0 | 1 => {
            let name = dice.pick(names);
            json!({"attr": {name: test(dice, name)}})
        }
        2 => {
            let name = dice.pick(names);
            let tests: serde_json::Map<_, _> = (0..3).map(|_| operation(dice, name)).map(|(o, v)| (o.to_owned(), v)).collect();
            json!({"attr": {name: tests}})
        }
        3 => json!({"user_id": test(dice, "user_id")}),
        4 => json!({ "percentage": percentage_value(dice) }),
        5 => json!({"percentage": {"value": dice.pick(&[10, 30, 100]), "salt": dice.pick(&["a", "b"])}}),
        6 => json!({"time": {dice.pick(&["after", "before"]): dice.pick(&INSTANTS[..5])}}),
        7 | 8 => json!({"all": dice.some(3, |dice| narrow_condition(dice, names, depth - 1))}),
        9 => json!({"any": dice.some(3, |dice| narrow_condition(dice, names, depth - 1))}),
        _ => json!({"not": narrow_condition(dice, names, depth - 1)}),
    }
}

impl Arbitrary for Narrow {
    fn arbitrary(source: &mut Gen) -> Self {
        let dice = &mut Dice(source);
        let names = [dice.pick(&NAMES[..8]), dice.pick(&NAMES[..8])];
        let mut flag = crate::world::flag(dice, "f", &Known { segments: Vec::new(), flags: Vec::new() });
        let variant = flag["variants"][0]["key"].clone();
        let rules = (0..1 + dice.below(4))
            .map(|i| json!({"id": format!("r{i}"), "when": narrow_condition(dice, &names, 2), "rollout": {"variant": variant}}));
        flag["rules"] = rules.collect();
        let question = |dice: &mut Dice<'_>| {
            let attributes: serde_json::Map<_, _> = names.iter().map(|name| ((*name).to_owned(), attribute(dice, name))).collect();
            Question { user: json!({"id": user_id(dice), "attributes": attributes}), at: dice.pick(&INSTANTS) }
        };
        let questions = (0..30).map(|_| question(dice)).collect();
        Self(World { tenant: "acme", flags: vec![flag], segments: Vec::new(), questions })
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(self.0.shrink().map(Self))
    }
}

#[test]
fn what_is_said_about_conditions_that_meet_is_so() {
    fn right(Narrow(world): Narrow) -> bool {
        is_right(&world, 0, &world.questions)
    }
    holds(number_from_environment("FF_LINT_CASES").unwrap_or(4_000), right as fn(Narrow) -> bool);
}

#[test]
fn what_is_said_about_a_segment_is_so() {
    fn right(world: World) -> bool {
        let ruleset = world.compile();
        let (flags, segments) = (world.flags(), world.segments());
        segments.iter().zip(&world.segments).all(|(segment, document)| {
            let gate = json!({"key": "gate", "type": "boolean", "state": "on", "rollout_percentage": 0,
                "rules": [{"id": "r", "when": {"segment": segment.key().as_str()}, "rollout": {"variant": "on"}}]});
            let with_gate: Vec<_> = flags.iter().cloned().chain([Flag::from_value(&gate).unwrap()]).collect();
            let asked = compile(world.tenant, &with_gate, &segments).unwrap();
            let is_in = |q: &Question| asked.evaluate("gate", &q.user(), q.now()).unwrap().rule_id().is_some();
            ruleset.lint_segment(segment).iter().all(|finding| {
                let in_document = finding.pointer.is_empty() || document.pointer(&finding.pointer).is_some();
                let is_whole = finding.pointer.is_empty();
                let nobody =
                    (is_whole && finding.code == LintCode::SegmentNeverHolds) || finding.message.ends_with(", so nobody is in the segment");
                let everybody = (is_whole && finding.code == LintCode::SegmentAlwaysHolds)
                    || finding.message.ends_with(", so everybody is in the segment");
                let both = finding.code != LintCode::IncludedAndExcluded || {
                    let listed = |name: &str| document[name].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect::<Vec<_>>();
                    let excluded = listed("excluded");
                    let both = listed("included").into_iter().filter(|id| excluded.contains(id)).collect::<Vec<_>>();
                    let more = finding.message.split_once(", and ").map_or(0, |(_, rest)| rest.split(' ').next().unwrap().parse().unwrap());
                    let place = document.pointer(&finding.pointer).unwrap().as_str();
                    let asks = |id: &&str| is_in(&Question { user: json!({"id": id, "attributes": {}}), at: INSTANTS[0] });
                    place == Some(both[0]) && both.len() == 1 + more && !both.iter().any(asks)
                };
                in_document && both && (!nobody || !world.questions.iter().any(is_in)) && (!everybody || world.questions.iter().all(is_in))
            })
        })
    }
    holds(1_000, right as fn(World) -> bool);
}

/// The properties are worth as much as what is found in them. Fixed seeds, so this fails only when the generators or
/// the linter are changed. (What is held on samples is generated until it is found.)
#[test]
fn generated_documents_cause_every_finding() {
    let mut found: BTreeMap<&str, u32> = BTreeMap::new();
    let mut count = |findings: &[Finding]| findings.iter().for_each(|finding| *found.entry(finding.code.as_str()).or_default() += 1);
    for seed in 0..400 {
        let source = || Gen::from_size_and_seed(40, seed);
        let Narrow(narrow) = Narrow::arbitrary(&mut source());
        for world in [World::arbitrary(&mut source()), narrow] {
            let ruleset = world.compile();
            world.flags().iter().for_each(|flag| count(&ruleset.lint(flag)));
            world.segments().iter().for_each(|segment| count(&ruleset.lint_segment(segment)));
        }
    }
    let rare: Vec<_> = LintCode::ALL
        .iter()
        .filter(|code| held(**code) != Held::OnSamples && found.get(code.as_str()).is_none_or(|count| *count < 30))
        .collect();
    assert!(rare.is_empty(), "{rare:?} of {found:?}");
}

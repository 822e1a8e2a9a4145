//! What the linter says is so: for every generated user and instant. `FF_LINT_CASES` raises the number of flags that are tried.

use std::collections::BTreeMap;

use ff_core::{Finding, Flag, LintCode};
use quickcheck::{Arbitrary, Gen};
use serde_json::{Value, json};

use crate::check::{holds, number_from_environment};
use crate::dice::Dice;
use crate::generate::{Known, operation, percentage_value, test};
use crate::pools::{INSTANTS, NAMES};
use crate::world::{Question, World, attribute, compile, key, user, user_id};

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
        LintCode::PercentageFull => condition["percentage"].get("by").is_some() || !met(questions).contains(&false),
        LintCode::OnlyListsMatch => {
            let plain: Vec<_> = questions.iter().map(without_lists).collect();
            !met(&plain).contains(&true)
        }
        _ => true,
    }
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
        let mut tokens = finding.pointer.splitn(5, '/').skip(1);
        let condition = match (tokens.next(), tokens.next(), tokens.next(), tokens.next()) {
            (Some("rules"), Some(i), Some("when"), rest) => {
                let when = &document["rules"][i.parse::<usize>().unwrap()]["when"];
                Some(part_at(when, &rest.map(|rest| format!("/{rest}")).unwrap_or_default()))
            }
            _ => None,
        };
        let is_so = condition.as_ref().is_none_or(|condition| is_right_about(world, flag, condition, finding, questions));
        if !(in_document && is_dead && is_ungiven && is_so) {
            println!("{finding:?} about {document} (place {in_document}, dead {is_dead}, ungiven {is_ungiven}, so {is_so})");
        }
        in_document && is_dead && is_ungiven && is_so
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
                in_document && (!nobody || !world.questions.iter().any(is_in)) && (!everybody || world.questions.iter().all(is_in))
            })
        })
    }
    holds(1_000, right as fn(World) -> bool);
}

/// The properties above are worth as much as what is found in them. Fixed seeds, so this fails only when the generators or
/// the linter are changed.
#[test]
fn generated_documents_cause_every_finding_that_claims_something_of_users() {
    let mut found: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..400 {
        let Narrow(narrow) = Narrow::arbitrary(&mut Gen::from_size_and_seed(40, seed));
        for world in [World::arbitrary(&mut Gen::from_size_and_seed(40, seed)), narrow] {
            let ruleset = world.compile();
            let flags = world.flags().iter().flat_map(|flag| ruleset.lint(flag)).collect::<Vec<_>>();
            let segments = world.segments().iter().flat_map(|segment| ruleset.lint_segment(segment)).collect::<Vec<_>>();
            flags.iter().chain(&segments).for_each(|finding| *found.entry(finding.code.as_str()).or_default() += 1);
        }
    }
    let claims = [
        LintCode::Contradiction,
        LintCode::OnlyListsMatch,
        LintCode::NeverHolds,
        LintCode::AlwaysHolds,
        LintCode::PercentageZero,
        LintCode::PercentageFull,
        LintCode::SegmentNeverHolds,
        LintCode::SegmentAlwaysHolds,
        LintCode::PrerequisiteNeverHolds,
        LintCode::PrerequisiteAlwaysHolds,
        LintCode::RuleShadowed,
        LintCode::VariantUnobtainable,
    ];
    let rare: Vec<_> = claims.iter().filter(|code| found.get(code.as_str()).is_none_or(|count| *count < 50)).collect();
    assert!(rare.is_empty(), "{rare:?} of {found:?}");
}

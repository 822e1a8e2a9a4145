//! "Why not rule X?": what is suggested does what it says, is as small as it claims, and what is said to be out of reach is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use ff_core::{AttributeValue, Remedy, Requirement, Ruleset, Timestamp, User, WhyNot};
use quickcheck::{Arbitrary, Gen};
use serde_json::{Map, Value, json};

use crate::check::{holds, number_from_environment};
use crate::dice::Dice;
use crate::generate::{Known, condition};
use crate::oracle;
use crate::pools::{ADDRESSES, INSTANTS, NAMES, TEXTS, VERSIONS};
use crate::world::{Question, World, compile, key, user};

/// How many worlds are tried: so many, or as many more as the comparison with the oracle is told to.
fn worlds(usual: u64) -> u64 {
    usual.max(number_from_environment("FF_ORACLE_CASES").unwrap_or_default() / 500)
}

fn rule_ids(flag: &Value) -> Vec<&str> {
    flag["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect()
}

/// Attributes as evaluation finds them: each under its dotted path, as names without nesting.
fn flat(attributes: &Map<String, Value>) -> BTreeMap<String, Value> {
    fn spread(prefix: &str, object: &Map<String, Value>, into: &mut BTreeMap<String, Value>) {
        for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
            let shown = if value.is_object() { json!({}) } else { value.clone() };
            into.entry(format!("{prefix}{name}")).or_insert(shown);
        }
        for (name, value) in object.iter().filter(|(name, _)| !name.contains('.')) {
            if let Value::Object(inner) = value {
                spread(&format!("{prefix}{name}."), inner, into);
            }
        }
    }
    let mut all = BTreeMap::new();
    spread("", attributes, &mut all);
    all
}

/// The user with these changes, as whoever reads the answer would make them.
fn changed(user: &Value, changes: &Value) -> Value {
    let mut attributes = flat(user["attributes"].as_object().unwrap());
    for change in changes.as_array().unwrap() {
        let name = change["attribute"].as_str().unwrap();
        if change["from"].is_object() {
            attributes.retain(|other, _| !other.starts_with(&format!("{name}.")));
        }
        attributes.remove(name);
        if change["action"] != "remove" {
            attributes.insert(name.to_owned(), change["to"].clone());
        }
    }
    json!({"id": user["id"], "attributes": attributes})
}

/// The rule that decides, by the oracle.
fn decides(world: &World, flag: &Value, user: &Value, at: &str) -> Option<String> {
    let answer = oracle::evaluate(world.tenant, &world.flags, &world.segments, key(flag), user, at).unwrap().to_json();
    answer["rule_id"].as_str().map(str::to_owned)
}

#[test]
fn every_change_that_is_suggested_does_what_it_says() {
    static CHANGES: AtomicU64 = AtomicU64::new(0);
    static WORLDS: AtomicU64 = AtomicU64::new(0);
    fn does(world: World) -> bool {
        WORLDS.fetch_add(1, Ordering::Relaxed);
        let ruleset = world.compile();
        world.flags.iter().all(|flag| {
            world.questions.iter().all(|question| {
                let user = question.user();
                let decided = decides(&world, flag, &question.user, question.at);
                rule_ids(flag).into_iter().all(|rule| {
                    let explanation = ruleset.explain_rule(key(flag), rule, &user, question.now()).unwrap();
                    let [why_not] = explanation.why_not.as_slice() else { return false };
                    let shown = serde_json::to_value(why_not).unwrap();
                    let is_right = match &why_not.remedy {
                        Remedy::Decides => decided.as_deref() == Some(rule),
                        Remedy::Change { still_preceded_by, .. } => {
                            CHANGES.fetch_add(1, Ordering::Relaxed);
                            let wanted = still_preceded_by.map_or(rule, |first| first.as_str());
                            let user = changed(&question.user, &shown["changes"]);
                            let by_hand = decides(&world, flag, &user, question.at);
                            let by_engine =
                                why_not.changed(&question.user()).map(|user| rule_of(&ruleset, key(flag), &user, question.now()));
                            by_hand.as_deref() == Some(wanted)
                                && by_engine == Some(by_hand)
                                && holds_alone(&world, flag, rule, &user, question.at)
                        }
                        Remedy::OutOfReach { .. } | Remedy::NotFound => decided.as_deref() != Some(rule),
                        other => panic!("{other:?}"),
                    };
                    let is_right = is_right
                        && why_not.holds == holds_alone(&world, flag, rule, &question.user, question.at)
                        && why_not.preceded_by.is_none_or(|first| decided.as_deref() == Some(first.as_str()));
                    if !is_right {
                        println!("{} rule {rule} for {} at {}: {shown}", key(flag), question.user, question.at);
                    }
                    is_right
                })
            })
        })
    }
    holds(worlds(100), does as fn(World) -> bool);
    // Most rules do not decide, and for most of those there is a change.
    assert!(CHANGES.load(Ordering::Relaxed) > 5 * WORLDS.load(Ordering::Relaxed), "{CHANGES:?} in {WORLDS:?} worlds");
}

fn rule_of(ruleset: &Ruleset, flag_key: &str, user: &User, now: Timestamp) -> Option<String> {
    ruleset.evaluate(flag_key, user, now).unwrap().rule_id().map(|id| id.to_string())
}

/// Whether this rule's condition holds, whatever stands before it.
fn holds_alone(world: &World, flag: &Value, rule: &str, user: &Value, at: &str) -> bool {
    let mut alone = world.clone();
    let flag_of_it = alone.flags.iter_mut().find(|other| key(other) == key(flag)).unwrap();
    let rules = flag["rules"].as_array().unwrap().iter().filter(|other| other["id"] == rule).cloned().collect();
    flag_of_it["rules"] = Value::Array(rules);
    flag_of_it["state"] = json!("on");
    decides(&alone, flag, user, at).is_some()
}

#[test]
fn what_is_explained_without_being_asked_for_is_what_is_explained_when_asked() {
    fn same(world: World) -> bool {
        let ruleset = world.compile();
        world.flags.iter().all(|flag| {
            world.questions.iter().all(|question| {
                let user = question.user();
                let explanation = ruleset.explain(key(flag), &user, question.now()).unwrap();
                let failed: Vec<_> = explanation.rules.iter().filter(|rule| !rule.holds).map(|rule| rule.rule_id).collect();
                let is_told = !explanation.summary.is_empty() && explanation.rules.iter().all(|rule| !rule.because.is_empty());
                is_told
                    && explanation.why_not.iter().map(|why_not| why_not.rule_id).collect::<Vec<_>>() == failed
                    && explanation.why_not.iter().all(|why_not| {
                        let explanation = ruleset.explain_rule(key(flag), why_not.rule_id.as_str(), &user, question.now()).unwrap();
                        let asked = &explanation.why_not[0];
                        // Who asks about one rule alone has more work spent on it, which can only matter where something was left open.
                        let is_sure = matches!(why_not.remedy, Remedy::Change { is_smallest: true, .. });
                        (asked.rule_id, asked.holds, asked.preceded_by) == (why_not.rule_id, why_not.holds, why_not.preceded_by)
                            && (!is_sure || asked == why_not)
                    })
            })
        })
    }
    holds(50, same as fn(World) -> bool);
}

/// What is certainly out of reach of attributes is not reached by other attributes, of which some are tried; and what is
/// needed is enough, as far as it can be tried.
#[test]
fn what_is_out_of_reach_is_not_reached_and_what_is_needed_is_enough() {
    #[derive(Debug, Clone)]
    struct Case(World, Vec<Value>);
    impl Arbitrary for Case {
        fn arbitrary(source: &mut Gen) -> Self {
            let world = World::arbitrary(source);
            let dice = &mut Dice(source);
            Self(world, (0..30).map(|_| user(dice)["attributes"].clone()).collect())
        }
    }
    fn unreached(Case(world, others): Case) -> bool {
        let ruleset = world.compile();
        world.flags.iter().all(|flag| {
            world.questions.iter().all(|question| {
                let user = question.user();
                rule_ids(flag).into_iter().all(|rule| {
                    let explanation = ruleset.explain_rule(key(flag), rule, &user, question.now()).unwrap();
                    let why_not = &explanation.why_not[0];
                    let Remedy::OutOfReach { needs, is_certain, .. } = &why_not.remedy else { return true };
                    let changes = &serde_json::to_value(why_not).unwrap()["changes"];
                    let reached = others.iter().filter(|_| *is_certain).any(|attributes| {
                        let other = json!({"id": question.user["id"], "attributes": attributes});
                        decides(&world, flag, &other, question.at).as_deref() == Some(rule)
                    });
                    let is_enough = needs.is_empty() || tried(&world, flag, rule, question, changes, why_not).unwrap_or(true);
                    if reached || !is_enough {
                        println!("{} rule {rule} for {} at {}: {why_not:?}", key(flag), question.user, question.at);
                    }
                    !reached && is_enough
                })
            })
        })
    }
    holds(worlds(60), unreached as fn(Case) -> bool);
}

/// Whether the rule decides when all that is needed is so; nothing, where a bucket or another flag's answer is needed.
fn tried(world: &World, flag: &Value, rule: &str, question: &Question, changes: &Value, why_not: &WhyNot<'_>) -> Option<bool> {
    let Remedy::OutOfReach { needs, .. } = &why_not.remedy else { return None };
    let mut world = world.clone();
    let mut user = changed(&question.user, changes);
    let mut at = question.at.to_owned();
    for need in needs {
        match &need.what {
            Requirement::FlagOn => world.flags.iter_mut().find(|other| key(other) == key(flag)).unwrap()["state"] = json!("on"),
            Requirement::UserId { example: Some(id) } => user["id"] = json!(id),
            Requirement::Instant { at: instant } => at = instant.to_string(),
            _ => return None,
        }
    }
    Some(decides(&world, flag, &user, &at).as_deref() == Some(rule))
}

/// A flag with a few small rules, and a user.
#[derive(Debug, Clone)]
struct Small {
    world: World,
    question: Question,
    seed: u64,
}

impl Arbitrary for Small {
    fn arbitrary(source: &mut Gen) -> Self {
        let seed = u64::arbitrary(source);
        let dice = &mut Dice(source);
        let known = Known { segments: Vec::new(), flags: Vec::new() };
        let rules: Vec<_> = (0..1 + dice.below(2))
            .map(|i| json!({"id": format!("r{i}"), "when": condition(dice, &known, 2), "rollout": {"variant": "on"}}))
            .collect();
        let variants = json!([{"key": "off", "weight": 1}, {"key": "on", "weight": 0}]);
        let flag = json!({"key": "f", "state": "on", "variants": variants, "rules": rules});
        let question = Question { user: user(dice), at: dice.pick(&INSTANTS) };
        Self { world: World { tenant: "acme", flags: vec![flag], segments: Vec::new(), questions: vec![question.clone()] }, question, seed }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let seed = self.seed;
        Box::new(self.world.shrink().filter_map(move |world| {
            let (question, flag) = (world.questions.first()?.clone(), world.flags.first()?);
            (!rule_ids(flag).is_empty()).then_some(Self { world, question, seed })
        }))
    }
}

/// Values that conditions tell apart, in all forms: those of the pools, and what lies next to their numbers.
fn values() -> Vec<AttributeValue> {
    let texts = TEXTS.iter().chain(&VERSIONS).chain(&ADDRESSES).chain(&INSTANTS).map(|text| AttributeValue::from(*text));
    let numbers =
        [-1e301, -6.0, -5.0, -4.0, 0.0, 0.05, 0.1, 0.5, 1.0, 2.0, 29.0, 29.999_999_999_999_996, 30.0, 30.25, 30.5, 31.0, 1e300, 1.1e300];
    let scalars = texts.chain(numbers.map(AttributeValue::from)).chain([true.into(), false.into()]);
    let mut values: Vec<_> = scalars.collect();
    values.push(AttributeValue::List(Vec::new()));
    values
}

fn set(user: &User, name: &str, value: Option<&AttributeValue>) -> User {
    let user = user.clone().without(name);
    match value {
        Some(value) => user.with(name, value.clone()),
        None => user,
    }
}

/// All users that differ from this one in one attribute.
fn neighbours(user: &User, values: &[AttributeValue]) -> impl Iterator<Item = User> {
    NAMES.iter().flat_map(move |name| values.iter().map(Some).chain([None]).map(move |value| set(user, name, value)))
}

/// The fewest changes by which brute force makes the rule decide: 1, 2, or none of these. Two at once only with a choice of
/// values, which differs from seed to seed.
fn by_brute_force(small: &Small, ruleset: &Ruleset, rule: &str, most: usize) -> Option<usize> {
    let (user, now) = (small.question.user(), small.question.now());
    let does = |user: &User| rule_of(ruleset, "f", user, now).as_deref() == Some(rule);
    let all = values();
    if most >= 1 && neighbours(&user, &all).any(|user| does(&user)) {
        return Some(1);
    }
    let mut source = Gen::from_size_and_seed(10, small.seed);
    let dice = &mut Dice(&mut source);
    let few: Vec<_> = (0..8).map(|_| dice.pick(&all)).collect();
    let is_two = most >= 2 && neighbours(&user, &few).any(|first| neighbours(&first, &few).any(|second| does(&second)));
    is_two.then_some(2)
}

#[test]
fn a_change_that_is_said_to_be_the_smallest_is() {
    fn smallest(small: Small) -> bool {
        let ruleset = compile("acme", &small.world.flags(), &[]).unwrap();
        let (user, now) = (small.question.user(), small.question.now());
        rule_ids(&small.world.flags[0]).into_iter().all(|rule| {
            let explanation = ruleset.explain_rule("f", rule, &user, now).unwrap();
            let why_not = &explanation.why_not[0];
            let smaller = match &why_not.remedy {
                Remedy::Change { changes, is_smallest: true, still_preceded_by: None } => {
                    by_brute_force(&small, &ruleset, rule, changes.len() - 1)
                }
                Remedy::OutOfReach { is_certain: true, .. } | Remedy::Change { still_preceded_by: Some(_), is_smallest: true, .. } => {
                    by_brute_force(&small, &ruleset, rule, 1)
                }
                _ => None,
            };
            if smaller.is_some() {
                println!("rule {rule} with {smaller:?} changes, yet {why_not:?}");
            }
            smaller.is_none()
        })
    }
    holds(worlds(300), smallest as fn(Small) -> bool);
}

/// The claims above would hold if little were claimed. A percentage by an attribute is left out: which other value of it would be
/// let in is not looked for, unless a test names it. What is said of those is held against brute force in `brute_force`.
///
/// Fixed seeds, so this fails only when the generator or the search is changed.
#[test]
fn where_one_change_does_it_is_found_and_known_to_be_the_smallest() {
    let (mut possible, mut found, mut certain) = (0, 0, 0);
    for seed in 0..400 {
        let small = Small::arbitrary(&mut Gen::from_size_and_seed(40, seed));
        if small.world.flags[0]["rules"].to_string().contains(r#""by":"#) {
            continue;
        }
        let ruleset = compile("acme", &small.world.flags(), &[]).unwrap();
        let (user, now) = (small.question.user(), small.question.now());
        for rule in rule_ids(&small.world.flags[0]) {
            let explanation = ruleset.explain_rule("f", rule, &user, now).unwrap();
            if let Remedy::Decides = explanation.why_not[0].remedy {
                continue;
            }
            let is_possible = by_brute_force(&small, &ruleset, rule, 1).is_some();
            possible += u32::from(is_possible);
            match &explanation.why_not[0].remedy {
                Remedy::Change { changes, is_smallest: true, still_preceded_by: None } => {
                    found += u32::from(is_possible && changes.len() == 1)
                }
                Remedy::OutOfReach { is_certain: true, .. } => certain += 1,
                other if is_possible => println!("rule {rule}: {other:?}\n{:?}", small.world),
                _ => {}
            }
        }
    }
    println!("{possible} possible by one change, {found} found; {certain} certainly out of reach");
    assert!(possible > 100 && found == possible && certain > 100);
}

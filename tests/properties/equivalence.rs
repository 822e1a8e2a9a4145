//! Conditions that say the same in two ways, and changes that move nobody.

use std::fmt;

use ff_core::{Flag, Ruleset};
use quickcheck::{Arbitrary, Gen};
use serde_json::{Value, json};

use crate::check::holds;
use crate::dice::Dice;
use crate::generate::{Known, condition};
use crate::pools::{self, INSTANTS, NAMES};
use crate::world::{Question, World, answer, compile, key, user};

/// Two conditions that must hold for the same users, and a user.
struct Pair {
    one: Value,
    other: Value,
    question: Question,
}

impl Pair {
    fn is_equal(&self) -> bool {
        let flags = [gate("one", &self.one), gate("other", &self.other)];
        let ruleset = compile("acme", &flags, &[]).unwrap_or_else(|faults| panic!("{self:?}: {faults}"));
        is_on(&ruleset, "one", &self.question) == is_on(&ruleset, "other", &self.question)
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{} at {}", self.one, self.other, self.question.user, self.question.at)
    }
}

/// A flag that is `on` for the users for whom the condition holds. One salt, so that percentages agree.
fn gate(key: &str, when: &Value) -> Flag {
    let variants = json!([{"key": "on", "weight": 0, "value": true}, {"key": "off", "weight": 1, "value": false}]);
    let rules = json!([{"id": "r", "when": when, "rollout": {"variant": "on"}}]);
    Flag::from_value(&json!({"key": key, "type": "boolean", "state": "on", "salt": "one-salt", "variants": variants, "rules": rules}))
        .unwrap()
}

fn is_on(ruleset: &Ruleset, flag_key: &str, question: &Question) -> bool {
    ruleset.evaluate(flag_key, &question.user(), question.now()).unwrap().variant().as_str() == "on"
}

fn question(dice: &mut Dice<'_>) -> Question {
    Question { user: user(dice), at: dice.pick(&INSTANTS) }
}

#[test]
fn ne_is_not_eq_and_not_in_is_not_in() {
    #[derive(Debug, Clone)]
    struct Negated(std::rc::Rc<Pair>);
    impl Arbitrary for Negated {
        fn arbitrary(source: &mut Gen) -> Self {
            let dice = &mut Dice(source);
            let (positive, negative) = dice.pick(&[("eq", "ne"), ("in", "not_in"), ("ieq", "ine"), ("iin", "inot_in")]);
            let name = dice.pick(&NAMES);
            let text = |dice: &mut Dice<'_>| json!(pools::text(dice, name));
            let scalar = |dice: &mut Dice<'_>| pools::scalar(dice, name);
            let operand = match positive {
                "eq" => scalar(dice),
                "in" => Value::Array(dice.some(3, scalar)),
                "ieq" => text(dice),
                _ => Value::Array(dice.some(3, text)),
            };
            let (one, other) = if dice.chance(20) {
                (json!({"user_id": {negative: operand}}), json!({"not": {"user_id": {positive: operand}}}))
            } else {
                (json!({"attr": {name: {negative: operand}}}), json!({"not": {"attr": {name: {positive: operand}}}}))
            };
            Self(std::rc::Rc::new(Pair { one, other, question: question(dice) }))
        }
    }
    fn equal(pair: Negated) -> bool {
        pair.0.is_equal()
    }
    holds(3_000, equal as fn(Negated) -> bool);
}

#[test]
fn trees_obey_the_laws_of_logic() {
    #[derive(Debug, Clone)]
    struct Law(std::rc::Rc<Pair>);
    impl Arbitrary for Law {
        fn arbitrary(source: &mut Gen) -> Self {
            let dice = &mut Dice(source);
            let nothing = Known { segments: Vec::new(), flags: Vec::new() };
            let mut make = || condition(&mut *dice, &nothing, 2);
            let (a, b) = (make(), make());
            let laws = [
                (json!({"not": {"not": a}}), a.clone()),
                (json!({"all": [a]}), a.clone()),
                (json!({"any": [a]}), a.clone()),
                (json!({"all": [a, b]}), json!({"all": [b, a]})),
                (json!({"any": [a, b]}), json!({"any": [b, a]})),
                (json!({"not": {"all": [a, b]}}), json!({"any": [{"not": a}, {"not": b}]})),
                (json!({"not": {"any": [a, b]}}), json!({"all": [{"not": a}, {"not": b}]})),
                (json!({"any": [a, {"not": a}]}), json!({})),
                (json!({"all": [a, {"not": a}]}), json!({"any": []})),
                (json!({"all": [a, {}]}), a.clone()),
                (json!({"all": []}), json!({})),
            ];
            let (one, other) = dice.pick(&laws);
            Self(std::rc::Rc::new(Pair { one, other, question: question(dice) }))
        }
    }
    fn equal(pair: Law) -> bool {
        pair.0.is_equal()
    }
    holds(2_000, equal as fn(Law) -> bool);
}

/// Two to six operands, in another order and perhaps in two groups.
#[test]
fn the_order_of_operands_does_not_matter() {
    #[derive(Debug, Clone)]
    struct Permuted(std::rc::Rc<Pair>);
    impl Arbitrary for Permuted {
        fn arbitrary(source: &mut Gen) -> Self {
            let dice = &mut Dice(source);
            let nothing = Known { segments: Vec::new(), flags: Vec::new() };
            let operands: Vec<Value> = (0..2 + dice.below(5)).map(|_| condition(dice, &nothing, 1)).collect();
            let permuted = dice.shuffled(operands.clone());
            let list = dice.pick(&["all", "any"]);
            // A layer around either half must not matter, too.
            let half = dice.below(permuted.len() + 1);
            let (front, back) = permuted.split_at(half);
            let other = if dice.chance(50) { json!({list: [{list: back}, {list: front}]}) } else { json!({list: permuted}) };
            Self(std::rc::Rc::new(Pair { one: json!({ list: operands }), other, question: question(dice) }))
        }
    }
    fn equal(pair: Permuted) -> bool {
        pair.0.is_equal()
    }
    holds(2_000, equal as fn(Permuted) -> bool);
}

#[test]
fn reordering_rules_that_do_not_match_moves_nobody() {
    #[derive(Debug, Clone)]
    struct Reordered {
        world: World,
        seed: u64,
    }
    impl Arbitrary for Reordered {
        fn arbitrary(source: &mut Gen) -> Self {
            Self { world: World::arbitrary(source), seed: u64::arbitrary(source) }
        }
    }
    fn same(Reordered { world, seed }: Reordered) -> bool {
        let before = world.compile();
        let mut source = Gen::from_size_and_seed(10, seed);
        let dice = &mut Dice(&mut source);
        world.flags.iter().enumerate().all(|(i, flag)| {
            world.questions.iter().all(|question| {
                let rules = flag["rules"].as_array().unwrap();
                let matching: Vec<bool> = rules.iter().map(|rule| rule_holds(&world, i, rule, question)).collect();
                let mut changed = world.clone();
                changed.flags[i]["rules"] = Value::Array(reordered(dice, rules, &matching));
                let fields = |answer: &Value| [answer["variant"].clone(), answer["reason"].clone(), answer["rule_id"].clone()];
                fields(&answer(&changed.compile(), key(flag), question)) == fields(&answer(&before, key(flag), question))
            })
        })
    }
    holds(100, same as fn(Reordered) -> bool);
}

/// Whether this rule alone holds.
fn rule_holds(world: &World, flag: usize, rule: &Value, question: &Question) -> bool {
    let mut alone = world.clone();
    alone.flags[flag]["rules"] = json!([rule]);
    alone.flags[flag]["state"] = json!("on");
    alone.oracle(key(&world.flags[flag]), question)["reason"] == "rule_match"
}

/// Rules that hold keep their order among themselves; the others go anywhere.
fn reordered(dice: &mut Dice<'_>, rules: &[Value], matching: &[bool]) -> Vec<Value> {
    let part =
        |wanted: bool| -> Vec<Value> { rules.iter().zip(matching).filter(|(_, m)| **m == wanted).map(|(rule, _)| rule.clone()).collect() };
    let mut order = part(true);
    for rule in part(false) {
        let at = dice.below(order.len() + 1);
        order.insert(at, rule);
    }
    order
}

#[test]
fn what_only_describes_a_flag_moves_nobody() {
    fn same(world: World) -> bool {
        let mut described = world.clone();
        for flag in &mut described.flags {
            flag["name"] = json!("Another name");
            flag["description"] = json!("Another description");
            flag["tags"] = json!(["a", "b"]);
            flag["owner"] = json!("somebody");
            flag["metadata"] = json!({"ticket": "PAY-12", "size": 3});
            for rule in flag["rules"].as_array_mut().unwrap() {
                rule["description"] = json!("why");
            }
        }
        for segment in &mut described.segments {
            segment["name"] = json!("Another name");
            segment["description"] = json!("Another description");
        }
        let (before, after) = (world.compile(), described.compile());
        world
            .flags
            .iter()
            .all(|flag| world.questions.iter().all(|question| answer(&before, key(flag), question) == answer(&after, key(flag), question)))
    }
    holds(200, same as fn(World) -> bool);
}

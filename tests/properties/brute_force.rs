//! "Why not rule X?" held against brute force: in a world so small that every change can be tried, all that is said to be
//! certain is, whatever the order in which a condition is written.
//!
//! Percentages go by attributes here, lists and objects are about, and operands are those by which values are told apart.

use ff_core::{AttributeValue, Remedy, Requirement, Ruleset, User, WhyNot};
use quickcheck::{Arbitrary, Gen};
use serde_json::{Map, Value, json};

use crate::check::holds;
use crate::dice::Dice;
use crate::world::{Question, World, key};

const NAMES: [&str; 4] = ["a", "b", "o.x", "o"];
const AT: &str = "2026-06-01T12:00:00Z";

/// Values by which a change is tried, in all forms.
fn values() -> Vec<Value> {
    let scalars = [json!(1), json!(2), json!(5), json!(0.5), json!("x"), json!("y"), json!("xy"), json!("1"), json!(""), json!(true)];
    let lists = [json!([]), json!(["x"]), json!(["y", 1]), json!([5, "x", "y"])];
    scalars.into_iter().chain(lists).collect()
}

fn scalar(dice: &mut Dice<'_>) -> Value {
    let scalars: Vec<_> = values().into_iter().filter(|value| !value.is_array()).collect();
    dice.pick(&scalars)
}

fn test(dice: &mut Dice<'_>) -> Value {
    let mut operators = Map::new();
    for _ in 0..dice.pick(&[1, 1, 2]) {
        let (operator, operand) = match dice.below(9) {
            0 => ("eq", scalar(dice)),
            1 => ("ne", scalar(dice)),
            2 => ("in", Value::Array(dice.some(3, scalar))),
            3 => ("not_in", Value::Array(dice.some(3, scalar))),
            4 => (dice.pick(&["lt", "gte"]), dice.pick(&[json!(2), json!("x"), json!("")])),
            5 => (dice.pick(&["starts_with", "iends_with", "contains"]), dice.pick(&[json!("x"), json!("Y"), json!("")])),
            6 => ("matches", dice.pick(&[json!("^x"), json!("y$")])),
            7 => ("exists", json!(dice.chance(50))),
            _ => ("in", json!(["x", "y", "xy"])),
        };
        operators.insert(operator.to_owned(), operand);
    }
    Value::Object(operators)
}

fn condition(dice: &mut Dice<'_>, depth: usize) -> Value {
    let several = |dice: &mut Dice<'_>| Value::Array((0..1 + dice.below(3)).map(|_| condition(dice, depth - 1)).collect());
    match dice.below(if depth == 0 { 10 } else { 16 }) {
        0..=4 => json!({"attr": {dice.pick(&NAMES): test(dice)}}),
        5 | 6 => json!({"percentage": {
            "value": dice.pick(&[10, 50, 90, 100]), "by": dice.pick(&["a", "o.x"]), "salt": dice.pick(&["one", "two"])
        }}),
        7 => json!({"percentage": dice.pick(&[0, 50, 100])}),
        8 => dice.pick(&[json!({"segment": "s"}), json!({"flag": {"key": "g", "variant": "on"}})]),
        9 => json!({"user_id": dice.pick(&[json!("x"), json!({"ne": "x"}), json!(["u", "x"])])}),
        10..=12 => json!({"all": several(dice)}),
        13 | 14 => json!({"any": several(dice)}),
        _ => json!({"not": condition(dice, depth - 1)}),
    }
}

/// A flag that is asked about, with one that it may need and a segment, and a user.
#[derive(Debug, Clone)]
struct Tiny(World);

impl Tiny {
    fn question(&self) -> &Question {
        &self.0.questions[0]
    }

    fn flag(&self) -> &Value {
        self.0.flags.iter().find(|flag| key(flag) == "f").unwrap()
    }

    fn rules(&self) -> Vec<String> {
        self.flag()["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap().to_owned()).collect()
    }

    /// The same with one rule alone.
    fn alone(&self, rule: &str) -> Ruleset {
        let mut world = self.0.clone();
        let flag = world.flags.iter_mut().find(|flag| key(flag) == "f").unwrap();
        flag["rules"].as_array_mut().unwrap().retain(|other| other["id"] == rule);
        world.compile()
    }

    /// The same with the parts of its conditions in another order.
    fn shuffled(&self, dice: &mut Dice<'_>) -> Self {
        let mut world = self.0.clone();
        for flag in &mut world.flags {
            for rule in flag["rules"].as_array_mut().unwrap() {
                rule["when"] = shuffled(&rule["when"], dice);
            }
        }
        Self(world)
    }
}

fn shuffled(value: &Value, dice: &mut Dice<'_>) -> Value {
    match value {
        Value::Array(items) if items.iter().all(Value::is_object) => {
            let items = items.iter().map(|item| shuffled(item, dice)).collect();
            Value::Array(dice.shuffled(items))
        }
        Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), shuffled(member, dice))).collect(),
        other => other.clone(),
    }
}

impl Arbitrary for Tiny {
    fn arbitrary(source: &mut Gen) -> Self {
        let dice = &mut Dice(source);
        let rules: Vec<_> = (0..1 + dice.below(3))
            .map(|i| json!({"id": format!("r{i}"), "when": condition(dice, 2), "rollout": {"variant": dice.pick(&["on", "off"])}}))
            .collect();
        let flag = |key: &str, rules: Value| json!({"key": key, "type": "boolean", "state": "on", "rollout_percentage": 0, "rules": rules});
        let needed = json!([{"id": "q", "when": {"attr": {dice.pick(&NAMES): test(dice)}}, "rollout": {"variant": "on"}}]);
        let segment = json!({
            "key": "s", "criteria": {"attr": {dice.pick(&NAMES): test(dice)}}, "excluded": dice.pick(&[json!([]), json!(["x"])])
        });
        let all = values();
        let mut attributes = Map::new();
        for name in ["a", "b"] {
            if dice.chance(60) {
                attributes.insert(name.to_owned(), dice.pick(&all));
            }
        }
        match dice.below(4) {
            0 => {}
            1 => drop(attributes.insert("o".to_owned(), dice.pick(&all))),
            _ => drop(attributes.insert("o".to_owned(), json!({"x": dice.pick(&all), "y": 1}))),
        }
        let user = json!({"id": dice.pick(&["u", "x"]), "attributes": attributes});
        Self(World {
            tenant: "acme",
            flags: vec![flag("g", needed), flag("f", json!(rules))],
            segments: vec![segment],
            questions: vec![Question { user, at: AT }],
        })
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let is_whole = |world: &World| {
            let is_asked = |flag: &Value| key(flag) == "f" && flag["state"] == "on" && flag["rollout_percentage"].is_number();
            world.questions.len() == 1 && world.segments.len() == 1 && world.flags.iter().any(is_asked)
        };
        Box::new(self.0.shrink().filter(is_whole).map(Self))
    }
}

fn set(user: &User, name: &str, value: Option<&AttributeValue>) -> User {
    let user = user.clone().without(name);
    match value {
        Some(value) => user.with(name, value.clone()),
        None => user,
    }
}

/// The fewest changes by which the user can be made to do it, out of all of one and all of two.
fn fewest(user: &User, most: usize, does: &dyn Fn(&User) -> bool) -> Option<usize> {
    let pool =
        User::from_attributes("u", &values().into_iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect::<Map<_, _>>());
    let pool: Vec<_> = pool.unwrap().attributes().map(|(_, value)| Some(value.clone())).chain([None]).collect();
    let changed = |user: &User, name: &str| pool.iter().map(|value| set(user, name, value.as_ref())).collect::<Vec<_>>();
    if most >= 1 && NAMES.iter().any(|name| changed(user, name).iter().any(does)) {
        return Some(1);
    }
    let pairs = || NAMES.iter().enumerate().flat_map(|(i, first)| NAMES[i + 1..].iter().map(move |second| (first, second)));
    let is_two = most >= 2 && pairs().any(|(first, second)| changed(user, first).iter().any(|user| changed(user, second).iter().any(does)));
    is_two.then_some(2)
}

fn decides(ruleset: &Ruleset, rule: &str, user: &User, tiny: &Tiny) -> bool {
    ruleset.evaluate("f", user, tiny.question().now()).unwrap().rule_id().is_some_and(|id| id.as_str() == rule)
}

/// What speaks against what is said, if anything does.
fn refuted(tiny: &Tiny, ruleset: &Ruleset, rule: &str, why_not: &WhyNot<'_>) -> Option<String> {
    let user = tiny.question().user();
    let does = |user: &User| decides(ruleset, rule, user, tiny);
    let smaller = |most, does: &dyn Fn(&User) -> bool| fewest(&user, most, does).map(|fewest| format!("{fewest} changes would do"));
    match &why_not.remedy {
        Remedy::Decides => (!does(&user)).then(|| "it does not decide".to_owned()),
        Remedy::Change { changes, is_smallest, still_preceded_by } => {
            let alone = tiny.alone(rule);
            let holds = |user: &User| decides(&alone, rule, user, tiny);
            let is_claimed: &dyn Fn(&User) -> bool = if still_preceded_by.is_some() { &holds } else { &does };
            if !is_claimed(&why_not.changed(&user).unwrap()) {
                return Some("it is not so with the changes".to_owned());
            }
            match still_preceded_by {
                _ if !is_smallest => None,
                None => smaller(changes.len() - 1, is_claimed),
                // Nor is there a change, of whatever size, that would make it decide.
                Some(_) => smaller(changes.len() - 1, is_claimed).or_else(|| smaller(2, &does)),
            }
        }
        Remedy::OutOfReach { is_certain: true, .. } => smaller(2, &does),
        Remedy::OutOfReach { needs, changes, .. } => {
            let by =
                |need: &Requirement<'_>| if let Requirement::Bucket { by: Some(by), .. } = need { Some((*by).to_owned()) } else { None };
            let changes_it = |name: &String| changes.iter().any(|change| change.attribute == *name);
            needs.iter().filter_map(|need| by(&need.what)).find(changes_it).map(|name| format!("{name} has the bucket that it has"))
        }
        _ => None,
    }
}

/// Where buckets of one attribute, or of the id, are all that is needed, some of many values have them.
fn lacks(tiny: &Tiny, ruleset: &Ruleset, rule: &str, why_not: &WhyNot<'_>) -> Option<String> {
    let Remedy::OutOfReach { needs, changes, .. } = &why_not.remedy else { return None };
    let buckets: Vec<_> = needs.iter().map(|need| if let Requirement::Bucket { by, .. } = &need.what { Some(*by) } else { None }).collect();
    let by = buckets.first().copied().flatten()?;
    // What another flag gives is asked of the user as it is, and what every text passes leaves few values.
    let rules = tiny.flag()["rules"].to_string() + &tiny.0.segments[0].to_string();
    if buckets.iter().any(|other| *other != Some(by)) || [r#""flag""#, r#":"""#].iter().any(|part| rules.contains(part)) {
        return None;
    }
    let user = changes.iter().fold(tiny.question().user(), |user, change| change.apply(user));
    let values = (0..2_000).flat_map(|i| {
        let texts = [format!("value-{i}"), format!("zebra-{i}")].map(|text| AttributeValue::from(text.as_str()));
        texts.into_iter().chain([AttributeValue::from(i - 1_000)])
    });
    let others = values.filter_map(|value| match (by, value) {
        (Some(name), value) => Some(set(&user, name, Some(&value))),
        (None, AttributeValue::String(id)) => {
            Some(user.attributes().fold(User::new(&id).unwrap(), |other, (name, value)| other.with(name, value.clone())))
        }
        _ => None,
    });
    let mut others = others.filter(|user| decides(ruleset, rule, user, tiny));
    others.next().is_none().then(|| "no bucket does it".to_owned())
}

#[test]
fn brute_force_refutes_nothing_that_is_said_to_be_certain() {
    fn certain(tiny: Tiny) -> bool {
        let ruleset = tiny.0.compile();
        let (user, now) = (tiny.question().user(), tiny.question().now());
        tiny.rules().iter().all(|rule| {
            let explanation = ruleset.explain_rule("f", rule, &user, now).unwrap();
            let why_not = &explanation.why_not[0];
            let refuted = refuted(&tiny, &ruleset, rule, why_not).or_else(|| lacks(&tiny, &ruleset, rule, why_not));
            if let Some(reason) = &refuted {
                println!("rule {rule}: {reason}, yet {why_not:?}");
            }
            refuted.is_none()
        })
    }
    holds(400, certain as fn(Tiny) -> bool);
}

/// What is claimed of a rule, whichever change or need is shown for it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Claim {
    Decides,
    /// So many changes, and whether fewer would certainly not do.
    Changes(usize, bool),
    Preceded(usize, bool),
    OutOfReach(bool),
    NotFound,
}

impl Claim {
    fn of(why_not: &WhyNot<'_>) -> Self {
        match &why_not.remedy {
            Remedy::Decides => Self::Decides,
            Remedy::Change { changes, is_smallest, still_preceded_by: None } => Self::Changes(changes.len(), *is_smallest),
            Remedy::Change { changes, is_smallest, .. } => Self::Preceded(changes.len(), *is_smallest),
            Remedy::OutOfReach { is_certain, .. } => Self::OutOfReach(*is_certain),
            _ => Self::NotFound,
        }
    }

    fn contradicts(self, other: Self) -> bool {
        match (self, other) {
            (Self::Decides, other) => other != Self::Decides,
            (Self::Changes(least, true), Self::Changes(size, _)) => size < least,
            (Self::OutOfReach(true), other) => matches!(other, Self::Changes(..)),
            _ => false,
        }
    }
}

/// The order in which a condition is written may lead to another change, and to less that is certain, but never to the
/// contrary.
#[test]
fn what_is_said_does_not_depend_on_the_order_in_which_a_condition_is_written() {
    #[derive(Debug, Clone)]
    struct Case(Tiny, u64);
    impl Arbitrary for Case {
        fn arbitrary(source: &mut Gen) -> Self {
            Self(Tiny::arbitrary(source), u64::arbitrary(source))
        }

        fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
            let seed = self.1;
            Box::new(self.0.shrink().map(move |tiny| Self(tiny, seed)))
        }
    }
    fn same(Case(tiny, seed): Case) -> bool {
        let other = tiny.shuffled(&mut Dice(&mut Gen::from_size_and_seed(10, seed)));
        let (ruleset, of_other) = (tiny.0.compile(), other.0.compile());
        let (user, now) = (tiny.question().user(), tiny.question().now());
        // What a percentage by an attribute asks for may be met by chance, and a change of an object may be met first.
        let text = tiny.flag()["rules"].to_string();
        let is_plain = !text.contains(r#""by""#) && !text.contains(r#""o"#);
        tiny.rules().iter().all(|rule| {
            let explanations = [&ruleset, &of_other].map(|ruleset| ruleset.explain_rule("f", rule, &user, now).unwrap());
            let [one, two] = explanations.each_ref().map(|explanation| Claim::of(&explanation.why_not[0]));
            let is_right = !one.contradicts(two) && !two.contradicts(one) && (!is_plain || one == two);
            if !is_right {
                println!("rule {rule}: {:?}\nand in another order: {:?}\n{:?}", explanations[0].why_not, explanations[1].why_not, other.0);
            }
            is_right
        })
    }
    holds(1_000, same as fn(Case) -> bool);
}

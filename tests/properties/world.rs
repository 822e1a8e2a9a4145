//! Generated worlds: flags and segments that refer to each other, and questions about them.

use std::fmt;

use ff_core::{EnvironmentKey, Flag, Ruleset, Segment, Timestamp, User};
use quickcheck::{Arbitrary, Gen};
use serde_json::{Map, Value, json};

use crate::dice::Dice;
use crate::generate::{Known, condition, equality};
use crate::oracle;
use crate::pools::{self, INSTANTS, NAMES, TENANTS};

/// Entities in the order in which they were made: each refers only to earlier ones.
const ORDER: [&str; 7] = ["s0", "f0", "s1", "f1", "s2", "f2", "f3"];

/// Questions asked of each world.
pub(crate) const QUESTIONS: usize = 3;

/// A tenant's flags and segments, and some questions.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) tenant: &'static str,
    /// In their order of making, so that a flag's prerequisites come before it.
    pub(crate) flags: Vec<Value>,
    pub(crate) segments: Vec<Value>,
    pub(crate) questions: Vec<Question>,
}

/// A user at an instant.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) user: Value,
    pub(crate) at: &'static str,
}

impl Question {
    pub(crate) fn user(&self) -> User {
        User::from_value(&self.user).unwrap_or_else(|faults| panic!("{}: {faults}", self.user))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.at.parse().unwrap()
    }
}

impl World {
    pub(crate) fn flags(&self) -> Vec<Flag> {
        self.flags.iter().map(|flag| Flag::from_value(flag).unwrap_or_else(|faults| panic!("{flag}: {faults}"))).collect()
    }

    pub(crate) fn segments(&self) -> Vec<Segment> {
        self.segments.iter().map(|segment| Segment::from_value(segment).unwrap_or_else(|faults| panic!("{segment}: {faults}"))).collect()
    }

    pub(crate) fn compile(&self) -> Ruleset {
        compile(self.tenant, &self.flags(), &self.segments()).unwrap_or_else(|faults| panic!("{self:?}: {faults}"))
    }

    /// Whether every document is right in itself and with the others, and says what the oracle does not guess.
    fn is_right(&self) -> bool {
        let flags: Result<Vec<Flag>, _> = self.flags.iter().map(Flag::from_value).collect();
        let segments: Result<Vec<Segment>, _> = self.segments.iter().map(Segment::from_value).collect();
        let is_whole = |flag: &Value| flag["rules"].is_array() && items(&flag["rules"]).iter().all(|rule| rule["id"].is_string());
        let users = self.questions.iter().all(|question| User::from_value(&question.user).is_ok());
        let compiles = |flags: Vec<Flag>, segments: Vec<Segment>| compile(self.tenant, &flags, &segments).is_ok();
        users && self.flags.iter().all(is_whole) && flags.ok().zip(segments.ok()).is_some_and(|(flags, segments)| compiles(flags, segments))
    }

    /// The oracle's answer as JSON.
    pub(crate) fn oracle(&self, flag_key: &str, question: &Question) -> Value {
        oracle::evaluate(self.tenant, &self.flags, &self.segments, flag_key, &question.user, question.at).unwrap().to_json()
    }
}

pub(crate) fn compile(tenant: &str, flags: &[Flag], segments: &[Segment]) -> Result<Ruleset, ff_core::Faults> {
    Ruleset::compile(tenant.parse().unwrap(), EnvironmentKey::production(), 1, flags, segments)
}

/// The engine's answer as JSON.
pub(crate) fn answer(ruleset: &Ruleset, flag_key: &str, question: &Question) -> Value {
    serde_json::to_value(ruleset.evaluate(flag_key, &question.user(), question.now()).unwrap()).unwrap()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn key(document: &Value) -> &str {
    document["key"].as_str().unwrap()
}

/// As a file of `tests/data/cases/`, but for the expectations.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cases: Vec<Value> = self.questions.iter().map(|q| json!({"user": q.user, "at": q.at})).collect();
        let file = json!({"tenant": self.tenant, "flags": self.flags, "segments": self.segments, "cases": cases});
        write!(f, "{file:#}")
    }
}

impl World {
    /// Whether an evaluation takes more steps than it may: the only fault that a generated world can have.
    fn asks_too_much(&self) -> bool {
        let compiled = compile(self.tenant, &self.flags(), &self.segments());
        compiled.is_err_and(|faults| faults.as_slice().iter().all(|fault| fault.message.contains("steps")))
    }

    fn any(source: &mut Gen) -> Self {
        let dice = &mut Dice(source);
        let mut known = Known { segments: Vec::new(), flags: Vec::new() };
        let mut world = Self { tenant: dice.pick(&TENANTS), flags: Vec::new(), segments: Vec::new(), questions: Vec::new() };
        for key in ORDER {
            if key.starts_with('s') {
                world.segments.push(segment(dice, key, &known));
                known.segments.push(key.to_owned());
            } else {
                let flag = flag(dice, key, &known);
                let variants = flag["variants"].as_array().unwrap().iter().map(|v| v["key"].as_str().unwrap().to_owned());
                known.flags.push((key.to_owned(), variants.collect()));
                world.flags.push(flag);
            }
        }
        for _ in 0..QUESTIONS {
            world.questions.push(Question { user: user(dice), at: dice.pick(&INSTANTS) });
        }
        world
    }
}

impl Arbitrary for World {
    fn arbitrary(source: &mut Gen) -> Self {
        std::iter::repeat_with(|| Self::any(source)).find(|world| !world.asks_too_much()).unwrap()
    }

    /// Fewer questions, fewer entities, and documents with less in them; only such as are still right.
    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let mut smaller = Vec::new();
        if self.questions.len() > 1 {
            smaller.extend(self.questions.iter().map(|question| Self { questions: vec![question.clone()], ..self.clone() }));
        }
        let flags = Value::Array(self.flags.clone());
        smaller.extend(less(&flags).filter_map(|flags| Some(Self { flags: list(flags)?, ..self.clone() })));
        let segments = Value::Array(self.segments.clone());
        smaller.extend(less(&segments).filter_map(|segments| Some(Self { segments: list(segments)?, ..self.clone() })));
        for (i, question) in self.questions.iter().enumerate() {
            smaller.extend(less(&question.user["attributes"]).map(|attributes| {
                let mut changed = self.clone();
                changed.questions[i].user["attributes"] = attributes;
                changed
            }));
        }
        Box::new(smaller.into_iter().filter(Self::is_right))
    }
}

fn list(value: Value) -> Option<Vec<Value>> {
    if let Value::Array(items) = value { Some(items) } else { None }
}

/// The value with one thing less in it: an item, a member, or a layer of `all`, `any` or `not`. What holds most goes first.
fn less(value: &Value) -> Box<dyn Iterator<Item = Value> + '_> {
    match value {
        Value::Array(items) => {
            let without = (0..items.len()).map(|at| {
                let mut rest = items.clone();
                rest.remove(at);
                Value::Array(rest)
            });
            let inside = (0..items.len()).flat_map(move |at| {
                less(&items[at]).map(move |smaller| {
                    let mut changed = items.clone();
                    changed[at] = smaller;
                    Value::Array(changed)
                })
            });
            Box::new(without.chain(inside))
        }
        Value::Object(members) => {
            let without = members.keys().map(|name| {
                let mut rest = members.clone();
                rest.remove(name);
                Value::Object(rest)
            });
            let layers = ["all", "any", "not"].into_iter().filter_map(|name| members.get(name));
            let unwrapped = layers.flat_map(|inner| inner.as_array().map_or(std::slice::from_ref(inner), Vec::as_slice)).cloned();
            let inside = members.iter().flat_map(move |(name, member)| {
                less(member).map(move |smaller| {
                    let mut changed = members.clone();
                    changed.insert(name.clone(), smaller);
                    Value::Object(changed)
                })
            });
            Box::new(without.chain(unwrapped).chain(inside))
        }
        _ => Box::new(std::iter::empty()),
    }
}

pub(crate) fn segment(dice: &mut Dice<'_>, key: &str, known: &Known) -> Value {
    let ids = |dice: &mut Dice<'_>| {
        let most = dice.pick(&[2, 2, 20]);
        dice.some(most, |dice| format!("u{}", dice.below(2 * most)))
    };
    let mut segment = json!({"key": key, "criteria": condition(dice, known, 3)});
    if dice.chance(30) {
        segment["included"] = json!(ids(dice));
    }
    if dice.chance(30) {
        segment["excluded"] = json!(ids(dice));
    }
    segment
}

pub(crate) fn flag(dice: &mut Dice<'_>, key: &str, known: &Known) -> Value {
    let kind = dice.pick(&["boolean", "string", "number", "json"]);
    let variants: Vec<String> = ["a", "b", "c", "control"][..1 + dice.below(4)].iter().map(|&v| v.to_owned()).collect();
    let value = |dice: &mut Dice<'_>| match kind {
        "boolean" => json!(dice.chance(50)),
        "string" => json!(pools::text(dice, "value")),
        "number" => pools::number(dice),
        _ => json!({"n": dice.below(9), "list": [null, true]}),
    };
    let weights = weights(dice, variants.len());
    let listed: Vec<Value> =
        variants.iter().zip(&weights).map(|(key, weight)| json!({"key": key, "weight": weight, "value": value(dice)})).collect();
    // Flags with many rules that ask for equality are evaluated by way of an index.
    let is_long = dice.chance(20);
    let count = if is_long { 5 + dice.below(20) } else { dice.below(5) };
    let rules: Vec<Value> = (0..count)
        .map(|i| {
            let when = if is_long && dice.chance(90) { equality(dice, known) } else { condition(dice, known, 3) };
            json!({"id": format!("r{i}"), "when": when, "rollout": rollout(dice, &variants)})
        })
        .collect();
    let mut flag =
        json!({"key": key, "type": kind, "state": if dice.chance(90) { "on" } else { "off" }, "variants": listed, "rules": rules});
    if dice.chance(50) {
        flag["off_variant"] = json!(dice.pick(&variants));
    }
    if dice.chance(30) {
        flag["salt"] = json!(dice.pick(&["winter", "f0", "s0", "соль"]));
    }
    flag
}

fn rollout(dice: &mut Dice<'_>, variants: &[String]) -> Value {
    if dice.chance(60) {
        return json!({"variant": dice.pick(variants)});
    }
    let shares = dice.shuffled(variants.to_vec());
    let weights = weights(dice, shares.len());
    let listed: Vec<Value> = shares.iter().zip(weights).map(|(variant, weight)| json!({"variant": variant, "weight": weight})).collect();
    json!({ "distribution": listed })
}

/// Weights of which at least one is above 0.
pub(crate) fn weights(dice: &mut Dice<'_>, count: usize) -> Vec<Value> {
    let mut weights: Vec<Value> = (0..count)
        .map(|_| match dice.below(5) {
            0 => json!(0),
            1 => json!(dice.fraction() * 1e-6),
            2 => json!(dice.fraction() * 100.0),
            _ => json!(dice.below(100)),
        })
        .collect();
    if weights.iter().all(|weight| weight.as_f64() == Some(0.0)) {
        let at = dice.below(count);
        weights[at] = json!(1);
    }
    weights
}

/// A user with some of the attributes that conditions ask for.
pub(crate) fn user(dice: &mut Dice<'_>) -> Value {
    let mut attributes = Map::new();
    for name in NAMES {
        if dice.chance(60) {
            attributes.insert(name.to_owned(), attribute(dice, name));
        }
    }
    if dice.chance(40) {
        let owner = if dice.chance(70) { json!({"id": attribute(dice, "org.id")}) } else { attribute(dice, "org.owner") };
        attributes
            .insert("org".to_owned(), json!({"id": attribute(dice, "org.id"), "owner": owner, "owner.id": attribute(dice, "org.id")}));
    }
    if dice.chance(20) {
        // Many attributes are kept in another way than few.
        attributes.extend((0..30).map(|i| (format!("filler-{i}"), json!(i))));
    }
    json!({"id": user_id(dice), "attributes": attributes})
}

pub(crate) fn user_id(dice: &mut Dice<'_>) -> String {
    match dice.below(10) {
        0..=4 => format!("u{}", dice.below(6)),
        5..=7 => format!("user-{}", u32::arbitrary(dice.0)),
        8 => dice.pick(&["30", "true", "CA", "1.2.3", "10.0.0.1", "用户", "🙂"]).to_owned(),
        _ => String::arbitrary(dice.0).chars().filter(|c| *c != '\0').chain(['x']).collect(),
    }
}

pub(crate) fn attribute(dice: &mut Dice<'_>, name: &str) -> Value {
    let scalar = |dice: &mut Dice<'_>| pools::scalar(dice, name);
    match dice.below(20) {
        0 => Value::Null,
        1 => json!({"id": scalar(dice), "x": null}),
        2..=4 => {
            let mut list = dice.some(3, |dice| match dice.below(12) {
                0 => Value::Null,
                1 => json!([scalar(dice)]),
                2 => json!({"id": scalar(dice)}),
                _ => scalar(dice),
            });
            // In a long list what is asked for has to be found among much that is not.
            if dice.chance(25) {
                list.extend((0..dice.below(60)).map(|i| json!(format!("other-{i}"))));
                list.extend(dice.some(4, scalar));
                list = dice.shuffled(list);
            }
            Value::Array(list)
        }
        _ => scalar(dice),
    }
}

//! The workloads W1 to W9, on which flag engines are compared: flags, segments and users as a pure function of this file.
//!
//! W1 flag off · W2 on, no rules, one variant · W3 50/50 by user id · W4 five rules, the last matches, 10 % · W5 fifty
//! rules, none matches, four variants · W6 a segment of 10,000 ids · W7 nested any / not / all · W8 all of 200 flags ·
//! W9 one of 10,000 flags. Loading W9's flags is W10.

use ff_core::{EnvironmentKey, Flag, Ruleset, Segment, User};
use serde_json::{Value, json};

/// What one benchmark evaluates: each of `keys` (all flags, where there are none) for the users in rotation.
pub(crate) struct Workload {
    pub(crate) id: &'static str,
    pub(crate) flags: Vec<Value>,
    pub(crate) segments: Vec<Value>,
    pub(crate) users: Vec<Value>,
    pub(crate) keys: Vec<String>,
}

const KEY: &str = "checkout-redesign";

impl Workload {
    fn new(id: &'static str, flags: Vec<Value>) -> Self {
        Self { id, flags, segments: Vec::new(), users: (0..64).map(user).collect(), keys: vec![KEY.to_owned()] }
    }

    /// Flags and segments as the engine's model reads them.
    pub(crate) fn model(&self) -> (Vec<Flag>, Vec<Segment>) {
        let flags = self.flags.iter().map(|flag| Flag::from_value(flag).expect("a valid flag")).collect();
        let segments = self.segments.iter().map(|segment| Segment::from_value(segment).expect("a valid segment")).collect();
        (flags, segments)
    }

    pub(crate) fn ruleset(&self) -> Ruleset {
        let (flags, segments) = self.model();
        Ruleset::compile("acme".parse().expect("a key"), EnvironmentKey::production(), 1, &flags, &segments).expect("a valid set")
    }

    pub(crate) fn users(&self) -> Vec<User> {
        self.users.iter().map(|user| User::from_value(user).expect("a valid user")).collect()
    }
}

pub(crate) fn user(i: usize) -> Value {
    json!({"id": format!("user-{:08}", i * 7919 % 100_000_000), "attributes": {
        "country": (["DE", "FR", "GB", "US"][i % 4]), "plan": "enterprise", "email": format!("person{i}@corp.test"), "age": 20 + i % 50,
        "appVersion": format!("2.{}.{}", 4 + i % 9, i % 20), "region": "eu-west", "device": "ios", "locale": "en-GB"
    }})
}

fn flag(key: &str, state: &str, weights: &[(&str, u32)], rules: Vec<Value>) -> Value {
    let variants: Vec<_> = weights.iter().map(|(key, weight)| json!({"key": key, "weight": weight})).collect();
    json!({"key": key, "type": "string", "state": state, "variants": variants, "off_variant": "off", "rules": rules})
}

fn rule(i: usize, when: Value, rollout: Value) -> Value {
    json!({"id": format!("r{i}"), "when": when, "rollout": rollout})
}

fn attr(name: &str, value: &str) -> Value {
    json!({"attr": {name: value}})
}

fn simple(key: &str, state: &str) -> Value {
    flag(key, state, &[("on", 1), ("off", 0)], vec![])
}

fn half(key: &str) -> Value {
    flag(key, "on", &[("on", 50), ("off", 50)], vec![])
}

/// `n` equality rules of which only the last can match; it gives 10 %.
fn last_of(key: &str, n: usize) -> Value {
    let never = |i: usize| match i % 3 {
        0 => attr("country", ["ES", "IT", "PT", "NL"][i % 4]),
        1 => attr("plan", ["free", "basic", "trial"][i % 3]),
        _ => attr("device", ["android", "web"][i % 2]),
    };
    let mut rules: Vec<_> = (0..n - 1).map(|i| rule(i, never(i), json!({"variant": "on"}))).collect();
    let tenth = json!({"distribution": [{"variant": "on", "weight": 10}, {"variant": "off", "weight": 90}]});
    rules.push(rule(n - 1, attr("plan", "enterprise"), tenth));
    flag(key, "on", &[("on", 0), ("off", 1)], rules)
}

/// `n` equality rules of which none matches, and four variants.
pub(crate) fn none_of(key: &str, n: usize) -> Value {
    let names = ["country", "plan", "device", "region"];
    let rules = (0..n).map(|i| rule(i, attr(names[i % 4], &format!("none-{i}")), json!({"variant": "red"}))).collect();
    flag(key, "on", &[("red", 25), ("green", 25), ("blue", 25), ("black", 25), ("off", 0)], rules)
}

fn beta() -> Value {
    flag(KEY, "on", &[("on", 0), ("off", 1)], vec![rule(0, json!({"segment": "beta"}), json!({"variant": "on"}))])
}

/// `n` flags, one fifth each: off, on, 50/50, five rules, three rules and four variants.
pub(crate) fn mix(n: usize) -> Vec<Value> {
    let one = |i: usize| {
        let key = format!("flag-{i:05}");
        match i % 5 {
            0 => simple(&key, "off"),
            1 => simple(&key, "on"),
            2 => half(&key),
            3 => last_of(&key, 5),
            _ => none_of(&key, 3),
        }
    };
    (0..n).map(one).collect()
}

pub(crate) fn w1() -> Workload {
    Workload::new("W1", vec![simple(KEY, "off")])
}

pub(crate) fn w2() -> Workload {
    Workload::new("W2", vec![simple(KEY, "on")])
}

pub(crate) fn w3() -> Workload {
    Workload::new("W3", vec![half(KEY)])
}

pub(crate) fn w4() -> Workload {
    Workload::new("W4", vec![last_of(KEY, 5)])
}

pub(crate) fn w5() -> Workload {
    Workload::new("W5", vec![none_of(KEY, 50)])
}

pub(crate) fn w6() -> Workload {
    let ids: Vec<_> = (0..10_000).map(|i| user(i)["id"].clone()).collect();
    let segment = json!({"key": "beta", "criteria": {"any": []}, "included": ids});
    Workload { segments: vec![segment], users: (9_936..10_000).map(user).collect(), ..Workload::new("W6", vec![beta()]) }
}

/// Towards W6, one thing more each time: a flag that is on, one whose rule is for everyone, one whose rule is for a segment of
/// everyone, and W6.
pub(crate) fn w6_steps() -> [Workload; 4] {
    let everyone = flag(KEY, "on", &[("on", 0), ("off", 1)], vec![rule(0, json!({}), json!({"variant": "on"}))]);
    let segment = vec![json!({"key": "beta", "criteria": {}})];
    [
        Workload::new("flag", vec![simple(KEY, "on")]),
        Workload::new("rule", vec![everyone]),
        Workload { segments: segment, ..Workload::new("sgmt", vec![beta()]) },
        w6(),
    ]
}

pub(crate) fn w7() -> Workload {
    let criteria = json!({"all": [
        {"any": [{"attr": {"email": {"contains": "@example.com"}}}, {"attr": {"email": {"contains": "@corp.test"}}}]},
        {"not": {"any": [attr("country", "XX"), attr("plan", "free")]}},
        {"all": [{"attr": {"appVersion": {"semver_gte": "2.3.0"}}}, {"attr": {"age": {"gt": 18}}}]}
    ]});
    Workload { segments: vec![json!({"key": "beta", "criteria": criteria})], ..Workload::new("W7", vec![beta()]) }
}

pub(crate) fn w8() -> Workload {
    Workload { keys: Vec::new(), ..Workload::new("W8", mix(200)) }
}

pub(crate) fn w9() -> Workload {
    Workload { keys: (0..64).map(|i| format!("flag-{:05}", i * 155 + 2)).collect(), ..Workload::new("W9", mix(10_000)) }
}

/// Those of which one evaluation is one call.
pub(crate) fn single() -> Vec<Workload> {
    vec![w1(), w2(), w3(), w4(), w5(), w6(), w7(), w9()]
}

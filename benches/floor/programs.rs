//! The floors: for each workload the few lines that anyone would write who had only that workload to do.

use std::hash::BuildHasher;
use std::hint::black_box;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use serde_json::Value;
use siphasher::sip::SipHasher24;

use crate::Step;
use crate::workloads::Workload;

type Map<K, V> = HashMap<K, V, FixedState>;

struct Floor {
    is_on: bool,
    off: String,
    key: (u64, u64),
    rules: Vec<Rule>,
    split: Vec<(u64, String)>,
}

struct Rule {
    attribute: String,
    value: String,
    split: Vec<(u64, String)>,
}

struct Person {
    id: String,
    attributes: Map<String, Value>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn split(shares: &Value, name: &str) -> Vec<(u64, String)> {
    let weight = |share: &Value| share["weight"].as_f64().unwrap();
    let total: f64 = shares.as_array().unwrap().iter().map(weight).sum();
    let mut sum = 0.0;
    let positive = shares.as_array().unwrap().iter().filter(|share| weight(share) > 0.0);
    positive
        .map(|share| {
            sum += weight(share);
            ((sum / total * u64::MAX as f64) as u64, text(&share[name]))
        })
        .collect()
}

fn rule(rule: &Value) -> Rule {
    let test = rule["when"]["attr"].as_object().and_then(|tests| tests.iter().next());
    let (attribute, value) = test.map(|(name, value)| (name.clone(), text(value))).unwrap_or_default();
    let rollout = &rule["rollout"];
    let split = match rollout.get("distribution") {
        Some(shares) => split(shares, "variant"),
        None => vec![(u64::MAX, text(&rollout["variant"]))],
    };
    Rule { attribute, value, split }
}

fn floor(flag: &Value) -> Floor {
    Floor {
        is_on: flag["state"] == "on",
        off: text(&flag["off_variant"]),
        key: (FixedState::with_seed(1).hash_one(text(&flag["key"])), 2),
        rules: flag["rules"].as_array().unwrap().iter().map(rule).collect(),
        split: split(&flag["variants"], "key"),
    }
}

fn flags(workload: &Workload) -> Map<String, Floor> {
    workload.flags.iter().map(|flag| (text(&flag["key"]), floor(flag))).collect()
}

fn people(workload: &Workload) -> Vec<Person> {
    let attributes = |user: &Value| user["attributes"].as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    workload.users.iter().map(|user| Person { id: text(&user["id"]), attributes: attributes(user) }).collect()
}

/// The first variant whose share reaches the user's hash. One with all the weight needs no hash.
#[inline]
fn pick<'a>(key: (u64, u64), split: &'a [(u64, String)], id: &str) -> &'a str {
    if let [(_, only)] = split {
        return only;
    }
    let hash = SipHasher24::new_with_keys(key.0, key.1).hash(id.as_bytes());
    split.iter().find(|(end, _)| hash <= *end).map_or("", |(_, variant)| variant)
}

#[inline]
fn evaluate<'a>(flag: &'a Floor, person: &Person) -> &'a str {
    if !flag.is_on {
        return &flag.off;
    }
    for rule in &flag.rules {
        if person.attributes.get(&rule.attribute).and_then(Value::as_str) == Some(&rule.value) {
            return pick(flag.key, &rule.split, &person.id);
        }
    }
    pick(flag.key, &flag.split, &person.id)
}

/// W1 and W2: look the flag up; on or off.
pub(crate) fn w1(workload: &Workload) -> Step<'_> {
    let (flags, people, keys) = (flags(workload), people(workload), &workload.keys);
    Box::new(move |turn| {
        black_box(&people[turn % 64]);
        let flag = &flags[black_box(keys[0].as_str())];
        black_box(if flag.is_on { &flag.split[0].1 } else { &flag.off });
    })
}

/// W3 and W9: look the flag up, hash the user.
pub(crate) fn w3(workload: &Workload) -> Step<'_> {
    let (flags, people, keys) = (flags(workload), people(workload), &workload.keys);
    Box::new(move |turn| {
        let flag = &flags[black_box(keys[turn % keys.len()].as_str())];
        black_box(pick(flag.key, &flag.split, &black_box(&people[turn % 64]).id));
    })
}

/// W4 and W5: look the flag up, compare attributes with texts one rule after the other, hash the user.
pub(crate) fn w4(workload: &Workload) -> Step<'_> {
    let (flags, people, keys) = (flags(workload), people(workload), &workload.keys);
    Box::new(move |turn| {
        black_box(evaluate(&flags[black_box(keys[0].as_str())], black_box(&people[turn % 64])));
    })
}

/// W6: look the flag up, look the user up in a set.
pub(crate) fn w6(workload: &Workload) -> Step<'_> {
    let (flags, people, keys) = (flags(workload), people(workload), &workload.keys);
    let members: HashSet<String, FixedState> = workload.segments[0]["included"].as_array().unwrap().iter().map(text).collect();
    Box::new(move |turn| {
        let flag = &flags[black_box(keys[0].as_str())];
        let is_member = members.contains(&black_box(&people[turn % 64]).id);
        black_box(if is_member { &flag.rules[0].split[0].1 } else { &flag.off });
    })
}

/// W7: look the flag up, and ask what its segment asks; the operands come from the workload.
pub(crate) fn w7(workload: &Workload) -> Step<'_> {
    let (flags, people, keys) = (flags(workload), people(workload), &workload.keys);
    let version = |text: &str| {
        let mut parts = text.splitn(3, '.').map(|part| part.parse::<u32>().unwrap_or(0));
        Some([parts.next()?, parts.next()?, parts.next()?])
    };
    let all = &workload.segments[0]["criteria"]["all"];
    let parts = all[0]["any"].as_array().unwrap().iter().map(|test| text(&test["attr"]["email"]["contains"])).collect::<Vec<_>>();
    let [country, plan] = [(0, "country"), (1, "plan")].map(|(i, name)| text(&all[1]["not"]["any"][i]["attr"][name]));
    let oldest = version(all[2]["all"][0]["attr"]["appVersion"]["semver_gte"].as_str().unwrap()).unwrap();
    let age = all[2]["all"][1]["attr"]["age"]["gt"].as_f64().unwrap();
    let holds = move |person: &Person| {
        let get = |name: &str| person.attributes.get(name);
        let text = |name| get(name).and_then(Value::as_str);
        text("email").is_some_and(|email| parts.iter().any(|part| email.contains(part)))
            && text("country") != Some(&country)
            && text("plan") != Some(&plan)
            && text("appVersion").and_then(version).is_some_and(|version| version >= oldest)
            && get("age").and_then(Value::as_f64).is_some_and(|years| years > age)
    };
    Box::new(move |turn| {
        let flag = &flags[black_box(keys[0].as_str())];
        black_box(if holds(black_box(&people[turn % 64])) { &flag.rules[0].split[0].1 } else { &flag.off });
    })
}

/// W8: each flag for one user.
pub(crate) fn w8(workload: &Workload) -> Step<'_> {
    let (flags, people) = (flags(workload), people(workload));
    Box::new(move |turn| {
        for flag in flags.values() {
            black_box(evaluate(flag, black_box(&people[turn % 64])));
        }
    })
}

/// W10: read each flag into a tree, take what evaluation needs, and believe all of it.
pub(crate) fn w10(texts: &[String]) -> Step<'_> {
    Box::new(move |_| {
        let flags = texts.iter().map(|flag| serde_json::from_str::<Value>(flag).unwrap());
        black_box(flags.map(|flag| (text(&flag["key"]), floor(&flag))).collect::<Map<_, _>>());
    })
}

//! Users with the longest lists, and tests that find nothing in them or have to look at all of it.

use ff_core::limits::{
    ATTRIBUTE_LENGTH_MAX, ATTRIBUTE_LIST_LENGTH_MAX, ATTRIBUTE_LIST_MAX, READ_STEPS, REGEX_STEPS, REGEXES_MAX, RULES_MAX, SEARCH_STEPS,
    VERSION_LENGTH_MAX, VERSION_STEPS,
};
use ff_core::{EnvironmentKey, Flag, Ruleset, User};
use serde_json::{Value, json};

use crate::{attr, compile, flag, letters, random_letters, through_segments};

/// A row of the table.
pub(crate) type Row = (&'static str, Ruleset, Vec<User>);

fn user(values: Vec<Value>) -> Vec<User> {
    vec![User::from_value(&json!({"id": "u", "attributes": {"text": values}})).unwrap_or_else(|faults| panic!("{faults}"))]
}

/// As many values as there may be, and as long as they may be then.
fn full(value: impl Fn(usize) -> String) -> Vec<User> {
    user((0..ATTRIBUTE_LIST_MAX).map(|i| json!(value(i))).collect())
}

/// As few values as make up the length that there may be, of so many bytes each.
fn long(bytes: usize, value: impl Fn(usize) -> String) -> Vec<User> {
    user((0..ATTRIBUTE_LIST_LENGTH_MAX / bytes).map(|i| json!(value(i))).collect())
}

fn group(i: usize) -> String {
    format!("0192f6c3-7b1a-7c3e-9d5f-0000{i:08x}")
}

pub(crate) fn rows() -> Vec<Row> {
    let groups = || full(group);
    let absent = |i: usize| group(ATTRIBUTE_LIST_MAX + i);
    let present = |i: usize| group(i % ATTRIBUTE_LIST_MAX);
    let sixteen = |i: usize| (0..16).map(|n| absent(i * 16 + n)).collect::<Vec<_>>();
    let sixteen_and = |i: usize| (0..15).map(|n| absent(i * 16 + n)).chain([present(i)]).collect::<Vec<_>>();
    let thousand = |i: usize| (0..1_000).map(|n| absent((i % 10) * 1_000 + n)).collect::<Vec<_>>();
    let ten_thousand: Vec<_> = (0..10_000).map(absent).collect();
    let numbers = || user((0..ATTRIBUTE_LIST_MAX).map(|i| json!(i * 2)).collect());
    let odd = |n: usize| move |i: usize| (0..n).map(|k| json!(((i + k) * 2) % 5_000 + 1)).collect::<Vec<_>>();
    let version = |i: usize| format!("1.2.3-{}b{i:06}", "a.".repeat((VERSION_LENGTH_MAX - 14) / 2));
    let address = |i: usize| format!("2001:db8:1234:5678:9abc:def0:{i:x}:1");
    let network = |i: usize| format!("2001:db8:1234:5678:9abc:def0:{i:x}:2/128");
    let xs = |length: usize| "x".repeat(length);
    vec![
        ("equality, no value equal", through_segments(|i| attr(json!(absent(i))), 2), groups()),
        ("equality, some value equal", through_segments(|i| attr(json!({"ne": present(i)})), 2), groups()),
        (
            "equality with texts of 1 KiB that differ at the end",
            through_segments(|i| attr(json!(format!("{}{i:06}", xs(ATTRIBUTE_LENGTH_MAX - 6)))), 6),
            long(ATTRIBUTE_LENGTH_MAX, |i| format!("{}y{i:05}", xs(ATTRIBUTE_LENGTH_MAX - 6))),
        ),
        ("case-blind equality", through_segments(|i| attr(json!({"ieq": absent(i)})), READ_STEPS), full(|i| group(i).to_uppercase())),
        ("`in` of 4 texts", through_segments(|i| attr(json!(sixteen(i)[..4])), 3), groups()),
        ("`in` of 16 texts", through_segments(|i| attr(json!(sixteen(i))), 6), groups()),
        ("`in` of 1,000 texts", through_segments(|i| attr(json!(thousand(i))), 252), groups()),
        ("`in` of 10,000 texts", through_segments(|_| attr(json!(ten_thousand)), 252), groups()),
        ("`in` of 16 numbers", through_segments(|i| attr(json!(odd(16)(i))), READ_STEPS + 16), numbers()),
        ("`in` of 1,000 numbers", through_segments(|i| attr(json!(odd(1_000)(i))), READ_STEPS + 250), numbers()),
        ("comparing numbers", through_segments(|i| attr(json!({"gt": 1e6 + i as f64})), READ_STEPS), numbers()),
        ("equal numbers", through_segments(|i| attr(json!(i * 2 + 1)), READ_STEPS), numbers()),
        ("comparing texts", through_segments(|i| attr(json!({"gt": absent(i)})), 1), groups()),
        ("beginnings", through_segments(|i| attr(json!({"starts_with": absent(i)})), 2), groups()),
        ("ends", through_segments(|i| attr(json!({"ends_with": absent(i)[30..]})), 2), groups()),
        ("instants", through_segments(|i| attr(json!({"before": format!("2001-01-01T00:00:{:02}Z", i % 60)})), READ_STEPS), {
            full(|i| format!("2026-11-21T08:{:02}:{:02}.123456789+05:30", i / 60, i % 60))
        }),
        ("versions, compared", through_segments(|i| attr(json!({"semver_gt": version(100_000 + i)})), VERSION_STEPS), {
            long(VERSION_LENGTH_MAX, version)
        }),
        ("versions, equal", through_segments(|i| attr(json!({"semver_eq": version(100_000 + i)})), VERSION_STEPS), {
            long(VERSION_LENGTH_MAX, version)
        }),
        ("one network", through_segments(|i| attr(json!({"ip_in": network(i % 200)})), READ_STEPS + 1), full(address)),
        (
            "16 networks",
            through_segments(|i| attr(json!({"ip_in": (i..i + 16).map(network).collect::<Vec<_>>()})), READ_STEPS + 16),
            full(address),
        ),
        (
            "200 networks",
            through_segments(|_| attr(json!({"ip_in": (0..200).map(network).collect::<Vec<_>>()})), READ_STEPS + 200),
            full(address),
        ),
        (
            "searches, the texts full of near misses",
            through_segments(|i| attr(json!({"contains": format!("xaxaxaxxa{}", letters(i, "x", "a"))})), SEARCH_STEPS),
            long(1_024, |i| format!("{}{i}", "xa".repeat(510))),
        ),
        ("500 rules with an `in` of 16 texts, one attribute", index(1, 16), lists(1)),
        ("500 rules with an `in` of 16 texts, 125 attributes", index(125, 16), lists(125)),
        ("998 rules with an `in` of 16 texts that finds a value, 2 flags", found(2, |i| json!(sixteen_and(i))), lists(2)),
        ("1,996 rules with an equality that holds, 4 flags", found(4, |i| json!(present(i))), lists(2)),
        ("500 rules with an equality, 125 attributes", index(125, 1), lists(125)),
        ("regular expressions of 500 states", regexes(), {
            (0..8)
                .map(|i| user((0..ATTRIBUTE_LIST_MAX).map(|n| json!(random_letters(i * 1_000 + n as u64, 40))).collect()).remove(0))
                .collect()
        }),
    ]
}

fn regexes() -> Ruleset {
    let expressions = usize::try_from(10_000 / REGEX_STEPS).unwrap().min(REGEXES_MAX);
    let hard: Vec<_> = (0..expressions).map(|i| attr(json!({"matches": format!("[ab]*a[ab]{{8}}c{i}")}))).collect();
    compile(&flag(&json!({ "any": hard })), &[])
}

/// As many rules as there may be, which ask so many attributes for as many texts as an index takes.
fn index(attributes: usize, texts: usize) -> Ruleset {
    let rules: Vec<_> = (0..RULES_MAX)
        .map(|i| {
            let texts: Vec<_> = (0..texts).map(|n| group(ATTRIBUTE_LIST_MAX + i * texts + n)).collect();
            json!({"when": {"attr": {format!("list-{}", i % attributes): texts}}, "rollout": {"variant": "on"}})
        })
        .collect();
    compile(&json!({"key": "worst", "type": "boolean", "state": "on", "rules": rules}), &[])
}

/// Flags with as many rules as there may be: each test finds a value in the list, and the next one finds none.
fn found(flags: usize, test: impl Fn(usize) -> Value) -> Ruleset {
    let all: Vec<_> = (0..flags)
        .map(|n| {
            let mut rules: Vec<_> = (0..RULES_MAX - 1)
                .map(|i| {
                    let when = json!({"all": [{"attr": {"list-0": test(n * RULES_MAX + i)}}, {"attr": {"list-1": {"starts_with": group(ATTRIBUTE_LIST_MAX + i)}}}]});
                    json!({"when": when, "rollout": {"variant": "on"}})
                })
                .collect();
            if n + 1 < flags {
                rules.push(json!({"when": {"flag": {"key": key(n + 1), "variant": "on"}}, "rollout": {"variant": "on"}}));
            }
            json!({"key": key(n), "type": "boolean", "state": "on", "rules": rules})
        })
        .map(|flag| Flag::from_value(&flag).unwrap())
        .collect();
    Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &all, &[]).unwrap_or_else(|faults| panic!("{faults}"))
}

fn key(n: usize) -> String {
    if n == 0 { "worst".to_owned() } else { format!("worst-{n}") }
}

/// A user with so many full lists.
fn lists(attributes: usize) -> Vec<User> {
    let values: Vec<_> = (0..ATTRIBUTE_LIST_MAX).map(group).collect();
    vec![(0..attributes).fold(User::new("u").unwrap(), |user, i| user.with(&format!("list-{i}"), values.clone()))]
}

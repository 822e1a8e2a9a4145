//! `docs/conditions.md`: its examples are conditions, its tables tell what they do.

use ff_core::{Condition, EnvironmentKey, Flag, Ruleset, Timestamp, User};
use serde_json::{Value, json};

use crate::markdown::{self, code};

const PATH: &str = "docs/conditions.md";

#[test]
fn every_example_is_a_condition() {
    let blocks = markdown::blocks(&markdown::read(PATH));
    let examples: Vec<_> = blocks.iter().filter(|block| block.language() == "json").collect();
    assert!(examples.len() > 10);
    for example in examples {
        let value: Value = serde_json::from_str(&example.text).unwrap_or_else(|error| panic!("{PATH}:{}: {error}", example.line));
        if let Err(faults) = Condition::from_value(&value) {
            panic!("{PATH}:{}: {faults}", example.line);
        }
    }
}

/// A flag whose only rule has this condition.
fn flag_with(condition: &Value) -> Flag {
    let document = json!({
        "key": "f", "type": "boolean", "state": "on", "rollout_percentage": 0,
        "rules": [{"id": "r", "when": condition, "rollout": {"variant": "on"}}]
    });
    Flag::from_value(&document).unwrap_or_else(|faults| panic!("{condition}: {faults}"))
}

fn holds(condition: &Value, user: &Value, now: Timestamp) -> bool {
    let ruleset = Ruleset::compile("t".parse().unwrap(), EnvironmentKey::production(), 0, &[flag_with(condition)], &[]).unwrap();
    let user = User::from_value(user).unwrap();
    ruleset.evaluate("f", &user, now).unwrap().rule_id().is_some()
}

fn yes_or_no(cell: &str) -> bool {
    match cell.split(|c: char| !c.is_alphabetic()).next() {
        Some("yes") => true,
        Some("no") => false,
        _ => panic!("neither yes nor no: {cell:?}"),
    }
}

#[test]
fn every_table_of_tests_tells_what_they_do() {
    let rows = markdown::rows(&markdown::read(PATH), &["test", "attribute", "holds"]);
    assert!(rows.len() > 50);
    for row in rows {
        let test: Value = serde_json::from_str(code(&row[0])).unwrap_or_else(|error| panic!("{row:?}: {error}"));
        let attributes = match row[1].as_str() {
            "missing" => json!({}),
            cell => json!({"a": serde_json::from_str::<Value>(code(cell)).unwrap_or_else(|error| panic!("{row:?}: {error}"))}),
        };
        let user = json!({"id": "u", "attributes": attributes});
        assert_eq!(holds(&json!({"attr": {"a": test}}), &user, Timestamp::EPOCH), yes_or_no(&row[2]), "{row:?}");
    }
}

#[test]
fn every_table_of_conditions_tells_what_they_do() {
    for row in markdown::rows(&markdown::read(PATH), &["condition", "user", "holds"]) {
        let [condition, user] =
            [0, 1].map(|i| serde_json::from_str::<Value>(code(&row[i])).unwrap_or_else(|error| panic!("{row:?}: {error}")));
        assert_eq!(holds(&condition, &user, Timestamp::EPOCH), yes_or_no(&row[2]), "{row:?}");
    }
}

#[test]
fn every_table_of_instants_tells_what_they_do() {
    for row in markdown::rows(&markdown::read(PATH), &["condition", "now", "holds"]) {
        let condition: Value = serde_json::from_str(code(&row[0])).unwrap();
        assert_eq!(holds(&condition, &json!({"id": "u"}), code(&row[1]).parse().unwrap()), yes_or_no(&row[2]), "{row:?}");
    }
}

#[test]
fn what_is_said_to_be_refused_is_refused() {
    for row in markdown::rows(&markdown::read(PATH), &["condition", "refused, because"]) {
        let condition: Value = serde_json::from_str(code(&row[0])).unwrap_or_else(|error| panic!("{row:?}: {error}"));
        assert!(Condition::from_value(&condition).is_err(), "{row:?}");
    }
}

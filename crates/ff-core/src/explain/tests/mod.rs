mod needs;
mod rules;
mod values;

use serde_json::{Value, json};

use crate::{EnvironmentKey, Flag, Remedy, Ruleset, Segment, Timestamp, User, WhyNot};

const NOW: &str = "2026-11-21T08:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn flag(key: &str, rules: &Value) -> Flag {
    Flag::from_value(&json!({
        "key": key, "type": "boolean", "state": "on", "rollout_percentage": 0, "rules": rules
    }))
    .unwrap_or_else(|faults| panic!("{faults}"))
}

fn rule(id: &str, when: &Value) -> Value {
    json!({"id": id, "when": when, "rollout": {"variant": "on"}})
}

fn compile(flags: &[Flag], segments: &[Value]) -> Ruleset {
    let segments: Vec<_> = segments.iter().map(|segment| Segment::from_value(segment).unwrap()).collect();
    Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, flags, &segments).unwrap_or_else(|faults| panic!("{faults}"))
}

fn user(attributes: &Value) -> User {
    User::from_value(&json!({"id": "u", "attributes": attributes})).unwrap()
}

/// What is said about the last rule, whose changes, if there are any, are tried.
fn why_not(ruleset: &Ruleset, user: &User) -> Value {
    let rules: Vec<_> = ruleset.flag("f").unwrap().rules.iter().map(|rule| rule.id.clone()).collect();
    let explanation = ruleset.explain_rule("f", rules.last().unwrap().as_str(), user, now()).unwrap();
    let [why_not] = explanation.why_not.as_slice() else { panic!("one answer") };
    assert_does(ruleset, user, why_not);
    serde_json::to_value(why_not).unwrap()
}

fn assert_does(ruleset: &Ruleset, user: &User, why_not: &WhyNot<'_>) {
    if let Remedy::Change { changes, still_preceded_by, .. } = &why_not.remedy {
        assert!(!changes.is_empty());
        let changed = why_not.changed(user).unwrap();
        let decided = ruleset.evaluate("f", &changed, now()).unwrap().rule_id();
        assert_eq!(decided, Some(still_preceded_by.unwrap_or(why_not.rule_id)), "{why_not:?}");
    }
}

/// The changes that make the condition hold, as `name=value`, `-name` for one that is removed; `?` if another would do too.
fn changes(when: &Value, attributes: &Value) -> String {
    let ruleset = compile(&[flag("f", &json!([rule("r", when)]))], &[]);
    let why_not = why_not(&ruleset, &user(attributes));
    let told = |change: &Value| match change["action"].as_str().unwrap() {
        "remove" => format!("-{}", change["attribute"].as_str().unwrap()),
        _ => format!("{}={}", change["attribute"].as_str().unwrap(), change["to"]),
    };
    match why_not["remedy"].as_str().unwrap() {
        "change" => {
            let changes: Vec<_> = why_not["changes"].as_array().unwrap().iter().map(told).collect();
            changes.join(" ") + if why_not["is_smallest"] == true { "" } else { " ?" }
        }
        "out_of_reach" => format!("out of reach, certain: {}, {}", why_not["is_certain"], why_not["needs"].as_array().unwrap().len()),
        other => other.to_owned(),
    }
}

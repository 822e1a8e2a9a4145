//! The Unleash client specification (Apache-2.0), run against the engine and the oracle.
//!
//! Its data tells which contexts enable which feature. Each feature becomes one of our flags: a rule for each strategy that
//! serves `on`, all the default weight on `off`. A feature that our rules refuse to write is disabled for everybody, which
//! is what the specification asks of it. Only files whose outcome depends on no hash function are used.

use ff_core::{EnvironmentKey, Flag, Ruleset, Timestamp, User};
use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::data::{self, items, skip};
use crate::oracle;

/// Relative to the root of the repository.
const SPECIFICATION: &str = "../shared/vendor/unleash-client-specification/specifications";

const FILES: [&str; 7] = [
    "09-strategy-constraints",
    "11-strategy-constraints-edge-cases",
    "13-constraint-operators",
    "14-constraint-semver-operators",
    "15-global-constraints",
    "21-regex-constraint-operators",
    "22-cidr-constraint-operators",
];

const NOW: &str = "2026-01-01T00:00:00Z";

/// The id of a context without one: it stands in no list.
const NO_USER_ID: &str = "a-user-without-an-id";

#[test]
fn the_unleash_client_specification_holds() {
    let folder = data::root().join(SPECIFICATION);
    if !folder.is_dir() {
        return skip(&format!("the Unleash client specification is not at {SPECIFICATION}"));
    }
    let mut count = 0;
    let mut refused = 0;
    let mut failures = Vec::new();
    for file in FILES {
        let document = data::json(&folder.join(format!("{file}.json")));
        for test in items(&document["tests"]) {
            count += 1;
            let feature = items(&document["state"]["features"]).iter().find(|f| f["name"] == test["toggleName"]);
            let flag = feature.and_then(|feature| flag(feature, items(&document["state"]["segments"])));
            let user = user(&test["context"]);
            let (engine, oracle) = match flag.filter(|flag| Flag::from_value(flag).is_ok()) {
                Some(flag) => (engine_enables(&flag, &user), oracle_enables(&flag, &user)),
                None => {
                    refused += 1;
                    (false, false)
                }
            };
            for (who, enabled) in [("engine", engine), ("oracle", oracle)] {
                if json!(enabled) != test["expectedResult"] {
                    failures.push(format!("{file}: {}: {who} says {enabled}", test["description"]));
                }
            }
        }
    }
    println!("{count} cases of the Unleash client specification, {refused} of them about features that cannot be written");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(count, 148);
}

fn engine_enables(flag: &Value, user: &Value) -> bool {
    let flag = Flag::from_value(flag).unwrap();
    let ruleset = Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, std::slice::from_ref(&flag), &[]).unwrap();
    let now: Timestamp = NOW.parse().unwrap();
    ruleset.evaluate(flag.key().as_str(), &User::from_value(user).unwrap(), now).unwrap().variant().as_str() == "on"
}

fn oracle_enables(flag: &Value, user: &Value) -> bool {
    let key = flag["key"].as_str().unwrap();
    oracle::evaluate("acme", std::slice::from_ref(flag), &[], key, user, NOW).unwrap().variant == "on"
}

/// The feature as a flag; nothing where it cannot be written down at all.
fn flag(feature: &Value, segments: &[Value]) -> Option<Value> {
    let mut rules = Vec::new();
    for (i, strategy) in items(&feature["strategies"]).iter().enumerate() {
        let mut parts = vec![strategy_condition(strategy)?];
        for constraint in items(&strategy["constraints"]) {
            parts.push(constraint_condition(constraint)?);
        }
        for id in items(&strategy["segments"]) {
            let segment = segments.iter().find(|segment| segment["id"] == *id)?;
            for constraint in items(&segment["constraints"]) {
                parts.push(constraint_condition(constraint)?);
            }
        }
        rules.push(json!({"id": format!("strategy-{i}"), "when": {"all": parts}, "rollout": {"variant": "on"}}));
    }
    let state = if feature["enabled"] == true { "on" } else { "off" };
    let variants = json!([{"key": "on", "weight": 0, "value": true}, {"key": "off", "weight": 1, "value": false}]);
    Some(json!({"key": feature["name"], "type": "boolean", "state": state, "variants": variants, "off_variant": "off", "rules": rules}))
}

fn strategy_condition(strategy: &Value) -> Option<Value> {
    match strategy["name"].as_str()? {
        "default" => Some(json!({})),
        "userWithId" => {
            let ids: Vec<&str> = strategy["parameters"]["userIds"].as_str()?.split(',').map(str::trim).collect();
            Some(json!({ "user_id": ids }))
        }
        _ => None,
    }
}

fn constraint_condition(constraint: &Value) -> Option<Value> {
    let ignores_case = constraint["caseInsensitive"] == true;
    let values = items(&constraint["values"]);
    let value = &constraint["value"];
    // An operator of ours on this constraint's field.
    let test = |operator: &str, operand: Value| {
        let mut test = Map::new();
        test.insert(operator.to_owned(), operand);
        match constraint["contextName"].as_str() {
            Some("userId") => json!({ "user_id": test }),
            Some(name) => json!({"attr": {name: test}}),
            None => Value::Null,
        }
    };
    let any_of = |operator: &str| {
        let operator = if ignores_case { format!("i{operator}") } else { operator.to_owned() };
        json!({"any": values.iter().map(|value| test(&operator, value.clone())).collect::<Vec<_>>()})
    };
    let number = || value.as_str()?.parse::<f64>().ok().map(Value::from);
    let condition = match constraint["operator"].as_str()? {
        "IN" => test("in", json!(values)),
        "NOT_IN" => test("not_in", json!(values)),
        "STR_STARTS_WITH" => any_of("starts_with"),
        "STR_ENDS_WITH" => any_of("ends_with"),
        "STR_CONTAINS" => any_of("contains"),
        "NUM_EQ" => test("eq", number()?),
        "NUM_GT" => test("gt", number()?),
        "NUM_GTE" => test("gte", number()?),
        "NUM_LT" => test("lt", number()?),
        "NUM_LTE" => test("lte", number()?),
        "DATE_AFTER" => test("after", value.clone()),
        "DATE_BEFORE" => test("before", value.clone()),
        "SEMVER_EQ" => test("semver_eq", value.clone()),
        "SEMVER_GT" => test("semver_gt", value.clone()),
        "SEMVER_GTE" => test("semver_gte", value.clone()),
        "SEMVER_LT" => test("semver_lt", value.clone()),
        "SEMVER_LTE" => test("semver_lte", value.clone()),
        "REGEX" if ignores_case => test("matches", json!(format!("(?i){}", value.as_str()?))),
        "REGEX" => test("matches", value.clone()),
        // Entries that are no network are ignored there and refused here.
        "IN_CIDR" => {
            json!({"any": values.iter().filter(|value| is_network(value)).map(|value| test("ip_in", value.clone())).collect::<Vec<_>>()})
        }
        _ => return None,
    };
    Some(if constraint["inverted"] == true { json!({ "not": condition }) } else { condition })
}

fn is_network(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<IpNet>().is_ok() || text.parse::<std::net::IpAddr>().is_ok())
}

/// `userId` is the id; every other field and every property is an attribute.
fn user(context: &Value) -> Value {
    let mut attributes = Map::new();
    for (name, value) in context.as_object().unwrap() {
        match name.as_str() {
            "userId" => {}
            "properties" => attributes.extend(value.as_object().unwrap().clone()),
            _ => drop(attributes.insert(name.clone(), value.clone())),
        }
    }
    json!({"id": context["userId"].as_str().unwrap_or(NO_USER_ID), "attributes": attributes})
}

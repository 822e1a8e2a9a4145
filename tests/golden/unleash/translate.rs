//! Features as flags of ours.
//!
//! The variant `off` is "not enabled", `enabled` is "enabled, and has no variants"; a feature's own variants keep their names. A rule for
//! each strategy; where a context overrides the variant, a rule in front of it.

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::data::items;

pub(super) const OFF: &str = "off";
pub(super) const ENABLED: &str = "enabled";

/// The id of a context without one: it stands in no list.
const NO_USER_ID: &str = "a-user-without-an-id";

/// What percentages between 0 and 100 become: an outcome that is the same with both depends on no hash.
#[derive(Clone, Copy)]
pub(super) enum Between {
    Nobody,
    Everybody,
}

/// A state as it is delivered at once, or as events, of which later ones replace what earlier ones said.
pub(super) fn delivered(state: &Value) -> (Vec<Value>, Vec<Value>) {
    let (mut features, mut segments) = (items(&state["features"]).to_vec(), items(&state["segments"]).to_vec());
    for event in items(&state["events"]) {
        match event["type"].as_str().unwrap() {
            "hydration" => (features, segments) = (items(&event["features"]).to_vec(), items(&event["segments"]).to_vec()),
            "feature-updated" => replace(&mut features, &event["feature"], "name"),
            "feature-removed" => features.retain(|feature| feature["name"] != event["featureName"]),
            "segment-updated" => replace(&mut segments, &event["segment"], "id"),
            "segment-removed" => segments.retain(|segment| segment["id"] != event["segmentId"]),
            other => panic!("an event of type {other}"),
        }
    }
    (features, segments)
}

fn replace(list: &mut Vec<Value>, new: &Value, name: &str) {
    list.retain(|old| old[name] != new[name]);
    list.push(new.clone());
}

/// The feature as a flag; nothing where it cannot be written down at all.
pub(super) fn flag(feature: &Value, features: &[Value], segments: &[Value], between: Between) -> Option<Value> {
    let mut variants = vec![json!({"key": OFF, "weight": 1}), json!({"key": ENABLED, "weight": 0})];
    let mut rules = Vec::new();
    let strategies = items(&feature["strategies"]);
    // A feature without strategies is for everyone.
    let default = [json!({"name": "default"})];
    for (i, strategy) in if strategies.is_empty() { &default } else { strategies }.iter().enumerate() {
        let mut parts = vec![strategy_condition(strategy, between)?];
        for constraint in items(&strategy["constraints"]) {
            parts.push(constraint_condition(constraint)?);
        }
        for id in items(&strategy["segments"]) {
            let segment = segments.iter().find(|segment| segment["id"] == *id)?;
            for constraint in items(&segment["constraints"]) {
                parts.push(constraint_condition(constraint)?);
            }
        }
        for dependency in items(&feature["dependencies"]) {
            parts.push(dependency_condition(dependency, features));
        }
        // A strategy's variants go before the feature's.
        let own = [&strategy["variants"], &feature["variants"]].into_iter().map(items).find(|own| !own.is_empty()).unwrap_or_default();
        for (j, variant) in own.iter().enumerate() {
            variants.retain(|known| known["key"] != variant["name"]);
            variants.push(json!({"key": variant["name"], "weight": 0, "value": variant["payload"]["value"]}));
            for (k, of) in items(&variant["overrides"]).iter().enumerate() {
                let constraint = json!({"contextName": of["contextName"], "operator": "IN", "values": of["values"]});
                let when = json!({"all": [{"all": parts}, constraint_condition(&constraint)?]});
                rules.push(json!({"id": format!("override-{i}-{j}-{k}"), "when": when, "rollout": {"variant": variant["name"]}}));
            }
        }
        let shares = own.iter().map(|variant| json!({"variant": variant["name"], "weight": variant["weight"]}));
        let rollout = if own.is_empty() { json!({"variant": ENABLED}) } else { json!({"distribution": shares.collect::<Vec<_>>()}) };
        rules.push(json!({"id": format!("strategy-{i}"), "when": {"all": parts}, "rollout": rollout}));
    }
    let state = if feature["enabled"] == true { "on" } else { "off" };
    Some(json!({"key": feature["name"], "state": state, "variants": variants, "off_variant": OFF, "rules": rules}))
}

fn strategy_condition(strategy: &Value, between: Between) -> Option<Value> {
    let parameters = &strategy["parameters"];
    let list =
        |name: &str| -> Option<Vec<String>> { Some(parameters[name].as_str()?.split(',').map(|item| item.trim().to_owned()).collect()) };
    let percentage = |name: &str| -> Option<f64> {
        let given: f64 = parameters[name].as_str()?.parse().ok()?;
        Some(match between {
            _ if given == 0.0 || given == 100.0 => given,
            Between::Nobody => 0.0,
            Between::Everybody => 100.0,
        })
    };
    let by = |by: &str, percentage: f64| match by {
        "default" | "random" => json!({ "percentage": percentage }),
        // Whoever has no id is in no percentage of ids.
        "userId" => json!({"user_id": {"ne": NO_USER_ID}, "percentage": percentage}),
        name => json!({"percentage": {"value": percentage, "by": name}}),
    };
    match strategy["name"].as_str()? {
        "default" => Some(json!({})),
        "userWithId" => Some(json!({ "user_id": list("userIds")? })),
        "remoteAddress" => Some(json!({"attr": {"remoteAddress": {"ip_in": networks(list("IPs")?)}}})),
        "gradualRolloutUserId" => Some(by("userId", percentage("percentage")?)),
        "gradualRolloutSessionId" => Some(by("sessionId", percentage("percentage")?)),
        "gradualRolloutRandom" => Some(by("random", percentage("percentage")?)),
        "flexibleRollout" => Some(by(parameters["stickiness"].as_str()?, percentage("rollout")?)),
        _ => None,
    }
}

/// The parent gives this user one of those variants. Unleash's variant of an enabled feature without variants is `disabled`.
fn dependency_condition(dependency: &Value, features: &[Value]) -> Value {
    let nobody = json!({"any": []});
    let Some(parent) = features.iter().find(|feature| feature["name"] == dependency["feature"]) else { return nobody };
    if dependency["enabled"] == false {
        return json!({"flag": {"key": parent["name"], "variant": OFF}});
    }
    let strategies = items(&parent["strategies"]).iter();
    let own = strategies.flat_map(|strategy| items(&strategy["variants"])).chain(items(&parent["variants"]));
    let all = own.map(|variant| variant["name"].clone()).chain([json!(ENABLED)]);
    let wanted: Vec<Value> =
        items(&dependency["variants"]).iter().map(|name| if name == "disabled" { json!(ENABLED) } else { name.clone() }).collect();
    let variants: Vec<Value> = all.filter(|name| wanted.is_empty() || wanted.contains(name)).collect();
    if variants.is_empty() { nobody } else { json!({"flag": {"key": parent["name"], "variant": variants}}) }
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
        "IN_CIDR" => test("ip_in", json!(networks(values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()))),
        _ => return None,
    };
    Some(if constraint["inverted"] == true { json!({ "not": condition }) } else { condition })
}

/// Entries that are no network are ignored there and refused here.
fn networks(mut list: Vec<String>) -> Vec<String> {
    list.retain(|text| text.parse::<IpNet>().is_ok() || text.parse::<std::net::IpAddr>().is_ok());
    list
}

/// `userId` is the id; every other field and every property is an attribute.
pub(super) fn user(context: &Value) -> Value {
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

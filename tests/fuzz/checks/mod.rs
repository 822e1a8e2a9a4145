//! What must hold for any bytes. Each function panics where it does not.
//!
//! The fuzzer (`fuzz/`) calls them with bytes of its making; `tests/fuzz` with the tests' own data and with changed copies of it,
//! in every run, so that they stay right.

mod documents;
#[allow(dead_code, unused_imports, unreachable_pub, reason = "shared with the other test crates, each of which needs a part of it")]
#[path = "../../oracle/mod.rs"]
mod oracle;

use std::sync::OnceLock;

use ff_core::{EnvironmentKey, Error, Flag, Ruleset, Segments, TenantId};
use serde_json::{Value, json};

use documents::{Documents, refused};

const TENANT: &str = "acme";

fn tenant() -> TenantId {
    TENANT.parse().unwrap()
}

/// Flags, segments, users and instants: read, compiled and evaluated. The engine, its explanation and the oracle agree, and a
/// ruleset built flag by flag is like one compiled at once.
pub fn ruleset(data: &[u8]) {
    let documents = Documents::read(data);
    let (flags, segments) = documents.model();
    let (valid_segments, unusable) = Segments::compile_valid(tenant(), segments.iter());
    let (valid, rejected) = Ruleset::compile_valid(EnvironmentKey::production(), 1, flags.iter(), valid_segments);
    unusable.iter().chain(&rejected).for_each(|r| refused(&r.faults));
    match Ruleset::compile(tenant(), EnvironmentKey::production(), 1, &flags, &segments) {
        Ok(compiled) => {
            assert!(unusable.is_empty() && rejected.is_empty(), "compiled, although something was rejected");
            let rebuilt = rebuilt(&compiled, &flags);
            let trees = documents.trees();
            for flag in &flags {
                ask(&compiled, &documents, &trees, flag.key().as_str());
                same(&compiled, &rebuilt, &documents, flag.key().as_str());
            }
        }
        Err(faults) => {
            refused(&faults);
            assert!(!unusable.is_empty() || !rejected.is_empty(), "refused, although nothing was rejected: {faults}");
            // What is left of a bad set still answers.
            for key in valid.flag_keys() {
                same(&valid, &valid, &documents, key.as_str());
            }
        }
    }
}

/// Each flag taken out, where nothing needs it, and put in again.
fn rebuilt(compiled: &Ruleset, flags: &[Flag]) -> Ruleset {
    let mut ruleset = compiled.clone();
    for flag in flags {
        match ruleset.without_flag(2, flag.key()) {
            Ok(less) => ruleset = less.with_flag(3, flag).expect("it was there before"),
            Err(Error::InUse { .. }) => ruleset = ruleset.with_flag(3, flag).expect("it replaces itself"),
            Err(other) => panic!("{other}"),
        }
    }
    ruleset
}

/// Conditions, each as the rule of a flag that is added to what the other lines make: the oracle agrees, and the laws of logic hold.
pub fn condition(data: &[u8]) {
    let documents = Documents::read(data);
    let (flags, segments) = documents.model();
    let (valid_segments, _) = Segments::compile_valid(tenant(), segments.iter());
    let (base, _) = Ruleset::compile_valid(EnvironmentKey::production(), 1, flags.iter(), valid_segments);
    // Each condition in several rules of one flag, so that the flag has an index of its rules where conditions demand equalities.
    let rules = documents.conditions.iter().cycle().take(5 * documents.conditions.len()).enumerate();
    let mut indexed = gate(&json!({}));
    indexed["rules"] = rules.map(|(i, when)| json!({"id": format!("r{i}"), "when": when, "rollout": {"variant": "on"}})).collect();
    if let Some(ruleset) = Flag::from_value(&indexed).ok().and_then(|flag| base.with_flag(2, &flag).ok()) {
        let mut trees = documents.trees();
        trees.0.retain(|tree| tree["key"] != GATE && ruleset.contains(tree["key"].as_str().unwrap_or_default()));
        trees.0.push(indexed);
        ask(&ruleset, &documents, &trees, GATE);
    }
    for when in &documents.conditions {
        let Some(plain) = gated(&base, when) else { continue };
        let mut trees = documents.trees();
        trees.0.retain(|tree| tree["key"] != GATE && plain.contains(tree["key"].as_str().unwrap_or_default()));
        trees.0.push(gate(when));
        ask(&plain, &documents, &trees, GATE);
        let laws = [
            (json!({"not": when}), false),
            (json!({"not": {"not": when}}), true),
            (json!({"all": [when]}), true),
            (json!({"any": [{"any": []}, when]}), true),
            (json!({"all": [when, {"not": when}]}), false),
        ];
        for (at, (other, is_same)) in laws.iter().enumerate() {
            // A condition at the bound of depth, size or work has no room for another clause.
            let Some(changed) = gated(&base, other) else { continue };
            for (user, _) in &documents.users {
                for (now, _) in &documents.instants {
                    let [one, two] = [&plain, &changed].map(|ruleset| is_on(ruleset.evaluate(GATE, user, *now).unwrap().value()));
                    let expected = if at == 4 { false } else { one == *is_same };
                    assert_eq!(two, expected, "{when} and {other}");
                }
            }
        }
    }
}

const GATE: &str = "the-gate";

fn gate(when: &Value) -> Value {
    let variants = json!([{"key": "on", "weight": 0, "value": true}, {"key": "off", "weight": 1, "value": false}]);
    let rules = json!([{"id": "r", "when": when, "rollout": {"variant": "on"}}]);
    json!({"key": GATE, "type": "boolean", "state": "on", "variants": variants, "rules": rules})
}

/// The ruleset with a flag that is on for whom the condition holds; nothing where the ruleset refuses it.
fn gated(base: &Ruleset, when: &Value) -> Option<Ruleset> {
    let flag = Flag::from_value(&gate(when)).inspect_err(refused).ok()?;
    base.with_flag(2, &flag).ok()
}

fn is_on(value: &ff_core::VariantValue) -> bool {
    value.as_bool().unwrap()
}

/// One user's JSON, against flags that try every operator on attributes of many names.
pub fn user(data: &[u8]) {
    static OPERATORS: OnceLock<(Ruleset, Vec<Value>)> = OnceLock::new();
    let (ruleset, trees) = OPERATORS.get_or_init(|| {
        let trees: Vec<Value> = every_operator();
        let flags: Vec<Flag> = trees.iter().map(|tree| Flag::from_value(tree).unwrap()).collect();
        (Ruleset::compile(tenant(), EnvironmentKey::production(), 1, &flags, &[]).unwrap(), trees)
    });
    let text = String::from_utf8_lossy(data);
    let Some(user) = documents::user(&text) else { return };
    let mut documents = Documents::read(b"");
    documents.users = vec![(user, serde_json::from_str(&text).unwrap())];
    let trees = (trees.clone(), Vec::new());
    for tree in &trees.0 {
        ask(ruleset, &documents, &trees, tree["key"].as_str().unwrap());
    }
}

/// A flag for each operator and operand, which looks at several attributes.
fn every_operator() -> Vec<Value> {
    let mut operations = Vec::new();
    let mut add = |operators: &[&str], operands: &[Value]| {
        for operator in operators {
            operations.extend(operands.iter().map(|operand| json!({(*operator): operand})));
        }
    };
    add(&["eq", "ne"], &[json!("CA"), json!(30), json!(true)]);
    add(&["in", "not_in"], &[json!(["CA", "FR"]), json!([1, "a", true, 0.5, "x", "y"])]);
    add(&["lt", "lte", "gt", "gte"], &[json!(30), json!("m")]);
    add(&["starts_with", "ends_with", "contains", "istarts_with", "iends_with", "icontains"], &[json!("Σa")]);
    add(&["matches", "imatches"], &[json!("^[a-z]+@[a-z.]+$")]);
    add(&["exists"], &[json!(true), json!(false)]);
    add(&["before", "after"], &[json!("2026-01-01T00:00:00Z")]);
    add(&["semver_eq", "semver_lt", "semver_lte", "semver_gt", "semver_gte"], &[json!("1.2.0-rc.1")]);
    add(&["ip_in"], &[json!(["10.0.0.0/8", "2001:db8::/32", "::ffff:10.0.0.0/104"])]);
    add(&["ieq", "ine"], &[json!("ΟΔΟΣ")]);
    add(&["iin", "inot_in"], &[json!(["straße", "İ", "k"])]);
    let mut flags: Vec<Value> = operations
        .iter()
        .map(|test| {
            let tests = ["a", "a.b", "a.b.c", "Σ", "list"].map(|name| json!({"attr": {name: test}}));
            json!({"any": [{"user_id": test}, {"any": tests}]})
        })
        .chain(["a", "a.b", "list"].map(|name| json!({"percentage": {"value": 50, "by": name}})))
        .map(|when| gate(&when))
        .collect();
    for (i, flag) in flags.iter_mut().enumerate() {
        flag["key"] = json!(format!("operator-{i}"));
    }
    flags
}

/// Asks for every user and instant: the engine, its explanation and the oracle agree.
fn ask(ruleset: &Ruleset, documents: &Documents, (flags, segments): &(Vec<Value>, Vec<Value>), flag_key: &str) {
    for (user, tree) in &documents.users {
        for (now, at) in &documents.instants {
            let evaluated = serde_json::to_value(ruleset.evaluate(flag_key, user, *now).unwrap()).unwrap();
            let explanation = serde_json::to_value(ruleset.explain(flag_key, user, *now).unwrap()).unwrap();
            assert_eq!(explanation["evaluation"], evaluated, "explained and evaluated");
            let oracle = oracle::evaluate(TENANT, flags, segments, flag_key, tree, at).unwrap().to_json();
            assert_eq!(evaluated, oracle, "engine and oracle: {flag_key} for {tree} at {at}");
        }
    }
}

fn same(one: &Ruleset, other: &Ruleset, documents: &Documents, flag_key: &str) {
    for (user, _) in &documents.users {
        for (now, _) in &documents.instants {
            let [one, other] = [one, other].map(|ruleset| serde_json::to_value(ruleset.evaluate(flag_key, user, *now).unwrap()).unwrap());
            assert_eq!(one, other, "two ways to the same ruleset");
        }
    }
}

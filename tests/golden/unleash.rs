//! The Unleash client specification (Apache-2.0), run against the engine and the oracle.
//!
//! Its data tells which contexts enable which feature, and which variant they get. Features become flags of ours (`translate.rs`). A
//! feature that our rules refuse to write is disabled for everybody, which is what the specification asks of it. A case whose outcome
//! depends on Unleash's hash is left out, and so are a few that we decide otherwise on purpose: `left_out.rs` lists each with its reason.

mod left_out;
mod translate;

use ff_core::{EnvironmentKey, Flag, Ruleset, Segments, Timestamp, User};
use serde_json::{Value, json};

use crate::data::{self, items, skip};
use crate::oracle;
use left_out::{HASH, LEFT_OUT, NAME, TRANSITIVE};
use translate::{Between, ENABLED, OFF};

/// Relative to the root of the repository.
const SPECIFICATION: &str = "../shared/vendor/unleash-client-specification/specifications";

const NOW: &str = "2026-01-01T00:00:00Z";

/// The features of one file as flags, for engine and oracle.
struct Translated {
    flags: Vec<Value>,
    ruleset: Ruleset,
}

impl Translated {
    fn new(features: &[Value], segments: &[Value], between: Between) -> Self {
        let trees: Vec<Value> = features.iter().filter_map(|feature| translate::flag(feature, features, segments, between)).collect();
        let readable: Vec<(Value, Flag)> =
            trees.into_iter().filter_map(|tree| Some((tree.clone(), Flag::from_value(&tree).ok()?))).collect();
        let flags = readable.iter().map(|(_, flag)| flag);
        let (ruleset, _) = Ruleset::compile_valid(EnvironmentKey::production(), 1, flags, Segments::none("acme".parse().unwrap()));
        let kept = readable.into_iter().filter(|(_, flag)| ruleset.contains(flag.key().as_str())).map(|(tree, _)| tree);
        Self { flags: kept.collect(), ruleset }
    }

    /// Variant and value by the engine, and whether a bucket chose among variants.
    fn engine(&self, name: &str, user: &Value) -> (String, Value, bool) {
        let (user, now) = (User::from_value(user).unwrap(), NOW.parse::<Timestamp>().unwrap());
        match self.ruleset.evaluate(name, &user, now) {
            Some(found) => (found.variant().to_string(), found.value().to_json(), found.is_split()),
            None => (OFF.to_owned(), Value::Null, false),
        }
    }

    fn oracle(&self, name: &str, user: &Value) -> (String, Value) {
        match oracle::evaluate("acme", &self.flags, &[], name, user, NOW) {
            Some(found) => (found.variant, found.value),
            None => (OFF.to_owned(), Value::Null),
        }
    }
}

/// Whether a variant of ours is what the case expects.
fn is_expected(case: &Value, (variant, value): (&str, &Value)) -> bool {
    let expected = &case["expectedResult"];
    if expected.is_boolean() {
        return json!(variant != OFF) == *expected;
    }
    let name = if [OFF, ENABLED].contains(&variant) { "disabled" } else { variant };
    json!(variant != OFF) == expected["feature_enabled"]
        && expected["name"] == name
        && (name == "disabled" || expected["payload"]["value"] == *value)
}

/// Why the case is left out, found by trying: the same reasons must be listed.
fn reason(case: &Value, features: &[Value], [nobody, everybody]: [&Translated; 2], user: &Value) -> Option<&'static str> {
    let name = case["toggleName"].as_str().unwrap();
    let feature = |name: &Value| features.iter().find(|feature| feature["name"] == *name);
    if name.parse::<ff_core::FlagKey>().is_err() {
        return Some(NAME);
    }
    let parents = || feature(&case["toggleName"]).into_iter().flat_map(|feature| items(&feature["dependencies"]));
    let mut grandparents = parents().filter_map(|parent| feature(&parent["feature"])).flat_map(|parent| items(&parent["dependencies"]));
    if nobody.ruleset.contains(name) && grandparents.next().is_some() {
        return Some(TRANSITIVE);
    }
    let (with_nobody, with_everybody) = (nobody.engine(name, user), everybody.engine(name, user));
    let among_variants = case["expectedResult"].is_object() && (with_nobody.2 || with_everybody.2);
    (among_variants || with_nobody.0 != with_everybody.0).then_some(HASH)
}

#[test]
fn the_unleash_client_specification_holds() {
    let folder = data::root().join(SPECIFICATION);
    if !folder.is_dir() {
        return skip(&format!("the Unleash client specification is not at {SPECIFICATION}"));
    }
    let (mut count, mut left_out, mut failures) = (0, Vec::new(), Vec::new());
    for file in items(&data::json(&folder.join("index.json"))) {
        let file = file.as_str().unwrap().trim_end_matches(".json");
        let document = data::json(&folder.join(format!("{file}.json")));
        let (features, segments) = translate::delivered(&document["state"]);
        let [nobody, everybody] = [Between::Nobody, Between::Everybody].map(|between| Translated::new(&features, &segments, between));
        for case in items(&document["tests"]).iter().chain(items(&document["variantTests"])) {
            let (name, user) = (case["toggleName"].as_str().unwrap(), translate::user(&case["context"]));
            if let Some(reason) = reason(case, &features, [&nobody, &everybody], &user) {
                left_out.push((file.to_owned(), case["description"].as_str().unwrap().to_owned(), reason));
                continue;
            }
            count += 1;
            let (variant, value, _) = nobody.engine(name, &user);
            let oracle = nobody.oracle(name, &user);
            for (who, answer) in [("engine", (variant.as_str(), &value)), ("oracle", (oracle.0.as_str(), &oracle.1))] {
                if !is_expected(case, answer) {
                    failures.push(format!("{file}: {}: {who} says {answer:?}", case["description"]));
                }
            }
        }
    }
    println!("{count} cases of the Unleash client specification, {} left out", left_out.len());
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    let listed: Vec<(String, String, &str)> =
        LEFT_OUT.iter().map(|(file, case, why)| ((*file).to_owned(), (*case).to_owned(), *why)).collect();
    assert_eq!(left_out, listed);
    assert_eq!((count, left_out.len()), (243, 36), "all of the specification's 279 cases");
}

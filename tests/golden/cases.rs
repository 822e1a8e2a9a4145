//! `tests/data/cases/*.json`: each case through the engine and through the oracle.

use ff_core::{EnvironmentKey, Flag, Ruleset, Segment, Timestamp, User};
use serde_json::Value;

use crate::data::{folder, items};
use crate::oracle;

/// The instant of a case that names none.
const DEFAULT_INSTANT: &str = "2026-01-01T00:00:00Z";

/// Compiles the flags and segments of a file.
fn compile(topic: &str, document: &Value) -> Ruleset {
    let flags: Vec<Flag> = items(&document["flags"])
        .iter()
        .map(|f| Flag::from_value(f).unwrap_or_else(|e| panic!("{topic}, flag {}: {e}", f["key"])))
        .collect();
    let segments: Vec<Segment> = items(&document["segments"])
        .iter()
        .map(|s| Segment::from_value(s).unwrap_or_else(|e| panic!("{topic}, segment {}: {e}", s["key"])))
        .collect();
    let tenant = document["tenant"].as_str().unwrap().parse().unwrap();
    Ruleset::compile(tenant, EnvironmentKey::production(), 1, &flags, &segments).unwrap_or_else(|e| panic!("{topic}: {e}"))
}

/// What differs between an answer and what a case expects. A case may leave out `value` and `rule_id`.
fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let fields = expected.as_object().unwrap();
    let mut differing: Vec<String> = fields
        .iter()
        .filter(|(name, value)| found.get(name.as_str()) != Some(*value))
        .map(|(name, value)| format!("{name} is {}, not {value}", found.get(name.as_str()).unwrap_or(&Value::Null)))
        .collect();
    if found["reason"] != "rule_match" && !found["rule_id"].is_null() {
        differing.push(format!("a rule_id, {}, without a rule", found["rule_id"]));
    }
    differing
}

#[test]
fn every_case_gets_the_expected_answer_from_the_engine_and_from_the_oracle() {
    let mut count = 0;
    let mut failures = Vec::new();
    for (topic, document) in folder("cases") {
        let ruleset = compile(&topic, &document);
        for case in items(&document["cases"]) {
            count += 1;
            let name = format!("{topic}: {}", case["name"].as_str().unwrap());
            let flag_key = case["flag"].as_str().unwrap();
            let at = case["at"].as_str().unwrap_or(DEFAULT_INSTANT);
            let user = User::from_value(&case["user"]).unwrap_or_else(|e| panic!("{name}: {e}"));
            let now: Timestamp = at.parse().unwrap();

            let engine = ruleset.evaluate(flag_key, &user, now).unwrap_or_else(|| panic!("{name}: no flag {flag_key}"));
            let engine = serde_json::to_value(engine).unwrap();
            for difference in differences(&case["expect"], &engine) {
                failures.push(format!("{name}: engine: {difference}"));
            }
            let explained = serde_json::to_value(ruleset.explain(flag_key, &user, now).unwrap().evaluation).unwrap();
            if explained != engine {
                failures.push(format!("{name}: explained as {explained}, evaluated as {engine}"));
            }

            let tenant = document["tenant"].as_str().unwrap();
            let oracle =
                oracle::evaluate(tenant, items(&document["flags"]), items(&document["segments"]), flag_key, &case["user"], at).unwrap();
            for difference in differences(&case["expect"], &oracle.to_json()) {
                failures.push(format!("{name}: oracle: {difference}"));
            }
            if oracle.to_json() != engine {
                failures.push(format!("{name}: oracle {} engine {engine}", oracle.to_json()));
            }
        }
    }
    println!("{count} golden cases");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    assert!(count >= 900, "only {count} cases ran");
}

#[test]
fn names_of_cases_are_unique_in_their_file() {
    for (topic, document) in folder("cases") {
        let mut names: Vec<&str> = items(&document["cases"]).iter().map(|case| case["name"].as_str().unwrap()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{topic}");
        assert!(document["about"].is_string(), "{topic} does not say what it is about");
    }
}

#[test]
fn an_unknown_flag_has_no_answer() {
    let (topic, document) = folder("cases").swap_remove(0);
    let ruleset = compile(&topic, &document);
    let user = User::new("u").unwrap();
    assert!(ruleset.evaluate("there-is-no-such-flag", &user, DEFAULT_INSTANT.parse().unwrap()).is_none());
    assert!(ruleset.explain("there-is-no-such-flag", &user, DEFAULT_INSTANT.parse().unwrap()).is_none());
}

#[test]
fn every_flag_and_segment_of_the_cases_survives_the_way_to_json_and_back() {
    for (topic, document) in folder("cases") {
        for flag in items(&document["flags"]) {
            let read = Flag::from_value(flag).unwrap();
            assert_eq!(Flag::from_value(&read.to_value()).as_ref(), Ok(&read), "{topic}");
        }
        for segment in items(&document["segments"]) {
            let read = Segment::from_value(segment).unwrap();
            assert_eq!(Segment::from_value(&read.to_value()).as_ref(), Ok(&read), "{topic}");
        }
    }
}

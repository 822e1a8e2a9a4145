//! `tests/data/cases/*.json` over HTTP: the same answers as from the engine. A new case needs no Rust.

use ff_core::{RulesetDocument, User};
use ff_test_support::{Client, Server};
use serde_json::{Value, json};

use crate::data::folder;
use crate::harness::each_own;

/// The instant of a case that names none.
const DEFAULT_INSTANT: &str = "2026-01-01T00:00:00Z";

/// Creates segments and flags, which may refer to one another in whatever order they stand: what is refused now may go in
/// after the others.
fn create(api: &Client, document: &Value) {
    let of = |path: &'static str, name: &str| list(&document[name]).iter().map(move |document| (path, document)).collect::<Vec<_>>();
    let mut waiting = [of("/v1/segments", "segments"), of("/v1/flags", "flags")].concat();
    while !waiting.is_empty() {
        let answers: Vec<_> = waiting.iter().map(|(path, document)| api.post(path, document)).collect();
        let refused: Vec<_> =
            waiting.iter().zip(&answers).filter(|(_, answer)| answer.status() != 201).map(|(document, _)| *document).collect();
        assert!(refused.len() < waiting.len(), "{}", answers.last().unwrap());
        waiting = refused;
    }
}

/// Deletes everything, what others need after the others.
fn clear(api: &Client) {
    loop {
        let found = ["/v1/flags", "/v1/segments"].map(|path| (path, api.all(path)));
        let all: Vec<_> = found
            .iter()
            .flat_map(|(path, items)| items.iter().map(move |item| format!("{path}/{}", item["key"].as_str().unwrap())))
            .collect();
        if all.is_empty() {
            return;
        }
        let deleted = all.iter().filter(|path| api.delete(path).status() == 204).count();
        assert!(deleted > 0, "these hold one another: {all:?}");
    }
}

fn list(document: &Value) -> &[Value] {
    document.as_array().map_or(&[], Vec::as_slice)
}

/// Bucketing depends on the tenant's name, so the file says it.
fn run(server: &Server, topic: &str, document: &Value, failures: &mut Vec<String>) -> usize {
    let api = server.client().admin("golden").tenant(document["tenant"].as_str().unwrap());
    create(&api, document);
    let downloaded = RulesetDocument::from_value(&api.get("/v1/ruleset").ok()).unwrap().compile().unwrap();
    let cases = list(&document["cases"]);
    for case in cases {
        let at = case["at"].as_str().unwrap_or(DEFAULT_INSTANT);
        let evaluation = api.post("/v1/evaluate", &json!({"flag_key": case["flag"], "user": case["user"], "at": at})).ok();
        // Whoever evaluates by himself gives the same answer, to the last digit.
        let user = User::from_value(&case["user"]).unwrap();
        let own = downloaded.evaluate(case["flag"].as_str().unwrap(), &user, at.parse().unwrap()).unwrap();
        assert_eq!(serde_json::to_value(own).unwrap(), evaluation, "{topic}: {}", case["name"]);
        let expected = case["expect"].as_object().unwrap();
        let differing: Vec<_> = expected.iter().filter(|(name, value)| evaluation.get(name.as_str()) != Some(*value)).collect();
        let has_rule = evaluation["reason"] == "rule_match";
        if !differing.is_empty() || has_rule != evaluation.get("rule_id").is_some() {
            failures.push(format!("{topic}: {}: wanted {differing:?}, got {evaluation}", case["name"]));
        }
    }
    clear(&api);
    cases.len()
}

#[test]
fn every_case_gets_the_expected_answer_over_http() {
    each_own(
        |setup| setup,
        |server| {
            let mut failures = Vec::new();
            let count: usize = folder("cases").iter().map(|(topic, document)| run(server, topic, document, &mut failures)).sum();
            assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
            assert!(count >= 900, "only {count} cases ran");
        },
    );
}

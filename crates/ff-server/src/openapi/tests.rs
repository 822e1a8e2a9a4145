use std::collections::BTreeSet;

use ff_core::{Condition, Flag, Segment, User};
use serde_json::Value;

use super::*;
use crate::problem::ProblemType;

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(|(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
    });
    operations.collect()
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str().filter(|_| name == "$ref") {
                    Some(reference) => drop(found.insert(reference.to_owned())),
                    None => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn it_is_openapi_3_1_and_every_reference_leads_somewhere() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 30);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[test]
fn every_route_is_documented_under_its_operation_and_nothing_else_is() {
    let documented: BTreeSet<_> = operations(&document())
        .into_iter()
        .map(|(method, path, operation)| (method, path, operation["operationId"].as_str().unwrap().to_owned()))
        .collect();
    let served: BTreeSet<_> =
        ROUTES.iter().map(|route| (route.method.to_owned(), documented_path(route), route.operation.to_owned())).collect();
    assert_eq!(documented, served);
}

#[test]
fn every_operation_has_words_its_security_and_its_problems() {
    for (method, path, operation) in operations(&document()) {
        let place = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{place}");
        assert!(!operation["tags"].as_array().unwrap().is_empty(), "{place}");
        let has = |status: &str| operation["responses"].get(status).is_some();
        let parameters = operation.get("parameters").map(Value::to_string).unwrap_or_default();
        let route = ROUTES.iter().find(|route| route.operation == operation["operationId"]).unwrap();
        match route.access {
            Access::Open => assert_eq!(operation["security"], json!([]), "{place}"),
            Access::OwnRule => assert!(has("401") && has("403"), "{place}"),
            Access::Needs(scope) => {
                assert!(["400", "401", "403", "500", "503"].into_iter().all(has), "{place}");
                assert!(operation["description"].as_str().unwrap().contains(&format!("`{scope}`")), "{place}");
                assert_eq!(operation["security"][0]["bearer"], json!([scope.as_str()]), "{place}");
                assert!(parameters.contains("parameters/Tenant"), "{place}");
            }
        }
        if operation.get("requestBody").is_some() {
            assert!(["400", "413", "415", "422"].into_iter().all(has), "{place}");
            for (_, media) in operation["requestBody"]["content"].as_object().unwrap() {
                assert!(media.get("example").is_some(), "{place} has no example");
            }
        }
        assert_eq!(parameters.contains("parameters/IdempotencyKey"), route.changes().is_some(), "{place}");
        if route.changes().is_some() {
            assert!(["409", "422"].into_iter().all(has), "{place}");
            let done = operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
            assert!(
                done.clone().count() > 0 && done.clone().all(|(_, response)| response["headers"].get("Idempotency-Replayed").is_some()),
                "{place}"
            );
        }
        // What is never kept is never given again.
        for status in ["401", "403", "408", "413", "429", "500", "503"] {
            assert!(operation["responses"][status]["headers"].get("Idempotency-Replayed").is_none(), "{place} {status}");
        }
        if has("412") {
            assert!(parameters.contains("parameters/IfMatch"), "{place}");
        }
        if has("304") {
            assert!(parameters.contains("parameters/IfNoneMatch"), "{place}");
            assert!(operation["responses"]["200"]["headers"].get("ETag").is_some(), "{place}");
        }
        // Whoever asks for an environment may ask for one that is not there.
        assert!(!(parameters.contains("parameters/Environment") || parameters.contains("\"X-Environment\"")) || has("404"), "{place}");
        for name in path.split(['{', '}']).skip(1).step_by(2) {
            assert!(
                parameters.contains(&format!("\"name\":\"{name}\"")) || (name == "key" && parameters.contains("parameters/Key")),
                "{place}: {name}"
            );
        }
    }
}

#[test]
fn every_error_shows_a_problem() {
    for (method, path, operation) in operations(&document()) {
        for (status, response) in operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
            let is_shared = response.get("$ref").is_some();
            // What a probe is told is a word, whatever its status.
            let is_probe = path == "/readyz" && response["content"].get("text/plain").is_some();
            assert!(is_shared || is_probe || response["content"].get("application/problem+json").is_some(), "{method} {path} {status}");
        }
    }
}

#[test]
fn the_engine_accepts_the_examples() {
    let document = document();
    let example = |name: &str| document.pointer(&format!("/components/schemas/{name}/examples/0")).unwrap().clone();
    let flag = Flag::from_value(&example("FlagDraft")).unwrap();
    flag.revised(&example("FlagChange")).unwrap();
    Flag::from_value(&example("Flag")).unwrap();
    let segment = Segment::from_value(&example("SegmentDraft")).unwrap();
    segment.revised(&example("SegmentChange")).unwrap();
    Segment::from_value(&example("Segment")).unwrap();
    Condition::from_value(&example("Condition")).unwrap();
    User::from_value(&example("User")).unwrap();
    Flag::from_value(&example("PreviewRequest")["flag"]).unwrap();
}

#[test]
fn examples_of_problems_are_what_the_server_answers() {
    let document = document();
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        let example = &response["content"]["application/problem+json"]["example"];
        let kind = ProblemType::from_code(example["code"].as_str().unwrap()).unwrap();
        assert_eq!(example["title"], kind.title(), "{name}");
        assert_eq!(example["status"], kind.status().as_u16(), "{name}");
        assert_eq!(example["type"], format!("/problems/{}", kind.code()), "{name}");
    }
}

#[test]
fn the_operators_are_those_of_the_engine() {
    let document = document();
    let known: Vec<_> = document.pointer("/components/schemas/Operators/properties").unwrap().as_object().unwrap().keys().collect();
    let message = Condition::from_value(&json!({"attr": {"a": {"nonsense": 1}}})).unwrap_err().to_string();
    for operator in &known {
        assert!(message.contains(&format!("`{operator}`")), "the engine has no {operator}: {message}");
    }
    assert_eq!(message.matches('`').count() / 2, known.len(), "{message}");
}

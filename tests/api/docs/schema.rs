//! The schemas of the OpenAPI document hold: real answers fit them, and so do the document's own examples and every flag
//! and segment that the service accepts.

use serde_json::Value;

use super::openapi::{document, operations};
use crate::data::folder;
use crate::harness::{each, fresh_tenant};
use crate::tenancy::{CASES, plant};

/// What does not fit, with its place. Knows the part of JSON Schema that the document uses, and fails on any other.
fn misfits(root: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let Value::Object(words) = schema else {
        return if schema == &Value::Bool(true) { vec![] } else { vec![format!("{place}: nothing fits")] };
    };
    let mut found = Vec::new();
    let mut expect = |fits: bool, what: String| {
        if !fits {
            found.push(format!("{place}: {what}, got {value}"));
        }
    };
    let number = |value: &Value| value.as_f64();
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    for (word, wanted) in words {
        let bound = || wanted.as_f64().unwrap();
        match word.as_str() {
            "$ref" => expect(true, String::new()),
            "type" => {
                let names = wanted.as_array().cloned().unwrap_or_else(|| vec![wanted.clone()]);
                expect(names.iter().any(|name| is_of_type(name.as_str().unwrap(), value)), format!("of type {wanted}"));
            }
            "enum" => expect(wanted.as_array().unwrap().contains(value), format!("one of {wanted}")),
            "const" => expect(wanted == value, format!("{wanted}")),
            "minimum" => expect(number(value).is_none_or(|n| n >= bound()), format!("at least {wanted}")),
            "maximum" => expect(number(value).is_none_or(|n| n <= bound()), format!("at most {wanted}")),
            "exclusiveMaximum" => expect(number(value).is_none_or(|n| n < bound()), format!("below {wanted}")),
            "minLength" => expect(!value.is_string() || length as f64 >= bound(), format!("{wanted} characters")),
            "maxLength" => expect(!value.is_string() || length as f64 <= bound(), format!("at most {wanted} characters")),
            "minItems" => expect(!value.is_array() || length as f64 >= bound(), format!("{wanted} items")),
            "maxItems" => expect(!value.is_array() || length as f64 <= bound(), format!("at most {wanted} items")),
            "minProperties" => expect(!value.is_object() || length as f64 >= bound(), format!("{wanted} members")),
            "maxProperties" => expect(!value.is_object() || length as f64 <= bound(), format!("at most {wanted} members")),
            "required" => {
                let is_there = |name: &Value| value.as_object().is_none_or(|fields| fields.contains_key(name.as_str().unwrap()));
                expect(wanted.as_array().unwrap().iter().all(is_there), format!("members {wanted}"));
            }
            "allOf" | "oneOf" | "anyOf" | "not" | "properties" | "additionalProperties" | "items" => {}
            // Told to people; that these are what they say is tested elsewhere.
            "description" | "title" | "examples" | "example" | "default" | "format" | "pattern" | "deprecated" | "readOnly" => {}
            other => panic!("{place}: the schema says `{other}`, which this test does not know"),
        }
    }
    let inner = |schema: &Value, value: &Value, place: &str| misfits(root, schema, value, place);
    if let Some(reference) = words.get("$ref").and_then(Value::as_str) {
        found.extend(inner(root.pointer(&reference[1..]).unwrap(), value, place));
    }
    for part in words.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        found.extend(inner(part, value, place));
    }
    for (word, fits) in [("oneOf", (|n| n == 1) as fn(usize) -> bool), ("anyOf", |n| n > 0)] {
        if let Some(choices) = words.get(word).and_then(Value::as_array) {
            let each: Vec<_> = choices.iter().map(|choice| inner(choice, value, place)).collect();
            if !fits(each.iter().filter(|misfits| misfits.is_empty()).count()) {
                found.push(format!("{place}: {word} of {} does not hold for {value}: {each:?}", choices.len()));
            }
        }
    }
    if words.get("not").is_some_and(|not| inner(not, value, place).is_empty()) {
        found.push(format!("{place}: {value} is what it must not be"));
    }
    if let Value::Object(fields) = value {
        let known = words.get("properties").and_then(Value::as_object);
        for (name, value) in fields {
            let place = format!("{place}/{name}");
            match (known.and_then(|known| known.get(name)), words.get("additionalProperties")) {
                (Some(schema), _) => found.extend(inner(schema, value, &place)),
                (None, Some(Value::Bool(false))) => found.push(format!("{place}: is not in the schema")),
                (None, Some(schema)) => found.extend(inner(schema, value, &place)),
                (None, None) => {}
            }
        }
    }
    if let (Value::Array(items), Some(schema)) = (value, words.get("items")) {
        found.extend(items.iter().enumerate().flat_map(|(i, item)| inner(schema, item, &format!("{place}/{i}"))));
    }
    found
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("there is no type {other}"),
    }
}

#[track_caller]
fn fits(root: &Value, schema: &Value, value: &Value, what: &str) {
    let misfits = misfits(root, schema, value, "");
    assert!(misfits.is_empty(), "{what} does not fit its schema:\n{}\n{value}", misfits.join("\n"));
}

/// What the document calls `name`.
#[track_caller]
pub(crate) fn fits_component(document: &Value, name: &str, value: &Value) {
    fits(document, component(document, name), value, name);
}

fn component<'a>(document: &'a Value, name: &str) -> &'a Value {
    document.pointer(&format!("/components/schemas/{name}")).unwrap_or_else(|| panic!("no schema {name}"))
}

#[test]
fn answers_fit_the_schemas_that_are_documented_for_them() {
    each(|api| {
        let document = document(api);
        let all = operations(&document);
        for case in CASES {
            let owner = api.tenant(&fresh_tenant());
            plant(&owner);
            let operation = all.iter().find(|operation| operation.name() == case.route).unwrap();
            let answer = case.ask(&owner);
            let response = &operation.is["responses"][answer.status().to_string()];
            assert!(response.is_object(), "{} does not tell of {}", case.route, answer.status());
            if response["content"].get("text/event-stream").is_some() {
                assert_eq!(answer.header("content-type"), Some("text/event-stream"), "{answer}");
            } else if answer.status() != 204 {
                fits(&document, &response["content"]["application/json"]["schema"], &answer.json(), case.route);
            }
            let refused = case.ask(&owner.without("Authorization")).problem(401, "unauthenticated");
            fits(&document, component(&document, "Problem"), &refused, "a problem");
        }
        let warned = api.post("/v1/segments", &serde_json::json!({"key": "nobody"})).created();
        assert!(warned["warnings"].is_array(), "{warned}");
        fits(&document, component(&document, "SegmentWritten"), &warned, "an entity with warnings");
        let invalid = api.post("/v1/flags", &serde_json::json!({"key": "a b", "x": 1})).problem(422, "invalid_body");
        fits(&document, component(&document, "Problem"), &invalid, "a problem with faults");
    });
}

#[test]
fn examples_fit_their_schemas() {
    each(|api| {
        let document = document(api);
        let mut count = 0;
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            for example in schema["examples"].as_array().into_iter().flatten() {
                fits(&document, schema, example, name);
                count += 1;
            }
        }
        assert!(count >= 10, "{count} examples");
    });
}

#[test]
fn every_flag_and_segment_of_the_golden_cases_fits_the_schema_of_a_draft() {
    each(|api| {
        let document = document(api);
        for (topic, file) in folder("cases") {
            for (list, schema) in [("flags", "FlagDraft"), ("segments", "SegmentDraft")] {
                for draft in file[list].as_array().into_iter().flatten() {
                    fits(&document, component(&document, schema), draft, &topic);
                }
            }
            for case in file["cases"].as_array().unwrap() {
                fits(&document, component(&document, "User"), &case["user"], &topic);
            }
        }
    });
}

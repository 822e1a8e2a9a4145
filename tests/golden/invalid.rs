//! `tests/data/invalid/*.json`: documents that are refused, with a pointer to every fault.

use ff_core::{Condition, Faults, Flag, Segment};
use serde_json::{Value, json};

use crate::data::{folder, items};

fn faults(kind: &str, body: &Value) -> Option<Faults> {
    match kind {
        "flag" => Flag::from_value(body).err(),
        "segment" => Segment::from_value(body).err(),
        "condition" => Condition::from_value(body).err(),
        other => panic!("there is no kind {other}"),
    }
}

#[test]
fn every_bad_document_is_refused_at_every_fault() {
    let mut count = 0;
    let mut failures = Vec::new();
    for (topic, entries) in folder("invalid") {
        for entry in items(&entries) {
            count += 1;
            let name = format!("{topic}: {}", entry["about"].as_str().unwrap());
            let Some(faults) = faults(entry["kind"].as_str().unwrap(), &entry["body"]) else {
                failures.push(format!("{name}: accepted"));
                continue;
            };
            let found: Vec<&str> = faults.as_slice().iter().map(|fault| fault.pointer.as_str()).collect();
            let wanted: Vec<&str> = items(&entry["pointers"]).iter().map(|pointer| pointer.as_str().unwrap()).collect();
            assert!(!wanted.is_empty(), "{name}: names no pointer");
            if wanted.iter().any(|pointer| !found.contains(pointer)) {
                failures.push(format!("{name}: wanted {wanted:?}, found {found:?}"));
            }
            for fault in faults.as_slice() {
                let message = &fault.message;
                if message.is_empty() || message.ends_with('.') || message.starts_with(char::is_uppercase) {
                    failures.push(format!("{name}: a message should begin in lower case and end without a full stop: {message:?}"));
                }
            }
        }
    }
    println!("{count} bad documents");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    assert!(count >= 260, "only {count} documents ran");
}

/// Documents past a bound are too long for a data file.
#[test]
fn every_bound_is_named_where_it_is_passed() {
    let flag = |field: &str, value: Value| {
        let mut flag = json!({"key": "f", "state": "on", "variants": [{"key": "a", "weight": 1}]});
        flag[field] = value;
        flag
    };
    let rule = |when: Value| json!([{"id": "r", "when": when, "rollout": {"variant": "a"}}]);
    let list = |count: usize, of: &dyn Fn(usize) -> Value| Value::Array((0..count).map(of).collect());
    let one_test = |i: usize| json!({"attr": {"x": i}});
    let one_regex = |i: usize| json!({"attr": {"x": {"matches": format!("a{i}")}}});
    let in_list = |count| json!({"attr": {"x": {"in": list(count, &|i| json!(i))}}});
    let nested = |depth: usize| (0..depth).fold(json!({}), |inner, _| json!({ "not": inner }));
    let variants = |count| list(count, &|i| json!({"key": format!("v{i}"), "weight": 1}));
    let rules = |count| list(count, &|i| json!({"id": format!("r{i}"), "when": {}, "rollout": {"variant": "a"}}));

    // Each: what may be, what may not, where the fault is, the bound in its message.
    let table = [
        ("/variants", flag("variants", variants(100)), flag("variants", variants(101)), "100"),
        ("/rules", flag("rules", rules(500)), flag("rules", rules(501)), "500"),
        ("/tags", flag("tags", list(50, &|i| json!(format!("t{i}")))), flag("tags", list(51, &|i| json!(format!("t{i}")))), "50"),
        ("/rules/0/when/attr/x/in", flag("rules", rule(in_list(10_000))), flag("rules", rule(in_list(10_001))), "10000"),
        (
            "/rules",
            flag("rules", rule(json!({"all": list(1_999, &one_test)}))),
            flag("rules", rule(json!({"all": list(2_000, &one_test)}))),
            "2000",
        ),
        (
            "/rules",
            flag("rules", rule(json!({"any": list(50, &one_regex)}))),
            flag("rules", rule(json!({"any": list(51, &one_regex)}))),
            "50",
        ),
        (
            "/variants/0/value",
            flag("variants", json!([{"key": "a", "weight": 1, "value": "v".repeat(65_534)}])),
            flag("variants", json!([{"key": "a", "weight": 1, "value": "v".repeat(65_535)}])),
            "65536",
        ),
    ];
    for (pointer, good, bad, bound) in table {
        if let Err(faults) = Flag::from_value(&good) {
            panic!("{pointer} at the bound of {bound}: {faults}");
        }
        let faults = Flag::from_value(&bad).err().unwrap_or_else(|| panic!("{pointer} beyond the bound of {bound}: accepted"));
        let fault = faults.as_slice().iter().find(|fault| fault.pointer == pointer).unwrap_or_else(|| panic!("{pointer}: {faults}"));
        assert!(fault.message.contains(bound), "{pointer}: {}", fault.message);
    }

    Condition::from_value(&nested(15)).unwrap();
    let deep = Condition::from_value(&nested(16)).unwrap_err();
    assert!(deep.as_slice()[0].message.contains("16"), "{deep}");
}

#[test]
fn text_that_is_not_one_json_document_is_refused() {
    let deep = format!("{}{}", "{\"not\":".repeat(100_000), "}".repeat(100_000));
    let valid = r#"{"key": "f", "variants": [{"key": "a", "weight": 1}]}"#;
    Flag::from_json(valid).unwrap();
    let bad =
        ["", "{", "nul", "{\"key\": \"f\",}", "{'key': 'f'}", "\u{feff}{}", "{\"key\": \"\\ud800\"}", "{\"key\": 1e999}", deep.as_str()];
    for text in bad.into_iter().chain([format!("{valid} {valid}").as_str()]) {
        let faults = Flag::from_json(text).unwrap_err();
        assert_eq!(faults.as_slice()[0].pointer, "", "{text:.40}");
        assert_eq!(faults.to_string().contains("byte order mark"), text.starts_with('\u{feff}'), "{text:.40}");
    }
}

#[test]
fn a_name_that_stands_twice_in_one_object_is_refused() {
    let text = r#"{"key": "f", "state": "on", "state": "off", "variants": [{"key": "a", "weight": 1}]}"#;
    assert_eq!(Flag::from_json(text).unwrap_err().as_slice()[0].pointer, "/state");
}

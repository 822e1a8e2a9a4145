use serde_json::{Value, json};

use super::*;
use crate::{Flag, Segment};

fn whole(changes: &Value) -> Value {
    let mut document = json!({
        "format": 1, "tenant": "acme", "environment": "production", "revision": 3,
        "flags": [{
            "key": "f", "name": "F", "description": "d", "type": "number", "state": "on", "salt": "s", "tags": ["t"], "owner": "o",
            "metadata": {"m": 1}, "variants": [{"key": "a", "weight": 0.1, "value": 1.0}, {"key": "b", "weight": 1e30, "value": 2}],
            "off_variant": "b",
            "rules": [{"id": "r", "description": "d", "when": {"segment": "s"}, "rollout": {"variant": "a"}}],
        }],
        "segments": [{"key": "s", "name": "S", "description": "d", "criteria": {"percentage": 0.5}, "included": ["u"], "excluded": ["v"]}],
    });
    document.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    document
}

fn refused(document: Value) -> String {
    RulesetDocument::from_value(&document).unwrap_err().to_string()
}

#[test]
fn what_only_people_read_is_left_out_and_the_rest_comes_back() {
    let document = RulesetDocument::from_value(&whole(&json!({}))).unwrap();
    let text = serde_json::to_string(&document).unwrap();
    let expected = r#"{"format":1,"tenant":"acme","environment":"production","revision":3,"flags":[{"key":"f","type":"number","state":"on","variants":[{"key":"a","weight":0.1,"value":1.0},{"key":"b","weight":1e+30,"value":2}],"off_variant":"b","rules":[{"id":"r","when":{"segment":"s"},"rollout":{"variant":"a"}}],"salt":"s"}],"segments":[{"key":"s","criteria":{"percentage":0.5},"included":["u"],"excluded":["v"]}]}"#;
    assert_eq!(text, expected);
    let again = RulesetDocument::from_json(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
    assert_eq!(again.flags[0].name(), "f", "a flag without a name is called by its key");
    assert_eq!(serde_json::from_str::<RulesetDocument>(&text).unwrap(), again, "serde's door is the same");
}

#[test]
fn another_format_is_said_to_be_one_whatever_else_is_in_it() {
    let message = "/format: is 2, and this version reads format 1 only";
    assert_eq!(refused(json!({"format": 2, "entities": {}, "revision": "seven"})), message);
    assert_eq!(RulesetChanges::from_value(&json!({"format": 2, "entities": {}})).unwrap_err().to_string(), message);
    assert_eq!(refused(json!({"tenant": "acme"})), "/format: is required; this version reads format 1");
    for bad in [json!("1"), json!(1.5), json!(-1), json!(null), json!(1e300)] {
        assert!(refused(whole(&json!({"format": bad}))).starts_with("/format: "), "{bad}");
    }
    for bad in [json!([]), json!(1), json!(null)] {
        assert!(RulesetDocument::from_value(&bad).is_err() && RulesetChanges::from_value(&bad).is_err(), "{bad}");
    }
}

#[test]
fn every_fault_of_a_document_is_listed() {
    let bad = json!({"tenant": "a b", "revision": -1, "flags": [{"key": "f"}, {"key": ""}], "segments": null, "etag": "x"});
    let faults = RulesetDocument::from_value(&whole(&bad)).unwrap_err();
    let pointers: Vec<_> = faults.as_slice().iter().map(|fault| fault.pointer.as_str()).collect();
    for expected in ["/tenant", "/revision", "/flags/0/variants", "/flags/1/key", "/segments", "/etag"] {
        assert!(pointers.contains(&expected), "{expected}: {pointers:?}");
    }
    let missing = RulesetDocument::from_value(&json!({"format": 1})).unwrap_err();
    let pointers: Vec<_> = missing.as_slice().iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/tenant", "/environment", "/revision", "/flags", "/segments"]);
    let missing = RulesetChanges::from_value(&json!({"format": 1})).unwrap_err();
    let pointers: Vec<_> = missing.as_slice().iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/tenant", "/environment", "/since", "/revision"]);
}

#[test]
fn changes_come_back_as_they_were_written() {
    let flag = Flag::from_value(&json!({"key": "f", "type": "boolean"})).unwrap();
    let segment = Segment::from_value(&json!({"key": "s", "included": ["u"]})).unwrap();
    let changes = RulesetChanges {
        tenant: "acme".parse().unwrap(),
        environment: "staging".parse().unwrap(),
        since: 3,
        revision: 9,
        reset: false,
        flags: vec![flag],
        segments: vec![segment],
        removed_flags: vec!["g".parse().unwrap()],
        removed_segments: vec!["t".parse().unwrap()],
    };
    let text = serde_json::to_string(&changes).unwrap();
    assert_eq!(RulesetChanges::from_json(&text).unwrap(), changes);
    assert_eq!(serde_json::from_str::<RulesetChanges>(&text).unwrap(), changes);
    let few = r#"{"format": 1, "tenant": "acme", "environment": "staging", "since": 0, "revision": 9, "reset": true}"#;
    let few = RulesetChanges::from_json(few).unwrap();
    assert!(few.reset && few.flags.is_empty() && few.removed_segments.is_empty());
}

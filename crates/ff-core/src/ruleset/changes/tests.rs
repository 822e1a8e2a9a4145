use serde_json::{Value, json};

use super::*;
use crate::{Faults, Flag, RulesetDocument, Timestamp, User};

fn flag(key: &str, when: Value) -> Value {
    let rules = json!([{"id": "r", "when": when, "rollout": {"variant": "on"}}]);
    json!({"key": key, "type": "boolean", "state": "on", "rollout_percentage": 0, "rules": rules})
}

fn segment(key: &str, criteria: Value) -> Value {
    json!({"key": key, "criteria": criteria})
}

fn needs(key: &str) -> Value {
    json!({"flag": {"key": key, "variant": "on"}})
}

/// At revision 5: `a` for those in `s`, `b` for those who have `a`.
fn ruleset() -> Ruleset {
    let document = json!({
        "format": 1, "tenant": "acme", "environment": "production", "revision": 5,
        "flags": [flag("a", json!({"segment": "s"})), flag("b", needs("a"))],
        "segments": [segment("s", json!({"attr": {"x": 1}}))],
    });
    RulesetDocument::from_value(&document).unwrap().compile().unwrap()
}

fn changed(changes: &Value) -> Result<Ruleset, Error> {
    let mut document = json!({"format": 1, "tenant": "acme", "environment": "production", "since": 5, "revision": 8});
    document.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    ruleset().with_changes(&RulesetChanges::from_value(&document).unwrap())
}

fn faults(changes: &Value) -> Faults {
    match changed(changes) {
        Err(Error::Invalid(faults)) => faults,
        other => panic!("expected faults, got {other:?}"),
    }
}

fn is_on(ruleset: &Ruleset, key: &str, x: i32) -> bool {
    ruleset.bool_or(key, &User::new("u").unwrap().with("x", x), Timestamp::EPOCH, false)
}

#[test]
fn what_refers_to_each_other_may_come_and_go_together() {
    let both = changed(&json!({
        "flags": [flag("c", needs("d")), flag("d", json!({"segment": "t"}))],
        "segments": [segment("t", json!({"segment": "u"})), segment("u", json!({"attr": {"x": 2}}))],
    }))
    .unwrap();
    assert!(is_on(&both, "c", 2) && !is_on(&both, "c", 1) && is_on(&both, "b", 1));
    assert_eq!((both.revision(), both.len()), (8, 4));
    // The other way round: `b` names `a`, which names `s`.
    let none = changed(&json!({"removed_flags": ["a", "b"], "removed_segments": ["s", "never-there"]})).unwrap();
    assert!(none.is_empty() && none.segments().keys().next().is_none());
    // And who names whom is right afterwards.
    assert!(matches!(both.without_flag(9, &"d".parse().unwrap()), Err(Error::InUse { .. })));
    assert!(both.without_flag(9, &"c".parse().unwrap()).is_ok());
    let swapped = changed(&json!({"flags": [flag("a", needs("b")), flag("b", json!({"segment": "s"}))]})).unwrap();
    assert!(is_on(&swapped, "a", 1));
}

#[test]
fn a_segment_that_was_replaced_is_another_for_flags_that_were_not() {
    let replaced = changed(&json!({"segments": [segment("s", json!({"attr": {"x": 2}}))]})).unwrap();
    assert!(is_on(&replaced, "b", 2) && !is_on(&replaced, "b", 1));
    assert!(is_on(&ruleset(), "b", 1), "readers of the former one are undisturbed");
}

#[test]
fn what_is_wrong_in_the_changes_is_listed_with_its_place_and_nothing_is_applied() {
    let found = faults(&json!({
        "flags": [flag("c", json!({"segment": "gone"})), flag("d", needs("e")), flag("f", needs("f"))],
        "segments": [segment("t", json!({"segment": "nowhere"}))],
    }));
    let listed: Vec<_> = found.as_slice().iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(
        listed,
        ["/flags/0/rules/0/when/segment", "/flags/1/rules/0/when/flag", "/flags/2/rules/0/when/flag", "/segments/0/criteria/segment"]
    );
    let twice = faults(&json!({"flags": [flag("c", json!({})), flag("c", json!({}))], "removed_segments": ["s", "s"]}));
    assert_eq!(twice.to_string(), "/flags/1: `c` is listed twice; /removed_segments/1: `s` is listed twice");
    let both = faults(&json!({"flags": [flag("c", json!({}))], "removed_flags": ["c"]}));
    assert_eq!(both.to_string(), "/removed_flags/0: `c` is listed twice");
}

#[test]
fn what_others_need_cannot_be_taken_away() {
    for (changes, user) in [
        (json!({"removed_segments": ["s"]}), "flag `a`"),
        (json!({"removed_flags": ["a"]}), "flag `b`"),
        (json!({"flags": [{"key": "a", "variants": [{"key": "blue", "weight": 1}]}]}), "flag `b`"),
    ] {
        match changed(&changes) {
            Err(Error::InUse { message, used_by, .. }) => {
                assert_eq!(used_by.iter().map(ToString::to_string).collect::<Vec<_>>(), [user]);
                assert!(message.starts_with(&format!("{user} would break: ")), "{message}");
            }
            other => panic!("{changes}: {other:?}"),
        }
    }
}

#[test]
fn changes_that_do_not_fit_are_refused() {
    for (changes, pointer) in [
        (json!({"tenant": "globex"}), "/tenant"),
        (json!({"environment": "staging"}), "/environment"),
        (json!({"since": 6}), "/since"),
        (json!({"since": 3, "revision": 4}), "/revision"),
        (json!({"reset": true}), "/reset"),
    ] {
        let found = faults(&changes);
        assert_eq!(found.as_slice().iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), [pointer]);
    }
    assert_eq!(changed(&json!({"since": 2})).unwrap().revision(), 8, "they may begin earlier");
    assert_eq!(changed(&json!({"revision": 5})).unwrap().revision(), 5, "and end where the ruleset is");
}

#[test]
fn a_flag_built_in_code_that_is_wrong_in_itself_is_found_by_its_position() {
    let mut bad = Flag::from_value(&flag("c", json!({}))).unwrap();
    bad.off_variant = "nope".parse().unwrap();
    let document =
        json!({"format": 1, "tenant": "acme", "environment": "production", "since": 5, "revision": 8, "flags": [flag("d", json!({}))]});
    let mut changes = RulesetChanges::from_value(&document).unwrap();
    changes.flags.push(bad);
    let found = ruleset().with_changes(&changes).unwrap_err().to_string();
    assert_eq!(found, "/flags/1/off_variant: the flag has no variant `nope`");
}

//! Each code: documents that cause it, and close ones that do not.

mod conditions;
mod rules;

use serde_json::{Value, json};

use super::*;
use crate::key::EnvironmentKey;
use crate::limits::{CONDITION_NODES_MAX, LIST_LENGTH_MAX, REGEXES_MAX, RULES_MAX};

/// A flag that is on for those for whom its rules hold; its variants are all obtainable.
fn flag(rules: Value) -> Value {
    json!({"key": "f", "type": "boolean", "state": "on", "variants": [
        {"key": "on", "weight": 1, "value": true}, {"key": "off", "weight": 1, "value": false}], "rules": rules})
}

fn rule(id: &str, when: Value) -> Value {
    json!({"id": id, "when": when, "rollout": {"variant": "off"}})
}

/// What is found in a flag with this condition as its only rule.
fn found_in(when: Value) -> Vec<Finding> {
    found(flag(json!([rule("r", when)])))
}

fn found(document: Value) -> Vec<Finding> {
    lint_among(&document, &[], &[])
}

fn lint_among(document: &Value, flags: &[Value], segments: &[Value]) -> Vec<Finding> {
    let flag = Flag::from_value(document).unwrap_or_else(|faults| panic!("{document}: {faults}"));
    let others = flags.iter().map(|flag| Flag::from_value(flag).unwrap()).chain([flag.clone()]).collect::<Vec<_>>();
    let segments = segments.iter().map(|segment| Segment::from_value(segment).unwrap()).collect::<Vec<_>>();
    let ruleset = Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &others, &segments)
        .unwrap_or_else(|faults| panic!("{document}: {faults}"));
    ruleset.lint(&flag)
}

fn in_segment(document: Value) -> Vec<Finding> {
    let segment = Segment::from_value(&document).unwrap();
    let ruleset = Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &[], &[]).unwrap();
    ruleset.lint_segment(&segment)
}

fn shown(findings: &[Finding]) -> Vec<(&'static str, &str)> {
    findings.iter().map(|finding| (finding.code.as_str(), finding.pointer.as_str())).collect()
}

#[test]
fn a_salt_that_another_flag_goes_by_is_found() {
    let salted = |key: &str, salt: Value| json!({"key": key, "type": "boolean", "state": "on", "rollout_percentage": 50, "salt": salt});
    let others = [salted("g", json!("x")), salted("h", json!("x")), salted("y", Value::Null)];
    for (salt, named) in
        [(json!("x"), vec!["`g`", "`h`"]), (json!("y"), vec!["`y`"]), (json!("z"), vec![]), (json!("f"), vec![]), (Value::Null, vec![])]
    {
        let findings = lint_among(&salted("f", salt.clone()), &others, &[]);
        assert_eq!(findings.len(), usize::from(!named.is_empty()), "{salt}");
        for finding in findings {
            assert_eq!((finding.code, finding.pointer.as_str()), (LintCode::SaltShared, "/salt"));
            assert!(named.iter().all(|name| finding.message.contains(name)), "{}", finding.message);
        }
    }
}

#[test]
fn segments_are_looked_at_too() {
    for (document, expected) in [
        (json!({"key": "s"}), vec![("segment_never_holds", "")]),
        (json!({"key": "s", "criteria": {}}), vec![("segment_always_holds", "")]),
        (json!({"key": "s", "criteria": {}, "excluded": ["u"]}), vec![]),
        (json!({"key": "s", "included": ["u"]}), vec![]),
        (json!({"key": "s", "criteria": {"attr": {"a": {"eq": 1, "ne": 1}}}}), vec![("contradiction", "/criteria/attr/a")]),
        (
            json!({"key": "s", "criteria": {"attr": {"a": 1}}, "included": ["v", "u", "w"], "excluded": ["u", "w"]}),
            vec![("included_and_excluded", "/included/1")],
        ),
        (
            json!({"key": "s", "included": ["u"], "excluded": ["u"]}),
            vec![("segment_never_holds", ""), ("included_and_excluded", "/included/0")],
        ),
        (json!({"key": "s", "criteria": {"all": [{"percentage": 10}, {"percentage": {"value": 20, "salt": "s"}}]}}), vec![]),
    ] {
        assert_eq!(shown(&in_segment(document.clone())), expected, "{document}");
    }
    let findings = in_segment(json!({"key": "s", "criteria": {"percentage": 0}}));
    assert!(findings[0].message.ends_with("so nobody is in the segment") && findings.len() == 1, "{findings:?}");
}

#[test]
fn a_flag_seen_without_what_it_names_is_taken_as_it_is() {
    let document = flag(json!([rule("a", json!({"segment": "nowhere"})), rule("b", json!({"flag": {"key": "none", "variant": "x"}}))]));
    let flag = Flag::from_value(&document).unwrap();
    let ruleset = Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &[], &[]).unwrap();
    assert_eq!(ruleset.lint(&flag), []);
}

#[test]
fn conditions_built_in_code_beyond_the_bounds_do_no_harm() {
    let deep = (0..10_000)
        .fold(crate::Condition::default(), |inner, _| crate::Condition { clauses: vec![crate::model::Clause::Not(Box::new(inner))] });
    let mut flag = Flag::from_value(&flag(json!([rule("r", json!({}))]))).unwrap();
    flag.rules[0].when = deep;
    let ruleset = Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &[], &[]).unwrap();
    assert_eq!(ruleset.lint(&flag), []);
    // Taken apart one by one: dropping it whole would need as much stack as it is deep.
    let mut rest = std::mem::take(&mut flag.rules[0].when);
    while let Some(crate::model::Clause::Not(inner)) = rest.clauses.pop() {
        rest = *inner;
    }
}

#[test]
fn the_largest_documents_are_linted_to_the_end() {
    let list: Vec<_> = (0..LIST_LENGTH_MAX).map(|i| format!("value-{i}")).collect();
    // As many rules as there may be, each with as many tests as there may be, none like another.
    let per_rule = CONDITION_NODES_MAX / RULES_MAX;
    let rules = |test: &dyn Fn(usize, usize) -> Value| {
        let when = |i: usize| json!({"attr": (0..per_rule).map(|n| (format!("a{n}"), test(i, n))).collect::<serde_json::Map<_, _>>()});
        json!((0..RULES_MAX).map(|i| rule(&format!("r{i}"), when(i))).collect::<Vec<_>>())
    };
    assert_eq!(found(flag(rules(&|i, n| json!(format!("x{i}-{n}"))))), []);
    assert_eq!(found(flag(rules(&|i, n| json!({"gt": i * 7 % 501 + n})))).iter().filter(|f| f.code != LintCode::RuleShadowed).count(), 0);
    // What would take long is not looked at: every value of a list in fifty slow expressions.
    let slow: Vec<_> = (0..REGEXES_MAX).map(|i| json!({"attr": {"a": {"matches": format!("[ab]{{{}}}c$", 500 + i)}}})).collect();
    let texts: Vec<_> = (0..1_000).map(|i| format!("{}{i}", "ab".repeat(500))).collect();
    assert_eq!(found_in(json!({"all": [{"attr": {"a": texts}}, {"all": slow}]})), []);
    let one_attribute: Vec<_> = (0..CONDITION_NODES_MAX).map(|i| json!({"attr": {"a": {"ne": i}}})).collect();
    assert_eq!(found_in(json!({"any": [{"all": &one_attribute[..1_000]}, {"attr": {"b": list.clone()}}]})), []);
    assert_eq!(
        shown(&found_in(json!({"all": [{"attr": {"a": list}}, {"attr": {"a": "other"}}]}))),
        [("only_lists_match", "/rules/0/when/all")]
    );
}

#[test]
fn findings_beyond_the_bound_are_left_out() {
    let rules: Vec<_> = (0..RULES_MAX).map(|i| rule(&format!("r{i}"), json!({"percentage": 0}))).collect();
    let findings = found(flag(json!(rules)));
    assert_eq!(findings.len(), FINDINGS_MAX);
    assert_eq!(findings[99].pointer, "/rules/99/when/percentage");
}

#[test]
fn codes_are_written_and_read_alike() {
    for code in LintCode::ALL.iter().copied() {
        assert_eq!(code.as_str().parse(), Ok(code));
        assert_eq!(serde_json::to_value(code).unwrap(), json!(code.to_string()));
        assert_eq!(code.docs(), format!("docs/lint.md#{code}"));
    }
    assert!("nothing".parse::<LintCode>().unwrap_err().to_string().contains("`nothing`"));
}

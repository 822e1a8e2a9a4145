//! Rules, rollouts and variants.

use serde_json::{Value, json};

use super::*;

fn growing(to: u32) -> Value {
    json!({"from": {"value": 0, "at": "2026-12-01T00:00:00Z"}, "to": {"value": to, "at": "2026-12-31T00:00:00Z"}})
}

#[test]
fn rules_that_come_too_late_are_found() {
    let cases = [
        (json!({}), json!({"attr": {"a": 1}}), true),
        (json!({"attr": {"a": 1}}), json!({"attr": {"a": 1.0}}), true),
        (json!({"attr": {"a": 1}, "segment": "s"}), json!({"all": [{"segment": "s"}, {"attr": {"a": {"in": [1]}}}]}), true),
        (json!({"attr": {"a": 1}}), json!({"attr": {"a": 1, "b": 2}}), true),
        (json!({"attr": {"a": ["x", "y"]}}), json!({"attr": {"a": "x"}}), true),
        (json!({"attr": {"a": {"gt": 3}}}), json!({"attr": {"a": {"gt": 5}}}), true),
        (json!({"attr": {"a": {"exists": true}}}), json!({"attr": {"a": {"matches": "x"}}}), true),
        (json!({"percentage": 30}), json!({"percentage": 10, "attr": {"a": 1}}), true),
        (json!({"segment": ["s", "t"]}), json!({"segment": "t"}), true),
        (
            json!({"time": {"after": "2026-01-01T00:00:00Z"}}),
            json!({"time": {"after": "2026-06-01T00:00:00Z", "before": "2027-01-01T00:00:00Z"}}),
            true,
        ),
        (
            json!({"any": [{"attr": {"a": 1}}, {"attr": {"b": 1}}, {"attr": {"c": 1}}]}),
            json!({"any": [{"attr": {"c": 1}}, {"attr": {"a": 1}}]}),
            true,
        ),
        (json!({"attr": {"a": {"ne": 1}}}), json!({"attr": {"a": {"not_in": [1, 2]}}}), true),
        (json!({"attr": {"a": 1, "b": 2}}), json!({"attr": {"a": 1}}), false),
        (json!({"attr": {"a": "x"}}), json!({"attr": {"a": ["x", "y"]}}), false),
        (json!({"attr": {"a": {"not_in": [1, 2]}}}), json!({"attr": {"a": {"ne": 1}}}), false),
        (json!({"attr": {"a": 5}}), json!({"attr": {"a": "5"}}), true),
        (json!({"attr": {"a": "5"}}), json!({"attr": {"a": 5}}), false),
        (json!({"percentage": 30}), json!({"percentage": {"value": 10, "salt": "other"}}), false),
        (json!({"percentage": 30}), json!({"percentage": {"value": 10, "by": "org"}}), false),
        (json!({"percentage": 0}), json!({"attr": {"a": 1}}), false),
        (json!({"segment": "t"}), json!({"segment": ["s", "t"]}), false),
        (json!({"percentage": growing(30)}), json!({"percentage": 10}), false),
        (json!({"percentage": 30}), json!({"percentage": growing(30)}), true),
        (json!({"percentage": 30}), json!({"percentage": growing(40)}), false),
        // A boolean operand takes the value and the text, a number operand the number and texts.
        (json!({"attr": {"a": ["true", "false"]}}), json!({"attr": {"a": true}}), false),
        (json!({"attr": {"a": {"contains": ""}}}), json!({"attr": {"a": 5}}), false),
        (json!({"attr": {"a": {"contains": ""}}}), json!({"attr": {"a": {"gt": 5}}}), false),
        (json!({"attr": {"a": {"contains": ""}}}), json!({"attr": {"a": {"exists": true}}}), false),
        (json!({"attr": {"a": {"contains": ""}}}), json!({"attr": {"a": {"matches": "x"}}}), true),
        (json!({"attr": {"a": {"starts_with": "ab"}}}), json!({"attr": {"a": {"starts_with": "abc"}}}), true),
        (json!({"attr": {"a": {"starts_with": "abc"}}}), json!({"attr": {"a": {"starts_with": "ab"}}}), false),
        (json!({"attr": {"a": {"ends_with": "bc"}}}), json!({"attr": {"a": {"ends_with": "abc"}}}), true),
        (json!({"attr": {"a": {"ends_with": "abc"}}}), json!({"attr": {"a": {"ends_with": "bc"}}}), false),
        (json!({"attr": {"a": {"contains": "abc"}}}), json!({"attr": {"a": {"contains": "b"}}}), false),
        (json!({"attr": {"a": {"starts_with": "b"}}}), json!({"attr": {"a": {"contains": "b"}}}), false),
        (json!({"attr": {"a": {"icontains": "X"}}}), json!({"attr": {"a": {"contains": "x"}}}), true),
        (json!({"attr": {"a": {"contains": "x"}}}), json!({"attr": {"a": {"icontains": "x"}}}), false),
        (json!({"attr": {"a": {"icontains": "b"}}}), json!({"attr": {"a": {"istarts_with": "aB"}}}), true),
        (json!({"attr": {"a": {"istarts_with": "ς"}}}), json!({"attr": {"a": {"ieq": "ΣΑΣ"}}}), true),
        (json!({"attr": {"a": {"ip_in": "10.0.0.0/8"}}}), json!({"attr": {"a": {"ip_in": "10.1.0.0/16"}}}), true),
        (json!({"attr": {"a": {"ip_in": "10.1.0.0/16"}}}), json!({"attr": {"a": {"ip_in": "10.0.0.0/8"}}}), false),
        (json!({"attr": {"a": {"lt": "ac"}}}), json!({"attr": {"a": {"starts_with": "ab"}}}), true),
        (json!({"attr": {"a": {"lt": "abc"}}}), json!({"attr": {"a": {"starts_with": "ab"}}}), false),
    ];
    let segments = [json!({"key": "s", "criteria": {"attr": {"b": 1}}}), json!({"key": "t", "criteria": {"attr": {"c": 1}}})];
    for (first, second, is_shadowed) in cases {
        let findings = lint_among(&flag(json!([rule("first", first.clone()), rule("second", second.clone())])), &[], &segments);
        let dead: Vec<_> = findings.iter().filter(|f| f.code == LintCode::RuleShadowed).collect();
        assert_eq!(dead.len(), usize::from(is_shadowed), "{first} {second}: {findings:?}");
        for finding in dead {
            assert_eq!((finding.pointer.as_str(), finding.dead_rule.as_ref().unwrap().as_str()), ("/rules/1", "second"));
            assert!(
                finding.message.contains("`first`") && finding.message.ends_with("so rule `second` never matches"),
                "{}",
                finding.message
            );
        }
    }
    let both = [rule("a", json!({"attr": {"x": 1}})), rule("b", json!({"not": {"attr": {"x": 1}}})), rule("c", json!({"attr": {"y": 1}}))];
    assert_eq!(shown(&found(flag(json!(both))))[0], ("rule_shadowed", "/rules/2"));
}

#[test]
fn a_rule_that_never_matches_is_named_by_what_kills_it_and_by_nothing_else() {
    let findings = found_in(json!({"all": [{"attr": {"a": {"eq": 1, "ne": 1}}}, {"any": [{"attr": {"b": []}}, {"attr": {"c": 1}}]}]}));
    let expected = [("contradiction", "/rules/0/when/all/0/attr/a"), ("never_holds", "/rules/0/when/all/1/any/0/attr/b")];
    assert_eq!(shown(&findings), expected);
    assert_eq!(findings[0].dead_rule.as_ref().map(|id| id.as_str()), Some("r"));
    assert!(findings[0].message.ends_with("so rule `r` never matches"), "{}", findings[0].message);
    assert_eq!(findings[1].dead_rule, None);
    // A rule that never matches shadows nothing, and one that always does says what follows.
    let findings = found_in(json!({"percentage": 100}));
    assert!(findings[0].message.ends_with("so rule `r` takes everybody who gets to it") && findings[0].dead_rule.is_none());
}

#[test]
fn variants_that_nobody_gets_are_found() {
    let variants = json!([{"key": "a", "weight": 1}, {"key": "b", "weight": 0}, {"key": "off", "weight": 0}]);
    let document = |rules: Value| json!({"key": "f", "state": "on", "variants": variants, "rules": rules});
    let to_b = |when: Value| json!({"id": "r", "when": when, "rollout": {"variant": "b"}});
    let lost = |findings: &[Finding]| {
        findings.iter().filter(|f| f.code == LintCode::VariantUnobtainable).map(|f| f.pointer.clone()).collect::<Vec<_>>()
    };
    // `off` is what the flag gives while it is off.
    assert_eq!(lost(&found(document(json!([])))), ["/variants/1"]);
    assert_eq!(lost(&found(document(json!([to_b(json!({"attr": {"x": 1}}))])))), Vec::<String>::new());
    assert_eq!(lost(&found(document(json!([to_b(json!({"percentage": 0}))])))), ["/variants/1"]);
    // Behind a rule for everybody the weights give nothing to anybody.
    let behind = found(document(json!([to_b(json!({}))])));
    assert_eq!(lost(&behind), ["/variants/0"]);
    assert!(behind[0].message.contains("its weight counts for nobody, since the rules take everybody"), "{}", behind[0].message);
    assert!(found(document(json!([])))[0].message.contains("no weight does"));
    let shadowed = json!([{"id": "s", "when": {}, "rollout": {"variant": "a"}}, to_b(json!({"attr": {"x": 1}}))]);
    assert_eq!(lost(&found(document(shadowed))), ["/variants/1"]);
    let shares = json!([{"id": "s", "rollout": {"distribution": [{"variant": "a", "weight": 1}, {"variant": "b", "weight": 0}]}}]);
    assert_eq!(lost(&found(document(shares))), ["/variants/1"]);
    // A share that rounds to no bucket is none.
    let tiny = json!({"key": "f", "state": "on", "variants": [{"key": "a", "weight": 1e-30}, {"key": "b", "weight": 1}]});
    assert_eq!(lost(&found(Value::clone(&tiny))), Vec::<String>::new(), "`a` is the off variant");
    let mut tiny = tiny;
    tiny["off_variant"] = json!("b");
    assert_eq!(lost(&found(tiny)), ["/variants/0"]);
}

#[test]
fn percentages_and_distributions_that_meet_are_found() {
    let on_at =
        |weight: u32, rules: Value| json!({"key": "f", "type": "boolean", "state": "on", "rollout_percentage": weight, "rules": rules});
    // The same for a flag of another type: its off variant may be a control group.
    let of_text = |rules: Value| json!({"key": "f", "state": "on", "variants": [{"key": "on", "weight": 0}, {"key": "off", "weight": 1}], "rules": rules});
    let half = json!({"distribution": [{"variant": "on", "weight": 1}, {"variant": "off", "weight": 1}]});
    let behind = |when: Value, rollout: &Value| json!([{"id": "r", "when": when, "rollout": rollout}]);
    let [on, off] = ["on", "off"].map(|variant| json!({ "variant": variant }));
    let two = |first: Value, second: Value| json!([{"id": "a", "when": first, "rollout": on}, {"id": "b", "when": second, "rollout": on}]);
    for (document, expected) in [
        (
            on_at(0, behind(json!({"percentage": 20}), &half)),
            Some(("percentage_times_weight", "/rules/0/rollout/distribution", "10 % in all")),
        ),
        (on_at(50, behind(json!({"percentage": 20}), &half)), None),
        (on_at(0, behind(json!({"attr": {"a": 1}}), &half)), None),
        (on_at(25, behind(json!({"percentage": 10}), &on)), Some(("percentage_then_weights", "/rules/0", "32.5 % in all"))),
        (
            on_at(25, behind(json!({"percentage": 10, "attr": {"a": 1}}), &on)),
            Some(("percentage_then_weights", "/rules/0", "32.5 % of those")),
        ),
        (on_at(0, behind(json!({"percentage": 10}), &on)), None),
        // Users whom an earlier rule leaves over are no longer all, and if it chose by the same bucket, nothing is known of them.
        (
            on_at(
                25,
                json!([{"id": "s", "when": {"attr": {"a": 1}}, "rollout": off}, {"id": "r", "when": {"percentage": 10}, "rollout": on}]),
            ),
            Some(("percentage_then_weights", "/rules/1", "32.5 % of those who get to this rule")),
        ),
        (
            on_at(
                25,
                json!([{"id": "s", "when": {"percentage": 5}, "rollout": off}, {"id": "r", "when": {"percentage": 10}, "rollout": on}]),
            ),
            Some(("percentage_remainder", "/rules/1", "at most 5 %")),
        ),
        (
            on_at(
                0,
                json!([{"id": "s", "when": {"attr": {"a": 1}}, "rollout": on}, {"id": "r", "when": {"percentage": 20, "attr": {"b": 1}}, "rollout": half}]),
            ),
            Some(("percentage_times_weight", "/rules/1/rollout/distribution", "10 % of those whom the rule is for and who get to it")),
        ),
        (
            on_at(
                0,
                json!([{"id": "s", "when": {"percentage": 10}, "rollout": on}, {"id": "r", "when": {"percentage": 20}, "rollout": half}]),
            ),
            Some(("percentage_remainder", "/rules/1", "at most 10 %")),
        ),
        // A later rule gives something to those who are left out.
        (
            on_at(
                0,
                json!([{"id": "r", "when": {"percentage": 20}, "rollout": half}, {"id": "s", "when": {"attr": {"a": 1}}, "rollout": on}]),
            ),
            None,
        ),
        // A segment and a flag that choose by the very bucket.
        (on_at(25, behind(json!({"percentage": 10, "segment": "wave"}), &on)), None),
        (on_at(25, behind(json!({"percentage": 10, "flag": {"key": "twin", "variant": "on"}}), &on)), None),
        (on_at(25, behind(json!({"percentage": {"value": 10, "salt": "x"}, "flag": {"key": "twin", "variant": "on"}}), &on)), None),
        (
            on_at(25, behind(json!({"percentage": {"value": 10, "salt": "x"}, "segment": "wave"}), &on)),
            Some(("percentage_then_weights", "/rules/0", "32.5 % of those whom the rule is for")),
        ),
        // However it is written.
        (on_at(25, behind(json!({"not": {"not": {"percentage": {"value": 10, "by": "org"}}}}), &on)), None),
        (
            on_at(
                25,
                json!([{"id": "r", "when": {"percentage": 10}, "rollout": on}, {"id": "s", "when": {"segment": "s"}, "rollout": on}]),
            ),
            None,
        ),
        (
            on_at(0, two(json!({"percentage": 10}), json!({"percentage": 30}))),
            Some(("percentage_remainder", "/rules/1", "at most 20 % are left")),
        ),
        (
            on_at(0, two(json!({"percentage": 10}), json!({"percentage": 30, "attr": {"a": 1}}))),
            Some(("percentage_remainder", "/rules/1", "at most 20 %")),
        ),
        (on_at(0, two(json!({"percentage": 10, "attr": {"a": 1}}), json!({"percentage": 30}))), None),
        (on_at(0, two(json!({"percentage": 10}), json!({"percentage": {"value": 30, "salt": "x"}}))), None),
        (
            on_at(50, behind(json!({"percentage": {"value": 20, "by": "org"}}), &half)),
            Some(("split_ignores_by", "/rules/0/rollout/distribution", "`org`")),
        ),
        (
            on_at(
                50,
                behind(
                    json!({"attr": {"a": 1}}),
                    &json!({"distribution": [{"variant": "on", "weight": 1}, {"variant": "off", "weight": 0}]}),
                ),
            ),
            Some(("one_sided_distribution", "/rules/0/rollout/distribution", "`on` has all")),
        ),
        (on_at(50, behind(json!({"attr": {"a": 1}}), &json!({"distribution": [{"variant": "on", "weight": 1}]}))), None),
        (of_text(behind(json!({"percentage": 20}), &half)), None),
        // Who is taken before is left out by the rule itself, and "from 10 to 30 %" is no percentage of all.
        (on_at(0, two(json!({"percentage": 10}), json!({"percentage": 30, "not": {"percentage": 10}}))), None),
        (on_at(25, behind(json!({"percentage": 30, "not": {"percentage": 10}}), &on)), None),
        (on_at(0, behind(json!({"percentage": 30, "not": {"percentage": 10}}), &half)), None),
    ] {
        let segments = [
            json!({"key": "s", "criteria": {"attr": {"b": 1}}}),
            json!({"key": "wave", "criteria": {"percentage": {"value": 30, "salt": "f"}}}),
        ];
        let twin = json!({"key": "twin", "type": "boolean", "state": "on", "rollout_percentage": 50, "salt": "f"});
        let findings = lint_among(&document, &[twin], &segments);
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(shown(&findings), expected.iter().map(|(code, place, _)| (*code, *place)).collect::<Vec<_>>(), "{document}");
        for ((_, _, part), finding) in expected.iter().zip(&findings) {
            assert!(finding.message.contains(part), "{}", finding.message);
        }
    }
}

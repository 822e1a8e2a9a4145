//! Conditions: what cannot hold or always does, and what only looks like it.

use serde_json::{Value, json};

use super::*;

/// Conditions and what is found in them, by place below `when`.
#[test]
fn conditions_that_cannot_hold_or_always_do_are_found_where_they_are() {
    let cases = [
        // Nobody, not even with a list.
        (json!({"attr": {"a": {"eq": 1, "ne": 1}}}), "contradiction", "/attr/a"),
        (json!({"attr": {"a": {"eq": "x", "not_in": ["x", "y"]}}}), "contradiction", "/attr/a"),
        (json!({"attr": {"a": {"in": ["x", "y"], "not_in": ["x", "y", "z"]}}}), "contradiction", "/attr/a"),
        (json!({"attr": {"a": {"exists": false, "eq": 1}}}), "contradiction", "/attr/a"),
        (json!({"attr": {"a": {"exists": false, "matches": "x"}}}), "contradiction", "/attr/a"),
        (json!({"attr": {"a": "x"}, "not": {"attr": {"a": ["x", "y"]}}}), "contradiction", ""),
        (json!({"attr": {"a": {"gt": 5}}, "not": {"attr": {"a": {"gte": 5}}}}), "contradiction", ""),
        (json!({"attr": {"a": {"starts_with": "abc"}}, "not": {"attr": {"a": {"contains": "b"}}}}), "contradiction", ""),
        (json!({"attr": {"a": {"ieq": "X", "inot_in": ["x"]}}}), "contradiction", "/attr/a"),
        (json!({"attr": {"a": {"in": ["x", "y"], "ne": "x", "not_in": ["y"]}}}), "contradiction", "/attr/a"),
        (json!({"attr": {"a": {"in": ["x", 5], "ne": "x", "gt": 3}}, "not": {"attr": {"a": {"lt": 9}}}}), "contradiction", ""),
        (
            json!({"all": [{"attr": {"a": [true, "xy"]}}, {"attr": {"a": {"ne": true}}}, {"not": {"attr": {"a": {"icontains": "X"}}}}]}),
            "contradiction",
            "/all",
        ),
        (json!({"attr": {"a": {"contains": "x"}}, "not": {"attr": {"a": {"icontains": "X"}}}}), "contradiction", ""),
        (json!({"attr": {"a": {"ip_in": "10.1.0.0/16"}}, "not": {"attr": {"a": {"ip_in": "10.0.0.0/8"}}}}), "contradiction", ""),
        (json!({"attr": {"a": {"starts_with": "ab"}}, "not": {"attr": {"a": {"lt": "ac"}}}}), "contradiction", ""),
        (json!({"all": [{"segment": "s"}, {"not": {"segment": ["s", "t"]}}]}), "contradiction", "/all"),
        (json!({"all": [{"percentage": 10}, {"not": {"percentage": 30}}]}), "contradiction", "/all"),
        (
            json!({"all": [{"time": {"after": "2027-01-01T00:00:00Z"}}, {"time": {"before": "2026-01-01T00:00:00Z"}}]}),
            "contradiction",
            "/all",
        ),
        (json!({"all": [{"flag": {"key": "g", "variant": "a"}}, {"flag": {"key": "g", "variant": "b"}}]}), "contradiction", "/all"),
        (
            json!({"any": [{"attr": {"b": 1}}, {"all": [{"any": [{"attr": {"a": 1}}, {"segment": "s"}]}, {"not": {"attr": {"a": 1}}}, {"not": {"segment": "s"}}]}]}),
            "contradiction",
            "/any/1/all",
        ),
        (json!({"user_id": {"starts_with": "a", "ends_with": "b", "eq": "ac"}}), "contradiction", "/user_id"),
        (json!({"user_id": "a", "not": {"not": {"user_id": "b"}}}), "contradiction", ""),
        (json!({"user_id": {"gt": 5, "lt": 3}}), "contradiction", "/user_id"),
        // Nobody without a list.
        (json!({"attr": {"a": {"eq": "x", "in": ["y", "z"]}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"gt": 5, "lt": 3}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"gt": 5, "lte": 5}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"gte": "b", "lt": "a"}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"eq": 5, "gt": 6}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"eq": true, "in": [1, "yes"]}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"ieq": "x", "iin": ["y", "z"]}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"after": "2027-01-01T00:00:00Z", "before": "2026-01-01T00:00:00Z"}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"semver_gte": "2.10", "semver_lt": "2.9"}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"starts_with": "ab", "istarts_with": "x", "eq": "ab"}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"starts_with": "ab"}}, "all": [{"attr": {"a": {"starts_with": "ac"}}}]}), "only_lists_match", ""),
        (json!({"attr": {"a": {"ends_with": ".com", "eq": "x.org"}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"ip_in": "10.0.0.0/8", "after": "2027-01-01T00:00:00Z"}}}), "only_lists_match", "/attr/a"),
        (
            json!({"all": [{"attr": {"a": {"ip_in": ["10.0.0.0/8", "::1"]}}}, {"attr": {"a": {"ip_in": ["192.168.0.0/16", "::2"]}}}]}),
            "only_lists_match",
            "/all",
        ),
        (json!({"attr": {"a": {"starts_with": "ab", "lt": "aa"}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"starts_with": "ab", "gte": "ac"}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"starts_with": "ab", "istarts_with": "x"}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"iends_with": "AB", "ends_with": "xb"}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"ieq": "ab", "starts_with": "x"}}}), "only_lists_match", "/attr/a"),
        (json!({"attr": {"a": {"in": ["x", "y"], "ne": "x", "starts_with": "x"}}}), "only_lists_match", "/attr/a"),
        (
            json!({"all": [{"all": [{"attr": {"a": {"gt": 5, "lt": 3}}}, {"attr": {"b": 1}}]}, {"attr": {"c": 1}}]}),
            "only_lists_match",
            "/all/0/all/0/attr/a",
        ),
        // Parts that are the same for everybody.
        (json!({"attr": {"a": {"in": []}}}), "never_holds", "/attr/a/in"),
        (json!({"attr": {"a": []}}), "never_holds", "/attr/a"),
        (json!({"attr": {"a": {"lt": ""}}}), "never_holds", "/attr/a/lt"),
        (json!({"any": []}), "never_holds", "/any"),
        (json!({"attr": {"a": {"before": "0000-01-01T00:00:00Z"}}}), "never_holds", "/attr/a/before"),
        (json!({"attr": {"a": {"after": "9999-12-31T23:59:59.999999999Z"}}}), "never_holds", "/attr/a/after"),
        (json!({"attr": {"a": {"semver_lt": "0.0.0-0"}}}), "never_holds", "/attr/a/semver_lt"),
        (json!({"time": {"before": "0000-01-01T00:00:00Z"}}), "never_holds", "/time/before"),
        (json!({"time": {"after": "0000-01-01T00:00:00Z"}}), "always_holds", "/time/after"),
        (json!({"user_id": {"exists": false}}), "never_holds", "/user_id/exists"),
        (json!({"user_id": ""}), "never_holds", "/user_id"),
        (json!({"attr": {"b": 1}, "any": [{"any": []}]}), "never_holds", "/any/0/any"),
        (json!({"attr": {"a": {"not_in": []}}}), "always_holds", "/attr/a/not_in"),
        (json!({"all": []}), "always_holds", "/all"),
        (json!({"any": [{}, {"attr": {"a": 1}}]}), "always_holds", "/any/0"),
        (json!({"not": {}}), "always_holds", "/not"),
        (json!({"any": [{"attr": {"a": {"exists": true}}}, {"attr": {"a": {"exists": false}}}]}), "always_holds", "/any"),
        (json!({"any": [{"attr": {"a": {"ne": 1}}}, {"attr": {"a": {"ne": 2}}}, {"attr": {"a": 1}}]}), "always_holds", "/any"),
        (json!({"any": [{"attr": {"a": {"not_in": [1, 2]}}}, {"attr": {"a": 1}}, {"attr": {"a": 2}}]}), "always_holds", "/any"),
        (json!({"user_id": {"starts_with": ""}}), "always_holds", "/user_id/starts_with"),
        (json!({"percentage": 0}), "percentage_zero", "/percentage"),
        (json!({"percentage": 1e-30}), "percentage_zero", "/percentage"),
        (
            json!({"percentage": {"from": {"value": 0, "at": "2026-01-01T00:00:00Z"}, "to": {"value": 0, "at": "2027-01-01T00:00:00Z"}}}),
            "percentage_zero",
            "/percentage",
        ),
        (json!({"percentage": 100}), "percentage_full", "/percentage"),
        (json!({"percentage": {"value": 100, "by": "org"}}), "percentage_full", "/percentage"),
        (json!({"all": [{"percentage": 10}, {"percentage": 50}]}), "percentages_overlap", "/all"),
        (json!({"percentage": 10, "all": [{"percentage": {"value": 50, "salt": "f"}}]}), "percentages_overlap", ""),
    ];
    let others =
        [json!({"key": "g", "state": "on", "variants": [{"key": "a", "weight": 1}, {"key": "b", "weight": 1}, {"key": "c", "weight": 1}]})];
    let segments = [json!({"key": "s", "criteria": {"attr": {"b": 1}}}), json!({"key": "t", "criteria": {"attr": {"c": 1}}})];
    for (when, code, place) in cases {
        let findings = lint_among(&flag(json!([rule("r", when.clone())])), &others, &segments);
        let pointer = format!("/rules/0/when{place}");
        let listed: Vec<_> = findings.iter().filter(|f| f.pointer.starts_with("/rules/0/when")).cloned().collect();
        assert_eq!(shown(&listed), [(code, pointer.as_str())], "{when}");
    }
}

#[test]
fn conditions_that_only_look_alike_are_left_alone() {
    for when in [
        json!({}),
        json!({"attr": {"a": {"gte": 5, "lte": 5}}}),
        json!({"attr": {"a": {"gt": 3, "lt": 5}}}),
        json!({"attr": {"a": {"eq": 5}}, "all": [{"attr": {"a": "5"}}]}),
        json!({"attr": {"a": {"eq": true, "in": ["true", 1]}}}),
        json!({"attr": {"a": {"ieq": "X", "in": ["x", "y"]}}}),
        json!({"attr": {"a": {"ne": 1, "not_in": [2, 3]}}}),
        json!({"attr": {"a": {"exists": false, "ne": 1}}}),
        json!({"attr": {"a": 1, "b": 2}}),
        json!({"attr": {"a": {"starts_with": "ab", "contains": "xy", "ends_with": "z"}}}),
        json!({"attr": {"a": {"starts_with": "ab"}}, "all": [{"attr": {"a": {"starts_with": "abc"}}}]}),
        json!({"attr": {"a": {"semver_gte": "2.9", "semver_lt": "2.10"}}}),
        json!({"attr": {"a": {"semver_gte": "2", "gt": 1}}}),
        json!({"attr": {"a": {"contains": ""}}}),
        json!({"not": {"attr": {"a": {"exists": true}}}}),
        json!({"any": [{"attr": {"a": {"gt": 5}}}, {"attr": {"a": {"lt": 3}}}]}),
        json!({"any": [{"attr": {"a": {"exists": true}}}, {"attr": {"b": {"exists": false}}}]}),
        json!({"all": [{"percentage": 30}, {"not": {"percentage": 10}}]}),
        json!({"all": [{"percentage": 30}, {"percentage": {"value": 30, "salt": "second"}}]}),
        json!({"all": [{"percentage": 30}, {"percentage": {"value": 50, "by": "org"}}]}),
        json!({"time": {"after": "2026-01-01T00:00:00Z", "before": "2027-01-01T00:00:00Z"}}),
        json!({"user_id": {"in": ["a", "b"], "ne": "a"}}),
        json!({"user_id": {"starts_with": "a", "ends_with": "b"}}),
        json!({"attr": {"a": {"in": ["x", "y", "z"], "ne": "x", "not_in": ["y"]}}}),
        json!({"attr": {"a": {"icontains": "x"}}, "not": {"attr": {"a": {"contains": "x"}}}}),
        json!({"attr": {"a": {"ip_in": "10.0.0.0/8"}}, "not": {"attr": {"a": {"ip_in": "10.1.0.0/16"}}}}),
        json!({"attr": {"a": {"starts_with": "ab", "lt": "abc", "gte": "ab"}}}),
        json!({"attr": {"a": {"starts_with": "ab", "istarts_with": "ABC"}}}),
        json!({"attr": {"a": {"after": "0000-01-01T00:00:00Z"}}}),
        json!({"time": {"before": "9999-12-31T23:59:59.999999999Z"}}),
    ] {
        let findings: Vec<_> = found_in(when.clone()).into_iter().filter(|f| f.pointer.starts_with("/rules/0/when")).collect();
        assert_eq!(findings, [], "{when}");
    }
}

/// What is said names the tests that are to blame and no others, and claims of lists only what is certain.
#[test]
fn a_message_names_the_tests_that_are_to_blame() {
    for (when, message) in [
        (
            json!({"attr": {"c": {"in": ["a", "b"], "ne": "a", "not_in": ["b"], "exists": true}}}),
            r#"`c in ["a","b"]`, not `c eq "a"` and not `c in ["b"]` cannot all hold, so rule `r` never matches"#,
        ),
        (
            json!({"user_id": {"in": ["a", "b"], "ne": "a", "starts_with": "a"}}),
            r#"`user_id in ["a","b"]`, `user_id starts_with "a"` and not `user_id eq "a"` cannot all hold, so rule `r` never matches"#,
        ),
        (
            json!({"any": [{"attr": {"a": {"not_in": [1, 2]}}}, {"attr": {"a": 1}}, {"attr": {"a": 2}}, {"attr": {"a": 3}}]}),
            "`a eq 1`, `a eq 2` or not `a in [1,2]` holds for everybody, so rule `r` takes everybody who gets to it",
        ),
        (
            json!({"attr": {"a": {"gt": 5, "ne": 7, "lt": 3, "exists": true}}}),
            "no single value passes `a gt 5` and `a lt 3`: only an attribute that is a list might",
        ),
        (
            json!({"attr": {"a": {"eq": 5, "ne": 7, "in": [3]}}}),
            "no single value passes `a eq 5` and `a in [3]`: only an attribute that is a list can",
        ),
        (
            json!({"attr": {"a": {"eq": "x", "matches": "^y"}}}),
            "no single value passes `a eq \"x\"` and `a matches \"^y\"`: only an attribute that is a list might",
        ),
        (
            json!({"all": (0..9).map(|i| json!({"attr": {"a": {"ne": i}}})).chain([json!({"attr": {"a": (0..9).collect::<Vec<_>>()}})]).collect::<Vec<_>>()}),
            "`a in [0,1,2,3,4,5,6,7,8]`, not `a eq 0`, not `a eq 1`, not `a eq 2` and 6 more cannot all hold, so rule `r` never matches",
        ),
        (
            json!({"percentage": {"value": 100, "by": "org"}}),
            "this percentage admits everybody whose `org` is a text, a boolean or a whole number",
        ),
    ] {
        assert_eq!(found_in(when.clone())[0].message, message, "{when}");
    }
}

#[test]
fn references_to_what_never_changes_are_found() {
    let two = json!([{"key": "a", "weight": 1}, {"key": "b", "weight": 1}]);
    let flags = [
        json!({"key": "off", "state": "off", "variants": two, "off_variant": "a"}),
        json!({"key": "split", "state": "on", "variants": two}),
        json!({"key": "one", "state": "on", "variants": [{"key": "a", "weight": 1}, {"key": "b", "weight": 0}], "rules": [
            {"when": {"percentage": 0}, "rollout": {"variant": "b"}}]}),
        json!({"key": "ruled", "state": "on", "variants": [{"key": "a", "weight": 1}, {"key": "b", "weight": 0}], "rules": [
            {"when": {"attr": {"x": 1}}, "rollout": {"variant": "b"}}]}),
        json!({"key": "behind", "state": "on", "variants": two, "rules": [
            {"when": {"flag": {"key": "one", "variant": "a"}}, "rollout": {"variant": "b"}}]}),
    ];
    let segments = [
        json!({"key": "empty"}),
        json!({"key": "emptied", "included": ["u"], "excluded": ["u", "v"]}),
        json!({"key": "nested", "criteria": {"segment": ["empty", "emptied"]}}),
        json!({"key": "everyone", "criteria": {}}),
        json!({"key": "nearly", "criteria": {}, "excluded": ["u"]}),
        json!({"key": "listed", "included": ["u"]}),
        json!({"key": "not-empty", "criteria": {"not": {"segment": "nested"}}}),
    ];
    let needs = |key: &str, variant: Value| json!({"flag": {"key": key, "variant": variant}});
    for (when, expected) in [
        (needs("off", json!("a")), Some(("prerequisite_always_holds", "/flag"))),
        (needs("off", json!("b")), Some(("prerequisite_never_holds", "/flag"))),
        (needs("off", json!(["b", "a"])), Some(("prerequisite_always_holds", "/flag"))),
        (needs("split", json!("a")), None),
        (needs("split", json!(["a", "b"])), Some(("prerequisite_always_holds", "/flag"))),
        (needs("one", json!("b")), Some(("prerequisite_never_holds", "/flag"))),
        (needs("one", json!("a")), Some(("prerequisite_always_holds", "/flag"))),
        (needs("ruled", json!("b")), None),
        (needs("behind", json!("b")), Some(("prerequisite_always_holds", "/flag"))),
        (json!({"segment": "empty"}), Some(("segment_never_holds", "/segment"))),
        (json!({"segment": "emptied"}), Some(("segment_never_holds", "/segment"))),
        (json!({"segment": "nested"}), Some(("segment_never_holds", "/segment"))),
        (json!({"segment": ["listed", "nested"]}), Some(("segment_never_holds", "/segment/1"))),
        (json!({"segment": "everyone"}), Some(("segment_always_holds", "/segment"))),
        (json!({"segment": "not-empty"}), Some(("segment_always_holds", "/segment"))),
        (json!({"segment": "nearly"}), None),
        (json!({"segment": ["nearly", "listed"]}), None),
    ] {
        let findings = lint_among(&flag(json!([rule("r", when.clone())])), &flags, &segments);
        let places: Vec<_> = shown(&findings).into_iter().filter(|(_, place)| place.starts_with("/rules/0/when")).collect();
        let expected: Vec<_> = expected.iter().map(|(code, place)| (*code, format!("/rules/0/when{place}"))).collect();
        assert_eq!(places, expected.iter().map(|(code, place)| (*code, place.as_str())).collect::<Vec<_>>(), "{when}");
    }
}

#[test]
fn prerequisites_on_one_flag_are_set_against_one_another() {
    let other =
        json!({"key": "g", "state": "on", "variants": [{"key": "a", "weight": 1}, {"key": "b", "weight": 1}, {"key": "c", "weight": 1}]});
    let needs = |variants: Value| json!({"flag": {"key": "g", "variant": variants}});
    let codes = |rules: Value| -> Vec<_> {
        lint_among(&flag(rules), std::slice::from_ref(&other), &[]).iter().map(|finding| finding.code).collect()
    };
    let pair = |first: Value, second: Value| json!([rule("first", needs(first)), rule("second", needs(second))]);
    assert_eq!(codes(pair(json!(["a", "b"]), json!("b"))), [LintCode::RuleShadowed]);
    assert_eq!(codes(pair(json!(["a", "b"]), json!(["b", "c"]))), []);
    let both = |one: Value, two: Value| json!([rule("r", json!({"all": [needs(one), needs(two)]}))]);
    assert_eq!(codes(both(json!(["a", "b"]), json!(["b", "c"]))), []);
    assert_eq!(codes(both(json!(["a", "b"]), json!("c"))), [LintCode::Contradiction]);
}

//! Which attributes would have to change, and what is said about rules.

use super::*;

#[test]
fn trees_are_met_with_the_fewest_changes() {
    let (a, b, c) = (json!({"attr": {"a": 1}}), json!({"attr": {"b": 1}}), json!({"attr": {"c": 1}}));
    for (when, attributes, expected) in [
        (json!({"all": [a, b]}), json!({}), "a=1 b=1"),
        (json!({"all": [a, b]}), json!({"a": 1}), "b=1"),
        (json!({"any": [{"all": [a, b]}, c]}), json!({}), "c=1"),
        (json!({"any": [{"all": [a, b]}, {"all": [b, c]}]}), json!({"c": 1}), "b=1"),
        (json!({"not": {"any": [a, b]}}), json!({"a": 1, "b": 1}), "-a -b"),
        (json!({"not": {"all": [a, b]}}), json!({"a": 1, "b": 1}), "-a"),
        // What one branch asks for another forbids.
        (json!({"all": [{"any": [a, b]}, {"not": a}]}), json!({}), "b=1"),
        (json!({"all": [{"any": [a, b]}, {"any": [a, c]}]}), json!({}), "a=1"),
        (json!({"all": [{"any": [b, a]}, {"any": [c, a]}]}), json!({}), "a=1"),
        (json!({"attr": {"a": {"gt": 5}, "b": 1}, "not": {"attr": {"a": 6}}}), json!({"b": 1}), "a=7"),
        (json!({"any": []}), json!({}), "out of reach, certain: true, 0"),
        (json!({"not": {}}), json!({}), "out of reach, certain: true, 0"),
        (json!({"all": [a, {"not": a}]}), json!({}), "out of reach, certain: true, 0"),
        (json!({"attr": {"a": {"in": []}}}), json!({"a": 1}), "out of reach, certain: true, 0"),
    ] {
        assert_eq!(changes(&when, &attributes), expected, "{when} {attributes}");
    }
}

#[test]
fn an_earlier_rule_is_kept_from_deciding_or_is_named() {
    let rules = |first: &Value| json!([rule("first", first), rule("second", &json!({"attr": {"a": 1}}))]);
    let free = compile(&[flag("f", &rules(&json!({"attr": {"b": 1}})))], &[]);
    let both = why_not(&free, &user(&json!({"b": 1})));
    assert_eq!((&both["changes"][0]["attribute"], &both["changes"][1]["action"]), (&json!("a"), &json!("remove")));
    assert_eq!((&both["preceded_by"], &both["holds"]), (&json!("first"), &json!(false)));
    let holds = why_not(&free, &user(&json!({"a": 1, "b": 1})));
    assert_eq!((&holds["holds"], &holds["changes"][0]["attribute"], &holds["is_smallest"]), (&json!(true), &json!("b"), &json!(true)));
    assert_eq!(holds["summary"], "rule `second` matches, but rule `first` comes first; it would decide if the user had no b");

    let always = compile(&[flag("f", &rules(&json!({})))], &[]);
    let behind = why_not(&always, &user(&json!({})));
    assert_eq!((&behind["remedy"], &behind["still_preceded_by"]), (&json!("change"), &json!("first")));
    assert_eq!(behind["summary"], "rule `second` would match if the user had a `1`, but rule `first` would still come first");
    assert_eq!(why_not(&always, &user(&json!({"a": 1})))["remedy"], "out_of_reach");

    // A change that would let an earlier rule hold is not the smallest that makes this one decide.
    let trap =
        compile(&[flag("f", &json!([rule("trap", &json!({"attr": {"a": [1, 2]}})), rule("r", &json!({"attr": {"a": {"gt": 0}}}))]))], &[]);
    assert_eq!(why_not(&trap, &user(&json!({})))["changes"][0]["to"], 3);
}

/// The rule asks for one value; whether an earlier rule's percentage by that attribute takes it is known.
#[test]
fn a_rule_is_never_said_to_come_before_itself_and_the_bucket_of_the_only_value_is_certain() {
    let mut seen = [0, 0];
    for value in (0..20).map(|i| format!("org-{i}")) {
        let not_half = json!({"not": {"percentage": {"value": 50, "by": "org"}}});
        let rules = json!([rule("first", &not_half), rule("second", &json!({"attr": {"org": value}}))]);
        let ruleset = compile(&[flag("f", &rules)], &[]);
        let decides = ruleset.evaluate("f", &user(&json!({"org": value})), now()).unwrap().rule_id().unwrap() == "second";
        let told = why_not(&ruleset, &user(&json!({})));
        assert_eq!(told["changes"][0]["to"], value);
        let words = if decides { "would decide if" } else { "would match if" };
        assert!(told["summary"].as_str().unwrap().starts_with(&format!("rule `second` {words}")), "{told}");
        let first = if decides { json!(null) } else { json!("first") };
        assert_eq!((&told["still_preceded_by"], &told["is_smallest"]), (&first, &json!(true)));
        seen[usize::from(decides)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn a_rule_that_decides_needs_nothing() {
    let ruleset = compile(&[flag("f", &json!([rule("r", &json!({}))]))], &[]);
    let told = why_not(&ruleset, &user(&json!({})));
    assert_eq!(told, json!({"rule_id": "r", "holds": true, "remedy": "decides", "summary": "rule `r` decides"}));
}

#[test]
fn each_rule_that_was_tried_in_vain_is_asked_about() {
    let rules =
        json!([rule("a", &json!({"attr": {"a": 1}})), rule("b", &json!({"attr": {"b": 1}})), rule("c", &json!({"attr": {"c": 1}}))]);
    let ruleset = compile(&[flag("f", &rules)], &[]);
    let user = user(&json!({"b": 1}));
    let explanation = ruleset.explain("f", &user, now()).unwrap();
    let told: Vec<_> = explanation.why_not.iter().map(|why| why.summary.as_str()).collect();
    assert_eq!(told, ["rule `a` would decide if the user had a `1`"]);
    assert_eq!(explanation.summary, "flag `f` gives `on` by rule `b`, the first that matches after one that does not: b is `1`");
    assert!(ruleset.explain_rule("f", "d", &user, now()).is_none() && ruleset.explain_rule("g", "a", &user, now()).is_none());
}

#[test]
fn a_rule_is_told_by_the_tests_that_decided() {
    let because = |when: &Value, attributes: &Value| {
        let segments =
            [json!({"key": "beta", "excluded": ["u"], "criteria": {}}), json!({"key": "ca", "criteria": {"attr": {"country": "CA"}}})];
        let ruleset = compile(&[flag("f", &json!([rule("r", when)]))], &segments);
        let user = user(attributes);
        let explanation = ruleset.explain("f", &user, now()).unwrap();
        explanation.rules[0].because.clone()
    };
    for (when, attributes, sentence) in [
        (json!({}), json!({}), "everyone is meant"),
        (json!({"attr": {"a": 1, "country": ["DE", "FR"]}}), json!({"a": 1, "country": "US"}), "country is `US`, not one of `DE`, `FR`"),
        (json!({"any": [{"attr": {"a": 1}}, {"attr": {"b": 1}}]}), json!({"b": 2}), "the user has no a; b is `2`, not `1`"),
        (json!({"segment": "beta"}), json!({}), "user `u` is in the excluded list of segment `beta`"),
        (json!({"segment": ["beta", "ca"]}), json!({"country": "CA"}), "country is `CA`"),
        (json!({"segment": "ca"}), json!({}), "the user has no country"),
        (json!({"not": {"attr": {"a": 1}}}), json!({"a": 1}), "this must not hold, but does: a is `1`"),
        (json!({"any": []}), json!({}), "nothing is listed that could hold"),
        (json!({"user_id": ["x"]}), json!({}), "the user's id is `u`, not one of `x`"),
        (json!({"time": {"before": "2026-01-01T00:00:00Z"}}), json!({}), "it is 2026-11-21T08:00:00Z, and ended at 2026-01-01T00:00:00Z"),
    ] {
        assert_eq!(because(&when, &attributes), sentence, "{when}");
    }
}

#[test]
fn the_search_ends_where_choices_multiply() {
    // 2^18 combinations, of which the last one tried is the first that would do; five of six groups share no attribute.
    let group = |i: usize| json!({"any": (0..6).map(|j| json!({"attr": {format!("a{i}-{j}"): {"matches": "(?-u:\\b)never\\b.^x"}}})).collect::<Vec<_>>()});
    let wide = json!({"all": (0..6).map(group).collect::<Vec<_>>()});
    let ruleset = compile(&[flag("f", &json!([rule("r", &wide)]))], &[]);
    let told = why_not(&ruleset, &user(&json!({})));
    assert_ne!(told["remedy"], "change", "{told}");
    assert_ne!(told["is_certain"], true);

    let choices = |i: usize| json!({"any": (0..6).map(|j| json!({"attr": {format!("a{i}-{j}"): 1}})).collect::<Vec<_>>()});
    let many = json!({"all": (0..9).map(choices).collect::<Vec<_>>()});
    let ruleset = compile(&[flag("f", &json!([rule("r", &many)]))], &[]);
    let told = why_not(&ruleset, &user(&json!({})));
    assert_eq!((&told["remedy"], &told["is_smallest"]), (&json!("change"), &json!(true)));
    assert_eq!(told["changes"].as_array().unwrap().len(), 9);
}

#[test]
fn a_sum_of_rules_is_answered_within_the_bound() {
    let rules: Vec<_> = (0..500).map(|i| rule(&format!("r{i}"), &json!({"attr": {"a": i, "b": {"gt": i}}}))).collect();
    let ruleset = compile(&[flag("f", &json!(rules))], &[]);
    let user = user(&json!({}));
    let explanation = ruleset.explain("f", &user, now()).unwrap();
    assert_eq!(explanation.why_not.len(), 500);
    for why_not in &explanation.why_not[..50] {
        assert_does(&ruleset, &user, why_not);
    }
}

#[test]
fn an_earlier_percentage_by_an_attribute_lets_no_list_in() {
    let rules = json!([rule("all", &json!({"percentage": {"value": 100, "by": "org"}})), rule("acme", &json!({"attr": {"org": "acme"}}))]);
    let told = why_not(&compile(&[flag("f", &rules)], &[]), &user(&json!({"org": "acme"})));
    assert_eq!((&told["changes"][0]["to"], &told["is_smallest"]), (&json!(["acme"]), &json!(true)), "{told}");
}

#[test]
fn a_change_says_of_which_kind_a_value_is_where_it_would_be_taken_for_another() {
    let told = |when: &Value, attributes: &Value| {
        let told = why_not(&compile(&[flag("f", &json!([rule("r", when)]))], &[]), &user(attributes));
        let summary = told["summary"].as_str().unwrap().to_owned();
        (summary.split_once(" if ").unwrap().1.to_owned(), told["changes"][0]["so_that"][0].as_str().unwrap().to_owned())
    };
    for (test, value, change, so_that) in [
        (json!("5"), json!(5), "n were the text `5` instead of the number `5`", "n is the text `5`"),
        (json!("6"), json!(5), "n were the text `6` instead of the number `5`", "n is the text `6`"),
        (json!("true"), json!(true), "n were the text `true` instead of the boolean `true`", "n is the text `true`"),
        (json!("1"), json!([1]), "n were the list the number `1` and the text `1` instead of the list the number `1`", "n is the text `1`"),
        (json!("5"), Value::Null, "the user had n the text `5`", "n is the text `5`"),
        (json!(5), Value::Null, "the user had n `5`", "n is `5`"),
        (json!(["5", "x"]), json!(5), "n were the text `5` instead of the number `5`", "n is one of the text `5`, `x`"),
        (json!(""), json!("x"), "n were an empty text instead of `x`", "n is an empty text"),
        (json!("y"), json!("x"), "n were `y` instead of `x`", "n is `y`"),
        (json!({"semver_gte": "3.2"}), json!("3.1"), "n were `3.2` instead of `3.1`", "n is version `3.2` or above"),
    ] {
        assert_eq!(told(&json!({"attr": {"n": test}}), &json!({"n": value})), (change.to_owned(), so_that.to_owned()), "{test} {value}");
    }
}

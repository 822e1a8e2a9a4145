//! Which value an attribute would have to have.

use super::*;

#[test]
fn one_attribute_is_changed_to_what_is_asked() {
    let text = |operator: &str, operand: &str| json!({"attr": {"a": {operator: operand}}});
    for (when, attributes, expected) in [
        (json!({"attr": {"a": "x"}}), json!({"a": "y"}), r#"a="x""#),
        (json!({"attr": {"a": "x"}}), json!({}), r#"a="x""#),
        (json!({"attr": {"a": 5}}), json!({"a": "four"}), "a=5"),
        (json!({"attr": {"a": true}}), json!({"a": "False"}), "a=true"),
        (json!({"attr": {"a": ["x", "y"]}}), json!({"a": "z"}), r#"a="x""#),
        (json!({"attr": {"a": {"ne": "x"}}}), json!({"a": "x"}), "-a"),
        (json!({"attr": {"a": {"ne": "x", "exists": true}}}), json!({"a": "x"}), "a=true"),
        (json!({"attr": {"a": {"exists": true}}}), json!({}), "a=true"),
        (json!({"not": {"attr": {"a": {"gte": 0.8}}}}), json!({"a": 0.9}), "a=0"),
        (json!({"not": {"attr": {"a": {"gte": 8}}}}), json!({"a": 9}), "a=7"),
        (json!({"not": {"attr": {"a": {"semver_lt": "2.0"}}}}), json!({"a": "1.9"}), r#"a="2.0""#),
        (json!({"attr": {"a": {"gte": 0.8}}}), json!({"a": 0.1}), "a=0.8"),
        (json!({"attr": {"a": {"exists": false}}}), json!({"a": 1}), "-a"),
        (json!({"attr": {"a": {"gt": 18, "lt": 30}}}), json!({"a": 10}), "a=19"),
        (json!({"attr": {"a": {"gt": 18, "lt": 30}}}), json!({"a": 40}), "a=29"),
        (json!({"attr": {"a": {"gt": 18, "lt": 19}}}), json!({}), "a=18.5"),
        (json!({"attr": {"a": {"gte": 18, "ne": 18}}}), json!({"a": "17"}), "a=19"),
        (json!({"attr": {"a": {"lt": -5}}}), json!({"a": 0}), "a=-6"),
        (text("starts_with", "x"), json!({"a": "y"}), r#"a="x""#),
        (text("iends_with", "X"), json!({"a": 7}), r#"a="x""#),
        (json!({"attr": {"a": {"starts_with": "ab", "ends_with": "bc", "contains": "x"}}}), json!({}), r#"a="abxbc""#),
        (json!({"attr": {"a": {"starts_with": "ab", "ends_with": "bc"}}}), json!({}), r#"a="abc""#),
        (json!({"attr": {"a": {"starts_with": "ab", "ne": "ab"}}}), json!({"a": "ab"}), r#"a="aba""#),
        (json!({"attr": {"a": {"ieq": "ca", "ne": "ca"}}}), json!({"a": "ca"}), r#"a="CA""#),
        (text("matches", r"^[^@]+@example\.com$"), json!({"a": "x"}), r#"a="a@example.com""#),
        (text("matches", r"^\d{3}$"), json!({"a": "x"}), r#"a="000""#),
        (text("before", "2026-01-01T00:00:00Z"), json!({"a": "2026-06-01T00:00:00Z"}), r#"a="2025-12-31T23:59:59Z""#),
        (
            json!({"attr": {"a": {"after": "2026-01-01T00:00:00Z", "before": "2026-01-01T00:00:00.5Z"}}}),
            json!({}),
            r#"a="2026-01-01T00:00:00.000000001Z""#,
        ),
        (text("semver_gte", "3.2"), json!({"a": "3.1.9"}), r#"a="3.2""#),
        (text("semver_gt", "3.2.0"), json!({"a": "3.1.9"}), r#"a="3.2.1""#),
        (text("semver_lt", "1.0.0-alpha"), json!({"a": "1"}), r#"a="0.0.0""#),
        (json!({"attr": {"a": {"semver_gt": "1.2.3", "semver_lt": "1.2.4"}}}), json!({}), r#"a="1.2.4-0""#),
        (text("ip_in", "10.0.0.0/8"), json!({"a": "11.0.0.1"}), r#"a="10.0.0.0""#),
        (text("ip_in", "2001:db8::/32"), json!({}), r#"a="2001:db8::""#),
        (text("lt", "b"), json!({"a": "c"}), r#"a="""#),
        (text("gt", "b"), json!({"a": "a"}), r#"a="ba""#),
        (json!({"attr": {"a.b": 1}}), json!({"a": {"b": 2}}), "a.b=1"),
        (json!({"attr": {"a.b": 1}}), json!({}), "a.b=1"),
    ] {
        assert_eq!(changes(&when, &attributes), expected, "{when} {attributes}");
    }
}

#[test]
fn a_list_keeps_what_may_stay() {
    for (when, attributes, expected) in [
        (json!({"attr": {"a": "x"}}), json!({"a": ["y", "z"]}), r#"a=["y","z","x"]"#),
        (json!({"attr": {"a": {"ne": "y"}}}), json!({"a": ["y", "z"]}), r#"a=["z"]"#),
        (json!({"attr": {"a": {"ne": "y"}}}), json!({"a": ["y"]}), "-a"),
        (json!({"attr": {"a": {"ne": "y", "eq": "x"}}}), json!({"a": ["y", "z"]}), r#"a=["z","x"]"#),
        (json!({"attr": {"a": {"exists": true, "not_in": ["y"]}}}), json!({"a": ["y"]}), "a=[]"),
        // Two things at once are possible for a list only.
        (json!({"all": [{"attr": {"a": "x"}}, {"attr": {"a": "y"}}]}), json!({"a": "x"}), r#"a=["x","y"]"#),
    ] {
        assert_eq!(changes(&when, &attributes), expected, "{when} {attributes}");
    }
}

#[test]
fn what_contradicts_itself_is_known_to() {
    for test in [
        json!({"eq": "x", "exists": false}),
        json!({"eq": "x", "ne": "x"}),
        json!({"starts_with": "x", "not_in": ["x", "xa"], "eq": "x"}),
        json!({"ip_in": "10.0.0.0/8", "exists": false}),
        json!({"in": ["CA", "US"], "inot_in": ["ca", "us"]}),
        json!({"lt": "", "exists": true}),
    ] {
        assert_eq!(changes(&json!({"attr": {"a": test}}), &json!({})), "out of reach, certain: true, 0", "{test}");
    }
    let both = json!({"attr": {"a": {"contains": "abc"}}, "not": {"attr": {"a": {"icontains": "B"}}}});
    assert_eq!(changes(&both, &json!({})), "out of reach, certain: true, 0");
    // Each holds for an element of its own.
    assert_eq!(changes(&json!({"attr": {"a": {"gt": 5, "lt": 2}}}), &json!({})), "a=[6,1]");
}

#[test]
fn an_object_is_replaced_with_all_that_lies_under_it() {
    let when = json!({"attr": {"org": "x", "org.id": 1}});
    // One change of an object might have done for what lies under it, so that fewer changes are not ruled out.
    assert_eq!(changes(&when, &json!({"org": {"id": 1}})), r#"org="x" org.id=1 ?"#);
    assert_eq!(changes(&json!({"attr": {"org": {"exists": false}, "org.id": {"exists": false}}}), &json!({"org": {"id": 1}})), "-org");
}

#[test]
fn what_is_not_found_is_not_called_impossible() {
    // Ids are no lists, so that one text must pass all. There is such a text, but no single test leads to it.
    let both = json!({"matches": "1x", "imatches": "y2"});
    let with = |more: Value| {
        let mut test = both.clone();
        test.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"user_id": test})
    };
    let without = |more: Value, part: Value| json!({"all": [with(more), {"not": {"user_id": part}}]});
    for (when, is_impossible) in [
        (with(json!({})), false),
        (with(json!({"semver_gte": "1.0", "semver_lte": "1.0"})), false),
        (with(json!({"semver_gt": "1.0", "semver_lte": "1.0"})), true),
        (without(json!({"starts_with": "ab"}), json!({"ends_with": "ab"})), false),
        (without(json!({"starts_with": "ab"}), json!({"starts_with": "a"})), true),
        (without(json!({"istarts_with": "ab"}), json!({"starts_with": "a"})), false),
        (without(json!({"istarts_with": "ab"}), json!({"istarts_with": "A"})), true),
        (without(json!({"contains": "ab"}), json!({"icontains": "B"})), true),
        (with(json!({"starts_with": "ab", "ends_with": "ba"})), false),
        (with(json!({"lt": "b", "gt": "a"})), false),
        (with(json!({"lt": "b", "gte": "b"})), true),
        (with(json!({"gt": 5})), false),
        (with(json!({"gt": 5, "lt": 5.5, "in": [5, 6]})), true),
        (with(json!({"after": "2026-01-01T00:00:00Z", "before": "2026-01-01T00:00:00.000000001Z"})), true),
        (with(json!({"after": "2026-01-01T00:00:00Z", "before": "2026-01-01T00:00:00.000000002Z"})), false),
        (without(json!({"ip_in": "10.0.0.0/8"}), json!({"ip_in": ["10.0.0.0/9", "10.128.0.0/9"]})), true),
        (without(json!({"ip_in": "10.0.0.0/8"}), json!({"ip_in": ["10.0.0.0/9"]})), false),
    ] {
        let found = usize::from(!is_impossible);
        assert_eq!(changes(&when, &json!({})), format!("out of reach, certain: true, {found}"), "{when}");
    }
}

/// `{"percentage": …}` by `org`.
fn by_org(value: f64) -> Value {
    json!({"percentage": {"value": value, "by": "org"}})
}

#[test]
fn a_list_has_no_bucket_whatever_it_holds() {
    let (acme, kept_out) = (json!({"attr": {"org": "acme"}}), json!({"not": by_org(100.0)}));
    for when in [json!({"all": [acme, kept_out]}), json!({"all": [kept_out, acme]})] {
        assert_eq!(changes(&when, &json!({})), r#"org=["acme"]"#, "{when}");
        assert_eq!(changes(&when, &json!({"org": "acme"})), r#"org=["acme"]"#, "{when}");
    }
    let without = json!({"all": [{"attr": {"org": {"ne": "y"}}}, kept_out]});
    assert_eq!(changes(&without, &json!({"org": ["y", "z"]})), r#"org=["z"]"#);
    // By what only a single value passes and by what only a list does.
    let both = json!({"all": [by_org(100.0), {"attr": {"org": "x"}}, {"attr": {"org": "y"}}]});
    assert_eq!(changes(&both, &json!({})), "out of reach, certain: true, 0");
}

#[test]
fn a_percentage_by_an_attribute_takes_what_other_tests_name_in_any_order() {
    let acme = json!({"attr": {"org": "acme"}});
    let some = json!({"attr": {"org": ["x", "y", "z", "w", "v", "u"]}});
    for [first, second] in [[0, 1], [1, 0]] {
        let all = |parts: [Value; 2]| json!({"all": [parts[first], parts[second]]});
        assert_eq!(changes(&all([by_org(100.0), acme.clone()]), &json!({})), r#"org="acme""#);
        let halved = changes(&all([by_org(50.0), some.clone()]), &json!({}));
        assert!(halved.starts_with("org=") && !halved.ends_with('?'), "{halved}");
        // Its bucket is what it is, and no other value is asked for.
        for attributes in [json!({}), json!({"org": "acme"}), json!({"org": 5})] {
            assert_eq!(changes(&all([by_org(0.001), acme.clone()]), &attributes), "out of reach, certain: true, 0", "{attributes}");
        }
        // Nothing has a bucket that the one lets in and the other keeps out.
        assert_eq!(changes(&all([by_org(20.0), json!({"not": by_org(50.0)})]), &json!({})), "out of reach, certain: true, 0");
        assert_eq!(
            changes(&all([by_org(20.0), json!({"attr": {"org": {"exists": false}}})]), &json!({})),
            "out of reach, certain: true, 0"
        );
        // What is asked of something else is found all the same, though not which org it takes.
        let any =
            json!({"any": [all([by_org(0.001), json!({"attr": {"a": 1}})]), all([json!({"attr": {"b": 1}}), json!({"attr": {"c": 1}})])]});
        assert_eq!(changes(&any, &json!({})), "b=1 c=1");
    }
}

#[test]
fn an_expression_for_which_no_text_is_found_takes_what_other_tests_name_in_any_order() {
    let (pattern, named) = (json!({"attr": {"a": {"matches": r"^\b.{3}\b.x$"}}}), json!({"attr": {"a": ["no", "abc-x"]}}));
    for when in [json!({"all": [pattern, named]}), json!({"all": [named, pattern]})] {
        assert_eq!(changes(&when, &json!({})), r#"a="abc-x""#, "{when}");
    }
}

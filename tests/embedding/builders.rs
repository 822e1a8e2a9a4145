//! What is built in Rust is what JSON would have given, and is refused for the same reasons at the same places.

use ff_core::build::{
    ConditionBuilder, after, all, any, attr, before, between, everyone, growing, nobody, not, percentage, prerequisite, rule, segment,
    segments, user_id,
};
use ff_core::{Condition, Flag, FlagSet, FlagType, Segment, Timestamp, User};
use serde_json::{Value, json};

use crate::pointers;

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn every_operator_has_a_method() {
    let now = instant("2026-11-21T08:00:00Z");
    let a = || attr("a");
    let cases: Vec<(ConditionBuilder, &str, Value)> = vec![
        (a().eq("x"), "eq", json!("x")),
        (a().ne(true), "ne", json!(true)),
        (a().is_in(["x", "y"]), "in", json!(["x", "y"])),
        (a().not_in([1, 2]), "not_in", json!([1, 2])),
        (a().lt(1), "lt", json!(1)),
        (a().lte(1.5), "lte", json!(1.5)),
        (a().gt("m"), "gt", json!("m")),
        (a().gte(18), "gte", json!(18)),
        (a().starts_with("x"), "starts_with", json!("x")),
        (a().ends_with("x"), "ends_with", json!("x")),
        (a().contains("x"), "contains", json!("x")),
        (a().matches("^x+$"), "matches", json!("^x+$")),
        (a().exists(false), "exists", json!(false)),
        (a().before(now), "before", json!("2026-11-21T08:00:00Z")),
        (a().after(now), "after", json!("2026-11-21T08:00:00Z")),
        (a().semver_eq("1.2.3"), "semver_eq", json!("1.2.3")),
        (a().semver_lt("1.2.3"), "semver_lt", json!("1.2.3")),
        (a().semver_lte("1.2.3"), "semver_lte", json!("1.2.3")),
        (a().semver_gt("1.2.3"), "semver_gt", json!("1.2.3")),
        (a().semver_gte("1.2.3"), "semver_gte", json!("1.2.3")),
        (a().ip_in(["10.0.0.0/8"]), "ip_in", json!(["10.0.0.0/8"])),
        (a().ieq("X"), "ieq", json!("X")),
        (a().ine("X"), "ine", json!("X")),
        (a().iin(["X"]), "iin", json!(["X"])),
        (a().inot_in(["X"]), "inot_in", json!(["X"])),
        (a().istarts_with("X"), "istarts_with", json!("X")),
        (a().iends_with("X"), "iends_with", json!("X")),
        (a().icontains("X"), "icontains", json!("X")),
        (a().imatches("X"), "imatches", json!("X")),
    ];
    for (built, operator, operand) in &cases {
        let read = Condition::from_value(&json!({"attr": {"a": {*operator: operand}}})).unwrap();
        assert_eq!(built.clone().build().unwrap(), read, "{operator}");
    }
    // The grammar's own list: what an unknown operator is answered with.
    let faults = Condition::from_value(&json!({"attr": {"a": {"?": 1}}})).unwrap_err();
    let named = faults.as_slice()[0].message.matches('`').count() / 2;
    assert_eq!(cases.len(), named);
}

#[test]
fn every_clause_has_a_function() {
    let (t0, t1) = (instant("2026-01-01T00:00:00Z"), instant("2026-02-01T00:00:00Z"));
    let (at0, at1) = (t0.to_string(), t1.to_string());
    let cases: Vec<(ConditionBuilder, Value)> = vec![
        (everyone(), json!({})),
        (nobody(), json!({"any": []})),
        (user_id().is_in(["ada"]), json!({"user_id": {"in": ["ada"]}})),
        (segment("s"), json!({"segment": "s"})),
        (segments(["s", "t"]), json!({"segment": ["s", "t"]})),
        (percentage(25.0).into(), json!({"percentage": 25})),
        (percentage(0.5).by("org").salt("wave-1").into(), json!({"percentage": {"value": 0.5, "by": "org", "salt": "wave-1"}})),
        (
            growing((0.0, t0), (100.0, t1)).by("org").into(),
            json!({"percentage": {"from": {"value": 0, "at": at0}, "to": {"value": 100, "at": at1}, "by": "org"}}),
        ),
        (after(t0), json!({"time": {"after": at0}})),
        (before(t1), json!({"time": {"before": at1}})),
        (between(t0, t1), json!({"time": {"after": at0, "before": at1}})),
        (prerequisite("f", ["on"]), json!({"flag": {"key": "f", "variant": ["on"]}})),
        (all([segment("s"), attr("a").eq(1)]), json!({"all": [{"segment": "s"}, {"attr": {"a": {"eq": 1}}}]})),
        (any([segment("s")]), json!({"any": [{"segment": "s"}]})),
        (not(percentage(1.0)), json!({"not": {"percentage": 1}})),
    ];
    for (built, json) in cases {
        assert_eq!(built.build().unwrap(), Condition::from_value(&json).unwrap(), "{json}");
    }
}

#[test]
fn and_and_or_mean_what_they_say_in_any_order() {
    let parts = [
        everyone(),
        nobody(),
        attr("a").eq(1),
        attr("b").eq(1),
        all([attr("a").eq(1), attr("b").eq(1)]),
        any([attr("a").eq(1), attr("b").eq(1)]),
        not(attr("a").eq(1)),
        segment("s"),
    ];
    let user = |a: i32, b: i32| User::new("u").unwrap().with("a", a).with("b", b);
    let users = [user(0, 0), user(0, 1), user(1, 0), user(1, 1)];
    let holds = |condition: ConditionBuilder| {
        let flag = Flag::builder("f", FlagType::Boolean).on().rollout_percentage(0.0).rule(rule("r").when(condition).variant("on"));
        let member = Segment::builder("s").criteria(attr("b").eq(1)).build().unwrap();
        let ruleset = FlagSet::new("t".parse().unwrap()).flag(flag.build().unwrap()).segment(member).compile(0).unwrap();
        users.each_ref().map(|user| ruleset.bool_or("f", user, Timestamp::EPOCH, false))
    };
    for x in &parts {
        for y in &parts {
            for z in &parts {
                let [a, b, c] = [x, y, z].map(|part| holds(part.clone()));
                let each = |f: &dyn Fn(usize) -> bool| [0, 1, 2, 3].map(f);
                let shown = format!("{x:?} {y:?} {z:?}");
                assert_eq!(holds(x.clone().and(y.clone()).and(z.clone())), each(&|i| a[i] && b[i] && c[i]), "{shown}");
                assert_eq!(holds(x.clone().or(y.clone()).or(z.clone())), each(&|i| a[i] || b[i] || c[i]), "{shown}");
                assert_eq!(holds(x.clone().and(y.clone()).or(z.clone())), each(&|i| (a[i] && b[i]) || c[i]), "{shown}");
                assert_eq!(holds(x.clone().or(y.clone()).and(z.clone())), each(&|i| (a[i] || b[i]) && c[i]), "{shown}");
            }
        }
    }
}

#[test]
fn a_flag_is_what_its_json_would_have_given() {
    let built = Flag::builder("page-size", FlagType::Number)
        .on()
        .name("Page size")
        .description("How many hits a page has.")
        .variant("small", 3.0, 20)
        .variant("large", 1.0, 100)
        .off_variant("small")
        .rule(rule("staff").description("always").when(segment("staff")).variant("large"))
        .rule(rule("half").when(percentage(50.0).and(attr("plan").eq("pro"))).distribution([("small", 1.0), ("large", 0.5)]))
        .salt("2026")
        .tag("search")
        .tag("ui")
        .owner("search-team")
        .metadata("ticket", "S-1")
        .metadata("size", 3)
        .build()
        .unwrap();
    let read = Flag::from_value(&json!({
        "key": "page-size", "type": "number", "state": "on", "name": "Page size", "description": "How many hits a page has.",
        "variants": [{"key": "small", "weight": 3, "value": 20}, {"key": "large", "weight": 1, "value": 100}], "off_variant": "small",
        "rules": [
            {"id": "staff", "description": "always", "when": {"segment": "staff"}, "rollout": {"variant": "large"}},
            {"id": "half", "when": {"attr": {"plan": {"eq": "pro"}}, "percentage": 50},
             "rollout": {"distribution": [{"variant": "small", "weight": 1}, {"variant": "large", "weight": 0.5}]}},
        ],
        "salt": "2026", "tags": ["search", "ui"], "owner": "search-team", "metadata": {"ticket": "S-1", "size": 3},
    }))
    .unwrap();
    assert_eq!(built.to_value(), read.to_value());

    let built = Segment::builder("s").name("S").description("d").criteria(attr("a").eq(1)).included(["x"]).excluded(["y"]).build();
    let read =
        json!({"key": "s", "name": "S", "description": "d", "criteria": {"attr": {"a": {"eq": 1}}}, "included": ["x"], "excluded": ["y"]});
    assert_eq!(built.unwrap(), Segment::from_value(&read).unwrap());
    assert_eq!(Segment::builder("s").build().unwrap().criteria(), &Condition::nobody());
}

#[test]
fn faults_are_those_of_json_all_at_once() {
    let faults = Flag::builder("a flag", FlagType::String)
        .variant("a", -1.0, "a")
        .variant("a", 1.0, 5)
        .rule(rule("r").when(attr("").eq("x").and(percentage(101.0))).variant("nobody"))
        .rule(rule("r").when(attr("at").matches("(")))
        .metadata("list", json!([1]))
        .build()
        .unwrap_err();
    let mut found = pointers(&faults);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "/key",
            "/metadata/list",
            "/rules/0/when/attr/",
            "/rules/0/when/percentage",
            "/rules/1/rollout",
            "/rules/1/when/attr/at/matches",
            "/variants/0/weight"
        ]
    );
}

#[test]
fn a_number_that_json_does_not_know_is_refused_and_never_a_default() {
    let boolean = || Flag::builder("f", FlagType::Boolean);
    let number = || Flag::builder("f", FlagType::Number);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = [
            (boolean().rollout_percentage(bad).build(), "/rollout_percentage"),
            (number().variant("v", bad, 1).build(), "/variants/0/weight"),
            (number().variant("v", 1.0, bad).build(), "/variants/0/value"),
            (boolean().rule(rule("r").when(percentage(bad)).variant("on")).build(), "/rules/0/when/percentage"),
            (boolean().rule(rule("r").when(percentage(bad).by("org")).variant("on")).build(), "/rules/0/when/percentage/value"),
            (boolean().rule(rule("r").when(attr("a").eq(bad)).variant("on")).build(), "/rules/0/when/attr/a/eq"),
            (boolean().rule(rule("r").when(attr("a").is_in([bad])).variant("on")).build(), "/rules/0/when/attr/a/in/0"),
            (boolean().rule(rule("r").distribution([("on", bad)])).build(), "/rules/0/rollout/distribution/0/weight"),
            (boolean().metadata("m", bad).build(), "/metadata/m"),
        ];
        for (built, pointer) in refused {
            let faults = built.unwrap_err();
            assert_eq!(pointers(&faults), [pointer], "{bad}");
            let said = &faults.as_slice()[0].message;
            assert!(said.ends_with(&format!("got {bad}")) || said.contains("null, which also stands for NaN and infinity"), "{said}");
        }
    }
}

#[test]
fn a_fault_says_what_is_wrong_and_nothing_else() {
    let flag = |document: serde_json::Value| Flag::from_value(&document).unwrap_err().to_string();
    let null = "null, which also stands for NaN and infinity";
    for (kind, value, said) in [
        ("json", json!(null), format!("/variants/0/value: is required for a json flag; {null}, is no value")),
        ("number", json!(null), format!("/variants/0/value: is required for a number flag; {null}, is no value")),
        ("number", json!("NaN"), "/variants/0/value: does not fit the flag's type, number".to_owned()),
    ] {
        assert_eq!(flag(json!({"key": "f", "type": kind, "variants": [{"key": "a", "weight": 1, "value": value}]})), said);
    }
    assert_eq!(
        flag(json!({"key": "f", "type": "json", "variants": [{"key": "a", "weight": 1}]})),
        "/variants/0/value: is required for a json flag"
    );
    // A text flag's variant has its key as value, said or unsaid.
    let text = Flag::from_value(&json!({"key": "f", "variants": [{"key": "a", "weight": 1, "value": null}]})).unwrap();
    assert_eq!(text.variants()[0].value, "a");

    let rolled_out = |rollout: serde_json::Value| flag(json!({"key": "f", "type": "boolean", "rules": [{"rollout": rollout}]}));
    assert_eq!(rolled_out(json!({"distribution": []})), "/rules/0/rollout/distribution: must have at least one variant");
    assert_eq!(
        rolled_out(json!({"distribution": [{"variant": "on", "weight": 0}]})),
        "/rules/0/rollout/distribution: the weights must not all be 0"
    );
    assert_eq!(
        Flag::builder("f", FlagType::Boolean).rollout_percentage(f64::NAN).build().unwrap_err().to_string(),
        "/rollout_percentage: expected a number, got NaN"
    );
    assert_eq!(
        flag(json!({"key": "f", "type": "boolean", "rollout_percentage": "5"})),
        "/rollout_percentage: expected a number, got a string"
    );
}

#[test]
fn a_condition_that_was_read_goes_into_what_is_built() {
    let read = Condition::from_json(r#"{"attr": {"country": ["CA", "US"]}}"#).unwrap();
    let built = ConditionBuilder::from(&read).and(segment("s")).build().unwrap();
    assert_eq!(built.to_value(), json!({"attr": {"country": ["CA", "US"]}, "segment": "s"}));
}

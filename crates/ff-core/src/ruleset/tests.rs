use super::*;
use crate::{AttributeValue, Timestamp, User};
use serde_json::{Value, json};

fn flag(key: &str, when: Value) -> Flag {
    let rules = json!([{"id": "r", "when": when, "rollout": {"variant": "on"}}]);
    Flag::from_value(&json!({"key": key, "type": "boolean", "state": "on", "rollout_percentage": 0, "rules": rules})).unwrap()
}

fn segment(key: &str, criteria: Value) -> Segment {
    Segment::from_value(&json!({"key": key, "criteria": criteria})).unwrap()
}

fn compile(flags: &[Flag], segments: &[Segment]) -> Result<Ruleset, Faults> {
    Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, flags, segments)
}

fn is_on(ruleset: &Ruleset, key: &str) -> Option<bool> {
    let user = User::new("u").unwrap().with("a", 1);
    ruleset.evaluate(key, &user, Timestamp::EPOCH).and_then(|answer| answer.value().as_bool())
}

fn in_use(result: Result<Ruleset, Error>) -> String {
    match result {
        Err(Error::InUse { message, .. }) => message,
        other => panic!("expected somebody to be in the way, got {other:?}"),
    }
}

#[test]
fn every_fault_of_a_set_is_listed_with_its_place() {
    let flags = [
        flag("a", json!({"segment": "gone"})),
        flag("b", json!({"all": [{}, {"flag": {"key": "c", "variant": "blue"}}]})),
        flag("c", json!({})),
        flag("c", json!({})),
    ];
    let faults = compile(&flags, &[segment("s", json!({"segment": ["t", "gone"]})), segment("t", json!({}))]).unwrap_err();
    let listed: Vec<_> = faults.as_slice().iter().map(|f| f.pointer.as_str()).collect();
    assert_eq!(
        listed,
        ["/segments/0/criteria/segment/1", "/flags/0/rules/0/when/segment", "/flags/3/key", "/flags/1/rules/0/when/all/1/flag"]
    );
}

#[test]
fn cycles_of_prerequisites_and_of_segments_are_refused_and_shown() {
    let needs = |key: &str| json!({"flag": {"key": key, "variant": "on"}});
    let faults = compile(&[flag("a", needs("b")), flag("b", needs("c")), flag("c", needs("a"))], &[]).unwrap_err();
    assert!(faults.to_string().contains("flag `a` → flag `b` → flag `c` → flag `a`"), "{faults}");
    let faults = compile(&[], &[segment("s", json!({"not": {"segment": "t"}})), segment("t", json!({"segment": "s"}))]).unwrap_err();
    assert!(faults.to_string().contains("circle"), "{faults}");
    assert!(compile(&[flag("a", needs("a"))], &[]).is_err());
    // Through a segment and back.
    assert!(compile(&[flag("a", json!({"segment": "s"}))], &[segment("s", needs("a"))]).is_err());
}

#[test]
fn changes_one_by_one_come_to_the_same_as_compiling_anew() {
    let segments = [segment("s", json!({"attr": {"a": 1}}))];
    let flags: Vec<_> =
        (0..300).map(|i| flag(&format!("f{i}"), if i % 2 == 0 { json!({"segment": "s"}) } else { json!({"attr": {"a": 2}}) })).collect();
    let fresh = compile(&flags, &segments).unwrap();
    let mut grown = compile(&[], &[]).unwrap().with_segment(2, &segments[0]).unwrap();
    for (i, flag) in flags.iter().enumerate() {
        grown = grown.with_flag(3 + i as u64, flag).unwrap();
    }
    assert_eq!((grown.len(), grown.revision()), (300, 302));
    for flag in &flags {
        assert_eq!(is_on(&grown, flag.key.as_str()), is_on(&fresh, flag.key.as_str()));
    }
    let reduced = flags.iter().fold(grown, |ruleset, flag| ruleset.without_flag(400, &flag.key).unwrap());
    assert!(reduced.is_empty() && is_on(&reduced, "f0").is_none());
}

#[test]
fn a_changed_segment_changes_every_flag_that_names_it_and_readers_of_the_old_ruleset_go_on() {
    let before = compile(
        &[flag("f", json!({"segment": "outer"}))],
        &[segment("outer", json!({"segment": "s"})), segment("s", json!({"attr": {"a": 1}}))],
    )
    .unwrap();
    let after = before.with_segment(2, &segment("s", json!({"attr": {"a": 2}}))).unwrap();
    assert_eq!((is_on(&before, "f"), is_on(&after, "f")), (Some(true), Some(false)));
}

#[test]
fn what_others_need_cannot_be_taken_away() {
    let needs = flag("needs", json!({"flag": {"key": "base", "variant": "on"}}));
    let ruleset = compile(&[needs, flag("base", json!({})), flag("uses", json!({"segment": "s"}))], &[segment("s", json!({}))]).unwrap();
    assert_eq!(in_use(ruleset.without_flag(2, &"base".parse().unwrap())), "flag `base` is used by flag `needs`");
    assert_eq!(in_use(ruleset.without_segment(2, &"s".parse().unwrap())), "segment `s` is used by flag `uses`");
    let without_on = Flag::from_value(&json!({"key": "base", "variants": [{"key": "blue", "weight": 1}]})).unwrap();
    assert_eq!(in_use(ruleset.with_flag(2, &without_on)), "flag `needs` would break: flag `base` has no variant `on`");
    let free = ruleset.without_flag(2, &"uses".parse().unwrap()).unwrap();
    assert!(free.without_segment(3, &"s".parse().unwrap()).is_ok());
}

#[test]
fn a_slot_that_a_removed_segment_left_is_used_again() {
    let mut ruleset =
        compile(&[flag("f", json!({"segment": "kept"}))], &[segment("gone", json!({"any": []})), segment("kept", json!({}))]).unwrap();
    for round in 0..5 {
        ruleset = ruleset
            .without_segment(round, &"gone".parse().unwrap())
            .unwrap()
            .with_segment(round, &segment("gone", json!({"any": []})))
            .unwrap();
    }
    assert_eq!(is_on(&ruleset, "f"), Some(true));
    let ruleset =
        ruleset.without_segment(9, &"gone".parse().unwrap()).unwrap().with_segment(9, &segment("new", json!({"segment": "kept"}))).unwrap();
    assert_eq!(is_on(&ruleset.with_flag(10, &flag("f", json!({"segment": "new"}))).unwrap(), "f"), Some(true));
}

#[test]
fn a_segment_never_takes_the_place_of_another_one_that_was_removed() {
    let (nobody, everybody) = (segment("nobody", json!({"any": []})), segment("everybody", json!({})));
    let ruleset = compile(&[flag("f", json!({"segment": "nobody"}))], std::slice::from_ref(&nobody)).unwrap();
    let key = nobody.key.clone();
    let segments = ruleset.segments().without([&key]).with(&everybody).unwrap().with(&nobody).unwrap();
    assert_eq!(is_on(&ruleset.with_segments(2, segments).unwrap(), "f"), Some(false));
    // The same segments, compiled apart and in another order, have other places.
    let apart = compile(&[], &[everybody, nobody]).unwrap();
    assert_eq!(ruleset.with_segments(2, apart.segments().clone()).unwrap_err(), Error::Unrelated);
}

#[test]
fn several_changes_of_segments_at_once_come_to_the_same_as_one_by_one() {
    let (outer, inner) = (segment("outer", json!({"segment": "inner"})), segment("inner", json!({})));
    let ruleset = compile(&[], &[outer.clone(), inner.clone()]).unwrap();
    let both_gone = ruleset.segments().without([&outer.key, &inner.key]);
    assert_eq!(ruleset.with_segments(2, both_gone).unwrap().segments().keys().count(), 0);
    let freed = ruleset.segments().with(&segment("outer", json!({}))).unwrap().without([&inner.key]);
    assert!(ruleset.with_segments(2, freed).is_ok());
    assert!(ruleset.with_segments(2, ruleset.segments().without([&inner.key])).is_err());
}

#[test]
fn a_segment_that_names_a_rejected_one_is_rejected_too() {
    let all = [segment("a", json!({"segment": "b"})), segment("b", json!({"segment": "gone"})), segment("c", json!({}))];
    let (segments, rejected) = Segments::compile_valid("acme".parse().unwrap(), all.iter());
    assert_eq!(rejected.iter().map(|r| r.entity.to_string()).collect::<Vec<_>>(), ["segment `b`", "segment `a`"]);
    assert_eq!(segments.keys().map(SegmentKey::as_str).collect::<Vec<_>>(), ["c"]);
}

#[test]
fn a_change_lists_unknown_segments_and_flags_together_and_each_in_its_place() {
    let ruleset = compile(&[], &[]).unwrap();
    let both = flag("f", json!({"all": [{"segment": "s"}, {"flag": {"key": "g", "variant": "on"}}]}));
    let Error::Invalid(faults) = ruleset.with_flag(2, &both).unwrap_err() else { panic!("faults") };
    let pointers: Vec<_> = faults.as_slice().iter().map(|f| f.pointer.as_str()).collect();
    assert_eq!(pointers, ["/rules/0/when/all/0/segment", "/rules/0/when/all/1/flag"]);
    let named = segment("s", json!({"all": [{"flag": {"key": "g", "variant": "on"}}]}));
    let Error::Invalid(faults) = ruleset.with_segment(2, &named).unwrap_err() else { panic!("faults") };
    assert_eq!(faults.as_slice()[0].pointer, "/criteria/all/0/flag");
}

#[test]
fn a_flag_that_was_built_wrong_in_code_is_refused() {
    let right = flag("f", json!({}));
    let broken: [fn(&mut Flag); 4] = [
        |flag| flag.variants.clear(),
        |flag| flag.off_variant = "gone".parse().unwrap(),
        |flag| flag.rules[0].rollout = crate::Rollout::Variant("gone".parse().unwrap()),
        |flag| flag.variants.iter_mut().for_each(|v| v.weight = crate::Weight::ZERO),
    ];
    for breaks in broken {
        let mut flag = right.clone();
        breaks(&mut flag);
        assert!(compile(&[flag.clone()], &[]).is_err(), "{flag:?}");
    }
    let mut deep = right;
    for _ in 0..20 {
        let inner = std::mem::take(&mut deep.rules[0].when);
        deep.rules[0].when = crate::Condition { clauses: vec![crate::model::Clause::Not(Box::new(inner))] };
    }
    assert!(compile(&[deep], &[]).unwrap_err().to_string().contains("at most 16 deep"));
}

#[test]
fn an_explanation_of_a_great_many_tests_is_cut_and_says_so() {
    let tests: Vec<_> = (0..1_900).map(|i| json!({"attr": {"x": i}})).collect();
    let ruleset = compile(&[flag("f", json!({"not": {"any": tests}}))], &[]).unwrap();
    let user = User::new("u").unwrap();
    let explanation = ruleset.explain("f", &user, Timestamp::EPOCH).unwrap();
    assert!(explanation.is_cut && explanation.evaluation.rule_id().is_some());
    assert!(serde_json::to_string(&explanation).unwrap().len() < 200_000);
}

#[test]
fn sixteen_segments_may_stand_behind_one_another_and_no_more() {
    // The last one first, so that the whole chain is walked at once.
    let chain = |length: usize| -> Vec<_> {
        let link = |i| segment(&format!("c{i:02}"), if i == 0 { json!({}) } else { json!({"segment": format!("c{:02}", i - 1)}) });
        (0..length).rev().map(link).collect()
    };
    for upwards in [false, true] {
        let [mut right, mut deep] = [chain(17), chain(18)];
        if upwards {
            right.reverse();
            deep.reverse();
        }
        compile(&[], &right).unwrap();
        assert!(compile(&[], &deep).unwrap_err().to_string().contains("at most 16 segments"));
    }
}

#[test]
fn an_evaluation_may_take_ten_thousand_steps_and_no_more() {
    let many = segment("many", json!({"all": vec![json!({}); 1_800]}));
    let first_refused = (0..1_800).find_map(|more| {
        let names = vec![json!({"segment": "many"}); 5];
        let parts: Vec<_> = names.into_iter().chain(vec![json!({}); more + 900]).collect();
        compile(&[flag("f", json!({ "all": parts }))], std::slice::from_ref(&many)).err()
    });
    let refused = first_refused.expect("it grows by one step a time, up to twice the bound").to_string();
    assert!(refused.contains("this takes 10001"), "{refused}");
}

#[test]
fn the_work_of_an_evaluation_is_bounded_however_segments_are_stacked() {
    // Each level names the one below nineteen times: 19 × 19 × 19 × 19 steps.
    let mut segments = vec![segment("s0", json!({}))];
    for level in 1..=4 {
        let names = vec![json!({"segment": format!("s{}", level - 1)}); 19];
        segments.push(segment(&format!("s{level}"), json!({ "all": names })));
    }
    let faults = compile(&[], &segments).unwrap_err();
    assert!(faults.to_string().contains("at most 10000 steps"), "{faults}");
    let chain: Vec<_> = (0..20)
        .map(|i| segment(&format!("c{i:02}"), if i == 0 { json!({}) } else { json!({"segment": format!("c{:02}", i - 1)}) }))
        .collect();
    assert!(compile(&[], &chain).unwrap_err().to_string().contains("at most 16"));
    // A change below must not push those above over the bound.
    let ruleset = compile(&[], &segments[..3]).unwrap();
    let wide: Vec<_> = (0..50).map(|_| json!({})).collect();
    assert!(in_use(ruleset.with_segment(2, &segment("s0", json!({ "all": wide })))).contains("would break"));
}

#[test]
fn one_bad_row_takes_only_its_dependents_down() {
    let flags = [flag("a", json!({"flag": {"key": "b", "variant": "on"}})), flag("b", json!({"segment": "gone"})), flag("c", json!({}))];
    let (ruleset, rejected) =
        Ruleset::compile_valid(EnvironmentKey::production(), 1, flags.iter(), Segments::none("acme".parse().unwrap()));
    assert_eq!(rejected.iter().map(|r| r.entity.to_string()).collect::<Vec<_>>(), ["flag `b`", "flag `a`"]);
    assert_eq!((ruleset.len(), is_on(&ruleset, "c")), (1, Some(true)));
}

#[test]
fn a_ruleset_can_be_shared_between_threads() {
    fn check<T: Send + Sync + Clone>() {}
    check::<Ruleset>();
    check::<User>();
}

/// Enough rules on one attribute for an index.
fn indexed(last: serde_json::Value) -> Ruleset {
    let mut rules: Vec<_> = (0..8)
        .map(|i| json!({"id": format!("r{i}"), "when": {"attr": {"country": format!("C{i}")}}, "rollout": {"variant": "on"}}))
        .collect();
    rules.push(json!({"id": "last", "when": last, "rollout": {"variant": "on"}}));
    let flag = json!({"key": "f", "type": "boolean", "state": "on", "rollout_percentage": 0, "rules": rules});
    compile(&[Flag::from_value(&flag).unwrap()], &[]).unwrap()
}

#[test]
fn an_index_leaves_out_no_rule_that_would_have_asked_a_percentage() {
    let now = Timestamp::from_millis(0);
    let user = User::new("u").unwrap().with("country", "XX");
    for (when, is_asked) in [
        (json!({"all": [{"percentage": 0}, {"attr": {"country": "DE"}}]}), true),
        (json!({"all": [{"attr": {"country": "DE"}}, {"percentage": 0}]}), false),
        (json!({"all": [{"any": [{"percentage": 0}]}, {"any": []}]}), true),
        (json!({"any": [{"attr": {"country": "DE"}, "percentage": 0}, {"attr": {"country": "FR"}}]}), false),
    ] {
        let ruleset = indexed(when.clone());
        assert!(ruleset.flag("f").unwrap().index.is_some());
        let answer = ruleset.evaluate("f", &user, now).unwrap();
        assert_eq!(answer.percentage_bucket().is_some(), is_asked, "{when}");
        assert_eq!(ruleset.explain("f", &user, now).unwrap().evaluation.percentage_bucket(), answer.percentage_bucket());
    }
}

#[test]
fn an_index_of_as_many_rules_as_there_may_be_finds_each_of_them() {
    let rules: Vec<_> = (0..crate::limits::RULES_MAX)
        .map(|i| json!({"id": format!("r{i}"), "when": {"attr": {"country": format!("C{i}")}}, "rollout": {"variant": "on"}}))
        .collect();
    let flag = json!({"key": "f", "type": "boolean", "state": "on", "rollout_percentage": 0, "rules": rules});
    let ruleset = compile(&[Flag::from_value(&flag).unwrap()], &[]).unwrap();
    assert!(ruleset.flag("f").unwrap().index.is_some());
    for i in 0..crate::limits::RULES_MAX {
        let later: Vec<AttributeValue> = [i + 130, i + 63, i, i + 64].iter().map(|i| format!("C{i}").into()).collect();
        let user = User::new("u").unwrap().with("country", later);
        let found = ruleset.evaluate("f", &user, Timestamp::EPOCH).unwrap();
        assert_eq!(found.rule_id().map(|id| id.to_string()), Some(format!("r{i}")), "the first of several that hold");
    }
}

#[test]
fn an_explanation_shows_every_rule_tried_with_an_index_or_without() {
    let ruleset = indexed(json!({"attr": {"plan": "pro"}}));
    let now = Timestamp::from_millis(0);
    let tried =
        |user: &User| ruleset.explain("f", user, now).unwrap().rules.iter().map(|rule| rule.rule_id.to_string()).collect::<Vec<_>>();
    let [nobody, third] = ["XX", "C2"].map(|country| tried(&User::new("u").unwrap().with("country", country)));
    assert_eq!(nobody, ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "last"]);
    assert_eq!(third, ["r0", "r1", "r2"]);
}

#[test]
fn an_index_finds_each_rule_that_any_of_the_users_values_leads_to() {
    let now = Timestamp::from_millis(0);
    let ruleset = indexed(json!({"attr": {"country": ["DE", "FR"]}, "user_id": "u"}));
    let rule = |user: &User| ruleset.evaluate("f", user, now).unwrap().rule_id().map(|id| id.as_str().to_owned());
    let user = |country: AttributeValue| User::new("u").unwrap().with("country", country);
    assert_eq!(rule(&user("C5".into())).as_deref(), Some("r5"));
    assert_eq!(rule(&user("FR".into())).as_deref(), Some("last"));
    assert_eq!(rule(&user(["DE", "C3", "C7"].into())).as_deref(), Some("r3"));
    let more_than_there_are_rules = |text: &str| (0..50).map(|i| format!("X{i}")).chain([text.to_owned()]).collect();
    assert_eq!(rule(&user(more_than_there_are_rules("C6"))).as_deref(), Some("r6"));
    assert_eq!(rule(&user(more_than_there_are_rules("FR"))).as_deref(), Some("last"));
    assert_eq!(rule(&user(more_than_there_are_rules("C8"))), None);
    assert_eq!(rule(&user(3.0.into())), None);
    assert_eq!(rule(&User::new("v").unwrap().with("country", "DE")), None);
}

#[test]
fn a_ruleset_says_whose_it_is_and_what_is_in_it() {
    let ruleset = compile(&[flag("f", json!({"segment": "s"}))], &[segment("s", json!({}))]).unwrap();
    assert_eq!((ruleset.tenant().as_str(), ruleset.environment().as_str(), ruleset.revision()), ("acme", "production", 1));
    assert!(ruleset.contains("f") && !ruleset.contains("g") && !ruleset.is_empty() && ruleset.len() == 1);
    assert_eq!(ruleset.flag_keys().map(|key| key.as_str()).collect::<Vec<_>>(), ["f"]);
    assert_eq!(ruleset.segments().keys().map(|key| key.as_str()).collect::<Vec<_>>(), ["s"]);
    assert_eq!(ruleset.at_revision(7).revision(), 7);
    assert!(compile(&[], &[]).unwrap().is_empty());
}

#[test]
fn every_form_of_a_demanded_equality_is_indexed() {
    for when in [
        |i: usize| json!({"attr": {"country": format!("C{i}")}}),
        |i: usize| json!({"attr": {"country": [format!("C{i}"), format!("D{i}")]}}),
        |i: usize| json!({"attr": {"country": format!("C{i}")}, "user_id": "u"}),
        |i: usize| json!({"any": [{"attr": {"country": format!("C{i}")}}, {"attr": {"country": format!("D{i}")}}]}),
        |i: usize| json!({"all": [{"user_id": "u"}, {"attr": {"country": format!("C{i}")}}]}),
        |i: usize| json!({"all": [{"attr": {"country": format!("C{i}")}, "percentage": 50}, {}]}),
    ] {
        let rules: Vec<_> = (0..8).map(|i| json!({"when": when(i), "rollout": {"variant": "on"}})).collect();
        let flag = json!({"key": "f", "type": "boolean", "state": "on", "rules": rules});
        let ruleset = compile(&[Flag::from_value(&flag).unwrap()], &[]).unwrap();
        assert!(ruleset.flag("f").unwrap().index.is_some(), "{}", when(0));
    }
}

#[test]
fn a_rule_is_found_by_each_of_its_texts_however_many_it_lists() {
    for (texts, is_indexed) in [(1, true), (15, true), (16, true), (17, false), (18, false), (40, false)] {
        let text = |rule: usize, i: usize| format!("C{rule}-{i}");
        let listed = |rule: usize| (0..texts).map(|i| text(rule, i)).collect::<Vec<_>>();
        let rules: Vec<_> = (0..8)
            .map(|rule| json!({"id": format!("r{rule}"), "when": {"attr": {"country": listed(rule)}}, "rollout": {"variant": "on"}}))
            .collect();
        let flag = json!({"key": "f", "type": "boolean", "state": "on", "rollout_percentage": 0, "rules": rules});
        let ruleset = compile(&[Flag::from_value(&flag).unwrap()], &[]).unwrap();
        assert_eq!(ruleset.flag("f").unwrap().index.is_some(), is_indexed, "{texts} texts");
        for (rule, i) in (0..8).flat_map(|rule| (0..texts).map(move |i| (rule, i))) {
            let user = User::new("u").unwrap().with("country", text(rule, i));
            let found = ruleset.evaluate("f", &user, Timestamp::EPOCH).unwrap();
            assert_eq!(found.rule_id().map(|id| id.to_string()), Some(format!("r{rule}")), "text {i} of {texts}");
        }
    }
}

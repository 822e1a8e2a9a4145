//! What would have to be otherwise besides attributes.

use super::*;
use crate::Requirement;

#[test]
fn what_is_no_attribute_is_named_as_what_would_have_to_be() {
    let needs = |when: &Value, attributes: &Value| {
        let segments = [
            json!({"key": "beta", "included": ["ada", "bob"], "excluded": ["u", "bob"], "criteria": {}}),
            json!({"key": "vip", "included": ["eve"]}),
        ];
        let ruleset = compile(&[flag("f", &json!([rule("r", when)]))], &segments);
        let told = why_not(&ruleset, &user(attributes));
        assert_eq!(told["remedy"], "out_of_reach", "{told}");
        told
    };
    let segment = needs(&json!({"segment": "beta"}), &json!({}));
    assert_eq!(
        segment["needs"],
        json!([{"need": "user_id", "because": "it would have to be another user: one not in the excluded list of segment `beta`"}])
    );
    assert_eq!(segment["is_certain"], true);
    let listed = needs(&json!({"segment": "vip", "attr": {"a": 1}}), &json!({}));
    assert_eq!((&listed["needs"][0]["example"], &listed["changes"][0]["attribute"]), (&json!("eve"), &json!("a")));
    assert_eq!(listed["needs"][0]["because"], "it would have to be another user: one in the included list of segment `vip`, such as `eve`");
    let id = needs(&json!({"user_id": {"starts_with": "x"}}), &json!({}));
    assert_eq!(id["needs"][0]["example"], "x");

    let share = needs(&json!({"percentage": 0.5}), &json!({}));
    let need = &share["needs"][0];
    assert_eq!(
        (&need["need"], &need["from"], &need["below"], &share["is_certain"]),
        (&json!("bucket"), &json!(0.0), &json!(0.005), &json!(true))
    );
    assert!(
        need["because"]
            .as_str()
            .unwrap()
            .starts_with("the bucket would have to be one below 0.005 (0.5 %), as another user id may have; this user's is 0.")
    );
    let of_org = needs(&json!({"percentage": {"value": 50, "by": "org"}}), &json!({}));
    assert_eq!((&of_org["needs"][0]["by"], &of_org["needs"][0]["bucket"]), (&json!("org"), &Value::Null));

    let window = needs(&json!({"time": {"after": "2027-01-01T00:00:00Z"}}), &json!({}));
    assert_eq!(
        window["needs"],
        json!([{
            "need": "instant", "at": "2027-01-01T00:00:00Z", "because": "it would have to be 2027-01-01T00:00:00Z; it is 2026-11-21T08:00:00Z"
        }])
    );
    let never = needs(&json!({"time": {"after": "2027-01-01T00:00:00Z"}, "not": {"time": {"after": "2026-12-01T00:00:00Z"}}}), &json!({}));
    assert_eq!(never["needs"], json!([]));
}

#[test]
fn a_growing_percentage_is_met_when_it_passes_the_bucket() {
    let when = json!({"percentage": {"from": {"value": 0, "at": NOW}, "to": {"value": 100, "at": "2026-11-22T08:00:00Z"}}});
    let ruleset = compile(&[flag("f", &json!([rule("r", &when)]))], &[]);
    let user = user(&json!({}));
    let explanation = ruleset.explain_rule("f", "r", &user, now()).unwrap();
    let test = serde_json::to_value(&explanation.rules[0].tests[0]).unwrap();
    let turns_at: Timestamp = test["turns_at"].as_str().unwrap().parse().unwrap();
    let Remedy::OutOfReach { needs, .. } = &explanation.why_not[0].remedy else { panic!("{:?}", explanation.why_not) };
    assert_eq!(needs[0].what, Requirement::Instant { at: turns_at });
    let decided = |at| ruleset.evaluate("f", &user, at).unwrap().rule_id().is_some();
    assert!(decided(turns_at) && !decided(Timestamp::from_nanos(turns_at.as_nanos() - 1)));
    assert!(
        explanation.rules[0].because.ends_with(&format!("; the percentage passes it at {turns_at}")),
        "{}",
        explanation.rules[0].because
    );
}

#[test]
fn another_flag_is_followed_into_its_rules_and_named_where_that_does_not_help() {
    let other = |rules: &Value| flag("other", rules);
    let wants_on = || flag("f", &json!([rule("r", &json!({"flag": {"key": "other", "variant": "on"}}))]));
    let by_country = compile(&[other(&json!([rule("ca", &json!({"attr": {"country": "CA"}}))])), wants_on()], &[]);
    assert_eq!(why_not(&by_country, &user(&json!({})))["changes"][0]["to"], "CA");
    let off_first = json!([{"id": "no", "when": {"attr": {"b": 1}}, "rollout": {"variant": "off"}}, rule("yes", &json!({}))]);
    assert_eq!(why_not(&compile(&[other(&off_first), wants_on()], &[]), &user(&json!({"b": 1})))["changes"][0]["action"], "remove");

    let closed = compile(&[other(&json!([])), wants_on()], &[]);
    let told = why_not(&closed, &user(&json!({})));
    assert_eq!(
        told["needs"],
        json!([{
            "need": "flag", "flag_key": "other", "variant": "off", "wanted": "on", "because": "flag `other` would have to give `on`; it gives `off`"
        }])
    );
}

#[test]
fn a_flag_that_is_off_would_have_to_be_on() {
    let mut off = flag("f", &json!([rule("r", &json!({"attr": {"a": 1}}))]));
    off.state = crate::State::Off;
    let told = why_not(&compile(&[off], &[]), &user(&json!({})));
    assert_eq!((&told["needs"][0]["need"], &told["changes"][0]["to"], &told["is_certain"]), (&json!("flag_on"), &json!(1), &json!(true)));
    assert_eq!(
        told["summary"],
        "rule `r` cannot decide by a change of attributes alone: flag `f` would have to be on; and it would decide only if the user had a `1`"
    );
}

#[test]
fn a_bucket_is_measured_at_the_time_that_is_needed_too() {
    let growing = json!({"from": {"value": 0.1, "at": "2026-11-20T08:00:00Z"}, "to": {"value": 0.2, "at": "2026-12-01T00:00:00Z"}});
    let later =
        json!({"any": [{"time": {"after": "2026-12-01T00:00:00Z"}}, {"time": {"after": "2027-01-01T00:00:00Z"}}, {"user_id": "x"}]});
    let ruleset = compile(&[flag("f", &json!([rule("r", &json!({"all": [{"percentage": growing}, later]}))]))], &[]);
    let told = why_not(&ruleset, &user(&json!({})));
    let needs = told["needs"].as_array().unwrap();
    let bucket = needs.iter().find(|need| need["need"] == "bucket").unwrap();
    assert!((bucket["below"].as_f64().unwrap() - 0.002).abs() < 1e-9, "{told}");
    assert!(needs.len() == 2 && needs.iter().any(|need| need["at"] == "2026-12-01T00:00:00Z"), "{told}");
}

#[test]
fn what_is_not_certain_is_not_said_as_if_it_were() {
    let by = json!({"percentage": {"value": 0.5, "by": "org"}});
    let ruleset = compile(&[flag("f", &json!([rule("r", &by)]))], &[]);
    let told = why_not(&ruleset, &user(&json!({"org": "acme"})));
    assert_eq!(told["is_certain"], false);
    let summary = told["summary"].as_str().unwrap();
    assert!(summary.starts_with("rule `r` is not known to decide by any change of attributes alone: the bucket would have"), "{summary}");
}

#[test]
fn buckets_of_another_value_are_named_with_what_else_is_asked_of_it() {
    let whys = |parts: Value, segments: &[Value], attributes: &Value| {
        let ruleset = compile(&[flag("f", &json!([rule("r", &json!({"all": parts}))]))], segments);
        why_not(&ruleset, &user(attributes))
    };
    let named = |told: &Value| {
        let needs = told["needs"].as_array().unwrap().iter();
        needs.map(|need| need["need"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (begins, share) = (json!({"attr": {"org": {"starts_with": "ac"}}}), json!({"percentage": {"value": 0.0001, "by": "org"}}));
    for parts in [json!([begins, share]), json!([share, begins])] {
        for attributes in [json!({}), json!({"org": "acme"})] {
            let told = whys(parts.clone(), &[], &attributes);
            assert_eq!((named(&told), &told["changes"]), (vec!["attribute".to_owned(), "bucket".to_owned()], &json!([])), "{told}");
            assert_eq!(told["is_certain"], false);
        }
    }
    // Of the ids of a list each has its bucket; another id than the one that is asked for is none.
    let vip = [json!({"key": "vip", "included": ["eve", "ada"]})];
    for (share, found) in [(json!(0.0001), vec![]), (json!(100), vec!["user_id".to_owned()])] {
        let told = whys(json!([{"percentage": share}, {"segment": "vip"}]), &vip, &json!({}));
        assert_eq!((named(&told), &told["is_certain"]), (found, &json!(true)), "{told}");
    }
    let own = whys(json!([{"percentage": 0.0001}, {"user_id": "u"}]), &[], &json!({}));
    assert_eq!((named(&own), &own["is_certain"]), (vec![], &json!(true)), "{own}");
    // Of each salt a bucket of its own.
    let salted = |salt: &str| json!({"percentage": {"value": 0.1, "by": "org", "salt": salt}});
    assert_eq!(named(&whys(json!([salted("a"), salted("b")]), &[], &json!({}))), ["bucket", "bucket"]);
}

#[test]
fn a_growing_percentage_passes_the_bucket_of_a_value_that_is_to_be_set() {
    let growing = json!({"percentage": {
        "from": {"value": 0, "at": NOW}, "to": {"value": 100, "at": "2026-11-22T08:00:00Z"}, "by": "org"
    }});
    let ruleset = compile(&[flag("f", &json!([rule("r", &json!({"all": [growing, {"attr": {"org": "acme"}}]}))]))], &[]);
    let user = user(&json!({}));
    let explanation = ruleset.explain_rule("f", "r", &user, now()).unwrap();
    let Remedy::OutOfReach { needs, changes, is_certain: true } = &explanation.why_not[0].remedy else {
        panic!("{:?}", explanation.why_not)
    };
    let ([need], [change]) = (needs.as_slice(), changes.as_slice()) else { panic!("{needs:?} {changes:?}") };
    let Requirement::Instant { at } = need.what else { panic!("{need:?}") };
    let changed = change.apply(user.clone());
    let decided = |at| ruleset.evaluate("f", &changed, at).unwrap().rule_id().is_some();
    assert!(decided(at) && !decided(Timestamp::from_nanos(at.as_nanos() - 1)), "{need:?}");
}

#[test]
fn a_percentage_behind_many_rules_about_its_attribute_is_told_by_its_bucket_alone() {
    let mut rules: Vec<_> = (0..200).map(|i| rule(&format!("r{i}"), &json!({"attr": {"org": format!("org-{i}")}}))).collect();
    let share = rule("share", &json!({"percentage": {"value": 0.1, "by": "org"}}));
    rules.push(share.clone());
    let told = why_not(&compile(&[flag("f", &json!(rules))], &[]), &user(&json!({})));
    let needs = told["needs"].as_array().unwrap();
    assert_eq!((needs.len(), &needs[0]["need"], &told["is_certain"]), (1, &json!("bucket"), &json!(false)), "{told}");
    // Whatever has a bucket is there.
    let there = json!([rule("any", &json!({"attr": {"org": {"exists": true}}})), share]);
    let told = why_not(&compile(&[flag("f", &there)], &[]), &user(&json!({})));
    assert_eq!((&told["remedy"], &told["is_certain"]), (&json!("out_of_reach"), &json!(true)), "{told}");
}

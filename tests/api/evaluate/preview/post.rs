//! `POST /v1/evaluate/preview`.

use serde_json::{Value, json};

use crate::harness::{each, each_own};
use crate::sample::{at, boolean, environment, everything, on_when, text, with};

#[test]
fn it_explains_what_evaluation_says() {
    let rules = json!([
        {"id": "staff", "when": {"segment": "staff"}, "rollout": {"variant": "a"}},
        {"id": "ca", "when": {"attr": {"country": "CA", "age": {"gte": 18}}},
         "rollout": {"distribution": [{"variant": "a", "weight": 1}, {"variant": "b", "weight": 3}]}},
        {"id": "rest", "when": {}, "rollout": {"variant": "b"}},
    ]);
    each(|api| {
        api.post("/v1/segments", &json!({"key": "staff", "included": ["boss"]})).created();
        api.post("/v1/flags", &with(text("f"), json!({"rules": rules}))).created();
        for user in [
            json!({"id": "boss"}),
            json!({"id": "u", "attributes": {"country": "CA", "age": 20}}),
            json!({"id": "u", "attributes": {"country": "US"}}),
        ] {
            let asked = json!({"flag_key": "f", "user": user});
            let preview = api.post("/v1/evaluate/preview", &asked).ok();
            assert_eq!(preview["evaluation"], api.post("/v1/evaluate", &asked).ok());
        }
        let preview = api
            .post("/v1/evaluate/preview", &json!({"flag_key": "f", "user": {"id": "u", "attributes": {"country": "CA", "age": 20}}}))
            .ok();
        let tried: Vec<_> = preview["rules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| (rule["rule_id"].as_str().unwrap(), rule["holds"].as_bool().unwrap()))
            .collect();
        assert_eq!(tried, [("staff", false), ("ca", true)], "every rule tried, and none behind the one that held");
        let shown = preview["rules"][1]["tests"].to_string();
        for piece in
            [r#""attribute":"age""#, r#""operator":"gte""#, r#""operand":18"#, r#""value":20"#, r#""holds":true"#, r#""operand":"CA""#]
        {
            assert!(shown.contains(piece), "{piece} in {shown}");
        }
        assert_eq!(preview["distribution"]["bucket"], preview["evaluation"]["details"]["bucket"]);
        assert_eq!(
            preview["distribution"]["shares"],
            json!([{"variant": "a", "from": 0.0, "to": 0.25}, {"variant": "b", "from": 0.25, "to": 1.0}])
        );
    });
}

#[test]
fn a_draft_is_explained_and_not_stored() {
    each(|api| {
        api.post("/v1/segments", &json!({"key": "s", "included": ["u"]})).created();
        api.post("/v1/flags", &boolean("other")).created();
        let before = everything(api);
        let draft = on_when("draft", json!({"segment": "s", "flag": {"key": "other", "variant": "on"}}));
        let preview = api.post("/v1/evaluate/preview", &json!({"flag": draft, "user": {"id": "u"}})).ok();
        assert_eq!(at(&preview, "/evaluation/variant"), "on");
        api.get("/v1/flags/draft").problem(404, "flag_not_found");
        api.post("/v1/evaluate", &json!({"flag_key": "draft", "user": {"id": "u"}})).problem(404, "flag_not_found");
        assert_eq!(everything(api), before);
    });
}

#[test]
fn a_draft_of_a_flag_that_exists_may_leave_fields_out() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/flags", &on_when("f", json!({"user_id": "u"}))).created();
        let before = everything(api);
        let preview = |draft: Value| api.post("/v1/evaluate/preview", &json!({"flag": draft, "user": {"id": "u"}})).ok();
        assert_eq!(at(&preview(json!({"key": "f"})), "/evaluation/reason"), "rule_match");
        assert_eq!(at(&preview(json!({"key": "f", "state": "off"})), "/evaluation/reason"), "flag_off");
        assert_eq!(at(&preview(json!({"key": "f", "rules": [], "rollout_percentage": 100})), "/evaluation/reason"), "default_distribution");
        let staging = api.environment("staging").post("/v1/evaluate/preview", &json!({"flag": {"key": "f"}, "user": {"id": "u"}})).ok();
        assert_eq!(at(&staging, "/evaluation/reason"), "flag_off");
        assert_eq!(everything(api), before);
        assert_eq!(api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u"}})).ok()["reason"], "rule_match");
    });
}

#[test]
fn the_faults_of_a_draft_stand_below_it() {
    each(|api| {
        api.post("/v1/flags", &boolean("f")).created();
        let before = everything(api);
        let user = json!({"id": "u"});
        for (body, pointers) in [
            (json!({"flag": on_when("d", json!({"segment": "nope"})), "user": user}), vec!["/flag/rules/0/when/segment"]),
            (json!({"flag": {"key": "d", "variants": [{"key": "a", "weight": -1}], "nmae": 1}, "user": {}}), vec!["/user/id"]),
            (
                json!({"flag": {"key": "d", "variants": [{"key": "a", "weight": -1}], "nmae": 1}, "user": user}),
                vec!["/flag/variants/0/weight", "/flag/nmae"],
            ),
            (json!({"flag": [], "user": user}), vec!["/flag"]),
            (json!({"user": user}), vec![""]),
            (json!({"flag": {"key": "d"}, "flag_key": "f", "user": user}), vec![""]),
            (json!({"flag_key": "f"}), vec!["/user"]),
            (json!({"flag_key": "f", "user": user, "at": "x", "explain": true}), vec!["/at", "/explain"]),
            (json!({"flag": on_when("f", json!({"flag": {"key": "f", "variant": "on"}})), "user": user}), vec!["/flag/rules/0/when/flag"]),
        ] {
            api.post("/v1/evaluate/preview", &body).invalid(&pointers);
        }
        api.post("/v1/evaluate/preview", &json!({"flag_key": "nope", "user": user})).problem(404, "flag_not_found");
        assert_eq!(everything(api), before);
    });
}

#[test]
fn previews_are_not_counted_as_evaluations() {
    each_own(
        |setup| setup,
        |server| {
            let api = crate::harness::admin_of(server);
            api.post("/v1/flags", &boolean("f")).created();
            let counted = || crate::ops::metrics::sum(&api, "ff_evaluations_total");
            let before = counted();
            api.post("/v1/evaluate/preview", &json!({"flag_key": "f", "user": {"id": "u"}})).ok();
            assert_eq!(counted(), before);
            api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u"}})).ok();
            assert_eq!(counted(), before + 1.0);
        },
    );
}

#[test]
fn it_takes_the_right_to_read_flags() {
    each(|api| {
        api.post("/v1/flags", &boolean("f")).created();
        let asked = json!({"flag_key": "f", "user": {"id": "u"}});
        api.scopes(&["evaluate"]).post("/v1/evaluate", &asked).ok();
        api.scopes(&["evaluate"]).post("/v1/evaluate/preview", &asked).problem(403, "scope_missing");
        api.scopes(&["flags:r"]).post("/v1/evaluate/preview", &asked).ok();
    });
}

#[test]
fn it_says_in_words_what_decided() {
    let rules = json!([
        {"id": "beta", "when": {"segment": "beta"}, "rollout": {"variant": "a"}},
        {"id": "dach", "when": {"attr": {"country": ["DE", "AT"]}}, "rollout": {"variant": "a"}},
        {"id": "tenth", "when": {"percentage": {"value": 0.5, "salt": "s"}}, "rollout": {"variant": "a"}},
    ]);
    each(|api| {
        // Whom half a percent of all users are depends on the tenant's name.
        let api = &api.tenant("where-u-is-not-in-half-a-percent");
        api.post("/v1/segments", &json!({"key": "beta", "criteria": {}, "excluded": ["u"]})).created();
        api.post("/v1/flags", &with(text("f"), json!({"rules": rules}))).created();
        let user = json!({"id": "u", "attributes": {"country": "US"}});
        let preview = api.post("/v1/evaluate/preview", &json!({"flag_key": "f", "user": user})).ok();
        let because: Vec<_> = preview["rules"].as_array().unwrap().iter().map(|rule| rule["because"].as_str().unwrap()).collect();
        assert_eq!(because[..2], ["user `u` is in the excluded list of segment `beta`", "country is `US`, not one of `DE`, `AT`"]);
        assert!(because[2].starts_with("bucket 0.") && because[2].ends_with(" is not below 0.005 (0.5 %)"), "{}", because[2]);
        assert_eq!(preview["rules"][1]["tests"][0]["because"], because[1]);
        let summary = preview["summary"].as_str().unwrap();
        assert!(summary.contains("by the variants' weights, since none of its 3 rules matches; bucket 0."), "{summary}");
    });
}

#[test]
fn it_says_what_would_have_made_another_rule_decide() {
    let rules = json!([
        {"id": "staff", "when": {"segment": "staff"}, "rollout": {"variant": "b"}},
        {"id": "adults", "when": {"attr": {"country": "CA", "age": {"gte": 18}, "account.plan": {"ne": "free"}}}, "rollout": {"variant": "a"}},
        {"id": "rest", "when": {}, "rollout": {"variant": "b"}},
        {"id": "never", "when": {"attr": {"country": "FR"}}, "rollout": {"variant": "a"}},
    ]);
    each(|api| {
        api.post("/v1/segments", &json!({"key": "staff", "included": ["boss"]})).created();
        api.post("/v1/flags", &with(text("f"), json!({"rules": rules}))).created();
        let attributes = json!({"country": "US", "age": "16", "account": {"plan": "pro"}});
        let asked = json!({"flag_key": "f", "user": {"id": "u", "attributes": attributes}});
        let all = api.post("/v1/evaluate/preview", &asked).ok();
        let about: Vec<_> = all["why_not"].as_array().unwrap().iter().map(|why| why["rule_id"].as_str().unwrap()).collect();
        assert_eq!(about, ["staff", "adults"], "every rule that was tried in vain");

        let why = |rule: &str| {
            let preview = api.post("/v1/evaluate/preview", &with(asked.clone(), json!({"why_not": rule}))).ok();
            assert_eq!(preview["evaluation"], all["evaluation"]);
            let [why] = preview["why_not"].as_array().unwrap().as_slice() else { panic!("{preview}") };
            why.clone()
        };
        let adults = why("adults");
        assert_eq!(adults, all["why_not"][1]);
        assert_eq!(
            adults,
            json!({
                "rule_id": "adults", "holds": false, "remedy": "change", "is_smallest": true,
                "changes": [
                    {"attribute": "age", "action": "replace", "from": "16", "to": 18, "so_that": ["age is at least `18`"]},
                    {"attribute": "country", "action": "replace", "from": "US", "to": "CA", "so_that": ["country is `CA`"]},
                ],
                "summary": "rule `adults` would decide if age were `18` instead of `16` and country were `CA` instead of `US`",
            })
        );
        // Exactly that, and nothing less, makes it decide.
        let rule_for = |country: &str, age: Value| {
            let user = json!({"id": "u", "attributes": with(attributes.clone(), json!({"country": country, "age": age}))});
            api.post("/v1/evaluate", &json!({"flag_key": "f", "user": user})).ok()["rule_id"].clone()
        };
        assert_eq!([rule_for("CA", json!(18)), rule_for("CA", json!("16")), rule_for("US", json!(18))], ["adults", "rest", "rest"]);

        assert_eq!(why("rest")["remedy"], "decides");
        let never = why("never");
        assert_eq!((&never["preceded_by"], &never["still_preceded_by"]), (&json!("rest"), &json!("rest")));
        let staff = why("staff");
        assert_eq!((&staff["remedy"], &staff["is_certain"]), (&json!("out_of_reach"), &json!(true)));
        assert_eq!((&staff["needs"][0]["need"], &staff["needs"][0]["example"]), (&json!("user_id"), &json!("boss")));
        assert_eq!(api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "boss"}})).ok()["rule_id"], "staff");
    });
}

#[test]
fn a_rule_that_a_draft_adds_can_be_asked_about() {
    each(|api| {
        api.post("/v1/flags", &boolean("f")).created();
        let draft = json!({"key": "f", "rules": [{"id": "new", "when": {"attr": {"plan": "pro"}}, "rollout": {"variant": "on"}}]});
        let body = json!({"flag": draft, "user": {"id": "u"}, "why_not": "new"});
        assert_eq!(at(&api.post("/v1/evaluate/preview", &body).ok(), "/why_not/0/changes/0/to"), "pro");
        api.post("/v1/evaluate/preview", &json!({"flag_key": "f", "user": {"id": "u"}, "why_not": "new"})).invalid(&["/why_not"]);
    });
}

#[test]
fn only_a_rule_that_there_is_can_be_asked_about() {
    each(|api| {
        api.post("/v1/flags", &on_when("f", json!({"user_id": "u"}))).created();
        let preview = |why_not: Value| api.post("/v1/evaluate/preview", &json!({"flag_key": "f", "user": {"id": "u"}, "why_not": why_not}));
        for none in [json!("nope"), json!(""), json!("a b\u{0}"), json!("x".repeat(5_000)), json!(7), json!(["r"]), json!({})] {
            let problem = preview(none).invalid(&["/why_not"]);
            assert!(problem.to_string().len() < 1_000);
        }
        preview(Value::Null).ok();
        let unknown = json!({"flag_key": "nope", "user": {"id": "u"}, "why_not": "r"});
        api.post("/v1/evaluate/preview", &unknown).problem(404, "flag_not_found");
    });
}

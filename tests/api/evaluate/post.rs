//! `POST /v1/evaluate`.

use serde_json::json;

use crate::harness::each;
use crate::sample::{boolean, environment, everything, on_when, text, with};

#[test]
fn an_evaluation_says_what_the_user_gets_and_why() {
    each(|api| {
        api.post("/v1/flags", &on_when("f", json!({"attr": {"country": "CA"}}))).created();
        let evaluation = api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u", "attributes": {"country": "CA"}}})).ok();
        let bucket = evaluation["details"]["bucket"].as_f64().unwrap();
        assert!((0.0..1.0).contains(&bucket));
        let expected =
            json!({"flag_key": "f", "variant": "on", "value": true, "reason": "rule_match", "rule_id": "r", "details": {"bucket": bucket}});
        assert_eq!(evaluation, expected);
        let evaluation = api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u"}})).ok();
        let expected =
            json!({"flag_key": "f", "variant": "off", "value": false, "reason": "default_distribution", "details": {"bucket": bucket}});
        assert_eq!(evaluation, expected, "the same bucket, whatever the outcome");
        api.put("/v1/flags/f", &json!({"state": "off"})).ok();
        let evaluation = api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u", "attributes": {"country": "CA"}}})).ok();
        assert_eq!((&evaluation["reason"], &evaluation["variant"]), (&"flag_off".into(), &"off".into()));
        assert!(evaluation.get("rule_id").is_none(), "{evaluation}");
    });
}

#[test]
fn values_come_in_the_type_and_form_in_which_they_were_written() {
    each(|api| {
        for (i, (kind, value)) in [
            ("number", "3.0"),
            ("number", "10"),
            ("number", "-1e-7"),
            ("number", "9007199254740993"),
            ("json", r#"{"b":1.50,"a":[null,{"c":"ü"}]}"#),
            ("json", "[]"),
            ("string", r#""✓ \"quoted\"""#),
            ("boolean", "false"),
        ]
        .into_iter()
        .enumerate()
        {
            let body = format!(
                r#"{{"key": "f{i}", "type": "{kind}", "state": "on", "variants": [{{"key": "only", "weight": 1, "value": {value}}}]}}"#
            );
            api.send("POST", "/v1/flags", Some(("application/json", body.as_bytes()))).created();
            let answer = api.post("/v1/evaluate", &json!({"flag_key": format!("f{i}"), "user": {"id": "u"}}));
            let expected: serde_json::Value = serde_json::from_str(value).unwrap();
            assert_eq!(answer.ok()["value"], expected, "{kind} {value}");
            // `3.0` and `3` are equal here, and are not to a client that asked for an integer.
            if kind == "number" {
                assert!(answer.text().contains(&format!("\"value\":{value}")) || value.contains('e'), "{value}: {answer}");
            }
        }
    });
}

#[test]
fn a_percentage_that_was_consulted_shows_its_bucket() {
    each(|api| {
        // Who is in depends on the tenant's name: with this one it is the same users in every run.
        let api = &api.tenant("a-gate-of-half");
        api.post("/v1/flags", &on_when("f", json!({"percentage": 50}))).created();
        let mut on = 0;
        for i in 0..40 {
            let evaluation = api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": format!("u{i}")}})).ok();
            let details = &evaluation["details"];
            assert_eq!(evaluation["variant"] == "on", details["percentage_bucket"].as_f64().unwrap() < 0.5);
            assert_ne!(details["percentage_bucket"], details["bucket"], "a gate and a split are two numbers");
            on += usize::from(evaluation["variant"] == "on");
        }
        assert!((5..=35).contains(&on), "{on} of 40, though half of all users are in");
    });
}

#[test]
fn the_instant_may_be_named() {
    each(|api| {
        api.post("/v1/flags", &on_when("f", json!({"time": {"after": "2026-01-01T00:00:00Z", "before": "2026-02-01T00:00:00Z"}})))
            .created();
        for (at, variant) in [
            ("2025-12-31T23:59:59.999Z", "off"),
            ("2026-01-01T00:00:00Z", "on"),
            ("2026-01-31T23:59:59Z", "on"),
            ("2026-02-01T00:59:59+01:00", "on"),
            ("2026-02-01T00:00:00Z", "off"),
        ] {
            let evaluation = api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u"}, "at": at})).ok();
            assert_eq!(evaluation["variant"], variant, "{at}");
        }
        api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u"}, "at": null})).ok();
    });
}

#[test]
fn each_environment_gives_its_own_answer() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/flags", &boolean("f")).created();
        let asked = json!({"flag_key": "f", "user": {"id": "u"}});
        assert_eq!(api.post("/v1/evaluate", &asked).ok()["reason"], "default_distribution");
        assert_eq!(api.environment("staging").post("/v1/evaluate", &asked).ok()["reason"], "flag_off");
        api.environment("nowhere").post("/v1/evaluate", &asked).problem(404, "environment_not_found");
        api.environment("no where").post("/v1/evaluate", &asked).problem(400, "invalid_header");
    });
}

#[test]
fn the_same_user_gets_the_same_variant_in_every_request() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        for i in 0..20 {
            let asked = json!({"flag_key": "f", "user": {"id": format!("u{i}")}});
            let first = api.post("/v1/evaluate", &asked).ok();
            // Descriptions, tags and names move nobody, and neither does the environment.
            api.put("/v1/flags/f", &json!({"description": format!("{i}"), "tags": [format!("t{i}")]})).ok();
            assert_eq!(api.post("/v1/evaluate", &asked).ok(), first);
        }
    });
}

#[test]
fn an_unknown_flag_is_an_error_and_not_a_default() {
    each(|api| {
        for key in ["f", "a b", "", "ключ", "a\u{0}b", &"k".repeat(200_000)] {
            let problem = api.post("/v1/evaluate", &json!({"flag_key": key, "user": {"id": "u"}})).problem(404, "flag_not_found");
            assert!(problem["detail"].as_str().unwrap().len() < 1_000, "an answer does not repeat a book");
        }
    });
}

#[test]
fn user_ids_of_any_script_are_users() {
    each(|api| {
        api.post("/v1/flags", &on_when("f", json!({"user_id": ["ü 1/2?&#", "用户", "0", " "]}))).created();
        for id in ["ü 1/2?&#", "用户", "0", " "] {
            assert_eq!(api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": id}})).ok()["variant"], "on", "{id}");
        }
    });
}

#[test]
fn a_body_with_faults_is_refused_with_all_of_them() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        let user = json!({"id": "u"});
        for (body, pointers) in [
            (json!({"flag_key": "f"}), vec!["/user"]),
            (json!({"flag_key": "f", "user": {}}), vec!["/user/id"]),
            (json!({"flag_key": "f", "user": {"id": ""}}), vec!["/user/id"]),
            (json!({"flag_key": "f", "user": {"id": 7}}), vec!["/user/id"]),
            (json!({"flag_key": "f", "user": {"id": null, "attributes": []}}), vec!["/user/id", "/user/attributes"]),
            (json!({"flag_key": "f", "user": {"id": "x".repeat(1_025)}}), vec!["/user/id"]),
            (json!({"flag_key": "f", "user": {"id": "u", "attrs": {}}}), vec!["/user/attrs"]),
            (json!({"flag_key": "f", "user": "u"}), vec!["/user"]),
            (json!({"user": user}), vec!["/flag_key"]),
            (json!({"flag_key": 7, "user": user, "at": 7, "flag": "f"}), vec!["/flag_key", "/at", "/flag"]),
            (json!({"flag_key": "f", "user": user, "at": "yesterday"}), vec!["/at"]),
            (json!({"flag_key": "f", "user": user, "at": "2026-02-30T00:00:00Z"}), vec!["/at"]),
            (json!([]), vec![""]),
            (json!("f"), vec![""]),
        ] {
            api.post("/v1/evaluate", &body).invalid(&pointers);
        }
    });
}

#[test]
fn attributes_have_bounds_that_are_named() {
    let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!({ "a": inner }));
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        let many: serde_json::Map<_, _> = (0..1_001).map(|i| (format!("a{i}"), json!(i))).collect();
        for (attributes, bound) in [
            (json!({"a": "x".repeat(1_025)}), "1024"),
            (json!({"a": vec![1; 201]}), "200"),
            (json!({"a": vec!["x".repeat(1_024); 9]}), "8192"),
            (json!(many), "1000"),
            (nested(18), "16"),
        ] {
            let answer = api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u", "attributes": attributes}}));
            answer.problem(422, "invalid_body");
            let faults = answer.faults();
            assert!(
                faults.iter().all(|(pointer, message)| pointer.starts_with("/user/attributes") && message.contains(bound)),
                "{faults:?}"
            );
        }
    });
}

#[test]
fn evaluating_writes_nothing() {
    each(|api| {
        api.post("/v1/flags", &with(text("f"), json!({"owner": "x"}))).created();
        let before = everything(api);
        for _ in 0..5 {
            api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u"}})).ok();
        }
        assert_eq!(everything(api), before);
    });
}

//! Bad input gets a clear answer, stores nothing and loses nothing.
//!
//! What is wrong with a document is in `tests/data/invalid/*.json`, where a new case needs no Rust, and in the tables below
//! where a document's fault lies in what it refers to. What is wrong with the JSON itself is in `malformed.rs`.

use ff_test_support::{Answer, Client};
use serde_json::{Value, json};

use crate::data::folder;
use crate::harness::each;
use crate::sample::{boolean, everything, on_when, text, with};

/// Something of everything, for documents to refer to and for nothing to happen to.
fn plant(api: &Client) {
    api.post("/v1/environments", &json!({"key": "staging"})).created();
    api.post("/v1/segments", &json!({"key": "inner", "included": ["u"]})).created();
    api.post("/v1/segments", &json!({"key": "outer", "criteria": {"segment": "inner"}})).created();
    api.post("/v1/flags", &text("base")).created();
    api.post("/v1/flags", &on_when("dependent", json!({"flag": {"key": "base", "variant": "a"}}))).created();
}

/// Sends a document of a data file in every way in which one can come in.
fn send(api: &Client, kind: &str, body: &Value) -> Vec<(Answer, &'static str)> {
    let rule = |when: &Value| with(text("f"), json!({"rules": [{"id": "r", "when": when, "rollout": {"variant": "a"}}]}));
    match kind {
        "flag" => {
            let preview = json!({"flag": body, "user": {"id": "u"}});
            vec![(api.post("/v1/flags", body), ""), (api.post("/v1/evaluate/preview", &preview), "/flag")]
        }
        "segment" => vec![(api.post("/v1/segments", body), "")],
        "condition" => vec![
            (api.post("/v1/flags", &rule(body)), "/rules/0/when"),
            (api.put("/v1/flags/base", &json!({"rules": rule(body)["rules"]})), "/rules/0/when"),
            (api.post("/v1/segments", &json!({"key": "s", "criteria": body})), "/criteria"),
        ],
        other => panic!("there is no kind {other}"),
    }
}

#[test]
fn every_bad_document_is_refused_at_every_fault_and_nothing_is_stored() {
    each(|api| {
        plant(api);
        let before = everything(api);
        let mut failures = Vec::new();
        let mut count = 0;
        for (topic, entries) in folder("invalid") {
            // `null` for a part of a document gives that part its default back, so it is bad only as a document of its own.
            for entry in entries.as_array().unwrap().iter().filter(|entry| !entry["body"].is_null()) {
                for (answer, prefix) in send(api, entry["kind"].as_str().unwrap(), &entry["body"]) {
                    count += 1;
                    let name = format!("{topic}: {}", entry["about"]);
                    if answer.status() != 422 {
                        failures.push(format!("{name}: {answer}"));
                        continue;
                    }
                    answer.problem(422, "invalid_body");
                    let found = answer.faults();
                    let wanted =
                        entry["pointers"].as_array().unwrap().iter().map(|pointer| format!("{prefix}{}", pointer.as_str().unwrap()));
                    let missing: Vec<_> = wanted.filter(|wanted| found.iter().all(|(pointer, _)| pointer != wanted)).collect();
                    if !missing.is_empty() {
                        failures.push(format!("{name}: nothing about {missing:?} in {found:?}"));
                    }
                }
            }
        }
        assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
        assert!(count >= 400, "only {count} documents were sent");
        assert_eq!(everything(api), before);
    });
}

#[test]
fn references_to_what_is_not_there_are_refused() {
    each(|api| {
        plant(api);
        let before = everything(api);
        let flag = |when: Value| on_when("f", when);
        for (document, pointer) in [
            (flag(json!({"segment": "nowhere"})), "/rules/0/when/segment"),
            (flag(json!({"any": [{"not": {"segment": ["inner", "nowhere"]}}]})), "/rules/0/when/any/0/not/segment"),
            (flag(json!({"flag": {"key": "nowhere", "variant": "a"}})), "/rules/0/when/flag"),
            (flag(json!({"flag": {"key": "base", "variant": "nope"}})), "/rules/0/when/flag"),
            (flag(json!({"flag": {"key": "base", "variant": ["a", "nope"]}})), "/rules/0/when/flag"),
            (with(text("f"), json!({"off_variant": "c"})), "/off_variant"),
            (with(text("f"), json!({"rules": [{"id": "r", "when": {}, "rollout": {"variant": "c"}}]})), "/rules/0/rollout/variant"),
        ] {
            let answer = api.post("/v1/flags", &document);
            answer.problem(422, "invalid_body");
            // At the clause, or at the part of it that names what is not there.
            assert!(answer.faults().iter().any(|(found, _)| found.starts_with(pointer)), "{pointer}: {answer}");
        }
        for criteria in [json!({"segment": "nowhere"}), json!({"all": [{"segment": ["inner", "s"]}]})] {
            api.post("/v1/segments", &json!({"key": "s", "criteria": criteria})).problem(422, "invalid_body");
        }
        api.post("/v1/segments", &json!({"key": "s", "criteria": {"flag": {"key": "base", "variant": "nope"}}}))
            .problem(422, "invalid_body");
        assert_eq!(everything(api), before);
    });
}

#[test]
fn cycles_are_refused_however_long_they_are() {
    each(|api| {
        plant(api);
        let needs = |key: &str, other: &str| on_when(key, json!({"flag": {"key": other, "variant": "on"}}));
        api.post("/v1/flags", &boolean("a")).created();
        api.post("/v1/flags", &needs("b", "a")).created();
        api.post("/v1/flags", &needs("c", "b")).created();
        let before = everything(api);
        let own = api.post("/v1/flags", &needs("d", "d"));
        own.problem(422, "invalid_body");
        for other in ["a", "b", "c"] {
            let answer = api.put("/v1/flags/a", &json!({"rules": needs("a", other)["rules"]}));
            answer.problem(422, "invalid_body");
            assert!(answer.faults().iter().any(|(pointer, _)| pointer.starts_with("/rules/0/when/flag")), "{answer}");
        }
        // Through a segment, too.
        api.put("/v1/segments/inner", &json!({"criteria": {"segment": "outer"}})).problem(422, "invalid_body");
        assert_eq!(everything(api), before);
    });
}

#[test]
fn a_percentage_beyond_its_range_is_refused_wherever_it_stands() {
    each(|api| {
        plant(api);
        let before = everything(api);
        for value in [json!(-1), json!(100.0001), json!(101), json!(1e300), json!("50"), json!(null), json!([])] {
            api.post("/v1/flags", &on_when("f", json!({"percentage": value}))).invalid(&["/rules/0/when/percentage"]);
            if !value.is_null() {
                api.post("/v1/flags", &with(boolean("f"), json!({"rollout_percentage": value}))).invalid(&["/rollout_percentage"]);
                api.post("/v1/segments", &json!({"key": "s", "criteria": {"percentage": {"value": value}}}))
                    .invalid(&["/criteria/percentage/value"]);
            }
        }
        assert_eq!(everything(api), before);
    });
}

#[test]
fn keys_outside_the_grammar_are_refused_in_bodies() {
    let keys = [
        "",
        " ",
        "a b",
        "a/b",
        "../a",
        "a\\b",
        "-a",
        ".a",
        "_a",
        "a\n",
        "a\u{0}",
        "a\u{7f}",
        "\u{202e}a",
        "флаг",
        "旗",
        "é",
        "a%",
        "a?b",
        "a#b",
        "{key}",
    ];
    each(|api| {
        plant(api);
        let before = everything(api);
        let long = "k".repeat(129);
        for key in keys.iter().copied().chain([long.as_str()]) {
            api.post("/v1/flags", &boolean(key)).invalid(&["/key"]);
            api.post("/v1/segments", &json!({"key": key})).invalid(&["/key"]);
            api.post("/v1/environments", &json!({"key": key})).invalid(&["/key"]);
            api.post("/v1/flags", &json!({"key": "f", "variants": [{"key": key, "weight": 1}]})).invalid(&["/variants/0/key"]);
            api.post("/v1/flags", &with(boolean("f"), json!({"rules": [{"id": key, "when": {}, "rollout": {"variant": "on"}}]})))
                .invalid(&["/rules/0/id"]);
            api.post("/v1/flags", &on_when("f", json!({"segment": key}))).invalid(&["/rules/0/when/segment"]);
        }
        assert_eq!(everything(api), before);
        api.post("/v1/flags", &boolean(&"k".repeat(128))).created();
    });
}

#[test]
fn conditions_past_their_bounds_are_refused_by_the_bound() {
    let nested = |depth: usize| (0..depth).fold(json!({}), |inner, _| json!({ "not": inner }));
    let wide = |count: usize| json!({"any": (0..count).map(|i| json!({"attr": {"x": i}})).collect::<Value>()});
    each(|api| {
        plant(api);
        api.post("/v1/flags", &on_when("deep-enough", nested(15))).created();
        let before = everything(api);
        for (when, bound) in
            [(nested(16), "16"), (nested(60), "16"), (wide(2_001), "2000"), (json!({"attr": {"x": vec![1; 10_001]}}), "10000")]
        {
            let answer = api.post("/v1/flags", &on_when("f", when.clone()));
            answer.problem(422, "invalid_body");
            assert!(answer.faults().iter().any(|(_, message)| message.contains(bound)), "{answer}");
            api.post("/v1/segments", &json!({"key": "s", "criteria": when})).problem(422, "invalid_body");
        }
        // A regular expression whose compiled form is far larger than its text.
        let answer = api.post("/v1/flags", &on_when("f", json!({"attr": {"x": {"matches": "(\\w{100}){100}"}}})));
        answer.invalid(&["/rules/0/when/attr/x/matches"]);
        assert_eq!(everything(api), before);
    });
}

#[test]
fn text_that_the_databases_disagree_about_is_stored_alike_or_refused() {
    each(|api| {
        plant(api);
        // U+0000 has no place in PostgreSQL.
        let before = everything(api);
        for changes in [
            json!({"description": "a\u{0}b"}),
            json!({"name": "\u{0}"}),
            json!({"owner": "\u{0}"}),
            json!({"tags": ["\u{0}"]}),
            json!({"salt": "\u{0}"}),
            json!({"metadata": {"a": "\u{0}"}}),
            json!({"metadata": {"\u{0}": 1}}),
        ] {
            api.post("/v1/flags", &with(boolean("f"), changes)).problem(422, "invalid_body");
        }
        api.post("/v1/segments", &json!({"key": "s", "included": ["a\u{0}b"]})).problem(422, "invalid_body");
        api.post("/v1/environments", &json!({"key": "e", "description": "\u{0}"})).problem(422, "invalid_body");
        assert_eq!(everything(api), before);
        let odd = "tab\t newline\n quote\" back\\slash 'single' \u{1}\u{1f} ﷽ 𝄞 \u{10ffff} \u{feff} %_ ; DROP TABLE flags; --";
        let flag = api.post("/v1/flags", &with(boolean("f"), json!({"description": odd, "metadata": {"k": odd}, "tags": [odd]}))).created();
        assert_eq!((&flag["description"], &flag["metadata"]["k"]), (&odd.into(), &odd.into()));
        assert_eq!(api.get("/v1/flags/f").ok(), flag);
        assert_eq!(api.all("/v1/audit")[0]["after"], flag);
    });
}

#[test]
fn a_good_part_of_a_bad_document_is_not_stored() {
    each(|api| {
        plant(api);
        let before = everything(api);
        let bad_rule = json!({"when": {"attr": {"a": {"matches": "("}}}, "rollout": {"variant": "a"}});
        let half_good = json!({"owner": "new", "description": "new", "rules": [bad_rule]});
        api.put("/v1/flags/base", &half_good).invalid(&["/rules/0/when/attr/a/matches"]);
        api.put("/v1/segments/inner", &json!({"name": "new", "criteria": {"segment": "outer"}})).problem(422, "invalid_body");
        api.environment("staging").put("/v1/flags/base", &json!({"state": "on", "off_variant": "zzz"})).invalid(&["/off_variant"]);
        assert_eq!(everything(api), before);
        let evaluation = api.post("/v1/evaluate", &json!({"flag_key": "base", "user": {"id": "u"}})).ok();
        assert_eq!(evaluation["reason"], "default_distribution");
    });
}

/// A body of every kind with text in every place that takes one, and where it is sent.
fn full_bodies() -> Vec<(&'static str, Value)> {
    let rules = json!([
        {"id": "r1", "description": "d", "when": {"all": [
            {"attr": {"a.b": {"eq": "x", "ne": "y", "in": ["i"], "not_in": ["j"], "starts_with": "s", "icontains": "c", "matches": "m+"}}},
            {"attr": {"c": "plain", "d": ["list"], "e": {"before": "2030-01-01T00:00:00Z", "semver_gte": "1.2.3", "ip_in": ["10.0.0.0/8"]}}},
            {"user_id": {"ends_with": "u"}}, {"segment": ["inner"]}, {"percentage": {"value": 25, "by": "org", "salt": "wave"}},
            {"flag": {"key": "base", "variant": ["a"]}}, {"not": {"attr": {"f": {"exists": true}}}}
        ]}, "rollout": {"distribution": [{"variant": "a", "weight": 1}, {"variant": "b", "weight": 1}]}},
        {"id": "r2", "when": {}, "rollout": {"variant": "a"}}
    ]);
    let flag = json!({
        "key": "full", "name": "n", "description": "d", "type": "json", "state": "on", "off_variant": "a", "rules": rules, "salt": "s",
        "variants": [{"key": "a", "weight": 1, "value": {"k": ["v", {"deep": "text"}]}}, {"key": "b", "weight": 1, "value": "text"}],
        "tags": ["t"], "owner": "o", "metadata": {"m": "v"},
    });
    let segment = json!({
        "key": "full", "name": "n", "description": "d", "criteria": rules[0]["when"]["all"][0], "included": ["u"], "excluded": ["v"],
    });
    vec![
        ("/v1/flags", flag),
        ("/v1/segments", segment),
        ("/v1/environments", json!({"key": "full", "name": "n", "description": "d"})),
        ("/v1/webhooks", json!({"url": "https://example.com/x", "events": ["flag.*"], "description": "d"})),
    ]
}

/// The document with `mark` put into each of its texts and names in turn.
fn each_text_with(mark: &str, document: &Value) -> Vec<Value> {
    let inside = |part: &Value, put: &dyn Fn(Value) -> Value| each_text_with(mark, part).into_iter().map(put).collect::<Vec<_>>();
    match document {
        Value::String(text) => vec![json!(format!("{text}{mark}"))],
        Value::Array(items) => (0..items.len())
            .flat_map(|i| {
                let put = |item: Value| {
                    let mut items = items.clone();
                    items[i] = item;
                    Value::Array(items)
                };
                inside(&items[i], &put)
            })
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| {
                let mut renamed = fields.clone();
                renamed.insert(format!("{name}{mark}"), value.clone());
                renamed.remove(name);
                let put = |value: Value| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), value);
                    Value::Object(fields)
                };
                [vec![Value::Object(renamed)], inside(value, &put)].concat()
            })
            .collect(),
        _ => vec![],
    }
}

#[test]
fn the_character_that_no_database_stores_everywhere_is_refused_in_every_place() {
    each(|api| {
        plant(api);
        let before = everything(api);
        let (mut count, mut failures) = (0, Vec::new());
        for (path, body) in full_bodies() {
            for body in each_text_with("\0", &body) {
                count += 1;
                let answer = api.post(path, &body);
                if answer.status() != 422 {
                    failures.push(format!("{path} {body}: {answer}"));
                }
            }
        }
        assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
        assert!(count > 100, "only {count}");
        assert_eq!(everything(api), before);
        // It was this character, and nothing else.
        for (path, body) in full_bodies() {
            api.post(path, &body).created();
        }
    });
}

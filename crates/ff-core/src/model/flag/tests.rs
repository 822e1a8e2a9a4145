use super::*;
use serde_json::json;

fn flag(value: Value) -> Flag {
    Flag::from_value(&value).unwrap()
}

fn pointers(faults: &Faults) -> Vec<&str> {
    faults.as_slice().iter().map(|fault| fault.pointer.as_str()).collect()
}

fn weights(flag: &Flag) -> Vec<f64> {
    flag.variants.iter().map(|v| v.weight.get()).collect()
}

#[test]
fn a_boolean_flag_without_variants_gets_on_and_off() {
    let flag = flag(json!({"key": "f", "type": "boolean"}));
    assert_eq!(
        flag.to_value(),
        json!({
            "key": "f", "name": "f", "description": "", "type": "boolean", "state": "off", "rollout_percentage": 100,
            "variants": [{"key": "on", "weight": 100, "value": true}, {"key": "off", "weight": 0, "value": false}],
            "off_variant": "off", "rules": [], "salt": null, "tags": [], "owner": null, "metadata": {}
        })
    );
}

#[test]
fn a_string_variant_has_its_key_as_value_and_numbers_keep_their_form() {
    let text = flag(json!({"key": "f", "variants": [{"key": "a", "weight": 1}, {"key": "b", "weight": 0, "value": "B"}]}));
    assert_eq!(text.variants.iter().map(|v| v.value.clone()).collect::<Vec<_>>(), ["a", "B"]);
    let number = flag(json!({"key": "f", "type": "number", "variants": [{"key": "a", "weight": 1, "value": 3.0}]}));
    assert_eq!(number.to_value()["variants"][0]["value"].to_string(), "3.0");
}

#[test]
fn the_off_variant_is_off_else_control_else_the_first() {
    let off = |keys: &[&str]| {
        let variants: Vec<_> = keys.iter().map(|key| json!({"key": key, "weight": 1})).collect();
        flag(json!({"key": "f", "variants": variants})).off_variant.to_string()
    };
    assert_eq!([off(&["a", "control", "off"]), off(&["a", "control"]), off(&["a", "b"])], ["off", "control", "a"]);
}

#[test]
fn every_fault_of_a_document_is_listed_at_once() {
    let faults = Flag::from_value(&json!({
        "key": "a b", "type": "number", "state": "maybe", "colour": 1, "off_variant": "none", "tags": ["x", "x", ""],
        "variants": [{"key": "a", "weight": -1, "value": 1}, {"key": "a", "value": "text"}, {"weight": 1, "value": 2}],
        "rules": [
            {"id": "r", "when": {"attr": {"age": {"gte": true, "like": 1}}}, "rollout": {"variant": "gone"}},
            {"id": "r", "when": {"percentage": 101}, "rollout": {}},
            {"when": {"attr": {"v": {"semver_gt": "v1"}, "ip": {"ip_in": ["10.0.0.0/33"]}, "d": {"before": "today"}, "e": {"matches": "("}}}, "rollout": {"variant": "a"}}
        ]
    }))
    .unwrap_err();
    let got = pointers(&faults);
    for expected in [
        "/key",
        "/state",
        "/colour",
        "/variants/0/weight",
        "/variants/2/key",
        "/tags/1",
        "/tags/2",
        "/rules/0/when/attr/age/gte",
        "/rules/0/when/attr/age/like",
        "/rules/1/when/percentage",
        "/rules/1/rollout",
        "/rules/2/when/attr/v/semver_gt",
        "/rules/2/when/attr/ip/ip_in/0",
        "/rules/2/when/attr/d/before",
        "/rules/2/when/attr/e/matches",
    ] {
        assert!(got.contains(&expected), "{expected} is missing among {got:?}");
    }
}

#[test]
fn faults_between_fields_are_found() {
    let of = |value| pointers(&Flag::from_value(&value).unwrap_err()).join(" ");
    let variants = json!([{"key": "a", "weight": 0}, {"key": "b", "weight": 0}]);
    assert_eq!(of(json!({"key": "f", "variants": variants})), "/variants");
    assert_eq!(of(json!({"key": "f", "variants": []})), "/variants");
    assert_eq!(of(json!({"key": "f"})), "/variants");
    assert_eq!(of(json!({"key": "f", "variants": [{"key": "a"}]})), "/variants/0/weight");
    assert_eq!(of(json!({"key": "f", "variants": [{"key": "a", "weight": 1e308}, {"key": "b", "weight": 1e308}]})), "/variants");
    assert_eq!(of(json!({"key": "f", "type": "json", "variants": [{"key": "a", "weight": 1}]})), "/variants/0/value");
    let duplicate = json!([{"key": "a", "weight": 1}, {"key": "a", "weight": 1}]);
    assert_eq!(of(json!({"key": "f", "variants": duplicate})), "/variants/1/key");
    let one = json!([{"key": "a", "weight": 1}]);
    assert_eq!(of(json!({"key": "f", "variants": one, "off_variant": "b"})), "/off_variant");
    let rules = json!([{"rollout": {"distribution": [{"variant": "a", "weight": 0}]}}, {"rollout": {"distribution": [{"variant": "b", "weight": 1}]}}]);
    assert_eq!(
        of(json!({"key": "f", "variants": one, "rules": rules})),
        "/rules/0/rollout/distribution /rules/1/rollout/distribution/0/variant"
    );
    let rules = json!([{"id": "r", "rollout": {"variant": "a"}}, {"id": "r", "rollout": {"variant": "z"}}]);
    assert_eq!(of(json!({"key": "f", "variants": one, "rules": rules})), "/rules/1/id /rules/1/rollout/variant");
    assert_eq!(of(json!({"key": "f", "variants": one, "rollout_percentage": 5})), "/rollout_percentage");
    assert_eq!(of(json!([])), "");
}

#[test]
fn a_revision_keeps_what_it_is_not_given() {
    let before = flag(json!({"key": "f", "type": "boolean", "state": "on", "description": "d", "salt": "s", "tags": ["t"],
        "rules": [{"id": "r", "when": {"attr": {"a": 1}}, "rollout": {"variant": "on"}}]}));
    let after = before.revised(&json!({"state": "off", "salt": null})).unwrap();
    assert_eq!(after, Flag { state: State::Off, salt: None, ..before.clone() });
    assert_eq!(before.revised(&before.to_value()).unwrap(), before);
    assert_eq!(pointers(&before.revised(&json!({"key": "g"})).unwrap_err()), ["/key"]);
    assert_eq!(pointers(&before.revised(&json!({"sate": "on"})).unwrap_err()), ["/sate"]);
}

#[test]
fn rollout_percentage_stands_for_weights_and_the_newer_word_wins() {
    let before = flag(json!({"key": "f", "type": "boolean", "rollout_percentage": 25}));
    assert_eq!(weights(&before), [25.0, 75.0]);
    assert_eq!(weights(&before.revised(&json!({"rollout_percentage": 33.3})).unwrap()), [33.3, 100.0 - 33.3]);
    // What GET gave, with one of the two changed.
    let mut shown = before.to_value();
    shown["rollout_percentage"] = json!(50);
    assert_eq!(weights(&before.revised(&shown).unwrap()), [50.0, 50.0]);
    let mut shown = before.to_value();
    shown["variants"][0]["weight"] = json!(75);
    assert_eq!(weights(&before.revised(&shown).unwrap()), [75.0, 75.0]);
    // Both changed, each in its own way.
    shown["rollout_percentage"] = json!(10);
    assert_eq!(pointers(&before.revised(&shown).unwrap_err()), ["/rollout_percentage"]);
    // A percentage is shown as it was given.
    assert_eq!(before.revised(&json!({"rollout_percentage": 33.3})).unwrap().rollout_percentage(), Some(33.3));
}

#[test]
fn a_percentage_beside_weights_excuses_no_fault_in_them() {
    let with = |weight: f64| {
        let variants = json!([{"key": "on", "weight": weight, "value": true}, {"key": "off", "weight": weight, "value": false}]);
        Flag::from_value(&json!({"key": "f", "type": "boolean", "rollout_percentage": 0, "variants": variants}))
    };
    assert_eq!(pointers(&with(0.0).unwrap_err()), ["/variants"]);
    assert!(with(1.7e308).is_err());
}

#[test]
fn a_percentage_of_null_says_nothing_and_numbers_compare_whatever_their_form() {
    let text = flag(json!({"key": "f", "variants": [{"key": "a", "weight": 1}]}));
    assert_eq!(text.revised(&json!({"rollout_percentage": null})).unwrap(), text);
    let before = flag(json!({"key": "f", "type": "boolean", "rollout_percentage": 25}));
    let mut shown = before.to_value();
    shown["rollout_percentage"] = json!(25.0);
    shown["variants"][0]["weight"] = json!(75);
    assert_eq!(weights(&before.revised(&shown).unwrap()), [75.0, 75.0]);
}

#[test]
fn a_value_may_be_nested_only_so_deep() {
    let deep = |levels: usize| {
        let value = (0..levels).fold(json!(1), |inner, _| json!([inner]));
        Flag::from_value(&json!({"key": "f", "type": "json", "variants": [{"key": "a", "weight": 1, "value": value}]}))
    };
    assert!(deep(crate::limits::VALUE_DEPTH_MAX).is_ok());
    assert!(deep(crate::limits::VALUE_DEPTH_MAX + 1).unwrap_err().to_string().contains("at most 32 deep"));
}

#[test]
fn rules_without_an_id_get_one_that_survives() {
    let rule = |country: &str| json!({"when": {"attr": {"country": country}}, "rollout": {"variant": "on"}});
    let ids = |flag: &Flag| flag.rules.iter().map(|rule| rule.id.to_string()).collect::<Vec<_>>();
    let before = flag(json!({"key": "f", "type": "boolean", "rules": [rule("DE"), rule("FR")]}));
    assert_eq!(ids(&before), ["rule-1", "rule-2"]);
    // The same rules again, the other way round, with a new one in front.
    let after = before.revised(&json!({"rules": [rule("GB"), rule("FR"), rule("DE")]})).unwrap();
    assert_eq!(ids(&after), ["rule-3", "rule-2", "rule-1"]);
    let named = before.revised(&json!({"rules": [{"id": "rule-2", "rollout": {"variant": "on"}}, rule("FR")]})).unwrap();
    assert_eq!(ids(&named), ["rule-2", "rule-3"]);
}

#[test]
fn documents_with_a_nul_character_are_refused() {
    let faults = Flag::from_value(&json!({"key": "f", "name": "a\0", "variants": [{"key": "a", "weight": 1, "value": "\0"}]})).unwrap_err();
    assert_eq!(pointers(&faults), ["/name", "/variants/0/value"]);
}

#[test]
fn bounds_are_named_in_the_fault() {
    let deep = (0..crate::limits::CONDITION_DEPTH_MAX).fold(json!({}), |inner, _| json!({ "not": inner }));
    let faults =
        Flag::from_value(&json!({"key": "f", "type": "boolean", "rules": [{"when": deep, "rollout": {"variant": "on"}}]})).unwrap_err();
    assert!(faults.to_string().contains("at most 16 deep"), "{faults}");
    let wide: Vec<_> = (0..crate::limits::CONDITION_NODES_MAX).map(|_| json!({})).collect();
    let faults =
        Flag::from_value(&json!({"key": "f", "type": "boolean", "rules": [{"when": {"any": wide}, "rollout": {"variant": "on"}}]}))
            .unwrap_err();
    assert!(faults.to_string().contains("at most 2000 clauses"), "{faults}");
    let faults = crate::Condition::from_value(&json!({"attr": {"a": {"matches": "\\w{1000}"}}})).unwrap_err();
    assert!(faults.to_string().contains("compiles to more than"), "{faults}");
}

use super::*;
use serde_json::json;

fn flag(variants: serde_json::Value) -> Flag {
    let rules = json!([{"id": "r", "rollout": {"variant": "a"}}]);
    Flag::from_value(&json!({"key": "f", "state": "on", "variants": variants, "rules": rules})).unwrap()
}

#[test]
fn a_flag_is_its_two_levels() {
    let whole = flag(json!([{"key": "z", "weight": 1}, {"key": "a", "weight": 2}]));
    let (definition, configuration) = whole.clone().split();
    assert_eq!(Flag::join(definition.clone(), configuration.clone()), Some(whole));
    let (other, _) = flag(json!([{"key": "a", "weight": 1}])).split();
    assert_eq!(Flag::join(other, configuration), None);
}

#[test]
fn elsewhere_a_flag_starts_off_without_rules() {
    let (_, configuration) = flag(json!([{"key": "a", "weight": 2}, {"key": "b", "weight": 1}])).split();
    let initial = configuration.initial();
    assert_eq!((initial.state, initial.rules.len(), &initial.weights), (State::Off, 0, &configuration.weights));
}

#[test]
fn a_variant_added_elsewhere_has_weight_zero_and_moves_nobody() {
    let (_, ours) = flag(json!([{"key": "b", "weight": 1}, {"key": "a", "weight": 2}])).split();
    let (theirs, _) = flag(json!([{"key": "a", "weight": 1}, {"key": "aa", "weight": 9}, {"key": "b", "weight": 1}])).split();
    let adopted = ours.adopted(&theirs).unwrap();
    let shown: Vec<_> = adopted.weights.iter().map(|(key, weight)| (key.as_str(), weight.get())).collect();
    assert_eq!(shown, [("b", 1.0), ("a", 2.0), ("aa", 0.0)]);
}

#[test]
fn removing_a_variant_in_use_names_every_use() {
    let (_, ours) = flag(json!([{"key": "a", "weight": 2}, {"key": "b", "weight": 0}])).split();
    let (theirs, _) = Flag::from_value(&json!({"key": "f", "variants": [{"key": "c", "weight": 1}]})).unwrap().split();
    let uses: Vec<_> = ours.adopted(&theirs).unwrap_err().into_iter().map(|u| u.by.to_string()).collect();
    assert_eq!(uses, ["its weight is above 0", "it is the off variant", "rule `r` gives it"]);
}

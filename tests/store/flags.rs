//! Flags: two levels, shown as one.

use ff_core::State;
use ff_store::{Action, Entity, Outcome, StoreError, Version, audit};
use ff_test_support::{TestStore, environment, flag as flag_of};
use serde_json::{Value, json};

use crate::steps::{NOW, acme, create_environment, delete, find, log, put};

fn colours(weights: [f64; 3]) -> Value {
    let variants: Vec<_> =
        ["red", "green", "blue"].iter().zip(weights).map(|(key, weight)| json!({"key": key, "weight": weight})).collect();
    json!({"key": "colour", "state": "on", "variants": variants, "off_variant": "red", "rules": [{"id": "r", "rollout": {"variant": "red"}}]})
}

#[test]
fn a_flag_is_found_as_it_was_written() {
    TestStore::each(|store| {
        let json = json!({
            "key": "f", "name": "Ünï\"cødé\\ 'x'", "description": "two\nlines", "type": "json", "state": "on",
            "variants": [{"key": "z", "weight": 0.1, "value": {"b": [1, 2.0, "x"], "a": null}}, {"key": "a", "weight": 3, "value": [true]}],
            "off_variant": "a", "salt": "pepper", "tags": ["t", "u"], "owner": "them", "metadata": {"ticket": "A-1", "n": 3.0, "yes": true},
            "rules": [
                {"id": "one", "description": "d", "when": {"attr": {"country": {"in": ["CA", "US"]}, "age": {"gte": 21}}, "percentage": 12.5},
                 "rollout": {"distribution": [{"variant": "a", "weight": 1}, {"variant": "z", "weight": 2}]}},
                {"id": "two", "when": {"any": [{"segment": "s"}, {"not": {"user_id": "u"}}]}, "rollout": {"variant": "z"}},
            ],
        });
        let written = put(store, "production", &json).unwrap();
        assert_eq!(written.outcome, Outcome::Created);
        assert_eq!(written.record.flag, flag_of(&json));
        assert_eq!(written.flags, [(environment("production"), flag_of(&json))]);
        let found = find(store, "production", "f").unwrap();
        assert_eq!(found, written.record);
        assert_eq!((found.created_at.as_millis(), found.updated_at.as_millis()), (NOW, NOW));
        assert_eq!(found.id.len(), 36);

        // Its API form: the id first, the read-only fields last.
        let text = serde_json::to_string(&found).unwrap();
        assert!(text.starts_with(&format!(r#"{{"id":"{}","key":"f","name""#, found.id)), "{text}");
        let tail = r#""environment":"production","version":1,"created_at":"2023-11-14T22:13:20Z","updated_at":"2023-11-14T22:13:20Z"}"#;
        assert!(text.ends_with(tail), "{text}");
        // What was shown can be sent back.
        assert_eq!(put(store, "production", &serde_json::from_str(&text).unwrap()).unwrap().outcome, Outcome::Unchanged);
    });
}

#[test]
fn the_same_flag_sent_twice_is_no_change_whatever_its_numbers() {
    TestStore::each(|store| {
        // All kinds of exponents and digits, from a fixed seed.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut bits = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let doubles: Vec<f64> = std::iter::repeat_with(|| f64::from_bits(bits())).filter(|number| number.is_finite()).take(800).collect();
        let edges = [0.0, -0.0, 1e15, 1e16, 1.5e16, 1e17, 9e18, 1e19, 2e19, -1e18, -1e19, 1e22, 1e-5, 1e-7, 5e-324, f64::MAX, 0.1 + 0.2];
        let integers = [json!(0), json!(-1), json!(i64::MIN), json!(u64::MAX)];
        let numbers: Vec<Value> = doubles.iter().chain(&edges).map(|number| json!(number)).chain(integers).collect();
        let json = json!({"key": "f", "type": "json", "variants": [{"key": "a", "weight": 0.1 + 0.2, "value": numbers}]});

        let written = put(store, "production", &json).unwrap();
        assert_eq!(find(store, "production", "f").unwrap(), written.record);
        assert_eq!(put(store, "production", &json).unwrap().outcome, Outcome::Unchanged);
        let Value::Array(kept) = &written.record.flag.variants()[0].value else { panic!("a list") };
        for (kept, given) in kept.iter().zip(&numbers) {
            assert_eq!(kept.as_f64().unwrap(), given.as_f64().unwrap(), "no number changes its value");
        }
        let other_form = json!({"key": "f", "type": "json", "variants": [{"key": "a", "weight": 0.1 + 0.2, "value": 3}]});
        put(store, "production", &other_form).unwrap();
        let mut with_point = other_form.clone();
        with_point["variants"][0]["value"] = json!(3.0);
        assert_eq!(put(store, "production", &with_point).unwrap().outcome, Outcome::Updated, "3 and 3.0 are shown differently");
    });
}

#[test]
fn an_update_in_one_environment_leaves_the_others_alone() {
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        put(store, "staging", &colours([1.0, 1.0, 0.0])).unwrap();
        let (staging, production) = (find(store, "staging", "colour").unwrap(), find(store, "production", "colour").unwrap());
        assert_eq!(staging.id, production.id);
        assert_eq!((staging.flag.state(), production.flag.state()), (State::On, State::Off));
        assert_eq!((staging.flag.rules().len(), production.flag.rules().len()), (1, 0));
        assert_eq!(staging.flag.variants(), production.flag.variants(), "weights too are taken over where the flag is defined");

        let written = put(store, "staging", &colours([1.0, 5.0, 0.0])).unwrap();
        assert_eq!((written.outcome, written.flags.len()), (Outcome::Updated, 1));
        assert_eq!(written.record.version, Version::new(2));
        assert_eq!(find(store, "production", "colour").unwrap(), production);
    });
}

#[test]
fn what_all_environments_share_changes_in_all_of_them() {
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        put(store, "staging", &colours([1.0, 1.0, 0.0])).unwrap();
        let mut renamed = colours([1.0, 1.0, 0.0]);
        renamed["name"] = json!("Colour");
        let written = put(store, "staging", &renamed).unwrap();
        assert_eq!(
            written.flags.iter().map(|(key, flag)| (key.as_str(), flag.name())).collect::<Vec<_>>(),
            [("production", "Colour"), ("staging", "Colour")]
        );
        let production = find(store, "production", "colour").unwrap();
        assert_eq!((production.flag.name(), production.version), ("Colour", Version::new(2)));
        assert_eq!(production.flag.state(), State::Off);
        assert!(written.flags.contains(&(environment("production"), production.flag)));
        assert_eq!(log(store, &acme()).len(), 3, "one entry for one change");
    });
}

#[test]
fn a_variant_added_in_one_environment_has_weight_0_in_the_others() {
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        put(store, "production", &colours([1.0, 1.0, 1.0])).unwrap();
        let mut more = colours([1.0, 1.0, 1.0]);
        more["variants"].as_array_mut().unwrap().insert(0, json!({"key": "black", "weight": 7, "value": "#000"}));
        put(store, "production", &more).unwrap();
        let staging = find(store, "staging", "colour").unwrap();
        let variants: Vec<_> = staging.flag.variants().iter().map(|v| (v.key.as_str(), v.weight.get(), v.value.clone())).collect();
        // At the end, so that nobody moves.
        assert_eq!(
            variants,
            [("red", 1.0, json!("red")), ("green", 1.0, json!("green")), ("blue", 1.0, json!("blue")), ("black", 0.0, json!("#000"))]
        );
        assert_eq!(find(store, "production", "colour").unwrap().flag.variants()[0].key.as_str(), "black");
    });
}

#[test]
fn a_variant_that_another_environment_uses_cannot_be_removed() {
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        create_environment(store, "qa").unwrap();
        put(store, "production", &colours([1.0, 1.0, 0.0])).unwrap();
        let mut staging = colours([1.0, 0.0, 2.0]);
        staging["rules"] = json!([{"id": "some", "rollout": {"distribution": [{"variant": "blue", "weight": 1}]}}]);
        staging["off_variant"] = json!("blue");
        put(store, "staging", &staging).unwrap();

        let mut fewer = colours([1.0, 1.0, 0.0]);
        fewer["variants"].as_array_mut().unwrap().pop();
        let before = (find(store, "production", "colour").unwrap(), find(store, "qa", "colour").unwrap(), log(store, &acme()));
        let Err(StoreError::Conflict { code, message, used_by }) = put(store, "production", &fewer) else { panic!("a conflict") };
        assert_eq!(code, "variant_in_use");
        assert_eq!(
            used_by,
            [
                "`blue` in environment `staging`: its weight is above 0",
                "`blue` in environment `staging`: it is the off variant",
                "`blue` in environment `staging`: rule `some` gives it",
            ]
        );
        assert!(message.contains("staging") && message.contains("blue"));
        assert_eq!((find(store, "production", "colour").unwrap(), find(store, "qa", "colour").unwrap(), log(store, &acme())), before);

        // Given up there, it can go.
        put(store, "staging", &colours([1.0, 1.0, 0.0])).unwrap();
        put(store, "production", &fewer).unwrap();
        assert_eq!(find(store, "qa", "colour").unwrap().flag.variants().len(), 2);
        let bigger = log(store, &acme());
        assert_eq!(bigger.last().unwrap().action, Action::Updated);
    });
}

#[test]
fn a_deleted_flag_is_gone_everywhere_and_its_key_starts_a_new_one() {
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        let json = json!({"key": "f", "type": "boolean", "state": "on"});
        put(store, "production", &json).unwrap();
        put(store, "production", &json!({"key": "f", "type": "boolean", "state": "off"})).unwrap();
        let old = delete(store, "f").unwrap();
        assert_eq!(old.version, Version::new(2));
        for environment in ["production", "staging"] {
            let Err(StoreError::NotFound { entity, key }) = find(store, environment, "f") else { panic!("not there") };
            assert_eq!((entity, key.as_str()), (Entity::Flag, "f"));
        }
        assert!(matches!(delete(store, "f"), Err(StoreError::NotFound { .. })));

        let new = put(store, "production", &json).unwrap();
        assert_eq!((new.outcome, new.record.version), (Outcome::Created, Version::FIRST));
        assert_ne!(new.record.id, old.id);
        let history: Vec<_> = log(store, &acme()).into_iter().filter(|entry| entry.entity_key == "f").collect();
        let told: Vec<_> = history.iter().map(|entry| (entry.action, entry.entity_id == old.id)).collect();
        assert_eq!(told, [(Action::Created, true), (Action::Updated, true), (Action::Deleted, true), (Action::Created, false)]);
        assert_eq!(history[2].before, Some(serde_json::to_value(&old).unwrap()));
        assert_eq!(history[2].after, None);
        let filter = audit::AuditFilter { entity_key: Some("f".to_owned()), ..Default::default() };
        assert_eq!(audit::page(store, &acme(), &filter, &Default::default()).unwrap().items.len(), 4);
    });
}

#[test]
fn an_unknown_environment_has_no_flags() {
    TestStore::each(|store| {
        put(store, "production", &json!({"key": "f", "type": "boolean"})).unwrap();
        for result in [find(store, "nowhere", "f").map(drop), put(store, "nowhere", &json!({"key": "f", "type": "boolean"})).map(drop)] {
            let Err(StoreError::NotFound { entity, key }) = result else { panic!("not there") };
            assert_eq!((entity, key.as_str()), (Entity::Environment, "nowhere"));
        }
        assert_eq!(log(store, &acme()).len(), 1);
    });
}

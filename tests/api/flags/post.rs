//! `POST /v1/flags`: creates a flag, or changes the one that has the key.

use serde_json::{Value, json};

use crate::harness::each;
use crate::sample::{at, boolean, environment, everything, is_instant, is_uuid, on_when, text, with};

#[test]
fn a_flag_of_which_only_the_key_and_type_are_given_gets_every_default() {
    each(|api| {
        let answer = api.post("/v1/flags", &json!({"key": "new-checkout", "type": "boolean"}));
        let flag = answer.created();
        assert_eq!(answer.header("location"), Some("/v1/flags/new-checkout"));
        assert_eq!(answer.etag(), "\"1\"");
        assert!(is_uuid(&flag["id"]), "{flag}");
        assert!(is_instant(&flag["created_at"]) && flag["created_at"] == flag["updated_at"], "{flag}");
        let expected = json!({
            "key": "new-checkout", "name": "new-checkout", "description": "", "type": "boolean", "state": "off",
            "variants": [{"key": "on", "weight": 100, "value": true}, {"key": "off", "weight": 0, "value": false}],
            "rollout_percentage": 100, "off_variant": "off", "rules": [], "salt": null, "tags": [], "owner": null, "metadata": {},
            "environment": "production", "version": 1,
        });
        assert_eq!(with(flag.clone(), expected), flag);
        assert_eq!(api.get("/v1/flags/new-checkout").ok(), flag);
    });
}

#[test]
fn a_flag_keeps_everything_that_it_was_given() {
    let flag = json!({
        "key": "checkout-redesign", "name": "Checkout redesign", "description": "Одна страница вместо трёх ✓", "type": "json", "state": "on",
        "variants": [{"key": "one", "weight": 2.5, "value": {"pages": [1, 2.0, null]}}, {"key": "two", "weight": 0, "value": [true]}],
        "off_variant": "two",
        "rules": [{"id": "beta", "description": "beta testers", "when": {"attr": {"beta": true, "plan": ["pro", 7]}},
                   "rollout": {"distribution": [{"variant": "one", "weight": 1}, {"variant": "two", "weight": 3}]}}],
        "salt": "wave-1", "tags": ["checkout", "Zahlung"], "owner": "payments", "metadata": {"ticket": "PAY-12", "n": 3, "ok": true},
    });
    each(|api| {
        let created = api.post("/v1/flags", &flag).created();
        assert_eq!(with(created.clone(), flag.clone()), created);
        assert!(created.get("rollout_percentage").is_none(), "{created}");
    });
}

#[test]
fn the_same_document_again_changes_nothing() {
    each(|api| {
        let document = on_when("f", json!({"attr": {"country": "CA"}}));
        let first = api.post("/v1/flags", &document).created();
        let before = everything(api);
        let second = api.post("/v1/flags", &document);
        assert_eq!(second.ok(), first);
        assert_eq!(second.etag(), "\"1\"");
        assert_eq!(second.header("location"), None);
        // What GET gave can be sent back, read-only fields and all.
        assert_eq!(api.post("/v1/flags", &first).ok(), first);
        assert_eq!(everything(api), before, "a write that changes nothing writes nothing");
    });
}

#[test]
fn a_known_key_changes_only_what_is_given() {
    each(|api| {
        let document = with(text("f"), json!({"tags": ["x"], "owner": "me", "metadata": {"a": 1}, "salt": "s"}));
        let first = api.post("/v1/flags", &document).created();
        let answer = api.post("/v1/flags", &json!({"key": "f", "description": "said later"}));
        let second = answer.ok();
        assert_eq!(answer.etag(), "\"2\"");
        let changes = json!({"description": "said later", "version": 2, "updated_at": second["updated_at"]});
        assert_eq!(with(first, changes), second);
    });
}

#[test]
fn null_gives_a_field_its_default_back() {
    each(|api| {
        api.post(
            "/v1/flags",
            &with(boolean("f"), json!({"name": "N", "tags": ["x"], "owner": "me", "salt": "s", "rollout_percentage": 5})),
        )
        .created();
        let nulls = json!({"key": "f", "name": null, "tags": null, "owner": null, "salt": null, "state": null, "variants": null});
        let flag = api.post("/v1/flags", &nulls).ok();
        let expected = json!({"name": "f", "tags": [], "owner": null, "salt": null, "state": "off", "rollout_percentage": 100});
        assert_eq!(with(flag.clone(), expected), flag);
    });
}

#[test]
fn the_off_variant_is_filled_in_when_written() {
    let variants = |keys: &[&str]| keys.iter().map(|key| json!({"key": key, "weight": 1})).collect::<Value>();
    each(|api| {
        for (key, names, off) in [("f1", ["a", "off"], "off"), ("f2", ["a", "control"], "control"), ("f3", ["b", "a"], "b")] {
            let flag = api.post("/v1/flags", &json!({"key": key, "variants": variants(&names)})).created();
            assert_eq!(flag["off_variant"], off);
            // A string variant without a value has its key as value.
            assert_eq!(flag["variants"][0]["value"], names[0]);
        }
    });
}

#[test]
fn rule_ids_are_filled_in_and_survive_updates_and_reordering() {
    let rule = |when: Value| json!({"when": when, "rollout": {"variant": "on"}});
    let (first, second) = (rule(json!({"attr": {"a": 1}})), rule(json!({"attr": {"b": 2}})));
    each(|api| {
        let created = api.post("/v1/flags", &with(boolean("f"), json!({"rules": [first, second]}))).created();
        let ids: Vec<_> = [0, 1].map(|i| at(&created, &format!("/rules/{i}/id")).as_str().unwrap().to_owned()).into();
        assert!(ids[0] != ids[1] && !ids[0].is_empty(), "{created}");
        let reordered = api.post("/v1/flags", &json!({"key": "f", "rules": [second, first]})).ok();
        assert_eq!((at(&reordered, "/rules/0/id"), at(&reordered, "/rules/1/id")), (&ids[1].clone().into(), &ids[0].clone().into()));
        let third = rule(json!({"attr": {"c": 3}}));
        let added = api.post("/v1/flags", &json!({"key": "f", "rules": [third, first, second]})).ok();
        assert_eq!((at(&added, "/rules/1/id"), at(&added, "/rules/2/id")), (&ids[0].clone().into(), &ids[1].clone().into()));
        assert!(!ids.contains(&at(&added, "/rules/0/id").as_str().unwrap().to_owned()), "{added}");
    });
}

#[test]
fn a_flag_is_defined_in_every_environment_and_configured_in_one() {
    each(|api| {
        environment(api, "staging");
        let document = with(text("f"), json!({"rules": [{"id": "r", "when": {}, "rollout": {"variant": "b"}}], "salt": "s"}));
        let here = api.environment("staging").post("/v1/flags", &document).created();
        assert_eq!((&here["environment"], &here["state"]), (&"staging".into(), &"on".into()));
        let there = api.get("/v1/flags/f").ok();
        let expected =
            json!({"environment": "production", "state": "off", "rules": [], "version": 1, "variants": here["variants"], "id": here["id"]});
        assert_eq!(with(there.clone(), expected), there);
        // What all environments share is changed from any of them, what each has for itself is not.
        let variants = json!([{"key": "a", "weight": 9}, {"key": "b", "weight": 1}]);
        api.post("/v1/flags", &json!({"key": "f", "description": "shared", "state": "on", "variants": variants})).ok();
        let here = api.environment("staging").get("/v1/flags/f").ok();
        assert_eq!((&here["description"], at(&here, "/variants/0/weight")), (&"shared".into(), &1.into()));
    });
}

#[test]
fn a_variant_added_in_one_environment_has_no_weight_in_the_others() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/flags", &text("f")).created();
        let three = json!([{"key": "a", "weight": 1}, {"key": "b", "weight": 1}, {"key": "c", "weight": 5}]);
        api.environment("staging").post("/v1/flags", &json!({"key": "f", "variants": three})).ok();
        let weights =
            |flag: Value| flag["variants"].as_array().unwrap().iter().map(|variant| variant["weight"].clone()).collect::<Vec<_>>();
        assert_eq!(weights(api.get("/v1/flags/f").ok()), [json!(1), json!(1), json!(0)]);
        assert_eq!(weights(api.environment("staging").get("/v1/flags/f").ok()), [json!(1), json!(1), json!(5)]);
    });
}

#[test]
fn a_variant_that_another_environment_uses_cannot_be_removed() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/flags", &text("f")).created();
        let before = everything(api);
        let only_a = json!({"key": "f", "variants": [{"key": "a", "weight": 1}], "off_variant": "a", "rules": []});
        let problem = api.environment("staging").post("/v1/flags", &only_a).problem(409, "variant_in_use");
        let used_by = problem["used_by"].as_array().unwrap();
        assert!(!used_by.is_empty() && used_by.iter().all(|user| user.as_str().unwrap().contains("production")), "{problem}");
        assert_eq!(everything(api), before);
        // Where nobody uses it any more, it can.
        let unused = json!({"key": "f", "variants": [{"key": "a", "weight": 1}, {"key": "b", "weight": 0}], "off_variant": "a"});
        api.post("/v1/flags", &unused).ok();
        api.environment("staging").post("/v1/flags", &only_a).ok();
        assert_eq!(api.get("/v1/flags/f").ok()["variants"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn if_none_match_of_anything_makes_it_create_only() {
    each(|api| {
        let create_only = api.with("If-None-Match", "*");
        create_only.post("/v1/flags", &text("f")).created();
        create_only.post("/v1/flags", &with(text("f"), json!({"owner": "x"}))).problem(412, "version_mismatch");
        assert_eq!(api.get("/v1/flags/f").ok()["version"], 1);
    });
}

#[test]
fn if_match_makes_it_update_only() {
    each(|api| {
        for tags in ["*", "\"1\""] {
            api.with("If-Match", tags).post("/v1/flags", &text("f")).problem(412, "version_mismatch");
        }
        api.post("/v1/flags", &text("f")).created();
        api.with("If-Match", "*").post("/v1/flags", &json!({"key": "f", "owner": "x"})).ok();
        api.with("If-Match", "\"1\"").post("/v1/flags", &json!({"key": "f", "owner": "y"})).problem(412, "version_mismatch");
        assert_eq!(api.with("If-Match", "\"7\", \"2\"").post("/v1/flags", &json!({"key": "f", "owner": "z"})).ok()["version"], 3);
    });
}

#[test]
fn a_key_that_was_deleted_starts_a_new_flag() {
    each(|api| {
        let first = api.post("/v1/flags", &with(text("f"), json!({"description": "old"}))).created();
        api.delete("/v1/flags/f").is(204);
        let second = api.post("/v1/flags", &boolean("f")).created();
        assert_ne!(first["id"], second["id"]);
        assert_eq!((&second["version"], &second["description"], &second["type"]), (&1.into(), &"".into(), &"boolean".into()));
    });
}

#[test]
fn the_first_write_makes_the_tenant() {
    each(|api| {
        assert_eq!(api.all("/v1/flags"), Vec::<Value>::new());
        assert_eq!(api.all("/v1/audit"), Vec::<Value>::new());
        api.post("/v1/flags", &text("f")).created();
        assert_eq!(api.all("/v1/audit")[0]["revision"], 1);
    });
}

#[test]
fn environments_other_than_production_must_exist_first() {
    each(|api| {
        api.environment("staging").post("/v1/flags", &text("f")).problem(404, "environment_not_found");
        // A fault in the body does not matter where there is no such place.
        api.environment("staging").post("/v1/flags", &json!({})).problem(404, "environment_not_found");
        assert_eq!(everything(api)["/v1/audit"], json!([]));
    });
}

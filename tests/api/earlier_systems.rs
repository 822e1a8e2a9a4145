//! What earlier systems of this kind could do, each as its users would go through it.

use ff_test_support::{ADMIN_KEY, Client, token::token};
use serde_json::{Value, json};

use crate::harness::{each, fresh_tenant, setup, setup_on_postgres};
use crate::sample::{is_instant, is_uuid, keys};

#[test]
fn a_boolean_flags_with_a_rollout_percentage_partial_updates_and_all_flags_of_a_user() {
    each(|api| {
        // Who is in depends on the tenant's name: with this one it is the same users in every run.
        let api = &api.tenant("earlier-system-a");
        let flag = api.post("/v1/flags", &json!({"key": "new-ui", "type": "boolean", "state": "on", "rollout_percentage": 30})).created();
        assert_eq!((&flag["state"], &flag["rollout_percentage"]), (&"on".into(), &30.into()));
        let is_on = |user: &str| api.get(&format!("/v1/users/{user}/flags/new-ui")).ok()["value"].as_bool().unwrap();
        let users: Vec<String> = (0..200).map(|i| format!("user-{i}")).collect();
        let at_30: Vec<bool> = users.iter().map(|user| is_on(user)).collect();
        let count = at_30.iter().filter(|is_on| **is_on).count();
        // 200 users at 30 %: less than 1 in 10^6 other names of the tenant would fall outside.
        assert!((28..=92).contains(&count), "{count} of 200 at 30 %");

        // A partial update leaves the rest alone, and nobody who was in falls out.
        let changed = api.put("/v1/flags/new-ui", &json!({"rollout_percentage": 60})).ok();
        assert_eq!((&changed["state"], &changed["name"], &changed["id"]), (&"on".into(), &flag["name"], &flag["id"]));
        let at_60: Vec<bool> = users.iter().map(|user| is_on(user)).collect();
        assert!(at_30.iter().zip(&at_60).all(|(before, after)| *after || !*before), "raising a percentage removes nobody");
        assert!(at_60.iter().filter(|is_on| **is_on).count() > count);

        api.put("/v1/flags/new-ui", &json!({"state": "off"})).ok();
        assert!(users.iter().all(|user| !is_on(user)));
        let back = api.put("/v1/flags/new-ui", &json!({"state": "on"})).ok();
        assert_eq!(back["rollout_percentage"], 60);
        assert_eq!(users.iter().map(|user| is_on(user)).collect::<Vec<_>>(), at_60, "off and on again is as before");

        api.post("/v1/flags", &json!({"key": "always", "type": "boolean", "state": "on"})).created();
        api.post("/v1/flags", &json!({"key": "never", "type": "boolean"})).created();
        let all = api.get("/v1/users/user-1/flags").ok();
        let values: Vec<(&str, &Value)> =
            all["items"].as_array().unwrap().iter().map(|item| (item["flag_key"].as_str().unwrap(), &item["value"])).collect();
        assert_eq!(values, [("always", &json!(true)), ("never", &json!(false)), ("new-ui", &json!(at_60[1]))]);
    });
}

#[test]
fn b_uuid_ids_names_descriptions_timestamps_and_postgresql_with_migrations() {
    let Some(setup) = setup_on_postgres() else { return };
    let migrated = setup.command().arg("migrate").output().unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    let server = setup.start();
    let api = crate::harness::admin_of(&server);
    let flag = api.post("/v1/flags", &json!({"key": "f", "type": "boolean", "name": "A flag", "description": "for people"})).created();
    assert!(is_uuid(&flag["id"]) && is_instant(&flag["created_at"]) && flag["created_at"] == flag["updated_at"], "{flag}");
    let changed = api.put("/v1/flags/f", &json!({"description": "for everyone"})).ok();
    assert_eq!((&changed["id"], &changed["created_at"], &changed["name"]), (&flag["id"], &flag["created_at"], &flag["name"]));
    assert!(
        changed["updated_at"].as_str().unwrap().parse::<ff_core::Timestamp>().unwrap()
            >= flag["updated_at"].as_str().unwrap().parse().unwrap()
    );
    let other = api.post("/v1/flags", &json!({"key": "g", "type": "boolean"})).created();
    assert_ne!(flag["id"], other["id"]);
    server.kill_9();
    server.start_again();
    let api = server.client().admin("test").tenant(api.tenant_id());
    assert_eq!(api.get("/v1/flags/f").ok(), changed, "the second start migrates nothing and loses nothing");
}

#[test]
fn c_typed_values_targeting_by_lists_and_percentage_evaluation_by_get_and_writes_by_key() {
    each(|api| {
        let api = &api.tenant("earlier-system-c");
        let reader = api.scopes(&["evaluate"]);
        let writer = api.without("Authorization").with("X-API-Key", ADMIN_KEY);
        let flag = |key: &str, kind: &str, on: Value, default: Value| {
            json!({
                "key": key, "type": kind, "state": "on", "off_variant": "default",
                "variants": [{"key": "default", "weight": 1, "value": default}, {"key": "special", "weight": 0, "value": on}],
                "rules": [
                    {"id": "listed", "when": {"user_id": ["ann", "bob"]}, "rollout": {"variant": "special"}},
                    {"id": "some-canadians", "when": {"attr": {"country": "CA"}, "percentage": 50}, "rollout": {"variant": "special"}},
                ],
            })
        };
        for (key, kind, special, default) in [
            ("b", "boolean", json!(true), json!(false)),
            ("s", "string", json!("blue"), json!("grey")),
            ("n", "number", json!(2.5), json!(1)),
            ("j", "json", json!({"limit": [1, 2]}), json!({})),
        ] {
            let document = flag(key, kind, special.clone(), default.clone());
            api.without("Authorization").with("X-API-Key", "wrong").post("/v1/flags", &document).problem(401, "unauthenticated");
            reader.post("/v1/flags", &document).problem(403, "scope_missing");
            writer.post("/v1/flags", &document).created();
            assert_eq!(reader.get(&format!("/v1/evaluate/{key}?user_id=ann")).ok()["value"], special);
            assert_eq!(reader.get(&format!("/v1/evaluate/{key}?user_id=carl")).ok()["value"], default);
            let answers: Vec<Value> = (0..60).map(|i| reader.get(&format!("/v1/evaluate/{key}?user_id=u{i}&country=CA")).ok()).collect();
            let special_ones = answers.iter().filter(|answer| answer["value"] == special && answer["rule_id"] == "some-canadians").count();
            // 60 users at 50 %: 10 to 50 leaves a chance of less than 1 in 10^6 to any set of names.
            assert!((10..=50).contains(&special_ones), "{special_ones} of 60");
            writer.put(&format!("/v1/flags/{key}"), &json!({"state": "off"})).ok();
            assert_eq!(reader.get(&format!("/v1/evaluate/{key}?user_id=ann")).ok()["value"], default);
        }
        writer.put("/v1/flags/n", &json!({"variants": [{"key": "default", "weight": 1, "value": "one"}]})).problem(422, "invalid_body");
    });
}

#[test]
fn d_multi_tenant_crud_with_jwt_audit_idempotent_upsert_and_preview() {
    each(|api| {
        let (ours, theirs) = (fresh_tenant(), fresh_tenant());
        let scopes = ["flags:rw", "segments:rw", "audit:r"];
        let team = |who: &str, tenant: &str| Client::new(api.address().to_owned()).bearer(&token(who, &scopes, &[tenant])).tenant(tenant);
        let (us, them) = (team("us", &ours), team("them", &theirs));

        us.post("/v1/segments", &json!({"key": "beta", "included": ["ann"]})).created();
        let document = json!({"key": "f", "type": "boolean", "state": "on", "rollout_percentage": 0,
            "rules": [{"id": "beta", "when": {"segment": "beta"}, "rollout": {"variant": "on"}}]});
        let first = us.post("/v1/flags", &document).created();
        assert_eq!(us.post("/v1/flags", &document).ok(), first, "the same again is the same");
        assert_eq!(us.all("/v1/audit").len(), 2, "and leaves no trace");

        them.get("/v1/flags/f").problem(404, "flag_not_found");
        them.post("/v1/flags", &json!({"key": "f", "type": "boolean"})).created();
        us.tenant(&theirs).get("/v1/flags").problem(403, "tenant_forbidden");
        us.without("X-Tenant-ID").get("/v1/flags").problem(400, "tenant_missing");
        us.without("Authorization").get("/v1/flags").problem(401, "unauthenticated");

        let preview = us.post("/v1/evaluate/preview", &json!({"flag": {"key": "f", "rules": []}, "user": {"id": "ann"}})).ok();
        assert_eq!(preview["evaluation"]["variant"], "off");
        assert_eq!(us.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "ann"}})).ok()["variant"], "on");
        assert_eq!(them.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "ann"}})).ok()["reason"], "flag_off");

        us.put("/v1/segments/beta", &json!({"included": []})).ok();
        us.delete("/v1/segments/beta").problem(409, "segment_in_use");
        us.delete("/v1/flags/f").is(204);
        us.delete("/v1/segments/beta").is(204);
        assert_eq!((keys(&us.all("/v1/flags")), keys(&them.all("/v1/flags"))), (vec![], vec!["f"]));
        let audit = us.all("/v1/audit");
        let seen: Vec<_> =
            audit.iter().map(|e| (e["actor"].as_str().unwrap(), e["action"].as_str().unwrap(), e["entity"].as_str().unwrap())).collect();
        let expected = [
            ("us", "deleted", "segment"),
            ("us", "deleted", "flag"),
            ("us", "updated", "segment"),
            ("us", "created", "flag"),
            ("us", "created", "segment"),
        ];
        assert_eq!(seen, expected);
        assert_eq!(them.all("/v1/audit").len(), 1);
    });
    // The newcomer's way in: a token for the asking, on a server that was started with one option.
    let server = setup().dev().start();
    let token = server.client().send("POST", "/v1/auth/token", None).ok();
    let dev = server.client().bearer(token["access_token"].as_str().unwrap()).tenant("acme");
    assert!(!dev.all("/v1/flags").is_empty() && !dev.all("/v1/segments").is_empty());
}

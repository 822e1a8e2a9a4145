//! `GET /v1/ruleset/changes`.

use ff_core::{Ruleset, RulesetChanges, RulesetDocument, Timestamp, User};
use ff_test_support::Client;
use serde_json::{Value, json};

use crate::harness::{each, each_own};
use crate::sample::{boolean, environment, on_when, text};

fn since(api: &Client, revision: u64) -> Value {
    api.get(&format!("/v1/ruleset/changes?since={revision}")).ok()
}

fn download(api: &Client) -> Ruleset {
    RulesetDocument::from_value(&api.get("/v1/ruleset").ok()).unwrap().compile().unwrap()
}

/// What every flag gives to some users, explained.
fn answers(ruleset: &Ruleset) -> Vec<Value> {
    let mut keys: Vec<_> = ruleset.flag_keys().cloned().collect();
    keys.sort();
    let users = [User::new("u").unwrap(), User::new("v").unwrap().with("x", 1), User::new("w").unwrap().with("x", 2)];
    let explain =
        |key: &ff_core::FlagKey, user: &User| serde_json::to_value(ruleset.explain(key.as_str(), user, Timestamp::EPOCH)).unwrap();
    keys.iter().flat_map(|key| users.iter().map(|user| explain(key, user)).collect::<Vec<_>>()).collect()
}

#[test]
fn each_entity_comes_once_and_as_it_is_now() {
    each(|api| {
        for key in ["a", "b", "c", "d"] {
            api.post("/v1/flags", &text(key)).created();
        }
        api.post("/v1/segments", &json!({"key": "s"})).created();
        let start = api.get("/v1/ruleset").ok()["revision"].as_u64().unwrap();
        api.put("/v1/flags/a", &json!({"state": "off"})).ok();
        api.put("/v1/flags/a", &json!({"state": "on"})).ok();
        api.delete("/v1/flags/b").is(204);
        api.post("/v1/flags", &boolean("e")).created();
        api.delete("/v1/flags/e").is(204);
        api.delete("/v1/flags/d").is(204);
        api.post("/v1/flags", &boolean("d")).created();
        api.delete("/v1/segments/s").is(204);
        api.post("/v1/segments", &json!({"key": "t", "included": ["u"]})).created();
        let changes = since(api, start);
        assert_eq!((&changes["since"], &changes["revision"], &changes["reset"]), (&json!(start), &json!(start + 9), &json!(false)));
        let keys: Vec<_> = changes["flags"].as_array().unwrap().iter().map(|flag| flag["key"].as_str().unwrap()).collect();
        assert_eq!(keys, ["a", "d"]);
        assert_eq!((&changes["flags"][0]["state"], &changes["flags"][1]["type"]), (&json!("on"), &json!("boolean")));
        assert_eq!((&changes["removed_flags"], &changes["removed_segments"]), (&json!(["b", "e"]), &json!(["s"])));
        assert_eq!(changes["segments"], json!([{"key": "t", "criteria": {"any": []}, "included": ["u"]}]));
        let now = since(api, start + 9);
        for list in ["flags", "segments", "removed_flags", "removed_segments"] {
            assert_eq!(now[list], json!([]));
        }
    });
}

#[test]
fn a_download_with_the_changes_since_is_a_download_now() {
    each(|api| {
        environment(api, "staging");
        let staging = api.environment("staging");
        let clients = [api, &staging];
        let steps: [&dyn Fn(); 10] = [
            &|| drop(api.post("/v1/segments", &json!({"key": "s", "criteria": {"attr": {"x": 1}}})).created()),
            &|| drop(api.post("/v1/flags", &on_when("a", json!({"segment": "s"}))).created()),
            &|| drop(api.post("/v1/flags", &on_when("b", json!({"flag": {"key": "a", "variant": "on"}}))).created()),
            &|| drop(staging.put("/v1/flags/a", &json!({"state": "on", "rollout_percentage": 50})).ok()),
            &|| drop(api.put("/v1/segments/s", &json!({"criteria": {"attr": {"x": 2}}})).ok()),
            &|| drop(api.put("/v1/flags/b", &json!({"rules": []})).ok()),
            &|| {
                api.delete("/v1/flags/a").is(204);
            },
            &|| {
                api.delete("/v1/segments/s").is(204);
            },
            &|| drop(api.post("/v1/flags", &text("a")).created()),
            &|| drop(api.post("/v1/environments", &json!({"key": "staging", "name": "S"})).ok()),
        ];
        let mut downloads: Vec<Vec<Ruleset>> = clients.iter().map(|client| vec![download(client)]).collect();
        for step in steps {
            step();
            for (client, earlier) in clients.iter().zip(&mut downloads) {
                let now = download(client);
                for ruleset in earlier.iter() {
                    let changes = RulesetChanges::from_value(&since(client, ruleset.revision())).unwrap();
                    assert!(!changes.reset, "{changes:?}");
                    let followed = ruleset.with_changes(&changes).unwrap();
                    assert_eq!((followed.revision(), followed.len()), (now.revision(), now.len()));
                    assert_eq!(answers(&followed), answers(&now), "from {}", ruleset.revision());
                }
                earlier.push(now);
            }
        }
    });
}

#[test]
fn what_happens_in_another_environment_is_no_change_here() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/flags", &boolean("f")).created();
        let start = api.get("/v1/ruleset").ok()["revision"].as_u64().unwrap();
        api.environment("staging").put("/v1/flags/f", &json!({"state": "on"})).ok();
        let here = since(api, start);
        assert_eq!((&here["revision"], &here["flags"]), (&json!(start + 1), &json!([])));
        assert_eq!(since(&api.environment("staging"), start)["flags"][0]["key"], "f");
    });
}

#[test]
fn whoever_is_too_far_behind_is_told_to_fetch_the_whole() {
    each(|api| {
        api.post("/v1/flags", &text("a")).created();
        let is_reset = |api: &Client, revision: u64| since(api, revision)["reset"].as_bool().unwrap();
        environment(api, "staging");
        let staging = api.environment("staging");
        staging.get("/v1/ruleset").ok();
        assert!(is_reset(&staging, 1), "the environment is newer");
        assert!(!is_reset(&staging, 2) && !is_reset(api, 0));
        // It is another one now.
        api.delete("/v1/environments/staging").is(204);
        staging.get("/v1/ruleset/changes?since=2").problem(404, "environment_not_found");
        environment(api, "staging");
        assert!(is_reset(&staging, 2) && is_reset(&staging, 3) && !is_reset(&staging, 4));
        // Nearly everything is gone, so the list of what is gone is longer than the whole.
        let keys: Vec<_> = (0..8).map(|i| format!("{i}-{}", "long".repeat(30))).collect();
        keys.iter().for_each(|key| drop(api.post("/v1/flags", &text(key)).created()));
        assert!(!is_reset(api, 12));
        keys.iter().for_each(|key| assert_eq!(api.delete(&format!("/v1/flags/{key}")).status(), 204));
        let reset = since(api, 12);
        assert_eq!((&reset["reset"], &reset["revision"], &reset["removed_flags"]), (&json!(true), &json!(20), &json!([])));
        assert!(!is_reset(api, 19));
    });
}

#[test]
fn a_thousand_revisions_are_remembered_and_no_more() {
    each_own(
        |setup| setup,
        |server| {
            let api = server.client().admin("test").tenant("acme");
            for key in ["a", "b", "c", "d", "e", "f"] {
                api.post("/v1/flags", &text(key)).created();
            }
            let changed = |revision: u64| since(&api, revision)["reset"] == json!(false);
            for i in 0..1_010 {
                api.put("/v1/flags/a", &json!({"owner": format!("{i}")})).ok();
                if i == 500 {
                    assert!(changed(6));
                }
            }
            // Made from the one before, which was read at half of the way; and then read anew.
            assert!(changed(16) && !changed(15), "{}", since(&api, 16));
            server.kill_9();
            server.start_again();
            let api = server.client().admin("test").tenant("acme");
            assert_eq!((since(&api, 16)["reset"].clone(), since(&api, 15)["reset"].clone()), (json!(false), json!(true)));
        },
    );
}

#[test]
fn revisions_that_are_none_or_yet_to_come_are_refused() {
    each(|api| {
        api.post("/v1/flags", &text("a")).created();
        for bad in ["", "-1", "1.0", "x", "0x1", "2", "99999999999999999999999"] {
            api.get(&format!("/v1/ruleset/changes?since={bad}")).problem(400, "invalid_query");
        }
        let beyond = api.get("/v1/ruleset/changes?since=9223372036854775808").problem(400, "invalid_query");
        assert_eq!(beyond["detail"], "the parameter `since` does not fit: expected a revision, a whole number below 2^63");
        api.get("/v1/ruleset/changes").problem(400, "invalid_query");
        api.get("/v1/ruleset/changes?since=0&since=1").problem(400, "invalid_query");
        api.get("/v1/ruleset/changes?since=0&limit=1").problem(400, "invalid_query");
    });
}

#[test]
fn who_has_these_changes_already_is_told_so() {
    each(|api| {
        api.post("/v1/flags", &text("a")).created();
        api.post("/v1/flags", &text("b")).created();
        for client in [api.clone(), api.with("Accept-Encoding", "gzip")] {
            let tag = client.get("/v1/ruleset/changes?since=1").etag();
            let seen = client.with("If-None-Match", &tag);
            seen.get("/v1/ruleset/changes?since=1").is(304);
            seen.get("/v1/ruleset/changes?since=2").is(200);
        }
    });
}

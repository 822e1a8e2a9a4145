//! What is served from memory is what was written last.

use ff_test_support::Client;
use serde_json::{Value, json};

use crate::harness::{admin_of, each, each_own};
use crate::ops::metrics::sum;
use crate::sample::{boolean, environment, on_when, text, variant_of, with};

fn ask(api: &Client, flag: &str) -> ff_test_support::Answer {
    api.post("/v1/evaluate", &json!({"flag_key": flag, "user": {"id": "u"}}))
}

#[test]
fn a_cache_does_not_outlive_a_delete() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        ask(api, "f").ok();
        api.delete("/v1/flags/f").is(204);
        ask(api, "f").problem(404, "flag_not_found");
        api.get("/v1/evaluate/f?user_id=u").problem(404, "flag_not_found");
        api.get("/v1/users/u/flags/f").problem(404, "flag_not_found");
        assert_eq!(api.get("/v1/users/u/flags").ok()["items"], json!([]));
        api.post("/v1/evaluate/preview", &json!({"flag_key": "f", "user": {"id": "u"}})).problem(404, "flag_not_found");
        api.post("/v1/flags", &boolean("f")).created();
        assert_eq!(ask(api, "f").ok()["value"], true, "a new flag, not the old one");
    });
}

#[test]
fn every_write_is_read_right_after_it() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/segments", &json!({"key": "s"})).created();
        let off_for_all = with(boolean("f"), json!({"rollout_percentage": 0}));
        api.post("/v1/flags", &off_for_all).created();
        let in_segment = json!({"rules": [{"id": "r", "when": {"segment": "s"}, "rollout": {"variant": "on"}}]});
        type Step<'a> = (&'a str, Box<dyn Fn() + 'a>, &'a str);
        let steps: Vec<Step<'_>> = vec![
            ("POST", Box::new(|| drop(api.post("/v1/flags", &json!({"key": "f", "rollout_percentage": 100})).ok())), "on"),
            ("PUT", Box::new(|| drop(api.put("/v1/flags/f", &json!({"rollout_percentage": 0})).ok())), "off"),
            ("PATCH", Box::new(|| drop(api.patch("/v1/flags/f", &in_segment).ok())), "off"),
            ("PUT of a segment", Box::new(|| drop(api.put("/v1/segments/s", &json!({"included": ["u"]})).ok())), "on"),
            ("PATCH of a segment", Box::new(|| drop(api.patch("/v1/segments/s", &json!({"excluded": ["u"]})).ok())), "off"),
            ("POST of a segment", Box::new(|| drop(api.post("/v1/segments", &json!({"key": "s", "excluded": []})).ok())), "on"),
            ("rollback", Box::new(|| drop(api.post("/v1/flags/f/rollback", &json!({"version": 2})).ok())), "on"),
            ("rollback again", Box::new(|| drop(api.post("/v1/flags/f/rollback", &json!({"version": 3})).ok())), "off"),
        ];
        for (what, step, expected) in &steps {
            step();
            assert_eq!(variant_of(api, "f", json!({"id": "u"})), *expected, "after {what}");
            assert_eq!(ask(&api.environment("staging"), "f").ok()["reason"], "flag_off", "after {what}");
        }
    });
}

#[test]
fn a_tenant_that_was_asked_for_before_its_first_write_is_served_after_it() {
    each(|api| {
        ask(api, "f").problem(404, "flag_not_found");
        assert_eq!(api.get("/v1/users/u/flags").ok(), json!({"environment": "production", "revision": 0, "items": [], "errors": []}));
        api.post("/v1/flags", &boolean("f")).created();
        ask(api, "f").ok();
        api.environment("staging").get("/v1/users/u/flags").problem(404, "environment_not_found");
        environment(api, "staging");
        assert_eq!(api.environment("staging").get("/v1/users/u/flags").ok()["revision"], 2);
    });
}

#[test]
fn one_revision_is_read_from_the_beginning_of_a_batch_to_its_end() {
    each(|api| {
        let flags: Vec<String> = (0..20).map(|i| format!("f{i:02}")).collect();
        api.post("/v1/segments", &json!({"key": "s", "included": []})).created();
        for flag in &flags {
            api.post("/v1/flags", &on_when(flag, json!({"segment": "s"}))).created();
        }
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| {
                for i in 0..30 {
                    api.put("/v1/segments/s", &json!({"included": if i % 2 == 0 { json!(["u"]) } else { json!([]) }})).ok();
                }
            });
            while !writing.is_finished() {
                let batch = api.get("/v1/users/u/flags").ok();
                let items = batch["items"].as_array().unwrap();
                assert_eq!(items.len(), flags.len());
                assert!(items.iter().all(|item| item["variant"] == items[0]["variant"]), "two states in one answer: {batch}");
                // Of the revisions after the flags' creation, every other one has the user in the segment.
                let revision = batch["revision"].as_u64().unwrap() - 21;
                assert_eq!(items[0]["variant"] == "on", revision % 2 == 1, "revision {revision}");
            }
        });
    });
}

#[test]
fn rulesets_are_loaded_once_however_many_ask_at_the_same_time() {
    each_own(
        |setup| setup,
        |server| {
            let api = admin_of(server);
            for i in 0..50 {
                api.post("/v1/flags", &on_when(&format!("f{i}"), json!({"attr": {"x": {"matches": "^a+b"}}}))).created();
            }
            server.kill_9();
            server.start_again();
            let tenant = api.tenant_id().to_owned();
            let start = std::sync::Barrier::new(50);
            std::thread::scope(|scope| {
                for _ in 0..50 {
                    scope.spawn(|| {
                        let api = server.client().admin("test").tenant(&tenant);
                        start.wait();
                        ask(&api, "f7").ok();
                    });
                }
            });
            let api = server.client().admin("test").tenant(&tenant);
            assert_eq!(sum(&api, "ff_ruleset_cache_misses_total"), 1.0);
            assert_eq!(sum(&api, "ff_ruleset_cache_hits_total"), 49.0);
            ask(&api, "f8").ok();
            assert_eq!((sum(&api, "ff_ruleset_cache_misses_total"), sum(&api, "ff_ruleset_cache_hits_total")), (1.0, 50.0));
        },
    );
}

#[test]
fn an_update_that_fails_leaves_what_is_served_as_it_was() {
    each(|api| {
        api.post("/v1/flags", &on_when("f", json!({"user_id": "u"}))).created();
        let before: Value = ask(api, "f").ok();
        api.put("/v1/flags/f", &json!({"rules": [{"when": {"segment": "nope"}, "rollout": {"variant": "on"}}]}))
            .problem(422, "invalid_body");
        api.with("If-Match", "\"9\"").put("/v1/flags/f", &json!({"state": "off"})).problem(412, "version_mismatch");
        api.with("If-Match", "\"9\"").delete("/v1/flags/f").problem(412, "version_mismatch");
        assert_eq!(ask(api, "f").ok(), before);
    });
}

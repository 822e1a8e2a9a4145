//! `PUT /v1/webhooks/{id}`.

use std::sync::{Arc, Barrier};

use ff_test_support::{Reply, Target};
use serde_json::json;

use crate::harness::{admin_of, each, each_own};
use crate::sample::boolean;
use crate::webhooks::steps::{create, create_at, create_flags, hasty, revisions, types};

#[test]
fn fields_left_out_stay_and_the_same_again_changes_nothing() {
    each(|api| {
        let hook = create(api, &Target::start(), &["flag.*"]);
        let answer = api.put(&hook.path(), &json!({"description": "new"}));
        let changed = answer.ok();
        assert_eq!((&changed["description"], &changed["events"], &changed["version"]), (&json!("new"), &json!(["flag.*"]), &json!(2)));
        assert_eq!(answer.etag(), "\"2\"");
        assert!(changed.get("secret").is_none());
        assert_eq!(api.put(&hook.path(), &json!({"description": "new"})).ok()["version"], 2);
        assert_eq!(api.all("/v1/audit?entity=webhook").len(), 2);
        api.put(&hook.path(), &json!({"url": "x", "events": []})).invalid(&["/url", "/events"]);
        assert_eq!(api.all("/v1/audit?entity=webhook").len(), 2);
    });
}

#[test]
fn the_audit_log_has_no_more_of_a_url_than_where_it_leads_and_whether_the_rest_is_another_one() {
    each(|api| {
        let urls =
            ["https://a.example.com/kept-1", "https://a.example.com/kept-2?kept", "https://b.example.com/kept-3", "https://b.example.com/"];
        let hook = create_at(api, urls[0], &["flag.*"]);
        urls[1..].iter().for_each(|url| drop(api.put(&hook.path(), &json!({"url": url})).ok()));
        api.put(&hook.path(), &json!({"description": "new"})).ok();
        api.delete(&hook.path()).is(204);
        assert!(!api.get("/v1/audit").text().contains("kept"));
        let mut entries = api.all("/v1/audit?entity=webhook");
        entries.reverse();
        let told: Vec<_> = entries.iter().map(|entry| (&entry["before"]["url"], &entry["after"]["url"])).collect();
        let (a, changed, b) =
            (json!("https://a.example.com/…"), json!("https://a.example.com/… (changed)"), json!("https://b.example.com/…"));
        let (b_changed, none) = (json!("https://b.example.com/… (changed)"), json!(null));
        assert_eq!(told, [(&none, &a), (&a, &changed), (&a, &b), (&b, &b_changed), (&b, &b), (&b, &none)]);
        assert_eq!(entries[1]["after"]["version"], 2);
    });
}

#[test]
fn if_match_guards_it() {
    each(|api| {
        let hook = create(api, &Target::start(), &["flag.*"]);
        api.with("If-Match", "\"2\"").put(&hook.path(), &json!({"description": "x"})).problem(412, "version_mismatch");
        api.with("If-Match", "\"1\"").put(&hook.path(), &json!({"description": "x"})).ok();
        api.with("If-Match", "\"1\"").delete(&hook.path()).problem(412, "version_mismatch");
        api.with("If-Match", "\"1\"").post(&format!("{}/rotate", hook.path()), &json!({})).problem(412, "version_mismatch");
    });
}

#[test]
fn one_that_is_turned_off_is_told_nothing_and_hears_later_only_of_what_is_new() {
    each(|api| {
        let target = Target::start();
        let hook = create(api, &target, &["*"]);
        create_flags(api, 1);
        target.wait_for(1);
        api.put(&hook.path(), &json!({"enabled": false})).ok();
        api.post("/v1/flags", &boolean("meanwhile")).created();
        api.put(&hook.path(), &json!({"enabled": true})).ok();
        api.delete("/v1/flags/meanwhile").is(204);
        assert_eq!(types(&target.wait_for(2)), ["flag.created", "flag.deleted"]);
    });
}

#[test]
fn another_url_is_tried_at_once_with_what_could_not_be_delivered_to_the_one_before() {
    each_own(
        |setup| hasty(setup).variable("WEBHOOK_RETRY_MS", "3600000"),
        |server| {
            let api = admin_of(server);
            let (bad, good) = (Target::start(), Target::start());
            bad.reply(Reply::Status(500));
            let hook = create(&api, &bad, &["flag.*"]);
            create_flags(&api, 2);
            hook.wait_for(&api, 0, "pending");
            assert!(hook.show(&api)["delivery"]["failing_since"].is_string());
            api.put(&hook.path(), &json!({"url": good.url()})).ok();
            assert_eq!(good.wait_for(2)[0].id(), bad.received()[0].id(), "the same message, elsewhere");
            hook.wait_for(&api, 1, "delivered");
            assert_eq!(hook.show(&api)["delivery"]["failing_since"], json!(null));
            assert_eq!(bad.received().len(), 1);
        },
    );
}

#[test]
fn what_waits_for_another_attempt_is_given_up_with_its_reason_where_it_is_not_wanted_any_more() {
    each_own(
        |setup| hasty(setup).variable("WEBHOOK_RETRY_MS", "3600000"),
        |server| {
            let api = admin_of(server);
            for (i, (change, reason)) in
                [(json!({"enabled": false}), "turned off"), (json!({"events": ["segment.*"]}), "`events`")].into_iter().enumerate()
            {
                let target = Target::start();
                target.reply(Reply::Status(503));
                let hook = create(&api, &target, &["flag.*"]);
                api.post("/v1/flags", &boolean(&format!("f{i}"))).created();
                let pending = hook.wait_for(&api, 0, "pending");
                api.put(&hook.path(), &change).ok();
                let parked = &hook.deliveries(&api)[0];
                let same = ["id", "status", "attempts", "created_at", "last_attempt_at", "duration_ms"];
                assert!(same.into_iter().all(|name| parked[name] == pending[name]), "{pending} {parked}");
                assert_eq!((&parked["state"], &parked["next_attempt_at"]), (&json!("parked"), &json!(null)));
                let error = parked["error"].as_str().unwrap();
                assert!(error.starts_with("answered 503; ") && error.contains(reason), "{error}");
                // It can be delivered by hand.
                target.reply(Reply::Status(200));
                let path = hook.redelivery(&pending);
                assert_eq!(api.post(&path, &json!({})).ok()["delivered"], true);
                assert_eq!(hook.deliveries(&api)[0]["state"], "delivered");
                api.delete(&hook.path()).is(204);
            }
        },
    );
}

#[test]
fn what_is_still_wanted_stays_in_the_list_while_it_is_tried_again() {
    each_own(
        |setup| {
            hasty(setup)
                .variable("WEBHOOK_RETRY_MS", "3600000")
                .variable("WEBHOOK_TIMEOUT_MS", "30000")
                .variable("WEBHOOK_LEASE_MS", "60000")
        },
        |server| {
            let api = admin_of(server);
            let target = Target::start();
            target.reply_once(Reply::Status(503));
            let hook = create(&api, &target, &["flag.*"]);
            create_flags(&api, 1);
            let pending = hook.wait_for(&api, 0, "pending");
            let gate = Arc::new(Barrier::new(2));
            target.reply_once(Reply::Held(200, gate.clone()));
            api.put(&hook.path(), &json!({"events": ["*"]})).ok();
            target.wait_for(2);
            let waiting = &hook.deliveries(&api)[0];
            assert_eq!((&waiting["state"], &waiting["error"]), (&json!("pending"), &pending["error"]));
            gate.wait();
            let delivered = hook.wait_for(&api, 0, "delivered");
            assert_eq!(delivered["created_at"], pending["created_at"]);
        },
    );
}

#[test]
fn what_was_delivered_before_the_target_said_that_it_is_gone_is_not_sent_again_to_the_next_one() {
    each_own(hasty, |server| {
        let api = admin_of(server);
        let (old, new) = (Target::start(), Target::start());
        let gates = [200, 410].map(|status| {
            let gate = Arc::new(Barrier::new(2));
            old.reply_once(Reply::Held(status, gate.clone()));
            gate
        });
        let hook = create(&api, &old, &["flag.*"]);
        create_flags(&api, 2);
        old.wait_for(1);
        gates[0].wait();
        old.wait_for(2);
        api.put(&hook.path(), &json!({"url": new.url()})).ok();
        gates[1].wait();
        hook.wait_for(&api, 1, "delivered");
        assert_eq!(hook.show(&api)["enabled"], true, "it is not the new target that is gone");
        assert_eq!((revisions(&old.received()), revisions(&new.received())), (vec![2, 3], vec![3]));
        assert_eq!(hook.deliveries(&api)[0]["state"], "delivered");
    });
}

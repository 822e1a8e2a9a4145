//! What is tried again, what is given up, and what becomes of those behind it.

use std::time::Duration;

use ff_test_support::{Reply, Target, TestDatabase, eventually};
use serde_json::json;

use crate::harness::{admin_of, each_own, fresh_tenant, setup};
use crate::ops::metrics::sum;
use crate::sample::boolean;
use crate::webhooks::steps::{create, create_flags, hasty, revisions, types, verifies};

#[test]
fn a_delivery_that_fails_is_tried_again_under_the_same_id_before_those_behind_it() {
    each_own(hasty, |server| {
        let api = admin_of(server);
        let target = Target::start();
        for reply in [Reply::Status(500), Reply::Close, Reply::Status(302)] {
            target.reply_once(reply);
        }
        let hook = create(&api, &target, &["flag.*"]);
        create_flags(&api, 3);
        let received = target.wait_for(6);
        assert_eq!(revisions(&received), [2, 2, 2, 2, 3, 4]);
        assert!(received.iter().all(|request| verifies(request, &hook.secret)));
        assert!(received[..4].iter().all(|request| request.id() == received[0].id() && request.body == received[0].body));
        for (i, wait) in [90, 180, 270].into_iter().enumerate() {
            // The schedule with a tenth of jitter, in whole milliseconds. It counts from the first attempt: after one that came late, the
            // next one comes the sooner.
            let waited = received[i + 1].at - received[0].at;
            assert!(waited >= Duration::from_millis(wait - 2), "attempt {} after {waited:?}", i + 1);
        }
        let first = hook.wait_for(&api, 2, "delivered");
        assert_eq!(first["attempts"], 1);
        assert_eq!(hook.deliveries(&api)[0]["attempts"], 4);
        assert_eq!(sum(&api, "ff_webhook_deliveries_total"), 6.0);
    });
}

#[test]
fn a_target_is_left_alone_for_as_long_as_it_asks() {
    each_own(hasty, |server| {
        let api = admin_of(server);
        let target = Target::start();
        target.reply_once(Reply::With(503, "Retry-After", "1".to_owned()));
        target.reply_once(Reply::With(429, "Retry-After", "1".to_owned()));
        create(&api, &target, &["flag.*"]);
        create_flags(&api, 1);
        let received = target.wait_for(3);
        for pair in received.windows(2) {
            assert!(pair[1].at - pair[0].at >= Duration::from_millis(990), "{:?}", pair[1].at - pair[0].at);
        }
    });
}

#[test]
fn nor_is_it_asked_for_the_next_event_sooner() {
    each_own(hasty, |server| {
        let api = admin_of(server);
        let target = Target::start();
        (0..3).for_each(|_| target.reply_once(Reply::Status(500)));
        target.reply_once(Reply::With(503, "Retry-After", "1".to_owned()));
        let hook = create(&api, &target, &["flag.*"]);
        create_flags(&api, 2);
        let received = target.wait_for(5);
        assert_eq!(revisions(&received), [2, 2, 2, 2, 3]);
        assert!(received[4].at - received[3].at >= Duration::from_millis(990), "{:?}", received[4].at - received[3].at);
        assert_eq!(hook.deliveries(&api)[0]["state"], "parked");
    });
}

#[test]
fn what_is_given_up_is_parked_with_its_reason_and_the_next_one_is_tried() {
    each_own(hasty, |server| {
        let api = admin_of(server);
        let target = Target::start();
        // One event that the target cannot take, and others that it can.
        (0..4).for_each(|_| target.reply_once(Reply::Status(422)));
        let hook = create(&api, &target, &["flag.*"]);
        create_flags(&api, 3);
        hook.wait_for(&api, 2, "delivered");
        assert_eq!(revisions(&target.received()), [2, 2, 2, 2, 3, 4]);
        let parked = &hook.deliveries(&api)[0];
        for (name, value) in [
            ("state", json!("parked")),
            ("attempts", json!(4)),
            ("status", json!(422)),
            ("error", json!("answered 422")),
            ("next_attempt_at", json!(null)),
        ] {
            assert_eq!(parked[name], value, "{name}");
        }
        assert_eq!(hook.show(&api)["delivery"]["failing_since"], json!(null));
        eventually("the figures", || (sum(&api, "ff_webhook_parked") == 1.0).then_some(()));
    });
}

#[test]
fn a_target_that_stays_away_is_not_asked_for_every_event_that_waits() {
    const EVENTS: usize = 60;
    for database in [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()].into_iter().flatten() {
        let dsn = database.dsn().to_owned();
        let (target, tenant) = (Target::start(), fresh_tenant());
        target.reply(Reply::Status(500));
        // All events are there, and too old but for the latest, when somebody begins to deliver.
        let writer = hasty(setup().database(database)).variable("WEBHOOK_CONCURRENCY_MAX", "0").start();
        let hook = create(&writer.client().admin("test").tenant(&tenant), &target, &["flag.*"]);
        create_flags(&writer.client().admin("test").tenant(&tenant), EVENTS);
        let server = hasty(setup().variable("DB_DSN", &dsn)).start();
        let api = server.client().admin("test").tenant(&tenant);
        hook.wait_for(&api, EVENTS - 1, "parked");
        let deliveries = hook.deliveries(&api);
        assert!(deliveries.iter().all(|delivery| delivery["state"] == "parked"));
        let asked = target.received().len();
        assert!(asked <= 20, "{asked} attempts for {EVENTS} events");
        let untried: Vec<_> = deliveries.iter().filter(|delivery| delivery["attempts"] == 0).collect();
        assert!(untried.len() >= EVENTS - 20, "{} were given up untried", untried.len());
        assert!(untried[0]["error"].as_str().unwrap().contains("without an attempt"), "{}", untried[0]);
        // It comes back: what is new is delivered.
        target.reply(Reply::Status(200));
        api.post("/v1/flags", &boolean("new")).created();
        hook.wait_for(&api, EVENTS, "delivered");
        assert_eq!(hook.show(&api)["delivery"]["failing_since"], json!(null));
    }
}

#[test]
fn a_target_that_is_gone_for_good_turns_its_webhook_off() {
    each_own(hasty, |server| {
        let api = admin_of(server);
        let target = Target::start();
        let hook = create(&api, &target, &["*"]);
        target.reply(Reply::Status(410));
        create_flags(&api, 2);
        let shown = eventually("it to be off", || Some(hook.show(&api)).filter(|shown| shown["enabled"] == false));
        assert_eq!((&shown["disabled_reason"], &shown["version"]), (&json!("gone"), &json!(2)));
        assert_eq!(hook.wait_for(&api, 0, "parked")["status"], 410);
        let entry = &api.all("/v1/audit?entity=webhook")[0];
        assert_eq!((&entry["actor"], &entry["action"]), (&json!("webhook-delivery"), &json!("updated")));
        assert_eq!((&entry["before"]["enabled"], &entry["after"]["enabled"]), (&json!(true), &json!(false)));
        server.output().wait_for("a line about it", |line| {
            let message = line["message"].as_str()?;
            (message.contains(&hook.id) && message.contains("turned off") && line["level"] == "warn").then_some(())
        });
        // Whoever turns it on again hears of what is new.
        target.reply(Reply::Status(200));
        let on = api.put(&hook.path(), &json!({"enabled": true})).ok();
        assert_eq!((&on["disabled_reason"], &on["enabled"]), (&json!(null), &json!(true)));
        api.delete("/v1/flags/f0").is(204);
        assert_eq!(types(&target.wait_for(2)), ["flag.created", "flag.deleted"]);
    });
}

#[test]
fn a_webhook_that_has_failed_for_days_is_turned_off() {
    each_own(
        // Long enough that something always waits, also on a busy machine: after a pause the days are counted anew.
        |setup| hasty(setup).variable("WEBHOOK_RETRY_MS", "100,200,2000").variable("WEBHOOK_DISABLE_AFTER_MS", "2500"),
        |server| {
            let api = admin_of(server);
            let target = Target::start();
            target.reply(Reply::Status(500));
            let hook = create(&api, &target, &["*"]);
            let mut count = 0;
            let shown = eventually("it to be off", || {
                // Something young is there to be tried.
                count += 1;
                api.post("/v1/flags", &boolean(&format!("g{count}"))).created();
                Some(hook.show(&api)).filter(|shown| shown["enabled"] == false)
            });
            assert_eq!(shown["disabled_reason"], "failing");
        },
    );
}

#[test]
fn one_failure_after_a_pause_is_tried_again_however_long_ago_the_last_success_was() {
    for database in [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()].into_iter().flatten() {
        let server = hasty(setup().variable("DB_DSN", database.dsn())).start();
        let api = admin_of(&server);
        let target = Target::start();
        (0..4).for_each(|_| target.reply_once(Reply::Status(422)));
        let hook = create(&api, &target, &["flag.*"]);
        create_flags(&api, 1);
        hook.wait_for(&api, 0, "parked");
        eventually("the end of the turn", || hook.show(&api)["delivery"]["failing_since"].is_string().then_some(()));
        // Nobody changes anything for ten days.
        let ago = |column: &str| format!("{column} = {column} - 864000000");
        database.execute(&format!("UPDATE webhooks SET {}, {}", ago("failing_since"), ago("next_attempt_at")));
        target.reply_once(Reply::Status(503));
        api.post("/v1/flags", &boolean("new")).created();
        let delivered = hook.wait_for(&api, 1, "delivered");
        assert_eq!(delivered["attempts"], 2);
        assert_eq!(hook.show(&api)["enabled"], true);
    }
}

#[test]
fn no_log_line_shows_a_secret_or_a_url() {
    each_own(hasty, |server| {
        let api = admin_of(server);
        let target = Target::start();
        target.reply(Reply::Status(410));
        let hook = create(&api, &target, &["*"]);
        api.post(&format!("{}/rotate", hook.path()), &json!({})).ok();
        api.post(&format!("{}/test", hook.path()), &json!({})).ok();
        create_flags(&api, 1);
        eventually("it to be off", || (hook.show(&api)["enabled"] == false).then_some(()));
        server.output().wait_for("a line about it", |line| line["message"].as_str()?.contains("turned off").then_some(()));
        let text = server.output().text();
        for secret in [&hook.secret[6..], "whsec_", "/hook", &format!(":{}", target.port())] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    });
}

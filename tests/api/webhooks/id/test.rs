//! `POST /v1/webhooks/{id}/test`.

use std::sync::{Arc, Barrier};

use ff_test_support::{Reply, Target};
use serde_json::json;

use crate::harness::{admin_of, each, each_own};
use crate::webhooks::steps::{create, hasty, impatient, verifies};

#[test]
fn a_signed_message_is_sent_at_once_and_the_answer_says_how_that_went() {
    each(|api| {
        let target = Target::start();
        let hook = create(api, &target, &["segment.*"]);
        let path = format!("{}/test", hook.path());
        api.put(&hook.path(), &json!({"enabled": false})).ok();
        let sent = api.post(&path, &json!({})).ok();
        assert_eq!((&sent["delivered"], &sent["status"], &sent["error"]), (&json!(true), &json!(200), &json!(null)));
        let received = &target.wait_for(1)[0];
        assert!(verifies(received, &hook.secret));
        assert_eq!(received.id(), sent["id"].as_str().unwrap());
        let body = received.json();
        assert_eq!((&body["type"], &body["data"]), (&json!("webhook.test"), &json!({"webhook_id": hook.id})));
        target.reply(Reply::Status(404));
        // Without a body, too.
        let sent = api.send("POST", &path, None).ok();
        assert_eq!((&sent["delivered"], &sent["status"], &sent["error"]), (&json!(false), &json!(404), &json!("answered 404")));
        assert_eq!(hook.deliveries(api).len(), 0, "a test is no delivery");
        api.post(&path, &json!({"x": 1})).invalid(&["/x"]);
        assert_eq!(target.received().len(), 2);
    });
}

#[test]
fn a_target_that_never_answers_costs_the_time_limit_and_no_more() {
    each_own(impatient, |server| {
        let api = admin_of(server);
        let target = Target::start();
        target.reply(Reply::Never);
        let hook = create(&api, &target, &["segment.*"]);
        let sent = api.post(&format!("{}/test", hook.path()), &json!({})).ok();
        assert_eq!((&sent["status"], &sent["error"]), (&json!(null), &json!("no answer came in time")));
        // The target would hold it for longer than a minute.
        assert!((500..60_000).contains(&sent["duration_ms"].as_u64().unwrap()), "{sent}");
    });
}

#[test]
fn too_many_at_once_are_refused_for_the_moment() {
    each_own(
        |setup| hasty(setup).variable("WEBHOOK_TIMEOUT_MS", "60000").variable("WEBHOOK_LEASE_MS", "120000"),
        |server| {
            let api = admin_of(server);
            let target = Target::start();
            let gate = Arc::new(Barrier::new(9));
            target.reply(Reply::Held(200, gate.clone()));
            let hook = create(&api, &target, &["segment.*"]);
            let path = format!("{}/test", hook.path());
            std::thread::scope(|scope| {
                let ask = || api.post(&path, &json!({})).status();
                let waiting: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
                target.wait_for(8);
                api.post(&path, &json!({})).problem(429, "too_many_requests");
                gate.wait();
                assert!(waiting.into_iter().all(|asked| asked.join().unwrap() == 200));
            });
        },
    );
}

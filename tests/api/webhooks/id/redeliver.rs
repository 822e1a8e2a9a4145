//! `POST /v1/webhooks/{id}/deliveries/{delivery_id}/redeliver`.

use ff_test_support::{Client, Reply, Target, eventually};
use serde_json::{Value, json};

use crate::harness::{admin_of, each, each_own};
use crate::ops::metrics::sum;
use crate::sample::boolean;
use crate::webhooks::steps::{Hook, create, create_flags, hasty};

/// A webhook, and a delivery of it that its target has not taken and will not take.
fn given_up(api: &Client, target: &Target) -> (Hook, Value) {
    target.reply(Reply::Status(500));
    let hook = create(api, target, &["flag.*"]);
    create_flags(api, 1);
    let parked = hook.wait_for(api, 0, "parked");
    (hook, parked)
}

#[test]
fn a_delivery_is_made_again_under_the_same_id_with_the_same_body() {
    each(|api| {
        let target = Target::start();
        let hook = create(api, &target, &["flag.*"]);
        create_flags(api, 2);
        let first = hook.wait_for(api, 1, "delivered").clone();
        let path = hook.redelivery(&first);
        let sent = api.post(&path, &json!({})).ok();
        assert_eq!((&sent["id"], &sent["delivered"]), (&first["id"], &json!(true)));
        let received = target.wait_for(3);
        assert_eq!((received[2].id(), &received[2].body), (received[1].id(), &received[1].body));
        assert_eq!(hook.deliveries(api)[1]["attempts"], 2);
        // A failure in between does not undo the success.
        target.reply(Reply::Status(500));
        assert_eq!(api.post(&path, &json!({})).ok()["delivered"], false);
        let delivery = &hook.deliveries(api)[1];
        assert_eq!((&delivery["state"], &delivery["status"]), (&json!("delivered"), &json!(500)));
    });
}

#[test]
fn one_that_is_still_tried_is_tried_next_at_once() {
    each_own(
        |setup| hasty(setup).variable("WEBHOOK_RETRY_MS", "3600000"),
        |server| {
            let api = admin_of(server);
            let target = Target::start();
            target.reply_once(Reply::Status(503));
            let hook = create(&api, &target, &["flag.*"]);
            create_flags(&api, 2);
            let pending = hook.wait_for(&api, 0, "pending");
            assert_eq!((&pending["status"], &pending["error"]), (&json!(503), &json!("answered 503")));
            assert!(pending["next_attempt_at"].is_string(), "{pending}");
            let path = hook.redelivery(&pending);
            let accepted = api.post(&path, &json!({})).is(202).json();
            assert_eq!((&accepted["id"], &accepted["state"]), (&pending["id"], &json!("pending")));
            hook.wait_for(&api, 1, "delivered");
            let ids: Vec<String> = target.received().iter().map(|request| request.id().to_owned()).collect();
            assert!(ids.len() == 3 && ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
        },
    );
}

#[test]
fn what_was_parked_is_delivered_after_all() {
    each_own(hasty, |server| {
        let api = admin_of(server);
        let target = Target::start();
        let (hook, parked) = given_up(&api, &target);
        assert_eq!(parked["attempts"], 4);
        target.reply(Reply::Status(200));
        let path = hook.redelivery(&parked);
        assert_eq!(api.post(&path, &json!({})).ok()["delivered"], true);
        let delivery = &hook.deliveries(&api)[0];
        assert_eq!((&delivery["state"], &delivery["attempts"], &delivery["error"]), (&json!("delivered"), &json!(5), &json!(null)));
    });
}

#[test]
fn a_success_by_hand_ends_the_failing_and_what_waits_is_told_at_once() {
    each_own(hasty, |server| {
        for by_hand in ["redeliver", "test"] {
            let api = admin_of(server);
            let target = Target::start();
            // The first event is given up, and the target asks to be left alone for an hour at the second one.
            (0..4).for_each(|_| target.reply_once(Reply::Status(500)));
            target.reply(Reply::With(503, "Retry-After", "3600".to_owned()));
            let hook = create(&api, &target, &["flag.*"]);
            create_flags(&api, 2);
            let parked = hook.wait_for(&api, 0, "parked");
            eventually("the second one to wait", || hook.show(&api)["delivery"]["next_attempt_at"].is_string().then_some(()));
            eventually("the figure", || (sum(&api, "ff_webhook_failing") == 1.0).then_some(()));
            target.reply(Reply::Status(200));
            let path = match by_hand {
                "test" => format!("{}/test", hook.path()),
                _ => hook.redelivery(&parked),
            };
            assert_eq!(api.post(&path, &json!({})).ok()["delivered"], true);
            assert_eq!(hook.show(&api)["delivery"]["failing_since"], json!(null), "{by_hand}");
            api.post("/v1/flags", &boolean("new")).created();
            hook.wait_for(&api, 2, "delivered");
            eventually("the figure", || (sum(&api, "ff_webhook_failing") == 0.0).then_some(()));
        }
    });
}

#[test]
fn a_failure_by_hand_ends_nothing() {
    each_own(hasty, |server| {
        let api = admin_of(server);
        let target = Target::start();
        let (hook, parked) = given_up(&api, &target);
        let before = hook.show(&api)["delivery"].clone();
        for path in [format!("{}/test", hook.path()), hook.redelivery(&parked)] {
            assert_eq!(api.post(&path, &json!({})).ok()["delivered"], false);
        }
        assert!(before["failing_since"].is_string());
        assert_eq!(hook.show(&api)["delivery"], before);
    });
}

#[test]
fn what_was_never_delivered_is_not_found() {
    each(|api| {
        let target = Target::start();
        let (hook, other) = (create(api, &target, &["segment.*"]), create(api, &target, &["flag.*"]));
        create_flags(api, 1);
        let foreign = other.wait_for(api, 0, "delivered")["id"].as_str().unwrap().to_owned();
        let simple = hook.id.replace('-', "");
        for id in ["nope", "evt_x_1", &foreign, &format!("evt_{simple}_3"), &format!("evt_{simple}_99"), &format!("evt_{simple}_-1")] {
            let path = format!("{}/deliveries/{id}/redeliver", hook.path());
            api.post(&path, &json!({})).problem(404, "delivery_not_found");
        }
        assert_eq!(target.received().len(), 1);
    });
}

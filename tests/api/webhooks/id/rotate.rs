//! `POST /v1/webhooks/{id}/rotate`.

use ff_test_support::Target;
use serde_json::{Value, json};

use crate::harness::each;
use crate::sample::is_instant;
use crate::webhooks::steps::{create, create_flags, verifies};

#[test]
fn the_old_secret_signs_beside_the_new_one_for_a_while() {
    each(|api| {
        let target = Target::start();
        let hook = create(api, &target, &["flag.*"]);
        let rotated = api.send("POST", &format!("{}/rotate", hook.path()), None).ok();
        let new = rotated["secret"].as_str().unwrap();
        assert!(new != hook.secret && new.starts_with("whsec_"));
        assert!(is_instant(&rotated["old_secret_until"]) && rotated["version"] == 2, "{}", rotated["old_secret_until"]);
        create_flags(api, 1);
        let received = &target.wait_for(1)[0];
        assert_eq!(received.header("webhook-signature").split(' ').count(), 2);
        assert!(verifies(received, &hook.secret) && verifies(received, new));
        for place in [hook.show(api), Value::from(api.all("/v1/audit")), Value::from(api.all("/v1/webhooks"))] {
            assert!(!place.to_string().contains(&new[6..]) && !place.to_string().contains(&hook.secret[6..]));
        }
    });
}

#[test]
fn or_for_no_time_at_all() {
    each(|api| {
        let target = Target::start();
        let hook = create(api, &target, &["flag.*"]);
        let path = format!("{}/rotate", hook.path());
        let rotated = api.post(&path, &json!({"old_secret_s": 0})).ok();
        create_flags(api, 1);
        let received = &target.wait_for(1)[0];
        assert!(!verifies(received, &hook.secret) && verifies(received, rotated["secret"].as_str().unwrap()));
        for bad in [json!(-1), json!(604_801), json!("1"), json!(0.5)] {
            api.post(&path, &json!({"old_secret_s": bad})).invalid(&["/old_secret_s"]);
        }
        api.post(&path, &json!({"secret": "whsec_mine"})).invalid(&["/secret"]);
    });
}

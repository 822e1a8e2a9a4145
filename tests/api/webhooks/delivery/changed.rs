//! A webhook that is changed while an attempt is on its way: what happens after the change is told as the change says.

use std::sync::{Arc, Barrier};

use ff_test_support::{Client, Reply, Target};
use serde_json::json;

use crate::harness::each;
use crate::sample::boolean;
use crate::webhooks::steps::{Hook, create, create_flags, revisions, types, verifies};

/// Changes a webhook while its target is about to answer for one event, and goes on with others.
fn change_on_the_way(api: &Client, target: &Target, change: impl Fn(&Hook)) -> Hook {
    let gate = Arc::new(Barrier::new(2));
    target.reply_once(Reply::Held(200, gate.clone()));
    let hook = create(api, target, &["flag.*"]);
    create_flags(api, 1);
    target.wait_for(1);
    change(&hook);
    api.post("/v1/segments", &json!({"key": "later"})).created();
    api.post("/v1/flags", &boolean("later")).created();
    gate.wait();
    hook
}

#[test]
fn one_that_is_turned_off_is_told_nothing_more() {
    each(|api| {
        let target = Target::start();
        let hook = change_on_the_way(api, &target, |hook| drop(api.put(&hook.path(), &json!({"enabled": false})).ok()));
        hook.wait_for(api, 0, "delivered");
        api.put(&hook.path(), &json!({"enabled": true})).ok();
        api.delete("/v1/flags/later").is(204);
        assert_eq!(types(&target.wait_for(2)), ["flag.created", "flag.deleted"]);
    });
}

#[test]
fn another_url_is_where_the_next_event_goes() {
    each(|api| {
        let (old, new) = (Target::start(), Target::start());
        change_on_the_way(api, &old, |hook| drop(api.put(&hook.path(), &json!({"url": new.url()})).ok()));
        assert_eq!(revisions(&new.wait_for(1)), [5]);
        assert_eq!(revisions(&old.received()), [2]);
    });
}

#[test]
fn what_is_wanted_from_now_on_is_not_passed_over() {
    each(|api| {
        let target = Target::start();
        change_on_the_way(api, &target, |hook| drop(api.put(&hook.path(), &json!({"events": ["*"]})).ok()));
        assert_eq!(types(&target.wait_for(3)), ["flag.created", "segment.created", "flag.created"]);
    });
}

#[test]
fn a_secret_that_was_replaced_signs_nothing_more() {
    each(|api| {
        let target = Target::start();
        let rotate = |hook: &Hook| drop(api.post(&format!("{}/rotate", hook.path()), &json!({"old_secret_s": 0})).ok());
        let hook = change_on_the_way(api, &target, rotate);
        let received = target.wait_for(2);
        assert_eq!(revisions(&received), [2, 5]);
        assert_eq!([&received[0], &received[1]].map(|request| verifies(request, &hook.secret)), [true, false]);
    });
}

//! What is told, to whom, and in which order.

use std::collections::BTreeSet;

use ff_test_support::{Target, TestDatabase, eventually};
use serde_json::{Value, json};

use crate::harness::{admin_of, each, each_own, fresh_tenant, setup};
use crate::ops::metrics::sum;
use crate::sample::{boolean, environment};
use crate::webhooks::steps::{create, create_flags, revisions, types, verifies};

#[test]
fn every_change_is_told_once_in_order_signed_and_as_the_log_has_it() {
    each(|api| {
        let target = Target::start();
        environment(api, "before");
        let hook = create(api, &target, &["*"]);
        environment(api, "staging");
        api.post("/v1/segments", &json!({"key": "s", "included": ["u"]})).created();
        create_flags(api, 20);
        api.put("/v1/flags/f3", &json!({"owner": "x", "state": "off"})).ok();
        api.put(&hook.path(), &json!({"description": "webhooks tell nothing of webhooks"})).ok();
        api.put("/v1/segments/s", &json!({"included": []})).ok();
        api.delete("/v1/flags/f3").is(204);
        api.delete("/v1/environments/staging").is(204);

        let received = target.wait_for(26);
        let mut log = api.all("/v1/audit");
        log.reverse();
        let told: Vec<&Value> = log.iter().skip(2).filter(|entry| entry["entity"] != "webhook").collect();
        assert_eq!(revisions(&received), told.iter().map(|entry| entry["revision"].as_u64().unwrap()).collect::<Vec<_>>());
        for (request, entry) in received.iter().zip(&told) {
            assert!(verifies(request, &hook.secret));
            let body = request.json();
            let names: Vec<&String> = body.as_object().unwrap().keys().collect();
            assert_eq!(names, ["data", "timestamp", "type"]);
            let kind = format!("{}.{}", entry["entity"].as_str().unwrap(), entry["action"].as_str().unwrap());
            assert_eq!((&body["type"], &body["timestamp"]), (&json!(kind), &entry["timestamp"]));
            assert_eq!((&body["data"]["key"], &body["data"]["actor"]), (&entry["entity_key"], &entry["actor"]));
            assert_eq!(request.id(), format!("evt_{}_{}", hook.id.replace('-', ""), entry["revision"]));
        }
        let ids: BTreeSet<&str> = received.iter().map(|request| request.id()).collect();
        assert_eq!(ids.len(), 26, "each is told once");
        let latest = log.last().unwrap()["revision"].clone();
        eventually("it to be written down", || (hook.show(api)["delivery"]["revision"] == latest).then_some(()));
        assert_eq!(target.received().len(), 26);
    });
}

#[test]
fn a_webhook_hears_of_what_it_wants_and_of_its_tenant_only() {
    each(|api| {
        let (all, some, foreign) = (Target::start(), Target::start(), Target::start());
        create(api, &all, &["*"]);
        create(api, &some, &["flag.deleted", "segment.*"]);
        create(&api.tenant(&fresh_tenant()), &foreign, &["*"]);
        create_flags(api, 3);
        api.post("/v1/segments", &json!({"key": "s"})).created();
        environment(api, "staging");
        api.delete("/v1/flags/f1").is(204);
        assert_eq!(types(&some.wait_for(2)), ["segment.created", "flag.deleted"]);
        assert_eq!(all.wait_for(6).len(), 6);
        assert_eq!((some.received().len(), foreign.connections()), (2, 0));
    });
}

#[test]
fn hundreds_of_changes_by_many_writers_arrive_in_the_order_of_their_commits() {
    each(|api| {
        let target = Target::start();
        create(api, &target, &["flag.*"]);
        std::thread::scope(|scope| {
            for writer in 0..4 {
                scope.spawn(move || (0..50).for_each(|i| drop(api.post("/v1/flags", &boolean(&format!("w{writer}-{i}"))).created())));
            }
        });
        assert_eq!(revisions(&target.wait_for(200)), (2..=201).collect::<Vec<u64>>());
        assert!(target.connections() < 200, "{} connections for 200 requests", target.connections());
    });
}

#[test]
fn what_nobody_wants_to_hear_of_is_passed_over_and_costs_no_request() {
    each_own(
        |setup| setup,
        |server| {
            let api = admin_of(server);
            let target = Target::start();
            let hook = create(&api, &target, &["environment.*"]);
            create_flags(&api, 30);
            eventually("the backlog to be gone", || (hook.show(&api)["delivery"]["revision"] == 31).then_some(()));
            environment(&api, "staging");
            assert_eq!(types(&target.wait_for(1)), ["environment.created"]);
            eventually("it to be counted", || (sum(&api, "ff_webhook_deliveries_total") == 1.0).then_some(()));
            assert_eq!(target.received().len(), 1);
        },
    );
}

#[test]
fn a_database_that_went_back_to_an_earlier_state_is_told_of_from_there() {
    for database in [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()].into_iter().flatten() {
        let server = setup().variable("DB_DSN", database.dsn()).start();
        let (api, target) = (server.client().admin("test").tenant("acme"), Target::start());
        let hook = create(&api, &target, &["flag.*"]);
        create_flags(&api, 5);
        hook.wait_for(&api, 4, "delivered");
        // As a standby that took over without the last three changes.
        database.execute(
            "BEGIN; DELETE FROM audit WHERE revision > 3; UPDATE tenants SET revision = 3; UPDATE webhooks SET cursor = 3; COMMIT",
        );
        for (i, key) in ["f2", "f3", "f4"].into_iter().enumerate() {
            api.put(&format!("/v1/flags/{key}"), &json!({"owner": "x"})).ok();
            assert_eq!(target.wait_for(6 + i)[5 + i].json()["data"]["key"], key);
        }
        assert_eq!(revisions(&target.received()), [2, 3, 4, 5, 6, 4, 5, 6]);
    }
}

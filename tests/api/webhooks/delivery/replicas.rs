//! Several servers on one database: one of them delivers a webhook's events, and another one goes on when it dies.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ff_test_support::{Client, Received, Reply, Server, Setup, Target, TestDatabase, eventually};

use crate::harness::{fresh_tenant, setup};
use crate::ops::metrics::sum;
use crate::sample::boolean;
use crate::webhooks::steps::{create, create_flags, hasty, persistent, revisions};

/// Runs `test` with a server on each kind of database, and a way to start others on the same one.
fn each_database(change: impl Fn(Setup) -> Setup, test: impl Fn(&Arc<Server>, &dyn Fn() -> Arc<Server>)) {
    let databases = [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()];
    for database in databases.into_iter().flatten() {
        let change = |setup: Setup| change(setup.variable("RULESET_REFRESH_MS", "50"));
        let dsn = database.dsn().to_owned();
        let another = || change(setup().variable("DB_DSN", &dsn)).start();
        // The first one owns the database, and is dropped last.
        let first = change(setup().database(database)).start();
        test(&first, &another);
    }
}

fn client(server: &Server, tenant: &str) -> Client {
    server.client().admin("test").tenant(tenant)
}

/// The revisions without repetitions, in the order in which each came first.
fn first_of_each(requests: &[Received]) -> Vec<u64> {
    let mut seen = BTreeSet::new();
    revisions(requests).into_iter().filter(|revision| seen.insert(*revision)).collect()
}

#[test]
fn while_all_live_each_event_is_told_by_one_of_them_once() {
    // With the usual lease: one that a busy machine holds up for long is as good as dead, and its events are told again.
    let usual = |setup: Setup| setup;
    each_database(usual, |first, another| {
        let (second, third) = (another(), another());
        let tenant = fresh_tenant();
        let target = Target::start();
        create(&client(first, &tenant), &target, &["*"]);
        std::thread::scope(|scope| {
            for (name, server) in [("a", first), ("b", &second), ("c", &third)] {
                let api = client(server, &tenant);
                scope.spawn(move || (0..20).for_each(|i| drop(api.post("/v1/flags", &boolean(&format!("{name}{i}"))).created())));
            }
        });
        assert_eq!(revisions(&target.wait_for(60)), (2..=61).collect::<Vec<u64>>());
        // Whoever comes next has nothing left to tell: events are told in order, so it would come before the next one.
        for server in [&second, &third] {
            server.terminate();
            assert!(server.wait().success());
        }
        client(first, &tenant).post("/v1/flags", &boolean("last")).created();
        assert_eq!(revisions(&target.wait_for(61)), (2..=62).collect::<Vec<u64>>());
    });
}

#[test]
fn when_the_one_that_delivers_is_killed_another_one_goes_on_and_nothing_is_lost() {
    // Long enough that a busy machine seldom takes one who lives for dead: his events would be told again, too.
    let change = |setup: Setup| persistent(setup).variable("WEBHOOK_TIMEOUT_MS", "2000").variable("WEBHOOK_LEASE_MS", "4000");
    each_database(change, |survivor, another| {
        let tenant = fresh_tenant();
        let target = Target::start();
        let doomed = another();
        let api = client(survivor, &tenant);
        let hook = create(&api, &target, &["*"]);
        // Whichever has the lease, both are killed in turn while it delivers; one comes back.
        target.reply(Reply::Late(Duration::from_millis(20)));
        create_flags(&api, 60);
        target.wait_for(10);
        doomed.kill_9();
        target.wait_for(30);
        survivor.kill_9();
        doomed.start_again();
        let api = client(&doomed, &tenant);
        hook.wait_for(&api, 59, "delivered");
        assert_eq!(first_of_each(&target.received()), (2..=61).collect::<Vec<u64>>(), "in order, and nothing is lost");
        let repeated = target.received().len() - 60;
        assert!(repeated <= 40, "{repeated} were told again: what two deaths leave unwritten is bounded");
        survivor.start_again();
    });
}

#[test]
fn one_that_stops_in_order_hands_its_webhooks_over() {
    // No lease runs out within this test.
    let change = |setup: Setup| hasty(setup).variable("WEBHOOK_LEASE_MS", "3600000");
    each_database(change, |first, another| {
        let tenant = fresh_tenant();
        let target = Target::start();
        let hook = create(&client(first, &tenant), &target, &["*"]);
        create_flags(&client(first, &tenant), 1);
        hook.wait_for(&client(first, &tenant), 0, "delivered");
        // It alone could have the lease.
        let second = another();
        first.terminate();
        assert!(first.wait().success());
        client(&second, &tenant).post("/v1/flags", &boolean("next")).created();
        target.wait_for(2);
        hook.wait_for(&client(&second, &tenant), 1, "delivered");
        first.start_again();
    });
}

#[test]
fn a_server_may_leave_delivery_to_others() {
    each_database(
        |setup| hasty(setup).variable("WEBHOOK_CONCURRENCY_MAX", "0"),
        |first, another| {
            let tenant = fresh_tenant();
            let target = Target::start();
            let second = another();
            let api = client(&second, &tenant);
            let hook = create(&api, &target, &["*"]);
            create_flags(&api, 3);
            // What is asked for is done by whoever is asked.
            let sent = client(first, &tenant).post(&format!("{}/test", hook.path()), &serde_json::json!({})).ok();
            assert_eq!(sent["delivered"], true);
            assert_eq!(hook.show(&api)["delivery"]["revision"], 1, "nobody delivers");
            assert_eq!(target.received().len(), 1);
            // But all servers say that something waits, or no alert could tell of it.
            for server in [first, &second] {
                let api = client(server, &tenant);
                eventually("the figure", || (sum(&api, "ff_webhook_backlog_revisions") == 3.0).then_some(()));
            }
        },
    );
}

//! A webhook is delivered by one replica at a time, and by another one when that dies.

use std::collections::BTreeSet;
use std::time::Duration;

use ff_test_support::{Received, Reply, Setup, Target, eventually};
use serde_json::json;

use crate::fleet::{Fleet, assert_without_gaps, flag, log};

const WRITERS: usize = 4;
const WRITES_EACH: usize = 30;

/// A lease that runs out soon after its owner has died. Nothing is given up, however slow the target is on a busy machine.
fn hasty(setup: Setup) -> Setup {
    let retries: Vec<_> = (1..=50).map(|attempt| (attempt * 100).to_string()).collect();
    let setup = setup.variable("WEBHOOK_TIMEOUT_MS", "2000").variable("WEBHOOK_LEASE_MS", "4000");
    setup.variable("WEBHOOK_RETRY_MS", &retries.join(","))
}

fn revisions(requests: &[Received]) -> Vec<u64> {
    requests.iter().map(|request| request.json()["data"]["revision"].as_u64().unwrap()).collect()
}

#[test]
fn killing_replicas_amid_delivery_loses_no_event_and_keeps_their_order() {
    let Some(fleet) = Fleet::start(hasty) else { return };
    let target = Target::start();
    target.reply(Reply::Late(Duration::from_millis(5)));
    fleet.admin(2).post("/v1/webhooks", &json!({"url": target.url(), "events": ["*"]})).created();
    let events = WRITERS * WRITES_EACH;
    std::thread::scope(|scope| {
        let fleet = &fleet;
        for writer in 0..WRITERS {
            // Through the one that is not killed: what is tested is who delivers.
            scope.spawn(move || {
                for i in 0..WRITES_EACH {
                    fleet.admin(2).post("/v1/flags", &flag(&format!("f{writer}-{i}"))).created();
                }
            });
        }
        for replica in [0, 1] {
            target.wait_for((replica + 1) * 20);
            fleet.servers()[replica].kill_9();
            fleet.servers()[replica].start_again();
        }
    });
    fleet.servers()[2].kill_9();
    let entries = log(&fleet.admin(0));
    assert_without_gaps(&entries);
    assert_eq!(entries.len(), 1 + events);

    let last = 1 + events as u64;
    eventually("the last event to come", || revisions(&target.received()).contains(&last).then_some(()));
    let told = revisions(&target.received());
    let mut seen = BTreeSet::new();
    let first_of_each: Vec<_> = told.iter().copied().filter(|revision| seen.insert(*revision)).collect();
    assert_eq!(first_of_each, (2..=last).collect::<Vec<_>>(), "each event came, and none before one of an earlier revision");
    fleet.servers()[2].start_again();
}

//! Subscribers go from replica to replica and hear of each change once, in order.

use ff_test_support::eventually;

use crate::fleet::{Fleet, assert_without_gaps, flag, log, question};

const WRITERS: usize = 8;
const WRITES_EACH: usize = 20;
/// One at the beginning, those of the writers, and one at the end.
const CHANGES: usize = 1 + WRITERS * WRITES_EACH + 1;

/// Hears of all changes, beginning at this replica and going on to the next wherever a stream ends. Gives the revisions in the order in
/// which they came, and how many streams that took.
fn subscribe(fleet: &Fleet, replica: usize) -> (Vec<u64>, usize) {
    let (mut heard, mut streams) = (Vec::new(), 0);
    while heard.len() < CHANGES {
        let api = eventually("a replica that runs", || fleet.admin_if_there(replica + streams));
        let last = heard.last().copied().unwrap_or(0_u64);
        streams += 1;
        // Whoever is killed at this moment answers nothing, and the next one is asked.
        let Some(mut stream) = api.with("Last-Event-ID", &last.to_string()).try_follow("/v1/events") else { continue };
        while heard.len() < CHANGES {
            let Some(event) = stream.next_event() else { break };
            assert_ne!(event.kind, "reset", "{event:?}");
            if event.kind.starts_with("flag.") {
                heard.push(event.revision());
            }
        }
    }
    (heard, streams)
}

#[test]
fn subscribers_hear_of_every_change_once_and_in_order_though_replicas_are_killed() {
    let Some(fleet) = Fleet::start(|setup| setup) else { return };
    fleet.admin(0).post("/v1/flags", &flag("first")).created();
    let heard: Vec<_> = std::thread::scope(|scope| {
        let fleet = &fleet;
        let subscribers: Vec<_> = (0..6).map(|i| scope.spawn(move || subscribe(fleet, i))).collect();
        // Nobody writes through the replica that is killed: what is tested is who hears.
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || {
                    for i in 0..WRITES_EACH {
                        fleet.admin(1 + (writer + i) % 2).post("/v1/flags", &flag(&format!("f{writer}-{i}"))).created();
                    }
                })
            })
            .collect();
        for kill in 0..2 {
            let before = log(&fleet.admin(1)).len();
            eventually("changes to be made", || (log(&fleet.admin(1)).len() >= (CHANGES - 1).min(before + 20)).then_some(()));
            // Nobody has heard of everything yet, so none of those who are there now goes before.
            let has_subscribers = || !fleet.admin(0).get("/metrics").text().contains("\nff_event_subscribers 0\n");
            eventually("a stream to be open at the one that is killed", || (kill > 0 || has_subscribers()).then_some(()));
            fleet.servers()[0].kill_9();
            fleet.servers()[0].start_again();
        }
        writers.into_iter().for_each(|thread| thread.join().unwrap());
        fleet.admin(1).post("/v1/flags", &flag("last")).created();
        subscribers.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let entries = log(&fleet.admin(0));
    assert_without_gaps(&entries);
    assert_eq!(entries.len(), CHANGES);
    for (revisions, _) in &heard {
        assert_eq!(*revisions, (1..=CHANGES as u64).collect::<Vec<_>>());
    }
    assert!(heard.iter().any(|(_, streams)| *streams > 1), "no stream was open at a replica that was killed");
}

#[test]
fn whoever_hears_of_a_change_is_served_it_by_the_same_replica() {
    let Some(fleet) = Fleet::start(|setup| setup) else { return };
    fleet.admin(0).post("/v1/flags", &flag("first")).created();
    std::thread::scope(|scope| {
        for api in fleet.admins() {
            scope.spawn(move || {
                let mut stream = api.follow("/v1/events?since=1");
                stream.ready();
                for _ in 0..30 {
                    let event = stream.event();
                    let key = event.data["key"].as_str().unwrap().to_owned();
                    let answer = api.post("/v1/evaluate", &question(&key));
                    answer.ok();
                    assert!(answer.header("x-revision").unwrap().parse::<u64>().unwrap() >= event.revision());
                }
            });
        }
        for i in 0..30 {
            fleet.admin(i).post("/v1/flags", &flag(&format!("f{i}"))).created();
        }
    });
}

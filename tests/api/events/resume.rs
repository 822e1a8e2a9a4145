//! `GET /v1/events` after a break: what was missed comes first, each change once.

use std::collections::BTreeSet;

use ff_test_support::Client;
use serde_json::json;

use crate::harness::{admin_of, each, each_own};
use crate::replicas::each_pair;
use crate::sample::boolean;

/// Makes so many changes.
fn write(api: &Client, prefix: &str, count: usize) {
    (0..count).for_each(|i| drop(api.post("/v1/flags", &boolean(&format!("{prefix}-{i}"))).created()));
}

#[test]
fn a_stream_goes_on_where_it_is_told_to() {
    each(|api| {
        write(api, "f", 5);
        let first_of = |client: &Client, path: &str| {
            let mut stream = client.follow(path);
            (stream.ready(), stream)
        };
        for (client, path, after) in [
            (api.clone(), "/v1/events?since=2", 2),
            (api.clone(), "/v1/events?since=0", 0),
            (api.clone(), "/v1/events?since=5", 5),
            (api.with("Last-Event-ID", "3"), "/v1/events", 3),
            // A client connects again to the address with which it began.
            (api.with("Last-Event-ID", "4"), "/v1/events?since=1", 4),
            (api.with("Last-Event-ID", "0"), "/v1/events?since=4", 0),
            (api.with("Last-Event-ID", ""), "/v1/events?since=4", 4),
            (api.with("Last-Event-ID", ""), "/v1/events", 5),
        ] {
            let (ready, mut stream) = first_of(&client, path);
            assert_eq!(ready, after, "{path}");
            assert_eq!(stream.revisions(5 - after as usize), (after + 1..=5).collect::<Vec<_>>(), "{path}");
        }
        let mut stream = api.follow("/v1/events?since=3&event=flag.created");
        assert_eq!((stream.ready(), stream.revisions(2)), (3, vec![4, 5]));
        write(api, "g", 1);
        assert_eq!(stream.event().revision(), 6);
    });
}

#[test]
fn what_is_no_event_is_passed_over_and_resumed_from() {
    each_own(
        |setup| setup.variable("EVENT_HEARTBEAT_MS", "50"),
        |server| {
            let api = admin_of(server);
            write(&api, "f", 1);
            let mut stream = api.follow("/v1/events");
            assert_eq!(stream.ready(), 1);
            let webhook = json!({"url": "https://hooks.example.com/ff", "events": ["*"], "enabled": false});
            (0..3).for_each(|_| drop(api.post("/v1/webhooks", &webhook).created()));
            while stream.last_event_id() != "4" {
                assert_eq!(stream.event().kind, "progress");
            }
            write(&api, "g", 1);
            assert_eq!(stream.event().revision(), 5);
            let mut again = api.follow("/v1/events?since=1&event=*");
            assert_eq!((again.ready(), again.event().revision()), (1, 5));
            // A revision without an event is as good a place as any other.
            for since in [2, 3, 4] {
                let mut again = api.with("Last-Event-ID", &since.to_string()).follow("/v1/events");
                assert_eq!((again.ready(), again.event().revision()), (since, 5));
            }
            api.get("/v1/events?event=webhook.*").problem(400, "invalid_query");
        },
    );
}

#[test]
fn a_revision_that_there_is_not_yet_is_a_mistake_in_an_address_and_a_reason_to_start_over_in_a_header() {
    each(|api| {
        write(api, "f", 3);
        let problem = api.get("/v1/events?since=4").problem(400, "invalid_query");
        assert!(problem["detail"].as_str().unwrap().contains("revision 3"), "{problem}");
        // A browser would give up for good at any status but 200.
        let mut stream = api.with("Last-Event-ID", "4").follow("/v1/events?since=1");
        let reset = stream.event();
        assert_eq!((reset.kind.as_str(), reset.id.as_str()), ("reset", "3"));
        assert_eq!(reset.data, json!({"revision": 3, "reason": "revision_unknown"}));
        write(api, "g", 1);
        assert_eq!(stream.event().revision(), 4);
    });
}

#[test]
fn more_than_is_read_or_kept_at_once_comes_without_gap_or_repetition() {
    const CHANGES: usize = 150;
    each_own(
        |setup| setup.variable("EVENT_QUEUE_MAX", "10"),
        |server| {
            let api = admin_of(server);
            // Somebody else keeps the tenant's reader busy.
            let mut other = api.follow("/v1/events");
            assert_eq!(other.ready(), 0);
            std::thread::scope(|scope| {
                scope.spawn(|| assert_eq!(other.revisions(CHANGES + 1), (1..=CHANGES as u64 + 1).collect::<Vec<_>>()));
                write(&api, "f", CHANGES);
                let mut late = api.follow("/v1/events?since=0");
                let mut narrow = api.follow("/v1/events?since=0&event=flag.updated");
                assert_eq!((late.ready(), narrow.ready()), (0, 0));
                assert_eq!(late.revisions(CHANGES), (1..=CHANGES as u64).collect::<Vec<_>>());
                api.put("/v1/flags/f-0", &json!({"owner": "x"})).ok();
                assert_eq!((late.event().revision(), narrow.event().revision()), (CHANGES as u64 + 1, CHANGES as u64 + 1));
            });
        },
    );
}

/// Follows until `until`, connecting again after every few events with the id of the last one, in turn at one of `servers`.
fn follow_in_pieces(servers: &[&Client], piece: usize, until: u64) -> Vec<u64> {
    let (mut seen, mut last_id) = (Vec::new(), "0".to_owned());
    for turn in 0.. {
        let mut stream = servers[turn % servers.len()].with("Last-Event-ID", &last_id).follow("/v1/events");
        assert_eq!(stream.ready().to_string(), last_id);
        for _ in 0..piece {
            seen.push(stream.event().revision());
            if seen.last() == Some(&until) {
                return seen;
            }
        }
        last_id = stream.last_event_id().to_owned();
    }
    seen
}

const WRITERS: usize = 8;
const WRITES: usize = 15;

#[test]
fn among_eight_writers_nobody_misses_or_hears_twice_of_a_change_however_often_they_connect() {
    each(|api| {
        let last = (WRITERS * WRITES) as u64;
        let expected: Vec<u64> = (1..=last).collect();
        std::thread::scope(|scope| {
            let followers: Vec<_> = [1, 3, 7, 1_000].map(|piece| scope.spawn(move || follow_in_pieces(&[api], piece, last))).into();
            let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || write(api, &format!("f-{writer}"), WRITES))).collect();
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            for follower in followers {
                assert_eq!(follower.join().unwrap(), expected);
            }
        });
        // The log says the same.
        let logged: BTreeSet<u64> = api.all("/v1/audit").iter().map(|entry| entry["revision"].as_u64().unwrap()).collect();
        assert_eq!(logged.into_iter().collect::<Vec<_>>(), expected);
    });
}

#[test]
fn what_is_written_through_one_server_is_heard_through_the_other() {
    each_pair(|first, second| {
        // Nobody has written to this tenant, so neither server has it in memory.
        let mut stream = second.follow("/v1/events");
        assert_eq!(stream.ready(), 0);
        for i in 0..5 {
            first.post("/v1/flags", &boolean(&format!("f{i}"))).created();
            let revision = stream.event().revision();
            assert_eq!(revision, i + 1);
            let served = second.get("/v1/users/u/flags").ok()["revision"].as_u64().unwrap();
            assert!(served >= revision, "{served} is served after the event of {revision}");
        }
    });
}

#[test]
fn a_client_that_changes_servers_misses_nothing_and_hears_nothing_twice() {
    each_pair(|first, second| {
        let last = (WRITERS * WRITES) as u64;
        std::thread::scope(|scope| {
            let followers: Vec<_> = [1, 5].map(|piece| scope.spawn(move || follow_in_pieces(&[first, second], piece, last))).into();
            let writer = |writer: usize| write([first, second][writer % 2], &format!("f-{writer}"), WRITES);
            let writers: Vec<_> = (0..WRITERS).map(|number| scope.spawn(move || writer(number))).collect();
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            for follower in followers {
                assert_eq!(follower.join().unwrap(), (1..=last).collect::<Vec<_>>());
            }
        });
    });
}

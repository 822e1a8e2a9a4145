//! Event streams when something is gone: the server, the database, an entry of the log, the client's attention.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ff_test_support::{Client, End, EventStream, Item, PATIENCE, Postgres, Server, TestDatabase, eventually};
use serde_json::json;

use crate::{admin, flag, setup};

fn metric(server: &Server, name: &str) -> f64 {
    let text = server.client().get("/metrics").text();
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok()).unwrap()
}

fn write(api: &Client, prefix: &str, count: usize) {
    (0..count).for_each(|i| drop(api.post("/v1/flags", &flag(&format!("{prefix}-{i}"))).created()));
}

/// How long late requests are let in.
const DRAIN: Duration = Duration::from_secs(5);

#[test]
fn a_server_that_stops_ends_its_streams_and_waits_for_none() {
    for setup in [Some(setup()), ff_test_support::Setup::on(crate::PROGRAM, ff_store::Backend::Postgres)].into_iter().flatten() {
        let server = setup.variable("SHUTDOWN_TIMEOUT_S", "60").variable("DRAIN_S", &DRAIN.as_secs().to_string()).start();
        let api = admin(&server);
        write(&api, "f", 2);
        let mut streams: Vec<_> = (0..20).map(|_| api.follow("/v1/events")).collect();
        streams.iter_mut().for_each(|stream| assert_eq!(stream.ready(), 2));
        let started = Instant::now();
        server.terminate();
        assert!(streams.iter_mut().all(|stream| stream.end() == End::Whole));
        // While late requests are still let in, a browser that connects again is not refused: it would give up for good.
        match api.try_follow("/v1/events") {
            Some(mut late) => assert_eq!((late.ready(), late.end()), (2, End::Whole)),
            None => assert!(started.elapsed() >= DRAIN, "nobody is let in after {:?}", started.elapsed()),
        }
        assert_eq!(server.wait().code(), Some(0));
        assert!(started.elapsed() < PATIENCE, "{:?} where one may wait for 60 s after the drain", started.elapsed());

        server.start_again();
        let api = admin(&server);
        write(&api, "g", 1);
        let mut stream = api.with("Last-Event-ID", streams[0].last_event_id()).follow("/v1/events");
        assert_eq!((stream.ready(), stream.event().revision()), (2, 3));
    }
}

#[test]
fn without_the_database_streams_stay_open_and_go_on_when_it_is_back() {
    let Some(postgres) = Postgres::start() else { return };
    let server = setup()
        .variable("DB_DSN", &postgres.empty_database())
        .variable("RULESET_REFRESH_MS", "50")
        .variable("EVENT_HEARTBEAT_MS", "50")
        .start();
    let api = admin(&server);
    write(&api, "f", 3);
    let mut before = api.follow("/v1/events");
    assert_eq!(before.ready(), 3);

    postgres.stop();
    eventually("/readyz says degraded", || (server.client().get("/readyz").text() == "degraded").then_some(()));
    assert!((0..5).all(|_| matches!(before.item(), Some(Item::Comment(_)))));
    // What needs nothing from the log begins; what does waits, open; whose tenant is not in memory is refused.
    let mut meanwhile = api.follow("/v1/events");
    assert_eq!(meanwhile.ready(), 3);
    let mut late = api.with("Last-Event-ID", "1").follow("/v1/events");
    assert_eq!(late.ready(), 1);
    let mut ahead = api.with("Last-Event-ID", "4").follow("/v1/events");
    let mut nowhere = api.with("Last-Event-ID", "9").follow("/v1/events");
    for stream in [&mut late, &mut ahead, &mut nowhere] {
        assert!((0..3).all(|_| matches!(stream.item(), Some(Item::Comment(_) | Item::Retry(_)))));
    }
    api.tenant("another").get("/v1/events").problem(503, "unavailable");
    api.get("/v1/events?since=4").problem(503, "unavailable");

    postgres.restart();
    // Another way to say that it was there all the time.
    let reset = nowhere.event();
    assert_eq!((reset.kind.as_str(), reset.revision()), ("reset", 3));
    assert_eq!(late.revisions(2), [2, 3]);
    eventually("a write to succeed", || (api.post("/v1/flags", &flag("back")).status() != 503).then_some(()));
    for stream in [&mut before, &mut meanwhile, &mut late, &mut nowhere] {
        assert_eq!(stream.event().revision(), 4);
    }
    // Whether it was answered before the fourth change or after it, that one is not told again.
    let first = ahead.event();
    let known = if first.kind == "reset" { 3 } else { 4 };
    assert_eq!(first.revision(), known);
    write(&api, "last", 1);
    assert_eq!(ahead.revisions(5 - known as usize), (known + 1..=5).collect::<Vec<_>>());
}

#[test]
fn an_entry_that_does_not_parse_is_told_as_a_reset_and_stops_nothing() {
    for database in [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()].into_iter().flatten() {
        let server = setup().variable("DB_DSN", database.dsn()).start();
        let api = admin(&server);
        write(&api, "f", 6);
        database.execute("UPDATE audit SET action = 'painted' WHERE revision IN (2, 3, 6)");
        let mut stream = api.follow("/v1/events?since=0");
        assert_eq!(stream.ready(), 0);
        let events: Vec<_> = (0..5).map(|_| stream.event()).map(|event| (event.kind.clone(), event.revision())).collect();
        let expected = [("flag.created", 1), ("reset", 3), ("flag.created", 4), ("flag.created", 5), ("reset", 6)];
        assert_eq!(events, expected.map(|(kind, revision)| (kind.to_owned(), revision)));
        write(&api, "g", 1);
        assert_eq!(stream.event().revision(), 7);
        // It is told to those who ask for something else, too: nobody knows what it was.
        let mut narrow = api.follow("/v1/events?since=1&event=environment.*");
        assert_eq!((narrow.ready(), narrow.event().data), (1, json!({"revision": 3, "reason": "log_unreadable"})));
    }
}

/// As large as a credential may make it: what the system buffers for somebody who does not read is megabytes.
const NAME_LENGTH: usize = 11_000;

/// More events than any system buffers.
const WRITES_MAX: u64 = 5_000;

/// A server that keeps few events, a client whose name is in each and makes it large, and two streams of it.
fn idle_and_reading(send_timeout_ms: &str) -> (Arc<Server>, Client, [EventStream; 2]) {
    let server = setup().variable("EVENT_QUEUE_MAX", "20").variable("SEND_TIMEOUT_MS", send_timeout_ms).start();
    let api = admin(&server).admin(&"x".repeat(NAME_LENGTH));
    let mut streams = [api.follow("/v1/events"), api.follow("/v1/events")];
    streams.iter_mut().for_each(|stream| assert_eq!(stream.ready(), 0));
    (server, api, streams)
}

/// Writes, and lets `reading` read each event as it comes, until `is_enough` of so many.
fn write_until(api: &Client, reading: &mut EventStream, is_enough: impl Fn(u64) -> bool) -> u64 {
    // Bounded by their number and not by a time: hundreds are written, each with a sync to disk.
    let mut writes = (1..=WRITES_MAX).inspect(|written| {
        api.post("/v1/flags", &flag(&format!("f-{written}"))).created();
        assert_eq!(reading.event().revision(), *written);
    });
    writes.find(|written| is_enough(*written)).expect("the other one to be behind")
}

/// Everything that still comes, and, after its end, what a client gets that connects again: each change once, up to `last`.
fn goes_on_without_gap_or_repetition(api: &Client, cut: &mut EventStream, end: End, last: u64) {
    let mut seen: Vec<u64> = std::iter::from_fn(|| cut.next_event()).map(|event| event.revision()).collect();
    assert_eq!(cut.end(), end);
    assert!(seen.len() < last as usize, "not everything had been sent");
    let mut again = api.with("Last-Event-ID", cut.last_event_id()).follow("/v1/events");
    assert_eq!(again.ready(), seen.last().copied().unwrap_or(0));
    while seen.last() != Some(&last) {
        seen.push(again.event().revision());
    }
    assert_eq!(seen, (1..=last).collect::<Vec<_>>());
}

#[test]
fn a_subscriber_who_does_not_read_loses_its_connection_and_holds_nobody_up() {
    let (server, api, [mut idle, mut reading]) = idle_and_reading("1000");
    // The system may take all of it for the one who does not read, so that the server notices by the connection only.
    let last = write_until(&api, &mut reading, |_| metric(&server, "ff_event_subscribers") == 1.0);
    goes_on_without_gap_or_repetition(&api, &mut idle, End::Broken, last);
}

#[test]
fn a_subscriber_who_reads_too_late_gets_what_was_sent_and_then_the_end() {
    let (server, api, [mut idle, mut reading]) = idle_and_reading("3600000");
    // What was sent to both is what was written, and what went into the buffers of the one who does not read.
    let sent_to_idle = |written: u64| metric(&server, "ff_events_sent_total") as u64 - written;
    let last = write_until(&api, &mut reading, |written| sent_to_idle(written) + 25 < written);
    assert_eq!(metric(&server, "ff_event_subscribers"), 2.0);
    goes_on_without_gap_or_repetition(&api, &mut idle, End::Whole, last);
    assert_eq!(metric(&server, "ff_event_subscribers_cut_total"), 1.0);
}

#[test]
fn a_database_that_goes_back_to_an_earlier_state_is_a_reason_to_start_over() {
    for database in [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()].into_iter().flatten() {
        let server = setup().variable("DB_DSN", database.dsn()).variable("RULESET_REFRESH_MS", "50").start();
        let api = admin(&server);
        write(&api, "f", 5);
        let (mut live, mut narrow) = (api.follow("/v1/events?since=3"), api.follow("/v1/events?event=segment.created"));
        assert_eq!((live.ready(), live.revisions(2), narrow.ready()), (3, vec![4, 5], 5));
        // At once, as a restore is.
        database.execute("BEGIN; DELETE FROM audit WHERE revision > 2; UPDATE tenants SET revision = 2; COMMIT");
        for stream in [&mut live, &mut narrow] {
            let reset = stream.event();
            assert_eq!((reset.kind.as_str(), reset.id.as_str(), &reset.data["reason"]), ("reset", "2", &"revision_unknown".into()));
        }
        // Those who were not there meanwhile.
        let mut returning = api.with("Last-Event-ID", "5").follow("/v1/events");
        assert_eq!((returning.event().kind.as_str(), returning.last_event_id()), ("reset", "2"));
        api.post("/v1/segments", &json!({"key": "s"})).created();
        for stream in [&mut live, &mut narrow, &mut returning] {
            assert_eq!(stream.event().revision(), 3);
        }
    }
}

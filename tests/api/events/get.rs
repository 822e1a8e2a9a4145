//! `GET /v1/events`: what is told, to whom, and for how long.

use std::io::{BufRead, BufReader, Write};

use ff_test_support::token::{HEADER, SECRET, now_s, signed, token};
use ff_test_support::{Client, End, Event, Item, Server, eventually};
use serde_json::{Value, json};

use crate::docs::openapi::document;
use crate::docs::schema::fits_component;
use crate::harness::{admin_of, each, each_own, fresh_tenant};
use crate::sample::{boolean, environment, is_instant, is_uuid};

/// The types of events and the keys that they are about, each with its revision.
fn kinds(events: &[Event]) -> Vec<(u64, &str, &str)> {
    events.iter().map(|event| (event.revision(), event.kind.as_str(), event.data["key"].as_str().unwrap())).collect()
}

/// A counter or gauge of the server.
fn metric(server: &Server, name: &str) -> f64 {
    let text = server.client().get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

#[test]
fn the_first_word_comes_at_once_and_says_where_the_stream_stands() {
    each(|api| {
        let mut stream = api.follow("/v1/events");
        for (name, value) in [("cache-control", "no-store"), ("x-accel-buffering", "no")] {
            assert_eq!(stream.header(name), Some(value));
        }
        assert!(stream.header("content-encoding").is_none() && stream.header("x-request-id").is_some());
        assert!(matches!(stream.item(), Some(Item::Retry(1_000..3_000))));
        assert_eq!(stream.ready(), 0, "nobody has written to this tenant");
        api.post("/v1/flags", &boolean("f")).created();
        assert_eq!(stream.event().revision(), 1);
        assert_eq!(api.follow("/v1/events").ready(), 1);
    });
}

#[test]
fn a_client_of_http_1_0_gets_events_without_chunks() {
    each(|api| {
        let mut connection = api.connection();
        let head =
            api.head("GET", "/v1/events").replace(" HTTP/1.1\r\n", " HTTP/1.0\r\n").replace("Connection: close", "Connection: keep-alive");
        connection.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        let mut lines = BufReader::new(connection).lines().map(Result::unwrap);
        let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).map(|line| line.to_lowercase()).collect();
        assert!(head[0].starts_with("http/1.0 200"), "{head:?}");
        assert!(!head.iter().any(|line| line.starts_with("transfer-encoding") || line.starts_with("content-length")), "{head:?}");
        let body: Vec<String> = lines.by_ref().take(5).collect();
        assert!(body[0].starts_with("retry: ") && body[1..4] == ["", "event: ready", "id: 0"], "{body:?}");
        api.post("/v1/flags", &boolean("f")).created();
        assert_eq!(lines.find(|line| line.starts_with("event: ")).as_deref(), Some("event: flag.created"));
    });
}

#[test]
fn every_change_is_told_to_all_who_follow_and_shown_to_none() {
    each(|api| {
        environment(api, "staging");
        let mut all: Vec<_> = (0..3).map(|_| api.follow("/v1/events")).collect();
        all.iter_mut().for_each(|stream| assert_eq!(stream.ready(), 1));
        let document = document(api);

        let flag = api.post("/v1/flags", &boolean("f")).created();
        let renamed = api.environment("staging").with("X-Request-ID", "the-request").put("/v1/flags/f", &json!({"name": "hidden"}));
        renamed.ok();
        api.environment("staging").put("/v1/flags/f", &json!({"state": "on"})).ok();
        // Changes nothing, and so is nothing to tell.
        api.environment("staging").put("/v1/flags/f", &json!({"state": "on"})).ok();
        api.post("/v1/segments", &json!({"key": "s", "included": ["hidden"]})).created();
        api.put("/v1/segments/s", &json!({"included": ["hidden", "too"]})).ok();
        api.delete("/v1/segments/s").is(204);
        api.delete("/v1/flags/f").is(204);
        api.post("/v1/environments", &json!({"key": "staging", "name": "hidden"})).ok();
        api.delete("/v1/environments/staging").is(204);

        for stream in &mut all {
            let events: Vec<Event> = (0..9).map(|_| stream.event()).collect();
            assert_eq!(
                kinds(&events),
                [
                    (2, "flag.created", "f"),
                    (3, "flag.updated", "f"),
                    (4, "flag.updated", "f"),
                    (5, "segment.created", "s"),
                    (6, "segment.updated", "s"),
                    (7, "segment.deleted", "s"),
                    (8, "flag.deleted", "f"),
                    (9, "environment.updated", "staging"),
                    (10, "environment.deleted", "staging"),
                ]
            );
            for event in &events {
                fits_component(&document, "ChangeEvent", &event.data);
                assert_eq!((&event.data["type"], &event.data["revision"]), (&event.kind.as_str().into(), &event.revision().into()));
                assert!(is_instant(&event.data["timestamp"]) && is_uuid(&event.data["id"]), "{event:?}");
                assert!(!event.data.to_string().contains("hidden"), "{event:?}");
            }
            let places = |event: &Event| event.data["environments"].clone();
            assert_eq!(places(&events[0]), json!(["production", "staging"]));
            assert_eq!(places(&events[1]), json!(["staging", "production"]));
            assert_eq!(places(&events[2]), json!(["staging"]));
            assert_eq!((places(&events[3]), places(&events[6])), (Value::Null, Value::Null));
            assert_eq!((&events[1].data["changed"], &events[2].data["changed"]), (&json!(["name"]), &json!(["state"])));
            assert_eq!((&events[1].data["request_id"], &events[1].data["actor"]), (&"the-request".into(), &"test".into()));
            assert_eq!((&events[1].data["id"], &events[1].data["version"]), (&flag["id"], &2.into()));
        }
    });
}

#[test]
fn whoever_fetches_after_an_event_gets_the_new_state() {
    each(|api| {
        api.post("/v1/flags", &boolean("f")).created();
        let mut stream = api.follow("/v1/events");
        stream.ready();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..20).for_each(|i| drop(api.put("/v1/flags/f", &json!({"rollout_percentage": i})).ok())));
            for _ in 0..20 {
                let revision = stream.event().revision();
                let served = api.get("/v1/users/u/flags").ok()["revision"].as_u64().unwrap();
                assert!(served >= revision, "{served} is served after the event of {revision}");
            }
        });
    });
}

#[test]
fn a_stream_may_be_narrowed_to_environments_and_types() {
    each(|api| {
        ["staging", "qa"].into_iter().for_each(|key| environment(api, key));
        let mut streams = [
            ("/v1/events?environment=staging", api.clone(), vec![3, 4, 6, 8]),
            ("/v1/events?environment=staging,production", api.clone(), vec![3, 4, 5, 6, 8]),
            ("/v1/events?environment=staging&environment=qa", api.clone(), vec![3, 4, 6, 7, 8]),
            ("/v1/events", api.environment("staging"), vec![3, 4, 6, 8]),
            ("/v1/events?environment=qa", api.environment("staging"), vec![3, 6, 7, 8]),
            ("/v1/events?event=*", api.clone(), vec![3, 4, 5, 6, 7, 8]),
            ("/v1/events?event=flag.*", api.clone(), vec![3, 4, 5, 8]),
            ("/v1/events?event=flag.created,segment.*&event=flag.deleted", api.clone(), vec![3, 6, 8]),
            ("/v1/events?event=environment.deleted", api.clone(), vec![7]),
            ("/v1/events?event=flag.updated&environment=production", api.clone(), vec![5]),
        ]
        .map(|(path, client, expected)| {
            let mut stream = client.follow(path);
            assert_eq!(stream.ready(), 2);
            (path, stream, expected)
        });
        let flag = json!({"key": "f", "type": "boolean"});
        api.post("/v1/flags", &flag).created();
        api.environment("staging").put("/v1/flags/f", &json!({"state": "on"})).ok();
        api.put("/v1/flags/f", &json!({"state": "on"})).ok();
        api.post("/v1/segments", &json!({"key": "s"})).created();
        api.delete("/v1/environments/qa").is(204);
        api.delete("/v1/flags/f").is(204);
        // Something that all of them want, so that what they were not told shows.
        for body in [json!({"key": "f", "type": "boolean"}), json!({"key": "g", "type": "boolean"})] {
            api.post("/v1/flags", &body).created();
        }
        api.put("/v1/flags/g", &json!({"state": "on"})).ok();
        environment(api, "last");
        api.delete("/v1/environments/last").is(204);
        api.put("/v1/segments/s", &json!({"name": "last"})).ok();
        for (path, stream, expected) in &mut streams {
            assert_eq!(&stream.revisions(expected.len()), expected, "{path}");
            assert!(stream.event().revision() > 8, "{path}");
        }
    });
}

#[test]
fn what_cannot_be_followed_is_refused() {
    each(|api| {
        api.post("/v1/flags", &boolean("f")).created();
        for unknown in ["environment=nope", "environment=production,nope", "environment=production&environment=nope"] {
            api.get(&format!("/v1/events?{unknown}")).problem(404, "environment_not_found");
        }
        api.environment("nope").get("/v1/events").problem(404, "environment_not_found");
        api.environment("a b").get("/v1/events").problem(400, "invalid_header");
        for bad in
            ["event=flag", "event=", "event=flag.*,", "event=flags.*", "event=FLAG.*", "environment=a%20b", "events=*", "since=1&since=1"]
        {
            api.get(&format!("/v1/events?{bad}")).problem(400, "invalid_query");
        }
        let all_at_once = api.get("/v1/events?event=flag.*,a.b,segment.x&event=x").problem(400, "invalid_query");
        let detail = all_at_once["detail"].as_str().unwrap();
        assert!(["`a.b`", "`segment.x`", "`x`", "`flag`, `segment` or `environment`"].iter().all(|part| detail.contains(part)), "{detail}");
        assert!(!detail.contains("`flag.*`"), "{detail}");
        for bad in ["-1", "+1", "1.0", "x", " 1", "99999999999999999999", "1,2"] {
            api.get(&format!("/v1/events?since={}", crate::sample::encoded(bad))).problem(400, "invalid_query");
            api.with("Last-Event-ID", bad.trim_start())
                .with("Last-Event-ID", &format!("{bad}x"))
                .get("/v1/events")
                .problem(400, "invalid_header");
        }
    });
}

#[test]
fn tenants_do_not_hear_of_one_another() {
    each(|api| {
        let other = api.tenant(&fresh_tenant());
        let (mut mine, mut theirs) = (api.follow("/v1/events"), other.follow("/v1/events"));
        assert_eq!((mine.ready(), theirs.ready()), (0, 0));
        (0..3).for_each(|i| drop(other.post("/v1/flags", &boolean(&format!("their-{i}"))).created()));
        api.post("/v1/flags", &boolean("mine")).created();
        assert_eq!(mine.event().data["key"], "mine");
        assert_eq!(theirs.revisions(3), [1, 2, 3]);
    });
}

#[test]
fn silence_is_broken_by_comments_and_by_what_lets_a_narrow_stream_be_resumed() {
    each_own(
        |setup| setup.variable("EVENT_HEARTBEAT_MS", "50"),
        |server| {
            let api = admin_of(server);
            let (mut wide, mut narrow) = (api.follow("/v1/events"), api.follow("/v1/events?event=segment.*"));
            assert_eq!((wide.ready(), narrow.ready()), (0, 0));
            for stream in [&mut wide, &mut narrow] {
                assert!((0..3).all(|_| matches!(stream.item(), Some(Item::Comment(_)))));
            }
            (0..5).for_each(|i| drop(api.post("/v1/flags", &boolean(&format!("f{i}"))).created()));
            assert_eq!(wide.revisions(5), [1, 2, 3, 4, 5]);
            // It may come in several steps, and goes as far as the tenant is.
            let progress = std::iter::from_fn(|| Some(narrow.event())).find(|event| {
                assert_eq!((event.kind.as_str(), &event.data), ("progress", &json!({"revision": event.revision()})));
                event.revision() == 5
            });
            assert!(progress.is_some());
            assert_eq!(narrow.last_event_id(), "5");
            // Said once, it need not be said again.
            assert!(matches!(narrow.item(), Some(Item::Comment(_))));
        },
    );
}

#[test]
fn there_are_so_many_places_and_whoever_hangs_up_gives_theirs_back() {
    each_own(
        |setup| setup.variable("EVENT_SUBSCRIBERS_PER_TENANT_MAX", "2").variable("EVENT_SUBSCRIBERS_MAX", "3"),
        |server| {
            let (api, other) = (admin_of(server), admin_of(server));
            let open = || metric(server, "ff_event_subscribers");
            assert_eq!(open(), 0.0);
            let mut mine: Vec<_> = (0..2).map(|_| api.follow("/v1/events")).collect();
            assert_eq!(api.get("/v1/events").problem(429, "too_many_requests")["status"], 429);
            let mut theirs = other.follow("/v1/events");
            assert_eq!(open(), 3.0);
            other.get("/v1/events").problem(503, "stream_unavailable");
            // A look at the head takes no place.
            assert_eq!(other.send("HEAD", "/v1/events", None).status(), 200);
            // Nothing is sent meanwhile: the next heartbeat is an hour away.
            mine.pop();
            let mut again = eventually("a place", || (open() == 2.0).then(|| other.follow("/v1/events")));
            [&mut theirs, &mut again].into_iter().for_each(|stream| assert_eq!(stream.ready(), 0));
            other.post("/v1/flags", &boolean("f")).created();
            assert_eq!([theirs.event().revision(), again.event().revision()], [1, 1]);
            assert_eq!(metric(server, "ff_events_sent_total"), 2.0);
            drop((mine, theirs, again));
            eventually("no streams", || (open() == 0.0).then_some(()));
        },
    );
}

#[test]
fn a_stream_ends_with_its_credential() {
    each(|api| {
        // It may have expired before the stream begins: then another one is tried.
        let (brief, mut brief_stream) = eventually("a stream before its credential expires", || {
            let claims = json!({"sub": "brief", "scopes": ["events:r"], "tenants": [api.tenant_id()], "iat": now_s(), "exp": now_s() + 2});
            let brief = api.bearer(&signed(HEADER, &claims, SECRET));
            let stream = brief.follow_if_let_in("/v1/events")?;
            Some((brief, stream))
        });
        let mut other = api.follow("/v1/events");
        assert_eq!((brief_stream.ready(), other.ready()), (0, 0));
        assert_eq!(brief_stream.end(), End::Whole);
        brief.get("/v1/events").problem(401, "unauthenticated");
        api.post("/v1/flags", &boolean("f")).created();
        assert_eq!(other.event().revision(), 1);
    });
}

#[test]
fn following_needs_its_own_scope_and_gives_no_other() {
    each(|api| {
        let follower: Client = api.bearer(&token("follower", &["events:r"], &[api.tenant_id()]));
        let mut stream = follower.follow("/v1/events");
        assert_eq!(stream.ready(), 0);
        api.post("/v1/flags", &boolean("f")).created();
        assert_eq!(stream.event().data["key"], "f");
        follower.get("/v1/flags/f").problem(403, "scope_missing");
        follower.get("/v1/audit").problem(403, "scope_missing");
    });
}

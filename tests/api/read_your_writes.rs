//! `X-Revision`, `X-Min-Revision` and `X-Ruleset-Age`: what was written is read, whichever server it went through.

use std::sync::Arc;
use std::time::Instant;

use ff_test_support::{Answer, Client, Server, Setup, TestDatabase, eventually};
use serde_json::{Value, json};

use crate::harness::{admin_of, each, each_own, fresh_tenant, setup};
use crate::sample::{boolean, environment};

/// No test lasts as long as this.
const NEVER_MS: &str = "3600000";

#[track_caller]
fn revision(answer: &Answer) -> i64 {
    answer.header("x-revision").unwrap_or_else(|| panic!("no X-Revision: {answer:?}")).parse().unwrap()
}

#[track_caller]
fn age_s(answer: &Answer) -> f64 {
    let text = answer.header("x-ruleset-age").unwrap_or_else(|| panic!("no X-Ruleset-Age: {answer:?}"));
    assert!(text.split_once('.').is_some_and(|(_, decimals)| decimals.len() == 3), "{text}");
    text.parse().unwrap()
}

fn evaluation(flag: &str) -> Value {
    json!({"flag_key": flag, "user": {"id": "u"}})
}

/// Every form of evaluation, of the flag `f`.
fn every_form(api: &Client) -> Vec<Answer> {
    let user = json!({"id": "u"});
    vec![
        api.post("/v1/evaluate", &evaluation("f")),
        api.get("/v1/evaluate/f?user_id=u"),
        api.post("/v1/evaluate/batch", &json!({"user": user})),
        api.post("/v1/evaluate/batch", &json!({"user": user, "flag_keys": ["f", "g"]})),
        api.post("/v1/evaluate/preview", &json!({"user": user, "flag_key": "f"})),
        api.post("/v1/evaluate/preview", &json!({"user": user, "flag": boolean("draft")})),
        api.get("/v1/users/u/flags"),
        api.get("/v1/users/u/flags/f"),
    ]
}

#[test]
fn every_write_answers_with_the_revision_that_it_made_or_found() {
    each(|api| {
        let made = |answer: Answer, status: u16, expected: i64| {
            answer.is(status);
            assert_eq!(revision(&answer), expected, "{answer:?}");
            let newest = api.get("/v1/audit?limit=1").ok();
            assert_eq!(newest["items"][0]["revision"], expected);
        };
        made(api.post("/v1/flags", &boolean("f")), 201, 1);
        made(api.post("/v1/flags", &boolean("f")), 200, 1);
        made(api.put("/v1/flags/f", &json!({"rollout_percentage": 7})), 200, 2);
        made(api.put("/v1/flags/f", &json!({"rollout_percentage": 7})), 200, 2);
        made(api.patch("/v1/flags/f", &json!({"description": "d"})), 200, 3);
        made(api.post("/v1/flags/f/rollback", &json!({"revision": 1})), 200, 4);
        made(api.post("/v1/segments", &json!({"key": "s"})), 201, 5);
        made(api.put("/v1/segments/s", &json!({"included": ["u"]})), 200, 6);
        made(api.patch("/v1/segments/s", &json!({"included": ["u"]})), 200, 6);
        made(api.post("/v1/environments", &json!({"key": "staging"})), 201, 7);
        made(api.post("/v1/environments", &json!({"key": "staging", "name": "Staging"})), 200, 8);
        made(api.post("/v1/environments", &json!({"key": "staging", "name": "Staging"})), 200, 8);
        made(api.delete("/v1/environments/staging"), 204, 9);
        made(api.delete("/v1/segments/s"), 204, 10);
        made(api.delete("/v1/flags/f"), 204, 11);
    });
}

#[test]
fn a_write_that_is_sent_again_with_its_key_answers_with_the_revision_that_it_made_then() {
    each(|api| {
        let key = |key: &str| api.with("Idempotency-Key", key);
        let made = [
            revision(key("a").post("/v1/flags", &boolean("f")).is(201)),
            revision(key("b").post("/v1/flags", &boolean("f")).is(200)),
            revision(key("c").delete("/v1/flags/f").is(204)),
        ];
        assert_eq!(made, [1, 1, 2]);
        api.post("/v1/segments", &json!({"key": "s"})).created();
        let again = [
            revision(key("a").post("/v1/flags", &boolean("f")).is(201)),
            revision(key("b").post("/v1/flags", &boolean("f")).is(200)),
            revision(key("c").delete("/v1/flags/f").is(204)),
        ];
        assert_eq!(again, made);
    });
}

#[test]
fn every_evaluation_answers_with_the_revision_that_it_was_made_from_and_its_age() {
    each(|api| {
        // A tenant that nobody has written to has a ruleset too.
        let empty = api.get("/v1/users/u/flags");
        assert_eq!((empty.status(), revision(&empty)), (200, 0));
        api.post("/v1/flags", &boolean("f")).created();
        let made = revision(&api.post("/v1/flags", &boolean("g")));
        for answer in every_form(api) {
            answer.is(200);
            assert_eq!(revision(&answer), made);
            assert!((0.0..600.0).contains(&age_s(&answer)), "{answer:?}");
        }
        // That there is no such flag holds for a revision as well.
        for answer in [
            api.post("/v1/evaluate", &evaluation("gone")),
            api.get("/v1/evaluate/gone?user_id=u"),
            api.get("/v1/users/u/flags/gone"),
            api.post("/v1/evaluate/preview", &json!({"user": {"id": "u"}, "flag_key": "gone"})),
        ] {
            answer.problem(404, "flag_not_found");
            assert_eq!(revision(&answer), made);
            age_s(&answer);
        }
    });
}

#[test]
fn a_revision_that_is_served_is_not_waited_for() {
    each(|api| {
        let made = revision(&api.post("/v1/flags", &boolean("f")));
        for min in 0..=made {
            for answer in every_form(&api.with("X-Min-Revision", &min.to_string())) {
                answer.is(200);
                assert_eq!(revision(&answer), made);
            }
        }
    });
}

#[test]
fn a_revision_that_does_not_come_is_unavailable_after_a_bounded_wait() {
    each_own(
        |setup| setup.variable("MIN_REVISION_WAIT_MS", "60"),
        |server| {
            let api = admin_of(server);
            let made = revision(&api.post("/v1/flags", &boolean("f")));
            for min in [made + 1, i64::MAX] {
                for answer in every_form(&api.with("X-Min-Revision", &min.to_string())) {
                    let problem = answer.problem(503, "revision_not_served");
                    assert_eq!(answer.header("retry-after"), Some("1"));
                    let detail = problem["detail"].as_str().unwrap();
                    assert!(detail.contains(&made.to_string()) && detail.contains(&min.to_string()), "{detail}");
                }
            }
            let nobody = server.client().admin("test").tenant(&fresh_tenant()).with("X-Min-Revision", "1");
            nobody.get("/v1/users/u/flags").problem(503, "revision_not_served");
        },
    );
}

#[test]
fn a_malformed_revision_is_refused_and_the_header_named() {
    each(|api| {
        api.post("/v1/flags", &boolean("f")).created();
        for min in ["", "-1", "+1", "abc", "1.5", "1,2", "0x10", "9223372036854775808"] {
            for answer in every_form(&api.with("X-Min-Revision", min)) {
                let problem = answer.problem(400, "invalid_header");
                assert!(problem["detail"].as_str().unwrap().contains("`X-Min-Revision`"), "{problem}");
            }
        }
        // Who is not let in learns nothing about headers.
        let stranger = Client::new(api.address().to_owned()).tenant(api.tenant_id()).with("X-Min-Revision", "abc");
        stranger.get("/v1/users/u/flags").problem(401, "unauthenticated");
    });
}

/// Two servers on one database that never look by themselves, so that only a reader who asks makes them look, and on PostgreSQL
/// notifications where `hears`.
fn two(database: &TestDatabase, hears: bool, change: impl Fn(Setup) -> Setup) -> [Arc<Server>; 2] {
    let start = || {
        let setup = change(setup().variable("DB_DSN", database.dsn()).variable("RULESET_REFRESH_MS", NEVER_MS));
        let is_postgres = database.dsn().starts_with("postgres");
        if hears || !is_postgres { setup } else { setup.variable("DB_LISTEN_DSN", "postgres://127.0.0.1:1/nowhere") }.start()
    };
    [start(), start()]
}

fn databases() -> impl Iterator<Item = TestDatabase> {
    [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()].into_iter().flatten()
}

#[test]
fn what_was_written_through_one_server_is_read_through_another_always() {
    for database in databases() {
        for hears in [false, true] {
            // Always, and not soon: a busy machine may take more than the usual second.
            let servers = two(&database, hears, |setup| setup.variable("MIN_REVISION_WAIT_MS", "60000"));
            let tenant = fresh_tenant() + if hears { "-heard" } else { "-unheard" };
            let apis = servers.each_ref().map(|server| server.client().admin("test").tenant(&tenant));
            apis[0].post("/v1/flags", &boolean("f")).created();
            apis[1].post("/v1/evaluate", &evaluation("f")).ok();
            for i in 0..40 {
                let (writer, reader) = (&apis[i % 2], &apis[(i + 1) % 2]);
                let is_on = i % 4 < 2;
                let percentage = if is_on { 100 } else { 0 };
                let made = revision(writer.put("/v1/flags/f", &json!({"rollout_percentage": percentage, "owner": i.to_string()})).is(200));
                let answer = reader.with("X-Min-Revision", &made.to_string()).post("/v1/evaluate", &evaluation("f"));
                assert_eq!((answer.ok()["value"].as_bool(), revision(&answer)), (Some(is_on), made));
            }
            // Of an environment that this server has not heard of yet, too.
            let made = {
                environment(&apis[0], "staging");
                revision(apis[0].environment("staging").put("/v1/flags/f", &json!({"state": "on"})).is(200))
            };
            let staging = apis[1].environment("staging").with("X-Min-Revision", &made.to_string());
            assert_eq!(staging.post("/v1/evaluate", &evaluation("f")).ok()["value"], false);
        }
    }
}

#[test]
fn a_reader_who_comes_before_the_write_waits_for_it() {
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    let servers = two(&database, true, |setup| setup.variable("MIN_REVISION_WAIT_MS", "60000"));
    let tenant = fresh_tenant();
    let [writer, reader] = servers.each_ref().map(|server| server.client().admin("test").tenant(&tenant));
    // The first one comes for a tenant that nobody has written to, the others for one in memory.
    for next in 1..=3 {
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| reader.with("X-Min-Revision", &next.to_string()).get("/v1/users/u/flags"));
            // It has come when it has looked for rulesets; it is still there, since what it waits for is not.
            let looked = || {
                let text = reader.get("/metrics").text();
                let count = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok()).unwrap();
                count("ff_ruleset_cache_hits_total") + count("ff_ruleset_cache_misses_total")
            };
            eventually("the reader to come", || (looked() >= f64::from(next)).then_some(()));
            assert!(!waiting.is_finished());
            writer.post("/v1/flags", &boolean(&format!("f{next}"))).created();
            let answer = waiting.join().unwrap();
            assert_eq!((answer.ok()["items"].as_array().unwrap().len(), revision(&answer)), (next as usize, i64::from(next)));
        });
    }
}

#[test]
fn the_age_is_that_of_the_last_look_at_the_database() {
    for database in databases() {
        let server = setup().variable("DB_DSN", database.dsn()).variable("RULESET_REFRESH_MS", NEVER_MS).start();
        let api = server.client().admin("test").tenant(&fresh_tenant());
        api.post("/v1/flags", &boolean("f")).created();
        let age = || age_s(&api.post("/v1/evaluate", &evaluation("f")));
        let is_from_after = |asked: Instant| age() <= asked.elapsed().as_secs_f64();
        // Nobody looks, so it grows; a write is as good as a look.
        eventually("some age", || (age() >= 0.2).then_some(()));
        let asked = Instant::now();
        api.put("/v1/flags/f", &json!({"owner": "x"})).ok();
        assert!(is_from_after(asked), "a write has seen what there is");
        eventually("some age", || (age() >= 0.2).then_some(()));
        // So is a look for a reader's sake, though it finds nothing and he waits for a second. It may take longer than he waits.
        let asked = Instant::now();
        api.with("X-Min-Revision", "1000").post("/v1/evaluate", &evaluation("f")).problem(503, "revision_not_served");
        eventually("the look that a reader has asked for", || is_from_after(asked).then_some(()));
    }
}

#[test]
fn where_revisions_are_compared_the_age_stays_below_the_time_between_two_looks() {
    each_own(
        |setup| setup.variable("RULESET_REFRESH_MS", "20"),
        |server| {
            let api = admin_of(server);
            api.post("/v1/flags", &boolean("f")).created();
            // Longer after the write than a few looks take, the age is still small.
            let start = Instant::now();
            eventually("many looks", || (start.elapsed().as_millis() > 500).then_some(()));
            eventually("a fresh ruleset", || (age_s(&api.post("/v1/evaluate", &evaluation("f"))) < 0.1).then_some(()));
        },
    );
}

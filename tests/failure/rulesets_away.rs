//! Those who evaluate by themselves, while PostgreSQL is away.

use std::sync::Arc;

use ff_test_support::{Client, Postgres, Server, eventually};
use serde_json::json;

use crate::state_dir::is_saved;
use crate::{admin, flag, question, setup};

/// A server of this database that looks for it often, and says what it does in the background.
fn start(dsn: &str, saves: bool) -> Arc<Server> {
    let setup = setup().variable("DB_DSN", dsn).variable("RULESET_REFRESH_MS", "50").variable("DB_ACQUIRE_TIMEOUT_MS", "1000");
    let setup = setup.variable("LOG_LEVEL", "debug");
    if saves { setup.variable("STATE_DIR", "state") } else { setup }.start()
}

fn says(server: &Server, expected: &str) {
    eventually(&format!("/readyz says {expected}"), || (server.client().get("/readyz").text() == expected).then_some(()));
}

/// Waits until the document is at this revision, without asking for it, which would bring it there.
fn is_kept_at(server: &Server, environment: &str, revision: u64) {
    let expected = format!("the document of `acme`, `{environment}` is at revision {revision}");
    server.output().wait_for(&expected, |line| (line["message"].as_str()? == expected).then_some(()));
}

fn downloaded(api: &Client) -> (u64, serde_json::Value) {
    let document = api.get("/v1/ruleset");
    let revision = document.ok()["revision"].as_u64().unwrap();
    assert_eq!(document.header("x-revision"), Some(revision.to_string().as_str()));
    (revision, document.ok()["flags"][0]["state"].clone())
}

#[test]
fn what_was_downloaded_before_is_served_as_evaluation_has_it_however_much_was_changed_since() {
    for saves in [false, true] {
        let Some(postgres) = Postgres::start() else { return };
        let dsn = postgres.empty_database();
        let servers = [start(&dsn, saves), start(&dsn, saves)];
        let api = admin(&servers[0]);
        api.post("/v1/environments", &json!({"key": "staging"})).created();
        api.post("/v1/flags", &flag("f")).created();
        for server in &servers {
            let first = admin(server).with("X-Min-Revision", "2");
            assert_eq!(downloaded(&first), (2, json!("on")));
            first.get("/v1/ruleset/changes?since=1").ok();
        }
        // Nobody asks again. The last change is what an outage must not undo.
        for percentage in 1..=9 {
            api.put("/v1/flags/f", &json!({"rollout_percentage": percentage})).ok();
        }
        api.put("/v1/flags/f", &json!({"state": "off"})).ok();
        for server in &servers {
            is_kept_at(server, "production", 12);
            if saves {
                is_saved(server, "acme", 12);
            }
        }
        postgres.stop();
        let mut tags = Vec::new();
        for server in &servers {
            says(server, "degraded");
            let api = admin(server);
            let evaluation = api.post("/v1/evaluate", &question("f"));
            assert_eq!((evaluation.ok()["reason"].as_str(), evaluation.header("x-revision")), (Some("flag_off"), Some("12")));
            for api in [&api, &api.with("X-Min-Revision", "12")] {
                assert_eq!(downloaded(api), (12, json!("off")));
            }
            for since in [2, 7, 11, 12] {
                let changes = api.get(&format!("/v1/ruleset/changes?since={since}"));
                assert_eq!((changes.ok()["revision"].as_i64(), changes.ok()["reset"].as_bool()), (Some(12), Some(false)));
                assert_eq!(changes.ok()["flags"].as_array().unwrap().len(), usize::from(since < 12));
            }
            let tag = api.get("/v1/ruleset").etag();
            api.with("If-None-Match", &tag).get("/v1/ruleset").is(304);
            tags.push(tag);
            // Whether there is a later revision, nobody can tell.
            api.get("/v1/ruleset/changes?since=13").problem(503, "unavailable");
            // What was never asked for is there if it was saved.
            let never_asked_for = api.environment("staging").get("/v1/ruleset");
            if saves {
                assert_eq!(never_asked_for.ok()["revision"], 12);
            } else {
                never_asked_for.problem(503, "unavailable");
            }
        }
        assert_eq!(tags[0], tags[1]);
        postgres.restart();
        servers.iter().for_each(|server| says(server, "ready"));
        api.put("/v1/flags/f", &json!({"state": "on"})).ok();
        for server in &servers {
            let api = admin(server).with("X-Min-Revision", "13");
            assert_eq!(downloaded(&api), (13, json!("on")));
            api.get("/v1/ruleset/changes?since=14").problem(400, "invalid_query");
        }
    }
}

#[test]
fn what_was_not_brought_up_to_date_before_the_database_went_is_once_it_is_back() {
    let Some(postgres) = Postgres::start() else { return };
    let server = start(&postgres.empty_database(), false);
    let api = admin(&server);
    api.post("/v1/flags", &flag("f")).created();
    assert_eq!(downloaded(&api).0, 1);
    // The second change finds the background at rest after the first, as a rule, and the database goes before it looks again.
    api.put("/v1/flags/f", &json!({"owner": "x"})).ok();
    api.put("/v1/flags/f", &json!({"state": "off"})).ok();
    postgres.stop();
    says(&server, "degraded");
    let (revision, _) = downloaded(&api);
    assert!((1..=3).contains(&revision), "{revision}");
    assert_eq!(downloaded(&api).0, revision);
    postgres.restart();
    is_kept_at(&server, "production", 3);
    postgres.stop();
    says(&server, "degraded");
    assert_eq!(downloaded(&api), (3, json!("off")));
}

//! `GET /v1/flags/{key}/history`.

use serde_json::{Value, json};

use crate::harness::each;
use crate::sample::{environment, text};

fn revisions(entries: &[Value]) -> Vec<i64> {
    entries.iter().map(|entry| entry["revision"].as_i64().unwrap()).collect()
}

#[test]
fn it_lists_the_changes_of_one_flag_newest_first() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        api.post("/v1/flags", &text("g")).created();
        api.put("/v1/flags/f", &json!({"owner": "x"})).ok();
        let history = api.all("/v1/flags/f/history");
        assert_eq!(revisions(&history), [3, 1]);
        assert_eq!(history, api.all("/v1/audit?entity=flag&entity_key=f"));
        assert_eq!((&history[0]["before"]["owner"], &history[0]["after"]["owner"]), (&Value::Null, &"x".into()));
        assert_eq!(api.pages("/v1/flags/f/history", 1).concat(), history);
    });
}

#[test]
fn it_outlives_the_flag() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        api.delete("/v1/flags/f").is(204);
        let history = api.all("/v1/flags/f/history");
        let actions: Vec<_> = history.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["deleted", "created"]);
        assert_eq!(history[0]["after"], Value::Null);
        api.get("/v1/flags/never-was/history").problem(404, "flag_not_found");
    });
}

#[test]
fn it_can_be_narrowed_to_an_environment() {
    each(|api| {
        environment(api, "staging");
        api.post("/v1/flags", &text("f")).created();
        api.environment("staging").put("/v1/flags/f", &json!({"state": "on"})).ok();
        assert_eq!(revisions(&api.all("/v1/flags/f/history")), [3, 2]);
        assert_eq!(revisions(&api.all("/v1/flags/f/history?environment=staging")), [3]);
        assert_eq!(revisions(&api.all("/v1/flags/f/history?environment=production")), [2]);
    });
}

#[test]
fn a_parameter_that_does_not_fit_is_refused() {
    each(|api| {
        api.post("/v1/flags", &text("f")).created();
        api.get("/v1/flags/f/history?limit=200").ok();
        for query in ["limit=0", "limit=201", "page_token=x", "environment=a%20b", "since=2026-01-01T00:00:00Z"] {
            api.get(&format!("/v1/flags/f/history?{query}")).problem(400, "invalid_query");
        }
    });
}

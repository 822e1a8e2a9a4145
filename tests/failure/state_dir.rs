//! Starting without the database, from what was saved of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use ff_test_support::{Client, Postgres, Server, eventually};
use serde_json::json;

use crate::{admin, flag, question, setup};

/// A server that saves its rulesets in the folder `state`, on a PostgreSQL that may be stopped, if there is PostgreSQL here.
fn start() -> Option<(Postgres, Arc<Server>)> {
    let postgres = Postgres::start()?;
    let dsn = postgres.empty_database();
    let setup = setup().variable("DB_DSN", &dsn).variable("RULESET_REFRESH_MS", "50");
    Some((postgres, setup.variable("STATE_DIR", "state").start()))
}

fn files(server: &Server) -> Vec<PathBuf> {
    let entries = fs::read_dir(server.folder().join("state")).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|suffix| suffix == "ruleset")).collect()
}

/// The tenant and the revision of a file.
fn state_of(file: &Path) -> Option<(String, u64)> {
    let text = fs::read_to_string(file).ok()?;
    let tenant = text.split(' ').nth(2)?.to_owned();
    let revision = text.split(r#""revision":"#).nth(1)?.split(',').next()?.parse().ok()?;
    Some((tenant, revision))
}

pub(crate) fn is_saved(server: &Server, tenant: &str, revision: u64) {
    let is_there = || files(server).iter().any(|file| state_of(file) == Some((tenant.to_owned(), revision)));
    eventually(&format!("{tenant} to be saved at revision {revision}"), || is_there().then_some(()));
}

fn ready(server: &Server) {
    eventually("/readyz says ready", || (server.client().get("/readyz").text() == "ready").then_some(()));
}

fn globex(server: &Server) -> Client {
    admin(server).tenant("globex")
}

#[test]
fn a_server_starts_from_what_it_saved_and_catches_up_when_the_database_is_back() {
    let Some((postgres, server)) = start() else { return };
    let api = admin(&server);
    api.post("/v1/environments", &json!({"key": "staging"})).created();
    api.post("/v1/segments", &json!({"key": "s", "included": ["u"]})).created();
    let rules = json!([{"id": "r", "when": {"segment": "s"}, "rollout": {"variant": "off"}}]);
    api.post("/v1/flags", &json!({"key": "f", "type": "boolean", "state": "on", "rules": rules})).created();
    is_saved(&server, "acme", 3);
    // From the file and what changed since.
    api.environment("staging").put("/v1/flags/f", &json!({"state": "on", "rollout_percentage": 0})).ok();
    api.post("/v1/flags", &flag("g")).created();
    api.delete("/v1/flags/g").is(204);
    is_saved(&server, "acme", 6);
    globex(&server).post("/v1/flags", &flag("f")).created();
    is_saved(&server, "globex", 1);
    let ask = |api: &Client| {
        let evaluate = |api: &Client| api.post("/v1/evaluate", &question("f")).ok();
        (
            evaluate(api),
            evaluate(&api.environment("staging")),
            api.get("/v1/ruleset").ok(),
            api.environment("staging").get("/v1/ruleset").ok(),
        )
    };
    let before = ask(&api);

    server.kill_9();
    postgres.stop();
    server.start_again_degraded();
    let api = admin(&server);
    assert_eq!(server.client().get("/readyz").is(200).header("x-degraded-reason"), Some("database_unavailable"));
    assert_eq!(ask(&api), before);
    assert_eq!(api.get("/v1/ruleset/changes?since=6").ok()["flags"], json!([]));
    assert_eq!(api.get("/v1/ruleset/changes?since=5").ok()["reset"], true);
    assert_eq!(globex(&server).post("/v1/evaluate", &question("f")).ok()["value"], true);
    api.put("/v1/flags/f", &json!({"state": "off"})).problem(503, "unavailable");
    api.get("/v1/flags/f").problem(503, "unavailable");
    api.tenant("unheard-of").post("/v1/evaluate", &question("f")).problem(503, "unavailable");
    api.environment("unheard-of").post("/v1/evaluate", &question("f")).problem(404, "environment_not_found");

    postgres.restart();
    ready(&server);
    assert_eq!(api.put("/v1/flags/f", &json!({"state": "off"})).ok()["version"], 2);
    assert_eq!(api.post("/v1/evaluate", &question("f")).ok()["reason"], "flag_off");
    is_saved(&server, "acme", 7);
}

#[test]
fn what_others_wrote_meanwhile_is_served_once_the_database_is_back() {
    let Some((postgres, server)) = start() else { return };
    admin(&server).post("/v1/flags", &flag("f")).created();
    is_saved(&server, "acme", 1);
    let since = Instant::now();
    server.kill_9();
    // Another server of the same database writes, and goes.
    let other = setup().variable("DB_DSN", &dsn_of(&server)).start();
    admin(&other).put("/v1/flags/f", &json!({"state": "off"})).ok();
    drop(other);
    postgres.stop();
    server.start_again_degraded();
    let before = since.elapsed().as_secs_f64();
    let saved = admin(&server).post("/v1/evaluate", &question("f"));
    assert_eq!(saved.ok()["value"], true, "as it was saved");
    let age: f64 = saved.header("x-ruleset-age").unwrap().parse().unwrap();
    // To the millisecond.
    assert!(age + 0.001 >= before, "{age} s, where {before} s have passed: nobody has looked since it was saved");
    postgres.restart();
    let is_off = || admin(&server).post("/v1/evaluate", &question("f")).ok()["reason"] == "flag_off";
    eventually("the other's change to be served", || is_off().then_some(()));
    ready(&server);
}

fn dsn_of(server: &Server) -> String {
    let command = server.command(&[]);
    let (_, dsn) = command.get_envs().find(|(name, _)| *name == "DB_DSN").unwrap();
    dsn.unwrap().to_str().unwrap().to_owned()
}

#[test]
fn damaged_files_are_ignored_and_the_others_are_served() {
    let Some((postgres, server)) = start() else { return };
    let tenants = ["cut", "flipped", "empty", "whole"];
    for tenant in tenants {
        admin(&server).tenant(tenant).post("/v1/flags", &flag("f")).created();
        is_saved(&server, tenant, 1);
    }
    server.kill_9();
    postgres.stop();
    for file in files(&server) {
        let mut bytes = fs::read(&file).unwrap();
        match state_of(&file).unwrap().0.as_str() {
            "cut" => bytes.truncate(bytes.len() / 2),
            "flipped" => *bytes.last_mut().unwrap() ^= 1,
            "empty" => bytes.clear(),
            _ => {}
        }
        fs::write(&file, bytes).unwrap();
    }
    fs::write(server.folder().join("state/foreign.ruleset"), [0xff; 1_000]).unwrap();
    server.start_again_degraded();
    assert_eq!(admin(&server).tenant("whole").post("/v1/evaluate", &question("f")).ok()["value"], true);
    for tenant in ["cut", "flipped", "empty"].repeat(3) {
        admin(&server).tenant(tenant).post("/v1/evaluate", &question("f")).problem(503, "unavailable");
    }
    server.output().wait_for("a word on each", |line| line["message"].as_str()?.contains("is ignored").then_some(()));
    // All are well again with the database, and so are their files.
    postgres.restart();
    ready(&server);
    for tenant in tenants {
        assert_eq!(admin(&server).tenant(tenant).post("/v1/evaluate", &question("f")).ok()["value"], true);
        is_saved(&server, tenant, 1);
    }
    // The log was told of each once, however many asked for it.
    let said = server.output().text();
    let mut ignored: Vec<_> = said.lines().filter_map(|line| Some(line.split_once("`state/")?.1.split_once("is ignored")?.0)).collect();
    ignored.sort_unstable();
    let told = ignored.len();
    ignored.dedup();
    assert_eq!((told, ignored.len()), (4, 4), "{said}");
}

#[test]
fn a_server_that_is_killed_while_it_saves_leaves_what_can_be_started_from() {
    let Some((postgres, server)) = start() else { return };
    admin(&server).post("/v1/flags", &flag("f")).created();
    is_saved(&server, "acme", 1);
    let mut saved = 1;
    for round in 0..3 {
        let api = admin(&server);
        // Until something later is saved: at this moment it may be saving the next one.
        let mut i = 0;
        let later = eventually("something later to be saved", || {
            i += 1;
            api.put("/v1/flags/f", &json!({"rollout_percentage": i % 100})).ok();
            state_of(files(&server).first()?).map(|(_, revision)| revision).filter(|revision| *revision > saved)
        });
        server.kill_9();
        postgres.stop();
        server.start_again_degraded();
        let revision = admin(&server).get("/v1/ruleset").ok()["revision"].as_u64().unwrap();
        assert!(revision >= later, "round {round}: {revision} after {later}");
        postgres.restart();
        ready(&server);
        saved = revision;
    }
}

#[test]
fn tenants_that_were_saved_are_loaded_ahead_of_those_who_ask() {
    let Some((postgres, server)) = start() else { return };
    for tenant in ["a", "b", "c"] {
        admin(&server).tenant(tenant).post("/v1/flags", &flag("f")).created();
        is_saved(&server, tenant, 1);
    }
    server.terminate();
    assert!(server.wait().success());
    server.start_again();
    eventually("all three to be loaded", || {
        server.client().get("/metrics").text().contains("ff_ruleset_cache_misses_total 3").then_some(())
    });
    postgres.stop();
    for tenant in ["a", "b", "c"] {
        assert_eq!(admin(&server).tenant(tenant).post("/v1/evaluate", &question("f")).ok()["value"], true);
    }
}

#[test]
fn with_nothing_to_start_from_or_nowhere_to_save_to_it_does_not_start() {
    let away = "postgres://user:open-sesame@127.0.0.1:1/ff?connect_timeout=2";
    let said = |setup: ff_test_support::Setup| {
        let ended = setup.variable("DB_ACQUIRE_TIMEOUT_MS", "500").command().output().unwrap();
        assert!(!ended.status.success());
        let said = String::from_utf8_lossy(&ended.stderr).into_owned() + &String::from_utf8_lossy(&ended.stdout);
        assert!(!said.contains("open-sesame") && !said.contains("panicked"), "{said}");
        said
    };
    let empty = said(setup().variable("DB_DSN", away).variable("STATE_DIR", "state"));
    assert!(empty.contains("database"), "{empty}");
    let blocked = setup().variable("STATE_DIR", "file/state");
    fs::write(blocked.folder().join("file"), "").unwrap();
    let blocked = said(blocked);
    assert!(blocked.contains("STATE_DIR"), "{blocked}");
}

#[test]
fn what_was_saved_of_another_database_is_not_served() {
    let Some((postgres, server)) = start() else { return };
    admin(&server).post("/v1/flags", &flag("f")).created();
    is_saved(&server, "acme", 1);
    let state = server.folder().join("state").display().to_string();
    let other = setup().variable("DB_DSN", &postgres.empty_database()).variable("STATE_DIR", &state);
    server.kill_9();
    postgres.stop();
    let ended = other.command().output().unwrap();
    assert!(!ended.status.success());
}

#[test]
fn a_sqlite_file_that_cannot_be_opened_is_a_database_that_is_away() {
    let server = setup().variable("RULESET_REFRESH_MS", "50").variable("STATE_DIR", "state").variable("DB_DSN", "sqlite://data/ff.db");
    fs::create_dir(server.folder().join("data")).unwrap();
    let server = server.start();
    admin(&server).post("/v1/flags", &flag("f")).created();
    is_saved(&server, "acme", 1);
    server.kill_9();
    let (data, elsewhere) = (server.folder().join("data"), server.folder().join("elsewhere"));
    fs::rename(&data, &elsewhere).unwrap();
    server.start_again_degraded();
    assert_eq!(admin(&server).post("/v1/evaluate", &question("f")).ok()["value"], true);
    admin(&server).post("/v1/flags", &flag("g")).problem(503, "unavailable");
    fs::rename(&elsewhere, &data).unwrap();
    ready(&server);
    admin(&server).post("/v1/flags", &flag("g")).created();
}

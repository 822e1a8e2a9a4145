//! A database that was restored from a dump, and written past what a server has served, before that server can look.

use std::fs;
use std::sync::Arc;

use ff_test_support::{Client, Postgres, Server, eventually};
use serde_json::json;

use crate::{admin, flag, question, setup};

/// A PostgreSQL with the database that servers use, and a dump of how it was at revision 3.
struct World {
    postgres: Postgres,
    name: String,
    dump: tempfile::TempDir,
}

fn run(program: &str, arguments: &[&str]) {
    let done = Postgres::program(program).unwrap().args(arguments).output().unwrap();
    assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
}

impl World {
    /// With a server that has served revision 6, if PostgreSQL and its programs are here.
    fn start() -> Option<(Self, Arc<Server>)> {
        let postgres = Postgres::start()?;
        if ["pg_dump", "pg_restore"].iter().any(|program| Postgres::program(program).is_none()) {
            return None;
        }
        let dsn = postgres.empty_database();
        let name = dsn.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
        let world = Self { postgres, name, dump: tempfile::tempdir().unwrap() };
        let server = setup().variable("DB_DSN", &dsn).variable("STATE_DIR", "state").variable("RULESET_REFRESH_MS", "100").start();
        let api = admin(&server);
        api.post("/v1/flags", &flag("kept")).created();
        api.post("/v1/flags", &flag("changed")).created();
        api.post("/v1/segments", &json!({"key": "s", "included": ["u"]})).created();
        run("pg_dump", &["--format=custom", &format!("--dbname={dsn}"), "--file", &world.dump_path()]);
        api.put("/v1/flags/changed", &json!({"description": "lost"})).ok();
        api.post("/v1/flags", &flag("lost")).created();
        api.put("/v1/flags/changed", &json!({"description": "lost too"})).ok();
        eventually("it to be saved", || saved(&server).contains(r#""revision":6,"#).then_some(()));
        Some((world, server))
    }

    fn dump_path(&self) -> String {
        self.dump.path().join("ff.dump").display().to_string()
    }

    /// Restores the dump beside the database, has another server write there up to the revision `until`, and then puts it in place of
    /// the database.
    fn restore_and_write(&self, until: u64) {
        let restored = self.postgres.empty_database();
        run("pg_restore", &["--exit-on-error", "--no-owner", &format!("--dbname={restored}"), &self.dump_path()]);
        let other = setup().variable("DB_DSN", &restored).start();
        let api = admin(&other);
        api.put("/v1/flags/changed", &json!({"state": "off"})).ok();
        for i in 5..=until {
            let answer = api.put("/v1/flags/kept", &json!({"description": i.to_string()}));
            assert_eq!(answer.header("x-revision"), Some(&*i.to_string()));
        }
        drop((api, other));
        let restored = restored.split('?').next().unwrap().rsplit('/').next().unwrap();
        let name = &self.name;
        self.postgres.administer(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
        self.rename(name, &format!("{name}_former"));
        self.rename(restored, name);
    }

    /// Connections go a moment after they are told to, and one may be in the making.
    fn rename(&self, from: &str, to: &str) {
        eventually("nobody to be connected", || {
            self.postgres.administer(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{from}'"));
            match self.postgres.try_administer(&format!("ALTER DATABASE {from} RENAME TO {to}")) {
                Err(error) if error.contains("being accessed by other users") => None,
                Err(error) => panic!("{error}"),
                Ok(()) => Some(()),
            }
        });
    }
}

fn saved(server: &Server) -> String {
    let entries = fs::read_dir(server.folder().join("state")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|suffix| suffix == "ruleset")).collect();
    files.first().and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default()
}

/// What the server serves is what the restored database has, in every form, and so is what it saves.
fn serves_what_was_restored(server: &Server, revision: u64) {
    let api = admin(server);
    let reason = |api: &Client, key: &str| api.post("/v1/evaluate", &question(key)).json()["reason"].clone();
    eventually("the restored state to be served", || (reason(&api, "changed") == "flag_off").then_some(()));
    api.post("/v1/evaluate", &question("lost")).problem(404, "flag_not_found");
    let document = api.get("/v1/ruleset").ok();
    let keys: Vec<_> = document["flags"].as_array().unwrap().iter().map(|flag| flag["key"].as_str().unwrap()).collect();
    assert_eq!((keys, &document["revision"]), (vec!["changed", "kept"], &json!(revision)));
    eventually("the restored state to be saved", || {
        let saved = saved(server);
        (saved.contains(&format!(r#""revision":{revision},"#)) && !saved.contains(r#""lost""#)).then_some(())
    });
    // The number 6 may mean either history; a later one does not.
    let next = revision + 1;
    api.post("/v1/flags", &flag("new")).created();
    assert_eq!(api.get(&format!("/v1/ruleset/changes?since={revision}")).ok()["reset"], revision <= 6);
    api.post("/v1/flags", &flag("newer")).created();
    assert_eq!(api.get(&format!("/v1/ruleset/changes?since={next}")).ok()["flags"][0]["key"], "newer");
}

#[test]
fn a_server_that_runs_on_notices_that_history_was_rewritten() {
    // Up to the revision that was served, and past it.
    for until in [6, 9] {
        let Some((world, server)) = World::start() else { return };
        let api = admin(&server);
        let document = api.get("/v1/ruleset");
        let mut stream = api.follow("/v1/events");
        assert_eq!(stream.ready(), 6);
        world.restore_and_write(until);
        let reset = stream.event();
        assert_eq!((reset.kind.as_str(), reset.revision()), ("reset", until));
        assert_eq!(api.with("If-None-Match", &document.etag()).get("/v1/ruleset").ok()["revision"], until);
        assert_eq!(api.get("/v1/ruleset/changes?since=6").ok()["reset"], true);
        serves_what_was_restored(&server, until);
    }
}

#[test]
fn a_document_of_the_former_history_is_not_handed_out_while_the_database_is_away() {
    let Some((world, server)) = World::start() else { return };
    let api = admin(&server);
    assert_eq!(api.get("/v1/ruleset").ok()["revision"], 6);
    world.restore_and_write(9);
    eventually("the restored state to be saved", || saved(&server).contains(r#""revision":9,"#).then_some(()));
    // Nobody has downloaded since.
    world.postgres.stop();
    eventually("the database to be away", || (server.client().get("/readyz").text() == "degraded").then_some(()));
    assert_eq!(api.get("/v1/ruleset").ok()["revision"], 9, "as it was saved");
}

#[test]
fn a_server_that_starts_from_what_it_saved_before_the_restore_notices_it() {
    for until in [6, 9] {
        let Some((world, server)) = World::start() else { return };
        server.kill_9();
        world.restore_and_write(until);
        world.postgres.stop();
        server.start_again_degraded();
        assert_eq!(admin(&server).get("/v1/ruleset").ok()["revision"], 6, "as it was saved");
        world.postgres.restart();
        serves_what_was_restored(&server, until);
    }
}

#[test]
fn a_server_that_finds_its_database_restored_does_not_build_on_what_it_saved_before() {
    for until in [6, 9] {
        let Some((world, server)) = World::start() else { return };
        server.kill_9();
        world.restore_and_write(until);
        server.start_again();
        // Whoever followed the former history is told so by this process too.
        eventually("those who come again to be told", || {
            let mut stream = admin(&server).with("Last-Event-ID", "6").follow("/v1/events");
            (stream.event().kind == "reset").then_some(())
        });
        serves_what_was_restored(&server, until);
    }
}

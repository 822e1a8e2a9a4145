//! A database whose history is another one than what was served: it was restored, and then written past the revision that a server has.

use std::sync::Arc;

use ff_test_support::{Client, Server, TestDatabase, eventually};
use serde_json::json;

use crate::harness::{fresh_tenant, setup};
use crate::replicas::{becomes, value};
use crate::sample::boolean;

/// No test lasts as long as this.
const NEVER_MS: &str = "3600000";

/// A server whose tenant is at revision 4, with a flag that is on.
struct Served {
    server: Arc<Server>,
    api: Client,
    tenant: String,
    // Last, so that nothing is taken away from under the server.
    database: TestDatabase,
}

impl Served {
    fn start(database: TestDatabase, refresh_ms: &str) -> Self {
        let server = setup().variable("DB_DSN", database.dsn()).variable("RULESET_REFRESH_MS", refresh_ms).start();
        let tenant = fresh_tenant();
        let api = server.client().admin("test").tenant(&tenant);
        api.post("/v1/flags", &boolean("f")).created();
        for i in 0..3 {
            api.put("/v1/flags/f", &json!({"description": i.to_string()})).ok();
        }
        assert_eq!(value(&api, "f"), (200, Some(true)));
        Self { server, api, tenant, database }
    }

    /// Puts another history in place of what came after revision 1, in which the flag is off, and which has come to `revision`. No
    /// entry after 4 tells of that, so only who notices that the entry at 4 is another one can know.
    fn rewrite(&self, revision: u64) {
        let tenant = &self.tenant;
        let columns = "ts, actor, action, entity, entity_key, entity_id, environment, version, before, after, request_id";
        let later: String = (5..=revision)
            .map(|revision| {
                format!(
                    "INSERT INTO audit (tenant_id, revision, {columns})
                     SELECT tenant_id, {revision}, {columns} FROM audit WHERE tenant_id = '{tenant}' AND revision = 4;"
                )
            })
            .collect();
        self.database.execute(&format!(
            "BEGIN; UPDATE audit SET ts = ts + 1000, request_id = 'another' WHERE tenant_id = '{tenant}' AND revision > 1;
             UPDATE flag_configs SET state = 'off' WHERE tenant_id = '{tenant}'; {later}
             UPDATE tenants SET revision = {revision} WHERE id = '{tenant}'; COMMIT"
        ));
    }

    fn is_told(&self) {
        let is_told = |line: &serde_json::Value| line["message"].as_str()?.contains("was it restored?").then_some(());
        self.server.output().wait_for("the warning", is_told);
    }
}

/// Ways to a fresh database of each kind.
const DATABASES: [fn() -> Option<TestDatabase>; 2] = [|| Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any];

fn databases() -> impl Iterator<Item = TestDatabase> {
    DATABASES.into_iter().filter_map(|database| database())
}

#[test]
fn another_history_is_served_in_place_of_the_former_one_wherever_it_has_come_to() {
    for revision in [4, 5, 9] {
        for database in databases() {
            let served = Served::start(database, "100");
            served.rewrite(revision);
            becomes(&served.api, "f", (200, Some(false)));
            served.is_told();
            assert_eq!(served.api.get("/v1/ruleset").ok()["revision"], revision);
            served.api.put("/v1/flags/f", &json!({"state": "on"})).ok();
            assert_eq!(value(&served.api, "f"), (200, Some(true)));
        }
    }
}

#[test]
fn a_write_that_comes_before_any_look_notices_it_too() {
    for revision in [4, 5] {
        for database in DATABASES {
            // Nobody tells of the other history. A server looks once when it starts, and once when it begins to listen, and on a busy
            // machine that may be now: then another one is tried.
            let served = eventually("a server that has not looked", || {
                let Some(database) = database() else { return Some(None) };
                let served = Served::start(database, NEVER_MS);
                served.rewrite(revision);
                (value(&served.api, "f") == (200, Some(true))).then_some(Some(served))
            });
            let Some(served) = served else { continue };
            let answer = served.api.put("/v1/flags/f", &json!({"description": "written"}));
            assert_eq!((answer.ok()["state"].clone(), answer.header("x-revision")), (json!("off"), Some(&*(revision + 1).to_string())));
            assert_eq!(value(&served.api, "f"), (200, Some(false)));
            served.is_told();
        }
    }
}

#[test]
fn whoever_follows_is_told_to_fetch_everything() {
    for (revision, database) in [(4, TestDatabase::sqlite()), (6, TestDatabase::sqlite())]
        .into_iter()
        .chain([4, 6].into_iter().filter_map(|revision| Some((revision, TestDatabase::postgres_if_any()?))))
    {
        let served = Served::start(database, "100");
        let api = &served.api;
        let former = api.get("/v1/ruleset");
        assert_eq!(api.get("/v1/ruleset/changes?since=3").ok()["reset"], false);
        let mut open = api.follow("/v1/events");
        assert_eq!(open.ready(), 4);
        served.rewrite(revision);
        let reset = open.event();
        assert_eq!((reset.kind.as_str(), reset.revision(), &reset.data["reason"]), ("reset", revision, &json!("revision_unknown")));

        let document = api.with("If-None-Match", &former.etag()).get("/v1/ruleset");
        assert_eq!(document.ok()["flags"][0]["state"], "off");
        for since in 1..=4 {
            assert_eq!(api.get(&format!("/v1/ruleset/changes?since={since}")).ok()["reset"], true, "{since}");
        }
        // Who had heard of the former history's last revision by its number cannot know that it is another one now.
        let again =
            [api.with("Last-Event-ID", "4").follow("/v1/events"), api.follow("/v1/events?since=4"), api.follow("/v1/events?since=2")];
        for mut stream in again {
            let first = stream.event();
            assert_eq!((first.kind.as_str(), first.revision()), ("reset", revision));
        }
        // What is told from now on holds.
        api.put("/v1/flags/f", &json!({"state": "on"})).ok();
        assert_eq!((open.event().kind.as_str(), open.last_event_id()), ("flag.updated", &*(revision + 1).to_string()));
        assert_eq!(value(api, "f"), (200, Some(true)));
        let changes = api.get(&format!("/v1/ruleset/changes?since={}", revision.max(5))).ok();
        assert_eq!((&changes["reset"], &changes["revision"]), (&json!(false), &json!(revision + 1)));
        let mut later = api.with("Last-Event-ID", &(revision + 1).to_string()).follow("/v1/events");
        assert_eq!(later.ready(), revision + 1);
    }
}

#[test]
fn a_log_without_its_last_entry_proves_nothing_and_stops_nothing() {
    for database in databases() {
        let served = Served::start(database, "100");
        let tenant = &served.tenant;
        served.database.execute(&format!("DELETE FROM audit WHERE tenant_id = '{tenant}' AND revision > 2"));
        let mut stream = served.api.follow("/v1/events");
        assert_eq!(stream.ready(), 4);
        served.api.put("/v1/flags/f", &json!({"state": "off"})).ok();
        assert_eq!((stream.event().kind.as_str(), value(&served.api, "f")), ("flag.updated", (200, Some(false))));
    }
}

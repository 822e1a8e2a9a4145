//! How a change that one server has made comes to the others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ff_test_support::{Client, Server, Setup, TestDatabase, eventually};
use serde_json::json;

use crate::harness::{fresh_tenant, setup};
use crate::ops::metrics::sum;
use crate::replicas::{becomes, value};
use crate::sample::{boolean, environment, on_when};

/// No test lasts as long as this: what arrives in spite of it was not found by comparing revisions every so often.
const NEVER_MS: &str = "3600000";

/// Ends the connections on which servers of this database listen.
const CUT: &str =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ff listener' AND datname = current_database()";

/// Two servers on one database, asked in one tenant.
struct Pair {
    servers: [Arc<Server>; 2],
    tenant: String,
    // Last, so that nothing is taken away from under the servers.
    database: TestDatabase,
}

impl Pair {
    fn start(database: TestDatabase, change: impl Fn(Setup) -> Setup) -> Self {
        let start = || change(setup().variable("DB_DSN", database.dsn())).start();
        Self { servers: [start(), start()], tenant: fresh_tenant(), database }
    }

    fn clients(&self) -> [Client; 2] {
        self.servers.each_ref().map(|server| server.client().admin("test").tenant(&self.tenant))
    }
}

/// Changes of every kind, each seen by the other server before the next one.
fn every_kind_of_change_arrives(first: &Client, second: &Client) {
    first.post("/v1/flags", &boolean("f")).created();
    becomes(second, "f", (200, Some(true)));
    first.put("/v1/flags/f", &json!({"rollout_percentage": 0})).ok();
    becomes(second, "f", (200, Some(false)));
    first.post("/v1/segments", &json!({"key": "s"})).created();
    first.put("/v1/flags/f", &json!({"rules": on_when("f", json!({"segment": "s"}))["rules"]})).ok();
    first.put("/v1/segments/s", &json!({"included": ["u"]})).ok();
    becomes(second, "f", (200, Some(true)));
    environment(first, "staging");
    let staging = second.environment("staging");
    becomes(&staging, "f", (200, Some(false)));
    first.environment("staging").put("/v1/flags/f", &json!({"state": "on", "rollout_percentage": 100})).ok();
    becomes(&staging, "f", (200, Some(true)));
    first.environment("staging").put("/v1/flags/f", &json!({"state": "off"})).ok();
    first.delete("/v1/environments/staging").is(204);
    becomes(&staging, "f", (404, None));
    first.delete("/v1/flags/f").is(204);
    becomes(second, "f", (404, None));
    first.delete("/v1/segments/s").is(204);
}

#[test]
fn a_change_is_told_to_the_others_and_not_only_found() {
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    let pair = Pair::start(database, |setup| setup.variable("RULESET_REFRESH_MS", NEVER_MS));
    let [first, second] = pair.clients();
    every_kind_of_change_arrives(&first, &second);
    every_kind_of_change_arrives(&second, &first);
    // All of them were applied from the log, but for the one that made an environment.
    for server in &pair.servers {
        let arrived = sum(&server.client(), "ff_change_propagation_seconds_count");
        assert!((8.0..=12.0).contains(&arrived), "{arrived}");
        eventually("nothing to be behind", || (sum(&server.client(), "ff_replica_lag_revisions") == 0.0).then_some(()));
    }
}

#[test]
fn a_change_is_served_by_the_other_within_a_fraction_of_a_second() {
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    let pair = Pair::start(database, |setup| setup.variable("RULESET_REFRESH_MS", NEVER_MS));
    let [first, second] = pair.clients();
    first.post("/v1/flags", &boolean("f")).created();
    becomes(&second, "f", (200, Some(true)));
    let wait_for = |percentage: u32| {
        first.put("/v1/flags/f", &json!({"rollout_percentage": percentage})).ok();
        let answered = Instant::now();
        becomes(&second, "f", (200, Some(percentage == 100)));
        answered.elapsed()
    };
    // The machine may be busy with other tests, and then anything takes its time, each question included. So this is what it can do, and
    // not what it always does: of twenty changes, most arrive so soon.
    eventually("a median far below what comparing every second would give", || {
        let mut waits: Vec<Duration> = [0, 100].repeat(10).into_iter().map(wait_for).collect();
        waits.sort_unstable();
        let started = Instant::now();
        (0..10).for_each(|_| assert_eq!(value(&second, "f"), (200, Some(true))));
        (waits[waits.len() / 2] < Duration::from_millis(250) + started.elapsed()).then_some(())
    });
}

#[test]
fn a_listener_that_is_cut_off_listens_again_and_misses_nothing() {
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    let pair = Pair::start(database, |setup| setup.variable("RULESET_REFRESH_MS", NEVER_MS));
    let [first, second] = pair.clients();
    first.post("/v1/flags", &boolean("f")).created();
    becomes(&second, "f", (200, Some(true)));
    for percentage in [0, 100, 0, 100] {
        pair.database.execute(CUT);
        first.put("/v1/flags/f", &json!({"rollout_percentage": percentage})).ok();
        becomes(&second, "f", (200, Some(percentage == 100)));
    }
    eventually("the reconnects to be counted", || (sum(&pair.servers[1].client(), "ff_notify_reconnects_total") >= 1.0).then_some(()));
    // Cutting a listener does nothing to the database's health.
    eventually("/readyz to say ready", || (pair.servers[1].client().get("/readyz").text() == "ready").then_some(()));
}

#[test]
fn where_nothing_is_heard_changes_are_found_by_comparing_revisions() {
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    let nowhere = "postgres://127.0.0.1:1/nowhere?connect_timeout=2";
    let pair = Pair::start(database, |setup| setup.variable("RULESET_REFRESH_MS", "50").variable("DB_LISTEN_DSN", nowhere));
    let [first, second] = pair.clients();
    every_kind_of_change_arrives(&first, &second);
    every_kind_of_change_arrives(&second, &first);
    let is_told = |line: &serde_json::Value| line["message"].as_str()?.starts_with("changes cannot be listened for").then_some(());
    pair.servers[0].output().wait_for("the warning", is_told);
}

#[test]
fn a_listener_that_hears_nothing_is_found_out() {
    let Some((database, other)) = TestDatabase::postgres_if_any().zip(TestDatabase::postgres_if_any()) else { return };
    // As behind a pooler in transaction mode: it listens, and what is said arrives elsewhere.
    let server = setup().variable("DB_DSN", database.dsn()).variable("DB_LISTEN_DSN", other.dsn()).start();
    let is_told = |line: &serde_json::Value| line["message"].as_str()?.starts_with("notifications do not arrive").then_some(());
    server.output().wait_for("the warning", is_told);
}

#[test]
fn a_burst_of_changes_arrives_whole() {
    let databases = [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()];
    for database in databases.into_iter().flatten() {
        let pair = Pair::start(database, |setup| setup.variable("RULESET_REFRESH_MS", "200"));
        let [first, second] = pair.clients();
        first.post("/v1/flags", &boolean("f-0")).created();
        becomes(&second, "f-0", (200, Some(true)));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let first = &first;
                scope.spawn(move || (0..25).for_each(|i| drop(first.post("/v1/flags", &boolean(&format!("f-{thread}-{i}"))).created())));
            }
        });
        eventually("all flags", || (second.get("/v1/users/u/flags").ok()["items"].as_array().unwrap().len() == 101).then_some(()));
    }
}

#[test]
fn a_tenant_that_is_far_behind_is_read_anew() {
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    let pair = Pair::start(database, |setup| setup.variable("RULESET_REFRESH_MS", NEVER_MS));
    let [first, second] = pair.clients();
    first.post("/v1/flags", &boolean("f")).created();
    becomes(&second, "f", (200, Some(true)));
    // As if another server had made so many changes: the revision is there, their entries need not be.
    let tenant = &pair.tenant;
    pair.database.execute(&format!(
        "UPDATE tenants SET revision = 2000 WHERE id = '{tenant}'; UPDATE flag_configs SET state = 'off' WHERE tenant_id = '{tenant}';
         SELECT pg_notify('ff_changes', '{tenant} 2000')"
    ));
    becomes(&second, "f", (200, Some(false)));
    let is_told = |line: &serde_json::Value| line["message"].as_str()?.contains("1999 revisions behind").then_some(());
    pair.servers[1].output().wait_for("the reason", is_told);
}

#[test]
fn an_entry_that_does_not_parse_is_got_over() {
    let databases = [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()];
    for database in databases.into_iter().flatten() {
        let pair = Pair::start(database, |setup| setup.variable("RULESET_REFRESH_MS", "300"));
        let [first, second] = pair.clients();
        first.post("/v1/flags", &boolean("f")).created();
        becomes(&second, "f", (200, Some(true)));
        let tenant = &pair.tenant;
        pair.database.execute(&format!(
            "BEGIN; UPDATE flag_configs SET state = 'off' WHERE tenant_id = '{tenant}';
             INSERT INTO audit (tenant_id, revision, ts, actor, action, entity, entity_key, entity_id)
             VALUES ('{tenant}', 2, 0, 'x', 'created', 'surprise', 'f', 'f');
             UPDATE tenants SET revision = 2 WHERE id = '{tenant}'; COMMIT"
        ));
        becomes(&second, "f", (200, Some(false)));
        first.post("/v1/flags", &boolean("g")).created();
        becomes(&second, "g", (200, Some(true)));
    }
}

#[test]
fn a_database_that_was_restored_to_an_earlier_state_is_served_as_it_is() {
    let databases = [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()];
    for database in databases.into_iter().flatten() {
        let pair = Pair::start(database, |setup| setup.variable("RULESET_REFRESH_MS", "100"));
        let [first, second] = pair.clients();
        first.post("/v1/flags", &boolean("f")).created();
        for i in 0..5 {
            first.put("/v1/flags/f", &json!({"description": i.to_string()})).ok();
        }
        becomes(&second, "f", (200, Some(true)));
        let tenant = &pair.tenant;
        pair.database.execute(&format!(
            "BEGIN; DELETE FROM audit WHERE tenant_id = '{tenant}' AND revision > 1; UPDATE tenants SET revision = 1 WHERE id = '{tenant}';
             UPDATE flag_configs SET state = 'off' WHERE tenant_id = '{tenant}'; COMMIT"
        ));
        for api in [&first, &second] {
            becomes(api, "f", (200, Some(false)));
        }
        let is_told = |line: &serde_json::Value| line["message"].as_str()?.contains("was it restored?").then_some(());
        pair.servers[0].output().wait_for("the warning", is_told);
        first.put("/v1/flags/f", &json!({"state": "on"})).ok();
        assert_eq!(value(&first, "f"), (200, Some(true)));
        becomes(&second, "f", (200, Some(true)));
    }
}

#[test]
fn a_write_to_a_database_that_was_just_restored_is_served_at_once() {
    let databases = [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()];
    for database in databases.into_iter().flatten() {
        let server = setup().variable("DB_DSN", database.dsn()).variable("RULESET_REFRESH_MS", NEVER_MS).start();
        let tenant = fresh_tenant();
        let api = server.client().admin("test").tenant(&tenant);
        api.post("/v1/flags", &boolean("f")).created();
        for i in 0..5 {
            api.put("/v1/flags/f", &json!({"description": i.to_string()})).ok();
        }
        database.execute(&format!(
            "DELETE FROM audit WHERE tenant_id = '{tenant}' AND revision > 1; UPDATE tenants SET revision = 1 WHERE id = '{tenant}'"
        ));
        api.put("/v1/flags/f", &json!({"rollout_percentage": 0})).ok();
        assert_eq!(value(&api, "f"), (200, Some(false)));
    }
}

//! Somebody has been at the tables: what does not parse is reported with its id, and the rest goes on.

use std::sync::Arc;

use ff_test_support::{Server, TestDatabase};
use serde_json::json;

use crate::{admin, flag, question, setup};

/// Runs `test` with a server on each kind of database, and the database to be damaged.
fn each(test: impl Fn(&Arc<Server>, &TestDatabase)) {
    for database in [Some(TestDatabase::sqlite()), TestDatabase::postgres_if_any()].into_iter().flatten() {
        let server = setup().variable("DB_DSN", database.dsn()).start();
        test(&server, &database);
    }
}

#[test]
fn a_row_that_does_not_parse_does_not_bring_the_service_down() {
    each(|server, database| {
        let api = admin(server);
        let damaged = api.post("/v1/flags", &flag("damaged")).created();
        api.post("/v1/flags", &flag("whole")).created();
        database.execute("UPDATE flags SET kind = 'colour' WHERE key = 'damaged'");

        let answer = api.get("/v1/flags/damaged");
        answer.problem(500, "internal");
        let is_reason = |line: &serde_json::Value| {
            let is_error = line["level"] == "error" && line["request_id"] == answer.request_id().as_str();
            is_error.then(|| line["message"].as_str().unwrap().to_owned())
        };
        let reason = server.output().wait_for("the reason in the log", is_reason);
        assert!(reason.contains(damaged["id"].as_str().unwrap()) && reason.contains("flags"), "{reason}");

        let listed = api.all("/v1/flags");
        assert_eq!((listed.len(), &listed[0]["key"]), (1, &"whole".into()));
        assert_eq!(api.pages("/v1/flags", 1).concat().len(), 1, "a page without items is not the last one");
        api.put("/v1/flags/whole", &json!({"owner": "x"})).ok();

        // What was in memory before is served until the next start, which leaves the row out.
        server.kill_9();
        server.start_again();
        let api = admin(server);
        api.post("/v1/evaluate", &question("whole")).ok();
        api.post("/v1/evaluate", &question("damaged")).problem(404, "flag_not_found");
        assert_eq!(api.get("/v1/users/u/flags").ok()["items"].as_array().unwrap().len(), 1);
        database.execute("UPDATE flags SET kind = 'boolean' WHERE key = 'damaged'");
        assert_eq!(api.get("/v1/flags/damaged").ok(), damaged);
        api.put("/v1/flags/damaged", &json!({"owner": "repaired"})).ok();
        api.post("/v1/evaluate", &question("damaged")).ok();
    });
}

#[test]
fn a_statement_that_cannot_work_is_our_fault_and_nobody_elses_business() {
    each(|server, database| {
        let api = admin(server);
        api.post("/v1/flags", &flag("f")).created();
        database.execute("ALTER TABLE audit RENAME TO elsewhere");
        for answer in [api.put("/v1/flags/f", &json!({"owner": "x"})), api.post("/v1/flags", &flag("g")), api.get("/v1/audit")] {
            answer.problem(500, "internal");
            server.output().wait_for("the reason in the log", |line| {
                (line["level"] == "error" && line["request_id"] == answer.request_id().as_str()).then_some(())
            });
        }
        api.post("/v1/evaluate", &question("f")).ok();
        database.execute("ALTER TABLE elsewhere RENAME TO audit");
        assert_eq!(api.get("/v1/flags/f").ok()["owner"], serde_json::Value::Null, "the change was not done by half");
        api.get("/v1/flags/g").problem(404, "flag_not_found");
        api.put("/v1/flags/f", &json!({"owner": "x"})).ok();
        assert_eq!(api.all("/v1/audit").len(), 2);
    });
}

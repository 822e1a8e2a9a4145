//! What was acknowledged is there, whatever happens to the process.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ff_test_support::eventually;
use serde_json::{Value, json};

use crate::harness::{admin_of, each_own};
use crate::sample::{boolean, everything, on_when, variant_of};

#[test]
fn kill_9_after_acknowledged_writes_loses_nothing() {
    each_own(
        |setup| setup,
        |server| {
            let api = admin_of(server);
            let acknowledged: Mutex<Vec<Value>> = Mutex::new(Vec::new());
            let is_over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                for writer in 0..4 {
                    let (api, acknowledged, is_over) = (&api, &acknowledged, &is_over);
                    scope.spawn(move || {
                        for i in 0.. {
                            let body = boolean(&format!("f-{writer}-{i}")).to_string();
                            // The process dies in the middle of one of these.
                            let Ok(answer) = api.try_send("POST", "/v1/flags", Some(("application/json", body.as_bytes()))) else { break };
                            acknowledged.lock().unwrap().push(answer.created());
                            if is_over.load(Ordering::Relaxed) {
                                break;
                            }
                        }
                    });
                }
                eventually("some writes", || (acknowledged.lock().unwrap().len() >= 40).then_some(()));
                server.kill_9();
                is_over.store(true, Ordering::Relaxed);
            });
            let acknowledged = acknowledged.into_inner().unwrap();
            server.start_again();
            let api = server.client().admin("test").tenant(api.tenant_id());
            let stored = api.all("/v1/flags");
            for flag in &acknowledged {
                assert!(stored.contains(flag), "{flag} was acknowledged and is gone");
            }
            // At most one write of each writer was committed and not acknowledged.
            assert!(stored.len() <= acknowledged.len() + 4, "{} stored, {} acknowledged", stored.len(), acknowledged.len());
            let revisions: Vec<u64> = api.all("/v1/audit").iter().rev().map(|entry| entry["revision"].as_u64().unwrap()).collect();
            assert_eq!(revisions, (1..=stored.len() as u64).collect::<Vec<_>>(), "one entry for each, without gaps");
            api.post("/v1/flags", &boolean("after")).created();
        },
    );
}

#[test]
fn a_restart_serves_what_was_there() {
    each_own(
        |setup| setup,
        |server| {
            let api = admin_of(server);
            api.post("/v1/environments", &json!({"key": "staging"})).created();
            api.post("/v1/segments", &json!({"key": "s", "included": ["u"]})).created();
            api.post("/v1/flags", &on_when("f", json!({"segment": "s"}))).created();
            api.post("/v1/flags", &boolean("deleted")).created();
            api.delete("/v1/flags/deleted").is(204);
            let (before, tenant) = (everything(&api), api.tenant_id());
            server.kill_9();
            server.start_again();
            let api = server.client().admin("test").tenant(tenant);
            assert_eq!(everything(&api), before);
            assert_eq!(variant_of(&api, "f", json!({"id": "u"})), "on");
            assert_eq!(api.with("If-Match", "\"1\"").put("/v1/flags/f", &json!({"owner": "x"})).ok()["version"], 2);
            api.post("/v1/evaluate", &json!({"flag_key": "deleted", "user": {"id": "u"}})).problem(404, "flag_not_found");
        },
    );
}

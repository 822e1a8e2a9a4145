//! Many writers on one tenant, through all replicas: the log has one order, without gaps and repetitions.

use serde_json::json;

use crate::fleet::{Fleet, assert_without_gaps, flag, log};

const WRITERS: usize = 8;
const WRITES_EACH: usize = 25;

#[test]
fn eight_writers_over_three_replicas_leave_one_log_without_gaps() {
    let Some(fleet) = Fleet::start(|setup| setup) else { return };
    fleet.admin(0).post("/v1/flags", &flag("shared")).created();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let fleet = &fleet;
            scope.spawn(move || {
                for i in 0..WRITES_EACH {
                    let api = fleet.admin(writer + i);
                    // Some write a segment, some flags of their own, some all the same flag.
                    let answer = match i % 5 {
                        0 => api.post("/v1/segments", &json!({"key": format!("s{writer}"), "included": [format!("u{i}")]})),
                        1 | 2 => api.post("/v1/flags", &flag(&format!("f{writer}-{i}"))),
                        _ => api.put("/v1/flags/shared", &json!({"owner": format!("{writer}-{i}")})),
                    };
                    assert!([200, 201].contains(&answer.status()), "{answer}");
                }
            });
        }
    });
    let logs: Vec<_> = fleet.admins().iter().map(log).collect();
    assert_without_gaps(&logs[0]);
    assert_eq!(logs[0].len(), 1 + WRITERS * WRITES_EACH, "each write changed something");
    assert!(logs.iter().all(|log| *log == logs[0]), "all replicas show one log");
    // Each entity's versions count up in the log's order.
    for key in logs[0].iter().map(|entry| &entry["entity_key"]) {
        let versions: Vec<_> =
            logs[0].iter().filter(|entry| entry["entity_key"] == *key).map(|entry| entry["after"]["version"].as_u64().unwrap()).collect();
        assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>(), "{key}");
    }
}

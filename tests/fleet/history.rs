//! Concurrent writers with `If-Match` on one flag over all replicas: the flag's history is linear.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fleet::{Fleet, assert_without_gaps, flag, log};

const WRITERS: usize = 6;
const ROUNDS: usize = 30;

/// A write that was answered with success: what it wrote, and the version that it was told.
struct Acknowledged {
    owner: String,
    version: u64,
}

/// Reads the flag at one replica, and writes it at the next if nobody else has done so in between.
fn write(fleet: &Fleet, writer: usize) -> (Vec<Acknowledged>, usize) {
    let (mut acknowledged, mut refused) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        let read = fleet.admin(writer + round).get("/v1/flags/shared");
        let owner = format!("{writer}-{round}");
        let answer = fleet.admin(writer + round + 1).with("If-Match", &read.etag()).put("/v1/flags/shared", &json!({"owner": owner}));
        if answer.status() == 412 {
            answer.problem(412, "version_mismatch");
            refused += 1;
            continue;
        }
        let version = answer.ok()["version"].as_u64().unwrap();
        assert_eq!(version, read.ok()["version"].as_u64().unwrap() + 1, "the write follows what was read");
        acknowledged.push(Acknowledged { owner, version });
    }
    (acknowledged, refused)
}

#[test]
fn every_acknowledged_write_is_in_the_log_once_and_versions_never_repeat() {
    let Some(fleet) = Fleet::start(|setup| setup) else { return };
    fleet.admin(0).post("/v1/flags", &flag("shared")).created();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let writing: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn({
                    let fleet = &fleet;
                    move || write(fleet, writer)
                })
            })
            .collect();
        writing.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let acknowledged: Vec<_> = outcomes.iter().flat_map(|(acknowledged, _)| acknowledged).collect();
    let refused: usize = outcomes.iter().map(|(_, refused)| refused).sum();
    assert_eq!(acknowledged.len() + refused, WRITERS * ROUNDS);

    let entries = log(&fleet.admin(0));
    assert_without_gaps(&entries);
    let written =
        |entry: &Value| (entry["after"]["owner"].as_str().unwrap_or_default().to_owned(), entry["after"]["version"].as_u64().unwrap());
    let logged: Vec<_> = entries.iter().skip(1).map(written).collect();
    assert_eq!(logged.len(), acknowledged.len(), "what was refused is not in the log, and nothing is there twice");
    let told: BTreeMap<_, _> = acknowledged.iter().map(|write| (write.version, &write.owner)).collect();
    assert_eq!(told.len(), acknowledged.len(), "no version was given twice");
    for (owner, version) in &logged {
        assert_eq!(told.get(version), Some(&owner), "version {version}");
    }
    // Each state follows from the one before.
    for (earlier, later) in entries.iter().zip(entries.iter().skip(1)) {
        assert_eq!(earlier["after"], later["before"]);
    }
}

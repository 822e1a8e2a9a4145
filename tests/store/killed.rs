//! What was acknowledged survives the process.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use ff_store::{Store, ruleset};
use ff_test_support::{TestStore, patient};
use serde_json::json;

use crate::steps::{acme, log, put};

const DSN_VARIABLE: &str = "FF_TEST_WRITER_DSN";

/// Not a test: what the test below runs in another process, to kill it.
#[test]
#[ignore = "is run by `an_acknowledged_change_survives_kill_9`"]
fn writes_until_it_is_killed() {
    let Ok(dsn) = env::var(DSN_VARIABLE) else { return };
    let store = Store::open(&patient(&dsn)).unwrap();
    for i in 0.. {
        put(&store, "production", &json!({"key": "f", "type": "number", "variants": [{"key": "a", "weight": 1, "value": i}]})).unwrap();
        println!("acknowledged {}", i + 1);
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn an_acknowledged_change_survives_kill_9() {
    TestStore::each(|store| {
        for round in 1..=3 {
            // Before the writer starts: what it writes meanwhile must not count twice.
            let before = ruleset::revisions(store, &[acme()]).unwrap().first().map_or(0, |(_, revision)| revision.get());
            let mut writer = Command::new(env::current_exe().unwrap())
                .args(["--exact", "killed::writes_until_it_is_killed", "--ignored", "--nocapture"])
                .env(DSN_VARIABLE, store.database().dsn())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
            let acknowledged = |line: &String| line.rsplit_once("acknowledged ").map(|(_, n)| n.parse::<i64>().unwrap());
            let enough = lines.by_ref().filter_map(|line| acknowledged(&line)).nth(20).unwrap();
            // SIGKILL, in the middle of whatever it does.
            writer.kill().unwrap();
            writer.wait().unwrap();
            let last = lines.filter_map(|line| acknowledged(&line)).last().unwrap_or(enough);

            // PostgreSQL may be at the killed writer's last commit still: what comes after the snapshot is in the log only.
            let snapshot = ruleset::load(store, &acme()).unwrap();
            let revision = snapshot.revision.get();
            assert!(revision >= before + last, "round {round}: {last} changes were acknowledged after {before}, {revision} are there");
            let entries = log(store, &acme());
            let logged: Vec<_> = entries.iter().map(|entry| entry.revision.get()).collect();
            assert!(logged.iter().copied().eq(1..=logged.len() as i64) && logged.last() >= Some(&revision), "{revision}: {logged:?}");
            let entry = entries.iter().find(|entry| entry.revision == snapshot.revision).unwrap();
            let then = &entry.after.as_ref().unwrap()["variants"][0]["value"];
            assert_eq!(snapshot.environments[0].1[0].variants()[0].value, *then, "the flag is what the log says last");
        }
    });
}

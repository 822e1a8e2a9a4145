//! The process dies after a change and before its answer is seen: whoever sends the request again, with its key, gets that answer.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ff_store::Backend;
use ff_test_support::{Answer, Client, Postgres, Setup, eventually};
use serde_json::{Value, json};

use crate::{PROGRAM, admin, flag, setup};

/// `POST /v1/flags` under a key; none, if no answer came.
fn create(api: &Client, key: &str) -> Option<Answer> {
    let body = flag(key).to_string();
    api.with("Idempotency-Key", key).try_send("POST", "/v1/flags", Some(("application/json", body.as_bytes()))).ok()
}

fn is_replay(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

/// The revisions of the audit log with the keys of what was changed, oldest first.
fn changes(api: &Client) -> Vec<(u64, String)> {
    let entry = |entry: Value| (entry["revision"].as_u64().unwrap(), entry["entity_key"].as_str().unwrap().to_owned());
    api.all("/v1/audit").into_iter().rev().map(entry).collect()
}

#[test]
fn kill_9_amid_writes_with_keys_repeats_none_of_them() {
    const WRITERS: usize = 6;
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(server) = Setup::on(PROGRAM, backend).map(Setup::start) else { continue };
        let acknowledged = AtomicUsize::new(0);
        for round in 0..3 {
            let (api, is_over, unanswered) = (admin(&server), AtomicBool::new(false), Mutex::new(Vec::new()));
            let enough = acknowledged.load(Ordering::Relaxed) + 40;
            std::thread::scope(|scope| {
                for writer in 0..WRITERS {
                    let (api, is_over, unanswered, acknowledged) = (&api, &is_over, &unanswered, &acknowledged);
                    scope.spawn(move || {
                        for i in 0.. {
                            let key = format!("f-{round}-{writer}-{i}");
                            match create(api, &key) {
                                Some(answer) => assert!(!is_replay(&answer) && answer.created()["version"] == 1),
                                // The process died in the middle of this one; nobody knows how far it was.
                                None => {
                                    unanswered.lock().unwrap().push(key);
                                    break;
                                }
                            }
                            acknowledged.fetch_add(1, Ordering::Relaxed);
                            if is_over.load(Ordering::Relaxed) {
                                break;
                            }
                        }
                    });
                }
                eventually("some writes", || (acknowledged.load(Ordering::Relaxed) >= enough).then_some(()));
                server.kill_9();
                is_over.store(true, Ordering::Relaxed);
            });
            server.start_again();
            let api = admin(&server);
            for key in unanswered.into_inner().unwrap() {
                let first = create(&api, &key).unwrap();
                // The log tells whose request has done it. PostgreSQL may end a transaction after the process that began it.
                let done_by = api.all(&format!("/v1/audit?entity_key={key}"))[0]["request_id"].clone();
                let was_done = done_by != first.request_id().as_str();
                assert_eq!((is_replay(&first), first.created()["version"].as_u64()), (was_done, Some(1)), "{first}");
                let again = create(&api, &key).unwrap();
                assert!(is_replay(&again) && again.status() == 201 && again.text() == first.text(), "{again}");
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            let after = changes(&api);
            assert_eq!(after.len(), acknowledged.load(Ordering::Relaxed), "one change for each key");
            assert!(after.iter().map(|(revision, _)| *revision).eq(1..=after.len() as u64));
            assert_eq!(api.all("/v1/flags").len(), after.len());
        }
    }
}

#[test]
fn an_answer_that_nobody_read_is_given_after_kill_9() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(server) = Setup::on(PROGRAM, backend).map(Setup::start) else { continue };
        let api = admin(&server);
        let body = flag("f").to_string();
        let keyed = api.with("Idempotency-Key", "f");
        let head = keyed.with("Content-Type", "application/json").with("Content-Length", &body.len().to_string()).head("POST", "/v1/flags");
        let mut connection = keyed.connection();
        connection.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        eventually("the flag to be there", || (api.get("/v1/flags/f").status() == 200).then_some(()));
        server.kill_9();
        drop(connection);
        server.start_again();
        let api = admin(&server);
        api.put("/v1/flags/f", &json!({"owner": "somebody else"})).ok();
        let again = create(&api, "f").unwrap();
        assert!(is_replay(&again) && again.created()["version"] == 1 && again.etag() == "\"1\"", "{again}");
        assert_eq!(api.get("/v1/flags/f").ok()["owner"], "somebody else");
        assert_eq!(changes(&api).len(), 2);
    }
}

#[test]
fn kill_9_between_the_commit_and_its_answer_is_answered_from_the_database() {
    // There is no such standby, and whoever waits for it waits for ever: one user does, others do not.
    let Some(postgres) = Postgres::start_with("-c synchronous_standby_names=nobody -c synchronous_commit=local") else { return };
    postgres.administer("CREATE ROLE waiting LOGIN SUPERUSER; ALTER ROLE waiting SET synchronous_commit = on");
    let dsn = postgres.empty_database();
    let other = setup().variable("DB_DSN", &dsn).start();
    admin(&other).post("/v1/flags", &flag("before")).created();
    // Every commit of this one is on disk, and then nobody is told of it.
    let server = setup().variable("DB_DSN", &dsn.replacen("postgres@", "waiting@", 1)).start();
    let api = admin(&server);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| create(&api, "f"));
        postgres
            .wait_until("the commit to wait", "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query = 'COMMIT')");
        server.kill_9();
        assert!(asking.join().unwrap().is_none(), "no answer");
    });
    // It does not look whether its client is still there.
    postgres.administer("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'waiting'");
    let api = admin(&other);
    let again = create(&api, "f").unwrap();
    assert!(is_replay(&again) && again.created()["version"] == 1, "{again}");
    assert_eq!(changes(&api), [(1, "before".to_owned()), (2, "f".to_owned())]);
}

#[test]
fn a_request_that_the_database_was_away_for_may_be_sent_again_with_its_key() {
    let Some(postgres) = Postgres::start() else { return };
    let dsn = postgres.empty_database();
    let server = setup().variable("DB_DSN", &dsn).start();
    let api = admin(&server);
    api.post("/v1/flags", &flag("before")).created();
    postgres.stop();
    for _ in 0..2 {
        let answer = create(&api, "f").unwrap();
        answer.problem(503, "unavailable");
        assert!(!is_replay(&answer));
    }
    postgres.restart();
    let first = eventually("the flag to be made", || create(&api, "f").filter(|answer| answer.status() != 503));
    assert!(!is_replay(&first) && first.created()["version"] == 1, "{first}");
    assert!(is_replay(&create(&api, "f").unwrap()));
    assert_eq!(changes(&api).len(), 2);
}

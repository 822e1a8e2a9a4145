//! Hearing of changes, on PostgreSQL.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use ff_store::{Backend, Listener, Notice, Revision, Store, StoreConfig, StoreError, change, flag};
use ff_test_support::{PATIENCE, TestDatabase, TestStore, author, flag as flag_of, patient};
use serde_json::json;

use crate::steps::{NOW, acme, delete, production, put, put_segment};

/// A listener, and what it says.
struct Heard {
    listener: Option<Listener>,
    notices: Receiver<Notice>,
}

impl Heard {
    fn on(store: &Store) -> Self {
        let (told, notices) = channel();
        let listener = Listener::start(store, move |notice| drop(told.send(notice))).unwrap();
        Self { listener, notices }
    }

    #[track_caller]
    fn next(&self) -> Notice {
        self.notices.recv_timeout(PATIENCE).unwrap()
    }

    #[track_caller]
    fn says_changed(&self, revision: i64) {
        assert_eq!(self.next(), Notice::Changed { tenant: acme(), revision: Revision::new(revision) });
    }

    /// Waits until the thread has let go of everything.
    #[track_caller]
    fn ends(mut self) {
        drop(self.listener.take());
        let deadline = Instant::now() + PATIENCE;
        while self.notices.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Disconnected) {
            assert!(Instant::now() < deadline, "the listener does not end");
        }
    }
}

fn postgres() -> Option<TestStore> {
    TestDatabase::postgres_if_any().map(TestStore::on)
}

fn cut(store: &TestStore) {
    let listeners =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ff listener' AND datname = current_database()";
    store.database().execute(listeners);
}

#[test]
fn each_committed_change_is_told_once_and_nothing_else_is() {
    let Some(store) = postgres() else { return };
    let heard = Heard::on(&store);
    assert_eq!(heard.next(), Notice::Listening);
    let boolean = json!({"key": "f", "type": "boolean"});
    put(&store, "production", &boolean).unwrap();
    heard.says_changed(1);
    // One that changes nothing, and one that is taken back.
    put(&store, "production", &boolean).unwrap();
    let refused: Result<(), StoreError> = change::run(&store, &acme(), &author("ann", NOW), |change| {
        flag::put_in(change, &production(), flag_of(&json!({"key": "g", "type": "boolean"})))?;
        Err(StoreError::PageToken)
    });
    assert!(refused.is_err());
    // Several writes in one change.
    change::run(&store, &acme(), &author("ann", NOW), |change| {
        flag::put_in(change, &production(), flag_of(&json!({"key": "g", "type": "boolean"})))?;
        flag::put_in(change, &production(), flag_of(&json!({"key": "h", "type": "boolean"})))
    })
    .unwrap();
    heard.says_changed(3);
    put_segment(&store, &json!({"key": "s"})).unwrap();
    heard.says_changed(4);
    delete(&store, "f").unwrap();
    heard.says_changed(5);
    heard.ends();
}

#[test]
fn who_is_cut_off_listens_again() {
    let Some(store) = postgres() else { return };
    let heard = Heard::on(&store);
    assert_eq!(heard.next(), Notice::Listening);
    for revision in 1..=3 {
        cut(&store);
        assert_eq!(heard.next(), Notice::Cut);
        assert_eq!(heard.next(), Notice::Listening);
        put(&store, "production", &json!({"key": "f", "type": "boolean", "description": revision.to_string()})).unwrap();
        heard.says_changed(revision);
    }
    heard.ends();
}

#[test]
fn what_others_say_on_the_channel_does_no_harm() {
    let Some(store) = postgres() else { return };
    let heard = Heard::on(&store);
    assert_eq!(heard.next(), Notice::Listening);
    let long = "x".repeat(7_000);
    for payload in ["", "nonsense", "acme -", "a tenant 7", "Ä 1", &long] {
        store.database().execute(&format!("SELECT pg_notify('ff_changes', '{payload}')"));
    }
    put_segment(&store, &json!({"key": "s"})).unwrap();
    heard.says_changed(1);
    heard.ends();
}

#[test]
fn a_listener_that_ends_closes_its_connection() {
    let Some(store) = postgres() else { return };
    let heard = Heard::on(&store);
    assert_eq!(heard.next(), Notice::Listening);
    heard.ends();
    // Fails as long as somebody listens.
    let nobody =
        "DO $$ BEGIN IF EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = 'ff listener' AND datname = current_database())
                  THEN RAISE EXCEPTION 'somebody listens'; END IF; END $$";
    let mut connection = PgConnection::establish(store.database().dsn()).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = connection.batch_execute(nobody) {
        assert!(Instant::now() < deadline, "{error}");
    }
}

#[test]
fn a_listener_without_a_server_says_nothing_and_ends() {
    let Some(store) = postgres() else { return };
    let listen_dsn = Some("postgres:///nowhere?host=/nowhere".parse().unwrap());
    let deaf = Store::open(&StoreConfig { listen_dsn, ..patient(store.database().dsn()) }).unwrap();
    let heard = Heard::on(&deaf);
    put(&deaf, "production", &json!({"key": "f", "type": "boolean"})).unwrap();
    assert_eq!(heard.notices.try_recv().ok(), None);
    heard.ends();
}

#[test]
fn nobody_listens_on_sqlite() {
    let store = TestStore::on(TestDatabase::sqlite());
    assert_eq!(store.backend(), Backend::Sqlite);
    assert!(Heard::on(&store).listener.is_none());
}

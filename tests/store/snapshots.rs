//! Snapshots: all of a tenant at one revision, and what becomes of damaged rows.

use ff_core::model::Scalar;
use ff_store::{CorruptRow, FlagFilter, Revision, SegmentFilter, Snapshot, Store, StoreError, change, environment, flag, ruleset, segment};
use ff_test_support::{
    TestDatabase, TestStore, author, environment as environment_key, flag as flag_of, patient, segment as segment_of, tenant,
};
use serde_json::json;

use crate::steps::{NOW, acme, create_environment, delete, find, log, production, put, put_segment, scope};

#[test]
fn a_snapshot_holds_everything_that_lives() {
    TestStore::each(|store| {
        let nothing = Snapshot {
            revision: Revision::ZERO,
            environments: vec![(production(), Vec::new())],
            segments: Vec::new(),
            corrupt: Vec::new(),
        };
        assert_eq!(ruleset::load(store, &acme()).unwrap(), nothing);
        create_environment(store, "staging").unwrap();
        for key in ["b", "a", "gone"] {
            put(store, "staging", &json!({"key": key, "type": "boolean", "state": "on"})).unwrap();
        }
        delete(store, "gone").unwrap();
        put_segment(store, &json!({"key": "s", "included": ["u"]})).unwrap();
        let snapshot = ruleset::load(store, &acme()).unwrap();
        assert_eq!(snapshot.revision, Revision::new(6));
        assert!(snapshot.corrupt.is_empty());
        for (environment, flags) in &snapshot.environments {
            let found = ["a", "b"].map(|key| find(store, environment.as_str(), key).unwrap().flag);
            assert_eq!(*flags, found, "{environment}");
        }
        assert_eq!(snapshot.environments.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["production", "staging"]);
        assert_eq!(snapshot.segments, [segment_of(&json!({"key": "s", "included": ["u"]}))]);
        assert_eq!(ruleset::load(store, &tenant("globex")).unwrap(), nothing);
    });
}

#[test]
fn freshly_imported_flags_are_read_without_reading_all_of_them_for_each_page() {
    const FLAGS: usize = 1_000;
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    database.execute("ALTER TABLE flags SET (autovacuum_enabled = off); ALTER TABLE flag_configs SET (autovacuum_enabled = off)");
    let store = Store::open(&patient(database.dsn())).unwrap();
    change::run::<_, StoreError>(&store, &acme(), &author("ann", NOW), |c| {
        (0..FLAGS).try_for_each(|i| flag::put_in(c, &production(), flag_of(&json!({"key": format!("f{i}"), "type": "boolean"}))).map(drop))
    })
    .unwrap();
    assert_eq!(ruleset::load(&store, &acme()).unwrap().environments[0].1.len(), FLAGS);
    drop(store);
    // What a connection has read is counted when it ends, before it is gone from the list.
    database.execute(&format!(
        "DO $$
        DECLARE fetched bigint;
        BEGIN
            WHILE EXISTS (SELECT FROM pg_stat_activity
                          WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()) LOOP
                PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
            END LOOP;
            SELECT seq_tup_read + idx_tup_fetch INTO fetched FROM pg_stat_user_tables WHERE relname = 'flag_configs';
            IF fetched NOT BETWEEN {FLAGS} AND 4 * {FLAGS} THEN RAISE 'read % rows', fetched; END IF;
        END $$"
    ));
}

#[test]
fn a_snapshot_inside_a_change_shows_what_was_written_so_far() {
    TestStore::each(|store| {
        let snapshot: Snapshot = change::run(store, &acme(), &author("ann", NOW), |c| {
            assert!(ruleset::load_in(c)?.environments[0].1.is_empty());
            flag::put_in(c, &production(), flag_of(&json!({"key": "f", "type": "boolean"})))?;
            ruleset::load_in(c)
        })
        .map_err(|error: StoreError| error)
        .unwrap();
        assert_eq!(snapshot, ruleset::load(store, &acme()).unwrap());
        assert_eq!(snapshot.revision, Revision::new(1));
    });
}

#[test]
fn a_snapshot_is_of_one_revision_while_others_write() {
    const CHANGES: i64 = 60;
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        std::thread::scope(|threads| {
            let writing = threads.spawn(|| {
                for i in 0..CHANGES {
                    // Each change writes two flags and a segment: three revisions, never seen but together.
                    let written: Result<(), StoreError> = change::run(store, &acme(), &author("ann", NOW), |c| {
                        for (key, environment) in [("a", "staging"), ("b", "production")] {
                            let flag = flag_of(&json!({"key": key, "type": "boolean", "metadata": {"n": i}}));
                            flag::put_in(c, &environment_key(environment), flag)?;
                        }
                        segment::put_in(c, segment_of(&json!({"key": "s", "description": i.to_string()}))).map(drop)
                    });
                    written.unwrap();
                }
            });
            loop {
                // Whether it has come to its end or failed.
                let is_last = writing.is_finished();
                let snapshot = ruleset::load(store, &acme()).unwrap();
                let n = (snapshot.revision.get() - 1) / 3 - 1;
                assert_eq!((snapshot.revision.get() - 1) % 3, 0);
                for (_, flags) in snapshot.environments.iter().filter(|_| n >= 0) {
                    let numbers: Vec<_> = flags.iter().map(|flag| flag.metadata()["n"].clone()).collect();
                    assert_eq!(numbers, [Scalar::Number(n.into()), Scalar::Number(n.into())]);
                    assert_eq!(snapshot.segments[0].description(), n.to_string());
                }
                if is_last {
                    assert_eq!(n, CHANGES - 1);
                    return;
                }
            }
        });
    });
}

#[test]
fn damaged_rows_are_reported_with_their_id_and_left_out_of_everything_else() {
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        let mut ids = Vec::new();
        for key in ["definition", "rules", "sound"] {
            ids.push(put(store, "production", &json!({"key": key, "type": "boolean"})).unwrap().record.id);
        }
        let segment_id = put_segment(store, &json!({"key": "damaged"})).unwrap().record.id;
        put_segment(store, &json!({"key": "sound"})).unwrap();
        let database = store.database();
        database.execute("UPDATE flags SET kind = 'colour' WHERE key = 'definition'");
        database.execute(
            "UPDATE flag_configs SET rules = '[{\"id\": \"r\", \"when\": {\"regex\": 1}}]'
             WHERE flag_id = (SELECT id FROM flags WHERE key = 'rules')
             AND environment_id = (SELECT id FROM environments WHERE key = 'staging')",
        );
        database.execute("UPDATE segments SET criteria = '{\"attr\": 7}' WHERE key = 'damaged'");
        database.execute("UPDATE audit SET action = 'renamed' WHERE revision = 2");

        let Err(StoreError::Corrupt { table, id, reason }) = find(store, "production", "definition") else { panic!("corrupt") };
        assert_eq!((table, &id), ("flags", &ids[0]));
        assert!(reason.contains("colour"), "{reason}");
        let Err(StoreError::Corrupt { table, id, .. }) = find(store, "staging", "rules") else { panic!("corrupt") };
        assert_eq!(table, "flag_configs");
        assert!(id.starts_with(&format!("{}/", ids[1])), "{id}");
        assert!(find(store, "production", "rules").is_ok(), "the same flag is sound elsewhere");
        let Err(StoreError::Corrupt { table, id, .. }) = segment::find(store, &acme(), &"damaged".parse().unwrap()) else {
            panic!("corrupt")
        };
        assert_eq!((table, &id), ("segments", &segment_id));

        let snapshot = ruleset::load(store, &acme()).unwrap();
        let keys: Vec<Vec<_>> =
            snapshot.environments.iter().map(|(_, flags)| flags.iter().map(|flag| flag.key().to_string()).collect()).collect();
        assert_eq!(keys, [vec!["rules", "sound"], vec!["sound"]]);
        assert_eq!(snapshot.segments.len(), 1);
        let tables: Vec<_> = snapshot.corrupt.iter().map(|CorruptRow { table, .. }| *table).collect();
        assert_eq!(tables, ["flags", "flag_configs", "segments"]);

        let listed = flag::list(store, &scope("staging"), &FlagFilter::default(), &Default::default()).unwrap();
        assert_eq!(listed.items.len(), 1);
        assert_eq!(segment::list(store, &acme(), &SegmentFilter::default(), &Default::default()).unwrap().items.len(), 1);
        assert_eq!(log(store, &acme()).iter().map(|entry| entry.revision.get()).collect::<Vec<_>>(), [1, 3, 4, 5, 6]);

        // They stand in nobody's way: another flag is written, a new environment is made.
        put(store, "production", &json!({"key": "sound", "type": "boolean", "description": "still"})).unwrap();
        let created = create_environment(store, "qa").unwrap();
        assert_eq!(created.flags.iter().map(|(_, flag)| flag.key().as_str()).collect::<Vec<_>>(), ["rules", "sound"]);

        // And once repaired they are back, in the new environment too.
        database.execute("UPDATE flags SET kind = 'boolean' WHERE key = 'definition'");
        assert!(find(store, "qa", "definition").is_ok());
    });
}

#[test]
fn a_damaged_environment_is_left_out() {
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        store.database().execute("UPDATE environments SET key = 'no key' WHERE key = 'staging'");
        assert_eq!(environment::list(store, &acme(), &Default::default()).unwrap().items.len(), 1);
        let snapshot = ruleset::load(store, &acme()).unwrap();
        assert_eq!((snapshot.environments.len(), snapshot.corrupt[0].table), (1, "environments"));
    });
}

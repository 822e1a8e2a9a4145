//! The tables' history: there and back, by one process at a time, the same on both databases.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::{PgConnection, SqliteConnection, sql_query};
use ff_store::{Backend, Store, StoreError, ruleset};
use ff_test_support::{Postgres, TestDatabase, TestStore, patient};
use serde_json::json;

use crate::steps::{acme, create_environment, delete, find, log, put, put_segment};

const ALL: [&str; 6] = ["0001_tenants_and_environments", "0002_flags", "0003_segments", "0004_audit", "0005_webhooks", "0006_idempotency"];

fn fill(store: &Store) {
    create_environment(store, "staging").unwrap();
    put(store, "staging", &json!({"key": "f", "type": "boolean"})).unwrap();
    put(store, "staging", &json!({"key": "gone", "type": "boolean"})).unwrap();
    delete(store, "gone").unwrap();
    put_segment(store, &json!({"key": "s"})).unwrap();
}

#[test]
fn migrations_go_up_down_and_up_again_with_rows_in_place() {
    TestStore::each(|store| {
        fill(store);
        assert!(store.migrate().unwrap().is_empty(), "nothing is left to do");
        store.revert_all().unwrap();
        assert!(matches!(find(store, "staging", "f"), Err(StoreError::Query(_))), "the tables are gone");
        assert_eq!(store.migrate().unwrap(), ALL);
        assert!(matches!(find(store, "production", "f"), Err(StoreError::NotFound { .. })), "and their rows with them");
        fill(store);
        assert_eq!(log(store, &acme()).len(), 5);
        assert_eq!(find(store, "staging", "f").unwrap().version.get(), 1);
    });
}

#[test]
fn each_migration_can_be_taken_back_and_repeated_while_the_tables_before_it_hold_rows() {
    TestStore::each(|store| {
        fill(store);
        let folder = match store.backend() {
            Backend::Sqlite => "sqlite",
            Backend::Postgres => "postgres",
        };
        let run = |migration: &str, direction: &str| {
            let path = format!("{}/../../migrations/{folder}/{migration}/{direction}.sql", env!("CARGO_MANIFEST_DIR"));
            store.database().execute(&std::fs::read_to_string(path).unwrap());
        };
        for i in (0..ALL.len()).rev() {
            ALL[i..].iter().rev().for_each(|migration| run(migration, "down"));
            ALL[i..].iter().for_each(|migration| run(migration, "up"));
        }
        fill(store);
        assert_eq!(ruleset::load(store, &acme()).unwrap().environments.len(), 2);
    });
}

#[test]
fn several_processes_may_migrate_an_empty_database_at_once() {
    let sqlite = TestDatabase::sqlite_without_tables();
    migrate_at_once(sqlite.dsn());
    if let Some(postgres) = Postgres::shared() {
        migrate_at_once(postgres.database_without_tables().dsn());
    }
}

fn migrate_at_once(dsn: &str) {
    const PROCESSES: usize = 4;
    let barrier = std::sync::Barrier::new(PROCESSES);
    let applied: Vec<Vec<String>> = std::thread::scope(|threads| {
        let starting: Vec<_> = (0..PROCESSES)
            .map(|_| {
                threads.spawn(|| {
                    barrier.wait();
                    let store = Store::open(&patient(dsn)).unwrap();
                    store.migrate().unwrap()
                })
            })
            .collect();
        starting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut sizes: Vec<_> = applied.iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 0, 0, ALL.len()], "one did all the work");
    fill(&Store::open(&patient(dsn)).unwrap());
}

/// Table, then its columns in order: name, type, whether it may be null.
type Tables = BTreeMap<String, Vec<(String, String, bool)>>;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    data_type: String,
    #[diesel(sql_type = Text)]
    is_nullable: String,
}

fn tables(columns: Vec<Column>) -> Tables {
    let mut tables = Tables::new();
    for column in columns {
        tables.entry(column.table_name).or_default().push((column.column_name, column.data_type, column.is_nullable == "YES"));
    }
    tables
}

#[test]
fn both_databases_have_the_same_tables_and_columns() {
    let Some(postgres) = TestDatabase::postgres_if_any() else { return };
    let sqlite = TestDatabase::sqlite();
    let of_postgres = sql_query(
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%' ORDER BY table_name, ordinal_position",
    );
    let of_postgres = of_postgres.load(&mut PgConnection::establish(postgres.dsn()).unwrap()).unwrap();
    // SQLite has one type for texts and documents; which columns are documents is told by their check.
    let of_sqlite = sql_query(
        "SELECT t.name AS table_name, c.name AS column_name, iif(c.\"notnull\", 'NO', 'YES') AS is_nullable,
         CASE WHEN instr(t.sql, 'json_valid(' || c.name || ')') THEN 'jsonb' WHEN c.type = 'INTEGER' THEN 'bigint' ELSE lower(c.type) END AS data_type
         FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' ORDER BY t.name, c.cid",
    );
    let path = sqlite.dsn().trim_start_matches("sqlite://").to_owned();
    let of_sqlite = of_sqlite.load(&mut SqliteConnection::establish(&path).unwrap()).unwrap();
    let (of_postgres, of_sqlite) = (tables(of_postgres), tables(of_sqlite));
    assert_eq!(of_postgres, of_sqlite);
    let expected =
        ["audit", "environments", "flag_configs", "flags", "idempotency", "segments", "tenants", "webhook_deliveries", "webhooks"];
    assert_eq!(of_postgres.keys().collect::<Vec<_>>(), expected);
}

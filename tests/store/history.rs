//! What a flag was at a revision or a version.

use ff_store::{At, FlagRecord, Revision, StoreError, Version, audit, ruleset};
use ff_test_support::TestStore;
use serde_json::{Value, json};

use crate::steps::{acme, create_environment, delete, delete_environment, find, put, scope};

fn at(store: &TestStore, environment: &str, at: At) -> Option<Value> {
    match audit::flag_at(store, &scope(environment), &"f".parse().unwrap(), at) {
        Ok(document) => Some(document),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

fn at_revision(store: &TestStore, environment: &str, revision: i64) -> Option<Value> {
    at(store, environment, At::Revision(Revision::new(revision)))
}

fn at_version(store: &TestStore, environment: &str, version: i64) -> Option<Value> {
    at(store, environment, At::Version(Version::new(version)))
}

fn document(record: &FlagRecord) -> Option<Value> {
    Some(serde_json::to_value(record).unwrap())
}

fn version(json: &Value) -> Value {
    let mut flag = json!({"key": "f", "type": "boolean"});
    flag.as_object_mut().unwrap().extend(json.as_object().unwrap().clone());
    flag
}

#[test]
fn every_state_that_a_flag_ever_had_in_any_environment_can_be_found_again() {
    TestStore::each(|store| {
        // Whatever is done, each environment's view after each revision is what was found right then.
        let steps: [&dyn Fn(); 12] = [
            &|| drop(create_environment(store, "early").unwrap()),
            &|| drop(put(store, "production", &version(&json!({}))).unwrap()),
            &|| drop(put(store, "production", &version(&json!({"state": "on"}))).unwrap()),
            &|| drop(create_environment(store, "late").unwrap()),
            &|| drop(put(store, "late", &version(&json!({"rollout_percentage": 7}))).unwrap()),
            &|| drop(put(store, "early", &version(&json!({"name": "renamed"}))).unwrap()),
            &|| drop(create_environment(store, "last").unwrap()),
            &|| drop(put(store, "production", &version(&json!({"name": "renamed", "description": "d"}))).unwrap()),
            &|| drop(delete(store, "f").unwrap()),
            &|| drop(put(store, "late", &version(&json!({"name": "new"}))).unwrap()),
            &|| drop(put(store, "late", &version(&json!({"name": "new", "state": "on"}))).unwrap()),
            &|| drop(put(store, "production", &version(&json!({"name": "newer"}))).unwrap()),
        ];
        let environments = ["production", "early", "late", "last"];
        let mut seen = Vec::new();
        for step in steps {
            step();
            let [(_, revision)] = ruleset::revisions(store, &[acme()]).unwrap()[..] else { panic!("one tenant") };
            for environment in environments {
                seen.push((revision.get(), environment, find(store, environment, "f").ok()));
            }
        }
        assert_eq!(seen.len(), 48);
        for (revision, environment, record) in &seen {
            assert_eq!(
                at_revision(store, environment, *revision),
                record.as_ref().and_then(document),
                "{environment} at revision {revision}"
            );
        }
        // Versions mean the flag that has the key now.
        let id = find(store, "production", "f").unwrap().id;
        for (_, environment, record) in &seen {
            if let Some(record) = record.as_ref().filter(|record| record.id == id) {
                assert_eq!(
                    at_version(store, environment, record.version.get()),
                    document(record),
                    "{environment} at version {}",
                    record.version
                );
            }
        }
        for environment in environments {
            let last = find(store, environment, "f").unwrap().version.get();
            assert_eq!(at_version(store, environment, 0), None);
            assert_eq!(at_version(store, environment, last + 1), None);
            assert_eq!(at_revision(store, environment, 0), None);
            assert_eq!(at_revision(store, environment, i64::MAX), document(&find(store, environment, "f").unwrap()));
        }
    });
}

#[test]
fn a_deleted_flag_keeps_its_history() {
    TestStore::each(|store| {
        let old = put(store, "production", &version(&json!({"state": "on"}))).unwrap().record;
        delete(store, "f").unwrap();
        assert_eq!(at_version(store, "production", 1), document(&old));
        assert_eq!(at_revision(store, "production", 1), document(&old));
        assert_eq!(at_revision(store, "production", 2), None);
        assert_eq!(at_version(store, "production", 2), None);
    });
}

#[test]
fn a_new_environment_does_not_inherit_the_history_of_a_deleted_one() {
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        put(store, "staging", &version(&json!({}))).unwrap();
        delete_environment(store, "staging").unwrap();
        assert!(matches!(
            audit::flag_at(store, &scope("staging"), &"f".parse().unwrap(), At::Revision(Revision::new(2))),
            Err(StoreError::NotFound { .. })
        ));
        create_environment(store, "staging").unwrap();
        assert_eq!(at_revision(store, "staging", 2), None);
        assert_eq!(at_revision(store, "staging", 4), document(&find(store, "staging", "f").unwrap()));
    });
}

#[test]
fn a_long_history_is_walked_to_its_beginning() {
    TestStore::each(|store| {
        let first = put(store, "production", &version(&json!({"description": "0"}))).unwrap().record;
        for i in 1..120 {
            put(store, "production", &version(&json!({"description": i.to_string()}))).unwrap();
        }
        assert_eq!(at_version(store, "production", 1), document(&first));
        assert_eq!(at_version(store, "production", 61).unwrap()["description"], "60");
        assert_eq!(at_revision(store, "production", 61).unwrap()["description"], "60");
    });
}

//! The log in the order of commits, as those who follow it read it.

use ff_store::audit::View;
use ff_store::{Action, Entity, Logged, Revision, audit};
use ff_test_support::{TestStore, environment, tenant};
use serde_json::json;

use crate::steps::{acme, create_environment, delete, delete_environment, log, put, put_segment};

fn after(store: &TestStore, revision: i64, limit: u32) -> Vec<Logged> {
    audit::after(store, &acme(), Revision::new(revision), limit).unwrap()
}

#[test]
fn the_log_is_read_onwards_from_any_revision_without_gaps() {
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        put(store, "production", &json!({"key": "a", "type": "boolean"})).unwrap();
        put_segment(store, &json!({"key": "s"})).unwrap();
        delete(store, "a").unwrap();
        delete_environment(store, "staging").unwrap();
        let entries = log(store, &acme());
        assert_eq!(entries.len(), 5);
        for start in 0..=5 {
            let read: Vec<_> = after(store, start, 100).into_iter().map(|logged| logged.entry).collect();
            assert_eq!(read, entries[usize::try_from(start).unwrap()..]);
        }
        assert_eq!(after(store, 1, 2).iter().map(|logged| logged.entry.revision.get()).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(after(store, i64::MAX, 2), []);
        assert_eq!(audit::after(store, &tenant("globex"), Revision::ZERO, 100).unwrap(), []);
    });
}

#[test]
fn what_a_change_did_in_other_environments_is_told_beside_it() {
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        put(store, "production", &json!({"key": "a", "type": "boolean"})).unwrap();
        put(store, "production", &json!({"key": "a", "type": "boolean", "state": "on"})).unwrap();
        let logged = after(store, 1, 100);
        let [created, switched] = logged.as_slice() else { panic!("{logged:?}") };
        let View { before, after } = &created.elsewhere[&environment("staging")];
        assert_eq!(*before, None);
        assert_eq!(after.as_ref().unwrap()["environment"], "staging");
        assert_eq!(after.as_ref().unwrap()["state"], "off");
        assert!(switched.elsewhere.is_empty(), "a state belongs to its environment");
    });
}

#[test]
fn what_was_touched_is_told_without_what_became_of_it() {
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        put(store, "production", &json!({"key": "a", "type": "boolean"})).unwrap();
        put(store, "staging", &json!({"key": "a", "type": "boolean", "state": "on"})).unwrap();
        put_segment(store, &json!({"key": "s"})).unwrap();
        delete(store, "a").unwrap();
        let touched = audit::touched(store, &acme(), Revision::ZERO, 100).unwrap();
        let entries = log(store, &acme());
        assert_eq!(touched.len(), entries.len());
        for (touched, entry) in touched.iter().zip(&entries) {
            assert_eq!(
                (touched.revision, touched.action, touched.entity, &touched.entity_key, &touched.environment),
                (entry.revision, entry.action, entry.entity, &entry.entity_key, &entry.environment)
            );
        }
        // A new flag is new everywhere; a state belongs to its environment; a deletion is not repeated.
        assert_eq!(touched.iter().map(|touched| touched.is_elsewhere).collect::<Vec<_>>(), [false, true, false, false, false]);
        assert_eq!(audit::touched(store, &acme(), Revision::new(2), 2).unwrap(), touched[2..4]);
    });
}

#[test]
fn headings_tell_of_every_revision_also_of_those_that_nobody_here_understands() {
    TestStore::each(|store| {
        put(store, "production", &json!({"key": "a", "type": "boolean"})).unwrap();
        put_segment(store, &json!({"key": "s"})).unwrap();
        delete(store, "a").unwrap();
        store.database().execute("UPDATE audit SET entity = 'experiment' WHERE revision = 2");
        let headings = audit::headings(store, &acme(), Revision::ZERO, 100).unwrap();
        let told: Vec<_> = headings.iter().map(|heading| (heading.revision.get(), heading.kind)).collect();
        assert_eq!(told, [(1, Some((Entity::Flag, Action::Created))), (2, None), (3, Some((Entity::Flag, Action::Deleted)))]);
        assert_eq!(audit::headings(store, &acme(), Revision::new(1), 1).unwrap(), headings[1..2]);
        let entry = |revision| audit::entry(store, &acme(), Revision::new(revision)).unwrap().map(|logged| logged.entry.revision.get());
        assert_eq!([entry(0), entry(1), entry(2), entry(3), entry(4)], [None, Some(1), None, Some(3), None]);
    });
}

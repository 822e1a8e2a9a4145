//! Environments: `production` from the start, others on demand.

use ff_core::State;
use ff_store::{Action, Entity, EnvironmentDraft, FlagFilter, Outcome, StoreError, Version, change, environment, flag, ruleset};
use ff_test_support::{TestStore, author, environment as key, tenant};
use serde_json::json;

use crate::steps::{NOW, acme, create_environment, delete, delete_environment, find, log, put, scope};

fn keys(store: &TestStore) -> Vec<String> {
    let page = environment::list(store, &acme(), &Default::default()).unwrap();
    assert!(page.next.is_none());
    page.items.into_iter().map(|environment| environment.key.to_string()).collect()
}

#[test]
fn production_is_there_before_anything_is_written_and_after() {
    TestStore::each(|store| {
        assert_eq!(keys(store), ["production"]);
        assert_eq!(environment::find(store, &acme(), &key("production")).unwrap().name, "production");
        assert!(matches!(
            environment::find(store, &acme(), &key("staging")),
            Err(StoreError::NotFound { entity: Entity::Environment, .. })
        ));
        assert!(flag::list(store, &scope("production"), &FlagFilter::default(), &Default::default()).unwrap().items.is_empty());
        put(store, "production", &json!({"key": "f", "type": "boolean"})).unwrap();
        assert_eq!(keys(store), ["production"]);
        assert_eq!(environment::find(store, &acme(), &key("production")).unwrap().created_at.as_millis(), NOW);
        assert_eq!(log(store, &acme()).len(), 1, "nobody asked for it, so the log does not tell of it");
        assert!(matches!(environment::find(store, &tenant("globex"), &key("production")), Ok(found) if found.created_at.as_millis() == 0));
    });
}

#[test]
fn production_is_listed_while_the_first_change_is_made() {
    TestStore::each(|store| {
        for round in 0..100 {
            let tenant = tenant(&format!("t{round}"));
            std::thread::scope(|threads| {
                let writing = threads.spawn(|| {
                    let draft = EnvironmentDraft { key: key("a"), name: String::new(), description: String::new() };
                    change::run::<_, StoreError>(store, &tenant, &author("ann", NOW), |c| environment::create_in(c, draft)).unwrap();
                });
                while !writing.is_finished() {
                    let listed = environment::list(store, &tenant, &Default::default()).unwrap().items;
                    assert!(listed.iter().any(|found| found.key == key("production")), "{listed:?}");
                }
            });
        }
    });
}

#[test]
fn a_new_environment_starts_with_every_flag_off() {
    TestStore::each(|store| {
        for name in ["a", "b", "gone"] {
            let rules = json!([{"id": "r", "rollout": {"variant": "on"}}]);
            put(
                store,
                "production",
                &json!({"key": name, "type": "boolean", "state": "on", "rollout_percentage": 30, "salt": "s", "rules": rules}),
            )
            .unwrap();
        }
        delete(store, "gone").unwrap();
        let created = create_environment(store, "staging").unwrap();
        assert_eq!(created.outcome, Outcome::Created);
        assert_eq!(
            created.flags.iter().map(|(environment, flag)| (environment.as_str(), flag.key().as_str())).collect::<Vec<_>>(),
            [("staging", "a"), ("staging", "b")]
        );
        for (_, flag) in &created.flags {
            let found = find(store, "staging", flag.key().as_str()).unwrap();
            assert_eq!((&found.flag, found.version), (flag, Version::FIRST));
            assert_eq!((flag.state(), flag.rules().len(), flag.rollout_percentage(), flag.salt()), (State::Off, 0, Some(30.0), Some("s")));
        }
        assert_eq!(keys(store), ["production", "staging"]);
        let last = log(store, &acme()).pop().unwrap();
        assert_eq!((last.action, last.entity, last.entity_key.as_str()), (Action::Created, Entity::Environment, "staging"));
        assert_eq!(last.after, Some(serde_json::to_value(&created.record).unwrap()));
    });
}

#[test]
fn an_environment_gets_another_name_or_stays_as_it_is() {
    TestStore::each(|store| {
        let draft = |name: &str| EnvironmentDraft { key: key("staging"), name: name.to_owned(), description: "d".to_owned() };
        let create = |name: &str| change::run(store, &acme(), &author("ann", NOW + 1), |c| environment::create_in(c, draft(name)));
        let write = |name: &str| -> ff_store::Written<_> { create(name).map_err(|error: StoreError| error).unwrap() };
        assert_eq!(write("One").outcome, Outcome::Created);
        assert_eq!(write("One").outcome, Outcome::Unchanged);
        let renamed = write("Two");
        assert_eq!((renamed.outcome, renamed.record.name.as_str(), renamed.flags.len()), (Outcome::Updated, "Two", 0));
        assert_eq!(environment::find(store, &acme(), &key("staging")).unwrap(), renamed.record);
        assert_eq!(log(store, &acme()).len(), 2);
    });
}

#[test]
fn an_environment_can_be_deleted_once_no_flag_is_on_in_it() {
    TestStore::each(|store| {
        create_environment(store, "staging").unwrap();
        put(store, "staging", &json!({"key": "f", "type": "boolean", "state": "on"})).unwrap();
        let Err(StoreError::Conflict { code, used_by, .. }) = delete_environment(store, "staging") else { panic!("a conflict") };
        assert_eq!((code, used_by), ("environment_in_use", vec!["f".to_owned()]));
        put(store, "staging", &json!({"key": "f", "type": "boolean", "state": "off", "tags": ["seen"]})).unwrap();
        delete_environment(store, "staging").unwrap();
        assert_eq!(keys(store), ["production"]);
        assert!(matches!(find(store, "staging", "f"), Err(StoreError::NotFound { entity: Entity::Environment, .. })));
        assert!(matches!(delete_environment(store, "staging"), Err(StoreError::NotFound { .. })));
        assert_eq!(find(store, "production", "f").unwrap().flag.tags(), ["seen"]);
        assert_eq!(ruleset::load(store, &acme()).unwrap().environments.len(), 1);

        let again = create_environment(store, "staging").unwrap();
        assert_eq!((again.outcome, again.flags.len()), (Outcome::Created, 1));
        assert_eq!(find(store, "staging", "f").unwrap().version, Version::FIRST);
    });
}

#[test]
fn production_stays() {
    TestStore::each(|store| {
        let Err(StoreError::Conflict { code, .. }) = delete_environment(store, "production") else { panic!("a conflict") };
        assert_eq!(code, "environment_protected");
    });
}

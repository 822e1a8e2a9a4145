//! The audit log: newest first, and its filters.

use ff_core::Timestamp;
use ff_store::{AuditFilter, Entity, EnvironmentDraft, PageLimit, PageRequest, StoreError, audit, change, flag, segment};
use ff_test_support::{TestStore, author, environment, flag as flag_of, segment as segment_of};
use serde_json::json;

use crate::steps::{acme, create_environment, production};

/// Revisions 1 to 6: an environment, four writes of flags at 1000, 2000 …, a segment.
fn fill(store: &TestStore) {
    change::run(store, &acme(), &author("eve", 500), |c| {
        let draft = EnvironmentDraft { key: environment("staging"), name: "staging".to_owned(), description: String::new() };
        ff_store::environment::create_in(c, draft).map(drop)
    })
    .map_err(|error: StoreError| error)
    .unwrap();
    for (i, (actor, environment_key, key)) in
        [("ann", "production", "a"), ("bob", "staging", "a"), ("ann", "staging", "b"), ("bob", "production", "b")].into_iter().enumerate()
    {
        let at = 1000 * (1 + i64::try_from(i).unwrap());
        change::run(store, &acme(), &author(actor, at), |c| {
            let flag = flag_of(&json!({"key": key, "type": "boolean", "rollout_percentage": i}));
            flag::put_in(c, &environment(environment_key), flag).map(drop)
        })
        .map_err(|error: StoreError| error)
        .unwrap();
    }
    change::run(store, &acme(), &author("ann", 5000), |c| segment::put_in(c, segment_of(&json!({"key": "a"}))).map(drop))
        .map_err(|error: StoreError| error)
        .unwrap();
}

fn revisions(store: &TestStore, filter: &AuditFilter) -> Vec<i64> {
    let page = PageRequest { limit: PageLimit::new(200, PageLimit::AUDIT_MAX).unwrap(), token: None };
    audit::page(store, &acme(), filter, &page).unwrap().items.iter().map(|entry| entry.revision.get()).collect()
}

#[test]
fn entries_are_filtered() {
    TestStore::each(|store| {
        fill(store);
        let all = AuditFilter::default();
        let text = |text: &str| Some(text.to_owned());
        let at = |millis| Some(Timestamp::from_millis(millis));
        assert_eq!(revisions(store, &all), [6, 5, 4, 3, 2, 1]);
        for (filter, found) in [
            (AuditFilter { entity: Some(Entity::Flag), ..all.clone() }, &[5_i64, 4, 3, 2] as &[i64]),
            (AuditFilter { entity: Some(Entity::Segment), ..all.clone() }, &[6]),
            (AuditFilter { entity: Some(Entity::Environment), ..all.clone() }, &[1]),
            (AuditFilter { entity_key: text("a"), ..all.clone() }, &[6, 3, 2]),
            (AuditFilter { entity_key: text("%"), ..all.clone() }, &[]),
            (AuditFilter { actor: text("bob"), ..all.clone() }, &[5, 3]),
            (AuditFilter { actor: text("b\0b"), ..all.clone() }, &[]),
            (AuditFilter { environment: Some(production()), ..all.clone() }, &[5, 2]),
            (AuditFilter { environment: Some(environment("staging")), ..all.clone() }, &[4, 3, 1]),
            (AuditFilter { until: at(3001), ..all.clone() }, &[4, 3, 2, 1]),
            (AuditFilter { since: at(2000), until: at(4000), ..all.clone() }, &[4, 3]),
            (AuditFilter { since: "1970-01-01T00:00:02.0001Z".parse().ok(), until: at(4000), ..all.clone() }, &[4]),
            (AuditFilter { entity: Some(Entity::Flag), entity_key: text("a"), actor: text("bob"), ..all.clone() }, &[3]),
        ] {
            assert_eq!(revisions(store, &filter), found, "{filter:?}");
        }
    });
}

#[test]
fn time_never_goes_back_from_one_revision_to_the_next() {
    TestStore::each(|store| {
        fill(store);
        // A writer whose clock is behind.
        change::run(store, &acme(), &author("late", 10), |c| segment::put_in(c, segment_of(&json!({"key": "z"}))).map(drop))
            .map_err(|error: StoreError| error)
            .unwrap();
        let newest = audit::page(store, &acme(), &AuditFilter::default(), &PageRequest::default()).unwrap().items.remove(0);
        assert_eq!((newest.actor.as_str(), newest.at), ("late", Timestamp::from_millis(5000)));
    });
}

#[test]
fn pages_go_back_in_time_and_are_not_moved_by_new_entries() {
    TestStore::each(|store| {
        fill(store);
        let limit = PageLimit::new(4, PageLimit::AUDIT_MAX).unwrap();
        let first = audit::page(store, &acme(), &AuditFilter::default(), &PageRequest { limit, token: None }).unwrap();
        create_environment(store, "another").unwrap();
        let token = first.next.map(|token| token.to_string().parse().unwrap());
        let second = audit::page(store, &acme(), &AuditFilter::default(), &PageRequest { limit, token }).unwrap();
        let shown: Vec<_> = first.items.iter().chain(&second.items).map(|entry| entry.revision.get()).collect();
        assert_eq!(shown, [6, 5, 4, 3, 2, 1]);
        assert!(second.next.is_none());
    });
}

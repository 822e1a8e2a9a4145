//! Deliveries that are written down, listed and forgotten.

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use ff_store::webhook::{self, Figures, Progress};
use ff_store::{DeliveryRecord, DeliveryState, PageRequest, Revision, StoreError, change};
use ff_test_support::{TestDatabase, TestStore, author, tenant};

use crate::steps::{NOW, acme};
use crate::webhooks::steps::{at, claim, create, deliveries, record, save};

#[test]
fn forgetting_waits_for_nobody() {
    let Some(database) = TestDatabase::postgres_if_any() else { return };
    let store = TestStore::on(database);
    let id = create(&store);
    let lease = claim(&store, "a", at(0), id).unwrap();
    let known: Vec<_> = (2..=6).map(|revision| record(id, revision, DeliveryState::Delivered)).collect();
    save(&store, &lease, 1, &Progress::starting_at(Revision::new(1)), &known);
    // As the deletion of a webhook holds them, in whatever order.
    let mut other = PgConnection::establish(store.database().dsn()).unwrap();
    other.batch_execute("BEGIN; SELECT 1 FROM webhook_deliveries WHERE revision = 4 FOR UPDATE").unwrap();
    assert_eq!(webhook::forget_before(&store, at(100), 100).unwrap(), 4);
    assert_eq!(deliveries(&store, id), [known[2].clone()]);
    other.batch_execute("ROLLBACK").unwrap();
    assert_eq!(webhook::forget_before(&store, at(100), 100).unwrap(), 1);
}

#[test]
fn deliveries_are_updated_listed_and_forgotten() {
    TestStore::each(|store| {
        let (id, other) = (create(store), create(store));
        let (lease, of_other) = (claim(store, "a", at(0), id).unwrap(), claim(store, "a", at(0), other).unwrap());
        let none = Progress::starting_at(Revision::new(1));
        save(store, &lease, 1, &none, &[record(id, 2, DeliveryState::Pending)]);
        let mut known: Vec<_> = (2..=11).rev().map(|revision| record(id, revision, DeliveryState::Delivered)).collect();
        let later = DeliveryRecord { created_at: at(500), attempts: 2, ..record(id, 2, DeliveryState::Delivered) };
        save(store, &lease, 1, &none, &[&known[..9], &[later]].concat());
        known[9].attempts = 2;
        assert_eq!(deliveries(store, id), known, "newest first; the first attempt stays the first");
        save(store, &of_other, 1, &none, &[record(other, 2, DeliveryState::Parked)]);
        assert_eq!(webhook::figures(store).unwrap(), Figures { backlog_revisions: 2, failing: 0, parked: 1 });
        webhook::trim(store, &acme(), id, 10).unwrap();
        assert_eq!(deliveries(store, id).len(), 10);
        webhook::trim(store, &acme(), id, 4).unwrap();
        assert_eq!(deliveries(store, id), known[..4]);
        assert_eq!(deliveries(store, other).len(), 1);
        assert_eq!(webhook::forget_before(store, at(9), 100).unwrap(), 2);
        assert_eq!(webhook::forget_before(store, at(9), 100).unwrap(), 0);
        assert_eq!((deliveries(store, id).len(), deliveries(store, other).len()), (3, 0));
        let missing = webhook::deliveries(store, &tenant("globex"), id, &PageRequest::default());
        assert!(matches!(missing, Err(StoreError::NotFound { .. })));
        // They go with their webhook.
        change::run(store, &acme(), &author("ann", NOW), |c| webhook::delete_in(c, id)).unwrap();
        assert_eq!(webhook::delivery(store, &acme(), known[0].id).unwrap(), None);
    });
}

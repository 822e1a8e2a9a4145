//! Attempts on request, beside those who deliver.

use ff_core::Timestamp;
use ff_store::webhook::{self, Known, Progress, RequestedAttempt, Saved};
use ff_store::{DeliveryId, DeliveryRecord, DeliveryState, DisabledReason, Revision, StoreError, Version, change};
use ff_test_support::{TestStore, author, tenant};

use crate::steps::{NOW, acme, log};
use crate::webhooks::steps::{add_flag, at, claim, create, deliveries, due, known, progress, record, save};

#[test]
fn an_attempt_on_request_takes_nothing_back_that_others_have_written_meanwhile() {
    TestStore::each(|store| {
        let id = create(store);
        (0..2).for_each(|i| add_flag(store, &format!("f{i}")));
        let lease = claim(store, "a", at(0), id).unwrap();
        save(store, &lease, 1, &Progress::starting_at(Revision::new(1)), &[record(id, 2, DeliveryState::Pending)]);
        // While somebody's own attempt is under way, the delivery comes to its end.
        let done = DeliveryRecord { attempts: 4, ..record(id, 2, DeliveryState::Delivered) };
        save(store, &lease, 1, &Progress::starting_at(Revision::new(2)), std::slice::from_ref(&done));
        let note = |at: Timestamp, status: u16, error: Option<&str>| {
            let attempt = RequestedAttempt { at, status: Some(status), error: error.map(str::to_owned), duration_ms: 11 };
            webhook::note_attempt(store, &acme(), done.id, Version::FIRST, &attempt).unwrap();
            webhook::delivery(store, &acme(), done.id).unwrap().unwrap()
        };
        let failed = note(at(1), 500, Some("answered 500"));
        assert_eq!((failed.state, failed.attempts, failed.status), (DeliveryState::Delivered, 5, Some(500)), "it was delivered once");
        assert_eq!((failed.error.as_deref(), failed.duration_ms, failed.last_attempt_at), (Some("answered 500"), Some(11), Some(at(1))));
        save(store, &lease, 1, &Progress::starting_at(Revision::new(2)), &[record(id, 2, DeliveryState::Parked)]);
        assert_eq!(note(at(2), 500, Some("answered 500")).state, DeliveryState::Parked);
        let delivered = note(at(3), 200, None);
        assert_eq!((delivered.state, delivered.attempts, delivered.error), (DeliveryState::Delivered, 3, None));
        // Several at once are counted, each.
        std::thread::scope(|threads| (0..8).for_each(|_| drop(threads.spawn(|| note(at(4), 200, None)))));
        assert_eq!(webhook::delivery(store, &acme(), done.id).unwrap().unwrap().attempts, 11);
    });
}

/// It has failed since `at(-9)`, one event was given up, and the one after the cursor waits.
fn failing(cursor: i64) -> Progress {
    Progress {
        attempts: 2,
        first_attempt_at: Some(at(-5)),
        next_attempt_at: Some(at(3_600)),
        failing_since: Some(at(-9)),
        has_parked: true,
        ..Progress::starting_at(Revision::new(cursor))
    }
}

#[test]
fn a_success_by_hand_ends_the_failing() {
    TestStore::each(|store| {
        let id = create(store);
        (0..2).for_each(|i| add_flag(store, &format!("f{i}")));
        let lease = claim(store, "a", at(0), id).unwrap();
        let parked = record(id, 2, DeliveryState::Parked);
        let by_hand = |error: Option<&str>, version: i64| {
            let attempt = RequestedAttempt { at: at(1), status: Some(200), error: error.map(str::to_owned), duration_ms: 11 };
            webhook::note_attempt(store, &acme(), parked.id, Version::new(version), &attempt).unwrap();
            progress(store, id)
        };
        save(store, &lease, 1, &failing(2), std::slice::from_ref(&parked));
        assert_eq!(by_hand(Some("answered 500"), 1), failing(2), "a failure says nothing new");
        assert_eq!(by_hand(None, 2), failing(2), "nor does what another version of the webhook led to");
        let well = Progress { failing_since: None, has_parked: false, next_attempt_at: None, ..failing(2) };
        assert_eq!(by_hand(None, 1), well);
        assert_eq!(webhook::figures(store).unwrap().failing, 0);
        assert_eq!(due(store, "a", at(2)), [id], "what waits is tried at once");
        // So does a message that is no delivery.
        save(store, &lease, 1, &failing(2), &[]);
        webhook::note_success(store, &acme(), id, Version::new(2)).unwrap();
        assert_eq!(progress(store, id), failing(2));
        webhook::note_success(store, &acme(), id, Version::FIRST).unwrap();
        assert_eq!(progress(store, id), well);
        // An event that is tried by a schedule of its own goes on with it.
        let own = Progress { has_parked: false, ..failing(2) };
        save(store, &lease, 1, &own, &[]);
        assert_eq!(by_hand(None, 1), Progress { failing_since: None, ..own });
        webhook::note_success(store, &tenant("globex"), id, Version::FIRST).unwrap();
    });
}

#[test]
fn who_delivers_does_not_take_a_success_by_hand_back_nor_is_what_he_did_lost() {
    TestStore::each(|store| {
        let id = create(store);
        (0..3).for_each(|i| add_flag(store, &format!("f{i}")));
        let lease = claim(store, "a", at(0), id).unwrap();
        save(store, &lease, 1, &failing(1), &[]);
        let save_knowing = |known: Known, progress: &Progress, deliveries: &[DeliveryRecord]| {
            webhook::save(store, &lease, known, progress, deliveries, at(60)).unwrap()
        };
        // While an attempt is under way, somebody's own one succeeds; then the first one fails.
        let before = known(store, id);
        webhook::note_success(store, &acme(), id, Version::FIRST).unwrap();
        let well = progress(store, id);
        let failed = Progress { attempts: 3, ..failing(1) };
        assert_eq!(save_knowing(before, &failed, &[record(id, 2, DeliveryState::Pending)]), Saved::Changed);
        assert_eq!((progress(store, id), deliveries(store, id)), (well, vec![]));
        let turned_off = change::run::<_, StoreError>(store, &acme(), &author("x", NOW), |c| {
            webhook::disable_in(c, &lease, before, DisabledReason::Failing, Revision::new(2), &[record(id, 2, DeliveryState::Parked)])
        });
        assert_eq!(turned_off.unwrap(), None);
        assert_eq!((log(store, &acme()).len(), deliveries(store, id)), (4, vec![]), "nothing was turned off");
        // What he gave up or delivered meanwhile stays so, and nothing fails.
        let given_up = Progress { attempts: 0, first_attempt_at: None, ..failing(2) };
        assert_eq!(save_knowing(before, &given_up, &[record(id, 2, DeliveryState::Parked)]), Saved::Changed);
        assert_eq!(progress(store, id), Progress::starting_at(Revision::new(2)));
        assert_eq!(save_knowing(known(store, id), &failing(2), &[]), Saved::Yes);
        let before = known(store, id);
        webhook::note_success(store, &acme(), id, Version::FIRST).unwrap();
        let done = Progress::starting_at(Revision::new(3));
        assert_eq!(save_knowing(before, &done, &[record(id, 3, DeliveryState::Delivered)]), Saved::Changed);
        assert_eq!((progress(store, id), deliveries(store, id).len()), (done, 2));
    });
}

#[test]
fn only_a_delivery_that_waits_is_brought_forward() {
    TestStore::each(|store| {
        let id = create(store);
        (0..2).for_each(|i| add_flag(store, &format!("f{i}")));
        let lease = claim(store, "a", at(0), id).unwrap();
        let waiting = Progress { attempts: 1, next_attempt_at: Some(at(300)), ..Progress::starting_at(Revision::new(1)) };
        let known = [record(id, 2, DeliveryState::Pending), record(id, 3, DeliveryState::Parked)];
        save(store, &lease, 1, &waiting, &known);
        let retry = |revision: i64, now: Timestamp| {
            let delivery = DeliveryId { webhook: id, revision: Revision::new(revision) };
            webhook::retry_now(store, &acme(), delivery, now).unwrap()
        };
        assert!(!retry(3, at(1)) && !retry(4, at(1)));
        assert_eq!(progress(store, id), waiting, "the one that waits goes on waiting");
        assert!(retry(2, at(1)));
        assert_eq!(progress(store, id).next_attempt_at, Some(at(1)));
    });
}

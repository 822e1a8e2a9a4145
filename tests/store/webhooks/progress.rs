//! How far delivery has come, and what becomes of it when the webhook or the log is changed meanwhile.

use ff_store::webhook::{self, Progress, Saved};
use ff_store::{DeliveryRecord, DeliveryState, Revision, WebhookDraft, change};
use ff_test_support::{TestStore, author, eventually};

use crate::steps::{NOW, acme};
use crate::webhooks::steps::{add_flag, at, claim, create, deliveries, draft, progress, record, save, secret, update};

#[test]
fn what_was_done_counts_even_if_the_webhook_was_changed_meanwhile_and_what_failed_does_not() {
    TestStore::each(|store| {
        let id = create(store);
        add_flag(store, "f");
        add_flag(store, "g");
        let lease = claim(store, "a", at(0), id).unwrap();
        update(store, id, draft("https://example.com/new")).unwrap();
        let failing = Progress { cursor: Revision::new(2), attempts: 3, next_attempt_at: Some(at(1_000)), ..progress(store, id) };
        let known = [record(id, 2, DeliveryState::Delivered), record(id, 3, DeliveryState::Pending)];
        assert_eq!(save(store, &lease, 1, &failing, &known), Saved::Changed);
        assert_eq!(progress(store, id), Progress::starting_at(Revision::new(2)), "the new URL is tried at once");
        assert_eq!(deliveries(store, id), [known[0].clone()]);
        // It never goes back.
        assert_eq!(save(store, &lease, 1, &Progress::starting_at(Revision::new(1)), &[]), Saved::Changed);
        assert_eq!(progress(store, id).cursor.get(), 2);
    });
}

#[test]
fn what_waited_when_the_webhook_was_changed_is_tried_again_or_given_up_and_never_out_of_sight() {
    TestStore::each(|store| {
        let id = create(store);
        (0..3).for_each(|i| add_flag(store, &format!("f{i}")));
        let lease = claim(store, "a", at(0), id).unwrap();
        let pending = DeliveryRecord {
            status: Some(503),
            error: Some("answered 503".to_owned()),
            next_attempt_at: Some(at(300)),
            ..record(id, 3, DeliveryState::Pending)
        };
        let delivered = record(id, 2, DeliveryState::Delivered);
        let unwanted = DeliveryRecord { event: "flag.deleted".to_owned(), ..pending.clone() };
        let edits = [draft("https://example.com/new"), draft("https://example.com/newer"), draft("https://example.com/newest")];
        let [moved, narrowed, off] = edits;
        let off = WebhookDraft { enabled: false, ..off };
        let given_up = |reason: &str| DeliveryRecord {
            state: DeliveryState::Parked,
            next_attempt_at: None,
            error: Some(format!("answered 503; given up when {reason}")),
            ..pending.clone()
        };
        let expected = [
            (moved, pending.clone(), DeliveryRecord { next_attempt_at: Some(at(0)), ..pending.clone() }),
            (narrowed, unwanted, DeliveryRecord { event: "flag.deleted".to_owned(), ..given_up("`events` had it no longer") }),
            (off, pending.clone(), given_up("the webhook was turned off")),
        ];
        for (version, (edit, before, after)) in (1..).zip(expected) {
            store.database().execute("DELETE FROM webhook_deliveries");
            let waiting = Progress { attempts: 1, next_attempt_at: Some(at(300)), ..Progress::starting_at(Revision::new(2)) };
            assert_eq!(save(store, &lease, version, &waiting, &[delivered.clone(), before]), Saved::Yes);
            update(store, id, edit).unwrap();
            assert_eq!(deliveries(store, id), [after, delivered.clone()]);
            assert_eq!(progress(store, id), Progress::starting_at(Revision::new(2)));
        }
    });
}

#[test]
fn what_was_done_while_the_webhook_was_being_changed_stays_done() {
    TestStore::each(|store| {
        let id = create(store);
        (0..100).for_each(|i| add_flag(store, &format!("f{i}")));
        let held = claim(store, "a", at(0), id).unwrap();
        std::thread::scope(|scope| {
            let people = scope.spawn(|| {
                for i in 0..300 {
                    update(store, id, WebhookDraft { description: format!("the {i}th"), ..draft("https://example.com/") }).unwrap();
                }
            });
            let version = || webhook::find(store, &acme(), id).unwrap().record.version.get();
            for revision in 2..=101 {
                let done = Progress::starting_at(Revision::new(revision));
                assert_ne!(save(store, &held, 1, &done, &[]), Saved::Lost);
                let then = version();
                // A change that had begun before is over when the next one is.
                eventually("two more changes", || (version() > then + 1 || people.is_finished()).then_some(()));
                assert_eq!(progress(store, id).cursor, done.cursor);
            }
        });
    });
}

#[test]
fn a_new_secret_sets_nothing_back_and_what_was_done_meanwhile_leaves_no_failures_behind() {
    TestStore::each(|store| {
        let id = create(store);
        (0..3).for_each(|i| add_flag(store, &format!("f{i}")));
        let lease = claim(store, "a", at(0), id).unwrap();
        let failing = Progress {
            attempts: 3,
            first_attempt_at: Some(at(-9)),
            next_attempt_at: Some(at(5)),
            failing_since: Some(at(-9)),
            has_parked: true,
            ..Progress::starting_at(Revision::new(1))
        };
        let pending = record(id, 2, DeliveryState::Pending);
        assert_eq!(save(store, &lease, 1, &failing, std::slice::from_ref(&pending)), Saved::Yes);
        change::run(store, &acme(), &author("ann", NOW), |c| webhook::rotate_in(c, id, &secret("dHdv"), at(100))).unwrap();
        assert_eq!((progress(store, id), deliveries(store, id)), (failing.clone(), vec![pending]), "it is still tried, and shown");
        // The event was given up while the secret was changed: the next one has its own attempts, and the webhook still fails.
        let given_up = Progress { attempts: 0, first_attempt_at: None, cursor: Revision::new(2), ..failing.clone() };
        assert_eq!(save(store, &lease, 1, &given_up, &[record(id, 2, DeliveryState::Parked)]), Saved::Changed);
        assert_eq!(progress(store, id), Progress { next_attempt_at: None, ..given_up });
        // The next one was delivered, and that ends the failing.
        let delivered = Progress::starting_at(Revision::new(3));
        assert_eq!(save(store, &lease, 1, &delivered, &[record(id, 3, DeliveryState::Delivered)]), Saved::Changed);
        assert_eq!(progress(store, id), delivered);
    });
}

#[test]
fn what_was_done_of_a_log_that_is_no_more_is_not_written_down() {
    TestStore::each(|store| {
        let id = create(store);
        (0..2).for_each(|i| add_flag(store, &format!("f{i}")));
        let lease = claim(store, "a", at(0), id).unwrap();
        let before = progress(store, id);
        // An attempt is under way while a standby takes over that has not received the last change.
        store.database().execute("DELETE FROM audit WHERE revision > 2; UPDATE tenants SET revision = 2");
        let done = Progress::starting_at(Revision::new(3));
        assert_eq!(save(store, &lease, 1, &done, &[record(id, 3, DeliveryState::Delivered)]), Saved::Lost);
        assert_eq!(save(store, &lease, 2, &done, &[record(id, 3, DeliveryState::Delivered)]), Saved::Lost);
        assert_eq!((progress(store, id), deliveries(store, id)), (before, vec![]));
        assert_eq!(save(store, &lease, 1, &Progress::starting_at(Revision::new(2)), &[]), Saved::Yes);
    });
}

//! Webhooks: what people set, who may deliver, and that who may not any more writes nothing.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use ff_core::{TenantId, Timestamp};
use ff_store::webhook::lease::{self, Lease};
use ff_store::webhook::{self, Figures, Known, Progress, RequestedAttempt, Saved};
use ff_store::{
    DeliveryId, DeliveryRecord, DeliveryState, DisabledReason, PageRequest, Revision, Store, StoreError, Version, WebhookDraft, WebhookId,
    WebhookSecret, WebhookShown, change,
};
use ff_test_support::{TestDatabase, TestStore, author, eventually, tenant};
use serde_json::json;

use crate::steps::{NOW, Result, acme, log, put};

const LEASE: Duration = Duration::from_secs(30);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(NOW + seconds * 1_000)
}

fn draft(url: &str) -> WebhookDraft {
    WebhookDraft { url: url.to_owned(), events: vec!["*".to_owned()], description: String::new(), enabled: true }
}

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::from_base64(text)
}

fn create_for(store: &Store, tenant: &TenantId) -> WebhookId {
    let work = |c: &mut change::Change<'_>| webhook::create_in(c, draft("https://example.com/"), &secret("b25l"));
    change::run::<_, StoreError>(store, tenant, &author("ann", NOW), work).unwrap().record.record.id
}

fn create(store: &Store) -> WebhookId {
    create_for(store, &acme())
}

fn update(store: &Store, id: WebhookId, draft: WebhookDraft) -> Result<WebhookShown> {
    change::run(store, &acme(), &author("ann", NOW), |c| webhook::update_in(c, id, draft, |event| event != "flag.deleted"))
        .map(|written| written.record)
}

fn add_flag(store: &Store, key: &str) {
    put(store, "production", &json!({"key": key, "type": "boolean"})).unwrap();
}

fn due(store: &Store, owner: &str, now: Timestamp) -> Vec<WebhookId> {
    lease::due(store, owner, now, 100).unwrap().into_iter().map(|due| due.webhook).collect()
}

fn claim(store: &Store, owner: &str, now: Timestamp, id: WebhookId) -> Option<Lease> {
    let until = Timestamp::from_millis(now.as_millis() + LEASE.as_millis() as i64);
    lease::claim(store, owner, now, until, &[(acme(), id)]).unwrap().pop()
}

fn progress(store: &Store, id: WebhookId) -> Progress {
    webhook::outbound(store, &acme(), id, at(0)).unwrap().unwrap().progress
}

fn record(id: WebhookId, revision: i64, state: DeliveryState) -> DeliveryRecord {
    let revision = Revision::new(revision);
    DeliveryRecord {
        id: DeliveryId { webhook: id, revision },
        revision,
        event: "flag.created".to_owned(),
        state,
        attempts: 1,
        created_at: at(revision.get()),
        last_attempt_at: Some(at(0)),
        status: Some(200),
        error: None,
        duration_ms: Some(7),
        next_attempt_at: None,
    }
}

/// Saves by somebody who has seen how the webhook fails, and this version.
fn save(store: &Store, lease: &Lease, version: i64, progress: &Progress, deliveries: &[DeliveryRecord]) -> Saved {
    let known = Known { version: Version::new(version), ..known(store, lease.webhook()) };
    webhook::save(store, lease, known, progress, deliveries, at(60)).unwrap()
}

fn known(store: &Store, id: WebhookId) -> Known {
    webhook::outbound(store, &acme(), id, at(0)).unwrap().unwrap().known()
}

fn deliveries(store: &Store, id: WebhookId) -> Vec<DeliveryRecord> {
    webhook::deliveries(store, &acme(), id, &PageRequest::default()).unwrap().items
}

#[test]
fn a_webhook_is_a_change_like_others_and_no_document_has_its_secret() {
    TestStore::each(|store| {
        let id = create(store);
        let shown = webhook::find(store, &acme(), id).unwrap();
        assert_eq!((shown.record.version.get(), shown.delivery.revision.get()), (1, 1));
        let changed = update(store, id, WebhookDraft { description: "new".to_owned(), ..draft("https://example.com/") }).unwrap();
        assert_eq!(changed.record.version.get(), 2);
        assert_eq!(update(store, id, WebhookDraft { description: "new".to_owned(), ..draft("https://example.com/") }).unwrap(), changed);
        change::run(store, &acme(), &author("ann", NOW), |c| webhook::rotate_in(c, id, &secret("dHdv"), at(100))).unwrap();
        change::run(store, &acme(), &author("ann", NOW), |c| webhook::delete_in(c, id)).unwrap();
        assert!(matches!(webhook::find(store, &acme(), id), Err(StoreError::NotFound { .. })));
        let log = log(store, &acme());
        let actions: Vec<_> = log.iter().map(|entry| (entry.action.as_str(), entry.entity.as_str())).collect();
        assert_eq!(actions, [("created", "webhook"), ("updated", "webhook"), ("updated", "webhook"), ("deleted", "webhook")]);
        let text = serde_json::to_string(&log).unwrap();
        assert!(!text.contains("b25l") && !text.contains("dHdv"), "{text}");
    });
}

#[test]
fn two_secrets_sign_until_the_old_one_has_had_its_time() {
    TestStore::each(|store| {
        let id = create(store);
        change::run(store, &acme(), &author("ann", NOW), |c| webhook::rotate_in(c, id, &secret("dHdv"), at(100))).unwrap();
        let secrets = |now| webhook::secrets(store, &acme(), id, now).unwrap();
        assert_eq!(secrets(at(99)), [secret("dHdv"), secret("b25l")]);
        assert_eq!(secrets(at(100)), [secret("dHdv")]);
        // A third one takes the first one's time away: two at most.
        change::run(store, &acme(), &author("ann", NOW), |c| webhook::rotate_in(c, id, &secret("dGhyZWU="), at(200))).unwrap();
        assert_eq!(secrets(at(99)), [secret("dGhyZWU="), secret("dHdv")]);
    });
}

#[test]
fn what_is_due_has_something_to_tell_and_nobody_else_to_tell_it() {
    TestStore::each(|store| {
        let (id, off) = (create(store), create(store));
        update(store, off, WebhookDraft { enabled: false, ..draft("https://example.com/") }).unwrap();
        let globex = create_for(store, &tenant("globex"));
        // Of the second webhook's creation the first one is not told, but it has not passed it over yet.
        assert_eq!(due(store, "a", at(0)), [id]);
        let lease = claim(store, "a", at(0), id).unwrap();
        assert_eq!(due(store, "a", at(1)), [id], "its own");
        assert_eq!(due(store, "b", at(1)), [], "another one's");
        assert_eq!(due(store, "b", at(30)), [id], "after the lease has run out");
        let latest = Progress::starting_at(Revision::new(3));
        assert_eq!(save(store, &lease, 1, &latest, &[]), Saved::Yes);
        assert_eq!(due(store, "a", at(1)), [], "nothing to tell");
        add_flag(store, "f");
        let later = Progress { next_attempt_at: Some(at(20)), ..latest };
        assert_eq!(save(store, &lease, 1, &later, &[]), Saved::Yes);
        assert_eq!(due(store, "a", at(19)), [], "not yet");
        assert_eq!(due(store, "a", at(20)), [id]);
        lease::release(store, &[lease]).unwrap();
        assert_eq!(due(store, "b", at(20)), [id], "given back");
        assert!(!due(store, "b", at(20)).contains(&globex));
    });
}

#[test]
fn of_many_who_claim_a_webhook_one_gets_it() {
    const SERVERS: usize = 8;
    TestStore::each(|store| {
        let ids: Vec<WebhookId> = (0..5).map(|_| create(store)).collect();
        let leases: Vec<Lease> = std::thread::scope(|threads| {
            let claiming: Vec<_> = (0..SERVERS)
                .map(|i| {
                    let mut wanted: Vec<_> = ids.iter().map(|id| (acme(), *id)).collect();
                    wanted.rotate_left(i % 5);
                    threads.spawn(move || lease::claim(store, &format!("server-{i}"), at(0), at(30), &wanted).unwrap())
                })
                .collect();
            claiming.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let mut claimed: Vec<_> = leases.iter().map(Lease::webhook).collect();
        claimed.sort();
        assert_eq!(claimed, ids, "each once");
    });
}

#[test]
fn who_has_lost_the_lease_writes_nothing_any_more() {
    TestStore::each(|store| {
        let id = create(store);
        add_flag(store, "f");
        let slow = claim(store, "a", at(0), id).unwrap();
        assert!(claim(store, "b", at(29), id).is_none());
        let heir = claim(store, "b", at(30), id).unwrap();
        let before = progress(store, id);
        let done = Progress::starting_at(Revision::new(2));
        assert_eq!(save(store, &slow, 1, &done, &[record(id, 2, DeliveryState::Delivered)]), Saved::Lost);
        let off = |lease: &Lease, version: i64| {
            change::run::<_, StoreError>(store, &acme(), &author("x", NOW), |c| {
                let parked = [record(id, 2, DeliveryState::Parked)];
                let known = Known { version: Version::new(version), failing_since: None };
                webhook::disable_in(c, lease, known, DisabledReason::Gone, Revision::new(2), &parked)
            })
            .unwrap()
        };
        assert_eq!(off(&slow, 1), None);
        assert_eq!((progress(store, id), deliveries(store, id)), (before, vec![]));
        assert_eq!(log(store, &acme()).len(), 2, "nothing was turned off");
        assert_eq!(save(store, &heir, 1, &done, &[record(id, 2, DeliveryState::Delivered)]), Saved::Yes);
        assert_eq!((progress(store, id).cursor.get(), deliveries(store, id).len()), (2, 1));
        // The same server claims anew: its old right is gone too.
        let again = claim(store, "b", at(31), id).unwrap();
        assert_eq!(save(store, &heir, 1, &done, &[]), Saved::Lost);
        assert_eq!(off(&again, 2), None, "somebody has changed it");
        let turned_off = off(&again, 1).unwrap();
        assert_eq!((turned_off.record.enabled, turned_off.record.disabled_reason), (false, Some(DisabledReason::Gone)));
        assert_eq!(deliveries(store, id)[0].state, DeliveryState::Parked);
    });
}

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

#[test]
fn a_tenant_has_a_bounded_number() {
    TestStore::each(|store| {
        let all: Vec<WebhookId> = (0..webhook::WEBHOOKS_MAX).map(|_| create(store)).collect();
        let one_more = change::run::<_, StoreError>(store, &acme(), &author("ann", NOW), |c| {
            webhook::create_in(c, draft("https://example.com/"), &secret("b25l"))
        });
        assert!(matches!(one_more, Err(StoreError::Conflict { code: "webhook_limit_reached", .. })), "{one_more:?}");
        create_for(store, &tenant("globex"));
        change::run(store, &acme(), &author("ann", NOW), |c| webhook::delete_in(c, all[0])).unwrap();
        create(store);
    });
}

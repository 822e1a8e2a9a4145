//! What tests of webhooks do.

use std::time::Duration;

use ff_core::{TenantId, Timestamp};
use ff_store::webhook::lease::{self, Lease};
use ff_store::webhook::{self, Known, Progress, Saved};
use ff_store::{
    DeliveryId, DeliveryRecord, DeliveryState, PageRequest, Revision, Store, StoreError, Version, WebhookDraft, WebhookId, WebhookSecret,
    WebhookShown, change,
};
use ff_test_support::author;
use serde_json::json;

use crate::steps::{NOW, Result, acme, put};

pub(crate) const LEASE: Duration = Duration::from_secs(30);

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(NOW + seconds * 1_000)
}

pub(crate) fn draft(url: &str) -> WebhookDraft {
    WebhookDraft { url: url.to_owned(), events: vec!["*".to_owned()], description: String::new(), enabled: true }
}

pub(crate) fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::from_base64(text)
}

pub(crate) fn create_for(store: &Store, tenant: &TenantId) -> WebhookId {
    let work = |c: &mut change::Change<'_>| webhook::create_in(c, draft("https://example.com/"), &secret("b25l"));
    change::run::<_, StoreError>(store, tenant, &author("ann", NOW), work).unwrap().record.record.id
}

pub(crate) fn create(store: &Store) -> WebhookId {
    create_for(store, &acme())
}

pub(crate) fn update(store: &Store, id: WebhookId, draft: WebhookDraft) -> Result<WebhookShown> {
    change::run(store, &acme(), &author("ann", NOW), |c| webhook::update_in(c, id, draft, |event| event != "flag.deleted"))
        .map(|written| written.record)
}

pub(crate) fn add_flag(store: &Store, key: &str) {
    put(store, "production", &json!({"key": key, "type": "boolean"})).unwrap();
}

pub(crate) fn due(store: &Store, owner: &str, now: Timestamp) -> Vec<WebhookId> {
    lease::due(store, owner, now, 100).unwrap().into_iter().map(|due| due.webhook).collect()
}

pub(crate) fn claim(store: &Store, owner: &str, now: Timestamp, id: WebhookId) -> Option<Lease> {
    let until = Timestamp::from_millis(now.as_millis() + LEASE.as_millis() as i64);
    lease::claim(store, owner, now, until, &[(acme(), id)]).unwrap().pop()
}

pub(crate) fn progress(store: &Store, id: WebhookId) -> Progress {
    webhook::outbound(store, &acme(), id, at(0)).unwrap().unwrap().progress
}

pub(crate) fn record(id: WebhookId, revision: i64, state: DeliveryState) -> DeliveryRecord {
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
pub(crate) fn save(store: &Store, lease: &Lease, version: i64, progress: &Progress, deliveries: &[DeliveryRecord]) -> Saved {
    let known = Known { version: Version::new(version), ..known(store, lease.webhook()) };
    webhook::save(store, lease, known, progress, deliveries, at(60)).unwrap()
}

pub(crate) fn known(store: &Store, id: WebhookId) -> Known {
    webhook::outbound(store, &acme(), id, at(0)).unwrap().unwrap().known()
}

pub(crate) fn deliveries(store: &Store, id: WebhookId) -> Vec<DeliveryRecord> {
    webhook::deliveries(store, &acme(), id, &PageRequest::default()).unwrap().items
}

//! Short ways to say what tests of webhooks do.

use ff_test_support::{Client, Received, Setup, Target, eventually};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use ureq::http::HeaderMap;

use crate::sample::boolean;

/// A webhook as its owner knows it.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Hook {
    pub(crate) fn path(&self) -> String {
        format!("/v1/webhooks/{}", self.id)
    }

    /// Where one of its deliveries is made again.
    pub(crate) fn redelivery(&self, delivery: &Value) -> String {
        format!("{}/deliveries/{}/redeliver", self.path(), delivery["id"].as_str().unwrap())
    }

    pub(crate) fn show(&self, api: &Client) -> Value {
        api.get(&self.path()).ok()
    }

    /// Everything that is known of its deliveries, oldest first.
    pub(crate) fn deliveries(&self, api: &Client) -> Vec<Value> {
        let mut all = api.all(&format!("{}/deliveries", self.path()));
        all.reverse();
        all
    }

    /// Waits until its delivery of this number, from 0 on, is in this state.
    #[track_caller]
    pub(crate) fn wait_for(&self, api: &Client, number: usize, state: &str) -> Value {
        eventually(&format!("delivery {number} to be {state}"), || {
            self.deliveries(api).get(number).filter(|delivery| delivery["state"] == state).cloned()
        })
    }
}

/// A webhook of these events that leads to `target`.
#[track_caller]
pub(crate) fn create(api: &Client, target: &Target, events: &[&str]) -> Hook {
    create_at(api, &target.url(), events)
}

/// A webhook of these events that leads to this URL.
#[track_caller]
pub(crate) fn create_at(api: &Client, url: &str, events: &[&str]) -> Hook {
    let created = api.post("/v1/webhooks", &json!({"url": url, "events": events})).created();
    let text = |name: &str| created[name].as_str().unwrap().to_owned();
    Hook { id: text("id"), secret: text("secret") }
}

/// Creates boolean flags `f0`, `f1` ….
#[track_caller]
pub(crate) fn create_flags(api: &Client, count: usize) {
    (0..count).for_each(|i| drop(api.post("/v1/flags", &boolean(&format!("f{i}"))).created()));
}

/// Attempts follow one another within fractions of a second: 4 of them in 300 ms, then the event is parked.
pub(crate) fn hasty(setup: Setup) -> Setup {
    setup.variable("WEBHOOK_RETRY_MS", "100,200,300")
}

/// The same, and nobody is waited for: for targets that do not answer and servers that die. What is told, and how often, then depends on
/// how busy the machine is.
pub(crate) fn impatient(setup: Setup) -> Setup {
    hasty(setup).variable("WEBHOOK_TIMEOUT_MS", "500").variable("WEBHOOK_LEASE_MS", "1000")
}

/// A schedule of a quick attempt after the other, of which no test sees the end: for those that count on every event to arrive, whatever
/// becomes of single attempts on a busy machine.
pub(crate) fn persistent(setup: Setup) -> Setup {
    let quick: Vec<_> = (1..50).map(|i| (i * 100).to_string()).chain(["3600000".to_owned()]).collect();
    setup.variable("WEBHOOK_RETRY_MS", &quick.join(","))
}

/// Whether another implementation of Standard Webhooks accepts the request under this secret.
pub(crate) fn verifies(request: &Received, secret: &str) -> bool {
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, request.header(name).parse().unwrap());
    }
    Webhook::new(secret).unwrap().verify(&request.body, &headers).is_ok()
}

/// The revisions that the requests tell of.
pub(crate) fn revisions(requests: &[Received]) -> Vec<u64> {
    requests.iter().map(|request| request.json()["data"]["revision"].as_u64().unwrap()).collect()
}

/// The events' types.
pub(crate) fn types(requests: &[Received]) -> Vec<String> {
    requests.iter().map(|request| request.json()["type"].as_str().unwrap().to_owned()).collect()
}

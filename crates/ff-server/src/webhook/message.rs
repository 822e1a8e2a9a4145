//! What is sent: Standard Webhooks, version 1.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ff_core::Timestamp;
use ff_store::{DeliveryId, WebhookId, WebhookSecret};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use crate::event::ChangeEvent;
use crate::service::ServiceError;

/// What a secret begins with where it is shown. The rest is base64, to be decoded before use.
pub const SECRET_PREFIX: &str = "whsec_";

/// Random bytes in a secret: as many as the hash has.
const SECRET_LENGTH: usize = 32;

/// The type of what `POST …/test` sends.
pub const TEST_TYPE: &str = "webhook.test";

/// One message: the same bytes under the same id, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The header `webhook-id`.
    pub id: String,
    /// The body.
    pub body: Vec<u8>,
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    r#type: &'a str,
    timestamp: Timestamp,
    data: &'a T,
}

#[derive(Serialize)]
struct TestData {
    webhook_id: WebhookId,
}

impl Message {
    /// What tells a webhook of a change.
    ///
    /// # Errors
    /// The event does not become JSON, which no event does.
    pub fn of(webhook: WebhookId, event: &ChangeEvent) -> Result<Self, ServiceError> {
        let id = DeliveryId { webhook, revision: event.revision };
        Self::new(id.to_string(), &event.kind.to_string(), event.timestamp, event)
    }

    /// What tells nothing, sent at this instant to see whether it arrives.
    ///
    /// # Errors
    /// As for [`of`](Self::of).
    pub fn test(webhook: WebhookId, at: Timestamp) -> Result<Self, ServiceError> {
        // A test is sent once; its id must only differ from all others.
        let id = format!("test_{}", uuid::Uuid::now_v7().simple());
        Self::new(id, TEST_TYPE, at, &TestData { webhook_id: webhook })
    }

    fn new(id: String, kind: &str, timestamp: Timestamp, data: &impl Serialize) -> Result<Self, ServiceError> {
        let body = serde_json::to_vec(&Envelope { r#type: kind, timestamp, data }).map_err(ServiceError::internal)?;
        Ok(Self { id, body })
    }

    /// The header `webhook-signature` of an attempt at this second: a signature by each secret.
    ///
    /// # Errors
    /// A secret is no base64.
    pub fn signatures(&self, at_s: u64, secrets: &[WebhookSecret]) -> Result<String, ServiceError> {
        let mut header = String::new();
        for secret in secrets {
            let separator = if header.is_empty() { "" } else { " " };
            let key = STANDARD.decode(secret.expose_base64()).map_err(|_| ServiceError::internal("a webhook's secret is no base64"))?;
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(ServiceError::internal)?;
            mac.update(format!("{}.{at_s}.", self.id).as_bytes());
            mac.update(&self.body);
            // A string takes everything.
            write!(header, "{separator}v1,{}", STANDARD.encode(mac.finalize().into_bytes())).ok();
        }
        Ok(header)
    }
}

/// A new secret, from the operating system's source of randomness.
///
/// # Errors
/// There is no randomness to be had.
pub fn new_secret() -> Result<WebhookSecret, ServiceError> {
    let mut bytes = [0; SECRET_LENGTH];
    getrandom::fill(&mut bytes).map_err(ServiceError::internal)?;
    Ok(WebhookSecret::from_base64(STANDARD.encode(bytes)))
}

/// The secret as it is shown, once.
pub fn shown(secret: &WebhookSecret) -> String {
    format!("{SECRET_PREFIX}{}", secret.expose_base64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Message {
        Message { id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn the_published_example_of_a_signature_comes_out() {
        // From the specification's own test data: secret, id, second, body, signature.
        let secret = WebhookSecret::from_base64("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signature = message(r#"{"test": 2432232314}"#).signatures(1_614_265_330, &[secret]).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn another_implementation_accepts_the_signature_of_each_of_two_secrets() {
        let (old, new) = (new_secret().unwrap(), new_secret().unwrap());
        assert_ne!(old, new);
        let message = message(r#"{"type": "flag.updated"}"#);
        let now = crate::clock::now_s();
        let header = message.signatures(now, &[new.clone(), old.clone()]).unwrap();
        assert_eq!(header.split(' ').count(), 2);
        let mut headers = ureq::http::HeaderMap::new();
        for (name, value) in [("webhook-id", message.id.clone()), ("webhook-timestamp", now.to_string()), ("webhook-signature", header)] {
            headers.insert(name, value.parse().unwrap());
        }
        for secret in [&old, &new] {
            let verifier = standardwebhooks::Webhook::new(&shown(secret)).unwrap();
            verifier.verify(&message.body, &headers).unwrap();
            assert!(verifier.verify(b"{}", &headers).is_err());
        }
        let stranger = standardwebhooks::Webhook::new(&shown(&new_secret().unwrap())).unwrap();
        assert!(stranger.verify(&message.body, &headers).is_err());
    }

    #[test]
    fn a_test_names_its_webhook_and_has_an_id_of_its_own() {
        let (webhook, at) = (WebhookId::new(), Timestamp::from_millis(1_795_248_000_000));
        let (first, second) = (Message::test(webhook, at).unwrap(), Message::test(webhook, at).unwrap());
        assert_ne!(first.id, second.id);
        assert_eq!(first.body, second.body);
        let body: serde_json::Value = serde_json::from_slice(&first.body).unwrap();
        assert_eq!(body, serde_json::json!({"type": "webhook.test", "timestamp": at, "data": {"webhook_id": webhook}}));
    }
}

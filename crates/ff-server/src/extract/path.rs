//! Keys in paths. A key that cannot exist is not found, without asking the database.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use ff_core::{EnvironmentKey, FlagKey, KeyError, SegmentKey};
use ff_store::{DeliveryId, WebhookId};
use serde::Deserialize;

use crate::problem::{Problem, ProblemType};
use crate::service::Missing;

/// The longest piece of a path that an answer quotes, in characters.
const QUOTED_MAX: usize = 128;

/// A key that names an entity.
pub trait Named: FromStr<Err = KeyError> + 'static {
    /// What to say where there is none of this name.
    fn missing(name: String) -> Missing;
}

impl Named for FlagKey {
    fn missing(name: String) -> Missing {
        Missing::Flag(name)
    }
}

impl Named for SegmentKey {
    fn missing(name: String) -> Missing {
        Missing::Segment(name)
    }
}

impl Named for EnvironmentKey {
    fn missing(name: String) -> Missing {
        Missing::Environment(name)
    }
}

/// The `{key}` (or `{flag_key}`) of a path.
#[derive(Debug, Clone)]
pub struct PathKey<K>(pub K);

impl<K: Named> FromRequest for PathKey<K> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let info = request.match_info();
        let text = info.get("key").or_else(|| info.get("flag_key")).unwrap_or_default();
        ready(text.parse().map(Self).map_err(|_| K::missing(text.chars().take(QUOTED_MAX).collect()).into()))
    }
}

/// The `{id}` of a path under `/v1/webhooks`.
#[derive(Debug, Clone, Copy)]
pub struct PathWebhook(pub WebhookId);

impl FromRequest for PathWebhook {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(webhook(request).map(Self))
    }
}

/// The `{id}` and the `{delivery_id}` of a path: a delivery of that webhook.
#[derive(Debug, Clone, Copy)]
pub struct PathDelivery(pub DeliveryId);

impl FromRequest for PathDelivery {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("delivery_id").unwrap_or_default();
        let delivery = webhook(request).and_then(|webhook| {
            let delivery = text.parse::<DeliveryId>().ok().filter(|delivery| delivery.webhook == webhook);
            delivery.ok_or_else(|| Missing::Delivery(text.chars().take(QUOTED_MAX).collect()).into())
        });
        ready(delivery.map(Self))
    }
}

fn webhook(request: &HttpRequest) -> Result<WebhookId, Problem> {
    let text = request.match_info().get("id").unwrap_or_default();
    text.parse().map_err(|_| Missing::Webhook(text.chars().take(QUOTED_MAX).collect()).into())
}

/// The `{user_id}` of a path, decoded in full: a user id may hold any character, also those that actix leaves encoded in
/// a path so that they do not change its shape (`/`, `%` and `+`).
#[derive(Debug, Clone)]
pub struct PathUserId(pub String);

#[derive(Deserialize)]
struct UserPart {
    user_id: String,
}

impl FromRequest for PathUserId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if !super::query::is_text(request.uri().path()) {
            return ready(Err(Problem::new(ProblemType::RouteNotFound, "the user id in the path is not UTF-8")));
        }
        let part = web::Path::<UserPart>::from_request(request, payload).into_inner();
        let decoded = part.map(|part| Self(part.into_inner().user_id));
        ready(decoded.map_err(|_| Problem::new(ProblemType::RouteNotFound, "the user id in the path cannot be read")))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_user_id_is_decoded_in_full() {
        let read = |user_id: &'static str| {
            let request = TestRequest::default().param("user_id", user_id).to_http_request();
            PathUserId::from_request(&request, &mut Payload::None).into_inner().unwrap().0
        };
        // What actix's router hands on: everything is decoded but these three.
        for (part, user_id) in [("a%2Fb", "a/b"), ("a%25b", "a%b"), ("a%252Fb", "a%2Fb"), ("a%2Bb", "a+b"), ("a+b", "a+b"), ("ä", "ä")] {
            assert_eq!(read(part), user_id);
        }
    }
}

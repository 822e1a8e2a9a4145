//! Short ways to say what tests put into the service.

use ff_test_support::Client;
use serde_json::{Value, json};

/// A boolean flag that is on, with nothing else said.
pub(crate) fn boolean(key: &str) -> Value {
    json!({"key": key, "type": "boolean", "state": "on"})
}

/// A string flag that is on, with the variants `a` and `b`, half and half.
pub(crate) fn text(key: &str) -> Value {
    json!({"key": key, "state": "on", "variants": [{"key": "a", "weight": 1}, {"key": "b", "weight": 1}]})
}

/// A boolean flag that is `on` for whom `when` holds, and `off` for the others.
pub(crate) fn on_when(key: &str, when: Value) -> Value {
    let rules = json!([{"id": "r", "when": when, "rollout": {"variant": "on"}}]);
    json!({"key": key, "type": "boolean", "state": "on", "rollout_percentage": 0, "rules": rules})
}

/// `document` with the fields of `changes` in place of its own.
pub(crate) fn with(mut document: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

/// The keys of a list's items.
pub(crate) fn keys(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["key"].as_str().unwrap()).collect()
}

/// The pointer's value, at its place in `document`.
#[track_caller]
pub(crate) fn at<'a>(document: &'a Value, pointer: &str) -> &'a Value {
    document.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer} in {document}"))
}

/// The variant that the flag gives this user.
#[track_caller]
pub(crate) fn variant_of(api: &Client, flag: &str, user: Value) -> String {
    let evaluation = api.post("/v1/evaluate", &json!({"flag_key": flag, "user": user})).ok();
    evaluation["variant"].as_str().unwrap().to_owned()
}

/// Creates the environment `key`.
#[track_caller]
pub(crate) fn environment(api: &Client, key: &str) {
    api.post("/v1/environments", &json!({"key": key})).created();
}

/// Everything that a tenant holds, for saying that a request changed nothing.
#[track_caller]
pub(crate) fn everything(api: &Client) -> Value {
    let mut found = serde_json::Map::new();
    for environment in api.all("/v1/environments") {
        let key = environment["key"].as_str().unwrap();
        found.insert(format!("flags in {key}"), api.environment(key).all("/v1/flags").into());
    }
    for list in ["/v1/segments", "/v1/environments", "/v1/audit"] {
        found.insert(list.to_owned(), api.without("X-Environment").all(list).into());
    }
    let mut webhooks = api.without("X-Environment").all("/v1/webhooks");
    for webhook in &mut webhooks {
        // How far it has come changes by itself.
        webhook.as_object_mut().unwrap().remove("delivery");
    }
    found.insert("/v1/webhooks".to_owned(), webhooks.into());
    found.into()
}

/// Text as it stands in a path or a query.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Whether it reads as an instant in UTC: `2026-11-21T05:07:23.344Z`.
pub(crate) fn is_instant(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.ends_with('Z') && text.parse::<ff_core::Timestamp>().is_ok())
}

/// Whether it reads as a UUID.
pub(crate) fn is_uuid(value: &Value) -> bool {
    let lengths = |text: &str| text.split('-').map(str::len).collect::<Vec<_>>();
    let is_hex = |text: &str| text.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    value.as_str().is_some_and(|text| is_hex(text) && lengths(text) == [8, 4, 4, 4, 12])
}

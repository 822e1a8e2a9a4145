//! A webhook as it is sent.

use ff_core::Fault;
use ff_core::limits::DESCRIPTION_LENGTH_MAX;
use ff_store::{WebhookDraft, WebhookRecord};
use serde_json::{Map, Value};

use super::networks::AllowedNetworks;
use super::target::TargetUrl;
use crate::event::EventPattern;

/// Fields that answers show and requests may repeat; they are never taken from a request.
const READ_ONLY: [&str; 8] = ["id", "version", "created_at", "updated_at", "revision", "disabled_reason", "old_secret_until", "delivery"];

/// How many patterns a webhook may have.
const EVENTS_MAX: usize = 20;

/// How long the secret before may sign beside a new one, in seconds: a week.
const OLD_SECRET_S_MAX: u64 = 7 * 86_400;

/// And how long it does, where nobody says: a day.
const OLD_SECRET_S_DEFAULT: u64 = 86_400;

/// The fields of a webhook that a request gives, each already what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookChange {
    url: Option<String>,
    events: Option<Vec<String>>,
    description: Option<String>,
    enabled: Option<bool>,
}

impl WebhookChange {
    /// The webhook after the change: fields left out keep their value.
    pub fn applied_to(self, record: &WebhookRecord) -> WebhookDraft {
        WebhookDraft {
            url: self.url.unwrap_or_else(|| record.url.clone()),
            events: self.events.unwrap_or_else(|| record.events.clone()),
            description: self.description.unwrap_or_else(|| record.description.clone()),
            enabled: self.enabled.unwrap_or(record.enabled),
        }
    }
}

/// Reads `{"url", "events", "description"?, "enabled"?}`.
///
/// # Errors
/// Every fault at once.
pub fn draft(body: &Value, networks: &AllowedNetworks) -> Result<WebhookDraft, Vec<Fault>> {
    let mut faults = Vec::new();
    let change = read(body, networks, &mut faults);
    for name in ["url", "events"] {
        if body.as_object().is_some_and(|fields| !fields.contains_key(name)) {
            faults.push(Fault::new(format!("/{name}"), "is required"));
        }
    }
    match change {
        Some(WebhookChange { url: Some(url), events: Some(events), description, enabled }) if faults.is_empty() => {
            Ok(WebhookDraft { url, events, description: description.unwrap_or_default(), enabled: enabled.unwrap_or(true) })
        }
        _ => Err(faults),
    }
}

/// Reads the fields to change. `null` gives a field its default back, if it has one.
///
/// # Errors
/// Every fault at once.
pub fn change(body: &Value, networks: &AllowedNetworks) -> Result<WebhookChange, Vec<Fault>> {
    let mut faults = Vec::new();
    match read(body, networks, &mut faults) {
        Some(change) if faults.is_empty() => Ok(change),
        _ => Err(faults),
    }
}

fn read(body: &Value, networks: &AllowedNetworks, faults: &mut Vec<Fault>) -> Option<WebhookChange> {
    let Value::Object(fields) = body else {
        faults.push(Fault::new("", "expected an object with `url`, `events`, `description` and `enabled`"));
        return None;
    };
    unknown(fields, &["url", "events", "description", "enabled"], &READ_ONLY, faults);
    let mut fault = |name: &str, message: String| faults.push(Fault::new(format!("/{name}"), message));
    let url = match fields.get("url") {
        None => None,
        Some(Value::String(text)) => {
            TargetUrl::read(text, networks).map_err(|message| fault("url", message)).ok().map(TargetUrl::into_string)
        }
        Some(_) => {
            fault("url", "expected a string".to_owned());
            None
        }
    };
    let description = match fields.get("description") {
        None => None,
        Some(Value::Null) => Some(String::new()),
        Some(Value::String(text)) if text.chars().count() <= DESCRIPTION_LENGTH_MAX && !text.contains('\0') => Some(text.clone()),
        Some(_) => {
            fault("description", format!("expected a string of at most {DESCRIPTION_LENGTH_MAX} characters without U+0000"));
            None
        }
    };
    let enabled = match fields.get("enabled") {
        None => None,
        Some(Value::Null) => Some(true),
        Some(Value::Bool(enabled)) => Some(*enabled),
        Some(_) => {
            fault("enabled", "expected `true` or `false`".to_owned());
            None
        }
    };
    let events = fields.get("events").and_then(|list| events(list, faults));
    Some(WebhookChange { url, events, description, enabled })
}

fn events(list: &Value, faults: &mut Vec<Fault>) -> Option<Vec<String>> {
    let Some(items) = list.as_array().filter(|items| (1..=EVENTS_MAX).contains(&items.len())) else {
        faults.push(Fault::new("/events", format!("expected a list of 1 to {EVENTS_MAX} patterns such as `flag.*`")));
        return None;
    };
    let mut events: Vec<String> = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let pattern = item
            .as_str()
            .ok_or_else(|| "expected a string".to_owned())
            .and_then(|text| text.parse::<EventPattern>().map(|pattern| pattern.to_string()).map_err(|error| error.to_string()));
        match pattern {
            Ok(pattern) if events.contains(&pattern) => {
                faults.push(Fault::new(format!("/events/{i}"), format!("`{pattern}` stands twice")))
            }
            Ok(pattern) => events.push(pattern),
            Err(message) => faults.push(Fault::new(format!("/events/{i}"), message)),
        }
    }
    Some(events)
}

/// Reads `{"old_secret_s"?}`: for how many seconds the present secret goes on signing beside the new one.
///
/// # Errors
/// Every fault at once.
pub fn rotation(body: Option<&Value>) -> Result<u64, Vec<Fault>> {
    let Some(body) = body else { return Ok(OLD_SECRET_S_DEFAULT) };
    let Value::Object(fields) = body else {
        return Err(vec![Fault::new("", "expected an object with `old_secret_s`")]);
    };
    let mut faults = Vec::new();
    unknown(fields, &["old_secret_s"], &[], &mut faults);
    let seconds = match fields.get("old_secret_s") {
        None | Some(Value::Null) => Some(OLD_SECRET_S_DEFAULT),
        Some(value) => value.as_u64().filter(|seconds| *seconds <= OLD_SECRET_S_MAX),
    };
    match seconds {
        Some(seconds) if faults.is_empty() => Ok(seconds),
        Some(_) => Err(faults),
        None => {
            faults.push(Fault::new("/old_secret_s", format!("expected a whole number from 0 to {OLD_SECRET_S_MAX}")));
            Err(faults)
        }
    }
}

/// Reads the body of a request that needs none: nothing, or an object without fields.
///
/// # Errors
/// Every fault at once.
pub fn nothing(body: Option<&Value>) -> Result<(), Vec<Fault>> {
    let mut faults = Vec::new();
    match body {
        None => {}
        Some(Value::Object(fields)) => unknown(fields, &[], &[], &mut faults),
        Some(_) => faults.push(Fault::new("", "expected an empty object, or no body")),
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn unknown(fields: &Map<String, Value>, known: &[&str], ignored: &[&str], faults: &mut Vec<Fault>) {
    for name in fields.keys().filter(|name| !known.contains(&name.as_str()) && !ignored.contains(&name.as_str())) {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let message = if name == "secret" {
            "a secret is made by the service, and shown once".to_owned()
        } else if known.is_empty() {
            "unknown field; there are none here".to_owned()
        } else {
            let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            format!("unknown field; known here: {known}")
        };
        faults.push(Fault::new(pointer, message));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers<T: std::fmt::Debug>(result: Result<T, Vec<Fault>>) -> Vec<String> {
        result.unwrap_err().into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn a_draft_needs_a_url_and_events_and_ignores_what_answers_add() {
        let none = AllowedNetworks::default();
        let body = json!({"url": "https://example.com/x", "events": ["flag.*", "segment.deleted"], "id": "x", "delivery": {}});
        let expected = WebhookDraft {
            url: "https://example.com/x".to_owned(),
            events: vec!["flag.*".to_owned(), "segment.deleted".to_owned()],
            description: String::new(),
            enabled: true,
        };
        assert_eq!(draft(&body, &none), Ok(expected));
        assert_eq!(pointers(draft(&json!({}), &none)), ["/url", "/events"]);
        assert_eq!(pointers(draft(&json!([]), &none)), [""]);
    }

    #[test]
    fn every_fault_is_found_with_its_place() {
        let none = AllowedNetworks::default();
        let body = json!({
            "url": "http://example.com", "events": ["flag.*", "flags.*", 7, "flag.*", "webhook.*"], "description": 7, "enabled": "yes",
            "secret": "whsec_x", "urls": []
        });
        let expected = ["/secret", "/urls", "/url", "/description", "/enabled", "/events/1", "/events/2", "/events/3", "/events/4"];
        assert_eq!(pointers(draft(&body, &none)), expected);
        assert_eq!(pointers(change(&body, &none)), expected);
        for events in [json!([]), json!(null), json!("flag.*"), json!(vec!["*"; 21])] {
            assert_eq!(pointers(change(&json!({"events": events}), &none)), ["/events"]);
        }
        assert_eq!(pointers(change(&json!({"url": null}), &none)), ["/url"]);
    }

    #[test]
    fn what_is_left_out_of_a_change_stays() {
        let record = WebhookRecord {
            id: ff_store::WebhookId::new(),
            url: "https://example.com/".to_owned(),
            events: vec!["*".to_owned()],
            description: "x".to_owned(),
            enabled: false,
            disabled_reason: None,
            old_secret_until: None,
            version: ff_store::Version::new(1),
            created_at: ff_core::Timestamp::EPOCH,
            updated_at: ff_core::Timestamp::EPOCH,
        };
        let changed = |body: Value| change(&body, &AllowedNetworks::default()).unwrap().applied_to(&record);
        let same = changed(json!({}));
        assert_eq!((same.url.as_str(), same.description.as_str(), same.enabled), ("https://example.com/", "x", false));
        let reset = changed(json!({"description": null, "enabled": null}));
        assert_eq!((reset.description.as_str(), reset.enabled, reset.events), ("", true, vec!["*".to_owned()]));
    }

    #[test]
    fn the_old_secret_stays_for_a_day_unless_told_otherwise() {
        assert_eq!(rotation(None), Ok(86_400));
        assert_eq!(rotation(Some(&json!({}))), Ok(86_400));
        assert_eq!(rotation(Some(&json!({"old_secret_s": 0}))), Ok(0));
        for bad in [json!(-1), json!(604_801), json!("1"), json!(1.5)] {
            assert_eq!(pointers(rotation(Some(&json!({"old_secret_s": bad})))), ["/old_secret_s"]);
        }
        assert_eq!(pointers(rotation(Some(&json!({"x": 1})))), ["/x"]);
        assert_eq!(pointers(nothing(Some(&json!({"x": 1})))), ["/x"]);
        assert_eq!(nothing(Some(&json!({}))), Ok(()));
    }
}

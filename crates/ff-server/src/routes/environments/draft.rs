//! An environment as it is sent.

use ff_core::limits::{DESCRIPTION_LENGTH_MAX, NAME_LENGTH_MAX};
use ff_core::{EnvironmentKey, Fault};
use ff_store::EnvironmentDraft;
use serde_json::Value;

/// Fields that answers show and requests may repeat; they are never taken from a request.
const READ_ONLY: [&str; 5] = ["id", "version", "created_at", "updated_at", "revision"];

/// Reads `{"key", "name"?, "description"?}`. The name is the key, where none is given.
///
/// # Errors
/// Every fault at once.
pub(super) fn read(body: &Value) -> Result<EnvironmentDraft, Vec<Fault>> {
    let Value::Object(fields) = body else {
        return Err(vec![Fault::new("", "expected an object with `key`, `name` and `description`")]);
    };
    let mut faults = Vec::new();
    for name in fields.keys().filter(|name| !["key", "name", "description"].contains(&name.as_str()) && !READ_ONLY.contains(&name.as_str()))
    {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        faults.push(Fault::new(pointer, "unknown field; known here: `key`, `name`, `description`"));
    }
    let mut text = |name: &str, max: usize| match fields.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.chars().count() <= max && !text.contains('\0') => Some(text.clone()),
        Some(_) => {
            let message = format!("expected a string of at most {max} characters without U+0000");
            faults.push(Fault::new(format!("/{name}"), message));
            None
        }
    };
    let (name, description) = (text("name", NAME_LENGTH_MAX), text("description", DESCRIPTION_LENGTH_MAX));
    let key = match fields.get("key") {
        None => Err("is required".to_owned()),
        Some(Value::String(text)) => text.parse::<EnvironmentKey>().map_err(|error| error.to_string()),
        Some(_) => Err("expected a string".to_owned()),
    };
    match key {
        Ok(key) if faults.is_empty() => {
            let name = name.unwrap_or_else(|| key.to_string());
            Ok(EnvironmentDraft { key, name, description: description.unwrap_or_default() })
        }
        Ok(_) => Err(faults),
        Err(message) => {
            faults.push(Fault::new("/key", message));
            Err(faults)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_draft_needs_only_a_key_and_ignores_what_answers_add() {
        let draft = read(&json!({"key": "staging", "created_at": "2026-11-21T08:00:00Z"})).unwrap();
        assert_eq!((draft.key.as_str(), draft.name.as_str(), draft.description.as_str()), ("staging", "staging", ""));
    }

    #[test]
    fn every_fault_is_found_with_its_place() {
        let faults = read(&json!({"key": "a b", "name": 7, "description": "x".repeat(5_000), "nmae": 1})).unwrap_err();
        let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/nmae", "/name", "/description", "/key"]);
        assert_eq!(read(&json!({})).unwrap_err()[0].pointer, "/key");
        assert_eq!(read(&json!([])).unwrap_err()[0].pointer, "");
    }
}

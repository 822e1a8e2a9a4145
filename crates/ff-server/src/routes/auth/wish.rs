//! What a token is asked for.

use std::collections::BTreeSet;

use ff_core::{Fault, TenantId};
use serde_json::Value;

use crate::auth::{Tenants, TokenScope};

/// The longest `sub`, in characters.
const SUBJECT_LENGTH_MAX: usize = 128;
/// The most tenants in one token: it travels with every request.
const TENANTS_MAX: usize = 100;
const FIELDS: [&str; 3] = ["sub", "scopes", "tenants"];

/// A request for a token, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) subject: String,
    pub(super) scopes: Vec<TokenScope>,
    pub(super) tenants: Tenants,
}

impl Wish {
    /// Reads a body, or the lack of one; `has_defaults` says whether fields may be left out.
    ///
    /// # Errors
    /// Every fault at once.
    pub(super) fn read(body: Option<&Value>, has_defaults: bool) -> Result<Self, Vec<Fault>> {
        let empty = serde_json::Map::new();
        let fields = match body {
            None => &empty,
            Some(Value::Object(fields)) => fields,
            Some(_) => return Err(vec![fault("", "expected an object with `sub`, `scopes` and `tenants`")]),
        };
        let mut faults: Vec<_> = fields
            .keys()
            .filter(|name| !FIELDS.contains(&name.as_str()))
            .map(|name| {
                fault(&format!("/{}", name.replace('~', "~0").replace('/', "~1")), "unknown field; known here: `sub`, `scopes`, `tenants`")
            })
            .collect();
        let subject = field(fields.get("sub"), "/sub", has_defaults.then(|| "dev".to_owned()), read_subject, &mut faults);
        let scopes = field(fields.get("scopes"), "/scopes", has_defaults.then(|| vec![TokenScope::Admin]), read_scopes, &mut faults);
        let tenants = field(fields.get("tenants"), "/tenants", has_defaults.then_some(Tenants::All), read_tenants, &mut faults);
        match (subject, scopes, tenants) {
            (Some(subject), Some(scopes), Some(tenants)) if faults.is_empty() => Ok(Self { subject, scopes, tenants }),
            _ => Err(faults),
        }
    }
}

fn fault(pointer: &str, message: impl Into<String>) -> Fault {
    Fault::new(pointer, message)
}

fn field<T>(
    value: Option<&Value>,
    pointer: &str,
    default: Option<T>,
    read: impl FnOnce(&Value) -> Result<T, Vec<Fault>>,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    let read = match (value, default) {
        (None, Some(default)) => Ok(default),
        (None, None) => Err(vec![fault("", "is required")]),
        (Some(value), _) => read(value),
    };
    read.map_err(|found| faults.extend(found.into_iter().map(|f| fault(&format!("{pointer}{}", f.pointer), f.message)))).ok()
}

fn read_subject(value: &Value) -> Result<String, Vec<Fault>> {
    let Some(text) = value.as_str() else {
        return Err(vec![fault("", "expected a string")]);
    };
    let length = text.chars().count();
    if !(1..=SUBJECT_LENGTH_MAX).contains(&length) {
        return Err(vec![fault("", format!("must have 1 to {SUBJECT_LENGTH_MAX} characters, got {length}"))]);
    }
    if text.chars().any(char::is_control) {
        return Err(vec![fault("", "must not contain control characters")]);
    }
    Ok(text.to_owned())
}

/// The strings of a list with 1 to `max` items, each read by `read`.
fn read_list<T>(value: &Value, max: usize, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, Vec<Fault>> {
    let Some(items) = value.as_array() else {
        return Err(vec![fault("", "expected a list of strings")]);
    };
    if !(1..=max).contains(&items.len()) {
        return Err(vec![fault("", format!("must have 1 to {max} items, got {}", items.len()))]);
    }
    let mut faults = Vec::new();
    let mut values = Vec::new();
    for (i, item) in items.iter().enumerate() {
        match item.as_str().ok_or_else(|| "expected a string".to_owned()).and_then(&read) {
            Ok(value) => values.push(value),
            Err(message) => faults.push(fault(&format!("/{i}"), message)),
        }
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

fn read_scopes(value: &Value) -> Result<Vec<TokenScope>, Vec<Fault>> {
    let scopes: BTreeSet<_> = read_list(value, TokenScope::ALL.len(), str::parse::<TokenScope>)?.into_iter().collect();
    Ok(scopes.into_iter().collect())
}

fn read_tenants(value: &Value) -> Result<Tenants, Vec<Fault>> {
    let read = |text: &str| {
        if text == Tenants::WILDCARD { Ok(None) } else { text.parse::<TenantId>().map(Some).map_err(|error| error.to_string()) }
    };
    let tenants: Option<BTreeSet<_>> = read_list(value, TENANTS_MAX, read)?.into_iter().collect();
    // A wildcard among ids is still a wildcard.
    Ok(tenants.map_or(Tenants::All, Tenants::Only))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(body: Value, has_defaults: bool) -> Vec<(String, String)> {
        Wish::read(Some(&body), has_defaults).unwrap_err().into_iter().map(|f| (f.pointer, f.message)).collect()
    }

    #[test]
    fn defaults_fill_what_is_left_out_only_where_there_are_some() {
        let wish = Wish::read(None, true).unwrap();
        assert_eq!((wish.subject.as_str(), wish.scopes.as_slice(), &wish.tenants), ("dev", [TokenScope::Admin].as_slice(), &Tenants::All));
        assert_eq!(Wish::read(Some(&json!({"sub": "me"})), true).unwrap().subject, "me");
        let missing: Vec<_> = Wish::read(None, false).unwrap_err().into_iter().map(|f| f.pointer).collect();
        assert_eq!(missing, ["/sub", "/scopes", "/tenants"]);
    }

    #[test]
    fn a_full_wish_is_read() {
        let wish =
            Wish::read(Some(&json!({"sub": "ci", "scopes": ["flags:rw", "evaluate", "flags:rw"], "tenants": ["b", "a"]})), false).unwrap();
        assert_eq!(wish.scopes, [TokenScope::FlagsWrite, TokenScope::Evaluate]);
        assert_eq!(serde_json::to_value(&wish.tenants).unwrap(), json!(["a", "b"]));
    }

    #[test]
    fn every_fault_is_found_with_its_place() {
        let found = faults(json!({"sub": "", "scopes": ["flags:r", "root", 7], "tenants": ["a b"], "scope": "admin", "a/b": 1}), false);
        let pointers: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/a~1b", "/scope", "/sub", "/scopes/1", "/scopes/2", "/tenants/0"]);
        for bad in [json!([]), json!("dev"), json!(null)] {
            assert_eq!(faults(bad, true)[0].0, "");
        }
        for bad in [
            json!({"tenants": "*"}),
            json!({"tenants": []}),
            json!({"sub": "a\u{0}b"}),
            json!({"sub": "x".repeat(129)}),
            json!({"scopes": []}),
        ] {
            assert_eq!(faults(bad, true).len(), 1);
        }
        assert_eq!(faults(json!({"tenants": vec!["a"; 101]}), true)[0].1, "must have 1 to 100 items, got 101");
    }
}

//! The doors through which documents enter: text or `serde_json::Value` in, model or every fault out.

use serde::Deserialize;

use crate::fault::{Faults, Findings, Place};
use crate::json::Json;

pub(crate) fn from_value<T>(
    value: &serde_json::Value,
    read: impl FnOnce(&Json<'_>, &Place<'_>, &mut Findings) -> Option<T>,
) -> Result<T, Faults> {
    let json = Json::deserialize(value).map_err(|error| Faults::one("", error.to_string()))?;
    from_document(&json, read)
}

pub(crate) fn from_text<T>(text: &str, read: impl FnOnce(&Json<'_>, &Place<'_>, &mut Findings) -> Option<T>) -> Result<T, Faults> {
    let json = serde_json::from_str(text).map_err(|error| Faults::one("", format!("not JSON: {error}")))?;
    from_document(&json, read)
}

fn from_document<T>(json: &Json<'_>, read: impl FnOnce(&Json<'_>, &Place<'_>, &mut Findings) -> Option<T>) -> Result<T, Faults> {
    let mut found = Findings::default();
    let value = read(json, &Place::Root, &mut found);
    found.result(value)
}

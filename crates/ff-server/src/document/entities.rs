//! Flags or segments in their essential form, as JSON, by key.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use ff_core::{Flag, Segment};

/// Flags or segments as JSON, in the order of their keys. What did not change is borrowed from where it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entities<'a>(BTreeMap<Cow<'a, str>, Cow<'a, str>>);

/// The key of an entity that the engine has written: keys stand first, and need no escape.
pub(crate) fn key_of(json: &str) -> Option<&str> {
    json.strip_prefix(r#"{"key":""#)?.split_once('"').map(|(key, _)| key)
}

/// What evaluation needs of a flag.
pub(crate) fn flag_json(flag: &Flag) -> String {
    // Texts, numbers and lists always become JSON.
    serde_json::to_string(&flag.essential()).unwrap_or_default()
}

/// What evaluation needs of a segment.
pub(crate) fn segment_json(segment: &Segment) -> String {
    serde_json::to_string(&segment.essential()).unwrap_or_default()
}

impl<'a> Entities<'a> {
    /// Entities that were written before; those without a key are none of ours.
    pub(crate) fn borrowed(pieces: impl Iterator<Item = &'a str>) -> Self {
        Self(pieces.filter_map(|json| Some((Cow::Borrowed(key_of(json)?), Cow::Borrowed(json)))).collect())
    }

    /// Puts an entity in place of the one of its key, or adds it.
    pub(crate) fn put(&mut self, key: impl Into<Cow<'a, str>>, json: impl Into<Cow<'a, str>>) {
        self.0.insert(key.into(), json.into());
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Each entity, in the order of keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, json)| (&**key, &**json))
    }

    /// Appends them to `out` as a JSON list, and says where each of them is.
    pub(crate) fn write(&self, out: &mut String) -> Vec<Range<usize>> {
        out.push('[');
        let mut places = Vec::with_capacity(self.0.len());
        for (_, json) in self.iter() {
            if !places.is_empty() {
                out.push(',');
            }
            let start = out.len();
            out.push_str(json);
            places.push(start..out.len());
        }
        out.push(']');
        places
    }

    /// The bytes that [`write`](Self::write) appends, commas and brackets aside.
    pub(crate) fn bytes(&self) -> usize {
        self.0.values().map(|json| json.len() + 1).sum()
    }
}

//! The doors through which documents enter: text or `serde_json::Value` in, model or every fault out.

use std::cell::Cell;

use bumpalo::Bump;
use serde::{Deserialize, Deserializer, de};

use crate::document::{RulesetChanges, RulesetDocument};
use crate::fault::{Faults, Findings, Place};
use crate::flag_set::FlagSet;
use crate::json::Json;
use crate::model::{Condition, Flag, Segment};
use crate::user::User;

/// Bytes of an arena that are kept for the next document.
const KEPT_MAX: usize = 64 * 1024;

thread_local! {
    /// Empty while a document is being read. Most documents fit into what the one before them left, so that reading many
    /// asks the allocator once.
    static ARENA: Cell<Option<Bump>> = const { Cell::new(None) };
}

fn with_arena<T>(read: impl FnOnce(&Bump) -> T) -> T {
    let mut arena = ARENA.take().unwrap_or_default();
    let result = read(&arena);
    arena.reset();
    if arena.allocated_bytes() <= KEPT_MAX {
        ARENA.set(Some(arena));
    }
    result
}

pub(crate) fn from_value<T>(
    value: &serde_json::Value,
    read: impl FnOnce(&Json<'_>, &Place<'_>, &mut Findings) -> Option<T>,
) -> Result<T, Faults> {
    with_arena(|arena| {
        let json = Json::read(value, arena).map_err(|error| Faults::one("", error.to_string()))?;
        from_document(&json, read)
    })
}

pub(crate) fn from_text<T>(text: &str, read: impl FnOnce(&Json<'_>, &Place<'_>, &mut Findings) -> Option<T>) -> Result<T, Faults> {
    with_arena(|arena| {
        let json = Json::from_text(text, arena).map_err(|error| Faults::one("", not_json(text, &error)))?;
        from_document(&json, read)
    })
}

fn not_json(text: &str, error: &serde_json::Error) -> String {
    // What nobody sees in the text must be named.
    let seen = if text.starts_with('\u{feff}') { "it begins with a byte order mark; " } else { "" };
    format!("not JSON: {seen}{error}")
}

fn from_document<T>(json: &Json<'_>, read: impl FnOnce(&Json<'_>, &Place<'_>, &mut Findings) -> Option<T>) -> Result<T, Faults> {
    let mut found = Findings::default();
    let value = read(json, &Place::Root, &mut found);
    found.result(value)
}

/// serde's door is the same: a document that is refused says why, fault by fault, each with its pointer.
macro_rules! documents {
    ($($name:ty, $read:expr;)*) => { $(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                with_arena(|arena| from_document(&Json::read(deserializer, arena)?, $read).map_err(de::Error::custom))
            }
        }
    )* };
}

documents! {
    Condition, Condition::read_alone;
    Flag, Flag::read;
    FlagSet, FlagSet::read;
    RulesetChanges, RulesetChanges::read;
    RulesetDocument, RulesetDocument::read;
    Segment, Segment::read;
    User, User::read;
}

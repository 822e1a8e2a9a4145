//! Rulesets as documents that travel: from a server to whoever evaluates in its own process, and onto its disk.
//!
//! The form is versioned: a document says which `format` it is in, and one in another format is refused. What is in it is what
//! evaluation needs, and nothing that only people read.

mod changes;
mod essential;
mod whole;

pub use self::changes::RulesetChanges;
pub use self::essential::{EssentialFlag, EssentialSegment};
pub use self::whole::RulesetDocument;
use crate::fault::{Findings, Place};
use crate::json::Json;
use crate::model::list;

/// The format of [`RulesetDocument`] and [`RulesetChanges`] that this version reads and writes. Another number means that something
/// was added or changed that this version would get wrong.
pub const RULESET_FORMAT: u64 = 1;

/// The largest revision: what JSON's readers in other languages can count exactly.
const REVISION_MAX: u64 = 1 << 53;

/// Whether the document is in the format that this version knows. Looked at first: what is wrong with a document in another format
/// is its format, and not that it has other fields.
fn is_known_format(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> bool {
    let Some(fields) = json.fields(at, found) else { return false };
    let here = &at.field("format");
    match fields.iter().find(|(name, _)| *name == "format") {
        None => found.add(here, format!("is required; this version reads format {RULESET_FORMAT}")),
        Some((_, json)) => match whole_number(json, here, found) {
            Some(RULESET_FORMAT) => return true,
            Some(other) => found.add(here, format!("is {other}, and this version reads format {RULESET_FORMAT} only")),
            None => {}
        },
    }
    false
}

fn whole_number(json: &Json<'_>, at: &Place<'_>, found: &mut Findings) -> Option<u64> {
    let number = json.number(at, found)?;
    if number.fract() == 0.0 && (0.0..=REVISION_MAX as f64).contains(&number) {
        return Some(number as u64);
    }
    found.add(at, format!("must be a whole number from 0 to {REVISION_MAX}, got {number}"));
    None
}

/// A list without a bound on its length: each item has its own bounds, and whoever hands over the document paid for its size.
pub(crate) fn entities<T>(
    json: &Json<'_>,
    at: &Place<'_>,
    found: &mut Findings,
    read: impl Fn(&Json<'_>, &Place<'_>, &mut Findings) -> Option<T>,
) -> Option<Vec<T>> {
    list(json.array(at, found)?, usize::MAX, at, found, read)
}

/// Says that the fields are missing that must be there.
fn require<const N: usize>(fields: [(&str, bool); N], at: &Place<'_>, found: &mut Findings) {
    for (name, _) in fields.into_iter().filter(|(_, is_there)| !is_there) {
        found.add(&at.field(name), "is required");
    }
}

#[cfg(test)]
mod tests;

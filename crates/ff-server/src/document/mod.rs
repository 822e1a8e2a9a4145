//! Rulesets as documents, for those who evaluate by themselves: built once for each revision that is asked for, and shared by all
//! who ask. `adr/0011` says why it is so.

pub(crate) mod contents;
pub(crate) mod difference;
mod encoded;
pub(crate) mod entities;
mod held;
pub(crate) mod recent;

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use ff_core::RULESET_FORMAT;
use ff_store::{Position, Revision, Scope};
use tokio::sync::OnceCell;

pub use self::encoded::{Encoded, Representation};
use self::entities::{Entities, key_of};
pub use self::held::Documents;
pub(crate) use self::held::Held;
use self::recent::Recent;

/// Lists of changes that are kept beside a document, each for another revision to begin with. Those who follow it ask from the revision
/// before, nearly all of them.
const CHANGES_KEPT: usize = 8;

/// The ruleset of one scope at one revision, ready to be sent, and what changed lately.
#[derive(Debug)]
pub struct Document {
    scope: Scope,
    position: Position,
    whole: Encoded,
    /// Where each flag is in the text, in the order of keys.
    flags: Vec<Range<usize>>,
    segments: Vec<Range<usize>>,
    recent: Recent,
    changes: Mutex<VecDeque<(Revision, Arc<OnceCell<Encoded>>)>>,
}

impl Document {
    /// Writes and compresses it.
    pub(crate) fn new(scope: Scope, position: Position, flags: &Entities<'_>, segments: &Entities<'_>, recent: Recent) -> io::Result<Self> {
        let mut text = String::with_capacity(flags.bytes() + segments.bytes() + 512);
        text.push_str(&head(&scope));
        text.push_str(&format!(r#""revision":{},"flags":"#, position.revision));
        let flags = flags.write(&mut text);
        text.push_str(r#","segments":"#);
        let segments = segments.write(&mut text);
        text.push('}');
        Ok(Self { scope, position, whole: Encoded::new(text)?, flags, segments, recent, changes: Mutex::default() })
    }

    /// The tenant's revision that it shows.
    pub fn revision(&self) -> Revision {
        self.position.revision
    }

    /// That revision, and which change made it.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// The ruleset.
    pub fn whole(&self) -> &Encoded {
        &self.whole
    }

    pub(crate) fn recent(&self) -> &Recent {
        &self.recent
    }

    /// Looks at every byte, so it is asked for once for all pieces.
    fn text(&self) -> &str {
        // It was made of text.
        std::str::from_utf8(&self.whole.identity.bytes).unwrap_or_default()
    }

    /// The flags, borrowed.
    pub(crate) fn flags(&self) -> Entities<'_> {
        let text = self.text();
        Entities::borrowed(self.flags.iter().filter_map(|place| text.get(place.clone())))
    }

    /// The segments, borrowed.
    pub(crate) fn segments(&self) -> Entities<'_> {
        let text = self.text();
        Entities::borrowed(self.segments.iter().filter_map(|place| text.get(place.clone())))
    }

    /// The place where the changes since a revision are kept, once somebody has made them.
    pub(crate) fn changes_kept(&self, since: Revision) -> Arc<OnceCell<Encoded>> {
        let mut kept = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, changes)) = kept.iter().find(|(revision, _)| *revision == since) {
            return Arc::clone(changes);
        }
        let changes = Arc::default();
        kept.push_back((since, Arc::clone(&changes)));
        if kept.len() > CHANGES_KEPT {
            kept.pop_front();
        }
        changes
    }

    /// What changed after the revision `since`, which is not later than this document's; the word that all is to be fetched, where that
    /// is not known, or `is_doubtful`.
    pub(crate) fn changes_since(&self, since: Revision, is_doubtful: bool) -> io::Result<Encoded> {
        let text = self.text();
        let lists = self.recent.after(since).filter(|_| !is_doubtful).map(|keys| {
            let mut lists = Lists::default();
            keys.flags.into_iter().for_each(|key| lists.flags.add(key, find(text, &self.flags, key)));
            keys.segments.into_iter().for_each(|key| lists.segments.add(key, find(text, &self.segments, key)));
            lists
        });
        // Where the whole is smaller, since nearly all is gone, it is the better answer.
        let lists = lists.filter(|lists| lists.bytes() <= self.whole.identity.bytes.len());
        let is_reset = lists.is_none();
        let lists = lists.unwrap_or_default();
        let mut text = head(&self.scope);
        text.push_str(&format!(r#""since":{since},"revision":{},"reset":{is_reset},"flags":"#, self.revision()));
        lists.flags.put.write(&mut text);
        text.push_str(r#","segments":"#);
        lists.segments.put.write(&mut text);
        text.push_str(r#","removed_flags":"#);
        lists.flags.gone.write(&mut text);
        text.push_str(r#","removed_segments":"#);
        lists.segments.gone.write(&mut text);
        text.push('}');
        Encoded::new(text)
    }
}

/// The entity of this key, among pieces of `text` in the order of keys.
fn find<'t>(text: &'t str, places: &[Range<usize>], key: &str) -> Option<&'t str> {
    let at = |place: &Range<usize>| text.get(place.clone()).unwrap_or_default();
    let found = places.binary_search_by(|place| key_of(at(place)).cmp(&Some(key))).ok()?;
    places.get(found).map(at)
}

/// Entities that changed.
#[derive(Default)]
struct Lists<'a> {
    flags: Changed<'a>,
    segments: Changed<'a>,
}

#[derive(Default)]
struct Changed<'a> {
    put: Entities<'a>,
    /// Keys, as JSON.
    gone: Entities<'a>,
}

impl<'a> Changed<'a> {
    fn add(&mut self, key: &'a str, json: Option<&'a str>) {
        match json {
            Some(json) => self.put.put(key, json),
            // A key needs no escape.
            None => self.gone.put(key, format!("\"{key}\"")),
        }
    }
}

impl Lists<'_> {
    fn bytes(&self) -> usize {
        [&self.flags, &self.segments].into_iter().map(|changed| changed.put.bytes() + changed.gone.bytes()).sum()
    }
}

/// What every document begins with; keys need no escape.
fn head(scope: &Scope) -> String {
    format!(r#"{{"format":{RULESET_FORMAT},"tenant":"{}","environment":"{}","#, scope.tenant, scope.environment)
}

#[cfg(test)]
mod tests;

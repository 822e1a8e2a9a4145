use ff_core::{RulesetChanges, RulesetDocument};
use serde_json::json;

use super::recent::Mark;
use super::*;

fn scope() -> Scope {
    Scope::new("acme".parse().unwrap(), "staging".parse().unwrap())
}

/// Flags `a` to `e` at revision 9, of which `b` and a flag that is gone were touched at 8, and a segment at 9.
fn document() -> Document {
    let (mut flags, mut segments) = (Entities::default(), Entities::default());
    for key in ["a", "b", "c", "d", "e"] {
        let flag = ff_core::Flag::from_value(&json!({"key": key, "type": "boolean"})).unwrap();
        flags.put(key, entities::flag_json(&flag));
    }
    let segment = ff_core::Segment::from_value(&json!({"key": "s", "included": ["u"]})).unwrap();
    segments.put("s", entities::segment_json(&segment));
    let revision = Revision::new;
    let marks = [Mark::flag(revision(8), "b"), Mark::flag(revision(8), "gone"), Mark::segment(revision(9), "s")];
    let recent = Recent::from(revision(5)).followed_by(&marks, revision(9));
    let position = Position { revision: revision(9), change: None };
    Document::new(scope(), position, &flags, &segments, recent).unwrap()
}

fn changes(document: &Document, since: i64) -> RulesetChanges {
    let encoded = document.changes_since(Revision::new(since), false).unwrap();
    let text = std::str::from_utf8(&encoded.identity.bytes).unwrap().to_owned();
    let changes = RulesetChanges::from_json(&text).unwrap();
    assert_eq!(serde_json::to_string(&changes).unwrap(), text, "the engine writes the same bytes");
    changes
}

#[test]
fn it_is_written_as_the_engine_writes_it() {
    let document = document();
    let read = RulesetDocument::from_json(document.text()).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), document.text());
    assert_eq!((read.revision, read.flags.len(), read.segments.len()), (9, 5, 1));
    let again = Document::new(scope(), document.position(), &document.flags(), &document.segments(), Recent::default()).unwrap();
    assert_eq!(again.text(), document.text(), "and is taken apart into what it was made of");
}

#[test]
fn changes_are_found_in_it() {
    let document = document();
    let all = changes(&document, 7);
    assert_eq!(all.flags.iter().map(|flag| flag.key().as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(all.removed_flags.iter().map(|key| key.as_str()).collect::<Vec<_>>(), ["gone"]);
    assert_eq!((all.segments.len(), all.reset, all.since, all.revision), (1, false, 7, 9));
    let last = changes(&document, 8);
    assert_eq!((last.flags.len(), last.segments.len()), (0, 1));
    assert!(changes(&document, 9).segments.is_empty());
    assert!(changes(&document, 4).reset && !changes(&document, 5).reset);
    let doubtful = document.changes_since(Revision::new(8), true).unwrap();
    let doubtful = RulesetChanges::from_json(std::str::from_utf8(&doubtful.identity.bytes).unwrap()).unwrap();
    assert!(doubtful.reset && doubtful.segments.is_empty());
}

#[test]
fn a_few_lists_of_changes_are_kept_and_shared() {
    let document = document();
    let first = document.changes_kept(Revision::new(1));
    assert!(Arc::ptr_eq(&first, &document.changes_kept(Revision::new(1))));
    for since in 2..=CHANGES_KEPT as i64 + 1 {
        document.changes_kept(Revision::new(since));
    }
    assert!(!Arc::ptr_eq(&first, &document.changes_kept(Revision::new(1))), "the oldest makes room");
}

//! Segments: who is in them, by criteria and by lists.

use std::collections::HashSet;

use super::LintCode;
use super::conditions::{Linter, Walked};
use super::graph::{FALSE, TRUE};
use super::shown::cut;
use crate::fault::Place;
use crate::model::{Condition, Segment};

impl<'a> Linter<'a> {
    /// Notes what is odd about a segment.
    pub(super) fn segment(&mut self, segment: &'a Segment) {
        let root = Place::Root;
        // Nobody by criteria is how a segment of listed users is written.
        let criteria = if segment.criteria == Condition::nobody() {
            Walked { term: FALSE, causes: Vec::new() }
        } else {
            self.condition(&segment.criteria, &root.field("criteria"))
        };
        let excluded: HashSet<&str> = segment.excluded.iter().map(String::as_str).collect();
        let mut both = segment.included.iter().enumerate().filter(|(_, id)| excluded.contains(id.as_str()));
        let first = both.next();
        let count = both.count() + usize::from(first.is_some());
        if criteria.term == FALSE && count == segment.included.len() {
            self.consequence(&criteria, LintCode::SegmentNeverHolds, "nobody is in the segment");
        } else if criteria.term == TRUE && segment.excluded.is_empty() {
            self.consequence(&criteria, LintCode::SegmentAlwaysHolds, "everybody is in the segment");
        }
        if let Some((i, id)) = first {
            let more = if count > 1 { format!(", and {} more are", count - 1) } else { String::new() };
            let message = format!("`{}` is excluded too{more}; who is excluded is not in the segment", cut(id));
            self.notes.add(LintCode::IncludedAndExcluded, &root.field("included").item(i), message);
        }
    }

    /// What follows from the criteria is said where they are at fault, or else of the segment.
    fn consequence(&mut self, criteria: &Walked, code: LintCode, text: &str) {
        if criteria.causes.is_empty() {
            self.notes.add(code, &Place::Root, text);
        } else {
            self.notes.follow(&criteria.causes, text, None);
        }
    }
}

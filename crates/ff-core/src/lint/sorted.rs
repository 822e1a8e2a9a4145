//! Lists in order without doubles: for a single item, by far the most common, nothing but that.

use std::cmp::Ordering;

/// A sorted list without doubles.
#[derive(Debug)]
pub(super) struct Sorted<T>(Vec<T>);

impl<T> Sorted<T> {
    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is an item that compares as equal.
    pub(super) fn contains_by(&self, compare: impl FnMut(&T) -> Ordering) -> bool {
        self.0.binary_search_by(compare).is_ok()
    }
}

impl<T: Ord> FromIterator<T> for Sorted<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut items: Vec<T> = items.into_iter().collect();
        items.sort_unstable();
        items.dedup();
        Self(items)
    }
}

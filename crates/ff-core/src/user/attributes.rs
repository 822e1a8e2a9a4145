//! A user's attributes by name.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::buckets::Buckets;
use super::{AttributeValue, List};
use crate::fold::{Foldable, folded_beforehand};
use crate::same::same;

/// Attributes in the order of their names' hashes, with an index into that order: one is found by two or three loads, and
/// in the worst case, where someone has chosen names whose hashes collide, by halves.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Attributes {
    /// By hash and then by name.
    ordered: Vec<Attribute>,
    buckets: Buckets,
}

/// One attribute, with what is worth knowing of it beforehand.
#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    hash: u64,
    name: Box<str>,
    pub(crate) value: AttributeValue,
    prepared: Prepared,
}

/// What was made of a value beforehand.
#[derive(Debug, Clone)]
enum Prepared {
    /// Of a text, where folding it is work: its folded form.
    Folded(Box<str>),
    /// Of a list: its layout. Of other values nothing.
    List(Option<Box<List>>),
}

/// Buckets for an attribute, so that most hold one or none.
const BUCKETS_EACH: usize = 2;

/// So many are compared one by one from the beginning of a bucket; after them the search is by halves.
const SCAN_MAX: usize = 8;

/// The hash of a name. The seed is fixed, since conditions hash their names when they are compiled.
pub(super) fn hash(name: &str) -> u64 {
    FixedState::with_seed(0).hash_one(name)
}

/// The first so many of all that there are, and the rest.
#[inline]
fn split_at_most<T>(all: &[T], most: usize) -> (&[T], &[T]) {
    all.split_at_checked(most).unwrap_or((all, &[]))
}

/// A function of its own and never inlined: what it needs of the stack would be set up for every lookup.
#[cold]
#[inline(never)]
fn search<'a>(ordered: &'a [Attribute], hash: u64, name: &str) -> Option<&'a Attribute> {
    ordered.get(ordered.binary_search_by(|attribute| attribute.order().cmp(&(hash, name))).ok()?)
}

impl Attributes {
    #[inline]
    pub(super) fn get(&self, hash: u64, name: &str) -> Option<&Attribute> {
        let (near, far) = split_at_most(self.ordered.get(self.buckets.first(hash)?..)?, SCAN_MAX);
        // Hashes are in order, so the first that is not below decides, but for those that collide.
        for attribute in near {
            if attribute.hash >= hash {
                if attribute.hash > hash {
                    return None;
                }
                if same(attribute.name.as_bytes(), name.as_bytes()) {
                    return Some(attribute);
                }
            }
        }
        search(far, hash, name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.ordered.iter().map(|attribute| (&*attribute.name, &attribute.value))
    }

    /// Of two attributes with one name the first is kept.
    pub(super) fn new(attributes: Vec<(String, AttributeValue)>) -> Self {
        let mut ordered: Vec<_> = attributes.into_iter().map(|(name, value)| Attribute::new(name.into(), value)).collect();
        // A stable sort, so that the first of several stays the first.
        ordered.sort_by(|a, b| a.order().cmp(&b.order()));
        ordered.dedup_by(|later, earlier| later.order() == earlier.order());
        let mut attributes = Self { ordered, buckets: Buckets::default() };
        attributes.index();
        attributes
    }

    /// Adds an attribute, or puts it in place of the one of that name, and gives what that one was. Takes time in proportion to the number
    /// of attributes.
    pub(super) fn put(&mut self, name: &str, value: AttributeValue) -> Option<AttributeValue> {
        let hash = hash(name);
        match self.ordered.binary_search_by(|attribute| attribute.order().cmp(&(hash, name))) {
            Ok(at) => {
                let attribute = self.ordered.get_mut(at)?;
                Some(std::mem::replace(attribute, Attribute::new(name.into(), value)).value)
            }
            Err(at) => {
                self.ordered.insert(at, Attribute::new(name.into(), value));
                self.index();
                None
            }
        }
    }

    /// Takes out those whose name is not kept.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        let before = self.ordered.len();
        self.ordered.retain(|attribute| keep(&attribute.name));
        if self.ordered.is_empty() {
            *self = Self::default();
        } else if self.ordered.len() < before {
            self.index();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ordered.len()
    }

    fn index(&mut self) {
        self.buckets = Buckets::new(self.ordered.iter().map(|attribute| attribute.hash), BUCKETS_EACH);
    }
}

/// What was prepared follows from the rest.
impl PartialEq for Attribute {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order() && self.value == other.value
    }
}

impl Attribute {
    fn new(name: Box<str>, value: AttributeValue) -> Self {
        let prepared = match &value {
            AttributeValue::String(text) => folded_beforehand(text).map_or(Prepared::List(None), Prepared::Folded),
            AttributeValue::List(values) => Prepared::List(Some(Box::new(List::new(values)))),
            _ => Prepared::List(None),
        };
        Self { hash: hash(&name), name, value, prepared }
    }

    /// The value, if it is a text.
    #[inline]
    pub(crate) fn text(&self) -> Option<Foldable<'_>> {
        let AttributeValue::String(plain) = &self.value else { return None };
        let folded = if let Prepared::Folded(folded) = &self.prepared { Some(&**folded) } else { None };
        Some(Foldable { plain, folded })
    }

    /// The value's layout and the values themselves, if it is a list.
    #[inline]
    pub(crate) fn list(&self) -> Option<(&List, &[AttributeValue])> {
        match (&self.prepared, &self.value) {
            (Prepared::List(Some(list)), AttributeValue::List(values)) => Some((list, values)),
            _ => None,
        }
    }

    fn order(&self) -> (u64, &str) {
        (self.hash, &self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: impl Iterator<Item = String>) -> Vec<(String, AttributeValue)> {
        names.enumerate().map(|(i, name)| (name, (i as f64).into())).collect()
    }

    #[test]
    fn attributes_are_found_however_many_there_are_and_however_they_came() {
        for n in [0, 1, 2, 7, 8, 9, 100, 1_000] {
            let all = named((0..n).map(|i| format!("name-{i}")));
            let at_once = Attributes::new(all.clone());
            let mut one_by_one = Attributes::default();
            all.iter().for_each(|(name, value)| assert_eq!(one_by_one.put(name, value.clone()), None));
            assert!(n == 0 || at_once == one_by_one);
            for (name, value) in &all {
                assert_eq!(at_once.get(hash(name), name).map(|attribute| &attribute.value), Some(value));
            }
            assert_eq!(at_once.ordered.len(), n);
            for other in (0..50).map(|i| format!("other-{i}")).chain(["name-".to_owned(), String::new()]) {
                assert_eq!(at_once.get(hash(&other), &other), None);
            }
        }
    }

    #[test]
    fn the_first_of_one_name_is_kept_and_a_later_put_replaces_it() {
        let mut attributes = Attributes::new(vec![("a".to_owned(), 1.0.into()), ("a".to_owned(), 2.0.into())]);
        assert_eq!(attributes.get(hash("a"), "a").map(|attribute| &attribute.value), Some(&1.0.into()));
        assert_eq!(attributes.put("a", 3.0.into()), Some(1.0.into()));
        assert_eq!(attributes.get(hash("a"), "a").map(|attribute| &attribute.value), Some(&3.0.into()));
        assert_eq!(attributes.ordered.len(), 1);
    }

    #[test]
    fn names_whose_hashes_fall_into_one_bucket_are_found_by_halves() {
        let crowded = (0..100_000).map(|i| format!("n{i}")).filter(|name| hash(name) >> 52 == 0);
        let all = named(crowded.collect::<Vec<_>>().into_iter());
        assert!(all.len() > SCAN_MAX);
        let attributes = Attributes::new(all.clone());
        assert!(all.iter().all(|(name, value)| attributes.get(hash(name), name).map(|attribute| &attribute.value) == Some(value)));
        assert_eq!(attributes.get(hash(&all[0].0), "another"), None);
    }
}

//! The texts of a list: found as a whole, by how they begin and end, and by what stands in them.

use std::ops::Range;

use super::buckets::Buckets;
use crate::compile::{Needle, TextSet};
use crate::string_set::hash;

/// Texts of a list, each once.
#[derive(Debug, Clone)]
pub(crate) struct Texts {
    /// The hash of each text and its place in `forwards`, in order.
    hashed: Box<[(u64, usize)]>,
    buckets: Buckets,
    forwards: Ordered,
    backwards: Ordered,
}

/// Bytes of texts in order, one after the other in one piece.
#[derive(Debug, Clone)]
struct Ordered {
    bytes: Box<[u8]>,
    places: Box<[Range<usize>]>,
}

/// Stands between two texts. In UTF-8 there is no such byte, so that nothing is found across it.
const SEPARATOR: u8 = 0xFF;

/// Buckets for a text, so that few hashes that are not there meet one.
const BUCKETS_EACH: usize = 4;

/// Buckets up to this size are compared one by one, larger ones searched by halves.
const SCAN_MAX: usize = 8;

/// Hashes that are looked at in the time of one look into a large set.
const HASHES_PER_LOOK: usize = 6;

impl Texts {
    pub(super) fn new(mut texts: Vec<&str>) -> Self {
        texts.sort_unstable();
        texts.dedup();
        let forwards = Ordered::new(&texts);
        let mut hashed: Box<[_]> = texts.iter().enumerate().map(|(at, text)| (hash(text), at)).collect();
        hashed.sort_unstable();
        let buckets = Buckets::new(hashed.iter().map(|(hash, _)| *hash), BUCKETS_EACH);
        Self { hashed, buckets, backwards: forwards.backwards(), forwards }
    }

    pub(crate) fn len(&self) -> usize {
        self.hashed.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hashed.is_empty()
    }

    /// Each text's bytes with its hash.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.hashed.iter().filter_map(|(hash, at)| Some((*hash, self.forwards.get(*at)?)))
    }

    /// The first in order.
    pub(crate) fn least(&self) -> Option<&[u8]> {
        self.forwards.get(0)
    }

    /// The last in order.
    pub(crate) fn greatest(&self) -> Option<&[u8]> {
        self.forwards.get(self.len().checked_sub(1)?)
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        let of_that_hash = self.of_hash(hash(text));
        of_that_hash.binary_search_by(|(_, at)| self.forwards.get(*at).cmp(&Some(text.as_bytes()))).is_ok()
    }

    /// Whether one text is in both.
    pub(crate) fn share_one_with(&self, set: &TextSet) -> bool {
        // A text of the set costs a look at its hash, a text of the list a look into the set.
        if set.hashes().len() < self.len() * HASHES_PER_LOOK {
            set.hashes().iter().any(|hash| self.with_hash(*hash).any(|text| set.contains_hashed(*hash, text)))
        } else {
            self.iter().any(|(hash, text)| set.contains_hashed(hash, text))
        }
    }

    /// Bytes of the texts that have this hash: hardly ever more than one.
    pub(crate) fn with_hash(&self, hash: u64) -> impl Iterator<Item = &[u8]> {
        self.of_hash(hash).iter().filter_map(|(_, at)| self.forwards.get(*at))
    }

    /// The texts of that hash by their places, in order.
    fn of_hash(&self, hash: u64) -> &[(u64, usize)] {
        let bucket = self.buckets.get(hash).and_then(|range| self.hashed.get(range)).unwrap_or_default();
        let equal = if bucket.len() > SCAN_MAX {
            bucket.partition_point(|(other, _)| *other < hash)..bucket.partition_point(|(other, _)| *other <= hash)
        } else {
            let first = bucket.iter().position(|(other, _)| *other == hash).unwrap_or(bucket.len());
            first..first + bucket.iter().filter(|(other, _)| *other == hash).count()
        };
        bucket.get(equal).unwrap_or_default()
    }

    pub(crate) fn any_begins_with(&self, beginning: &str) -> bool {
        self.forwards.any_begins_with(beginning.as_bytes())
    }

    /// `ending` is given backwards.
    pub(crate) fn any_ends_with(&self, ending: &[u8]) -> bool {
        self.backwards.any_begins_with(ending)
    }

    pub(crate) fn any_holds(&self, needle: &Needle) -> bool {
        !self.is_empty() && needle.is_in(&self.forwards.bytes)
    }
}

impl Ordered {
    fn new(texts: &[&str]) -> Self {
        let mut bytes = Vec::with_capacity(texts.iter().map(|text| text.len() + 1).sum());
        let mut places = Vec::with_capacity(texts.len());
        for text in texts {
            if !places.is_empty() {
                bytes.push(SEPARATOR);
            }
            places.push(bytes.len()..bytes.len() + text.len());
            bytes.extend_from_slice(text.as_bytes());
        }
        Self { bytes: bytes.into(), places: places.into() }
    }

    /// The same, each text with its last byte first, and in the order that this makes.
    fn backwards(&self) -> Self {
        let bytes: Box<[u8]> = self.bytes.iter().rev().copied().collect();
        let end = bytes.len();
        let mut places: Box<[_]> = self.places.iter().map(|place| end - place.end..end - place.start).collect();
        places.sort_unstable_by_key(|place| bytes.get(place.clone()));
        Self { bytes, places }
    }

    fn get(&self, at: usize) -> Option<&[u8]> {
        self.bytes.get(self.places.get(at)?.clone())
    }

    fn any_begins_with(&self, beginning: &[u8]) -> bool {
        // What begins so stands together, and before it only what is less.
        let at = self.places.partition_point(|place| self.bytes.get(place.clone()).is_some_and(|text| text < beginning));
        self.get(at).is_some_and(|text| text.starts_with(beginning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(texts: &[String], is_such: impl Fn(&str) -> bool) -> bool {
        texts.iter().any(|text| is_such(text))
    }

    #[test]
    fn texts_are_found_as_if_each_were_looked_at() {
        let words = ["", "a", "b", "ab", "ba", "abc", "cba", "aab", "é", "ée", "ab ba"];
        for n in [0, 1, 2, 5, 40, 300] {
            let texts: Vec<_> = words
                .iter()
                .map(|word| (*word).to_owned())
                .chain((0..n).map(|i| format!("text-{i}")))
                .skip(words.len() - n.min(words.len()))
                .take(n)
                .collect();
            let found = Texts::new(texts.iter().map(String::as_str).chain(texts.first().map(String::as_str)).collect());
            assert_eq!((found.len(), found.is_empty()), (n, n == 0));
            let absent = format!("text-{n}");
            for word in
                words.into_iter().chain(["text-0", "text-1", "text-17", "t", "-1", "xt-2", "ext-", "b text", "text-299x", absent.as_str()])
            {
                let backwards: Vec<u8> = word.bytes().rev().collect();
                assert_eq!(found.contains(word), naive(&texts, |text| text == word), "{word:?} of {n}");
                assert_eq!(found.any_begins_with(word), naive(&texts, |text| text.starts_with(word)), "{word:?} of {n}");
                assert_eq!(found.any_ends_with(&backwards), naive(&texts, |text| text.ends_with(word)), "{word:?} of {n}");
                assert_eq!(found.any_holds(&Needle::new(word)), naive(&texts, |text| text.contains(word)), "{word:?} of {n}");
                assert!(
                    found.with_hash(hash(word)).all(|text| text == word.as_bytes())
                        && found.with_hash(hash(word)).count() == usize::from(found.contains(word))
                );
            }
            assert_eq!(found.least(), texts.iter().min().map(String::as_bytes));
            assert_eq!(found.greatest(), texts.iter().max().map(String::as_bytes));
            assert_eq!(found.iter().count(), n);
            assert!(found.iter().all(|(hashed, text)| hash(std::str::from_utf8(text).unwrap()) == hashed));
        }
    }

    #[test]
    fn texts_whose_hashes_fall_into_one_bucket_are_found_by_halves() {
        let crowded: Vec<_> = (0..200_000).map(|i| format!("user-{i}")).filter(|text| hash(text) >> 52 == 0).collect();
        assert!(crowded.len() > 2 * SCAN_MAX);
        let texts = Texts::new(crowded.iter().map(String::as_str).collect());
        assert!(crowded.iter().all(|text| texts.contains(text) && texts.with_hash(hash(text)).eq([text.as_bytes()])));
        assert!(crowded.iter().all(|text| !texts.contains(&format!("{text}x"))));
        let absent = (200_000..).map(|i| format!("user-{i}")).find(|text| hash(text) >> 52 == 0).unwrap();
        assert!(!texts.contains(&absent) && texts.with_hash(hash(&absent)).next().is_none());
    }

    #[test]
    fn nothing_is_found_across_two_texts() {
        let texts = Texts::new(vec!["ab", "cd"]);
        assert!(!texts.any_holds(&Needle::new("bc")) && !texts.any_holds(&Needle::new("abcd")) && texts.any_holds(&Needle::new("cd")));
    }
}

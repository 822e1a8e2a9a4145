//! The texts of an `in`, looked up for one text or for a list of them.

use crate::string_set::{StringSet, hash};

/// An exact set of texts, with their hashes for lists.
#[derive(Debug, Clone)]
pub(crate) struct TextSet {
    set: StringSet,
    /// Each once.
    hashes: Box<[u64]>,
}

impl TextSet {
    pub(super) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let set = StringSet::new(texts);
        let mut hashes: Vec<_> = set.iter().map(hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        Self { set, hashes: hashes.into() }
    }

    #[inline]
    pub(crate) fn contains(&self, text: &str) -> bool {
        self.set.contains(text)
    }

    /// The same for a text whose hash is known.
    pub(crate) fn contains_hashed(&self, hash: u64, text: &[u8]) -> bool {
        self.set.contains_hashed(hash, text)
    }

    pub(crate) fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    pub(crate) fn len(&self) -> usize {
        self.set.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        self.set.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_tells_its_texts_each_once_by_text_and_by_hash() {
        for n in [0, 1, 4, 5, 600] {
            let texts: Vec<_> = (0..n).map(|i| format!("t{i}")).collect();
            let set = TextSet::new(texts.iter().chain(&texts).map(String::as_str));
            assert_eq!((set.len(), set.iter().count(), set.hashes().len(), set.is_empty()), (n, n, n, n == 0));
            assert!(texts.iter().all(|text| set.contains(text) && set.contains_hashed(hash(text), text.as_bytes())));
            assert!(!set.contains("t") && !set.contains_hashed(hash("t"), b"t"));
        }
    }
}

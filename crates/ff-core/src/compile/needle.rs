//! A text to look for inside others.

use memchr::{memchr, memmem::Finder};

use crate::same::same;

/// A text, and what a search for it needs.
#[derive(Debug, Clone)]
pub(crate) struct Needle {
    finder: Finder<'static>,
    text: Box<str>,
}

/// In texts up to this length the first byte is looked for, and then the rest: that is quicker there than to set a search
/// up that takes linear time.
const SHORT_MAX: usize = 64;

impl Needle {
    pub(crate) fn new(text: &str) -> Self {
        Self { finder: Finder::new(text).into_owned(), text: text.into() }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this stands in `text`. Takes time in proportion to the length of both.
    #[inline]
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        if text.len() > SHORT_MAX { self.finder.find(text).is_some() } else { self.is_in_short(text) }
    }

    fn is_in_short(&self, text: &[u8]) -> bool {
        let wanted = self.text.as_bytes();
        let Some(first) = wanted.first() else { return true };
        // Where it could begin at all.
        let Some(room) = text.len().checked_sub(wanted.len()) else { return false };
        let mut start = 0;
        while let Some(at) = text.get(start..=room).and_then(|places| memchr(*first, places)) {
            let found = text.get(start + at..start + at + wanted.len());
            if found.is_some_and(|found| same(found, wanted)) {
                return true;
            }
            start += at + 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_is_found_where_it_stands_and_nowhere_else_in_short_texts_and_long() {
        for length in [0, 1, 2, 5, 17, 63, 64, 65, 200] {
            let hay: String = "abcab".chars().cycle().take(length).collect();
            for text in ["", "a", "ab", "abc", "bcaba", "caba", "z", "abz", "cc", "abcababcab"] {
                assert_eq!(Needle::new(text).is_in(hay.as_bytes()), hay.contains(text), "{text} in {hay}");
            }
            assert!(Needle::new(&hay).is_in(hay.as_bytes()) && !Needle::new(&format!("{hay}a")).is_in(hay.as_bytes()));
        }
    }
}

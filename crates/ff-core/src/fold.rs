//! Ignoring case, without allocating for the user's side.
//!
//! Two texts are alike where their characters are, one by one, after Unicode lower-casing without context; `ς`, which
//! only context tells from `σ`, counts as `σ`.

use crate::model::TextPlace;

fn folded(text: &str) -> impl Iterator<Item = char> + Clone + '_ {
    text.chars().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c })
}

/// A text whose case is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folded(Box<str>);

impl Folded {
    pub(crate) fn new(text: &str) -> Self {
        Self(folded(text).collect::<String>().into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn equals(&self, text: &str) -> bool {
        if text.is_ascii() { self.0.eq_ignore_ascii_case(text) } else { folded(text).eq(self.0.chars()) }
    }

    /// Most texts are ASCII, and for them the search can jump from one possible beginning to the next.
    fn stands_in_ascii(&self, text: &[u8]) -> bool {
        let wanted = self.0.as_bytes();
        let Some(first) = wanted.first() else { return true };
        let last_start = (text.len() + 1).saturating_sub(wanted.len());
        let starts = text.get(..last_start).unwrap_or_default();
        memchr::memchr2_iter(*first, first.to_ascii_uppercase(), starts)
            .any(|at| text.get(at..at + wanted.len()).is_some_and(|part| part.eq_ignore_ascii_case(wanted)))
    }

    /// Whether this text stands in `text` at that place.
    pub(crate) fn stands_in(&self, text: &str, place: TextPlace) -> bool {
        let starts = |chars: &mut dyn Iterator<Item = char>| self.0.chars().all(|wanted| chars.next() == Some(wanted));
        match place {
            TextPlace::Start => starts(&mut folded(text)),
            TextPlace::End => {
                let excess = folded(text).count().checked_sub(self.0.chars().count());
                excess.is_some_and(|excess| starts(&mut folded(text).skip(excess)))
            }
            TextPlace::Anywhere if text.is_ascii() => self.stands_in_ascii(text.as_bytes()),
            TextPlace::Anywhere => {
                let mut rest = folded(text);
                loop {
                    if starts(&mut rest.clone()) {
                        return true;
                    }
                    if rest.next().is_none() {
                        return false;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_ignored_beyond_ascii() {
        for (a, b) in [("STRASSE", "strasse"), ("ÄÖÜ", "äöü"), ("ΟΔΟΣ", "οδος"), ("ΟΔΟΣ", "οδοσ"), ("Привет", "ПРИВЕТ"), ("İ", "i\u{307}")]
        {
            assert!(Folded::new(a).equals(b) && Folded::new(b).equals(a), "{a} {b}");
        }
        assert!(!Folded::new("a").equals("á") && !Folded::new("ab").equals("a") && !Folded::new("a").equals("ab"));
    }

    #[test]
    fn a_place_is_a_place() {
        let ab = Folded::new("äB");
        for (text, start, end, anywhere) in [
            ("ÄBc", true, false, true),
            ("cÄb", false, true, true),
            ("xäÄby", false, false, true),
            ("äb", true, true, true),
            ("b", false, false, false),
            ("", false, false, false),
        ] {
            let got = [TextPlace::Start, TextPlace::End, TextPlace::Anywhere].map(|place| ab.stands_in(text, place));
            assert_eq!(got, [start, end, anywhere], "{text}");
        }
        assert!(Folded::new("").stands_in("", TextPlace::Anywhere));
        for (wanted, text, holds) in
            [("B", "aab", true), ("ab", "xA", false), ("abc", "ab", false), ("", "x", true), ("ä", "a", false), ("xy", "xxXY", true)]
        {
            assert_eq!(Folded::new(wanted).stands_in(text, TextPlace::Anywhere), holds, "{wanted} {text}");
        }
    }
}

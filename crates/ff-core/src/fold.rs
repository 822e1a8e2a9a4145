//! Ignoring case, mostly without allocating.
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

    /// Whether this text stands in `text` at that place. Takes time in proportion to the length of both.
    pub(crate) fn stands_in(&self, text: &str, place: TextPlace) -> bool {
        match place {
            TextPlace::Start => {
                let mut chars = folded(text);
                self.0.chars().all(|wanted| chars.next() == Some(wanted))
            }
            TextPlace::End => {
                let excess = folded(text).count().checked_sub(self.0.chars().count());
                excess.is_some_and(|excess| folded(text).skip(excess).eq(self.0.chars()))
            }
            TextPlace::Anywhere => with_folded(text, |text| memchr::memmem::find(text.as_bytes(), self.0.as_bytes()).is_some()),
        }
    }
}

/// Texts up to this length are folded without allocating, if they are ASCII.
const ON_STACK_MAX: usize = 256;

/// Calls `look` with `text` folded. Allocates for a long text, and for one that is not ASCII.
pub(crate) fn with_folded<T>(text: &str, look: impl FnOnce(&str) -> T) -> T {
    let mut buffer = [0; ON_STACK_MAX];
    if !text.is_ascii() {
        return look(&folded(text).collect::<String>());
    }
    let Some(copy) = buffer.get_mut(..text.len()) else {
        return look(&text.to_ascii_lowercase());
    };
    copy.copy_from_slice(text.as_bytes());
    copy.make_ascii_lowercase();
    // INVARIANT: lower-case ASCII is UTF-8.
    look(std::str::from_utf8(copy).unwrap_or_default())
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
        for (wanted, text, holds) in [
            ("B", "aab", true),
            ("ab", "xA", false),
            ("abc", "ab", false),
            ("", "x", true),
            ("ä", "a", false),
            ("xy", "xxXY", true),
            ("aab", &"A".repeat(5_000), false),
            ("éa", &"É".repeat(5_000), false),
        ] {
            assert_eq!(Folded::new(wanted).stands_in(text, TextPlace::Anywhere), holds, "{wanted} {text}");
        }
    }
}

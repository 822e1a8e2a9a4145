//! Ignoring case, mostly without allocating.
//!
//! Two texts are alike where their characters are, one by one, after Unicode lower-casing without context; `ς`, which
//! only context tells from `σ`, counts as `σ`.

use crate::same::same;

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

    /// Whether `text` is this text but for case.
    pub(crate) fn equals(&self, text: Foldable<'_>) -> bool {
        match text.folded {
            Some(folded) => same(folded.as_bytes(), self.0.as_bytes()),
            None if text.plain.is_ascii() => self.0.eq_ignore_ascii_case(text.plain),
            None => folded(text.plain).eq(self.0.chars()),
        }
    }
}

/// A text, with its folded form where that was made beforehand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Foldable<'a> {
    pub(crate) plain: &'a str,
    pub(crate) folded: Option<&'a str>,
}

/// Texts up to this length are folded without allocating, if they are ASCII.
const ON_STACK_MAX: usize = 256;

/// The folded form of a text, if folding it takes an allocation or a table: worth keeping where the text is looked at often.
pub(crate) fn folded_beforehand(text: &str) -> Option<Box<str>> {
    (text.len() > ON_STACK_MAX || !text.is_ascii()).then(|| Folded::new(text).0)
}

impl<'a> Foldable<'a> {
    /// A text whose folded form was not made.
    pub(crate) fn plain(plain: &'a str) -> Self {
        Self { plain, folded: None }
    }

    /// Calls `look` with the text folded. Allocates for a text that is long or not ASCII, if its folded form was not made.
    pub(crate) fn with_folded<T>(self, look: impl FnOnce(&str) -> T) -> T {
        if let Some(folded) = self.folded {
            return look(folded);
        }
        if !self.plain.is_ascii() {
            return look(&folded(self.plain).collect::<String>());
        }
        let mut buffer = [0; ON_STACK_MAX];
        let Some(copy) = buffer.get_mut(..self.plain.len()) else {
            return look(&self.plain.to_ascii_lowercase());
        };
        copy.copy_from_slice(self.plain.as_bytes());
        copy.make_ascii_lowercase();
        // INVARIANT: lower-case ASCII is UTF-8.
        look(std::str::from_utf8(copy).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text without and with its folded form.
    fn both(text: &str, mut check: impl FnMut(Foldable<'_>)) {
        check(Foldable::plain(text));
        let folded = Folded::new(text).0;
        check(Foldable { plain: text, folded: Some(&folded) });
    }

    #[test]
    fn case_is_ignored_beyond_ascii() {
        for (a, b) in [("STRASSE", "strasse"), ("ÄÖÜ", "äöü"), ("ΟΔΟΣ", "οδος"), ("ΟΔΟΣ", "οδοσ"), ("Привет", "ПРИВЕТ"), ("İ", "i\u{307}")]
        {
            both(b, |b| assert!(Folded::new(a).equals(b), "{a} {b:?}"));
            both(a, |a| assert!(Folded::new(b).equals(a), "{a:?} {b}"));
        }
        for (a, b) in [("a", "á"), ("ab", "a"), ("a", "ab")] {
            both(b, |b| assert!(!Folded::new(a).equals(b)));
        }
    }

    #[test]
    fn of_a_million_characters_one_is_two_in_lower_case() {
        let in_two: Vec<char> = ('\0'..=char::MAX).filter(|c| c.to_lowercase().len() > 1).collect();
        assert_eq!(in_two, ['İ']);
        for (a, b) in [("İ", "i"), ("s", "ſ"), ("µ", "μ")] {
            both(b, |b| assert!(!Folded::new(a).equals(b), "{a} {b:?}"));
        }
    }

    #[test]
    fn a_text_is_folded_alike_whether_beforehand_or_not() {
        for text in ["", "aBc", &"X".repeat(ON_STACK_MAX), &"X".repeat(ON_STACK_MAX + 1), "ÄbΣς", &"É".repeat(5_000)] {
            let expected = Folded::new(text);
            both(text, |text| text.with_folded(|folded| assert_eq!(folded, expected.as_str())));
            assert_eq!(folded_beforehand(text).is_some(), text.len() > ON_STACK_MAX || !text.is_ascii());
        }
    }
}

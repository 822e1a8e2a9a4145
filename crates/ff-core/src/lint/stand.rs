//! A text that must stand in another one: at its beginning, at its end or anywhere.

use std::borrow::Cow;

use crate::fold::Folded;
use crate::lint::interval::Interval;
use crate::model::TextPlace;

/// What must stand where.
#[derive(Debug)]
pub(super) struct Stand<'a> {
    place: TextPlace,
    text: &'a str,
    folded: Folded,
    ignores_case: bool,
    stretch: Option<Interval<Cow<'a, str>>>,
}

impl<'a> Stand<'a> {
    pub(super) fn new(place: TextPlace, text: &'a str, ignores_case: bool) -> Self {
        let is_stretch = place == TextPlace::Start && !ignores_case;
        let stretch = is_stretch.then(|| Interval::from_until(Cow::Borrowed(text), behind(text).map(Cow::Owned)));
        Self { place, text, folded: Folded::new(text), ignores_case, stretch }
    }

    /// The texts that begin with this one, in the order of texts; none, where those with it do not stand together.
    pub(super) fn stretch(&self) -> Option<&Interval<Cow<'a, str>>> {
        self.stretch.as_ref()
    }

    /// Whether it stands in every text that is `folded` when its case is ignored: in all, in none, or it cannot be told.
    pub(super) fn is_in_all(&self, folded: &str) -> Option<bool> {
        let is_in = holds(self.place, folded, self.folded.as_str());
        if is_in && !self.ignores_case { None } else { Some(is_in) }
    }

    /// Whether certainly the other one stands wherever this one does.
    pub(super) fn implies(&self, other: &Self) -> bool {
        let reaches = other.place == TextPlace::Anywhere || other.place == self.place;
        reaches
            && if other.ignores_case {
                holds(other.place, self.folded.as_str(), other.folded.as_str())
            } else {
                !self.ignores_case && holds(other.place, self.text, other.text)
            }
    }

    /// Whether certainly no text has both: of two beginnings the longer begins with the shorter, and likewise two ends.
    pub(super) fn clashes(&self, other: &Self) -> bool {
        let (one, another) =
            if self.ignores_case || other.ignores_case { (self.folded.as_str(), other.folded.as_str()) } else { (self.text, other.text) };
        self.place == other.place
            && self.place != TextPlace::Anywhere
            && !holds(self.place, one, another)
            && !holds(self.place, another, one)
    }
}

fn holds(place: TextPlace, text: &str, part: &str) -> bool {
    match place {
        TextPlace::Start => text.starts_with(part),
        TextPlace::End => text.ends_with(part),
        TextPlace::Anywhere => text.contains(part),
    }
}

/// The first text behind all that begin with this one; none, if nothing is behind them.
fn behind(beginning: &str) -> Option<String> {
    let mut chars: Vec<char> = beginning.chars().collect();
    while let Some(last) = chars.pop() {
        // Between two characters there may be numbers that are none.
        if let Some(next) = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32) {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_a_beginning_is_behind_all_that_begin_with_it() {
        for (beginning, expected) in
            [("ab", Some("ac")), ("a\u{10ffff}", Some("b")), ("\u{d7ff}", Some("\u{e000}")), ("\u{10ffff}", None), ("", None)]
        {
            assert_eq!(behind(beginning).as_deref(), expected, "{beginning:?}");
        }
    }

    /// Every pair of short texts in every place, against all texts of up to three letters.
    #[test]
    fn what_is_said_of_two_parts_is_so_in_every_text() {
        let letters = ["a", "B", "b", "ς", "Σ"];
        let longer = |texts: &[String]| texts.iter().flat_map(|text| letters.map(|letter| format!("{text}{letter}"))).collect::<Vec<_>>();
        let one = longer(&[String::new()]);
        let two = longer(&one);
        let three = longer(&two);
        let all: Vec<_> = [&one, &two, &three].into_iter().flatten().collect();
        let is_in = |stand: &Stand<'_>, text: &str| {
            if stand.ignores_case {
                holds(stand.place, Folded::new(text).as_str(), stand.folded.as_str())
            } else {
                holds(stand.place, text, stand.text)
            }
        };
        let places = [TextPlace::Start, TextPlace::End, TextPlace::Anywhere];
        let parts: Vec<_> = one.iter().chain(two.iter().step_by(3)).collect();
        let stands: Vec<_> =
            parts.iter().flat_map(|text| places.map(|place| [false, true].map(|folds| Stand::new(place, text, folds)))).flatten().collect();
        let within: Vec<Vec<bool>> = stands.iter().map(|stand| all.iter().map(|text| is_in(stand, text)).collect()).collect();
        for (a, in_a) in stands.iter().zip(&within) {
            if let Some(stretch) = a.stretch() {
                assert!(all.iter().zip(in_a).all(|(text, is_in)| stretch.contains(&Cow::Borrowed(text.as_str())) == *is_in), "{a:?}");
            }
            for (text, is_in) in all.iter().zip(in_a) {
                let told = a.is_in_all(Folded::new(text).as_str());
                assert!(told.is_none_or(|told| told == *is_in), "{a:?} {text}");
            }
            for (b, in_b) in stands.iter().zip(&within) {
                assert!(!a.implies(b) || in_a.iter().zip(in_b).all(|(a, b)| !a || *b), "{a:?} {b:?}");
                assert!(!a.clashes(b) || in_a.iter().zip(in_b).all(|(a, b)| !(*a && *b)), "{a:?} {b:?}");
            }
        }
    }
}

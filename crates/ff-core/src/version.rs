//! Versions by SemVer 2.0 precedence, compared without allocating.
//!
//! Rule of the text: <https://semver.org/spec/v2.0.0.html>, item 11. Beyond it, missing parts count as 0 (`2.1` is
//! `2.1.0`, `2.1-beta` is `2.1.0-beta`). Build metadata is checked and ignored; a leading `v` is not a version.

use std::cmp::Ordering;

/// A version that borrows its pre-release part from the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Version<'a> {
    core: [u64; 3],
    pre: &'a str,
}

fn is_numeric(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// A number without leading zeros that fits 64 bits.
fn number(text: &str) -> Option<u64> {
    let plain = is_numeric(text) && (text.len() == 1 || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

fn are_identifiers(text: &str, leading_zeros: bool) -> bool {
    text.split('.').all(|id| {
        !id.is_empty()
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && (leading_zeros || !is_numeric(id) || id.len() == 1 || !id.starts_with('0'))
    })
}

impl<'a> Version<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (text, build) = text.split_once('+').map_or((text, None), |(v, b)| (v, Some(b)));
        let (numbers, pre) = text.split_once('-').map_or((text, None), |(v, p)| (v, Some(p)));
        let build_is_right = build.is_none_or(|b| are_identifiers(b, true));
        if !build_is_right || !pre.is_none_or(|p| are_identifiers(p, false)) {
            return None;
        }
        let mut core = [0; 3];
        let mut parts = numbers.split('.');
        for (i, slot) in core.iter_mut().enumerate() {
            match parts.next() {
                Some(part) => *slot = number(part)?,
                None if i > 0 => break,
                None => return None,
            }
        }
        parts.next().is_none().then_some(Self { core, pre: pre.unwrap_or_default() })
    }

    pub(crate) fn precedence(&self, other: &Version<'_>) -> Ordering {
        self.core.cmp(&other.core).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_pre(self.pre, other.pre),
        })
    }
}

fn compare_pre(left: &str, right: &str) -> Ordering {
    let mut left = left.split('.');
    let mut right = right.split('.');
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (is_numeric(a), is_numeric(b)) {
                // Without leading zeros the longer number is the larger one, however long.
                (true, true) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => a.cmp(b),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_agrees_with_the_semver_crate() {
        let texts = [
            "0.0.0",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.0-0",
            "1.0.0-0.3.7",
            "1.0.0-x-y-z.4",
            "2.0.0",
            "2.1.0",
            "2.1.1",
            "10.0.0",
            "1.0.0-99999999999999999999",
            "1.0.0-100000000000000000000",
        ];
        for a in texts {
            for b in texts {
                let theirs = semver::Version::parse(a).unwrap().cmp_precedence(&semver::Version::parse(b).unwrap());
                let ours = Version::parse(a).unwrap().precedence(&Version::parse(b).unwrap());
                assert_eq!(ours, theirs, "{a} {b}");
            }
        }
    }

    #[test]
    fn missing_parts_are_zero_and_build_metadata_is_ignored() {
        let equal = |a, b| assert!(Version::parse(a).unwrap().precedence(&Version::parse(b).unwrap()).is_eq(), "{a} {b}");
        equal("2", "2.0.0");
        equal("2.1", "2.1.0+build.7");
        equal("2.1-beta", "2.1.0-beta");
        equal("1.0.0+001", "1.0.0");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for bad in [
            "",
            "v1.0.0",
            "1.",
            "1..2",
            ".1",
            "1.2.3.4",
            "01.0.0",
            "1.0.0-",
            "1.0.0-01",
            "1.0.0-a..b",
            "1.0.0+",
            "1.0.0-ä",
            "a",
            "1.0 ",
            " 1.0",
            "-1",
            "1.0.0-a_b",
            "18446744073709551616.0.0",
        ] {
            assert!(Version::parse(bad).is_none(), "{bad:?}");
        }
    }
}

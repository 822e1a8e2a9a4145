//! Versions by SemVer 2.0 precedence, compared without allocating.
//!
//! Rule of the text: <https://semver.org/spec/v2.0.0.html>, item 11. Beyond it, missing parts count as 0 (`2.1` is
//! `2.1.0`, `2.1-beta` is `2.1.0-beta`). Build metadata is checked and ignored; a leading `v` is not a version.

use std::cmp::Ordering;

use crate::limits::VERSION_LENGTH_MAX;

/// A version: its three numbers, and its pre-release part (empty in a release), borrowed or owned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Version<T> {
    core: [u64; 3],
    pre: T,
}

/// An operand, read once.
pub(crate) type OwnedVersion = Version<Box<str>>;

fn is_numeric(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn are_identifiers(text: &str, leading_zeros: bool) -> bool {
    text.split('.').all(|id| {
        !id.is_empty()
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && (leading_zeros || !is_numeric(id) || id.len() == 1 || !id.starts_with('0'))
    })
}

impl<'a> Version<&'a str> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > VERSION_LENGTH_MAX {
            return None;
        }
        let mut core = [0_u64; 3];
        let mut numbers = core.iter_mut();
        let mut rest = text.as_bytes();
        // The numbers in one pass, digit by digit: most versions are nothing but three small numbers.
        loop {
            let number = numbers.next()?;
            let [first @ b'0'..=b'9', after @ ..] = rest else { return None };
            (*number, rest) = (u64::from(first - b'0'), after);
            while let [digit @ b'0'..=b'9', after @ ..] = rest {
                if *number == 0 {
                    return None;
                }
                *number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
                rest = after;
            }
            match rest {
                [b'.', after @ ..] => rest = after,
                [] => return Some(Self { core, pre: "" }),
                _ => break,
            }
        }
        let text = text.get(text.len() - rest.len()..)?;
        let (pre, build) = text.split_once('+').map_or((text, None), |(pre, build)| (pre, Some(build)));
        let pre = if pre.is_empty() { None } else { Some(pre.strip_prefix('-')?) };
        let is_right = build.is_none_or(|b| are_identifiers(b, true)) && pre.is_none_or(|p| are_identifiers(p, false));
        is_right.then_some(Self { core, pre: pre.unwrap_or_default() })
    }

    pub(crate) fn to_owned(self) -> OwnedVersion {
        Version { core: self.core, pre: self.pre.into() }
    }
}

impl<T: AsRef<str>> Version<T> {
    /// Major, minor and patch.
    pub(crate) fn core(&self) -> [u64; 3] {
        self.core
    }

    pub(crate) fn is_pre_release(&self) -> bool {
        !self.pre.as_ref().is_empty()
    }

    pub(crate) fn precedence<U: AsRef<str>>(&self, other: &Version<U>) -> Ordering {
        let (pre, other_pre) = (self.pre.as_ref(), other.pre.as_ref());
        self.core.cmp(&other.core).then_with(|| match (pre.is_empty(), other_pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_pre(pre, other_pre),
        })
    }
}

fn compare_pre(left: &str, right: &str) -> Ordering {
    // Identifiers that are the same need not be looked at: the first that may differ begins after the last dot that both have.
    let same = left.bytes().zip(right.bytes()).take_while(|(a, b)| a == b).count();
    let start = left.bytes().take(same).rposition(|byte| byte == b'.').map_or(0, |dot| dot + 1);
    let [left, right] = [left, right].map(|pre| pre.get(start..).unwrap_or_default());
    let (mut left, mut right) = (left.split('.'), right.split('.'));
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
            "1.0.0-beta10",
            "1.0.0-beta9",
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
    fn the_parts_of_a_version_are_what_was_written() {
        let parts = |text| Version::parse(text).map(|version| (version.core(), version.is_pre_release()));
        assert_eq!(parts("10.203.4567"), Some(([10, 203, 4567], false)));
        assert_eq!(parts("0.18446744073709551615-rc.1+build"), Some(([0, u64::MAX, 0], true)));
    }

    #[test]
    fn a_version_may_be_so_long_and_no_longer() {
        let of_length = |length: usize| format!("1.0.0-{}", "a".repeat(length - 6));
        let read = |length| Version::parse(&of_length(length)).is_some();
        assert!(read(VERSION_LENGTH_MAX - 1) && read(VERSION_LENGTH_MAX) && !read(VERSION_LENGTH_MAX + 1));
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

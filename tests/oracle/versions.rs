//! Versions: SemVer 2.0 with one to three numeric parts.

use semver::Version;

/// Missing parts count as 0: `2.1-beta` is `2.1.0-beta`.
pub(super) fn parse(text: &str) -> Option<Version> {
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let missing = match numbers.split('.').count() {
        1 => ".0.0",
        2 => ".0",
        _ => "",
    };
    Version::parse(&format!("{numbers}{missing}{rest}")).ok()
}

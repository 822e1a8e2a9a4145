//! Texts that may meet what is asked: each check's own, and what can be put together from several.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::demand::Leaf;
use super::value::Asked;
use super::{numbers, pattern};
use crate::compile::Check;
use crate::limits::LIST_LENGTH_MAX;
use crate::model::TextPlace;
use crate::timestamp::Timestamp;

/// The most texts that are tried where they are not all that can be.
const TEXTS_MAX: usize = 2_000;

/// Texts to try, in order.
pub(super) struct Texts {
    pub(super) texts: Vec<String>,
    /// Whether no other text can do.
    pub(super) is_all: bool,
}

pub(super) fn texts(all: &[Asked<'_>], near: Option<f64>) -> Texts {
    // Where one check lists what it lets in, nothing else needs to be tried.
    if let Some(texts) = all.iter().filter(|asked| asked.is_positive).find_map(listed) {
        return Texts { texts, is_all: true };
    }
    let mut texts = Vec::new();
    for asked in all.iter().filter(|asked| asked.is_positive) {
        own(asked, &mut texts);
    }
    let checks = || all.iter().filter_map(Asked::check);
    texts.extend(composed(all));
    texts.extend(instants(all));
    texts.extend(addresses(all));
    texts.extend(versions(all));
    if checks().any(|check| matches!(check, Check::EqualsNumber(_) | Check::Number(..) | Check::InMixed(_))) {
        texts.extend(numbers::candidates(checks(), near).into_iter().flat_map(spelled));
    }
    texts.extend(ordered(all));
    if texts.is_empty() {
        texts.push("a".to_owned());
    }
    let forbidden = all.iter().filter(|asked| !asked.is_positive).count();
    let varied: Vec<_> = texts.iter().take(TEXTS_MAX / 20).flat_map(|text| variations(text, forbidden)).collect();
    texts.extend(varied);
    texts.truncate(TEXTS_MAX);
    Texts { texts, is_all: false }
}

/// All texts that a check lets in, where they are few.
fn listed(asked: &Asked<'_>) -> Option<Vec<String>> {
    match (asked.check(), asked.leaf) {
        (Some(Check::EqualsText(text)), _) => Some(vec![text.to_string()]),
        (Some(Check::EqualsBool(value)), _) => Some(vec![value.to_string()]),
        (Some(Check::InTexts(set)), _) => Some(set.iter().map(str::to_owned).collect()),
        (Some(Check::InMixed(mixed)), _) if mixed.numbers.is_empty() => {
            Some(mixed.texts.iter().map(str::to_owned).chain(mixed.bools.iter().map(bool::to_string)).collect())
        }
        // A segment's list may be far longer than any other.
        (None, Leaf::Included(segment)) => within_bound(segment.included.iter()),
        (None, Leaf::Excluded(segment)) => within_bound(segment.excluded.iter()),
        _ => None,
    }
}

fn within_bound<'t>(ids: impl Iterator<Item = &'t str>) -> Option<Vec<String>> {
    let ids: Vec<_> = ids.take(LIST_LENGTH_MAX + 1).map(str::to_owned).collect();
    (ids.len() <= LIST_LENGTH_MAX).then_some(ids)
}

/// Texts that one check lets in by itself.
fn own(asked: &Asked<'_>, texts: &mut Vec<String>) {
    match (asked.check(), asked.leaf) {
        (Some(Check::EqualsFolded(text)), _) => texts.extend(cases(text.as_str())),
        (Some(Check::InFolded(set)), _) => texts.extend(set.iter().take(TEXTS_MAX / 4).flat_map(cases)),
        (Some(Check::InMixed(mixed)), _) => {
            texts.extend(mixed.texts.iter().map(str::to_owned).chain(mixed.bools.iter().map(bool::to_string)));
        }
        (Some(Check::Matches(pattern)), _) => texts.extend(pattern::samples(pattern)),
        (None, Leaf::Included(segment)) => texts.extend(segment.included.iter().take(TEXTS_MAX / 2).map(str::to_owned)),
        (None, Leaf::Excluded(segment)) => texts.extend(segment.excluded.iter().take(TEXTS_MAX / 2).map(str::to_owned)),
        _ => {}
    }
}

fn cases(text: &str) -> Vec<String> {
    let mut chars = text.chars();
    let capital = chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default();
    vec![text.to_owned(), text.to_uppercase(), capital]
}

/// The parts that must stand in the text, put together: beginnings, what must be anywhere, endings. Parts that another one
/// holds already are left out, and an ending may begin where a beginning ends.
fn composed(all: &[Asked<'_>]) -> Vec<String> {
    let mut parts: [Vec<&str>; 3] = Default::default();
    for asked in all.iter().filter(|asked| asked.is_positive) {
        let Some((place, text, _)) = asked.check().and_then(Check::part) else { continue };
        let [starts, middles, ends] = &mut parts;
        match place {
            TextPlace::Start => starts.push(text),
            TextPlace::Anywhere => middles.push(text),
            TextPlace::End => ends.push(text),
        }
    }
    if parts.iter().all(Vec::is_empty) {
        return Vec::new();
    }
    let [starts, middles, ends] = parts;
    let longest = |texts: &[&str]| texts.iter().max_by_key(|text| text.len()).map(|text| (*text).to_owned()).unwrap_or_default();
    let (start, end) = (longest(&starts), longest(&ends));
    let mut composed = Vec::new();
    let gaps: &[&str] = if starts.len() + middles.len() + ends.len() > 1 { &["", " ", "-"] } else { &[""] };
    for gap in gaps {
        let mut text = start.clone();
        for middle in &middles {
            if !text.contains(middle) && !end.contains(middle) {
                if !text.is_empty() {
                    text.push_str(gap);
                }
                text.push_str(middle);
            }
        }
        let overlap = (0..=end.len()).rev().filter(|at| end.is_char_boundary(*at)).find(|at| text.ends_with(end.split_at(*at).0));
        composed.push(format!("{text}{}", end.split_at(overlap.unwrap_or(0)).1));
        composed.push(format!("{text}{gap}{end}"));
        // A part that another one seemed to hold may be needed again where case counts for one and not for the other.
        composed.push(format!("{start}{gap}{}{gap}{end}", middles.join(gap)));
    }
    let upper: Vec<_> = composed.iter().map(|text| text.to_uppercase()).collect();
    composed.extend(upper);
    composed
}

/// A number as texts.
fn spelled(number: f64) -> [String; 4] {
    let plain = crate::model::plain_number(number).to_string();
    [plain.clone(), format!("{plain}.0"), format!("{plain}e0"), format!("+{plain}")]
}

/// The ends of `before` and `after`, and what lies next to them.
pub(super) fn instants(all: &[Asked<'_>]) -> Vec<String> {
    let mut texts = Vec::new();
    for check in all.iter().filter_map(Asked::check) {
        let (Check::Before(at) | Check::After(at)) = check else { continue };
        for nanos in [0, 1_000_000_000, -1_000_000_000, 1, -1] {
            texts.push(Timestamp::from_nanos(at.as_nanos() + nanos).to_string());
        }
    }
    texts
}

/// The first and last address of each network, and those next to them.
pub(super) fn addresses(all: &[Asked<'_>]) -> Vec<String> {
    let mut texts = Vec::new();
    for check in all.iter().filter_map(Asked::check) {
        let Check::Network(networks) = check else { continue };
        for (first, last) in &networks.v4 {
            let (low, high) = (u32::from(*first), u32::from(*last));
            let near = [Some(low), Some(high), low.checked_sub(1), high.checked_add(1)];
            texts.extend(near.into_iter().flatten().map(|bits| IpAddr::V4(Ipv4Addr::from(bits)).to_string()));
        }
        for (first, last) in &networks.v6 {
            let (low, high) = (u128::from(*first), u128::from(*last));
            let near = [Some(low), Some(high), low.checked_sub(1), high.checked_add(1)];
            texts.extend(near.into_iter().flatten().map(|bits| IpAddr::V6(Ipv6Addr::from(bits)).to_string()));
        }
    }
    texts
}

/// Each version that is asked about, and those next to it in what people count.
fn versions(all: &[Asked<'_>]) -> Vec<String> {
    let mut texts = Vec::new();
    for check in all.iter().filter_map(Asked::check) {
        let Check::Version(_, operand) = check else { continue };
        let Some(version) = &operand.version else { continue };
        texts.push(operand.text.to_string());
        let [major, minor, patch] = version.core();
        let mut around = Vec::new();
        around.extend(patch.checked_add(1).map(|patch| [major, minor, patch]));
        around.extend(minor.checked_add(1).map(|minor| [major, minor, 0]));
        around.extend(major.checked_add(1).map(|major| [major, 0, 0]));
        around.push([major, minor, patch]);
        around.extend(patch.checked_sub(1).map(|patch| [major, minor, patch]));
        around.extend(minor.checked_sub(1).map(|minor| [major, minor, 0]));
        around.extend(major.checked_sub(1).map(|major| [major, 0, 0]));
        let plain: Vec<_> = around.iter().map(|[a, b, c]| format!("{a}.{b}.{c}")).collect();
        texts.extend(plain.iter().cloned());
        texts.extend(plain.iter().map(|text| format!("{text}-0")));
        if version.is_pre_release() {
            let core = operand.text.split('+').next().unwrap_or_default();
            texts.extend([format!("{core}.0"), format!("{core}.1")]);
        }
    }
    if !texts.is_empty() {
        texts.push("0.0.0-0".to_owned());
    }
    texts
}

/// The operands of `lt` and its kin on texts, what comes right behind each, and what comes before all. No two texts between
/// which none of these lies differ for such a check.
pub(super) fn ordered(all: &[Asked<'_>]) -> Vec<String> {
    let mut texts = Vec::new();
    for check in all.iter().filter_map(Asked::check) {
        if let Check::Text(_, operand) = check {
            texts.extend([operand.to_string(), format!("{operand}a"), format!("{operand} "), format!("{operand}\u{0}")]);
        }
    }
    if !texts.is_empty() {
        texts.push(String::new());
    }
    texts
}

/// The same text with something before or behind it, or in other case: for what forbids the plain one.
fn variations(text: &str, forbidden: usize) -> Vec<String> {
    let mut varied: Vec<_> =
        ["a", "0", "1", "x", "-", " ", ".0"].iter().flat_map(|more| [format!("{text}{more}"), format!("{more}{text}")]).collect();
    varied.extend([text.to_uppercase(), text.to_lowercase()]);
    varied.extend((0..forbidden.min(8)).flat_map(|i| [format!("{text}{i}{i}"), format!("{i}{i}{text}")]));
    varied
}

//! A list attribute, laid out once by what tests ask of it, so that a test looks at a few of its values instead of all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::AttributeValue;
use super::texts::Texts;
use crate::compile::decimal;
use crate::fold::Folded;
use crate::timestamp::Timestamp;
use crate::version::{OwnedVersion, Version};

/// What tests can read a list's values as. A text that says a number, say, stands in `texts` and in `numbers`.
///
/// A user's list holds only single values, and its numbers are finite.
#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) texts: Texts,
    /// With their case gone; none where the texts are like that as they are.
    folded: Option<Texts>,
    /// In order.
    pub(crate) numbers: Box<[f64]>,
    has_true: bool,
    has_false: bool,
    /// The first and the last.
    pub(crate) instants: Option<(Timestamp, Timestamp)>,
    /// By precedence.
    pub(crate) versions: Box<[OwnedVersion]>,
    /// In order.
    pub(crate) v4: Box<[Ipv4Addr]>,
    /// In order; those that stand for an IPv4 address are there.
    pub(crate) v6: Box<[Ipv6Addr]>,
}

impl List {
    pub(super) fn new(values: &[AttributeValue]) -> Self {
        let texts: Vec<_> = values.iter().filter_map(|v| if let AttributeValue::String(text) = v { Some(&**text) } else { None }).collect();
        let plain = values.iter().filter_map(|v| if let AttributeValue::Number(number) = v { Some(*number) } else { None });
        let mut numbers: Box<[f64]> = plain.chain(texts.iter().filter_map(|text| decimal(text))).collect();
        numbers.sort_unstable_by(f64::total_cmp);
        let mut versions: Box<[OwnedVersion]> = texts.iter().filter_map(|text| Version::parse(text)).map(Version::to_owned).collect();
        versions.sort_unstable_by(OwnedVersion::precedence);
        let instants: Vec<_> = texts.iter().filter_map(|text| Timestamp::read(text)).collect();
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for address in texts.iter().filter_map(|text| text.parse::<IpAddr>().ok()) {
            match address.to_canonical() {
                IpAddr::V4(address) => v4.push(address),
                IpAddr::V6(address) => v6.push(address),
            }
        }
        v4.sort_unstable();
        v6.sort_unstable();
        let says = |wanted: bool| values.contains(&AttributeValue::Bool(wanted)) || texts.contains(&if wanted { "true" } else { "false" });
        Self {
            numbers,
            has_true: says(true),
            has_false: says(false),
            instants: instants.iter().min().copied().zip(instants.iter().max().copied()),
            versions,
            v4: v4.into(),
            v6: v6.into(),
            folded: folded(&texts),
            texts: Texts::new(texts),
        }
    }

    /// The texts with their case gone.
    pub(crate) fn folded(&self) -> &Texts {
        self.folded.as_ref().unwrap_or(&self.texts)
    }

    /// Whether the list has this boolean, or a text that says it.
    pub(crate) fn has_bool(&self, wanted: bool) -> bool {
        if wanted { self.has_true } else { self.has_false }
    }
}

/// The texts with their case gone, if that changes any of them.
fn folded(texts: &[&str]) -> Option<Texts> {
    let is_folded = |text: &&str| text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if texts.iter().all(is_folded) {
        return None;
    }
    let folded: Vec<_> = texts.iter().map(|text| Folded::new(text)).collect();
    Some(Texts::new(folded.iter().map(Folded::as_str).collect()))
}

//! What generated documents are made of. The pools are small, so that operands and attributes meet often, and full of
//! values at which readings of the design may differ.

use serde_json::{Value, json};

use crate::dice::Dice;

pub(crate) const TENANTS: [&str; 3] = ["acme", "globex", "a"];

pub(crate) const NAMES: [&str; 12] =
    ["country", "plan", "age", "beta", "tags", "version", "ip", "signup", "org", "org.id", "org.owner.id", "org.owner"];

pub(crate) const TEXTS: [&str; 40] = [
    "", "CA", "ca", "CAN", "FR", "pro", "true", "false", "True", "0", "30", "30.0", "+30", "3e1", "030", "-5", "1e400", "inf", "nan",
    " 30", "30 ", "é", "É", "e\u{301}", "ΟΔΟΣ", "οδος", "οδοσ", "straße", "STRASSE", "İ", "i̇", "用户", "🙂", "z", "Zürich", "K", "k",
    "\u{212a}", "\n", "a.b",
];

pub(crate) const VERSIONS: [&str; 18] = [
    "1",
    "1.2",
    "1.2.0",
    "1.2.3",
    "1.10.0",
    "2.0.0-rc.1",
    "2.0.0-rc.1.1",
    "2.0.0-alpha",
    "2.0.0",
    "2-beta",
    "2.1-beta",
    "2.1.0-beta",
    "1.0.0+build",
    "1.0.0+a-b",
    "v1.2.3",
    "1.2.3.4",
    "01.2.3",
    "1.0.0-",
];

pub(crate) const ADDRESSES: [&str; 14] = [
    "10.0.0.1",
    "10.255.255.255",
    "11.0.0.0",
    "192.168.1.7",
    "0.0.0.0",
    "255.255.255.255",
    "::1",
    "::",
    "2001:db8::1",
    "2001:DB8:0::1",
    "::ffff:10.0.0.1",
    "::ffff:a00:1",
    "::10.0.0.1",
    "10.0.0.1:80",
];

pub(crate) const NETWORKS: [&str; 14] = [
    "10.0.0.0/8",
    "10.1.2.3/8",
    "10.0.0.1/32",
    "0.0.0.0/0",
    "192.168.0.0/16",
    "192.168.1.7",
    "::/0",
    "::1",
    "2001:db8::/32",
    "2001:db8::1/128",
    "::ffff:10.0.0.0/104",
    "::ffff:10.0.0.1",
    "::ffff:0:0/96",
    "::ffff:0:0/90",
];

pub(crate) const INSTANTS: [&str; 12] = [
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.000000001Z",
    "2025-12-31T23:59:59.999999999Z",
    "2026-01-01T02:00:00+02:00",
    "2025-12-31T19:00:00-05:00",
    "2026-06-01T12:00:00Z",
    "2020-02-29T00:00:00Z",
    "1969-12-31T23:59:59.5Z",
    "2000-01-01t00:00:00z",
    "2030-01-01T00:00:00Z",
    "2026-06-01T12:00:00.123456789+05:30",
    "1930-07-01T00:00:00Z",
];

pub(crate) const NOT_QUITE_INSTANTS: [&str; 5] =
    ["2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z"];

pub(crate) const PATTERNS: [&str; 14] = [
    "",
    "A",
    "^ca$",
    "^\\d+$",
    "(?i)straße",
    "^[^@]+$",
    "^.$",
    "\\.",
    "^(true|false)$",
    "\\bpro\\b",
    "^\\p{Greek}+$",
    "(?s)^.*$",
    "[k-z]$",
    "^2\\.0",
];

pub(crate) fn number(dice: &mut Dice<'_>) -> Value {
    dice.pick(&[
        json!(0),
        json!(-0.0),
        json!(1),
        json!(-5),
        json!(30),
        json!(30.0),
        json!(30.5),
        json!(29.999999999999996),
        json!(0.1),
        json!(1e300),
        json!(9_007_199_254_740_992_u64),
        json!(9_007_199_254_740_993_u64),
        json!(-9_007_199_254_740_992_i64),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e-320),
    ])
}

/// A text that attributes of this name often have. Each name has some texts of its own, so that equal ones meet.
pub(crate) fn text(dice: &mut Dice<'_>, name: &str) -> &'static str {
    match name {
        _ if dice.chance(20) => match dice.below(5) {
            0 => dice.pick(&VERSIONS),
            1 => dice.pick(&ADDRESSES),
            2 => dice.pick(&INSTANTS),
            _ => dice.pick(&TEXTS),
        },
        "version" => dice.pick(&VERSIONS),
        "ip" => dice.pick(&ADDRESSES),
        "signup" if dice.chance(20) => dice.pick(&NOT_QUITE_INSTANTS),
        "signup" => dice.pick(&INSTANTS),
        _ => {
            let first = name.bytes().map(usize::from).sum::<usize>() % (TEXTS.len() - 8);
            dice.pick(&TEXTS[first..first + 8])
        }
    }
}

/// A stretch of such a text, perhaps in other case: an operand for operators that look inside.
pub(crate) fn part(dice: &mut Dice<'_>, name: &str) -> String {
    let text: Vec<char> = text(dice, name).chars().collect();
    let start = if dice.chance(50) { 0 } else { dice.below(text.len() + 1) };
    let end = if dice.chance(50) { text.len() } else { start + dice.below(text.len() - start + 1) };
    let part: String = text[start..end].iter().collect();
    match dice.below(4) {
        0 => part.to_uppercase(),
        1 => part.to_lowercase(),
        _ => part,
    }
}

/// Anything that attributes of this name may have and operands may be.
pub(crate) fn scalar(dice: &mut Dice<'_>, name: &str) -> Value {
    match dice.below(8) {
        0 | 1 if !["version", "ip", "signup"].contains(&name) => number(dice),
        2 => json!(dice.chance(50)),
        _ => json!(text(dice, name)),
    }
}

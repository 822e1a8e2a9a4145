//! Tests in words.
//!
//! A sentence says what the test saw, and how that stands to what it asked for: ``country is `US`, not one of `DE`, `FR` ``.
//! What came from outside is quoted (`quote`).

use std::fmt::Write as _;
use std::net::IpAddr;

use serde_json::Value;

use super::quote::{TEXT_MAX, cut, is_mistaken_for, list, quoted, shown, shown_where};
use super::trace::{TestTrace, Trace};
use crate::compile::decimal;
use crate::timestamp::Timestamp;
use crate::version::Version;

/// Why a test holds or does not.
pub(super) fn of(trace: &Trace<'_>, now: Timestamp) -> String {
    let holds = trace.holds;
    match &trace.test {
        TestTrace::Everyone => "everyone is meant".to_owned(),
        TestTrace::Attr { attribute, operator, operand, value } => of_attribute(attribute, operator, operand, value.as_ref(), holds),
        TestTrace::UserId { operator, operand, value } => {
            of_attribute("the user's id", operator, operand, Some(&Value::String((*value).to_owned())), holds)
        }
        TestTrace::Segment if holds => inner(trace, "the user is in one of the segments"),
        TestTrace::Segment => inner(trace, "the user is in none of the segments"),
        TestTrace::Member { segment, by, user_id } => match *by {
            "excluded" => format!("user {} is in the excluded list of segment `{segment}`", quoted(user_id)),
            "included" => format!("user {} is in the included list of segment `{segment}`", quoted(user_id)),
            _ if holds => format!("the user meets the criteria of segment `{segment}`"),
            _ => format!("the user is not in segment `{segment}`: its criteria do not hold"),
        },
        TestTrace::Percentage { by, bucket, threshold, turns_at } => of_percentage(*by, *bucket, *threshold, *turns_at, now, holds),
        TestTrace::Time { after, before, now } => of_time(*after, *before, *now),
        TestTrace::Flag { flag_key, wanted, variant, .. } => {
            let wanted = list(wanted.iter().map(|variant| format!("`{variant}`")), "or");
            match variant {
                Some(variant) if holds => format!("flag `{flag_key}` gives `{variant}`"),
                Some(variant) => format!("flag `{flag_key}` gives `{variant}`, not {wanted}"),
                None => format!("flag `{flag_key}` gives nothing"),
            }
        }
        TestTrace::Cut => String::new(),
        TestTrace::All if trace.tests.is_empty() && holds => "nothing is asked".to_owned(),
        TestTrace::All if holds => "all of these hold".to_owned(),
        TestTrace::All => inner(trace, "one of these does not hold"),
        TestTrace::Any if trace.tests.is_empty() && !holds => "nothing is listed that could hold".to_owned(),
        TestTrace::Any if holds => inner(trace, "one of these holds"),
        TestTrace::Any => "none of these holds".to_owned(),
        TestTrace::Not if holds => inner(trace, "this must not hold, and does not"),
        TestTrace::Not => inner(trace, "this must not hold, but does"),
    }
}

/// With what the last test inside said: the one that decided.
fn inner(trace: &Trace<'_>, sentence: &str) -> String {
    match trace.tests.last() {
        // Deep inside, sentences would pile up.
        Some(last) if last.because.len() <= 2 * TEXT_MAX => format!("{sentence}: {}", last.because),
        _ => sentence.to_owned(),
    }
}

fn of_attribute(name: &str, operator: &str, operand: &Value, value: Option<&Value>, holds: bool) -> String {
    let name = cut(name);
    let (plain, is_negated) = plain(operator, operand);
    // What the operator finds, before it is negated.
    let finds = holds != is_negated;
    let Some(value) = value else {
        return match (plain, holds) {
            ("exists", _) | (_, false) => format!("the user has no {name}"),
            _ => format!("the user has no {name}, so it {}", verb(plain, operand, false, &|_| false)),
        };
    };
    // A text passes for the number that it reads as, but never the other way round: there the kind is the reason.
    let is_wanted = |one: &Value| !finds && one.is_string() && is_mistaken_for(one, value);
    let is_given = |one: &Value| !finds && !one.is_string() && is_mistaken_for(one, operand);
    let and_must_not = if is_negated && !holds { ", and must not be" } else { "" };
    if plain == "exists" {
        return format!("the user has {name}{}", if holds { "" } else { ", and must not have" });
    }
    if let Value::Array(items) = value {
        if items.is_empty() {
            return format!("{name} is an empty list{and_must_not}");
        }
        let found = if finds { "one of them" } else { "none of them" };
        let and_must_not = if and_must_not.is_empty() { "" } else { ", and must not be there" };
        return format!("{name} is {}; {found} {}{and_must_not}", shown_where(value, &is_given), verb(plain, operand, true, &is_wanted));
    }
    if value.is_object() {
        return format!("{name} is an object, which passes no test but `exists`");
    }
    let is_same = plain == "eq" && finds && shown(operand) == shown(value);
    if let Some(reason) = misfit(plain, operand, value).filter(|_| !finds) {
        return format!("{name} is {}, which is {reason}{and_must_not}", shown(value));
    }
    let tail = match plain {
        _ if is_same => String::new(),
        "eq" if finds => format!(", equal to {}", shown(operand)),
        _ => {
            let verb = verb(plain, operand, finds, &is_wanted);
            verb.strip_prefix("is ").map_or_else(|| format!(", which {verb}"), |rest| format!(", {rest}"))
        }
    };
    format!("{name} is {}{tail}{and_must_not}", shown_where(value, &is_given))
}

/// The operator without its negation, and whether it was negated.
fn plain<'o>(operator: &'o str, operand: &Value) -> (&'o str, bool) {
    match operator {
        "ne" => ("eq", true),
        "ine" => ("ieq", true),
        "not_in" => ("in", true),
        "inot_in" => ("iin", true),
        "exists" => ("exists", operand == &Value::Bool(false)),
        other => (other, false),
    }
}

/// Why a value of this kind can never pass the operator.
fn misfit(operator: &str, operand: &Value, value: &Value) -> Option<&'static str> {
    let text = value.as_str();
    match operator {
        "eq" | "lt" | "lte" | "gt" | "gte" if operand.is_number() => match value {
            Value::Number(_) => None,
            Value::String(text) => decimal(text).is_none().then_some("no number"),
            _ => Some("no number"),
        },
        "eq" if operand.is_boolean() => match value {
            Value::Bool(_) => None,
            _ => (!matches!(text, Some("true" | "false"))).then_some("neither `true` nor `false`"),
        },
        "in" if operand.as_array().is_some_and(|all| all.iter().any(|one| !one.is_string())) => None,
        "semver_eq" | "semver_lt" | "semver_lte" | "semver_gt" | "semver_gte" => {
            text.is_none_or(|text| Version::parse(text).is_none()).then_some("no version")
        }
        "before" | "after" => text.is_none_or(|text| Timestamp::read(text).is_none()).then_some("no instant"),
        "ip_in" => text.is_none_or(|text| text.parse::<IpAddr>().is_err()).then_some("no address"),
        _ => match value {
            Value::Number(_) => Some("a number, not a text"),
            Value::Bool(_) => Some("a boolean, not a text"),
            _ => None,
        },
    }
}

/// What the operator says of the attribute: ``is one of `DE`, `FR` ``, or that it does not; of some operands with their kind.
pub(super) fn verb(operator: &str, operand: &Value, is: bool, needs_kind: &dyn Fn(&Value) -> bool) -> String {
    let (operator, is_negated) = plain(operator, operand);
    let is = is != is_negated;
    let not = if is { "" } else { "not " };
    let blind = if operator.starts_with('i') && !matches!(operator, "in" | "ip_in") { ", case ignored" } else { "" };
    let told = |one: &Value| shown_where(one, needs_kind);
    let does = |yes: &str, no: &str| format!("{} {}{blind}", if is { yes } else { no }, told(operand));
    let either = |conjunction| match operand {
        Value::Array(items) if items.is_empty() => "nothing, the list being empty".to_owned(),
        Value::Array(items) => list(items.iter().map(told), conjunction),
        one => told(one),
    };
    match operator.strip_prefix('i').filter(|_| !blind.is_empty()).unwrap_or(operator) {
        "eq" => format!("is {not}{}{blind}", told(operand)),
        "in" => format!("is {not}one of {}{blind}", either("")),
        "lt" => format!("is {not}less than {}", told(operand)),
        "lte" => format!("is {not}at most {}", told(operand)),
        "gt" => format!("is {not}greater than {}", told(operand)),
        "gte" => format!("is {not}at least {}", told(operand)),
        "starts_with" => does("starts with", "does not start with"),
        "ends_with" => does("ends with", "does not end with"),
        "contains" => does("contains", "does not contain"),
        "matches" if operand.as_str() == Some("") => format!("{} the empty pattern", if is { "matches" } else { "does not match" }),
        "matches" => does("matches", "does not match"),
        "exists" => if is { "is there" } else { "is not there" }.to_owned(),
        "before" => format!("is {not}before {}", shown(operand)),
        "after" => format!("is {not}after {}", shown(operand)),
        "semver_eq" => format!("is {not}version {}", shown(operand)),
        "semver_lt" => format!("is {not}below version {}", shown(operand)),
        "semver_lte" => format!("is {not}version {} or below", shown(operand)),
        "semver_gt" => format!("is {not}above version {}", shown(operand)),
        "semver_gte" => format!("is {not}version {} or above", shown(operand)),
        "ip_in" => format!("is {not}in network {}", either("or")),
        other => format!("{} {}", if is { "passes" } else { "does not pass" }, quoted(other)),
    }
}

fn of_percentage(
    by: Option<&str>,
    bucket: Option<f64>,
    threshold: f64,
    turns_at: Option<Timestamp>,
    now: Timestamp,
    holds: bool,
) -> String {
    let Some(bucket) = bucket else {
        return format!("the user has no usable {} for the percentage to go by", cut(by.unwrap_or("id")));
    };
    let of_whom = by.map(|name| format!(" of {}", cut(name))).unwrap_or_default();
    let is = if holds { "is" } else { "is not" };
    let (bucket, limit) = apart(bucket, threshold);
    let mut sentence = format!("bucket {bucket}{of_whom} {is} below {limit} ({} %)", percent(threshold));
    if let Some(at) = turns_at {
        // Writing to a String does not fail.
        let _ = write!(sentence, "; the percentage {} it at {at}", if now < at { "passes" } else { "passed" });
    }
    sentence
}

/// Both numbers with as few digits as show which is less.
pub(super) fn apart(bucket: f64, threshold: f64) -> (String, String) {
    let limit = trimmed(threshold, 6);
    let shown_limit: f64 = limit.parse().unwrap_or(threshold);
    for digits in [4, 6, 9, 12] {
        let text = trimmed(bucket, digits);
        if text.parse().is_ok_and(|shown: f64| shown != shown_limit && (shown < shown_limit) == (bucket < threshold)) {
            return (text, limit);
        }
    }
    (bucket.to_string(), threshold.to_string())
}

/// As per cent, without digits that only say how numbers are kept.
pub(super) fn percent(fraction: f64) -> String {
    trimmed(fraction * 100.0, 6)
}

fn trimmed(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn of_time(after: Option<Timestamp>, before: Option<Timestamp>, now: Timestamp) -> String {
    match (after, before) {
        (Some(after), _) if now < after => format!("it is {now}, and begins at {after}"),
        (_, Some(before)) if now >= before => format!("it is {now}, and ended at {before}"),
        (_, Some(before)) => format!("it is {now}, and ends at {before}"),
        (Some(after), None) => format!("it is {now}, and began at {after}"),
        (None, None) => format!("it is {now}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_test_on_an_attribute_is_told_by_what_it_saw() {
        for (operator, operand, value, holds, sentence) in [
            ("in", json!(["DE", "FR"]), json!("US"), false, "a is `US`, not one of `DE`, `FR`"),
            ("not_in", json!(["DE", "FR"]), json!("US"), true, "a is `US`, not one of `DE`, `FR`"),
            ("not_in", json!(["DE", "FR"]), json!("DE"), false, "a is `DE`, one of `DE`, `FR`, and must not be"),
            ("eq", json!("CA"), json!("CA"), true, "a is `CA`"),
            ("eq", json!(5), json!("5.0"), true, "a is `5.0`, equal to `5`"),
            ("ne", json!("CA"), json!("CA"), false, "a is `CA`, and must not be"),
            ("eq", json!("CA"), Value::Null, false, "the user has no a"),
            ("ne", json!("CA"), Value::Null, true, "the user has no a, so it is not `CA`"),
            ("gte", json!(18), json!(16), false, "a is `16`, not at least `18`"),
            ("gte", json!(18), json!("old"), false, "a is `old`, which is no number"),
            ("eq", json!(true), json!(1), false, "a is `1`, which is neither `true` nor `false`"),
            ("starts_with", json!("x"), json!("y"), false, "a is `y`, which does not start with `x`"),
            ("icontains", json!("x"), json!("AXA"), true, "a is `AXA`, which contains `x`, case ignored"),
            ("contains", json!("x"), json!(7), false, "a is `7`, which is a number, not a text"),
            ("iin", json!(["x"]), json!("X"), true, "a is `X`, one of `x`, case ignored"),
            ("in", json!([]), json!("X"), false, "a is `X`, not one of nothing, the list being empty"),
            ("semver_lt", json!("2.0"), json!("v1"), false, "a is `v1`, which is no version"),
            ("semver_lt", json!("2.0"), json!("2.1"), false, "a is `2.1`, not below version `2.0`"),
            ("before", json!("2026-01-01T00:00:00Z"), json!("soon"), false, "a is `soon`, which is no instant"),
            ("in", json!(["5", true]), json!(5), false, "a is the number `5`, not one of the text `5`, `true`"),
            ("not_in", json!(["5", true]), json!(5), true, "a is the number `5`, not one of the text `5`, `true`"),
            ("eq", json!("5"), json!([5, 6]), false, "a is the list the number `5` and `6`; none of them is the text `5`"),
            ("eq", json!("true"), json!([true]), false, "a is the list the boolean `true`; none of them is the text `true`"),
            ("gt", json!(18), json!("18"), false, "a is `18`, not greater than `18`"),
            ("eq", json!("5"), json!(5), false, "a is `5`, which is a number, not a text"),
            ("eq", json!(true), json!("True"), false, "a is `True`, which is neither `true` nor `false`"),
            ("eq", json!(""), json!("x"), false, "a is `x`, not an empty text"),
            ("in", json!(["x"]), json!(""), false, "a is an empty text, not one of `x`"),
            ("matches", json!(""), json!(7), false, "a is `7`, which is a number, not a text"),
            ("matches", json!(""), json!([7]), false, "a is the list `7`; none of them matches the empty pattern"),
            ("ip_in", json!(["10.0.0.0/8", "::1"]), json!("11.0.0.0"), false, "a is `11.0.0.0`, not in network `10.0.0.0/8` or `::1`"),
            ("eq", json!("c"), json!(["a", "b"]), false, "a is the list `a` and `b`; none of them is `c`"),
            ("eq", json!("b"), json!(["a", "b"]), true, "a is the list `a` and `b`; one of them is `b`"),
            ("ne", json!("b"), json!(["a", "b"]), false, "a is the list `a` and `b`; one of them is `b`, and must not be there"),
            ("eq", json!("b"), json!([]), false, "a is an empty list"),
            ("eq", json!("b"), json!({}), false, "a is an object, which passes no test but `exists`"),
            ("exists", json!(true), Value::Null, false, "the user has no a"),
            ("exists", json!(false), json!(1), false, "the user has a, and must not have"),
        ] {
            let value = Some(&value).filter(|value| !value.is_null());
            assert_eq!(of_attribute("a", operator, &operand, value, holds), sentence, "{operator} {operand} {value:?}");
        }
    }

    #[test]
    fn a_bucket_and_its_threshold_are_told_apart() {
        let fixed = |by, bucket, threshold, holds| of_percentage(by, bucket, threshold, None, Timestamp::EPOCH, holds);
        assert_eq!(fixed(None, Some(0.731_234_567), 0.1, false), "bucket 0.7312 is not below 0.1 (10 %)");
        assert_eq!(fixed(Some("org"), Some(0.100_000_004), 0.1, false), "bucket 0.100000004 of org is not below 0.1 (10 %)");
        assert_eq!(fixed(None, Some(0.099_999_96), 0.1, true), "bucket 0.09999996 is below 0.1 (10 %)");
        assert_eq!(fixed(None, Some(0.2), 1.0, true), "bucket 0.2 is below 1 (100 %)");
        assert_eq!(fixed(Some("org"), None, 0.1, false), "the user has no usable org for the percentage to go by");
        let at: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        for (now, passes) in [(Timestamp::EPOCH, "passes"), (at, "passed")] {
            assert_eq!(
                of_percentage(None, Some(0.5), 0.1, Some(at), now, false),
                format!("bucket 0.5 is not below 0.1 (10 %); the percentage {passes} it at 2026-11-21T08:00:00Z")
            );
        }
    }
}

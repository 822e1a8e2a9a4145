//! Values as sentences quote them: in backticks, long things cut, and with their kind where they would be taken for another.

use serde_json::Value;

use crate::compile::decimal;

/// The most characters of a text, and the most items of a list, that a sentence quotes.
pub(super) const TEXT_MAX: usize = 60;
const ITEMS_MAX: usize = 5;

/// A value as sentences quote it.
pub(super) fn shown(value: &Value) -> String {
    shown_where(value, &|_| false)
}

/// A value, with the kind of each single one of which that must be said: ``the text `5` ``.
pub(super) fn shown_where(value: &Value, needs_kind: &dyn Fn(&Value) -> bool) -> String {
    let kind = match value {
        Value::String(text) if text.is_empty() => return "an empty text".to_owned(),
        Value::Array(items) if items.is_empty() => return "an empty list".to_owned(),
        Value::Array(items) => return format!("the list {}", list(items.iter().map(|item| shown_where(item, needs_kind)), "and")),
        Value::Object(_) => return "an object".to_owned(),
        Value::String(_) => "text",
        Value::Number(_) => "number",
        Value::Bool(_) => "boolean",
        Value::Null => "value",
    };
    let quoted = if let Value::String(text) = value { quoted(text) } else { format!("`{value}`") };
    if needs_kind(value) { format!("the {kind} {quoted}") } else { quoted }
}

/// What something would be in place of what it is, both told apart: ``the text `5` `` and ``the number `5` ``.
pub(super) fn shown_instead(to: &Value, from: &Value) -> (String, String) {
    // Who reads that 5 should be 6 would write a number, so that a text must be called one, even where it looks different.
    let is_other_kind = !from.is_string() && reads_otherwise(to);
    let needs_kind = |one: &Value| is_other_kind || [to, from].iter().any(|other| is_mistaken_for(one, other));
    (shown_where(to, &needs_kind), shown_where(from, &needs_kind))
}

/// Whether it is a text that, without its quotation marks, would be a number or a boolean.
pub(super) fn reads_otherwise(value: &Value) -> bool {
    value.as_str().is_some_and(|text| decimal(text).is_some() || reads_as_boolean(text).is_some())
}

/// Whether a value, or an item of a list, is of another kind than this one and reads the same.
pub(super) fn is_mistaken_for(one: &Value, other: &Value) -> bool {
    let reads_as = |text: &str, other: &Value| match other {
        Value::Number(number) => decimal(text).is_some_and(|read| number.as_f64() == Some(read)),
        Value::Bool(value) => reads_as_boolean(text) == Some(*value),
        _ => false,
    };
    match (one, other) {
        (_, Value::Array(items)) => items.iter().any(|item| is_mistaken_for(one, item)),
        (Value::String(text), other) | (other, Value::String(text)) => reads_as(text, other),
        _ => false,
    }
}

fn reads_as_boolean(text: &str) -> Option<bool> {
    [true, false].into_iter().find(|value| text.eq_ignore_ascii_case(&value.to_string()))
}

pub(super) fn quoted(text: &str) -> String {
    // A backtick inside would end the quotation.
    format!("`{}`", cut(text).replace('`', "'"))
}

pub(super) fn cut(text: &str) -> String {
    let mut chars = text.chars();
    let mut short: String = chars.by_ref().take(TEXT_MAX).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

/// Items with commas between them; in front of the last one the conjunction, if there is one.
pub(super) fn list(items: impl Iterator<Item = String>, conjunction: &str) -> String {
    let all: Vec<_> = items.collect();
    let (shown, rest) = all.split_at(all.len().min(ITEMS_MAX));
    match shown.split_last() {
        None => String::new(),
        Some((last, before)) if rest.is_empty() && !conjunction.is_empty() && !before.is_empty() => {
            format!("{} {conjunction} {last}", before.join(", "))
        }
        Some(_) if rest.is_empty() => shown.join(", "),
        Some(_) => format!("{} and {} more", shown.join(", "), rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn long_things_are_cut_and_backticks_cannot_end_a_quotation() {
        assert_eq!(shown(&json!("a`b")), "`a'b`");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), TEXT_MAX + 3);
        let many: Vec<_> = (0..9).map(|i| json!(i)).collect();
        assert_eq!(shown(&Value::Array(many)), "the list `0`, `1`, `2`, `3`, `4` and 4 more");
        assert_eq!((shown(&json!("")), shown(&json!([""]))), ("an empty text".to_owned(), "the list an empty text".to_owned()));
    }

    #[test]
    fn a_value_is_told_from_one_of_another_kind_that_it_would_be_taken_for() {
        for (to, from, sentence) in [
            (json!("5"), json!(5), "the text `5` instead of the number `5`"),
            (json!("5.0"), json!(5), "the text `5.0` instead of the number `5`"),
            (json!("6"), json!(5), "the text `6` instead of the number `5`"),
            (json!("true"), json!(true), "the text `true` instead of the boolean `true`"),
            (json!(true), json!("True"), "the boolean `true` instead of the text `True`"),
            (json!("5"), json!({}), "the text `5` instead of an object"),
            (json!(["1", 1]), json!(["1"]), "the list the text `1` and the number `1` instead of the list the text `1`"),
            (json!([2, "1", 1]), json!([2]), "the list `2`, the text `1` and the number `1` instead of the list `2`"),
            // Of one kind, or of kinds that nobody mistakes for each other.
            (json!("3.2"), json!("3.1"), "`3.2` instead of `3.1`"),
            (json!(18), json!("old"), "`18` instead of `old`"),
            (json!(18), json!(true), "`18` instead of `true`"),
            (json!("x"), json!(""), "`x` instead of an empty text"),
            (json!(18), json!("17"), "`18` instead of `17`"),
        ] {
            let (to, from) = shown_instead(&to, &from);
            assert_eq!(format!("{to} instead of {from}"), sentence);
        }
    }
}

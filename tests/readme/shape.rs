//! Whether an answer is the one that a document shows.

use serde_json::Value;

const ANYTHING: &str = "…";

/// Where the answer differs from what is shown, if it does.
pub(crate) fn difference(shown: &Value, answer: &Value) -> Option<String> {
    differs(shown, answer, "")
}

fn differs(shown: &Value, answer: &Value, at: &str) -> Option<String> {
    match (shown, answer) {
        (Value::String(text), _) if text == ANYTHING => None,
        (Value::Object(shown), Value::Object(answer)) => {
            let missing = shown.keys().find(|name| *name != ANYTHING && !answer.contains_key(*name));
            if let Some(name) = missing {
                return Some(format!("{at}/{name} is missing"));
            }
            let is_open = shown.contains_key(ANYTHING);
            answer.iter().find_map(|(name, value)| match shown.get(name) {
                Some(expected) => differs(expected, value, &format!("{at}/{name}")),
                None if is_open => None,
                None => Some(format!("{at}/{name} is not shown")),
            })
        }
        (Value::Array(shown), Value::Array(answer)) => {
            let is_open = shown.last().is_some_and(|last| last == ANYTHING);
            let shown = if is_open { &shown[..shown.len() - 1] } else { shown };
            if answer.len() < shown.len() || (answer.len() > shown.len() && !is_open) {
                return Some(format!("{at} has {} items, {} are shown", answer.len(), shown.len()));
            }
            shown.iter().zip(answer).enumerate().find_map(|(i, (shown, answer))| differs(shown, answer, &format!("{at}/{i}")))
        }
        _ if shown == answer => None,
        _ => Some(format!("{at} is {answer}, shown is {shown}")),
    }
}

/// Whether `text` is `shown`, line by line, where `…` stands for any piece of a line.
pub(crate) fn is_text(shown: &str, text: &str) -> bool {
    let (shown, text): (Vec<_>, Vec<_>) = (shown.trim().lines().collect(), text.trim().lines().collect());
    shown.len() == text.len() && shown.iter().zip(text).all(|(shown, line)| is_line(shown, line))
}

fn is_line(shown: &str, line: &str) -> bool {
    let mut pieces = shown.trim_end().split(ANYTHING);
    let Some(mut rest) = line.trim_end().strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let pieces: Vec<_> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn what_is_left_out_is_allowed_only_where_the_document_says_so() {
    let shown = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let answer = shown(r#"{"id": "7", "items": [1, 2], "n": {"a": 1, "b": 2}}"#);
    for same in [
        r#"{"id": "…", "items": [1, "…"], "n": {"a": 1, "…": "…"}}"#,
        r#"{"id": "7", "items": ["…", 2], "n": "…"}"#,
        r#"{"n": {"b": 2, "a": 1}, "…": "…"}"#,
    ] {
        assert_eq!(difference(&shown(same), &answer), None);
    }
    for (other, why) in [
        (r#"{"id": "8", "…": ""}"#, r#"/id is "7", shown is "8""#),
        (r#"{"id": "7"}"#, "/items is not shown"),
        (r#"{"x": "…", "…": ""}"#, "/x is missing"),
        (r#"{"items": [1], "…": ""}"#, "/items has 2 items, 1 are shown"),
        (r#"{"items": [1, 2, 3, "…"], "…": ""}"#, "/items has 2 items, 3 are shown"),
    ] {
        assert_eq!(difference(&shown(other), &answer).as_deref(), Some(why));
    }
}

#[test]
fn texts_are_compared_by_line() {
    assert!(is_text("a … c\n", "a b b c") && is_text("…", "x") && is_text("a\nb", "a\nb\n"));
    assert!(!is_text("a … c", "a b d") && !is_text("a", "a\nb") && !is_text("ab", "abc"));
}

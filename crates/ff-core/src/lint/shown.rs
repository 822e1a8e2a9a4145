//! How messages show tests.

use std::fmt;

use crate::model::{Operation, Scalar, Test};

/// A single test, to be written only when a message needs it: `age gt 5`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) test: &'a Test,
    pub(super) position: usize,
}

/// How many operands of a list a message quotes at most; they are cut by [`SHOWN_MAX`] before that.
const LISTED_MAX: usize = 20;

/// The longest operand that a message quotes, in characters.
const SHOWN_MAX: usize = 60;

impl Shown<'_> {
    fn operation(&self) -> Option<&Operation> {
        if let Test::Operations(operations) = self.test { operations.get(self.position) } else { None }
    }

    pub(super) fn operator(&self) -> Option<&'static str> {
        self.operation().map(Operation::name)
    }

    /// The test as it was written, in full or, of a long list, its beginning.
    pub(super) fn operand_text(&self) -> String {
        let beginning = |list: &[Scalar]| json(&list.iter().take(LISTED_MAX).collect::<Vec<_>>());
        match (self.test, self.operation()) {
            (Test::Is(value), _) => format!("eq {}", json(value)),
            (Test::In(list), _) => format!("in {}", beginning(list)),
            (_, Some(Operation::OneOf { values, .. })) => format!("{} {}", self.operator().unwrap_or_default(), beginning(values)),
            (_, Some(operation)) => {
                // The test's JSON is `{"name":operand}`, which is exactly what is to be shown.
                let whole = json(&Test::Operations(vec![operation.clone()]));
                let operand = whole.split_once(':').and_then(|(_, rest)| rest.strip_suffix('}')).unwrap_or_default();
                format!("{} {operand}", operation.name())
            }
            (Test::Operations(_), None) => String::new(),
        }
    }

    /// The test as it was written, short enough for a message.
    pub(super) fn as_written(&self) -> String {
        cut(&self.operand_text())
    }
}

/// The test without its negation.
impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.as_written();
        let plain = match text.split_once(' ') {
            Some(("ne", operand)) => format!("eq {operand}"),
            Some(("ine", operand)) => format!("ieq {operand}"),
            Some(("not_in", operand)) => format!("in {operand}"),
            Some(("inot_in", operand)) => format!("iin {operand}"),
            Some(("exists", _)) => "exists true".to_owned(),
            _ => text,
        };
        write!(f, "{} {plain}", self.name.map_or_else(|| "user_id".to_owned(), cut))
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A text of bounded length for a message.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Some of these in one sentence: `a, b and c`.
pub(super) fn together(texts: &[String], word: &str) -> String {
    let more = texts.len().saturating_sub(TOGETHER_MAX);
    let rest = format!("{more} more");
    let mut shown: Vec<&str> = texts.iter().take(TOGETHER_MAX).map(String::as_str).chain((more > 0).then_some(rest.as_str())).collect();
    let last = shown.pop().unwrap_or_default();
    if shown.is_empty() { last.to_owned() } else { format!("{} {word} {last}", shown.join(", ")) }
}

/// How many tests a message names.
const TOGETHER_MAX: usize = 4;

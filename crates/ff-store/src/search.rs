//! Looking for text in keys, names and descriptions, the same on both databases.
//!
//! Each database has its own idea of lower case and of what a pattern is. So rows hold what is looked through in lower
//! case already, made here, and patterns are written so that nothing in them is a wildcard.

/// Between the fields: a search never finds something that begins in one and ends in the next, since people do not
/// search for control characters.
const SEPARATOR: char = '\u{1f}';

/// The longest text that can be found, in bytes: a description of the longest kind, each character of the largest.
const FINDABLE_LENGTH_MAX: usize = ff_core::limits::DESCRIPTION_LENGTH_MAX * 4;

/// What is stored for a row with these fields.
pub(crate) fn search_text(fields: [&str; 3]) -> String {
    fields.map(fold).join(&SEPARATOR.to_string())
}

/// The LIKE pattern, with `\` as escape, of rows that hold `text` literally; none, if no row can.
pub(crate) fn pattern(text: &str) -> Option<String> {
    let folded = fold(text);
    // SQLite refuses patterns beyond 50,000 bytes, PostgreSQL texts with U+0000; neither can be found.
    if folded.len() > FINDABLE_LENGTH_MAX || folded.contains(['\0', SEPARATOR]) {
        return None;
    }
    let mut pattern = String::from("%");
    for c in folded.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    Some(pattern)
}

/// Lower case, character by character, and one sigma for all places: as the engine's operators that ignore case.
fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_literal() {
        assert_eq!(pattern(r"50%_Off\").unwrap(), r"%50\%\_off\\%");
        assert_eq!(pattern("").unwrap(), "%%");
        assert_eq!(pattern("ΟΔΟΣ").unwrap(), "%οδοσ%");
    }

    #[test]
    fn what_no_row_can_hold_is_not_asked_for() {
        assert_eq!(pattern("a\0"), None);
        assert_eq!(pattern(&"x".repeat(FINDABLE_LENGTH_MAX + 1)), None);
        assert!(pattern(&"%".repeat(FINDABLE_LENGTH_MAX)).unwrap().len() < 50_000);
    }

    #[test]
    fn fields_do_not_run_together() {
        assert_eq!(search_text(["new-checkout", "New CHECKOUT", ""]), "new-checkout\u{1f}new checkout\u{1f}");
    }
}

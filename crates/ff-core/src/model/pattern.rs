//! Regular expressions, bounded in what they may cost.

mod states;

use crate::fault::{Findings, Place};
use crate::json::Json;
use crate::limits::{REGEX_CACHE_MAX, REGEX_LENGTH_MAX, REGEX_SIZE_MAX, REGEX_TABLE_MAX};

/// A regular expression that compiles within the bounds of [`crate::limits`]. It matches in time linear in the text, and its
/// states are few enough to be remembered from one match to the next.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: regex::Regex,
    text: String,
    ignore_case: bool,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.ignore_case) == (&other.text, other.ignore_case)
    }
}

impl Pattern {
    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether case is ignored (`imatches`).
    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    pub(crate) fn regex(&self) -> &regex::Regex {
        &self.regex
    }

    pub(crate) fn read(json: &Json<'_>, ignore_case: bool, at: &Place<'_>, found: &mut Findings) -> Option<Self> {
        let text = json.string(at, found)?.to_owned();
        match build(&text, ignore_case) {
            Ok(regex) => Some(Self { regex, text, ignore_case }),
            Err(message) => {
                found.add(at, message);
                None
            }
        }
    }
}

/// # Errors
/// What is wrong with the expression.
fn build(text: &str, ignore_case: bool) -> Result<regex::Regex, String> {
    if text.len() > REGEX_LENGTH_MAX {
        return Err(format!("a regular expression must have at most {REGEX_LENGTH_MAX} bytes, got {}", text.len()));
    }
    let built =
        regex::RegexBuilder::new(text).case_insensitive(ignore_case).size_limit(REGEX_SIZE_MAX).dfa_size_limit(REGEX_CACHE_MAX).build();
    let regex = match built {
        Ok(regex) => regex,
        Err(regex::Error::CompiledTooBig(_)) => return Err(format!("the regular expression compiles to more than {REGEX_SIZE_MAX} bytes")),
        Err(error) => {
            // The crate's message draws the expression over several lines; its last one says what is wrong.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            return Err(format!("not a regular expression: {reason}"));
        }
    };
    if states::fit(text, ignore_case, REGEX_TABLE_MAX) {
        Ok(regex)
    } else {
        Err(format!(
            "the regular expression has too many states: its table takes more than {REGEX_TABLE_MAX} bytes; counted gaps such as `.{{0,20}}` multiply them, `.*` does not"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_that_people_write_fit() {
        for (text, ignore_case) in [
            ("", false),
            (r"\w+@\w+\.\w+", false),
            (r"[\w.+-]+@[\w-]+\.[\w.]+", false),
            (r"^[^@]+@(corp|example)\.(com|org)$", true),
            (r"(iphone|ipad|android.*mobile|windows phone)", true),
            (r"Mozilla/5\.0 .*Chrome/(9[0-9]|1[0-9]{2})\..*Safari", false),
            (r"^(25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})(\.(25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})){3}$", false),
            (r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", true),
            (r"^([a-z0-9]+[-.])*[a-z0-9]{2,63}\.(com|net|org|io|dev)$", false),
            (r"^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$", false),
            (r"\bpro\b|\Bx", false),
            (r"^\p{Greek}+$", false),
            (r"straße", true),
            (r"^.{1,60}$", false),
            (r"^(x+x+){20}y", false),
        ] {
            assert!(build(text, ignore_case).is_ok(), "{text}: {:?}", build(text, ignore_case));
        }
    }

    #[test]
    fn expressions_whose_states_multiply_are_refused() {
        for text in [r"[ab]*a[ab]{12}c", r"[ab]*a[ab]{100}c", r"foo.{0,50}bar", r"(a|b)*a(a|b){15}", r"é.{20}[éx]"] {
            assert!(build(text, false).is_err_and(|message| message.contains("too many states")), "{text}");
        }
    }
}

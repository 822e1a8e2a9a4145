//! Texts that a regular expression may match.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::limits::OPERAND_LENGTH_MAX;
use crate::model::Pattern;

/// How many texts are made of one expression.
const SAMPLES: usize = 8;

/// Characters that read well, if the expression leaves a choice.
const PLAIN: [char; 6] = ['a', 'A', '0', '1', '-', 'x'];

/// Some short texts in the expression's form. What it says about places, such as the ends of words, is not looked at: whether
/// a text matches is for the engine to say.
pub(super) fn samples(pattern: &Pattern) -> Vec<String> {
    let parsed = ParserBuilder::new().case_insensitive(pattern.ignores_case()).build().parse(pattern.as_str());
    let Ok(parsed) = parsed else { return Vec::new() };
    let mut samples = Vec::new();
    for number in 0..SAMPLES {
        let mut text = String::new();
        if write(&parsed, number, &mut text).is_some() && !samples.contains(&text) {
            samples.push(text);
        }
    }
    samples
}

/// Nothing, where the text gets too long or the expression matches no text. The number picks among alternatives, and whether
/// what may be repeated is.
fn write(part: &Hir, number: usize, text: &mut String) -> Option<()> {
    if text.len() > OPERAND_LENGTH_MAX {
        return None;
    }
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(character(class, number)?),
        HirKind::Repetition(repetition) => {
            let more = u32::from(number >= SAMPLES / 2 && repetition.max.is_none_or(|max| max > repetition.min));
            for _ in 0..repetition.min + more {
                write(&repetition.sub, number, text)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, number, text)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, number, text))?,
        HirKind::Alternation(parts) => write(parts.get(number % parts.len().max(1))?, number, text)?,
    }
    Some(())
}

fn character(class: &Class, number: usize) -> Option<char> {
    let Class::Unicode(class) = class else { return None };
    let mut ranges = class.ranges().iter().map(|range| (range.start(), range.end()));
    let plain = PLAIN.into_iter().cycle().skip(number).take(PLAIN.len());
    let mut plain = plain.filter(|c| ranges.clone().any(|(first, last)| (first..=last).contains(c)));
    plain.next().or_else(|| ranges.next().map(|(first, _)| first))
}

#[cfg(test)]
mod tests {
    use crate::Condition;
    use crate::model::{Clause, Operation, Test};

    use super::*;

    #[test]
    fn a_sample_of_an_everyday_expression_matches_it() {
        for text in [
            "^ca$",
            r"^[^@]+@example\.com$",
            r"^\d{3}-\d{2}$",
            "^(true|false)$",
            r"\bpro\b",
            r"^\p{Greek}+$",
            "(?i)straße",
            "[k-z]$",
            "",
            "a{20}",
        ] {
            let condition = Condition::from_value(&serde_json::json!({"attr": {"a": {"matches": text}}})).unwrap();
            let Clause::Attr(tests) = &condition.clauses[0] else { panic!("a test") };
            let Test::Operations(operations) = &tests[0].1 else { panic!("operators") };
            let Operation::Matches(pattern) = &operations[0] else { panic!("an expression") };
            let samples = samples(pattern);
            assert!(samples.iter().any(|sample| pattern.regex().is_match(sample)), "{text}: {samples:?}");
        }
    }
}

//! How many states does a regular expression have when it runs as a table?
//!
//! The `regex` crate builds that table while it matches, row by row, and forgets it when it grows too large. An expression
//! whose table has more rows than a text has characters then makes every character cost as much as a new row: `[ab]*a[ab]{12}c`
//! has thousands, `[ab]*a[ab]{100}c` more than there are atoms. So the table is built once beforehand, up to a bound, and thrown
//! away.
//!
//! To be quick, and to count only what multiplies, all characters beyond ASCII are taken for one: classes of letters in every
//! script are large in bytes, yet add to the table and do not multiply it.

use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson;
use regex_syntax::hir::{Capture, Class, ClassBytes, ClassBytesRange, Hir, HirKind, Look, Repetition};

/// Room for the sets of positions that the rows stand for, while the table is built, in tables.
const SCRATCH: usize = 4;

/// The byte that stands for all characters beyond ASCII; no text has it.
const BEYOND: u8 = 0xFF;

/// Whether the table takes at most so many bytes. `text` is known to be a regular expression.
pub(super) fn fit(text: &str, ignore_case: bool, table_max: usize) -> bool {
    let Ok(hir) = regex_syntax::ParserBuilder::new().case_insensitive(ignore_case).build().parse(text) else { return false };
    let positions = thompson::Config::new().utf8(false).which_captures(thompson::WhichCaptures::None).nfa_size_limit(Some(table_max));
    let Ok(nfa) = thompson::Compiler::new().configure(positions).build_from_hir(&in_few_characters(&hir)) else { return false };
    let table = dense::Config::new()
        .accelerate(false)
        .minimize(false)
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(table_max))
        .determinize_size_limit(Some(table_max * SCRATCH));
    dense::Builder::new().configure(table).build_from_nfa(&nfa).is_ok()
}

/// The same expression with one character for all beyond ASCII. Its depth is bounded by the parser.
fn in_few_characters(hir: &Hir) -> Hir {
    let all = |parts: &[Hir]| parts.iter().map(in_few_characters).collect();
    match hir.kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => Hir::concat(text.chars().map(|c| class([(c, c)])).collect()),
            Err(_) => hir.clone(),
        },
        HirKind::Class(Class::Unicode(unicode)) => class(unicode.ranges().iter().map(|range| (range.start(), range.end()))),
        HirKind::Class(Class::Bytes(_)) => hir.clone(),
        HirKind::Look(look) => Hir::look(ascii(*look)),
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
            Hir::repetition(Repetition { min: *min, max: *max, greedy: *greedy, sub: Box::new(in_few_characters(sub)) })
        }
        HirKind::Capture(Capture { index, name, sub }) => {
            Hir::capture(Capture { index: *index, name: name.clone(), sub: Box::new(in_few_characters(sub)) })
        }
        HirKind::Concat(parts) => Hir::concat(all(parts)),
        HirKind::Alternation(parts) => Hir::alternation(all(parts)),
    }
}

fn class(ranges: impl IntoIterator<Item = (char, char)>) -> Hir {
    let mut bytes = ClassBytes::empty();
    for (start, end) in ranges {
        if start.is_ascii() {
            bytes.push(ClassBytesRange::new(start as u8, end.min('\x7F') as u8));
        }
        if !end.is_ascii() {
            bytes.push(ClassBytesRange::new(BEYOND, BEYOND));
        }
    }
    Hir::class(Class::Bytes(bytes))
}

/// Tables know the edges of ASCII words only.
fn ascii(look: Look) -> Look {
    match look {
        Look::WordUnicode => Look::WordAscii,
        Look::WordUnicodeNegate => Look::WordAsciiNegate,
        Look::WordStartUnicode => Look::WordStartAscii,
        Look::WordEndUnicode => Look::WordEndAscii,
        Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
        Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
        look => look,
    }
}

//! `docs/lint.md`: a section for each code, whose first example causes exactly that finding and whose others cause none.

use std::collections::BTreeMap;

use ff_core::{EnvironmentKey, Flag, LintCode, Ruleset, Segment};
use serde_json::Value;

use crate::markdown::{self, Block};

const PATH: &str = "docs/lint.md";

/// The examples of each section, by its heading.
fn sections(document: &str) -> BTreeMap<String, Vec<Block>> {
    let headings: Vec<_> =
        document.lines().enumerate().filter_map(|(i, line)| line.strip_prefix("### ").map(|name| (i + 1, name.to_owned()))).collect();
    let mut sections: BTreeMap<_, Vec<_>> = headings.iter().map(|(_, name)| (name.clone(), Vec::new())).collect();
    for block in markdown::blocks(document) {
        let (_, name) = headings.iter().rev().find(|(line, _)| *line < block.line).unwrap();
        sections.get_mut(name).unwrap().push(block);
    }
    sections
}

/// The codes of all that is found in a file of flags and segments.
fn found(block: &Block) -> Vec<LintCode> {
    let file: Value = serde_json::from_str(&block.text).unwrap_or_else(|error| panic!("{PATH}:{}: {error}", block.line));
    let list = |name: &str| file[name].as_array().cloned().unwrap_or_default();
    let fault = |faults: ff_core::Faults| -> String { panic!("{PATH}:{}: {faults}", block.line) };
    let flags: Vec<_> = list("flags").iter().map(|flag| Flag::from_value(flag).map_err(fault).unwrap()).collect();
    let segments: Vec<_> = list("segments").iter().map(|segment| Segment::from_value(segment).map_err(fault).unwrap()).collect();
    let ruleset = Ruleset::compile("t".parse().unwrap(), EnvironmentKey::production(), 0, &flags, &segments).map_err(fault).unwrap();
    let of_flags = flags.iter().flat_map(|flag| ruleset.lint(flag));
    of_flags.chain(segments.iter().flat_map(|segment| ruleset.lint_segment(segment))).map(|finding| finding.code).collect()
}

#[test]
fn every_code_has_a_section_whose_examples_do_what_they_say() {
    let document = markdown::read(PATH);
    let sections = sections(&document);
    let names: Vec<_> = LintCode::ALL.iter().map(|code| code.as_str()).collect();
    assert!(sections.keys().all(|name| names.contains(&name.as_str())), "{:?}", sections.keys());
    for code in LintCode::ALL.iter().copied() {
        let examples = sections.get(code.as_str()).unwrap_or_else(|| panic!("{PATH} has no section on `{code}`"));
        let [wrong, right @ ..] = examples.as_slice() else { panic!("{PATH} has no example of `{code}`") };
        assert_eq!(found(wrong), [code], "{PATH}:{}", wrong.line);
        assert!(!right.is_empty(), "{PATH} does not show what to do about `{code}`");
        for example in right {
            assert_eq!(found(example), [], "{PATH}:{}", example.line);
        }
        assert_eq!(code.docs(), format!("{PATH}#{code}"));
        assert!(document.contains(&format!("| [`{code}`](#{code}) |")), "the list at the top lacks `{code}`");
    }
}

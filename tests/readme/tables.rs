//! Tables that repeat what the code says.

use std::collections::BTreeSet;

use ff_server::problem::ProblemType;

use crate::markdown::{self, code};

/// Variables that the configuration reads: names in capitals between quotation marks in its source.
fn variables_in_source() -> BTreeSet<String> {
    let source = ["mod", "webhook"].map(|file| markdown::read(&format!("crates/ff-server/src/config/{file}.rs"))).concat();
    let is_name = |text: &&str| text.len() >= 4 && text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    source.split('"').filter(is_name).map(str::to_owned).collect()
}

#[test]
fn the_readme_lists_every_variable_of_the_configuration() {
    let rows = markdown::rows(&markdown::read("README.md"), &["variable", "meaning", "default"]);
    let listed: BTreeSet<_> =
        rows.iter().flat_map(|row| row[0].split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect();
    assert_eq!(listed, variables_in_source());
}

#[test]
fn the_api_guide_lists_every_type_of_problem_with_its_status() {
    let rows = markdown::rows(&markdown::read("docs/api.md"), &["status", "code", "when"]);
    let listed: BTreeSet<_> = rows.iter().map(|row| (row[0].parse::<u16>().unwrap(), code(&row[1]).to_owned())).collect();
    let known: BTreeSet<_> = ProblemType::ALL.iter().map(|kind| (kind.status().as_u16(), kind.code().to_owned())).collect();
    assert_eq!(listed, known);
}

/// `1_000`, `64 * 1024`
fn product(expression: &str) -> u64 {
    expression.split('*').map(|factor| factor.trim().replace('_', "").parse::<u64>().unwrap()).product()
}

#[test]
fn the_reference_lists_every_bound_of_the_engine() {
    let source = markdown::read("crates/ff-core/src/limits.rs");
    let constants = source.lines().filter_map(|line| line.strip_prefix("pub const ")).map(|line| {
        let (name, rest) = line.split_once(':').unwrap();
        (name.to_owned(), product(rest.split_once('=').unwrap().1.trim_end_matches(';')))
    });
    let bounds: BTreeSet<_> = constants.collect();
    let rows = markdown::rows(&markdown::read("docs/conditions.md"), &["what", "at most", "name"]);
    let listed: BTreeSet<_> = rows.iter().map(|row| (code(&row[2]).to_owned(), row[1].replace(',', "").parse::<u64>().unwrap())).collect();
    assert_eq!(listed, bounds);
}

#[test]
fn the_embedding_guide_says_of_every_dependency_of_the_engine_why_it_is_there() {
    let manifest = markdown::read("crates/ff-core/Cargo.toml");
    let section = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let listed =
        section.lines().filter_map(|line| line.split(['.', ' ', '=']).next().filter(|name| !name.is_empty() && !name.starts_with('#')));
    let mut listed: Vec<_> = listed.collect();
    let document = markdown::read("docs/embedding.md");
    let rows = markdown::rows(&document, &["crate", "why"]);
    let mut told: Vec<_> = rows.iter().map(|row| markdown::code(&row[0])).collect();
    listed.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, listed);
}

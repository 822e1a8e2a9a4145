//! Tables that repeat what the code says.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use ff_server::config::manual::{Described, VARIABLES};
use ff_server::config::{Config, Overrides, Variables};
use ff_server::problem::ProblemType;

use crate::links::{documents, without_code};
use crate::markdown::{self, code};

#[test]
fn every_row_stands_in_a_table() {
    let is_rule = |line: &&str| line.starts_with("| -") && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '));
    for path in documents() {
        let text = without_code(&markdown::read(&path));
        let lines: Vec<_> = text.lines().collect();
        for (i, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with('|')) {
            let goes_on = i.checked_sub(1).is_some_and(|above| lines[above].starts_with('|'));
            assert!(goes_on || lines.get(i + 1).is_some_and(is_rule), "{path}: no table begins with {line}");
        }
    }
}

/// Variables that the configuration reads: names in capitals between quotation marks in its source.
fn variables_in_source() -> BTreeSet<String> {
    let source = ["mod", "webhook"].map(|file| markdown::read(&format!("crates/ff-server/src/config/{file}.rs"))).concat();
    let is_name = |text: &&str| text.len() >= 4 && text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    source.split('"').filter(is_name).map(str::to_owned).collect()
}

/// Variables with their defaults, by the README.
fn variables_in_readme() -> BTreeMap<String, String> {
    let rows = markdown::rows(&markdown::read("README.md"), &["variable", "meaning", "default"]);
    rows.iter().map(|row| (code(&row[0]).to_owned(), row[2].replace('`', ""))).collect()
}

#[test]
fn the_readme_and_the_help_list_every_variable_of_the_configuration_with_its_default() {
    let listed = variables_in_readme();
    assert_eq!(listed.keys().cloned().collect::<BTreeSet<_>>(), variables_in_source());
    let helped: BTreeMap<_, _> = VARIABLES.iter().map(|v| (v.name.to_owned(), v.default.to_owned())).collect();
    assert_eq!(helped, listed);
    let help = Command::new(env!("CARGO_BIN_EXE_ff-server")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for Described { name, meaning, .. } in VARIABLES {
        let line = help.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap_or_else(|| panic!("no {name} in {help}"));
        assert!(line.contains(meaning), "{line}");
    }
}

/// What the server would be with this secret and these variables.
fn configured(variables: &[(&str, &str)]) -> Result<String, String> {
    let secret = [("JWT_SECRET", "an-example-of-a-secret-with-enough-bytes")];
    let variables: Variables = variables.iter().copied().chain(secret).collect();
    Config::load(&variables, &Overrides::default()).map(|config| format!("{config:?}")).map_err(|error| error.to_string())
}

#[test]
fn the_defaults_are_those_that_are_listed() {
    let unset = configured(&[]).unwrap();
    let mut compared = 0;
    for (name, default) in &variables_in_readme() {
        let number = default.split(';').next().unwrap().parse::<u64>();
        let Ok(other) = number.as_ref().map(|number| (number + 1).to_string()).or(match name.as_str() {
            "DB_DSN" => Ok("sqlite://other.db".to_owned()),
            "BIND" => Ok("127.0.0.1:8081".to_owned()),
            "LOG_LEVEL" => Ok("warn".to_owned()),
            "READY_WHEN_DEGRADED" => Ok("false".to_owned()),
            _ => Err(()),
        }) else {
            continue;
        };
        let default = number.map_or_else(|_| default.clone(), |number| number.to_string());
        assert_eq!(configured(&[(name, &default)]).as_ref(), Ok(&unset), "{name} is {default}, if it is not set");
        assert_ne!(configured(&[(name, &other)]).as_ref(), Ok(&unset), "{name} makes no difference");
        compared += 1;
    }
    assert!(compared >= 20, "{compared}");
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
    assert!(document.contains(&format!(" {} crates, ", listed.len())), "the guide counts other than {}", listed.len());
}

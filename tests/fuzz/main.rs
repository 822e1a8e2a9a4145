//! The fuzz targets on any toolchain: with the tests' own data, with inputs that once failed, and with changed copies.
//!
//! - `FF_FUZZ_CASES`: changed copies tried for each target (1,000 where it is not set).
//! - `FF_PROPERTY_SEED` repeats a run: each test prints its seed, and an input that fails. In CI all runs have the same one.
//!
//! `just fuzz` runs the same functions under a fuzzer that is guided by coverage; what it finds goes to `tests/data/fuzz/<target>/`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test fails by panicking, and says on stdout what it tried"
)]

mod checks;
mod mutate;
mod seeds;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use mutate::{Choices, changed};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn number_from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, got {text:?}")))
}

/// What a run begins from: what it is told; in CI always the same, so that whoever is refused has changed something; else by chance.
fn seed() -> u64 {
    let usual = || if std::env::var_os("CI").is_some() { 1 } else { RandomState::new().build_hasher().finish() };
    number_from_environment("FF_PROPERTY_SEED").unwrap_or_else(usual)
}

/// The strings of libFuzzer's dictionary format: `"…"` with `\\`, `\"` and `\xAB`.
fn dictionary() -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(root().join("fuzz/dictionary.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| unescaped(line.strip_prefix('"').unwrap().strip_suffix('"').unwrap())).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes().iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => match rest.next().unwrap() {
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                }
                other => bytes.push(other),
            },
            _ => bytes.push(byte),
        }
    }
    bytes
}

/// Inputs that once failed.
fn findings(target: &str) -> Vec<Vec<u8>> {
    let folder = root().join("tests/data/fuzz").join(target);
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn run(check: fn(&[u8]), input: &[u8]) {
    if let Err(panic) = std::panic::catch_unwind(AssertUnwindSafe(|| check(input))) {
        println!("fails for:\n{}", String::from_utf8_lossy(input));
        std::panic::resume_unwind(panic);
    }
}

fn hold(target: &str, check: fn(&[u8])) {
    let mut inputs: Vec<Vec<u8>> = seeds::seeds(&root().join("tests/data"), target).into_iter().map(String::into_bytes).collect();
    assert!(inputs.len() >= 200, "only {} inputs", inputs.len());
    inputs.extend(findings(target));
    inputs.iter().for_each(|input| run(check, input));

    let seed = seed();
    println!("FF_PROPERTY_SEED={seed}");
    let names = names();
    let mut choices = Choices(seed);
    for _ in 0..number_from_environment("FF_FUZZ_CASES").unwrap_or(1_000) {
        let mut input = choices.pick(&inputs).clone();
        for _ in 0..=choices.below(3) {
            input = changed(&input, &names, &mut choices).unwrap_or(input);
        }
        run(check, &input);
    }
}

/// The names of members in the dictionary.
fn names() -> Vec<String> {
    let tokens = dictionary().into_iter().filter_map(|token| String::from_utf8(token).ok());
    tokens.filter_map(|token| Some(token.strip_prefix('"')?.strip_suffix("\":")?.to_owned())).collect()
}

#[test]
fn any_flags_and_segments_are_refused_with_reasons_or_agree_with_the_oracle() {
    hold("ruleset", checks::ruleset);
}

#[test]
fn any_condition_is_refused_with_reasons_or_obeys_the_laws() {
    hold("condition", checks::condition);
}

#[test]
fn any_user_is_refused_with_reasons_or_is_evaluated_like_the_oracle_does() {
    hold("user", checks::user);
}

#[test]
fn each_target_has_a_binary_and_a_findings_folder_belongs_to_a_target() {
    for target in seeds::TARGETS {
        let source = std::fs::read_to_string(root().join(format!("fuzz/fuzz_targets/{target}.rs"))).unwrap();
        assert!(source.contains(&format!("checks::{target}(")), "{target}");
    }
    for folder in [Path::new("fuzz/fuzz_targets"), Path::new("tests/data/fuzz")] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
            assert!(seeds::TARGETS.contains(&name.as_str()), "{name}");
        }
    }
}

/// A dictionary without an operator's name leaves the fuzzer to guess it.
#[test]
fn the_dictionary_names_every_operator() {
    let unknown = serde_json::json!({"attr": {"a": {"no-such-operator": 1}}});
    let fault = ff_core::Condition::from_value(&unknown).unwrap_err().to_string();
    let operators: Vec<&str> = fault.split('`').skip(1).step_by(2).collect();
    assert!(operators.len() >= 29, "{fault}");
    let names = names();
    for operator in operators {
        assert!(names.iter().any(|name| name == operator), "{operator}");
    }
}

//! Running a property with a seed that can be repeated.

use std::hash::{BuildHasher, Hasher, RandomState};

use quickcheck::{Gen, QuickCheck, Testable};

/// A number from the environment.
pub(crate) fn number_from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, got {text:?}")))
}

/// What a run begins from: what it is told; in CI always the same, so that whoever is refused has changed something; else by chance.
fn seed() -> u64 {
    let usual = || if std::env::var_os("CI").is_some() { 1 } else { RandomState::new().build_hasher().finish() };
    number_from_environment("FF_PROPERTY_SEED").unwrap_or_else(usual)
}

/// Tries the property on so many generated inputs, or on a part of them.
pub(crate) fn holds(inputs: u64, property: impl Testable) {
    let percent = number_from_environment("FF_PROPERTY_PERCENT").unwrap_or(100);
    holds_on((inputs * percent).div_ceil(100), property);
}

/// Tries the property on exactly so many generated inputs.
pub(crate) fn holds_on(inputs: u64, property: impl Testable) {
    let seed = seed();
    println!("FF_PROPERTY_SEED={seed}");
    let source = Gen::from_size_and_seed(40, seed);
    QuickCheck::new().rng(source).tests(inputs).max_tests(inputs).min_tests_passed(inputs).quickcheck(property);
}

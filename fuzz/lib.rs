//! What the fuzzer runs lives with the tests, which run it too.

#[path = "../tests/fuzz/checks/mod.rs"]
pub mod checks;
#[path = "../tests/fuzz/mutate.rs"]
pub mod mutate;
#[path = "../tests/fuzz/seeds.rs"]
pub mod seeds;

use std::sync::OnceLock;

/// One in two changes is to a document's tree, the others are libFuzzer's own.
pub fn mutated(data: &mut [u8], size: usize, size_max: usize, seed: u32) -> usize {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let fields = include_str!("dictionary.txt").lines().filter_map(|line| line.strip_prefix("\"\\\"")?.strip_suffix("\\\":\""));
        fields.map(str::to_owned).collect()
    });
    let mut choices = mutate::Choices(seed.into());
    if choices.below(2) == 0
        && let Some(changed) = mutate::changed(&data[..size], names, &mut choices)
        && changed.len() <= size_max
    {
        data[..changed.len()].copy_from_slice(&changed);
        return changed.len();
    }
    libfuzzer_sys::fuzzer_mutate(data, size, size_max)
}

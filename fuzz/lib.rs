//! What the fuzzer runs lives with the tests, which run it too.

#[path = "../tests/fuzz/checks/mod.rs"]
pub mod checks;
#[path = "../tests/fuzz/seeds.rs"]
pub mod seeds;

//! What flags and segments take while they are held.

use ff_core::{EnvironmentKey, Flag, ListChange, MembersChange, Ruleset, Segment};
use serde_json::json;

use crate::workloads;

/// What `make` returns, with the bytes that it holds.
fn held<T>(make: impl FnOnce() -> T) -> (T, usize) {
    let mut made = None;
    let counted = allocation_counter::measure(|| made = Some(make()));
    (made.unwrap(), usize::try_from(counted.bytes_current).unwrap())
}

#[test]
fn ten_thousand_flags_are_held_in_six_mebibytes() {
    let texts: Vec<_> = workloads::w9().flags.iter().map(ToString::to_string).collect();
    let (ruleset, bytes) = held(|| {
        let flags: Vec<_> = texts.iter().map(|text| Flag::from_json(text).unwrap()).collect();
        Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &flags, &[]).unwrap()
    });
    println!("{bytes} bytes, {} a flag", bytes / ruleset.len());
    assert!(bytes <= 6 << 20, "{bytes} bytes");
}

fn million() -> Vec<String> {
    (0..1_000_000_u64).map(|i| format!("user-{:08}", i * 7919 % 100_000_000)).collect()
}

fn of_segment(segment: &Segment) -> Ruleset {
    Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, &[], std::slice::from_ref(segment)).unwrap()
}

#[test]
fn a_million_users_of_a_segment_are_held_in_24_mebibytes() {
    let segment = Segment::from_value(&json!({"key": "beta", "included": million()})).unwrap();
    let (_ruleset, bytes) = held(|| of_segment(&segment));
    println!("{bytes} bytes, {} a member of 13 bytes", bytes / 1_000_000);
    assert!(bytes <= 24 << 20, "{bytes} bytes");
}

#[test]
fn a_difference_takes_a_part_of_what_the_whole_list_takes() {
    let segment = Segment::from_value(&json!({"key": "beta", "included": million()})).unwrap();
    let before = of_segment(&segment);
    let change = MembersChange { included: ListChange { add: &["somebody"], remove: &["user-00000000"] }, ..MembersChange::default() };
    let (_after, bytes) = held(|| before.with_members(2, &"beta".parse().unwrap(), &change).unwrap().unwrap());
    println!("{bytes} bytes more for two users changed");
    assert!(bytes < 256 << 10, "{bytes} bytes");
}

#[test]
fn changing_one_flag_of_ten_thousand_copies_no_other() {
    let ruleset = workloads::w9().ruleset();
    let flag = Flag::from_value(&workloads::none_of("flag-05004", 3)).unwrap();
    let (_after, bytes) = held(|| ruleset.with_flag(2, &flag).unwrap());
    println!("{bytes} bytes more for one flag changed");
    // The flag, the pointers of its shard, and a pointer for each shard; all flags would be megabytes.
    assert!(bytes < 8 << 10, "{bytes} bytes");
}

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

/// Bytes that a ruleset of one flag holds.
fn of_flag(flag: &serde_json::Value) -> usize {
    let flag = Flag::from_value(flag).unwrap();
    held(|| Ruleset::compile("acme".parse().unwrap(), EnvironmentKey::production(), 1, std::slice::from_ref(&flag), &[]).unwrap()).1
}

#[test]
fn a_rule_and_a_variant_take_what_is_stated() {
    let rule =
        |i: usize| json!({"id": format!("r{i:02}"), "when": {"attr": {"country": format!("C{i:02}")}}, "rollout": {"variant": "on"}});
    let flag = |rules: usize, variants: usize| {
        let variants: Vec<_> = ["on", "off"].into_iter().map(str::to_owned).chain((2..variants).map(|i| format!("v{i:02}"))).collect();
        let variants: Vec<_> = variants.iter().map(|key| json!({"key": key, "weight": 1})).collect();
        json!({"key": "f", "type": "string", "state": "on", "off_variant": "off", "variants": variants, "rules": (0..rules).map(rule).collect::<Vec<_>>()})
    };
    let none = of_flag(&flag(0, 2));
    let per_rule = (of_flag(&flag(3, 2)) - none) / 3;
    let per_indexed_rule = (of_flag(&flag(50, 2)) - none) / 50;
    let per_variant = (of_flag(&flag(0, 52)) - none) / 50;
    println!(
        "a ruleset of one flag without rules {none} bytes, a rule {per_rule}, an indexed rule {per_indexed_rule}, a variant {per_variant}"
    );
    assert!(per_rule <= 120 && per_indexed_rule <= 240 && per_variant <= 80);
}

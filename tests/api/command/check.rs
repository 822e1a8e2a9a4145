//! `ff-server check FILE`.

use std::fs;

use serde_json::{Value, json};

use super::{Ended, run};
use crate::data::folder;
use crate::harness::setup;
use crate::sample::{boolean, on_when, with};

fn check(text: &str) -> Ended {
    let setup = setup().without("JWT_SECRET").without("ADMIN_KEY").without("DB_DSN");
    let path = setup.folder().join("flags.json");
    fs::write(&path, text).unwrap();
    run(setup.command().arg("check").arg(&path))
}

#[test]
fn a_file_without_faults_passes() {
    let file = json!({"tenant": "acme", "flags": [boolean("a"), on_when("b", json!({"segment": "s"}))], "segments": [{"key": "s"}]});
    let said = check(&file.to_string()).well();
    assert!(said.contains("2 flags") && said.contains("1 segment"), "{said}");
    check("{}").well();
    for (topic, document) in folder("cases") {
        let file: Value = ["tenant", "flags", "segments"]
            .iter()
            .map(|name| ((*name).to_owned(), document[name].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert_eq!(check(&file.to_string()).code, 0, "{topic}");
    }
}

#[test]
fn every_fault_is_a_line_with_its_place_and_the_exit_code_is_1() {
    let file = json!({
        "flags": [with(boolean("a"), json!({"stat": "on"})), {"key": "b c", "variants": [{"key": "x", "weight": -1}]}],
        "segments": [{"key": "s", "criteria": {"attr": {"v": {"semver_gt": "new"}}}}],
    });
    let ended = check(&file.to_string());
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    for place in ["/flags/0/stat", "/flags/1/key", "/flags/1/variants/0/weight", "/segments/0/criteria/attr/v/semver_gt"] {
        let lines: Vec<_> = ended.out.lines().filter(|line| line.contains(&format!("{place}:"))).collect();
        assert!(lines.len() == 1 && lines[0].contains("flags.json"), "{place}: {}", ended.out);
    }
}

#[test]
fn faults_between_flags_and_segments_are_found_too() {
    let needs = |key: &str, other: &str| on_when(key, json!({"flag": {"key": other, "variant": "on"}}));
    for (file, place) in [
        (json!({"flags": [on_when("a", json!({"segment": "nowhere"}))]}), "/flags/0/rules/0/when/segment"),
        (json!({"flags": [boolean("a"), needs("b", "nowhere")]}), "/flags/1/rules/0/when/flag"),
        (json!({"flags": [needs("a", "b"), needs("b", "a")]}), "/flags/"),
        (json!({"flags": [boolean("a"), boolean("a")]}), "/flags/1"),
        (json!({"segments": [{"key": "s", "criteria": {"segment": "t"}}, {"key": "t", "criteria": {"segment": "s"}}]}), "/segments/"),
        (json!({"flags": {}}), "/flags"),
        (json!({"flag": []}), "/flag"),
    ] {
        let ended = check(&file.to_string());
        assert_eq!(ended.code, 1, "{file}: {}{}", ended.out, ended.err);
        assert!(ended.out.contains(place), "{place}: {}", ended.out);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_another_matter() {
    for text in ["", "{", "{\"flags\": [}", "not json"] {
        assert_eq!(check(text).code, 2, "{text}");
    }
    let missing = run(setup().command().args(["check", "no-such-file.json"]));
    assert_eq!(missing.code, 2, "{}{}", missing.out, missing.err);
    assert!(format!("{}{}", missing.out, missing.err).contains("no-such-file.json"));
}

#[test]
fn a_name_that_stands_twice_is_a_fault_here_as_in_the_api() {
    let ended = check(r#"{"flags": [{"key": "a", "type": "boolean", "state": "on", "state": "off"}]}"#);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
}

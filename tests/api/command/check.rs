//! `ff-server check FILE`.

use std::fs;

use serde_json::{Value, json};

use super::{Ended, run};
use crate::data::folder;
use crate::harness::setup;
use crate::sample::{boolean, on_when, with};

fn check(text: &str) -> Ended {
    check_with(text, &[])
}

fn check_with(text: &str, options: &[&str]) -> Ended {
    let setup = setup().without("JWT_SECRET").without("ADMIN_KEY").without("DB_DSN");
    let path = setup.folder().join("flags.json");
    fs::write(&path, text).unwrap();
    run(setup.command().arg("check").arg(&path).args(options))
}

/// A file with a rule that comes too late and a segment with nobody in it.
fn suspicious() -> String {
    let rules =
        json!([{"id": "all", "rollout": {"variant": "on"}}, {"id": "late", "when": {"user_id": "ada"}, "rollout": {"variant": "on"}}]);
    json!({"flags": [boolean("a"), with(boolean("b"), json!({ "rules": rules }))], "segments": [{"key": "s"}]}).to_string()
}

#[test]
fn warnings_are_lines_with_their_place_and_code_and_no_failure() {
    let ended = check(&suspicious());
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let lines: Vec<_> = ended.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ended.out);
    assert!(lines[0].contains("flags.json: /flags/1/rules/1: warning[rule_shadowed]: rule `all` "), "{}", lines[0]);
    assert!(lines[1].contains("flags.json: /segments/0: warning[segment_never_holds]: nobody "), "{}", lines[1]);
    assert_eq!(lines[2], "ok: 2 flags, 1 segments, 2 warnings");
}

#[test]
fn warnings_fail_where_they_are_denied_unless_they_are_allowed() {
    let denied = check_with(&suspicious(), &["--deny-warnings"]);
    assert_eq!(denied.code, 1, "{}{}", denied.out, denied.err);
    assert_eq!(denied.out.lines().last(), Some("denied: 2 flags, 1 segments, 2 warnings"));
    let one = check_with(&suspicious(), &["--deny-warnings", "--allow", "rule_shadowed"]);
    assert_eq!((one.code, one.out.lines().count()), (1, 2), "{}", one.out);
    let both = check_with(&suspicious(), &["--deny-warnings", "--allow", "rule_shadowed", "--allow", "segment_never_holds"]);
    assert_eq!((both.code, both.out.as_str()), (0, "ok: 2 flags, 1 segments\n"));
    let unknown = check_with(&suspicious(), &["--allow", "nothing"]);
    assert!(unknown.code == 2 && unknown.err.contains("`nothing`"), "{}{}", unknown.code, unknown.err);
    // Faults come first, whatever is said of warnings.
    let faulty = check_with(r#"{"flags": [{"key": "a b"}]}"#, &["--deny-warnings"]);
    assert!(faulty.code == 1 && !faulty.out.contains("warning"), "{}", faulty.out);
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
fn a_file_may_begin_with_a_byte_order_mark() {
    assert_eq!(check("\u{feff}{}").well(), "ok: 0 flags, 0 segments\n");
    assert_eq!(check("\u{feff}\u{feff}{}").code, 2);
}

#[test]
fn a_file_may_come_through_standard_input() {
    let setup = setup();
    for (text, code, said) in [
        (r#"{"flags": []}"#, 0, "ok: 0 flags, 0 segments\n"),
        (r#"{"flags": [{"key": "f", "type": "boolean", "state": "onn"}]}"#, 1, "-: /flags/0/state: "),
        ("", 2, "-: not JSON"),
    ] {
        fs::write(setup.folder().join("piped"), text).unwrap();
        let ended = run(setup.command().args(["check", "-"]).stdin(fs::File::open(setup.folder().join("piped")).unwrap()));
        assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
        assert!(ended.out.starts_with(said), "{}", ended.out);
    }
}

#[test]
fn a_name_that_stands_twice_is_a_fault_here_as_in_the_api() {
    let ended = check(r#"{"flags": [{"key": "a", "type": "boolean", "state": "on", "state": "off"}]}"#);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
}

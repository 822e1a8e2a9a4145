//! The examples run by the commands that the documents give.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn run(example: &str, arguments: &[&str]) -> Output {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(top).args(["run", "--quiet", "--package", "ff-core", "--example", example, "--"]).args(arguments);
    command.output().unwrap()
}

fn printed(example: &str, arguments: &[&str]) -> String {
    let output = run(example, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const FILE: &str = "examples/data/flags.json";

#[test]
fn the_command_evaluates_a_file_for_a_user() {
    let answer: Value = serde_json::from_str(&printed("evaluate", &[FILE, "page-size", "user-1", "country=CA"])).unwrap();
    assert_eq!((&answer["value"], &answer["rule_id"]), (&json!(100), &json!("canada")));
    let why: Value = serde_json::from_str(&printed("evaluate", &["--explain", FILE, "page-size", "user-1", r#"country="US""#])).unwrap();
    assert_eq!((&why["evaluation"]["value"], &why["rules"][0]["holds"]), (&json!(20), &json!(false)));

    let unknown = run("evaluate", &[FILE, "no-such-flag", "user-1"]);
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("no-such-flag"));
    let no_user = run("evaluate", &[FILE, "page-size", ""]);
    assert!(!no_user.status.success() && String::from_utf8_lossy(&no_user.stderr).contains("/id"));
}

#[test]
fn the_plain_example_shows_a_swap_and_why() {
    let shown = printed("embed", &[]);
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[0], "new-search = true because of rule_match");
    assert_eq!(lines[1].split(" = ").next(), Some("page-size"));
    assert_eq!(lines[2], "new-search = false at revision 2");
    let why: Value = serde_json::from_str(&lines[3..].join("\n")).unwrap();
    assert_eq!((&why["evaluation"]["rule_id"], &why["rules"][0]["holds"]), (&json!("staff"), &json!(true)));
}

//! The commands that documents show.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use crate::markdown::{self, Block};
use crate::server::Server;
use crate::shape;

/// `curl`, noting the status of each answer on standard error.
const CURL: &str = r#"curl() { command curl --show-error -w '%{stderr}answered %{http_code}\n' "$@"; }"#;

/// The shell, `curl` and what else a document uses, as its reader has them. Where they are missing there is nothing to try.
fn has_tools(others: &[&str]) -> bool {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    let missing = ["bash", "curl"].into_iter().chain(others.iter().copied()).find(|program| !is_there(program));
    assert!(missing.is_none() || std::env::var_os("CI").is_none(), "{missing:?} is needed to try the documents' commands");
    if let Some(missing) = missing {
        println!("skipped: {missing} is not here");
    }
    missing.is_none()
}

/// Runs a document's blocks, with `ff-server` on the path, and holds what they print against what is shown.
fn try_document(path: &str) {
    try_document_with(path, &[]);
}

/// The same, with these programs.
fn try_document_with(path: &str, programs: &[&str]) {
    if !has_tools(programs) {
        return;
    }
    let blocks = markdown::blocks(&markdown::read(path));
    let runs: Vec<_> = blocks.iter().enumerate().filter(|(_, b)| b.language() == "sh" && !b.info.contains("no_run")).collect();
    assert!(!runs.is_empty(), "{path} has nothing to run");

    let server = Server::start(&[]);
    let outputs = tempfile::tempdir().unwrap();
    let file = |i: usize, kind: &str| outputs.path().join(format!("{i}.{kind}"));
    let mut script = format!("set -euo pipefail\n{CURL}\n");
    for (i, block) in &runs {
        // In braces and not in parentheses: later blocks use the variables of earlier ones.
        // Whoever reads along looks at a stream for a few seconds; a busy machine is given more, and less than a heartbeat takes.
        let text = block.text.replace("--max-time 3 ", "--max-time 12 ");
        writeln!(script, "{{\n{text}\n}} >'{}' 2>'{}'", file(*i, "out").display(), file(*i, "err").display()).unwrap();
    }
    let programs = server.folder().join("bin");
    fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ff-server"), programs.join("ff-server")).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let variables = [("FF", server.address()), ("PATH", &path), ("HOME", server.folder().to_str().unwrap())];
    let status = Command::new("bash").arg("-c").arg(&script).env_clear().envs(variables).current_dir(server.folder()).status().unwrap();

    let mut failures = Vec::new();
    for (i, block) in &runs {
        let read = |kind| fs::read_to_string(file(*i, kind)).unwrap_or_default();
        let (printed, said) = (read("out"), read("err"));
        let shown = blocks.get(i + 1).filter(|next| next.follows);
        if let Some(failure) = failure_of(block, &said, shown, &printed) {
            failures.push(format!("{path}:{}: {failure}\nprinted: {printed}\nsaid: {said}", block.line));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(status.success(), "{path}: the last block that ran failed: {status}");
}

fn failure_of(block: &Block, said: &str, shown: Option<&Block>, printed: &str) -> Option<String> {
    let statuses: Vec<u16> = said.lines().filter_map(|line| line.strip_prefix("answered ")?.parse().ok()).collect();
    let (last, before) = match statuses.split_last() {
        Some((last, before)) => (Some(*last), before),
        None => (None, &[][..]),
    };
    let wanted: Option<u16> = block.info.split_whitespace().nth(1).map(|status| status.parse().unwrap());
    let is_fine = |status: u16| (200..300).contains(&status);
    let last_is_right = match wanted {
        Some(wanted) => last == Some(wanted),
        None => last.is_none_or(is_fine),
    };
    if !last_is_right || !before.iter().copied().all(is_fine) {
        return Some(format!("the answers have the statuses {statuses:?}"));
    }
    match shown.map(|shown| (shown.language(), &shown.text)) {
        Some(("json", shown)) => match (serde_json::from_str(shown), serde_json::from_str(printed)) {
            (Ok(shown), Ok(printed)) => shape::difference(&shown, &printed),
            (Err(error), _) => Some(format!("what is shown is not JSON: {error}")),
            (_, Err(error)) => Some(format!("what is printed is not JSON: {error}")),
        },
        Some(("text", shown)) => (!shape::is_text(shown, printed)).then(|| format!("shown is {shown}")),
        _ => None,
    }
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    try_document("README.md");
}

#[test]
fn the_commands_of_the_api_guide_do_what_it_says() {
    try_document("docs/api.md");
}

#[test]
fn the_commands_of_the_page_on_explanations_do_what_it_says() {
    try_document("docs/explain.md");
}

#[test]
fn the_commands_of_the_page_on_webhooks_do_what_it_says() {
    try_document_with("docs/webhooks.md", &["python3"]);
}

#[test]
fn the_commands_of_the_operations_guide_do_what_it_says() {
    try_document("docs/operations.md");
}

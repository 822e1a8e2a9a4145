//! Holds the public API of ff-core against `crates/ff-core/public-api.txt`.
//!
//! `cargo run -p ff-surface` compares, and shows what differs; `cargo run -p ff-surface -- bless` writes the file anew. What a change
//! means for the version is in docs/embedding.md.
//!
//! rustdoc gives its JSON away on nightly only, so it is told to think that it is one. That makes other fingerprints, hence a
//! target directory of its own.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people and pipelines")]

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const SNAPSHOT: &str = "crates/ff-core/public-api.txt";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let is_blessing = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("bless") => true,
        Some(other) => return Err(format!("`{other}` is not known; known is `bless`").into()),
    };
    let now = public_api::Builder::from_rustdoc_json(rustdoc_json(&root)?)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .sorted(true)
        .build()?
        .to_string();
    let snapshot = root.join(SNAPSHOT);
    let agreed = std::fs::read_to_string(&snapshot).unwrap_or_default();
    let changes = differences(&agreed, &now);
    for change in &changes {
        println!("{change}");
    }
    if is_blessing {
        std::fs::write(&snapshot, now)?;
        println!("{SNAPSHOT}: {} changes written", changes.len());
        return Ok(ExitCode::SUCCESS);
    }
    if changes.is_empty() {
        println!("{SNAPSHOT}: as agreed");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("the public API of ff-core is not that of {SNAPSHOT}; if that is meant: `just public-api`, and a line in CHANGELOG.md");
    Ok(ExitCode::FAILURE)
}

/// What rustdoc knows of ff-core.
fn rustdoc_json(root: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("public-api");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["rustdoc", "--quiet", "--package", "ff-core", "--lib", "--target-dir"])
        .arg(&target)
        .args(["--", "-Z", "unstable-options", "--output-format", "json", "--cap-lints", "allow"])
        .status()?;
    if !status.success() {
        return Err(format!("rustdoc: {status}").into());
    }
    Ok(target.join("doc/ff_core.json"))
}

/// What is gone and what is new, line by line, in the order of the lists.
fn differences(agreed: &str, now: &str) -> Vec<String> {
    let lines = |text: &'_ str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (agreed_lines, now_lines) = (lines(agreed), lines(now));
    let gone = agreed.lines().filter(|line| !now_lines.contains(*line)).map(|line| format!("-{line}"));
    let new = now.lines().filter(|line| !agreed_lines.contains(*line)).map(|line| format!("+{line}"));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::differences;

    #[test]
    fn what_is_gone_and_what_is_new_is_shown() {
        assert!(differences("a\nb\n", "a\nb\n").is_empty());
        assert_eq!(differences("a\nb\n", "b\nc\n"), ["-a", "+c"]);
        assert_eq!(differences("", "a\n"), ["+a"]);
    }
}

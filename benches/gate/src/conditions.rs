//! What a count depends on beside the code: two runs can be compared only where all of it is the same.

use std::collections::BTreeMap;
use std::process::Command;

use crate::Failure;

/// Name and value of each condition.
pub(crate) type Conditions = BTreeMap<String, String>;

/// Those of this machine.
pub(crate) fn here() -> Result<Conditions, Failure> {
    let rustc = output("rustc", &["-vV"])?;
    let field = |name: &str| {
        let value = rustc.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.map(str::to_owned).ok_or_else(|| format!("`rustc -vV` does not say its {name}"))
    };
    let conditions = [
        ("rustc", format!("{} ({})", field("release")?, field("commit-hash")?)),
        ("target", field("host")?),
        ("valgrind", output("valgrind", &["--version"])?),
        // Its memory and string functions are counted too.
        ("libc", output("getconf", &["GNU_LIBC_VERSION"])?),
        // Searching in text has a version for each kind of CPU, and so has libc. Valgrind shows a program no newer kind than this.
        ("avx2", if has_avx2() { "yes" } else { "no" }.to_owned()),
    ];
    Ok(conditions.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

fn output(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    let failure = |e: &dyn std::fmt::Display| format!("cannot ask `{program}` for its version: {e}");
    let output = Command::new(program).args(arguments).output().map_err(|e| failure(&e))?;
    if !output.status.success() {
        return Err(failure(&output.status));
    }
    let text = String::from_utf8(output.stdout).map_err(|e| failure(&e))?;
    Ok(text.trim().to_owned())
}

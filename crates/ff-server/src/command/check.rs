//! `ff-server check FILE`: are all flags and segments of a file right? For CI.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use ff_core::{Finding, LintCode};

use super::flag_file::{FlagFile, FlagFileError};

/// Exit status of a file with faults, or with warnings where these are denied; one that cannot be read or is not JSON
/// gives 2.
const FAULTY: u8 = 1;

/// What becomes of warnings.
#[derive(Debug, Clone, Default)]
pub struct Warnings {
    /// Whether they count as faults.
    pub are_denied: bool,
    /// Those that are not shown and do not count.
    pub allowed: Vec<LintCode>,
}

/// Checks a file and writes what it finds, a line a fault or warning.
///
/// # Errors
/// `out` cannot be written to.
pub fn run(path: &Path, warnings: &Warnings, out: &mut impl Write) -> std::io::Result<ExitCode> {
    let checked = FlagFile::read(path, None).and_then(|file| {
        let ruleset = file.compile()?;
        let mut findings = file.lint(&ruleset);
        findings.retain(|finding| !warnings.allowed.contains(&finding.code));
        Ok((file.counts(), findings))
    });
    match checked {
        Ok((counts, findings)) => report(path, warnings, counts, &findings, out),
        Err(FlagFileError::Invalid(faults)) => {
            for fault in faults.as_slice() {
                let pointer = if fault.pointer.is_empty() { "/" } else { &fault.pointer };
                writeln!(out, "{}: {pointer}: {}", path.display(), fault.message)?;
            }
            Ok(ExitCode::from(FAULTY))
        }
        Err(error) => {
            writeln!(out, "{}: {error}", path.display())?;
            Ok(ExitCode::from(2))
        }
    }
}

fn report(
    path: &Path,
    warnings: &Warnings,
    (flags, segments): (usize, usize),
    findings: &[Finding],
    out: &mut impl Write,
) -> std::io::Result<ExitCode> {
    for Finding { code, pointer, message, .. } in findings {
        writeln!(out, "{}: {pointer}: warning[{code}]: {message}", path.display())?;
    }
    let is_denied = warnings.are_denied && !findings.is_empty();
    let verdict = if is_denied { "denied" } else { "ok" };
    let count = if findings.is_empty() { String::new() } else { format!(", {} warnings", findings.len()) };
    writeln!(out, "{verdict}: {flags} flags, {segments} segments{count}")?;
    Ok(if is_denied { ExitCode::from(FAULTY) } else { ExitCode::SUCCESS })
}

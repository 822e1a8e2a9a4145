//! The regression gate: instruction counts of `benches/instructions.rs` against `benches/gate/baseline.json`.
//!
//! Reads on standard input what the benchmark prints with `--output-format=json`. `check` compares and says so by its exit
//! status; with `--strict`, counts that cannot be compared fail too. `accept REASON` makes them the baseline. Run by
//! `.ci/instructions`, which measures first; why it is as it is: `adr/0006-instruction-gate.md`.

mod baseline;
mod conditions;
mod counts;
mod verdict;

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use baseline::Baseline;
use counts::Counts;
use verdict::Report;

/// What went wrong, in words for the person who started the gate.
type Failure = String;

const USAGE: &str = "usage: ff-instruction-gate check [--strict] | accept REASON, with the benchmark's JSON on standard input";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["check"] => check(false),
        ["check", "--strict"] => check(true),
        ["accept", reason] if !reason.trim().is_empty() => accept(reason.trim()),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "{failure}");
            ExitCode::from(2)
        }
    }
}

/// Whether what was measured may pass.
fn check(is_strict: bool) -> Result<bool, Failure> {
    let report = Report::new(&Baseline::read()?, &measured()?, &conditions::here()?);
    let passes = report.passes(is_strict);
    say(&report.to_text(is_strict))?;
    Ok(passes)
}

fn accept(reason: &str) -> Result<bool, Failure> {
    let accepted = Baseline { reason: reason.to_owned(), measured_with: conditions::here()?, instructions: measured()? };
    // There is no former one at first, and one that cannot be read is replaced.
    if let Ok(former) = Baseline::read() {
        say(&Report::new(&former, &accepted.instructions, &accepted.measured_with).table())?;
    }
    accepted.write()?;
    say("accepted: commit benches/gate/baseline.json with the change that it is for\n")?;
    Ok(true)
}

fn measured() -> Result<Counts, Failure> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(|e| format!("cannot read standard input: {e}"))?;
    Counts::from_json_lines(&text)
}

fn say(text: &str) -> Result<(), Failure> {
    io::stdout().write_all(text.as_bytes()).map_err(|e| format!("cannot write to standard output: {e}"))
}

//! `ff-server check FILE`: are all flags and segments of a file right? For CI.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use super::flag_file::{FlagFile, FlagFileError};

/// Exit status of a file with faults; one that cannot be read or is not JSON gives 2.
const FAULTY: u8 = 1;

/// Checks a file and writes what it finds, a line a fault.
///
/// # Errors
/// `out` cannot be written to.
pub fn run(path: &Path, out: &mut impl Write) -> std::io::Result<ExitCode> {
    let checked = FlagFile::read(path, None).and_then(|file| {
        file.compile()?;
        Ok(file.counts())
    });
    match checked {
        Ok((flags, segments)) => {
            writeln!(out, "ok: {flags} flags, {segments} segments")?;
            Ok(ExitCode::SUCCESS)
        }
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

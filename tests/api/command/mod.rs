//! The command line.

mod check;
mod eval;
mod migrate;
mod seed;
mod start;
mod token;

use std::process::{Command, Output};

/// What a command that has ended gave.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: status.code().expect("an end without a signal"), out: text(stdout), err: text(stderr) }
}

impl Ended {
    /// Ended well.
    #[track_caller]
    pub(crate) fn well(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// Ended badly, with everything that it said.
    #[track_caller]
    pub(crate) fn badly(self) -> String {
        assert_ne!(self.code, 0, "{}{}", self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        format!("{}{}", self.out, self.err)
    }
}

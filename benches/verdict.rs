//! Bounds, and whether they were kept.

use std::process::ExitCode;

/// Prints figures beside their bounds, and remembers whether all were kept.
pub(crate) struct Verdict {
    is_measured: bool,
    missed: usize,
}

impl Verdict {
    /// Judges nothing unless something `is_measured`.
    pub(crate) fn new(is_measured: bool) -> Self {
        Self { is_measured, missed: 0 }
    }

    /// Failure, if a bound was missed.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.missed == 0 {
            return ExitCode::SUCCESS;
        }
        println!("{} bounds missed", self.missed);
        ExitCode::FAILURE
    }

    /// One figure that must be at most `must` and should be at most `goal`.
    pub(crate) fn at_most(&mut self, what: &str, value: f64, unit: &str, must: f64, goal: f64) {
        self.judge(what, value, unit, (must, goal), value <= must, value <= goal);
    }

    /// One figure that must be at least `must`.
    pub(crate) fn at_least(&mut self, what: &str, value: f64, unit: &str, must: f64) {
        self.judge(what, value, unit, (must, must), value >= must, value >= must);
    }

    fn judge(&mut self, what: &str, value: f64, unit: &str, (must, goal): (f64, f64), is_kept: bool, is_goal: bool) {
        let word = match (self.is_measured, is_kept, is_goal) {
            (false, _, _) => "not judged",
            (true, true, true) => "good",
            (true, true, false) => "kept, goal missed",
            (true, false, _) => "MISSED",
        };
        self.missed += usize::from(self.is_measured && !is_kept);
        println!("{what:<58} {value:>9.2} {unit:<7} must {must}, goal {goal}: {word}");
    }
}

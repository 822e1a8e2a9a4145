//! The `ff-server` binary: reads its command line and does what it says.

use std::process::ExitCode;

use clap::Parser;
use ff_server::command::{self, Cli};

/// Answers are built of many small allocations on several threads, which the system's allocator is slow at.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    command::run(Cli::parse())
}

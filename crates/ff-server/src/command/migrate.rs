//! `ff-server migrate`.

use std::error::Error;
use std::io::Write;

use ff_store::Store;

use crate::config::{LogConfig, Overrides, Variables, load_store};
use crate::telemetry;

/// Brings the database up to date and says what that took.
///
/// # Errors
/// A configuration that does not fit, or a database that cannot be reached or migrated.
pub(super) fn run(variables: &Variables, overrides: &Overrides, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let (_logger, _guard) = telemetry::logger(LogConfig::load(variables, overrides)?.level);
    let applied = Store::open(&load_store(variables, overrides)?)?.migrate()?;
    for name in &applied {
        writeln!(out, "applied {name}")?;
    }
    if applied.is_empty() {
        writeln!(out, "up to date")?;
    }
    Ok(())
}

//! `ff-server serve`.

use std::error::Error;

use actix_web::rt::System;

use crate::config::{Config, Overrides, Variables};
use crate::telemetry;

/// Serves until a signal.
///
/// # Errors
/// A configuration that does not fit, or a server that cannot start.
pub(super) fn run(variables: &Variables, overrides: &Overrides) -> Result<(), Box<dyn Error>> {
    let config = Config::load(variables, overrides)?;
    // The guard is dropped last, so that what the server says at its end is written.
    let (logger, _guard) = telemetry::logger(config.log.level);
    telemetry::install_panic_log(logger.clone());
    let system = System::new();
    let ended = system.block_on(crate::run(config, logger));
    // To drop it would be to wait for its threads, and one of them may have asked a database that never answers. They end with the process.
    std::mem::forget(system);
    Ok(ended?)
}

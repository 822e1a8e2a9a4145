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
    Ok(System::new().block_on(crate::run(config, logger))?)
}

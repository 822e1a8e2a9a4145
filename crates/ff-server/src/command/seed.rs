//! `ff-server seed`.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;

use ff_store::Store;

use crate::auth::Auth;
use crate::config::{Config, Overrides, Variables};
use crate::state::AppState;
use crate::{seed, telemetry};

/// Writes the demo tenant.
///
/// # Errors
/// A configuration that does not fit, or a database that cannot be reached.
pub(super) fn run(variables: &Variables, overrides: &Overrides, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    // Nothing is served, so no secret is needed: the one that --dev would make up will do.
    let config = Config::load(variables, &Overrides { dev: true, bind: Some(SocketAddr::from(([127, 0, 0, 1], 0))), ..overrides.clone() })?;
    let (logger, _guard) = telemetry::logger(config.log.level);
    let store = Store::open(&config.store)?;
    store.migrate()?;
    let planted = seed::plant(&AppState::new(store, Auth::new(&config.auth)?, config.http, config.webhooks, logger))?;
    writeln!(out, "tenant `{}`: {} created, {} as they were", seed::TENANT, planted.created, planted.kept)?;
    Ok(())
}

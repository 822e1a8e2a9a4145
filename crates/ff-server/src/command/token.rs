//! `ff-server token`: a token without a server, for whoever holds the secret.

use std::error::Error;
use std::io::Write;

use clap::Args;
use ff_core::TenantId;

use crate::auth::{Auth, Tenants, TokenScope};
use crate::config::{AuthConfig, Overrides, Variables};

/// What the token is for.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// Who will hold it; the actor in the audit log
    #[arg(long, value_name = "NAME")]
    sub: String,
    /// What it allows; may be given several times
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<TokenScope>,
    /// Where; may be given several times. Without it: in every tenant
    #[arg(long = "tenant", value_name = "TENANT")]
    tenants: Vec<TenantId>,
}

/// Prints the token.
///
/// # Errors
/// A secret that is missing or too short.
pub(super) fn run(wanted: &Wanted, variables: &Variables, overrides: &Overrides, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    // A random secret, as --dev would make one, would sign a token that no server accepts.
    let config = AuthConfig::load(variables, &Overrides { dev: false, ..overrides.clone() })?;
    let tenants = if wanted.tenants.is_empty() { Tenants::All } else { Tenants::Only(wanted.tenants.iter().cloned().collect()) };
    writeln!(out, "{}", Auth::new(&config)?.issue(&wanted.sub, &wanted.scopes, &tenants)?)?;
    Ok(())
}

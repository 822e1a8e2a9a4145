//! Picking up what other processes have written to the same database.

use super::ServiceError;
use crate::state::AppState;

/// Compares the revisions in memory with those in the database and loads what is behind: one query, however many tenants,
/// and one load for each that is behind. Blocks.
///
/// # Errors
/// The database is away. What is in memory stays.
pub fn run(state: &AppState) -> Result<(), ServiceError> {
    let served = state.rulesets.revisions();
    if served.is_empty() {
        return Ok(state.store.ping()?);
    }
    let tenants: Vec<_> = served.iter().map(|(tenant, _)| tenant.clone()).collect();
    for (tenant, revision) in ff_store::ruleset::revisions(&state.store, &tenants)? {
        let is_behind = served.iter().any(|(known, served)| *known == tenant && *served < revision);
        if is_behind {
            state.rulesets.reload(&state.store, &tenant)?;
        }
    }
    Ok(())
}

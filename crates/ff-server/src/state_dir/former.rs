//! What was saved of a history that the database does not have: it was restored since.

use ff_core::TenantId;
use ff_store::{Position, audit, ruleset};
use slog::warn;

use super::StateDir;
use crate::service::ServiceError;
use crate::state::AppState;

/// Notes where the database has another history of the tenant than what was saved: clients may know the former one. Blocks.
///
/// # Errors
/// The database is away.
pub(crate) fn note_former(state: &AppState, folder: &StateDir, tenant: &TenantId) -> Result<(), ServiceError> {
    match folder.read(tenant).map(|saved| saved.position()) {
        Some(Ok(saved)) => note_if_former(state, tenant, saved),
        Some(Err(_)) | None => Ok(()),
    }
}

/// The same of a file that was read already.
pub(super) fn note_if_former(state: &AppState, tenant: &TenantId, saved: Position) -> Result<(), ServiceError> {
    let change = audit::change_at(&state.store, tenant, saved.revision)?;
    let reached = ruleset::revisions(&state.store, std::slice::from_ref(tenant))?;
    let is_ahead = reached.iter().any(|(_, reached)| *reached < saved.revision);
    if is_ahead || saved.contradicts(Position { change, ..saved }) {
        warn!(
            state.logger,
            "the database has another history of tenant `{tenant}` than what was saved at revision {}: was it restored?", saved.revision
        );
        state.rulesets.note_rewritten(tenant, saved.revision);
    }
    Ok(())
}

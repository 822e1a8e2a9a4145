//! Keeps the folder up to date, behind what is served.

use std::collections::HashMap;
use std::sync::Arc;

use ff_core::TenantId;
use ff_store::{Position, ruleset};
use slog::{info, warn};

use super::StateDir;
use super::former::note_if_former;
use crate::cache::Found;
use crate::document::contents::Contents;
use crate::document::difference::Difference;
use crate::service::ServiceError;
use crate::state::AppState;
use crate::telemetry::chain;
use crate::{background, blocking, clock};

/// Writes what is served, again and again, as it changes.
pub(crate) async fn save_for_ever(state: Arc<AppState>, folder: Arc<StateDir>) {
    let (mut saver, mut was_well) = (Saver::default(), true);
    let save_all = async || {
        let (shared, folder, mut taken) = (Arc::clone(&state), Arc::clone(&folder), std::mem::take(&mut saver));
        let pass = blocking::run(move || {
            let outcome = taken.save_all(&shared, &folder);
            Ok::<_, ServiceError>((taken, outcome))
        });
        let outcome = pass.await.and_then(|(back, outcome)| {
            saver = back;
            outcome
        });
        match &outcome {
            Err(error) if was_well => warn!(state.logger, "rulesets cannot be saved: {}", chain(error)),
            Ok(()) if !was_well => info!(state.logger, "rulesets are saved again"),
            Ok(()) | Err(_) => {}
        }
        was_well = outcome.is_ok();
        was_well
    };
    background::after_changes(state.news.any(), save_all).await;
}

/// What is in the files, as far as this process knows.
#[derive(Debug, Default)]
pub(super) struct Saver {
    saved: HashMap<TenantId, Position>,
}

impl Saver {
    /// Writes each tenant's rulesets that differ from its file. One that fails does not keep the others from being written.
    pub(super) fn save_all(&mut self, state: &AppState, folder: &StateDir) -> Result<(), ServiceError> {
        let mut failed = None;
        for (tenant, rulesets) in state.rulesets.all() {
            let is_saved = |saved: &&Position| is_at(**saved, rulesets.position());
            if self.saved.get(&tenant).filter(is_saved).is_some() {
                continue;
            }
            match save(state, folder, &tenant, !self.saved.contains_key(&tenant)) {
                Ok(Some(position)) => drop(self.saved.insert(tenant, position)),
                Ok(None) => {}
                Err(error) => drop(failed.get_or_insert(error)),
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

fn is_at(saved: Position, served: Position) -> bool {
    // A file that does not say which change it shows is written again with that.
    saved.revision == served.revision && (served.change.is_none() || saved.change == served.change)
}

/// Brings the tenant's file to what is served, and says where that is. For the first time in this process, the file may be all that tells
/// of a history that is gone.
fn save(state: &AppState, folder: &StateDir, tenant: &TenantId, is_first: bool) -> Result<Option<Position>, ServiceError> {
    let Some(served) = state.rulesets.peek(tenant) else { return Ok(None) };
    // From the former file and what changed since, where that is possible: the rulesets in memory are compiled, and the database
    // should not have to tell everything again for each change.
    let former = folder.read(tenant);
    if let Some(former) = former.as_ref().and_then(|saved| saved.contents().ok()) {
        if is_at(former.position, served.position()) {
            return Ok(Some(former.position));
        }
        if is_first {
            note_if_former(state, tenant, former.position)?;
        }
        let environments = former.environments.keys().cloned();
        let difference = Difference::read(&state.store, tenant, environments, former.position, served.position())?;
        let followed = difference.as_ref().and_then(|difference| former.followed_by(difference, &served));
        if let Some(contents) = followed.filter(|contents| contents.environments.len() == served.iter().count()) {
            folder.write(tenant, &contents).map_err(ServiceError::internal)?;
            return Ok(Some(contents.position));
        }
    }
    let begun = clock::uptime();
    let contents = ruleset::read(&state.store, tenant, |reading| {
        let Found { rulesets, .. } = Found::at_place_of(tenant, reading, Some(&served), begun);
        Contents::read(reading, &rulesets, rulesets.iter().map(|(key, _)| key))
    })?;
    folder.write(tenant, &contents).map_err(ServiceError::internal)?;
    Ok(Some(contents.position))
}

//! What a server starts from: its database, or what it has saved of it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::sleep;
use actix_web::web;
use ff_core::TenantId;
use ff_store::{Store, StoreError};
use slog::{Logger, error, info, warn};

use super::StartError;
use crate::blocking;
use crate::cache::TenantRulesets;
use crate::config::Config;
use crate::service::ServiceError;
use crate::state::AppState;
use crate::state_dir::{StateDir, note_former};
use crate::telemetry::chain;

/// How long to wait before the next attempt to reach a database that was away at the start.
const PAUSE: Duration = Duration::from_millis(500);

/// How long to wait after a migration that failed: somebody has to see to it.
const LONG_PAUSE: Duration = Duration::from_secs(30);

/// A store, and what is served while its database is away.
pub(super) struct Opened {
    pub(super) store: Store,
    /// Rulesets that were saved; none where the database is there.
    pub(super) saved: Option<Vec<(TenantId, TenantRulesets)>>,
}

/// Opens the folder in which rulesets are saved, if there is to be one.
pub(super) async fn folder(config: &Config) -> Result<Option<Arc<StateDir>>, StartError> {
    let Some(path) = config.rulesets.state_dir.clone() else { return Ok(None) };
    let (dsn, folder) = (config.store.dsn.clone(), path.clone());
    let opened = web::block(move || StateDir::open(&path, &dsn)).await.map_err(|error| StartError::State(ServiceError::internal(error)))?;
    opened.map(|opened| Some(Arc::new(opened))).map_err(|source| StartError::StateDir { folder, source })
}

/// Opens the database and brings it up to date. Where it is away and something was saved, the start goes on with that.
pub(super) async fn open(config: &Config, folder: Option<&Arc<StateDir>>, logger: &Logger) -> Result<Opened, StartError> {
    let store_config = config.store.clone();
    let opened = web::block(move || {
        let store = Store::open(&store_config)?;
        store.migrate().map(|applied| (store, applied))
    });
    let opened = opened.await.map_err(|error| StartError::State(ServiceError::internal(error)))?;
    let away = match (opened, folder) {
        (Ok((store, applied)), _) => {
            is_up_to_date(logger, &store, &applied);
            return Ok(Opened { store, saved: None });
        }
        (Err(error @ StoreError::Unavailable(_)), Some(folder)) => (error, Arc::clone(folder)),
        (Err(error), _) => return Err(error.into()),
    };
    let (error, folder) = away;
    let saved = web::block(move || {
        let tenants = folder.tenants().unwrap_or_default();
        tenants.into_iter().filter_map(|tenant| folder.rulesets(&tenant).map(|rulesets| (tenant, rulesets))).collect::<Vec<_>>()
    });
    let saved = saved.await.map_err(|error| StartError::State(ServiceError::internal(error)))?;
    if saved.is_empty() {
        return Err(error.into());
    }
    warn!(logger, "the database is away, starting from what was saved: {}", chain(&error); "tenants" => saved.len());
    Ok(Opened { store: Store::open_later(&config.store), saved: Some(saved) })
}

fn is_up_to_date(logger: &Logger, store: &Store, applied: &[String]) {
    info!(logger, "the database is up to date"; "backend" => %store.backend(), "migrations_applied" => applied.len());
}

/// Waits for a database that was away at the start, and brings it up to date when it is there.
pub(super) async fn reach(state: Arc<AppState>) {
    loop {
        let store = state.store.clone();
        let pause = match blocking::run(move || store.migrate()).await {
            Ok(applied) => {
                is_up_to_date(&state.logger, &state.store, &applied);
                return state.hints.compare();
            }
            Err(ServiceError::Unavailable(_)) => PAUSE,
            Err(error) => {
                error!(state.logger, "the database cannot be brought up to date: {}", chain(&error));
                LONG_PAUSE
            }
        };
        sleep(pause).await;
    }
}

/// Loads the tenants that were saved, ahead of those who ask for them: they were in use before.
pub(super) async fn warm_up(state: Arc<AppState>, folder: Arc<StateDir>) {
    let shared = Arc::clone(&folder);
    let tenants = blocking::run(move || shared.tenants().map_err(ServiceError::internal)).await;
    for tenant in tenants.unwrap_or_default() {
        let (shared, folder, subject) = (Arc::clone(&state), Arc::clone(&folder), tenant.clone());
        let compared = blocking::run(move || note_former(&shared, &folder, &subject)).await;
        // Those who ask for the tenant wait for whoever loads it.
        let loaded = state.patience.in_background().bound(state.rulesets.get(&state.store, &tenant)).await;
        if let Err(error) = compared.and(loaded) {
            warn!(state.logger, "tenant `{tenant}` cannot be loaded ahead: {}", chain(&error));
        }
    }
}

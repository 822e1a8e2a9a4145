//! The demo tenant `acme`: something to look at, evaluate and break.

use std::sync::Arc;

use ff_core::{EnvironmentKey, FlagKey, TenantId};
use ff_store::{EnvironmentDraft, Revision, Scope, StoreError, environment, ruleset};
use serde::Deserialize;
use serde_json::Value;

use crate::auth::{Caller, Tenants, TokenScope};
use crate::service::{BoxError, Context, Precondition, RequestId, ServiceError, Tags, environments, flags, segments};
use crate::state::AppState;

/// The demo tenant's id.
pub const TENANT: &str = "acme";

/// What [`plant`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Planted {
    /// Environments, segments and flags that it created.
    pub created: usize,
    /// Those that were there, and were left alone.
    pub kept: usize,
}

/// `acme.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Demo {
    environments: Vec<Environment>,
    /// Those that others name come first.
    segments: Vec<Value>,
    /// Likewise; as they are in `production`.
    flags: Vec<Value>,
    /// What is different in other environments: the fields of flags that were just created.
    elsewhere: Vec<(EnvironmentKey, FlagKey, Value)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Environment {
    key: EnvironmentKey,
    name: String,
    description: String,
}

/// Writes the demo tenant if it has no history at all: a newcomer's own changes, and deletions, are not undone by a
/// restart.
///
/// # Errors
/// The database is away.
pub fn plant_if_new(state: &AppState) -> Result<Planted, ServiceError> {
    let tenant = tenant()?;
    let revisions = ruleset::revisions(&state.store, std::slice::from_ref(&tenant))?;
    if revisions.iter().any(|(_, revision)| *revision > Revision::ZERO) {
        return Ok(Planted::default());
    }
    plant(state)
}

/// Writes what the demo tenant lacks, through the same functions as any other write. What is there already is left as it
/// is, so doing it twice does nothing the second time.
///
/// # Errors
/// The database is away; or somebody has made the tenant into something in which a demo flag has no place.
pub fn plant(state: &AppState) -> Result<Planted, ServiceError> {
    let demo: Demo = serde_json::from_str(include_str!("seed/acme.json")).map_err(ServiceError::internal)?;
    let production = context(&tenant()?, EnvironmentKey::production());
    let mut planted = Planted::default();
    for Environment { key, name, description } in demo.environments {
        let is_new = match environment::find(&state.store, &production.scope.tenant, &key) {
            Ok(_) => false,
            Err(StoreError::NotFound { .. }) => {
                environments::put(state, &production, EnvironmentDraft { key, name, description }).map(|_| true)?
            }
            Err(error) => return Err(error.into()),
        };
        planted.count(is_new);
    }
    for segment in &demo.segments {
        planted.count(is_new(segments::put(state, &production, &segments::Target::Named, segment, &create_only()))?);
    }
    let mut new_flags = Vec::new();
    for flag in &demo.flags {
        let is_new = is_new(flags::put(state, &production, &flags::Target::Named, flag, &create_only()))?;
        planted.count(is_new);
        new_flags.extend(flag.get("key").filter(|_| is_new).and_then(Value::as_str));
    }
    for (environment, key, change) in demo.elsewhere {
        if new_flags.contains(&key.as_str()) {
            let there = context(&production.scope.tenant, environment);
            flags::put(state, &there, &flags::Target::Existing(key), &change, &Precondition::default())?;
        }
    }
    Ok(planted)
}

impl Planted {
    fn count(&mut self, is_new: bool) {
        if is_new { self.created += 1 } else { self.kept += 1 }
    }
}

fn tenant() -> Result<TenantId, ServiceError> {
    TENANT.parse().map_err(|error| ServiceError::internal(BoxError::from(error)))
}

fn context(tenant: &TenantId, environment: EnvironmentKey) -> Context {
    let caller = Caller::new("seed", [TokenScope::Admin].into_iter().collect(), Tenants::All);
    Context { scope: Scope::new(tenant.clone(), environment), caller: Arc::new(caller), request_id: RequestId::made(), once: None }
}

/// `If-None-Match: *`.
fn create_only() -> Precondition {
    Precondition { matches: None, matches_none: Some(Tags::Any) }
}

fn is_new<T>(written: Result<T, ServiceError>) -> Result<bool, ServiceError> {
    match written {
        Ok(_) => Ok(true),
        Err(ServiceError::Stale { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;

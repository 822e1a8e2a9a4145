//! Writing environments.

use ff_core::EnvironmentKey;
use ff_store::{Change, EnvironmentDraft, EnvironmentRecord, Written, environment};

use super::told::Told;
use super::{Context, Made, ServiceError, writing};
use crate::cache::TenantRulesets;
use crate::state::AppState;

/// Creates an environment in which every flag is off, or renames one.
///
/// # Errors
/// The database is away.
pub fn put(state: &AppState, context: &Context, draft: EnvironmentDraft) -> Result<Made<Written<EnvironmentRecord>>, ServiceError> {
    let work = |change: &mut Change<'_>, rulesets: &TenantRulesets| {
        let written = environment::create_in(change, draft)?;
        let revision = change.revision();
        let rulesets = match written.outcome {
            ff_store::Outcome::Unchanged => None,
            ff_store::Outcome::Updated => Some(rulesets.at(revision)),
            ff_store::Outcome::Created => {
                let flags: Vec<_> = written.flags.iter().map(|(_, flag)| flag.clone()).collect();
                Some(rulesets.with_environment(revision, &written.record.key, &flags))
            }
        };
        Ok((written, rulesets))
    };
    writing::run(state, context, work, |written| Told::written(written, &[]))
}

/// Deletes an environment with every configuration in it.
///
/// # Errors
/// It is `production`, flags are still on in it, or there is no such environment.
pub fn delete(state: &AppState, context: &Context, key: &EnvironmentKey) -> Result<Made<EnvironmentRecord>, ServiceError> {
    let work = |change: &mut Change<'_>, rulesets: &TenantRulesets| {
        let deleted = environment::delete_in(change, key)?;
        let rulesets = rulesets.without_environment(change.revision(), key);
        Ok((deleted, Some(rulesets)))
    };
    writing::run(state, context, work, Told::deleted)
}

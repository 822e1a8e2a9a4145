//! Catching up with what other processes have written to the same database.
//!
//! The audit log says what every change did, so rulesets that are behind are brought up to date entry by entry, and only what
//! changed is compiled. Whatever does not fit is no reason to guess: then everything is read anew.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use ff_core::{EnvironmentKey, Flag, FlagKey, Segment, SegmentKey, TenantId, Timestamp};
use ff_store::{Action, Change, ChangeId, Entity, Logged, Position, Revision, Store, StoreError, audit, ruleset};
use serde_json::Value;
use slog::info;

use super::ServiceError;
use crate::cache::{TenantRulesets, number};
use crate::clock;
use crate::state::AppState;

/// Further behind than this, reading everything anew is not more work.
const ENTRIES_MAX: usize = 1_000;

/// Entries that are read together. One may hold two documents with 100,000 user ids each.
pub(crate) const ENTRIES_PER_READ: u32 = 50;

/// Why the log does not lead on from what is in memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Gap {
    /// An entry is missing.
    #[error("after revision {0} comes {1}")]
    Missing(Revision, Revision),
    /// An entry that cannot be applied by itself.
    #[error("revision {0}: {1}")]
    Entry(Revision, String),
    /// More entries than are worth the while.
    #[error("{0} revisions behind")]
    Far(usize),
    /// The revision that is in memory was made by another change.
    #[error("revision {0} is another one there")]
    Rewritten(Revision),
    /// The log ends before the revision that the tenant is at.
    #[error("the log ends at revision {0}")]
    Short(Revision),
}

/// The rulesets after the change that `logged` tells of.
///
/// # Errors
/// It is not the next change, or does not tell enough: a new environment's flags are not in it.
pub fn after(before: &TenantRulesets, logged: &Logged) -> Result<TenantRulesets, Gap> {
    Ok(applied(before, logged)?.made_by(Some(logged.entry.id())))
}

fn applied(before: &TenantRulesets, logged: &Logged) -> Result<TenantRulesets, Gap> {
    let entry = &logged.entry;
    let revision = entry.revision;
    if revision.get() != before.revision().get().saturating_add(1) {
        return Err(Gap::Missing(before.revision(), revision));
    }
    let stuck = |reason: &dyn std::fmt::Display| Gap::Entry(revision, reason.to_string());
    match (entry.entity, entry.action) {
        (Entity::Flag, Action::Deleted) => {
            let key: FlagKey = entry.entity_key.parse().map_err(|error| stuck(&error))?;
            let changed = before.changed(revision, before.segments().clone(), |_, ruleset| ruleset.without_flag(number(revision), &key));
            changed.map_err(|refused| refusal(revision, refused))
        }
        (Entity::Flag, Action::Created | Action::Updated) => {
            let flags = flags_of(before, logged)?;
            let changed = before.changed(revision, before.segments().clone(), |environment, ruleset| match flags.get(environment) {
                Some(flag) => ruleset.with_flag(number(revision), flag),
                None => Ok(ruleset.at_revision(number(revision))),
            });
            changed.map_err(|refused| refusal(revision, refused))
        }
        (Entity::Segment, action) => {
            let segments = match action {
                Action::Deleted => {
                    let key: SegmentKey = entry.entity_key.parse().map_err(|error| stuck(&error))?;
                    before.segments().without([&key])
                }
                Action::Created | Action::Updated => {
                    let document = entry.after.as_ref().ok_or_else(|| stuck(&"has no segment"))?;
                    let segment = Segment::from_value(document).map_err(|faults| stuck(&faults))?;
                    before.segments().with(&segment).map_err(|faults| stuck(&faults))?
                }
            };
            let changed =
                before.changed(revision, segments.clone(), |_, ruleset| ruleset.with_segments(number(revision), segments.clone()));
            changed.map_err(|refused| refusal(revision, refused))
        }
        (Entity::Environment, Action::Updated) | (Entity::Webhook, _) => Ok(before.at(revision)),
        (Entity::Environment, Action::Deleted) => {
            let key: EnvironmentKey = entry.entity_key.parse().map_err(|error| stuck(&error))?;
            Ok(before.without_environment(revision, &key))
        }
        (Entity::Environment, Action::Created) => Err(stuck(&"an environment was created")),
    }
}

/// The flag that was written as each environment has it now, where that changed.
fn flags_of(before: &TenantRulesets, logged: &Logged) -> Result<HashMap<EnvironmentKey, Flag>, Gap> {
    let entry = &logged.entry;
    let stuck = |reason: &dyn std::fmt::Display| Gap::Entry(entry.revision, reason.to_string());
    let here = entry.environment.as_ref().ok_or_else(|| stuck(&"names no environment"))?;
    let elsewhere = logged.elsewhere.iter().map(|(key, view)| (key, view.after.as_ref()));
    let mut flags = HashMap::with_capacity(1 + logged.elsewhere.len());
    for (key, document) in elsewhere.chain([(here, entry.after.as_ref())]) {
        if before.get(key).is_none() {
            return Err(stuck(&format_args!("environment `{key}` is not known")));
        }
        let document: &Value = document.ok_or_else(|| stuck(&format_args!("has no flag for environment `{key}`")))?;
        flags.insert(key.clone(), Flag::from_value(document).map_err(|faults| stuck(&faults))?);
    }
    // A new flag is in all environments at once.
    match before.iter().find(|(key, _)| entry.action == Action::Created && !flags.contains_key(*key)) {
        Some((key, _)) => Err(stuck(&format_args!("has no flag for environment `{key}`"))),
        None => Ok(flags),
    }
}

fn refusal(revision: Revision, refused: Vec<(EnvironmentKey, ff_core::Error)>) -> Gap {
    let reasons: Vec<_> = refused.iter().map(|(environment, error)| format!("environment `{environment}`: {error}")).collect();
    Gap::Entry(revision, reasons.join("; "))
}

/// Rulesets that have caught up, and when the changes were made that brought them there.
#[derive(Debug)]
pub(crate) struct CaughtUp {
    pub(crate) rulesets: TenantRulesets,
    pub(crate) made_at: Vec<Timestamp>,
}

/// The log of a tenant, as it can be read at the moment.
pub(crate) trait Log {
    type Error;

    /// The changes that come after a revision, oldest first, at most [`ENTRIES_PER_READ`].
    fn after(&mut self, revision: Revision) -> Result<Vec<Logged>, Self::Error>;

    /// Which change made a revision, if that is there.
    fn change_at(&mut self, revision: Revision) -> Result<Option<ChangeId>, Self::Error>;
}

/// The log as it is in the database.
struct Stored<'a>(&'a Store, &'a TenantId);

impl Log for Stored<'_> {
    type Error = StoreError;

    fn after(&mut self, revision: Revision) -> Result<Vec<Logged>, StoreError> {
        audit::after(self.0, self.1, revision, ENTRIES_PER_READ)
    }

    fn change_at(&mut self, revision: Revision) -> Result<Option<ChangeId>, StoreError> {
        audit::change_at(self.0, self.1, revision)
    }
}

/// The log as it is in a change, which has written nothing yet.
impl Log for Change<'_> {
    type Error = StoreError;

    fn after(&mut self, revision: Revision) -> Result<Vec<Logged>, StoreError> {
        audit::after_in(self, revision, ENTRIES_PER_READ)
    }

    fn change_at(&mut self, revision: Revision) -> Result<Option<ChangeId>, StoreError> {
        audit::change_at_in(self, revision)
    }
}

/// The rulesets as they are at the end of the log; none, if they are there already. The log must lead to `known` at least.
pub(crate) fn along_the_log<L: Log>(
    before: &TenantRulesets,
    known: Revision,
    log: &mut L,
) -> Result<Result<Option<CaughtUp>, Gap>, L::Error> {
    let distance = usize::try_from(known.get().saturating_sub(before.revision().get())).unwrap_or(0);
    if distance > ENTRIES_MAX {
        return Ok(Err(Gap::Far(distance)));
    }
    let (mut reached, mut made_at) = (None, Vec::with_capacity(distance));
    loop {
        let position = reached.as_ref().unwrap_or(before).position();
        let entries = log.after(position.revision)?;
        // After the reading, so that it holds for what was read: a restore in between shows here, or in the next look.
        let change = log.change_at(position.revision)?;
        if position.contradicts(Position { change, ..position }) {
            return Ok(Err(Gap::Rewritten(position.revision)));
        }
        for logged in &entries {
            if made_at.len() >= ENTRIES_MAX {
                return Ok(Err(Gap::Far(ENTRIES_MAX)));
            }
            match after(reached.as_ref().unwrap_or(before), logged) {
                Ok(next) => reached = Some(next),
                Err(gap) => return Ok(Err(gap)),
            }
            made_at.push(logged.entry.at);
        }
        if entries.len() < ENTRIES_PER_READ as usize {
            let revision = reached.as_ref().unwrap_or(before).revision();
            let is_short = revision < known;
            return Ok(if is_short { Err(Gap::Short(revision)) } else { Ok(reached.map(|rulesets| CaughtUp { rulesets, made_at })) });
        }
    }
}

/// Brings the tenant's rulesets in memory up to date, at least to the revision `known`, which was seen in the database. What is
/// served changes once, from what it was to what it is. Blocks.
///
/// # Errors
/// The database is away. What is in memory stays.
pub fn bring_up(state: &AppState, tenant: &TenantId, known: Revision) -> Result<(), ServiceError> {
    let Some(before) = state.rulesets.peek(tenant) else { return Ok(()) };
    let begun = clock::uptime();
    match along_the_log(&before, known, &mut Stored(&state.store, tenant))? {
        Ok(None) => {
            before.confirm(begun);
            Ok(())
        }
        Ok(Some(CaughtUp { rulesets, made_at })) => {
            state.rulesets.publish(tenant, Arc::new(rulesets.as_of(begun)));
            let now = clock::now();
            made_at.into_iter().for_each(|at| state.metrics.change_propagation.record(time_from(at, now)));
            Ok(())
        }
        Err(gap) => {
            info!(state.logger, "tenant `{tenant}` is read anew, since the log does not lead on from what is in memory: {gap}");
            state.rulesets.reload(&state.store, tenant)
        }
    }
}

/// Nothing, where the writer's clock is ahead of this one.
fn time_from(start: Timestamp, end: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(end.as_millis().saturating_sub(start.as_millis())).unwrap_or(0))
}

/// Which tenants are where in the database, of those that are in memory or followed.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Tenants in memory that are behind, and the revision that they should be at.
    pub behind: Vec<(TenantId, Revision)>,
    /// Tenants of which something is served that the database does not have: a later revision, or one that another change has made.
    pub astray: Vec<TenantId>,
}

/// Of which tenants a comparison looks at the change that made the revision, and not only at its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// All of them.
    All,
    /// Those whose turn it is: `LOOKED_AT_MAX` or so, others with each turn, all in the end.
    Turn(usize),
}

/// A tenant's entry in the log is a row that must be found, and there may be ten thousand tenants.
const LOOKED_AT_MAX: usize = 500;

impl Depth {
    /// Whether it is the tenant's turn, of so many.
    fn includes(self, tenant: &TenantId, count: usize) -> bool {
        let Self::Turn(turn) = self else { return true };
        let turns = count.div_ceil(LOOKED_AT_MAX).max(1);
        let mut hasher = DefaultHasher::new();
        tenant.hash(&mut hasher);
        hasher.finish() % turns as u64 == (turn % turns) as u64
    }
}

/// Compares the revisions in memory with those in the database: one query or two, however many tenants. Those who follow a tenant that is
/// not in memory are told. Blocks.
///
/// # Errors
/// The database is away.
pub fn compare(state: &AppState, depth: Depth) -> Result<Comparison, ServiceError> {
    // This is how it is found out whether a database that hung answers again.
    let store = state.store.probing();
    // INVARIANT: before the query. What is served now was committed before, so the database cannot be behind it.
    let served: HashMap<TenantId, Arc<TenantRulesets>> = state.rulesets.all().into_iter().collect();
    let begun = clock::uptime();
    state.news.forget_unfollowed();
    let mut tenants: Vec<_> = served.keys().cloned().collect();
    tenants.extend(state.news.followed().into_iter().filter(|tenant| !served.contains_key(tenant)));
    let mut comparison = Comparison::default();
    if tenants.is_empty() {
        store.ping()?;
        return Ok(comparison);
    }
    let count = tenants.len();
    let (looked_at, others): (Vec<_>, Vec<_>) = tenants.into_iter().partition(|tenant| depth.includes(tenant, count));
    let mut positions = ruleset::positions(&store, &looked_at)?;
    if !others.is_empty() {
        let revisions = ruleset::revisions(&store, &others)?;
        positions.extend(revisions.into_iter().map(|(tenant, revision)| (tenant, Position { revision, change: None })));
    }
    for (tenant, position) in positions {
        let revision = position.revision;
        match served.get(&tenant) {
            None => state.news.tell(&tenant, revision),
            Some(served) if served.revision() < revision => comparison.behind.push((tenant, revision)),
            Some(served) if served.revision() > revision || served.position().contradicts(position) => comparison.astray.push(tenant),
            Some(served) => served.confirm(begun),
        }
    }
    Ok(comparison)
}

#[cfg(test)]
mod tests;

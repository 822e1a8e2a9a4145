//! Rulesets in memory: what evaluation reads.
//!
//! Per tenant one immutable value holds the rulesets of all its environments at one revision. Readers take it whole; a
//! newer one replaces it whole. What is not there yet is loaded once, however many requests wait for it. `adr/0002` says
//! why it is so.

mod served;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dashmap::DashMap;
use ff_core::{Entity, EnvironmentKey, Error, Flag, Rejected, Ruleset, Segment, Segments, TenantId};
use ff_store::{ChangeId, Position, Reading, Revision, Store};
use metrics::Counter;

use self::served::Confirmed;
pub use self::served::ServedRuleset;
use crate::blocking;
use crate::clock;
use crate::follower::Hints;
use crate::latest::{Latest, Versioned};
use crate::news::News;
use crate::service::ServiceError;
use crate::state_dir::StateDir;

/// The rulesets of all environments of one tenant at one revision.
#[derive(Debug, Clone)]
pub struct TenantRulesets {
    position: Position,
    segments: Segments,
    environments: HashMap<EnvironmentKey, Arc<ServedRuleset>>,
    confirmed: Arc<Confirmed>,
}

impl TenantRulesets {
    /// Compiles what is read from the database. A document that does not compile is left out and logged: one bad row must
    /// not take a tenant down.
    pub fn compile(tenant: &TenantId, reading: &mut Reading<'_, '_>) -> Self {
        let confirmed = Confirmed::now();
        let (segments, rejected) = Segments::compile_valid(tenant.clone(), reading.segments().iter());
        report(tenant, None, &rejected);
        let (position, environments) = (reading.position(), reading.environments());
        let revision = position.revision;
        Self::assemble(tenant, position, segments, &environments, confirmed, |key, segments| {
            Ruleset::compile_valid(key.clone(), number(revision), reading.flags(key), segments)
        })
    }

    /// Compiles what was read from elsewhere, as [`compile`](Self::compile) does. So long ago it was what the database had.
    pub(crate) fn of(
        tenant: &TenantId,
        position: Position,
        segments: &[Segment],
        flags: &[(EnvironmentKey, Vec<Flag>)],
        age: Duration,
    ) -> Self {
        let (segments, rejected) = Segments::compile_valid(tenant.clone(), segments.iter());
        report(tenant, None, &rejected);
        let environments: Vec<_> = flags.iter().map(|(key, _)| key.clone()).collect();
        Self::assemble(tenant, position, segments, &environments, Confirmed::ago(age), |key, segments| {
            let flags = flags.iter().filter(|(environment, _)| environment == key).flat_map(|(_, flags)| flags);
            Ruleset::compile_valid(key.clone(), number(position.revision), flags, segments)
        })
    }

    fn assemble(
        tenant: &TenantId,
        position: Position,
        mut segments: Segments,
        environments: &[EnvironmentKey],
        confirmed: Arc<Confirmed>,
        mut compile: impl FnMut(&EnvironmentKey, Segments) -> (Ruleset, Vec<Rejected>),
    ) -> Self {
        loop {
            let compiled = environments.iter().map(|key| {
                let (ruleset, rejected) = compile(key, segments.clone());
                (key.clone(), Arc::new(ServedRuleset::new(ruleset, &confirmed)), rejected)
            });
            let compiled: Vec<_> = compiled.collect();
            // The environments share their segments: one that cannot be used in one of them is left out in all, so that the
            // next change finds them alike.
            let rejected = compiled.iter().flat_map(|(_, _, rejected)| rejected);
            let unusable: Vec<_> = rejected.filter_map(|r| if let Entity::Segment(key) = &r.entity { Some(key) } else { None }).collect();
            if unusable.is_empty() {
                compiled.iter().for_each(|(key, _, rejected)| report(tenant, Some(key), rejected));
                let environments = compiled.into_iter().map(|(key, ruleset, _)| (key, ruleset)).collect();
                return Self { position, segments, environments, confirmed };
            }
            unusable
                .iter()
                .for_each(|key| log::error!("segment `{key}` of tenant `{tenant}` names a flag that cannot be used, and is not served"));
            segments = segments.without(unusable);
        }
    }

    /// Notes that they were what the database had at `time` of [`clock::uptime`], whatever was known so far.
    #[must_use]
    pub fn as_of(self, time: Duration) -> Self {
        self.confirmed.set(time);
        self
    }

    /// Notes that they were still what the database has at `time` of [`clock::uptime`].
    pub fn confirm(&self, time: Duration) {
        self.confirmed.renew(time);
    }

    /// The tenant's revision that they show.
    pub fn revision(&self) -> Revision {
        self.position.revision
    }

    /// That revision, and which change made it, as far as that is known.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Notes which change made the revision that they show.
    #[must_use]
    pub fn made_by(self, change: Option<ChangeId>) -> Self {
        Self { position: Position { change, ..self.position }, ..self }
    }

    /// The ruleset of one environment, if there is such an environment.
    pub fn get(&self, environment: &EnvironmentKey) -> Option<&Arc<ServedRuleset>> {
        self.environments.get(environment)
    }

    /// Every environment's ruleset.
    pub fn iter(&self) -> impl Iterator<Item = (&EnvironmentKey, &Arc<ServedRuleset>)> {
        self.environments.iter()
    }

    /// The tenant's segments.
    pub fn segments(&self) -> &Segments {
        &self.segments
    }

    /// These rulesets at the next revision, each changed by `change`.
    ///
    /// # Errors
    /// What `change` gives, with each environment in which it did, in their order.
    pub fn changed(
        &self,
        revision: Revision,
        segments: Segments,
        mut change: impl FnMut(&EnvironmentKey, &Ruleset) -> Result<Ruleset, Error>,
    ) -> Result<Self, Vec<(EnvironmentKey, Error)>> {
        let (mut environments, mut refused, confirmed) = (HashMap::new(), Vec::new(), Confirmed::now());
        for (key, ruleset) in &self.environments {
            match change(key, ruleset) {
                Ok(changed) => drop(environments.insert(key.clone(), Arc::new(ruleset.followed_by(changed, &confirmed)))),
                Err(error) => refused.push((key.clone(), error)),
            }
        }
        refused.sort_by(|a, b| a.0.cmp(&b.0));
        let position = Position { revision, change: None };
        if refused.is_empty() { Ok(Self { position, segments, environments, confirmed }) } else { Err(refused) }
    }

    /// These rulesets at the next revision with an environment more.
    #[must_use]
    pub fn with_environment(&self, revision: Revision, key: &EnvironmentKey, flags: &[Flag]) -> Self {
        let (ruleset, rejected) = Ruleset::compile_valid(key.clone(), number(revision), flags.iter(), self.segments.clone());
        report(ruleset.tenant(), Some(key), &rejected);
        let mut changed = self.at(revision);
        changed.environments.insert(key.clone(), Arc::new(ServedRuleset::new(ruleset, &changed.confirmed)));
        changed
    }

    /// These rulesets at the next revision with an environment less.
    #[must_use]
    pub fn without_environment(&self, revision: Revision, key: &EnvironmentKey) -> Self {
        let mut changed = self.at(revision);
        changed.environments.remove(key);
        changed
    }

    /// These rulesets at the next revision, which changed nothing in them.
    #[must_use]
    pub fn at(&self, revision: Revision) -> Self {
        let confirmed = Confirmed::now();
        let at = |ruleset: &ServedRuleset| Arc::new(ruleset.followed_by(ruleset.at_revision(number(revision)), &confirmed));
        let environments = self.environments.iter().map(|(key, ruleset)| (key.clone(), at(ruleset)));
        let position = Position { revision, change: None };
        Self { position, segments: self.segments.clone(), environments: environments.collect(), confirmed }
    }
}

/// The revision as the engine counts it. The store's begins at 0 and only grows.
pub fn number(revision: Revision) -> u64 {
    u64::try_from(revision.get()).unwrap_or_default()
}

fn report(tenant: &TenantId, environment: Option<&EnvironmentKey>, rejected: &[Rejected]) {
    for Rejected { entity, faults, .. } in rejected {
        let place = environment.map(|key| format!(", environment `{key}`")).unwrap_or_default();
        log::error!("{entity} of tenant `{tenant}`{place} does not compile and is not served: {faults}");
    }
}

/// Rulesets that were read from the database.
#[derive(Debug)]
pub(crate) struct Found {
    /// What it has.
    pub(crate) rulesets: Arc<TenantRulesets>,
    /// What is served, if that is not part of the history that the database has.
    pub(crate) instead_of: Option<Arc<TenantRulesets>>,
}

impl Found {
    /// Compiles what is read, and finds out whether what is served is part of it.
    pub(crate) fn of(tenant: &TenantId, reading: &mut Reading<'_, '_>, served: Option<&Arc<TenantRulesets>>) -> Self {
        let rulesets = Arc::new(TenantRulesets::compile(tenant, reading));
        Self { rulesets, instead_of: served.filter(|served| reading.contradicts(served.position)).cloned() }
    }

    /// The rulesets at the place of `reading`: those that were `served` before it, at `begun` of [`clock::uptime`], if they are that; else
    /// compiled.
    pub(crate) fn at_place_of(
        tenant: &TenantId,
        reading: &mut Reading<'_, '_>,
        served: Option<&Arc<TenantRulesets>>,
        begun: Duration,
    ) -> Self {
        match served.filter(|served| served.revision() == reading.revision() && !served.position.contradicts(reading.position())) {
            Some(current) => Self { rulesets: current.clone(), instead_of: None },
            None => Self::of(tenant, reading, served).seen_at(begun),
        }
    }

    /// Notes that it is what the database had at `time` of [`clock::uptime`].
    fn seen_at(self, time: Duration) -> Self {
        self.rulesets.confirmed.set(time);
        self
    }
}

fn load(store: &Store, tenant: &TenantId, served: Option<&Arc<TenantRulesets>>) -> Result<Found, ServiceError> {
    // What is committed while it is read may be missing.
    let begun = clock::uptime();
    let found = ff_store::ruleset::read(store, tenant, |reading| Found::of(tenant, reading, served))?;
    Ok(found.seen_at(begun))
}

impl Versioned for TenantRulesets {
    fn version(&self) -> u64 {
        number(self.position.revision)
    }
}

/// All tenants' rulesets that were asked for so far.
pub struct RulesetCache {
    tenants: Latest<TenantId, TenantRulesets>,
    news: Arc<News>,
    hints: Arc<Hints>,
    /// What is served of a tenant while the database is away, where nothing is in memory.
    saved: OnceLock<Arc<StateDir>>,
    /// Of tenants whose history turned out to be another one: the latest revision that was served of the former one.
    rewritten: DashMap<TenantId, Revision>,
    hits: Counter,
    misses: Counter,
}

impl std::fmt::Debug for RulesetCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RulesetCache").field("tenants", &self.tenants).finish_non_exhaustive()
    }
}

impl RulesetCache {
    /// An empty cache that tells of what it serves, and counts its hits and misses.
    pub fn new(news: Arc<News>, hints: Arc<Hints>, hits: Counter, misses: Counter) -> Self {
        Self { tenants: Latest::new(), news, hints, saved: OnceLock::new(), rewritten: DashMap::new(), hits, misses }
    }

    /// The tenant's rulesets: from memory, or loaded. A tenant that nobody has written to has an empty `production`, and
    /// is not kept, so that asking for made-up tenants fills no memory.
    ///
    /// # Errors
    /// The database is needed and away.
    pub async fn get(&self, store: &Store, tenant: &TenantId) -> Result<Arc<TenantRulesets>, ServiceError> {
        let mut is_loaded = false;
        let found = self.tenants.get_or_load(tenant, async || {
            is_loaded = true;
            let (store, tenant, saved) = (store.clone(), tenant.clone(), self.saved().cloned());
            let load = move || match (load(&store, &tenant, None), saved) {
                (Err(error @ ServiceError::Unavailable(_)), Some(folder)) => folder.rulesets(&tenant).map(Arc::new).ok_or(error),
                (loaded, _) => loaded.map(|found| found.rulesets),
            };
            blocking::run(load).await
        });
        let found = found.await;
        if is_loaded {
            self.misses.increment(1);
            if let Ok(rulesets) = &found {
                self.news.tell(tenant, rulesets.revision());
                // What was committed while it was being compiled was told when the tenant was not in memory yet.
                if rulesets.revision() > Revision::ZERO {
                    self.hints.look_at(tenant);
                }
            }
        } else {
            self.hits.increment(1)
        }
        found
    }

    /// From now on, what was saved in `folder` is served of tenants that are not in memory while the database is away.
    pub(crate) fn fall_back_to(&self, folder: Arc<StateDir>) {
        // It is told once, at the start.
        self.saved.set(folder).ok();
    }

    /// Where rulesets are saved, if they are.
    pub(crate) fn saved(&self) -> Option<&Arc<StateDir>> {
        self.saved.get()
    }

    /// Loads the tenant's rulesets whether or not they are in memory, and serves them if they are newer, or if what is served is of a
    /// history that the database does not have. Blocks.
    ///
    /// # Errors
    /// The database is away.
    pub fn reload(&self, store: &Store, tenant: &TenantId) -> Result<(), ServiceError> {
        // INVARIANT: before the reading. What is served was committed before, so the database cannot be behind it.
        let served = self.peek(tenant);
        self.serve(tenant, load(store, tenant, served.as_ref())?);
        Ok(())
    }

    /// Serves what was found from now on, unless later rulesets are served already.
    pub(crate) fn serve(&self, tenant: &TenantId, found: Found) {
        match found.instead_of {
            None => self.publish(tenant, found.rulesets),
            Some(served) => self.publish_instead_of(tenant, &served, found.rulesets),
        }
    }

    /// Serves these rulesets in place of `former`, though they may be earlier: the database was restored, or another server of it took
    /// over that had not all changes. Else as [`publish`](Self::publish): what somebody has published since `former` stays, if it is later.
    pub fn publish_instead_of(&self, tenant: &TenantId, former: &Arc<TenantRulesets>, rulesets: Arc<TenantRulesets>) {
        let (revision, served) = (rulesets.revision(), former.revision());
        log::warn!(
            "the database has another history of tenant `{tenant}` than what was served up to revision {served}, and revision {revision} \
             of it is served now: was it restored?"
        );
        self.note_rewritten(tenant, served);
        self.tenants.publish_instead_of(tenant, former, rulesets);
        self.news.tell_restored(tenant, revision);
        // Somebody may have published something later meanwhile, and told of it too early.
        if let Some(now) = self.peek(tenant) {
            self.news.tell(tenant, now.revision());
        }
    }

    /// Notes that revisions up to this one may be known to clients as those of a history that is gone.
    pub(crate) fn note_rewritten(&self, tenant: &TenantId, until: Revision) {
        let mut known = self.rewritten.entry(tenant.clone()).or_insert(until);
        *known = until.max(*known);
    }

    /// Whether a client that names this revision may mean that of a history that is gone. All have their beginning in common.
    pub fn is_doubtful(&self, tenant: &TenantId, revision: Revision) -> bool {
        revision > Revision::ZERO && self.rewritten.get(tenant).is_some_and(|until| revision <= *until)
    }

    /// What is in memory.
    pub fn peek(&self, tenant: &TenantId) -> Option<Arc<TenantRulesets>> {
        self.tenants.peek(tenant)
    }

    /// Serves these rulesets from now on, unless newer ones are served already.
    pub fn publish(&self, tenant: &TenantId, rulesets: Arc<TenantRulesets>) {
        let revision = rulesets.revision();
        self.tenants.publish(tenant, rulesets);
        self.news.tell(tenant, revision);
    }

    /// Everything that is in memory.
    pub fn all(&self) -> Vec<(TenantId, Arc<TenantRulesets>)> {
        self.tenants.all()
    }
}

//! One environment's ruleset as it is served, and how old it may be.

use std::ops::Deref;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ff_core::{FlagKey, Ruleset};

use crate::clock;

/// A ruleset with what answers need besides it.
#[derive(Debug)]
pub struct ServedRuleset {
    ruleset: Ruleset,
    /// The flags' keys in the order in which lists show them, once somebody has asked for all of them.
    order: OnceLock<Arc<[FlagKey]>>,
    confirmed: Arc<Confirmed>,
}

/// As of now; those of a tenant are confirmed together.
impl From<Ruleset> for ServedRuleset {
    fn from(ruleset: Ruleset) -> Self {
        Self::new(ruleset, &Confirmed::now())
    }
}

/// When rulesets were last known to be what the database has, in microseconds of [`clock::uptime`]; below 0 where it was another process
/// that knew.
#[derive(Debug)]
pub(super) struct Confirmed(AtomicI64);

impl Confirmed {
    pub(super) fn now() -> Arc<Self> {
        Self::ago(Duration::ZERO)
    }

    pub(super) fn ago(age: Duration) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(micros(clock::uptime()).saturating_sub(micros(age)))))
    }

    /// At `time` of [`clock::uptime`], whatever was known so far.
    pub(super) fn set(&self, time: Duration) {
        self.0.store(micros(time), Ordering::Relaxed);
    }

    /// At `time` of [`clock::uptime`], if that is later than what was known.
    pub(super) fn renew(&self, time: Duration) {
        self.0.fetch_max(micros(time), Ordering::Relaxed);
    }
}

/// Microseconds in 63 bits last for a quarter of a million years.
fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

impl Deref for ServedRuleset {
    type Target = Ruleset;

    fn deref(&self) -> &Ruleset {
        &self.ruleset
    }
}

impl ServedRuleset {
    pub(super) fn new(ruleset: Ruleset, confirmed: &Arc<Confirmed>) -> Self {
        Self { ruleset, order: OnceLock::new(), confirmed: confirmed.clone() }
    }

    /// How long ago this was last known to be what the database has: the longest time for which a change may have been missed.
    pub fn age(&self) -> Duration {
        let confirmed = self.confirmed.0.load(Ordering::Relaxed);
        Duration::from_micros(u64::try_from(micros(clock::uptime()).saturating_sub(confirmed)).unwrap_or(0))
    }

    /// The keys of all flags, in order. Sorted once, not for each answer.
    pub fn keys_in_order(&self) -> &[FlagKey] {
        self.order.get_or_init(|| {
            let mut keys: Vec<_> = self.ruleset.flag_keys().cloned().collect();
            keys.sort_unstable();
            keys.into()
        })
    }

    /// The ruleset after one change; the order of keys goes on to hold for it, if it has the same ones.
    pub(super) fn followed_by(&self, changed: Ruleset, confirmed: &Arc<Confirmed>) -> Self {
        // INVARIANT: a change adds or removes one flag at most, so two rulesets of one length have the same keys.
        let order = self.order.get().filter(|order| order.len() == changed.len()).cloned();
        debug_assert!(order.iter().flat_map(|order| order.iter()).all(|key| changed.contains(key.as_str())));
        Self { order: order.map_or_else(OnceLock::new, OnceLock::from), ..Self::new(changed, confirmed) }
    }
}

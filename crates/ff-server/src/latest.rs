//! Values in memory by key: replaced only by later ones, loaded once however many wait.
//!
//! This is the order of steps that the rulesets in memory rely on, apart from what they are, so that the tests can try it in
//! every order in which threads may take those steps (`tests.rs`).

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use dashmap::DashMap;
use tokio::sync::Mutex;

/// A value that says how late it is. One at 0 is answered and not kept, so that asking for made-up keys fills no memory.
pub(crate) trait Versioned {
    /// Counts up from 0 with every change.
    fn version(&self) -> u64;
}

/// A place where another thread may come in between two steps. Says so to whoever chooses among threads, if anybody does.
pub(crate) trait Pause {
    fn pause();
}

/// Threads are chosen by the operating system, which needs no word.
pub(crate) struct Unannounced;

impl Pause for Unannounced {
    #[inline]
    fn pause() {}
}

pub(crate) struct Latest<K, V, P = Unannounced> {
    slots: DashMap<K, Arc<Slot<V>>>,
    pause: PhantomData<fn() -> P>,
}

struct Slot<V> {
    current: ArcSwapOption<V>,
    /// Held by the one request that loads while others wait for the outcome. Never held while anything is evaluated.
    loading: Mutex<()>,
}

impl<V> Default for Slot<V> {
    fn default() -> Self {
        Self { current: ArcSwapOption::empty(), loading: Mutex::default() }
    }
}

impl<K: Eq + Hash, V> fmt::Debug for Latest<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latest").field("keys", &self.slots.len()).finish_non_exhaustive()
    }
}

impl<K: Eq + Hash + Clone, V: Versioned, P: Pause> Latest<K, V, P> {
    pub(crate) fn new() -> Self {
        Self { slots: DashMap::new(), pause: PhantomData }
    }

    /// What is in memory.
    pub(crate) fn peek(&self, key: &K) -> Option<Arc<V>> {
        P::pause();
        self.slots.get(key)?.current.load_full()
    }

    /// What is in memory, or else what `load` gives. Of those who find nothing, one loads and the others wait.
    ///
    /// # Errors
    /// What `load` gives. Nothing is kept then, and the next one tries again.
    pub(crate) async fn get_or_load<E>(&self, key: &K, load: impl AsyncFnOnce() -> Result<Arc<V>, E>) -> Result<Arc<V>, E> {
        if let Some(current) = self.peek(key) {
            return Ok(current);
        }
        P::pause();
        let slot = self.slots.entry(key.clone()).or_default().clone();
        let _turn = slot.loading.lock().await;
        P::pause();
        if let Some(current) = slot.current.load_full() {
            // Another request loaded it while this one waited.
            return Ok(current);
        }
        let loaded = load().await;
        match &loaded {
            Ok(value) if value.version() > 0 => self.publish(key, value.clone()),
            _ => {
                P::pause();
                self.slots.remove_if(key, |_, slot| slot.current.load().is_none());
            }
        }
        loaded
    }

    /// Puts a later value in place of an earlier one. Of two that race, the later one stays.
    pub(crate) fn publish(&self, key: &K, new: Arc<V>) {
        P::pause();
        // INVARIANT: under the map's lock, so that nobody takes the slot out before the value is in it. What was there is dropped
        // after the lock: it may be large, and this its last owner.
        let _former = {
            let slot = self.slots.entry(key.clone()).or_default();
            slot.current.rcu(|old| match old {
                Some(old) if old.version() >= new.version() => Some(old.clone()),
                _ => Some(new.clone()),
            })
        };
    }

    /// Puts a value in place of `seen` whatever their versions, and in place of anything else only if it is later: for when time went
    /// back, because the values' source was restored from a copy.
    pub(crate) fn publish_instead_of(&self, key: &K, seen: &Arc<V>, new: Arc<V>) {
        P::pause();
        let _former = {
            let slot = self.slots.entry(key.clone()).or_default();
            slot.current.rcu(|old| match old {
                Some(old) if !Arc::ptr_eq(old, seen) && old.version() >= new.version() => Some(old.clone()),
                _ => Some(new.clone()),
            })
        };
    }

    /// Everything that is in memory.
    pub(crate) fn all(&self) -> Vec<(K, Arc<V>)> {
        P::pause();
        self.slots.iter().filter_map(|slot| Some((slot.key().clone(), slot.value().current.load_full()?))).collect()
    }
}

#[cfg(test)]
mod tests;

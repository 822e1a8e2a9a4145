//! The documents in memory: those that somebody has asked for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use dashmap::DashMap;
use ff_store::{Position, Revision, Scope};
use tokio::sync::Mutex;

use super::Document;
use crate::clock;

/// The last document of each scope that was asked for. A scope that nobody asks for has none.
#[derive(Default)]
pub struct Documents {
    slots: DashMap<Scope, Arc<Slot>>,
}

/// A document in memory.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) document: Arc<Document>,
    /// What was served when no later document than this could be had, because the database was away.
    pub(crate) stands_in_for: Option<Position>,
}

#[derive(Default)]
struct Slot {
    current: ArcSwapOption<Held>,
    /// Held by the one who builds while others wait for the outcome.
    building: Mutex<()>,
    /// When somebody last asked, in milliseconds of [`clock::uptime`].
    asked_at: AtomicU64,
}

impl Slot {
    fn note_asked(&self) {
        self.asked_at.store(u64::try_from(clock::uptime().as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documents").field("scopes", &self.slots.len()).finish()
    }
}

impl Documents {
    /// The document of the scope, for somebody who asks: what is held, if it will do, or else what [`renew`](Self::renew) gives.
    ///
    /// # Errors
    /// What `build` gives; nothing changes then.
    pub(crate) async fn get<E>(
        &self,
        scope: &Scope,
        will_do: impl Fn(&Held) -> bool,
        build: impl AsyncFnOnce(Option<Arc<Document>>) -> Result<Held, E>,
    ) -> Result<Arc<Document>, E> {
        let slot = self.slots.get(scope).map(|slot| Arc::clone(&slot));
        let held = slot.and_then(|slot| {
            slot.note_asked();
            slot.current.load_full()
        });
        match held.filter(|held| will_do(held)) {
            Some(current) => Ok(Arc::clone(&current.document)),
            None => self.renew(scope, will_do, build).await,
        }
    }

    /// What `build` makes of the document of the scope, if that will not do. Of those for whom it will not do, one builds and the others
    /// wait; what was built while they waited will do for them.
    ///
    /// # Errors
    /// What `build` gives; nothing changes then.
    pub(crate) async fn renew<E>(
        &self,
        scope: &Scope,
        will_do: impl Fn(&Held) -> bool,
        build: impl AsyncFnOnce(Option<Arc<Document>>) -> Result<Held, E>,
    ) -> Result<Arc<Document>, E> {
        let new = || {
            let slot = Slot::default();
            slot.note_asked();
            Arc::new(slot)
        };
        let slot = self.slots.entry(scope.clone()).or_insert_with(new).clone();
        let _turn = slot.building.lock().await;
        let former = slot.current.load_full();
        if let Some(current) = former.as_ref().filter(|held| will_do(held)) {
            return Ok(Arc::clone(&current.document));
        }
        let built = build(former.map(|held| Arc::clone(&held.document))).await;
        match &built {
            // Those of a tenant without a change are not kept, so that asking for made-up tenants fills no memory.
            Ok(held) if held.document.revision() > Revision::ZERO => slot.current.store(Some(Arc::new(held.clone()))),
            _ => drop(self.slots.remove_if(scope, |_, slot| slot.current.load().is_none())),
        }
        built.map(|held| held.document)
    }

    /// Every document that is held, and how long ago somebody asked for it.
    pub(crate) fn all(&self) -> Vec<(Scope, Arc<Document>, Duration)> {
        let now = clock::uptime();
        let held = self.slots.iter().filter_map(|slot| {
            let asked_at = Duration::from_millis(slot.asked_at.load(Ordering::Relaxed));
            Some((slot.key().clone(), Arc::clone(&slot.current.load_full()?.document), now.saturating_sub(asked_at)))
        });
        held.collect()
    }

    /// Lets go of the document of the scope.
    pub(crate) fn forget(&self, scope: &Scope) {
        self.slots.remove(scope);
    }
}

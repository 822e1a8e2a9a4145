//! The documents in memory: those that somebody has asked for.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use dashmap::DashMap;
use ff_store::{Revision, Scope};
use tokio::sync::Mutex;

use super::Document;

/// The last document of each scope that was asked for. A scope that nobody asks for has none.
#[derive(Default)]
pub struct Documents {
    slots: DashMap<Scope, Arc<Slot>>,
}

#[derive(Default)]
struct Slot {
    current: ArcSwapOption<Document>,
    /// Held by the one who builds while others wait for the outcome.
    building: Mutex<()>,
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documents").field("scopes", &self.slots.len()).finish()
    }
}

impl Documents {
    /// The document of the scope, if it will do, or else what `build` makes of it. Of those for whom it will not do, one builds and the
    /// others wait; what was built while they waited will do for them.
    ///
    /// # Errors
    /// What `build` gives; nothing changes then.
    pub(crate) async fn get<E>(
        &self,
        scope: &Scope,
        will_do: impl Fn(&Document) -> bool,
        build: impl AsyncFnOnce(Option<Arc<Document>>) -> Result<Arc<Document>, E>,
    ) -> Result<Arc<Document>, E> {
        let held = self.slots.get(scope).and_then(|slot| slot.current.load_full());
        if let Some(current) = held.filter(|document| will_do(document)) {
            return Ok(current);
        }
        let slot = self.slots.entry(scope.clone()).or_default().clone();
        let _turn = slot.building.lock().await;
        let former = slot.current.load_full();
        if let Some(current) = former.as_ref().filter(|document| will_do(document)) {
            return Ok(Arc::clone(current));
        }
        let built = build(former).await;
        match &built {
            // Those of a tenant without a change are not kept, so that asking for made-up tenants fills no memory.
            Ok(document) if document.revision() > Revision::ZERO => slot.current.store(Some(Arc::clone(document))),
            _ => drop(self.slots.remove_if(scope, |_, slot| slot.current.load().is_none())),
        }
        built
    }
}

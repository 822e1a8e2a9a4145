//! What changes leave for the changes after them: the state that they have made, as the caller holds it.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use ff_core::TenantId;

use crate::scope::Revision;

/// Something of a caller's, whatever it is.
pub(crate) type Kept = Weak<dyn Any + Send + Sync>;

/// States by tenant, each of one revision.
///
/// It keeps nothing alive: between a change and the moment when its caller has published the new state, the caller holds
/// it; afterwards whoever serves it does.
#[derive(Debug, Default)]
pub(crate) struct Memory(HashMap<TenantId, (Revision, Kept)>);

/// More tenants than this are not remembered.
const TENANTS_MAX: usize = 1_024;

impl Memory {
    pub(crate) fn keep(&mut self, tenant: &TenantId, revision: Revision, state: Kept) {
        if self.0.len() >= TENANTS_MAX {
            self.0.clear();
        }
        self.0.insert(tenant.clone(), (revision, state));
    }

    /// The state of the tenant at just this revision.
    pub(crate) fn get<S: Any + Send + Sync>(&self, tenant: &TenantId, revision: Revision) -> Option<Arc<S>> {
        let (kept_at, state) = self.0.get(tenant)?;
        state.upgrade().filter(|_| *kept_at == revision)?.downcast().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_found_at_its_revision_while_somebody_holds_it() {
        let (mut memory, tenant) = (Memory::default(), "acme".parse().unwrap());
        let state = Arc::new(7_u32);
        let kept: Arc<dyn Any + Send + Sync> = state.clone();
        memory.keep(&tenant, Revision::new(3), Arc::downgrade(&kept));
        drop(kept);
        assert_eq!(memory.get(&tenant, Revision::new(3)).as_deref(), Some(&7_u32));
        assert!(memory.get::<u32>(&tenant, Revision::new(4)).is_none());
        assert!(memory.get::<u64>(&tenant, Revision::new(3)).is_none());
        assert!(memory.get::<u32>(&"other".parse().unwrap(), Revision::new(3)).is_none());
        drop(state);
        assert!(memory.get::<u32>(&tenant, Revision::new(3)).is_none());
    }
}

//! Who is subscribed: places, which there are so many of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ff_core::TenantId;
use ff_store::Revision;
use tokio::sync::watch;

use super::hub::{Closing, Hub};
use super::{Refused, Shared};

/// The places of one server.
#[derive(Debug)]
pub(super) struct Places {
    taken: Mutex<Taken>,
    ending: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    tenants: HashMap<TenantId, TakenByTenant>,
}

#[derive(Debug)]
struct TakenByTenant {
    count: usize,
    hub: Arc<Hub>,
    _closing: Closing,
}

/// A subscriber's place, given back when dropped. With a tenant's last one its reader ends.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    /// Where the tenant's events come from.
    pub(super) hub: Arc<Hub>,
}

impl Default for Places {
    fn default() -> Self {
        Self { taken: Mutex::default(), ending: watch::Sender::new(false) }
    }
}

impl Places {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Counts and maps are changed together, by steps that do not panic.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all streams, and those that still begin as soon as they have begun.
    pub(super) fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Says when they end.
    pub(super) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }
}

/// Takes a place in the tenant, which is served at the revision that `served` gives.
///
/// # Errors
/// There is none.
pub(super) fn take(shared: &Arc<Shared>, tenant: &TenantId, served: impl FnOnce() -> Revision) -> Result<Place, Refused> {
    let mut taken = shared.places.taken();
    let in_tenant = taken.tenants.get(tenant).map_or(0, |tenant| tenant.count);
    if in_tenant >= shared.config.subscribers_per_tenant_max {
        return Err(Refused::TenantFull { subscribers_max: shared.config.subscribers_per_tenant_max });
    }
    if taken.count >= shared.config.subscribers_max {
        return Err(Refused::Full);
    }
    // A reader that is gone has left its subscribers to themselves; they are about to notice, and to leave.
    let hub = match taken.tenants.get_mut(tenant) {
        Some(by_tenant) if by_tenant.hub.is_read() => {
            by_tenant.count += 1;
            by_tenant.hub.clone()
        }
        _ => {
            let (hub, closing) = Hub::open(shared, tenant, served);
            taken.tenants.insert(tenant.clone(), TakenByTenant { count: in_tenant + 1, hub: hub.clone(), _closing: closing });
            hub
        }
    };
    taken.count += 1;
    shared.metrics.open.increment(1);
    Ok(Place { shared: shared.clone(), hub })
}

impl Place {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.shared.places.taken();
        taken.count -= 1;
        self.shared.metrics.open.decrement(1);
        if let Some(by_tenant) = taken.tenants.get_mut(self.hub.tenant()) {
            by_tenant.count -= 1;
            if by_tenant.count == 0 {
                taken.tenants.remove(self.hub.tenant());
            }
        }
    }
}

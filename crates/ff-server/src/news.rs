//! Who is told that a tenant has reached a later revision.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use ff_core::TenantId;
use ff_store::Revision;
use tokio::sync::watch;

/// Tells those who wait in this process that a tenant's rulesets are served at a later revision, whoever made the change.
///
/// It says that there is something, not what: that is in the audit log. So nobody who is slow is owed anything, and several
/// changes may come as one piece of news.
pub struct News {
    tenants: DashMap<TenantId, Followed>,
    any: watch::Sender<u64>,
}

/// What is said of a tenant that somebody follows.
#[derive(Debug)]
struct Followed {
    revision: watch::Sender<Revision>,
    /// How often its database was restored meanwhile.
    restores: AtomicU64,
}

impl Default for Followed {
    fn default() -> Self {
        Self { revision: watch::Sender::new(Revision::ZERO), restores: AtomicU64::new(0) }
    }
}

impl Default for News {
    fn default() -> Self {
        Self { tenants: DashMap::new(), any: watch::Sender::new(0) }
    }
}

impl fmt::Debug for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("News").field("followed", &self.tenants.len()).finish_non_exhaustive()
    }
}

impl News {
    /// Says that the tenant is served at `revision` from now on or, where its rulesets are not in memory, has reached it. A revision that is not later than what was said is no news.
    pub fn tell(&self, tenant: &TenantId, revision: Revision) {
        if let Some(followers) = self.tenants.get(tenant) {
            followers.revision.send_if_modified(|said| {
                let is_later = revision > *said;
                *said = revision.max(*said);
                is_later
            });
        }
        self.tell_any();
    }

    /// Says that the tenant is served at `revision` from now on, though it may be an earlier one: the database was restored.
    pub fn tell_restored(&self, tenant: &TenantId, revision: Revision) {
        if let Some(followers) = self.tenants.get(tenant) {
            followers.restores.fetch_add(1, Ordering::Release);
            followers.revision.send_replace(revision);
        }
        self.tell_any();
    }

    /// Says that something has changed somewhere, without saying where.
    pub fn tell_any(&self) {
        self.any.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The revisions of a tenant from now on. The first one is 0, or the last that was told to others who follow it: whoever
    /// wants to know where the tenant is looks there after this call.
    pub fn follow(&self, tenant: &TenantId) -> watch::Receiver<Revision> {
        // Under the map's lock, as `forget` is, so that nobody is given a sender that is taken out.
        self.tenants.entry(tenant.clone()).or_default().revision.subscribe()
    }

    /// How often the database was restored to an earlier revision of this tenant since somebody follows it: what was said before the
    /// last time does not hold any more.
    pub fn restores(&self, tenant: &TenantId) -> u64 {
        self.tenants.get(tenant).map_or(0, |followers| followers.restores.load(Ordering::Acquire))
    }

    /// The tenants that somebody follows.
    pub fn followed(&self) -> Vec<TenantId> {
        self.tenants.iter().filter(|followers| followers.revision.receiver_count() > 0).map(|followers| followers.key().clone()).collect()
    }

    /// Wakes at every change of any tenant.
    pub fn any(&self) -> watch::Receiver<u64> {
        self.any.subscribe()
    }

    /// Lets go of tenants that nobody follows any more.
    pub fn forget_unfollowed(&self) {
        self.tenants.retain(|_, followers| followers.revision.receiver_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(id: &str) -> TenantId {
        id.parse().unwrap()
    }

    #[test]
    fn followers_hear_of_later_revisions_of_their_tenant_only() {
        let news = News::default();
        let (mut mine, mut any) = (news.follow(&tenant("acme")), news.any());
        news.tell(&tenant("globex"), Revision::new(9));
        assert!(!mine.has_changed().unwrap());
        assert!(any.has_changed().unwrap());
        any.mark_unchanged();
        news.tell(&tenant("acme"), Revision::new(2));
        assert_eq!(*mine.borrow_and_update(), Revision::new(2));
        news.tell(&tenant("acme"), Revision::new(2));
        news.tell(&tenant("acme"), Revision::new(1));
        assert!(!mine.has_changed().unwrap());
        assert_eq!(*mine.borrow(), Revision::new(2));
        assert!(any.has_changed().unwrap());
    }

    #[test]
    fn a_restore_leads_back_and_is_counted() {
        let (news, acme) = (News::default(), tenant("acme"));
        news.tell_restored(&acme, Revision::new(3));
        assert_eq!(news.restores(&acme), 0, "nobody follows it");
        let mut mine = news.follow(&acme);
        news.tell(&acme, Revision::new(9));
        news.tell_restored(&acme, Revision::new(3));
        assert_eq!((*mine.borrow_and_update(), news.restores(&acme)), (Revision::new(3), 1));
        news.tell(&acme, Revision::new(4));
        assert_eq!((*mine.borrow(), news.restores(&acme)), (Revision::new(4), 1));
    }

    #[test]
    fn what_nobody_follows_is_let_go_and_may_be_followed_again() {
        let news = News::default();
        let followed = news.follow(&tenant("acme"));
        drop(news.follow(&tenant("globex")));
        assert_eq!(news.followed(), [tenant("acme")]);
        news.forget_unfollowed();
        assert_eq!(news.tenants.len(), 1);
        drop(followed);
        news.forget_unfollowed();
        assert!(news.tenants.is_empty());
        let mut again = news.follow(&tenant("acme"));
        news.tell(&tenant("acme"), Revision::new(1));
        assert_eq!(*again.borrow_and_update(), Revision::new(1));
    }
}

//! Who is told that a tenant has reached a later revision.

use std::fmt;

use dashmap::DashMap;
use ff_core::TenantId;
use ff_store::Revision;
use tokio::sync::watch;

/// Tells those who wait in this process that a tenant's rulesets are served at a later revision, whoever made the change.
///
/// It says that there is something, not what: that is in the audit log. So nobody who is slow is owed anything, and several
/// changes may come as one piece of news.
pub struct News {
    tenants: DashMap<TenantId, watch::Sender<Said>>,
    any: watch::Sender<u64>,
}

/// Where a tenant that somebody follows is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// The revision that it is served at.
    pub revision: Revision,
    /// How often its database was restored since somebody follows it: revisions that were said before the last time do not hold any more.
    pub restores: u64,
}

impl Said {
    const NOTHING: Self = Self { revision: Revision::ZERO, restores: 0 };
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
            followers.send_if_modified(|said| {
                let is_later = revision > said.revision;
                said.revision = revision.max(said.revision);
                is_later
            });
        }
        self.tell_any();
    }

    /// Says that the tenant is served at `revision` from now on, though it may be an earlier one: the database was restored.
    pub fn tell_restored(&self, tenant: &TenantId, revision: Revision) {
        if let Some(followers) = self.tenants.get(tenant) {
            // Both at once, so that nobody takes a revision of before for one after it.
            followers.send_modify(|said| *said = Said { revision, restores: said.restores + 1 });
        }
        self.tell_any();
    }

    /// Says that something has changed somewhere, without saying where.
    pub fn tell_any(&self) {
        self.any.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Where a tenant is from now on. The first revision is 0, or the last that was told to others who follow it: whoever
    /// wants to know where the tenant is looks there after this call.
    pub fn follow(&self, tenant: &TenantId) -> watch::Receiver<Said> {
        // Under the map's lock, as `forget` is, so that nobody is given a sender that is taken out.
        self.tenants.entry(tenant.clone()).or_insert_with(|| watch::Sender::new(Said::NOTHING)).subscribe()
    }

    /// The tenants that somebody follows.
    pub fn followed(&self) -> Vec<TenantId> {
        self.tenants.iter().filter(|followers| followers.receiver_count() > 0).map(|followers| followers.key().clone()).collect()
    }

    /// Wakes at every change of any tenant.
    pub fn any(&self) -> watch::Receiver<u64> {
        self.any.subscribe()
    }

    /// Lets go of tenants that nobody follows any more.
    pub fn forget_unfollowed(&self) {
        self.tenants.retain(|_, followers| followers.receiver_count() > 0);
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
        assert_eq!(mine.borrow_and_update().revision, Revision::new(2));
        news.tell(&tenant("acme"), Revision::new(2));
        news.tell(&tenant("acme"), Revision::new(1));
        assert!(!mine.has_changed().unwrap());
        assert_eq!(mine.borrow().revision, Revision::new(2));
        assert!(any.has_changed().unwrap());
    }

    #[test]
    fn a_restore_leads_back_and_is_counted() {
        let (news, acme) = (News::default(), tenant("acme"));
        let said = |revision, restores| Said { revision: Revision::new(revision), restores };
        news.tell_restored(&acme, Revision::new(3));
        let mut mine = news.follow(&acme);
        assert_eq!(*mine.borrow(), Said::NOTHING, "nobody followed it");
        news.tell(&acme, Revision::new(9));
        news.tell_restored(&acme, Revision::new(3));
        assert_eq!(*mine.borrow_and_update(), said(3, 1));
        news.tell(&acme, Revision::new(4));
        assert_eq!(*mine.borrow(), said(4, 1));
        news.tell_restored(&acme, Revision::new(4));
        assert!(mine.has_changed().unwrap(), "though the revision is the same");
        assert_eq!(*mine.borrow(), said(4, 2));
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
        assert_eq!(again.borrow_and_update().revision, Revision::new(1));
    }
}

//! Tokens that were verified already.

use std::sync::Arc;

use dashmap::DashMap;

use super::caller::Caller;
use super::digest::Digest;

/// How many tokens are remembered. Only tokens that verified get in, so nobody without a valid one can fill it.
const TOKENS_MAX: usize = 10_000;

/// Callers by the digest of their token, until it expires. Saves parsing and the signature check on every request but a
/// token's first.
#[derive(Debug, Default)]
pub(super) struct Verified {
    callers: DashMap<Digest, Entry>,
}

#[derive(Debug)]
struct Entry {
    caller: Arc<Caller>,
    expires_at_s: u64,
}

impl Verified {
    /// The caller, if the token was seen before and still holds. One that expired is forgotten.
    pub(super) fn get(&self, digest: &Digest, now_s: u64) -> Option<Arc<Caller>> {
        let entry = self.callers.get(digest)?;
        if entry.expires_at_s > now_s {
            return Some(entry.caller.clone());
        }
        // The shard's lock must be given back before the entry can be removed.
        drop(entry);
        self.callers.remove(digest);
        None
    }

    /// Remembers a token. A full memory first forgets what expired and then, if that frees nothing, everything: whoever
    /// still calls is verified again, once.
    pub(super) fn insert(&self, digest: Digest, caller: Arc<Caller>, expires_at_s: u64, now_s: u64) {
        if self.callers.len() >= TOKENS_MAX {
            self.callers.retain(|_, entry| entry.expires_at_s > now_s);
            if self.callers.len() >= TOKENS_MAX {
                self.callers.clear();
            }
        }
        self.callers.insert(digest, Entry { caller, expires_at_s });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Tenants, TokenScopes};
    use super::*;

    fn caller() -> Arc<Caller> {
        Arc::new(Caller::new("u", TokenScopes::default(), Tenants::All))
    }

    #[test]
    fn a_token_is_forgotten_when_it_expires() {
        let verified = Verified::default();
        let digest = Digest::of(b"t");
        verified.insert(digest, caller(), 100, 50);
        assert!(verified.get(&digest, 99).is_some());
        assert!(verified.get(&digest, 100).is_none());
        assert_eq!(verified.callers.len(), 0);
    }

    #[test]
    fn the_memory_is_bounded() {
        let verified = Verified::default();
        for i in 0..TOKENS_MAX + 10 {
            verified.insert(Digest::of(&i.to_le_bytes()), caller(), 100, 50);
        }
        assert!(verified.callers.len() <= TOKENS_MAX);
    }
}

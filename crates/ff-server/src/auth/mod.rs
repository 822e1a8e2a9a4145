//! Who is calling, and what they may do: credentials in, a [`Caller`] out. No HTTP types.
//!
//! A credential is either a token that this server signed or the bootstrap admin key. Both are compared and remembered by
//! their SHA-256 digest, so no lookup or comparison depends on how much of a guess was right, and no credential stays in
//! memory longer than its request.

mod caller;
mod digest;
mod scopes;
mod token;
mod verified;

use std::sync::Arc;

pub use self::caller::{Caller, Tenants};
pub use self::digest::Digest;
pub use self::scopes::{TokenScope, TokenScopes};
pub use self::token::{Claims, TOKEN_TTL_S, TokenError, Tokens};
use self::verified::Verified;
use crate::clock::now_s;
use crate::config::AuthConfig;

/// The name under which the admin key acts in the audit log.
pub const ADMIN_KEY_SUBJECT: &str = "admin-key";

/// The longest credential that is looked at, in bytes; a token of ours with a hundred tenants stays below it.
const CREDENTIAL_LENGTH_MAX: usize = 16 * 1024;

/// Who proved what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// The bootstrap admin key.
    AdminKey,
    /// A token.
    Token,
}

/// Everything that turns credentials into callers.
#[derive(Debug)]
pub struct Auth {
    tokens: Tokens,
    admin_key: Option<Digest>,
    admin: Arc<Caller>,
    open_to_loopback: bool,
    verified: Verified,
}

impl Auth {
    /// Checks by signing and verifying a token that the cryptography works, so that a server that starts can also serve.
    ///
    /// # Errors
    /// When it does not.
    pub fn new(config: &AuthConfig) -> Result<Self, TokenError> {
        let tokens = Tokens::new(&config.jwt_secret);
        tokens.self_test(now_s())?;
        Ok(Self {
            tokens,
            admin_key: config.admin_key.as_ref().map(|key| Digest::of(key.expose().as_bytes())),
            admin: Arc::new(Caller::new(ADMIN_KEY_SUBJECT, [TokenScope::Admin].into_iter().collect(), Tenants::All)),
            open_to_loopback: config.open_to_loopback,
            verified: Verified::default(),
        })
    }

    /// The caller behind a credential; `None` if it proves nothing (unknown, altered, expired, signed in another way).
    pub fn caller(&self, credential: &[u8]) -> Option<(Arc<Caller>, Credential)> {
        if credential.is_empty() || credential.len() > CREDENTIAL_LENGTH_MAX {
            return None;
        }
        let digest = Digest::of(credential);
        if self.admin_key.as_ref() == Some(&digest) {
            return Some((self.admin.clone(), Credential::AdminKey));
        }
        let now = now_s();
        if let Some(caller) = self.verified.get(&digest, now) {
            return Some((caller, Credential::Token));
        }
        let claims = self.tokens.verify(credential, now)?;
        let expires_at = claims.exp;
        let caller = Arc::new(Caller::from(claims));
        self.verified.insert(digest, caller.clone(), expires_at, now);
        Some((caller, Credential::Token))
    }

    /// Whether anyone on this machine may have a token (`--dev`).
    pub fn is_open_to_loopback(&self) -> bool {
        self.open_to_loopback
    }

    /// Signs a token that starts to hold now.
    ///
    /// # Errors
    /// When signing fails, which a passed self-test rules out in practice.
    pub fn issue(&self, subject: &str, scopes: &[TokenScope], tenants: &Tenants) -> Result<String, TokenError> {
        self.tokens.issue(&Claims::starting(now_s(), subject, scopes, tenants))
    }
}

#[cfg(test)]
mod tests;

//! Credentials as digests.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of a credential. Comparing two says nothing about how much of a credential was guessed right, and it may
/// lie in memory where the credential should not.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

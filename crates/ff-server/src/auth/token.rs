//! Signed tokens: JWT with HS256 and nothing else.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::caller::Tenants;
use super::scopes::TokenScope;
use crate::config::Secret;

/// How long a token holds, in seconds: six hours.
pub const TOKEN_TTL_S: u64 = 6 * 60 * 60;

/// How far the clocks of servers that share a secret may differ, in seconds.
pub(super) const LEEWAY_S: u64 = 2;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who holds it.
    pub sub: String,
    /// What it allows.
    pub scopes: Vec<TokenScope>,
    /// Where.
    pub tenants: Tenants,
    /// When it was issued, in seconds since 1970.
    pub iat: u64,
    /// From when on it is worthless, in seconds since 1970.
    pub exp: u64,
}

impl Claims {
    /// Claims that hold from `now_s` for [`TOKEN_TTL_S`].
    pub fn starting(now_s: u64, subject: &str, scopes: &[TokenScope], tenants: &Tenants) -> Self {
        Self { sub: subject.to_owned(), scopes: scopes.to_vec(), tenants: tenants.clone(), iat: now_s, exp: now_s + TOKEN_TTL_S }
    }
}

/// Signing or verifying does not work at all: a fault of the build, not of a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The library refused to sign.
    #[error("a token cannot be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
    /// What was signed does not verify.
    #[error("a token that was just signed does not verify")]
    SelfTest,
}

/// Signs and verifies.
pub struct Tokens {
    header: Header,
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// Tokens under one secret.
    pub fn new(secret: &Secret) -> Self {
        // The algorithm is ours to choose: a token that names another one is refused before its signature is looked at.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_S;
        let bytes = secret.expose().as_bytes();
        Self {
            header: Header::new(Algorithm::HS256),
            signing: EncodingKey::from_secret(bytes),
            verifying: DecodingKey::from_secret(bytes),
            validation,
        }
    }

    /// The token that says so.
    ///
    /// # Errors
    /// When the library refuses to sign.
    pub fn issue(&self, claims: &Claims) -> Result<String, TokenError> {
        encode(&self.header, claims, &self.signing).map_err(TokenError::Sign)
    }

    /// What `token` says, if it holds at `now_s`. Why one does not hold is nobody's business but the holder's, and a
    /// forger is not told.
    pub fn verify(&self, token: &[u8], now_s: u64) -> Option<Claims> {
        let claims = decode::<Claims>(token, &self.verifying, &self.validation).ok()?.claims;
        // The library has its own clock and checked `exp` by it; checking by ours too keeps both users of it in step.
        (claims.exp.saturating_add(LEEWAY_S) > now_s).then_some(claims)
    }

    /// Signs and verifies one token.
    ///
    /// # Errors
    /// When either fails.
    pub fn self_test(&self, now_s: u64) -> Result<(), TokenError> {
        let claims = Claims::starting(now_s, "self-test", &[TokenScope::Evaluate], &Tenants::All);
        let token = self.issue(&claims)?;
        (self.verify(token.as_bytes(), now_s) == Some(claims)).then_some(()).ok_or(TokenError::SelfTest)
    }
}

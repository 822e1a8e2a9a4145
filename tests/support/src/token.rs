//! Tokens made by hand, also such as no server would make: an implementation of HS256 of its own (RFC 7515, RFC 2104).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The secret of every server that is not in development mode.
pub const SECRET: &str = "a-secret-for-tests-0123456789-0123456789";

/// How the header of an ordinary token reads.
pub const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Seconds since 1970.
pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| Duration::as_secs(&elapsed))
}

/// A token for these scopes and tenants that holds for an hour.
pub fn token(subject: &str, scopes: &[&str], tenants: &[&str]) -> String {
    let claims = json!({"sub": subject, "scopes": scopes, "tenants": tenants, "iat": now_s(), "exp": now_s() + 3_600});
    signed(HEADER, &claims, SECRET)
}

/// These claims under this header, signed with HMAC-SHA-256.
pub fn signed(header: &str, claims: &Value, secret: &str) -> String {
    let payload = unsigned(header, claims);
    let signature = hmac_sha256(secret.as_bytes(), payload.as_bytes());
    format!("{payload}.{}", base64url(&signature))
}

/// What is signed: header and claims with a dot between.
pub fn unsigned(header: &str, claims: &Value) -> String {
    format!("{}.{}", base64url(header.as_bytes()), base64url(claims.to_string().as_bytes()))
}

fn hmac_sha256(secret: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let hashed: [u8; 32] = Sha256::digest(secret).into();
    let mut key = if secret.len() > BLOCK { hashed.to_vec() } else { secret.to_vec() };
    key.resize(BLOCK, 0);
    let pad = |with: u8| key.iter().map(|byte| byte ^ with).collect::<Vec<_>>();
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

/// base64url without padding (RFC 4648, section 5).
pub fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().chain([&0, &0]).take(3).fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        let symbols = [18, 12, 6, 0].into_iter().filter_map(|shift| ALPHABET.get(bits >> shift & 63));
        text.extend(symbols.take(chunk.len() + 1).map(|symbol| char::from(*symbol)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_of_hs256_comes_out() {
        // RFC 7515, appendix A.1, with its line breaks; the key is the one that it gives in base64url.
        let header = "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}";
        assert_eq!(base64url(header.as_bytes()), "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9");
        // RFC 4231, test case 2 and, with a key longer than a block, test case 6.
        let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long = hmac_sha256(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex(long), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }
}

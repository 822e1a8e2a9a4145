//! Bytes that are ready to be sent: as they are and compressed, each with its tag.

use std::io::{self, Write};

use actix_web::web::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// A body in both encodings, shared by all who ask for it.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// As it is.
    pub identity: Representation,
    /// Compressed with gzip.
    pub gzip: Representation,
}

/// Bytes, and a strong tag that no other bytes have.
#[derive(Debug, Clone)]
pub struct Representation {
    /// The bytes.
    pub bytes: Bytes,
    /// With its quotes.
    pub tag: String,
}

impl Encoded {
    /// Compresses `text`, which takes its time.
    ///
    /// # Errors
    /// None, unless the memory is not there.
    pub fn new(text: String) -> io::Result<Self> {
        let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::default());
        encoder.write_all(text.as_bytes())?;
        let mut gzip = encoder.finish()?;
        gzip.shrink_to_fit();
        Ok(Self { identity: Representation::new(text.into_bytes()), gzip: Representation::new(gzip) })
    }
}

impl Representation {
    fn new(bytes: Vec<u8>) -> Self {
        // Half of the hash is more than enough to tell the states of one ruleset apart.
        let digest = Sha256::digest(&bytes);
        let tag = digest.iter().take(16).fold(String::from("\""), |tag, byte| tag + &format!("{byte:02x}")) + "\"";
        Self { bytes: bytes.into(), tag }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn both_forms_are_the_same_text_under_different_tags() {
        let text = "a flag ".repeat(1_000);
        let encoded = Encoded::new(text.clone()).unwrap();
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&*encoded.gzip.bytes).read_to_string(&mut unpacked).unwrap();
        assert_eq!((unpacked.as_bytes(), &*encoded.identity.bytes), (text.as_bytes(), text.as_bytes()));
        assert!(encoded.gzip.bytes.len() < text.len() / 10);
        assert_ne!(encoded.gzip.tag, encoded.identity.tag);
        let again = Encoded::new(text).unwrap();
        assert_eq!((&again.gzip.tag, &again.identity.tag), (&encoded.gzip.tag, &encoded.identity.tag));
        assert!(encoded.gzip.tag.len() == 34 && encoded.gzip.tag.starts_with('"') && encoded.gzip.tag.ends_with('"'));
    }
}

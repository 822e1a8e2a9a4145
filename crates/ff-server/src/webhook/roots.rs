//! Whose certificates a webhook's target may show.

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// The authorities that are trusted: Mozilla's, which are in the program, and whichever the operator adds.
#[derive(Debug, Clone)]
pub struct TrustedRoots(RootCerts);

impl TrustedRoots {
    /// Mozilla's, and those of a PEM bundle.
    ///
    /// # Errors
    /// Why the bundle is none, for people: it holds no certificate, something else, or one that cannot be read.
    pub fn with_bundle(pem: &[u8]) -> Result<Self, String> {
        let mut added = Vec::new();
        for item in parse_pem(pem) {
            let number = added.len() + 1;
            match item {
                Ok(PemItem::Certificate(certificate)) if is_readable(&certificate) => added.push(certificate),
                // A bundle is handed around, a key must not be: somebody took the wrong file.
                Ok(PemItem::PrivateKey(_)) => return Err("holds a private key, where only certificates belong".to_owned()),
                Ok(_) => return Err(format!("its certificate number {number} cannot be read")),
                Err(_) => return Err(format!("is not PEM, at its certificate number {number}")),
            }
        }
        if added.is_empty() {
            return Err("holds no certificate; expected PEM, which begins with `-----BEGIN CERTIFICATE-----`".to_owned());
        }
        Ok(Self(mozillas().chain(added).collect::<Vec<_>>().into()))
    }

    /// In the client's form.
    pub(super) fn certificates(&self) -> RootCerts {
        self.0.clone()
    }
}

impl Default for TrustedRoots {
    /// Mozilla's alone.
    fn default() -> Self {
        Self(mozillas().into())
    }
}

fn mozillas() -> impl Iterator<Item = Certificate<'static>> {
    TLS_SERVER_ROOT_CERTS.iter().map(|der| Certificate::from_der(der))
}

/// Whether TLS can use it. The client passes over the others without a word.
fn is_readable(certificate: &Certificate<'_>) -> bool {
    rustls::RootCertStore::empty().add(certificate.der().into()).is_ok()
}

#[cfg(test)]
mod tests {
    use ff_test_support::Authority;

    use super::*;

    fn count(roots: &TrustedRoots) -> usize {
        let RootCerts::Specific(certificates) = roots.certificates() else { panic!("other roots: {roots:?}") };
        assert!(certificates.iter().all(is_readable));
        certificates.len()
    }

    #[test]
    fn authorities_are_added_to_those_that_browsers_trust() {
        let public = count(&TrustedRoots::default());
        assert!(public > 100, "{public}");
        let bundle = format!("# ours\n{}\nand theirs:\n{}", Authority::new("a").pem(), Authority::new("b").pem());
        assert_eq!(count(&TrustedRoots::with_bundle(bundle.as_bytes()).unwrap()), public + 2);
    }

    #[test]
    fn what_is_no_bundle_is_refused_in_words_that_help() {
        let (good, key) = (Authority::new("a").pem(), Authority::new("b").key_pem());
        let body = good.lines().nth(1).unwrap();
        for (bundle, why) in [
            (String::new(), "holds no certificate; expected PEM, which begins with `-----BEGIN CERTIFICATE-----`"),
            ("garbage\n\u{0}".to_owned(), "holds no certificate; expected PEM, which begins with `-----BEGIN CERTIFICATE-----`"),
            (format!("{good}{key}"), "holds a private key, where only certificates belong"),
            (format!("{good}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "its certificate number 2 cannot be read"),
            (format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"), "its certificate number 1 cannot be read"),
            (good.replace("-----END CERTIFICATE-----", ""), "is not PEM, at its certificate number 1"),
            (format!("{good}{}", good.replace(body, "?!")), "is not PEM, at its certificate number 2"),
        ] {
            assert_eq!(TrustedRoots::with_bundle(bundle.as_bytes()).unwrap_err(), why, "{bundle}");
        }
    }
}

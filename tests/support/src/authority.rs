//! Certificates for targets that speak TLS, made where they are needed and kept nowhere.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;

/// A certificate authority that nobody trusts who is not told to.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Now.
    Now,
    /// No longer.
    Past,
    /// Not yet.
    Future,
}

/// A server's certificate with its key.
#[derive(Debug)]
pub struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Authority {
    /// An authority of this name.
    ///
    /// # Panics
    /// If the operating system gives no random numbers.
    pub fn new(name: &str) -> Self {
        Self(CertifiedIssuer::self_signed(params(name, &[], true), KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate, for those who are to trust it.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Its key, for tests that put it where it does not belong.
    pub fn key_pem(&self) -> String {
        self.0.key().serialize_pem()
    }

    /// A certificate for a server of these names and addresses.
    ///
    /// # Panics
    /// If one of them cannot be in a certificate.
    pub fn issue(&self, hosts: &[&str], validity: Validity) -> Certificate {
        let mut params = params("a server", hosts, false);
        let (first, last) = match validity {
            Validity::Now => (2020, 4000),
            Validity::Past => (2020, 2021),
            Validity::Future => (3999, 4000),
        };
        (params.not_before, params.not_after) = (date_time_ymd(first, 1, 1), date_time_ymd(last, 1, 1));
        let key = KeyPair::generate().unwrap();
        Certificate { chain: vec![params.signed_by(&key, &self.0).unwrap().der().clone()], key }
    }

    /// What [`Certificate::served`] makes, for a server that asks its clients for certificates of this authority, too.
    ///
    /// # Panics
    /// As that one.
    pub fn served_to_clients_of_its_own(&self, certificate: &Certificate) -> Arc<ServerConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build().unwrap();
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        certificate.with(builder.with_client_cert_verifier(clients))
    }
}

impl Certificate {
    /// One that signs itself, as an authority's: what `openssl req -x509` makes.
    ///
    /// # Panics
    /// If a host cannot be in a certificate.
    pub fn self_signed(hosts: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { chain: vec![params("itself", hosts, true).self_signed(&key).unwrap().der().clone()], key }
    }

    /// A server that shows it.
    ///
    /// # Panics
    /// If certificate and key do not fit.
    pub fn served(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        self.with(builder.with_no_client_auth())
    }

    fn with(&self, builder: rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>) -> Arc<ServerConfig> {
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der()).into();
        Arc::new(builder.with_single_cert(self.chain.clone(), key).unwrap())
    }
}

fn params(name: &str, hosts: &[&str], is_authority: bool) -> CertificateParams {
    let mut params = CertificateParams::new(hosts.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params
}

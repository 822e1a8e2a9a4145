//! One attempt: connect where it is allowed, send, look at the status, and be done in bounded time whatever the other side does.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use actix_web::http::header::HttpDate;
use ff_store::WebhookSecret;
use ureq::config::Config;
use ureq::http::{Response, Uri, header};
use ureq::tls::TlsConfig;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body, Error, Timeout};

use super::message::Message;
use super::networks::AllowedNetworks;
use super::roots::TrustedRoots;
use super::unsecured;
use crate::clock;
use crate::service::ServiceError;

/// How long finding and reaching the target may take, where the whole attempt may take longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the head of an answer may be.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// How much of an answer's body is read, so that its connection can be used again. Only its status matters.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// And how long for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

const USER_AGENT: &str = concat!("ff-webhooks/", env!("CARGO_PKG_VERSION"));

/// Sends messages. Follows no redirect, keeps no cookies, uses no proxy, and verifies certificates always.
#[derive(Debug, Clone)]
pub struct Sender(Agent);

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What the target answered; none, if it gave no answer.
    pub status: Option<u16>,
    /// Why it failed, in words that hold neither the URL nor anything that the target said; none, if it did not.
    pub error: Option<String>,
    /// How long the target asks to be left alone.
    pub retry_after: Option<Duration>,
    /// How long it took.
    pub duration: Duration,
}

impl Attempt {
    /// Whether the target has taken the message.
    pub fn is_success(&self) -> bool {
        self.error.is_none()
    }

    /// Whether the target says that it will never be there again.
    pub fn is_gone(&self) -> bool {
        self.status == Some(410)
    }

    /// How long it took, in milliseconds.
    pub fn duration_ms(&self) -> u32 {
        u32::try_from(self.duration.as_millis()).unwrap_or(u32::MAX)
    }
}

impl Sender {
    /// A sender that reaches what `networks` allow, believes certificates of `roots`, and gives up an attempt after `timeout`.
    pub fn new(networks: AllowedNetworks, roots: &TrustedRoots, timeout: Duration) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(roots.certificates())
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .tls_config(tls)
            .user_agent(USER_AGENT)
            .max_response_header_size(HEAD_BYTES_MAX)
            .timeout_global(Some(timeout))
            .timeout_resolve(Some(timeout.min(CONNECT_TIMEOUT)))
            .timeout_connect(Some(timeout.min(CONNECT_TIMEOUT)))
            .timeout_recv_body(Some(timeout.min(ANSWER_TIMEOUT)))
            .build();
        Self(Agent::with_parts(config, DefaultConnector::default(), Fence { networks, names: DefaultResolver::default() }))
    }

    /// Sends `message` to `url` now, signed by each of the secrets.
    ///
    /// # Errors
    /// A secret cannot be used. Whatever the target does is an [`Attempt`].
    pub fn send(&self, url: &str, message: &Message, secrets: &[WebhookSecret]) -> Result<Attempt, ServiceError> {
        let at_s = clock::now_s();
        let signatures = message.signatures(at_s, secrets)?;
        let started = Instant::now();
        let request = self
            .0
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", at_s.to_string())
            .header("webhook-signature", signatures);
        let attempt = match request.send(&message.body[..]) {
            Ok(response) => answered(response),
            Err(error) => Attempt { status: None, error: Some(told(&error)), retry_after: None, duration: Duration::ZERO },
        };
        Ok(Attempt { duration: started.elapsed(), ..attempt })
    }
}

fn answered(mut response: Response<Body>) -> Attempt {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| delay(value.to_str().ok()?));
    let error = match status {
        200..=299 => None,
        300..=399 => Some(format!("answered {status}; redirects are not followed")),
        _ => Some(format!("answered {status}")),
    };
    // The answer counts, whatever becomes of its body; one that is too long or too slow costs its connection.
    response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().ok();
    Attempt { status: Some(status), error, retry_after, duration: Duration::ZERO }
}

/// `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
fn delay(value: &str) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // Too many to count are very many.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let date: HttpDate = value.parse().ok()?;
    Some(SystemTime::from(date).duration_since(SystemTime::now()).unwrap_or_default())
}

/// Why no answer came. The library's own words may quote the URL, which may be a secret.
fn told(error: &Error) -> String {
    match error {
        Error::Timeout(Timeout::Resolve) => "the host's name was not resolved in time".to_owned(),
        Error::Timeout(Timeout::Connect) => "no connection came about in time".to_owned(),
        Error::Timeout(_) => "no answer came in time".to_owned(),
        Error::HostNotFound => "the host's name leads nowhere".to_owned(),
        Error::Io(error) => broken(error),
        Error::Rustls(error) => not_secured(error),
        Error::Tls(_) => "the host's name is not one that a certificate can hold".to_owned(),
        Error::Protocol(_) | Error::Http(_) => "the answer is no HTTP".to_owned(),
        Error::LargeResponseHeader(..) => "the answer's head is too long".to_owned(),
        _ => "the request could not be made".to_owned(),
    }
}

fn broken(error: &io::Error) -> String {
    if let Some(inner) = error.get_ref() {
        if inner.is::<Fenced>() {
            return Fenced.to_string();
        }
        // What TLS finds wrong is reported so, too.
        if let Some(inner) = inner.downcast_ref() {
            return not_secured(inner);
        }
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            "the connection was closed before an answer came".to_owned()
        }
        kind => format!("the connection failed: {kind}"),
    }
}

fn not_secured(error: &rustls::Error) -> String {
    format!("the connection could not be secured: {}", unsecured::reason(error))
}

/// Resolves names, and hands on only addresses that may be reached. It is these that are connected to, so it does not help to answer
/// otherwise the next time.
#[derive(Debug)]
struct Fence {
    networks: AllowedNetworks,
    names: DefaultResolver,
}

/// No address of the host may be reached.
#[derive(Debug, thiserror::Error)]
#[error("the host's address is not one that webhooks may be sent to")]
struct Fenced;

impl Resolver for Fence {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let resolved = self.names.resolve(uri, config, timeout).map_err(|error| match error {
            // What the system says when there is no such name.
            Error::Io(_) => Error::HostNotFound,
            error => error,
        })?;
        let is_encrypted = uri.scheme_str() == Some("https");
        let mut allowed = self.empty();
        resolved.iter().filter(|address| self.networks.allow(address.ip(), is_encrypted)).for_each(|address| allowed.push(*address));
        if allowed.is_empty() { Err(Error::Io(io::Error::other(Fenced))) } else { Ok(allowed) }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error.as_deref().unwrap_or("delivered"))
    }
}

#[cfg(test)]
mod tests;

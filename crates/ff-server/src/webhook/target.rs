//! Where a webhook may lead, as far as its URL tells. Where its name leads is seen when it is connected to.

use std::net::IpAddr;

use url::{Host, Url};

use super::networks::AllowedNetworks;

/// The longest URL, in bytes.
pub const URL_LENGTH_MAX: usize = 2_048;

/// A URL that webhooks may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetUrl(String);

impl TargetUrl {
    /// Reads a URL: `https`, or `http` where networks are allowed; no credentials, no fragment, no address that may not be reached.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn read(text: &str, networks: &AllowedNetworks) -> Result<Self, String> {
        if text.len() > URL_LENGTH_MAX {
            return Err(format!("a URL must have at most {URL_LENGTH_MAX} bytes, got {}", text.len()));
        }
        // A URL parser drops these without a word.
        if text.chars().any(|c| c.is_ascii_control() || c == ' ') {
            return Err("a URL must not contain spaces or control characters".to_owned());
        }
        let url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
        let is_encrypted = match url.scheme() {
            "https" => true,
            "http" if !networks.is_empty() => false,
            _ => return Err("expected a URL that begins with `https://`".to_owned()),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL must not contain credentials; deliveries are signed instead".to_owned());
        }
        if url.fragment().is_some() {
            return Err("a URL must not contain a fragment: it would never be sent".to_owned());
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(name)) if !name.is_empty() => None,
            _ => return Err("a URL must name a host".to_owned()),
        };
        if url.port() == Some(0) {
            return Err("port 0 cannot be connected to".to_owned());
        }
        if literal.is_some_and(|address| !networks.allow(address, is_encrypted)) {
            return Err(if is_encrypted {
                "the address is not a public one, and this server sends webhooks to no others".to_owned()
            } else {
                "plain HTTP is for networks that this server's configuration allows; expected a URL that begins with `https://`".to_owned()
            });
        }
        let text = String::from(url);
        // What the client could not send would fail each time.
        if text.len() > URL_LENGTH_MAX || text.parse::<ureq::http::Uri>().is_err() {
            return Err("not a URL that can be requested".to_owned());
        }
        Ok(Self(text))
    }

    /// The URL in its one spelling.
    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, networks: &str) -> Result<String, String> {
        TargetUrl::read(text, &networks.parse().unwrap()).map(TargetUrl::into_string)
    }

    #[test]
    fn https_urls_of_public_hosts_are_taken() {
        for (text, shown) in [
            ("https://example.com/hook", "https://example.com/hook"),
            ("HTTPS://Example.COM:443", "https://example.com/"),
            ("https://example.com:8443/a?b=c%20d", "https://example.com:8443/a?b=c%20d"),
            ("https://1.1.1.1/", "https://1.1.1.1/"),
            ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]/x"),
            ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ] {
            assert_eq!(read(text, "").as_deref(), Ok(shown));
        }
    }

    #[test]
    fn what_must_not_be_sent_to_is_refused() {
        let long = format!("https://example.com/{}", "x".repeat(URL_LENGTH_MAX));
        for text in [
            "",
            "example.com",
            "/hook",
            "http://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://x/",
            "javascript:alert(1)",
            "https://",
            "https://user@example.com/",
            "https://user:pass@example.com/",
            "https://:pass@example.com/",
            "https://example.com/#x",
            "https://example.com/a b",
            "https://exa\nmple.com/",
            "https://example.com:99999/",
            "https://example.com:0/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest",
            "https://10.0.0.1:8443/",
            "https://[fe80::1]/",
            "https://0/",
            "https://a..b/ c",
            &long,
        ] {
            assert!(read(text, "").is_err(), "{text}");
        }
    }

    #[test]
    fn allowed_networks_are_reached_by_plain_http_too() {
        for text in ["http://127.0.0.1:9000/x", "https://127.9.9.9/", "http://localhost:80/", "http://[::1]/"] {
            assert!(read(text, "127.0.0.0/8,::1").is_ok(), "{text}");
        }
        for text in ["http://10.0.0.1/", "https://10.0.0.1/", "http://8.8.8.8/", "ftp://127.0.0.1/"] {
            assert!(read(text, "127.0.0.0/8,::1").is_err(), "{text}");
        }
    }
}

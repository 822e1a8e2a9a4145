//! How webhooks are delivered.

use std::time::Duration;

use super::{ConfigError, Overrides, Variables};
use crate::webhook::networks::AllowedNetworks;
use crate::webhook::retry::{Retry, Schedule};
use crate::webhook::roots::TrustedRoots;

/// How webhooks are delivered. The same for all servers of one database, or it depends on who delivers.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// `WEBHOOK_ALLOW_NETWORKS`: networks (`10.0.0.0/8,192.168.1.7`) that webhooks may lead to although they are not public, and by plain
    /// HTTP; none by default, with `--dev` the loopback addresses.
    pub networks: AllowedNetworks,
    /// `WEBHOOK_CA_FILE`: a file of authorities' certificates, in PEM, that targets' certificates may be from, besides those that browsers
    /// trust; none by default. Read at the start.
    pub roots: TrustedRoots,
    /// `WEBHOOK_TIMEOUT_MS`: how long an attempt may take, in milliseconds; default 15000.
    pub timeout: Duration,
    /// `WEBHOOK_RETRY_MS`: when a delivery that failed is tried again, in milliseconds since its first attempt; by default the schedule of
    /// Standard Webhooks, which ends after 24 hours. `WEBHOOK_DISABLE_AFTER_MS`: a webhook whose attempts have failed for so long,
    /// without a pause, is turned off when the next event is given up; default 432000000 (5 days).
    pub retry: Retry,
    /// `WEBHOOK_LEASE_MS`: after how long another server takes over from one that has died, in milliseconds; default 30000, at least twice
    /// `WEBHOOK_TIMEOUT_MS`.
    pub lease: Duration,
    /// `WEBHOOK_CONCURRENCY_MAX`: attempts at a time; default 32. With 0 this server delivers nothing and leaves it to others.
    pub concurrency_max: usize,
}

impl WebhookConfig {
    pub(super) fn load(variables: &Variables, overrides: &Overrides) -> Result<Self, ConfigError> {
        let millis = |name: &str, default: u64, bounds| variables.number(name, default, bounds).map(Duration::from_millis);
        let networks = variables.value("WEBHOOK_ALLOW_NETWORKS")?;
        let timeout = millis("WEBHOOK_TIMEOUT_MS", 15_000, 50..=60_000)?;
        let lease = millis("WEBHOOK_LEASE_MS", 30_000, 100..=3_600_000)?;
        if lease < timeout * 2 {
            let (lease, timeout) = (lease.as_millis(), timeout.as_millis());
            return Err(ConfigError::new(
                "WEBHOOK_LEASE_MS",
                format!("must be at least twice WEBHOOK_TIMEOUT_MS ({timeout}), got {lease}"),
            ));
        }
        Ok(Self {
            networks: networks.unwrap_or_else(|| if overrides.dev { AllowedNetworks::loopback() } else { AllowedNetworks::default() }),
            roots: variables.text("WEBHOOK_CA_FILE").map_or_else(|| Ok(TrustedRoots::default()), load_roots)?,
            timeout,
            retry: Retry {
                schedule: variables.value::<Schedule>("WEBHOOK_RETRY_MS")?.unwrap_or_default(),
                disable_after: millis("WEBHOOK_DISABLE_AFTER_MS", 432_000_000, 1_000..=31_536_000_000)?,
            },
            lease,
            concurrency_max: variables.number("WEBHOOK_CONCURRENCY_MAX", 32, 0..=1_024)? as usize,
        })
    }
}

fn load_roots(path: &str) -> Result<TrustedRoots, ConfigError> {
    let refused = |reason: String| ConfigError::new("WEBHOOK_CA_FILE", format!("`{path}` {reason}"));
    let bundle = std::fs::read(path).map_err(|error| refused(format!("cannot be read: {}", error.kind())))?;
    TrustedRoots::with_bundle(&bundle).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load<const N: usize>(variables: [(&str, &str); N], dev: bool) -> Result<WebhookConfig, String> {
        let overrides = Overrides { dev, ..Overrides::default() };
        WebhookConfig::load(&Variables::from(variables), &overrides).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_private_is_reached_unless_it_is_allowed_or_in_development() {
        assert!(load([], false).unwrap().networks.is_empty());
        assert_eq!(load([], true).unwrap().networks, AllowedNetworks::loopback());
        let allowed = load([("WEBHOOK_ALLOW_NETWORKS", "10.0.0.0/8")], true).unwrap().networks;
        assert_eq!(allowed.to_string(), "10.0.0.0/8");
        assert!(load([("WEBHOOK_ALLOW_NETWORKS", "all")], false).unwrap_err().starts_with("WEBHOOK_ALLOW_NETWORKS: got `all`"));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        for (name, value) in [
            ("WEBHOOK_TIMEOUT_MS", "0"),
            ("WEBHOOK_TIMEOUT_MS", "60001"),
            ("WEBHOOK_RETRY_MS", "5,4"),
            ("WEBHOOK_LEASE_MS", "29999"),
            ("WEBHOOK_CONCURRENCY_MAX", "-1"),
            ("WEBHOOK_DISABLE_AFTER_MS", "1"),
        ] {
            let refusal = load([(name, value)], false).unwrap_err();
            assert!(refusal.starts_with(&format!("{name}: ")), "{refusal}");
        }
    }

    #[test]
    fn a_file_of_authorities_that_is_none_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        assert!(load([("WEBHOOK_CA_FILE", &file("good", &ff_test_support::Authority::new("ours").pem()))], false).is_ok());
        for (path, why) in [
            (folder.path().join("missing").display().to_string(), "cannot be read: entity not found"),
            (folder.path().display().to_string(), "cannot be read: is a directory"),
            (file("empty", ""), "holds no certificate"),
            (file("garbage", "\u{0}garbage"), "holds no certificate"),
        ] {
            let refusal = load([("WEBHOOK_CA_FILE", &path)], false).unwrap_err();
            assert!(refusal.starts_with(&format!("WEBHOOK_CA_FILE: `{path}` {why}")), "{refusal}");
        }
    }
}

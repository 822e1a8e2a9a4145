//! What a webhook's deliveries are signed with.

use std::fmt;

/// A signing secret in base64, which shows itself to nobody by accident: there is no `Display`, and `Debug` prints a placeholder.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// A secret of these bytes, in base64 as RFC 4648, section 4, has it. Whoever makes one sees to it that they are random.
    pub fn from_base64(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that signs and for the one answer that shows it.
    pub fn expose_base64(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", WebhookSecret::from_base64("aHVudGVyMg==")), "WebhookSecret(…)");
    }
}

//! Values that must not be shown.

use std::fmt;

/// A secret text. It shows itself to nobody by accident: `Debug` prints a placeholder and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A fresh secret of 256 random bits or more, for a server that nobody else shares tokens with.
    pub fn random() -> Self {
        // Three random UUIDs hold 366 random bits of the operating system's source.
        Self((0..3).map(|_| uuid::Uuid::new_v4().simple().to_string()).collect())
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    }

    #[test]
    fn random_secrets_are_long_and_differ() {
        let (a, b) = (Secret::random(), Secret::random());
        assert!(a.expose().len() >= 64 && a != b);
    }
}

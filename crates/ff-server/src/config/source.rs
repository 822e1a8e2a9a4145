//! Where configuration comes from: variables by name, typed on the way out.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use super::ConfigError;
use super::manual::{Described, VARIABLES};

/// Variables by name. The process environment wins over the `.env` file; an empty variable is one that is not set, as
/// compose files and CI systems write it.
#[derive(Clone, Default)]
pub struct Variables(HashMap<String, String>);

impl std::fmt::Debug for Variables {
    /// Names only: any value may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Variables {
    /// The environment of this process over the `.env` file of the working directory, if there is one.
    ///
    /// # Errors
    /// When that file cannot be read or has a line that is no assignment, or one of our variables is no text.
    pub fn from_process() -> Result<Self, ConfigError> {
        let mut all = Self::from_file(Path::new(".env"))?;
        for Described { name, .. } in VARIABLES {
            let Some(value) = std::env::var_os(name) else { continue };
            // Its bytes are not shown: any value may be a secret.
            let value = value.into_string().map_err(|_| ConfigError::new(name, "is not UTF-8"))?;
            all.0.insert((*name).to_owned(), value);
        }
        Ok(all)
    }

    /// The assignments of a file in `.env` form; none if there is no such file.
    ///
    /// # Errors
    /// When the file cannot be read or has a line that is no assignment.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        // The library's own messages quote the faulty line, which may well hold a secret.
        let unreadable = |error: dotenvy::Error| match error {
            dotenvy::Error::Io(error) => ConfigError::new(path.display(), format!("cannot be read: {}", error.kind())),
            _ => ConfigError::new(path.display(), "has a line that is not `NAME=value`"),
        };
        match dotenvy::from_path_iter(path) {
            Ok(lines) => lines.collect::<Result<_, _>>().map(Self).map_err(unreadable),
            Err(error) if error.not_found() => Ok(Self::default()),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// The value of a variable, if it is set and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The typed value of a variable, if it is set.
    ///
    /// # Errors
    /// When it cannot be read as a `T`. The message quotes the value, so this is not for secrets.
    pub fn value<T>(&self, name: &str) -> Result<Option<T>, ConfigError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|error| ConfigError::new(name, format!("got `{text}`: {error}")))
    }

    /// A number within bounds; `default` if the variable is not set.
    ///
    /// # Errors
    /// When it is no whole number within the bounds.
    pub fn number(&self, name: &str, default: u64, bounds: std::ops::RangeInclusive<u64>) -> Result<u64, ConfigError> {
        let value = self.value(name)?.unwrap_or(default);
        if bounds.contains(&value) {
            return Ok(value);
        }
        Err(ConfigError::new(name, format!("must be between {} and {}, got {value}", bounds.start(), bounds.end())))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Variables {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(pairs: T) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Variables {
    fn from(pairs: [(&str, &str); N]) -> Self {
        pairs.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_env_file_is_read_and_a_missing_one_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        assert!(Variables::from_file(&path).unwrap().text("BIND").is_none());
        std::fs::write(&path, "# comment\nBIND=127.0.0.1:9\nexport LOG_LEVEL='debug'\nADMIN_KEY=\n").unwrap();
        let variables = Variables::from_file(&path).unwrap();
        assert_eq!(variables.text("BIND"), Some("127.0.0.1:9"));
        assert_eq!(variables.text("LOG_LEVEL"), Some("debug"));
        assert_eq!(variables.text("ADMIN_KEY"), None);
    }

    #[test]
    fn a_bad_line_is_reported_without_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, "JWT_SECRET hunter2 hunter2\n").unwrap();
        let shown = Variables::from_file(&path).unwrap_err().to_string();
        assert!(shown.contains(".env") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn numbers_have_bounds_and_the_message_names_the_variable() {
        let variables = Variables::from([("N", "70000"), ("X", "ten")]);
        assert_eq!(variables.number("M", 5, 1..=10).unwrap(), 5);
        let shown = variables.number("N", 5, 1..=10).unwrap_err().to_string();
        assert_eq!(shown, "N: must be between 1 and 10, got 70000");
        assert!(variables.number("X", 5, 1..=10).unwrap_err().to_string().starts_with("X: got `ten`"));
    }
}

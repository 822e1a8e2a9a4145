//! Data source names: which database, and how to reach it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file in this process's reach.
    Sqlite,
    /// A server.
    Postgres,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// Which database: `sqlite://ff.db`, `sqlite:///var/lib/ff/ff.db`, `postgres://user:password@host/name?sslmode=verify-full`.
///
/// Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Dsn(Target);

#[derive(Clone, PartialEq, Eq)]
enum Target {
    Sqlite(PathBuf),
    Postgres(PostgresUrl),
}

#[derive(Clone, PartialEq, Eq)]
struct PostgresUrl {
    user: String,
    password: Option<String>,
    /// Hosts with ports, as written; empty for libpq's default.
    hosts: String,
    /// With its slash.
    path: String,
    parameters: Vec<(String, String)>,
}

/// The text is not a usable data source name. It is not repeated, since it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DsnError {
    /// Neither SQLite nor PostgreSQL.
    #[error("a DSN starts with `sqlite://`, `postgres://` or `postgresql://`")]
    Scheme,
    /// No file is named.
    #[error("a SQLite DSN names a file: `sqlite://ff.db` or `sqlite:///var/lib/ff/ff.db`")]
    NoFile,
    /// A database in memory.
    #[error("an SQLite database in memory would be another one for each connection; name a file")]
    InMemory,
    /// Parameters behind a SQLite file.
    #[error("a SQLite DSN has no parameters (`?`)")]
    SqliteParameters,
    /// Characters that must be percent-encoded.
    #[error("a PostgreSQL DSN is `postgres://user:password@host:port/name?…`; percent-encode special characters in its parts")]
    PostgresForm,
}

impl Dsn {
    /// The kind of database.
    pub fn backend(&self) -> Backend {
        match self.0 {
            Target::Sqlite(_) => Backend::Sqlite,
            Target::Postgres(_) => Backend::Postgres,
        }
    }

    /// Which database it is, without who enters it and how: another user or another time limit leads to the same place.
    pub fn place(&self) -> String {
        match &self.0 {
            Target::Sqlite(path) => format!("sqlite://{}", path.display()),
            Target::Postgres(url) => {
                let leads = |name: &str| matches!(name, "host" | "hostaddr" | "port" | "dbname");
                let leading = url.parameters.iter().filter(|(name, _)| leads(name)).map(|(name, value)| format!("{name}={value}"));
                format!("postgres://{}{}?{}", url.hosts, url.path, leading.collect::<Vec<_>>().join("&"))
            }
        }
    }

    /// What the backend's library connects to. A server that does not answer is given up after `patience`, unless the
    /// DSN itself says otherwise. Holds the password.
    pub(crate) fn address(&self, patience: Duration) -> String {
        match &self.0 {
            // A relative path gets a `./`, so that none looks like one of SQLite's own `file:` URLs.
            Target::Sqlite(path) if path.is_relative() => PathBuf::from(".").join(path).to_string_lossy().into_owned(),
            Target::Sqlite(path) => path.to_string_lossy().into_owned(),
            Target::Postgres(url) => url.patient(patience).written(false),
        }
    }

    /// `text` with the password's place taken by stars: libpq repeats parts of what it is given in its messages.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let Target::Postgres(url) = &self.0 else {
            return text.to_owned();
        };
        let given = url.parameters.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| value);
        let secrets: Vec<_> = given.chain(&url.password).flat_map(|secret| [secret.clone(), percent_decoded(secret)]).collect();
        secrets.iter().filter(|secret| !secret.is_empty()).fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

fn is_secret(parameter: &str) -> bool {
    matches!(parameter, "password" | "sslpassword")
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |b: &u8| char::from(*b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) if hex(high).is_some() && hex(low).is_some() => {
                bytes.push(hex(high).unwrap_or(0) << 4 | hex(low).unwrap_or(0));
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl PostgresUrl {
    fn parse(rest: &str) -> Result<Self, DsnError> {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (user_info, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = user_info.split_once(':').map_or((user_info, None), |(user, password)| (user, Some(password)));
        // An unencoded `@` or `/` in a password puts part of it where the host, the port or the database name belongs,
        // and from there into libpq's messages: such a DSN goes no further than here.
        let has_stray = user_info.contains('@') || path.contains('@') || hosts.split(',').any(|host| !has_proper_port(host));
        if has_stray {
            return Err(DsnError::PostgresForm);
        }
        let parameters = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').ok_or(DsnError::PostgresForm)?;
            Ok((name.to_owned(), value.to_owned()))
        });
        Ok(Self {
            user: user.to_owned(),
            password: password.map(str::to_owned),
            hosts: hosts.to_owned(),
            path: path.to_owned(),
            parameters: parameters.collect::<Result<_, DsnError>>()?,
        })
    }

    fn patient(&self, patience: Duration) -> Self {
        // libpq counts whole seconds and takes 1 for 2.
        let seconds = patience.as_secs().max(2).to_string();
        let millis = patience.as_millis().max(1).to_string();
        let mut patient = self.clone();
        for (name, value) in [("connect_timeout", seconds), ("tcp_user_timeout", millis), ("application_name", "ff".to_owned())] {
            if patient.parameters.iter().all(|(known, _)| known != name) {
                patient.parameters.push((name.to_owned(), value));
            }
        }
        patient
    }

    fn written(&self, is_masked: bool) -> String {
        let secret = |value: &str| if is_masked { "***".to_owned() } else { value.to_owned() };
        let mut url = format!("postgres://{}", self.user);
        if let Some(password) = &self.password {
            url = format!("{url}:{}", secret(password));
        }
        if !self.user.is_empty() || self.password.is_some() {
            url.push('@');
        }
        url = format!("{url}{}{}", self.hosts, self.path);
        for (i, (name, value)) in self.parameters.iter().enumerate() {
            let value = if is_secret(name) { secret(value) } else { value.clone() };
            url = format!("{url}{}{name}={value}", if i == 0 { '?' } else { '&' });
        }
        url
    }
}

/// `host`, `host:5432`, `[::1]`, `[::1]:5432`, or nothing.
fn has_proper_port(host: &str) -> bool {
    let after_address = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
    after_address.split_once(':').is_none_or(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
}

impl FromStr for Dsn {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        if text.contains('\0') {
            return Err(DsnError::Scheme);
        }
        if let Some(path) = text.strip_prefix("sqlite://") {
            return match path {
                "" => Err(DsnError::NoFile),
                _ if path.contains(":memory:") => Err(DsnError::InMemory),
                _ if path.contains('?') => Err(DsnError::SqliteParameters),
                _ if path.ends_with('/') => Err(DsnError::NoFile),
                _ => Ok(Self(Target::Sqlite(path.into()))),
            };
        }
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")).ok_or(DsnError::Scheme)?;
        PostgresUrl::parse(rest).map(|url| Self(Target::Postgres(url)))
    }
}

impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Target::Postgres(url) => f.write_str(&url.written(true)),
        }
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dsn({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for text in [
            "postgres://ff:hunter2@db:5432/ff?sslmode=require",
            "postgresql://ff@db/ff?password=hunter2&connect_timeout=3",
            "postgres:///ff?host=/run/pg&sslpassword=hunter2",
        ] {
            let dsn: Dsn = text.parse().unwrap();
            for shown in [dsn.to_string(), format!("{dsn:?}"), dsn.scrub("no such thing: \"hunter2\"")] {
                assert!(!shown.contains("hunter2") && shown.contains("***"), "{shown}");
            }
            assert!(dsn.address(Duration::from_secs(5)).contains("hunter2"));
        }
        let encoded: Dsn = "postgres://ff:a%40b%zz@db/ff".parse().unwrap();
        assert_eq!(encoded.scrub("a@b%zz a%40b%zz"), "*** ***");
    }

    #[test]
    fn a_place_is_the_same_for_whoever_enters_it() {
        let place = |text: &str| text.parse::<Dsn>().unwrap().place();
        let here = place("postgres://ff:hunter2@db:5432/ff?sslmode=require");
        assert_eq!(here, place("postgresql://other@db:5432/ff?connect_timeout=3"));
        assert!(!here.contains("hunter2"));
        assert_ne!(here, place("postgres://ff:hunter2@db:5432/other"));
        assert_ne!(place("postgres:///ff?host=/a"), place("postgres:///ff?host=/b"));
        assert_ne!(place("sqlite://a.db"), place("sqlite://b.db"));
    }

    #[test]
    fn a_dsn_that_might_spill_its_password_goes_no_further() {
        for text in ["postgres://ff:hun/ter2@db/ff", "postgres://ff:hun@ter2@db/ff", "postgres://ff:hunter2/ff", "postgres://db/ff?hunter2"]
        {
            let error = text.parse::<Dsn>().unwrap_err();
            assert_eq!(error, DsnError::PostgresForm);
            assert!(!error.to_string().contains("ter2"));
        }
    }

    #[test]
    fn both_kinds_are_read() {
        let address = |text: &str| text.parse::<Dsn>().unwrap().address(Duration::from_millis(2500));
        assert_eq!(address("sqlite://ff.db"), "./ff.db");
        assert_eq!(address("sqlite://file:x"), "./file:x");
        assert_eq!(address("sqlite:///var/ff.db"), "/var/ff.db");
        assert_eq!(
            address("postgresql://u:p@[::1]:5432,h2/ff?connect_timeout=9"),
            "postgres://u:p@[::1]:5432,h2/ff?connect_timeout=9&tcp_user_timeout=2500&application_name=ff"
        );
        assert_eq!(address("postgres://"), "postgres://?connect_timeout=2&tcp_user_timeout=2500&application_name=ff");
        for (text, error) in [
            ("ff.db", DsnError::Scheme),
            ("mysql://h/ff", DsnError::Scheme),
            ("sqlite://", DsnError::NoFile),
            ("sqlite:///tmp/", DsnError::NoFile),
            ("sqlite://:memory:", DsnError::InMemory),
            ("sqlite://ff.db?mode=ro", DsnError::SqliteParameters),
        ] {
            assert_eq!(text.parse::<Dsn>(), Err(error), "{text}");
        }
    }
}

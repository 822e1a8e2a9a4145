//! Configuration: read once at the start, typed from then on.
//!
//! Environment variables over a `.env` file, command-line flags over both. Each struct below documents its variables,
//! their defaults and units. What is wrong is said with the name of the variable, and never with the value of a secret.

pub mod manual;
mod secret;
mod source;
mod webhook;

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ff_store::{Backend, Dsn, StoreConfig};

pub use self::secret::Secret;
pub use self::source::Variables;
pub use self::webhook::WebhookConfig;

/// The shortest `JWT_SECRET`, in bytes: as long as the hash that HS256 uses (RFC 7518, 3.2).
pub const JWT_SECRET_LENGTH_MIN: usize = 32;

/// The shortest `ADMIN_KEY`, in characters.
pub const ADMIN_KEY_LENGTH_MIN: usize = 32;

/// A variable or option that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct ConfigError {
    name: String,
    reason: String,
}

impl ConfigError {
    pub(crate) fn new(name: impl Display, reason: impl Into<String>) -> Self {
        Self { name: name.to_string(), reason: reason.into() }
    }
}

/// What the command line overrides.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--dev`: the newcomer's mode; see [`Config::load`].
    pub dev: bool,
    /// `--bind` over `BIND`.
    pub bind: Option<SocketAddr>,
    /// `--dsn` over `DB_DSN`.
    pub dsn: Option<String>,
    /// `--log-level` over `LOG_LEVEL`.
    pub log_level: Option<LogLevel>,
}

/// Everything that the server is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The front door.
    pub http: HttpConfig,
    /// Who gets in.
    pub auth: AuthConfig,
    /// The database.
    pub store: StoreConfig,
    /// The memory in front of it.
    pub rulesets: RulesetConfig,
    /// How changes are told to others.
    pub webhooks: WebhookConfig,
    /// What is logged.
    pub log: LogConfig,
    /// Whether to start with the demo tenant `acme`, where that tenant has no history yet. On with `--dev`.
    pub seeds_demo: bool,
}

/// The front door.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// `BIND`: address and port to listen on; default `127.0.0.1:8080`. With `--dev` only loopback addresses are accepted.
    pub bind: SocketAddr,
    /// `BODY_BYTES_MAX`: the largest request body, in bytes; default 1048576 (1 MiB).
    pub body_bytes_max: usize,
    /// `SHUTDOWN_TIMEOUT_S`: how long requests in flight may take to finish after a signal, in seconds; default 20.
    pub shutdown_timeout: Duration,
    /// `MIN_REVISION_WAIT_MS`: how long an evaluation waits for the revision that its `X-Min-Revision` names, in milliseconds; default
    /// 1000.
    pub min_revision_wait: Duration,
    /// `DRAIN_S`: how long after a signal new requests are still served, each on a connection that is closed with its answer, while
    /// `/readyz` says 503 `stopping`, in seconds; default 2, with `--dev` 0.
    pub drain: Duration,
    /// `READY_WHEN_DEGRADED`: whether `/readyz` is 200 (`true`, the default) or 503 (`false`) while the database is away.
    pub is_ready_when_degraded: bool,
    /// `WORKERS`: threads that serve requests; default the number of cores.
    pub workers: NonZeroUsize,
    /// `SEND_TIMEOUT_MS`: how long a client may leave unread what it was sent before its connection is dropped, in milliseconds; default
    /// 30000. By the operating system, and on Linux only.
    pub send_timeout: Duration,
    /// The event streams.
    pub streams: StreamConfig,
}

/// The event streams (`GET /v1/events`).
#[derive(Debug, Clone)]
pub struct StreamConfig {
    /// `EVENT_SUBSCRIBERS_MAX`: streams that this server holds at once; default 10000.
    pub subscribers_max: usize,
    /// `EVENT_SUBSCRIBERS_PER_TENANT_MAX`: of these, streams of one tenant; default 5000.
    pub subscribers_per_tenant_max: usize,
    /// `EVENT_HEARTBEAT_MS`: after how long a silence a stream says that it is there, in milliseconds; default 15000.
    pub heartbeat: Duration,
    /// `EVENT_QUEUE_MAX`: how many events a subscriber may be behind before its stream is ended; default 1000. A tenant's latest events
    /// are kept once for all its subscribers.
    pub queue_max: usize,
}

/// Who gets in.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// `JWT_SECRET`: signs tokens; at least 32 bytes and the same for all servers of one database. With `--dev` a random
    /// one, if none is given.
    pub jwt_secret: Secret,
    /// `ADMIN_KEY`: the bootstrap key that may do everything and that tokens are issued against; at least 32 characters.
    /// Without it nobody can ask the server for a token.
    pub admin_key: Option<Secret>,
    /// Whether anyone on this machine may have a token for the asking: only with `--dev`.
    pub open_to_loopback: bool,
}

/// The memory in front of the database.
#[derive(Debug, Clone)]
pub struct RulesetConfig {
    /// `RULESET_REFRESH_MS`: how often to look for other servers' writes that nobody told of, in milliseconds; default 1000.
    pub refresh: Duration,
    /// `STATE_DIR`: a folder of this server's own in which it keeps the last rulesets of each tenant, to start from while the
    /// database is away; none, where it is not set.
    pub state_dir: Option<PathBuf>,
}

/// What is logged.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// `LOG_LEVEL`: `off`, `error`, `warn`, `info`, `debug` or `trace`; default `info`, which has one line a request.
    pub level: LogLevel,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What somebody must look at.
    Error,
    /// Also what went wrong and was dealt with.
    Warn,
    /// Also a line for each request.
    #[default]
    Info,
    /// Also what helps to find a fault.
    Debug,
    /// Everything (in debug builds).
    Trace,
}

impl std::str::FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as clap::ValueEnum>::from_str(text, true).map_err(|_| "expected off, error, warn, info, debug or trace".to_owned())
    }
}

impl Config {
    /// Puts variables and command line together.
    ///
    /// `--dev` is the newcomer's mode: loopback addresses only, a random secret if none is given, tokens for anyone on
    /// this machine, the demo tenant. Without it a missing or short secret stops the start.
    ///
    /// # Errors
    /// The first variable or option that does not fit.
    pub fn load(variables: &Variables, overrides: &Overrides) -> Result<Self, ConfigError> {
        Ok(Self {
            http: HttpConfig::load(variables, overrides)?,
            auth: AuthConfig::load(variables, overrides)?,
            store: load_store(variables, overrides)?,
            rulesets: RulesetConfig {
                refresh: Duration::from_millis(variables.number("RULESET_REFRESH_MS", 1_000, 10..=3_600_000)?),
                state_dir: variables.text("STATE_DIR").map(PathBuf::from),
            },
            webhooks: WebhookConfig::load(variables, overrides)?,
            log: LogConfig::load(variables, overrides)?,
            seeds_demo: overrides.dev,
        })
    }
}

impl HttpConfig {
    fn load(variables: &Variables, overrides: &Overrides) -> Result<Self, ConfigError> {
        let bind = match overrides.bind {
            Some(bind) => bind,
            None => variables.value("BIND")?.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
        };
        if overrides.dev && !bind.ip().is_loopback() {
            return Err(ConfigError::new(
                "BIND",
                format!("with --dev anyone who connects gets a token, so only a loopback address is accepted, got {bind}"),
            ));
        }
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let workers = variables.number("WORKERS", cores.get() as u64, 1..=1_024)?;
        Ok(Self {
            bind,
            body_bytes_max: variables.number("BODY_BYTES_MAX", 1 << 20, 1_024..=1 << 30)? as usize,
            shutdown_timeout: Duration::from_secs(variables.number("SHUTDOWN_TIMEOUT_S", 20, 0..=3_600)?),
            min_revision_wait: Duration::from_millis(variables.number("MIN_REVISION_WAIT_MS", 1_000, 0..=60_000)?),
            drain: Duration::from_secs(variables.number("DRAIN_S", if overrides.dev { 0 } else { 2 }, 0..=3_600)?),
            is_ready_when_degraded: variables.value("READY_WHEN_DEGRADED")?.unwrap_or(true),
            workers: NonZeroUsize::new(workers as usize).unwrap_or(cores),
            send_timeout: Duration::from_millis(variables.number("SEND_TIMEOUT_MS", 30_000, 100..=3_600_000)?),
            streams: StreamConfig::load(variables)?,
        })
    }
}

impl StreamConfig {
    fn load(variables: &Variables) -> Result<Self, ConfigError> {
        Ok(Self {
            subscribers_max: variables.number("EVENT_SUBSCRIBERS_MAX", 10_000, 0..=1_000_000)? as usize,
            subscribers_per_tenant_max: variables.number("EVENT_SUBSCRIBERS_PER_TENANT_MAX", 5_000, 0..=1_000_000)? as usize,
            heartbeat: Duration::from_millis(variables.number("EVENT_HEARTBEAT_MS", 15_000, 10..=3_600_000)?),
            queue_max: variables.number("EVENT_QUEUE_MAX", 1_000, 1..=1_000_000)? as usize,
        })
    }
}

impl AuthConfig {
    pub(crate) fn load(variables: &Variables, overrides: &Overrides) -> Result<Self, ConfigError> {
        let jwt_secret = match variables.text("JWT_SECRET") {
            Some(text) if text.len() < JWT_SECRET_LENGTH_MIN => {
                return Err(ConfigError::new(
                    "JWT_SECRET",
                    format!("must have at least {JWT_SECRET_LENGTH_MIN} bytes, got {}", text.len()),
                ));
            }
            Some(text) => Secret::new(text),
            None if overrides.dev => Secret::random(),
            None => {
                return Err(ConfigError::new(
                    "JWT_SECRET",
                    format!("is required (at least {JWT_SECRET_LENGTH_MIN} bytes) unless --dev is given"),
                ));
            }
        };
        let admin_key = match variables.text("ADMIN_KEY") {
            Some(text) if text.chars().count() < ADMIN_KEY_LENGTH_MIN => {
                let length = text.chars().count();
                return Err(ConfigError::new("ADMIN_KEY", format!("must have at least {ADMIN_KEY_LENGTH_MIN} characters, got {length}")));
            }
            // It travels in a header, so a character that no header can hold would lock its owner out.
            Some(text) if !text.bytes().all(|b| b.is_ascii_graphic()) => {
                return Err(ConfigError::new("ADMIN_KEY", "must consist of printable ASCII characters without spaces"));
            }
            other => other.map(Secret::new),
        };
        Ok(Self { jwt_secret, admin_key, open_to_loopback: overrides.dev })
    }
}

impl LogConfig {
    /// What is logged; also known to commands that need no other part of the configuration.
    ///
    /// # Errors
    /// An unknown level.
    pub fn load(variables: &Variables, overrides: &Overrides) -> Result<Self, ConfigError> {
        let level = match overrides.log_level {
            Some(level) => level,
            None => variables.value("LOG_LEVEL")?.unwrap_or_default(),
        };
        Ok(Self { level })
    }
}

/// The database.
///
/// - `DB_DSN` (or, where that is not set, `DATABASE_URL`): `sqlite://ff.db`, `postgres://…`; default `sqlite://ff.db`, a
///   file in the working directory.
/// - `DB_LISTEN_DSN`: the same PostgreSQL database, past any pooler in transaction mode: a connection of its own hears there of other
///   servers' changes; default `DB_DSN`.
/// - `DB_CONNECTIONS_MAX`: the size of the pool; default 10.
/// - `DB_ACQUIRE_TIMEOUT_MS`: how long a request waits for a free connection, in milliseconds; default 2000.
/// - `DB_BUSY_TIMEOUT_MS`: how long a SQLite writer waits for another, in milliseconds; default 5000.
///
/// # Errors
/// The first variable that does not fit.
pub fn load_store(variables: &Variables, overrides: &Overrides) -> Result<StoreConfig, ConfigError> {
    let named = |name: &'static str| variables.text(name).map(|text| (name, text));
    let given = overrides.dsn.as_deref().map(|text| ("--dsn", text));
    let (name, text) = given.or_else(|| named("DB_DSN")).or_else(|| named("DATABASE_URL")).unwrap_or(("DB_DSN", "sqlite://ff.db"));
    // A DSN may hold a password: the store's own error does not quote it, and neither does this.
    let read = |(name, text): (&str, &str)| text.parse::<Dsn>().map_err(|error| ConfigError::new(name, error.to_string()));
    let (dsn, listen_dsn) = (read((name, text))?, named("DB_LISTEN_DSN").map(read).transpose()?);
    if listen_dsn.as_ref().is_some_and(|listen| [listen.backend(), dsn.backend()] != [Backend::Postgres; 2]) {
        return Err(ConfigError::new("DB_LISTEN_DSN", "is for PostgreSQL, and leads to the same database as DB_DSN"));
    }
    Ok(StoreConfig {
        dsn,
        connections_max: variables.number("DB_CONNECTIONS_MAX", 10, 1..=1_000)? as u32,
        acquire_timeout: Duration::from_millis(variables.number("DB_ACQUIRE_TIMEOUT_MS", 2_000, 1..=600_000)?),
        busy_timeout: Duration::from_millis(variables.number("DB_BUSY_TIMEOUT_MS", 5_000, 0..=600_000)?),
        listen_dsn,
    })
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        };
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests;

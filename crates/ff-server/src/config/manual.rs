//! The variables as `--help` lists them. A test holds them, with their defaults, against what is read and against the README.

use std::fmt::Write;

/// A variable, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: &'static str,
    /// What it is for, in a line.
    pub meaning: &'static str,
    /// What holds where it is not set; empty, where that is nothing.
    pub default: &'static str,
}

const fn described(name: &'static str, meaning: &'static str, default: &'static str) -> Described {
    Described { name, meaning, default }
}

/// Every variable that is read.
pub const VARIABLES: &[Described] = &[
    described("DB_DSN", "the database", "sqlite://ff.db"),
    described("DATABASE_URL", "the same, where DB_DSN is not set", ""),
    described("DB_LISTEN_DSN", "where to hear of other servers' changes: the same PostgreSQL database, past a pooler", "DB_DSN"),
    described("DB_CONNECTIONS_MAX", "size of the connection pool", "10"),
    described("DB_ACQUIRE_TIMEOUT_MS", "how long a request waits for a connection", "2000"),
    described("DB_BUSY_TIMEOUT_MS", "how long a writer waits for another one's lock", "5000"),
    described("JWT_SECRET", "signs tokens; at least 32 bytes, the same for all servers of one database", "required; random with --dev"),
    described("ADMIN_KEY", "may do everything; tokens are issued against it; at least 32 characters", "none: no tokens from the server"),
    described("BIND", "address and port to listen on", "127.0.0.1:8080"),
    described("WORKERS", "threads that serve requests", "the number of cores"),
    described("LOG_LEVEL", "off, error, warn, info, debug or trace", "info"),
    described("BODY_BYTES_MAX", "largest request body", "1048576"),
    described("SEND_TIMEOUT_MS", "how long a client may leave unread what it was sent", "30000"),
    described("MIN_REVISION_WAIT_MS", "how long an evaluation waits for the revision that X-Min-Revision names", "1000"),
    described("READY_WHEN_DEGRADED", "whether /readyz is 200 while the database is away", "true"),
    described("DRAIN_S", "how long new requests are served after a signal", "2; 0 with --dev"),
    described("SHUTDOWN_TIMEOUT_S", "how long requests in flight may take after a signal", "20"),
    described("RULESET_REFRESH_MS", "how often to look for writes that nobody told of", "1000"),
    described("STATE_DIR", "a folder for the last rulesets, to start from without the database", "none: it does not start then"),
    described("EVENT_SUBSCRIBERS_MAX", "event streams at once", "10000"),
    described("EVENT_SUBSCRIBERS_PER_TENANT_MAX", "of these, streams of one tenant", "5000"),
    described("EVENT_HEARTBEAT_MS", "after how long a silence a stream says that it is there", "15000"),
    described("EVENT_QUEUE_MAX", "how many events a subscriber may be behind", "1000"),
    described("WEBHOOK_ALLOW_NETWORKS", "networks that webhooks may lead to, though not public", "none; loopback with --dev"),
    described("WEBHOOK_CA_FILE", "certificates (PEM) of authorities to trust besides those that browsers do", "none"),
    described("WEBHOOK_TIMEOUT_MS", "how long an attempt to deliver may take", "15000"),
    described(
        "WEBHOOK_RETRY_MS",
        "when a delivery is tried again, counted from its first attempt: MS,MS,…",
        "5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h",
    ),
    described("WEBHOOK_DISABLE_AFTER_MS", "a webhook that has failed for so long is turned off", "432000000"),
    described("WEBHOOK_LEASE_MS", "after how long another server takes over from one that has died", "30000"),
    described("WEBHOOK_CONCURRENCY_MAX", "attempts to deliver at a time; 0: none by this server", "32"),
];

/// A line for each.
pub fn page() -> String {
    let mut page = "Variables, and what holds where they are not set:\n".to_owned();
    for Described { name, meaning, default } in VARIABLES {
        let default = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        // Writing to a text does not fail.
        let _ = writeln!(page, "  {name:32} {meaning}{default}");
    }
    page
}

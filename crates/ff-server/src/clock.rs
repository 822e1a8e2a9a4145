//! The one place that asks what time it is. Everything below takes time as an argument.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ff_core::Timestamp;

/// Now, to the millisecond, which is what the database keeps.
pub fn now() -> Timestamp {
    Timestamp::from_millis(i64::try_from(since_1970().as_millis()).unwrap_or(i64::MAX))
}

/// Seconds since 1970, the unit of a token's `iat` and `exp`.
pub fn now_s() -> u64 {
    since_1970().as_secs()
}

/// How long this process has been asking: a clock that never goes back, for measuring how long ago something was.
pub fn uptime() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// How long ago something was by the clock on the wall, such as when a file was written; nothing, where that was in the future.
pub fn since(time: SystemTime) -> Duration {
    time.elapsed().unwrap_or_default()
}

/// A clock before 1970 counts as 1970: it is wrong anyway, and every token has yet to expire then.
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

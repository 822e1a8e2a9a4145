//! One log line a request.

use std::fmt;
use std::time::Duration;

use actix_web::http::Method;
use ff_core::TenantId;
use slog::{Drain, KV, Level, Logger, Record, Serializer};

use crate::service::RequestId;

/// What is said about a request: nothing of its query or body, where users' attributes may stand, and no credential.
#[derive(Debug, Clone)]
pub struct AccessLine {
    /// Its method.
    pub method: Method,
    /// The template of its route.
    pub path: &'static str,
    /// The status of its answer.
    pub status: u16,
    /// The tenant that it named.
    pub tenant: Option<TenantId>,
    /// Its id.
    pub request_id: RequestId,
    /// From its head being read to its answer being ready.
    pub latency: Duration,
}

/// Writes the lines.
#[derive(Clone)]
pub struct AccessLog {
    /// `None` where the level leaves these lines out, so that nothing is prepared for nobody.
    logger: Option<Logger>,
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessLog")
    }
}

impl AccessLog {
    /// Writes to `logger`, at level `info`.
    pub fn new(logger: &Logger) -> Self {
        Self { logger: logger.is_enabled(Level::Info).then(|| logger.clone()) }
    }

    /// Adds a line to the log's buffer.
    pub fn write(&self, line: &AccessLine) {
        if let Some(logger) = &self.logger {
            slog::info!(logger, "{} {} {}", line.method, line.path, line.status; Ended(line));
        }
    }
}

struct Ended<'a>(&'a AccessLine);

impl KV for Ended<'_> {
    fn serialize(&self, _: &Record<'_>, serializer: &mut dyn Serializer) -> slog::Result {
        let Self(line) = self;
        serializer.emit_str("path", line.path)?;
        serializer.emit_str("method", line.method.as_str())?;
        serializer.emit_u16("status", line.status)?;
        match &line.tenant {
            Some(tenant) => serializer.emit_str("tenant", tenant.as_str())?,
            None => serializer.emit_none("tenant")?,
        }
        serializer.emit_str("request_id", line.request_id.as_str())?;
        // Microseconds are as fine as anyone reads; more digits would only be noise.
        serializer.emit_f64("latency_ms", line.latency.as_micros() as f64 / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogLevel;
    use crate::telemetry::testing;

    fn line() -> AccessLine {
        AccessLine {
            method: Method::GET,
            path: "/v1/flags/{key}",
            status: 200,
            tenant: "acme".parse().ok(),
            request_id: RequestId::taken(b"r-1").unwrap(),
            latency: Duration::from_nanos(1_234_567),
        }
    }

    #[test]
    fn a_line_has_its_fields_and_no_others() {
        let (logger, finish) = testing::recorded(LogLevel::Info);
        AccessLog::new(&logger).write(&line());
        AccessLog::new(&logger).write(&AccessLine { tenant: None, ..line() });
        let lines = finish();
        let mut fields: Vec<_> = lines[0].as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["latency_ms", "level", "message", "method", "path", "request_id", "status", "tenant", "timestamp"]);
        assert_eq!(lines[0]["message"], "GET /v1/flags/{key} 200");
        assert_eq!(lines[0]["status"], 200);
        assert_eq!(lines[0]["latency_ms"], 1.234);
        assert_eq!((&lines[0]["tenant"], &lines[1]["tenant"]), (&"acme".into(), &serde_json::Value::Null));
    }

    #[test]
    fn a_level_above_info_leaves_requests_out() {
        let (logger, finish) = testing::recorded(LogLevel::Warn);
        AccessLog::new(&logger).write(&line());
        assert!(finish().is_empty());
    }
}

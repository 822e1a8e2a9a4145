//! What the server tells about itself: logs as JSON lines, and metrics.

mod durations;
mod line;
mod log;
mod metrics;
mod queue;
mod webhooks;

pub(crate) use self::durations::{Durations, DurationsByRoute};
pub(crate) use self::log::panic_reason;
#[cfg(test)]
pub(crate) use self::log::testing;
pub use self::log::{LogGuard, install_panic_log, logger};
pub(crate) use self::metrics::HTTP_REQUESTS;
pub use self::metrics::{BUCKETS_S, EvaluationCounters, METRICS, Metric, MetricKind, Metrics, StreamMetrics};
pub use self::webhooks::WebhookMetrics;

/// An error with its causes, for a log line or a terminal.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |shown, cause| format!("{shown}: {cause}"))
}

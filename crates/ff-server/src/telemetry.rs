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

/// An error with its causes, for a log line or a terminal. One that says no more than the one that it caused is said once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut shown = vec![error.to_string()];
    shown.extend(std::iter::successors(error.source(), |cause| cause.source()).map(ToString::to_string));
    shown.dedup();
    shown.join(": ")
}

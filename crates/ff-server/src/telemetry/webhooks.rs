//! How webhooks are doing.

use std::fmt;

use ff_store::webhook::Figures;
use metrics::{Counter, Gauge, Label, Unit};
use metrics_exporter_prometheus::PrometheusRecorder;

use super::durations::Durations;
use super::metrics::{Metric, MetricKind};

pub(crate) const DELIVERIES: Metric = Metric {
    name: "ff_webhook_deliveries_total",
    kind: MetricKind::Counter,
    unit: Unit::Count,
    help: "Deliveries of webhooks by this server, by outcome: delivered, retried (failed, to be tried again) or parked (given up).",
};
pub(crate) const ATTEMPT_DURATION: Metric = Metric {
    name: "ff_webhook_delivery_seconds",
    kind: MetricKind::Histogram,
    unit: Unit::Seconds,
    help: "Time that an attempt to deliver took, whatever came of it.",
};
pub(crate) const BACKLOG: Metric = Metric {
    name: "ff_webhook_backlog_revisions",
    kind: MetricKind::Gauge,
    unit: Unit::Count,
    help: "Changes that webhooks have not come to yet, summed over all webhooks that are on; the same on every server of a database.",
};
pub(crate) const FAILING: Metric = Metric {
    name: "ff_webhook_failing",
    kind: MetricKind::Gauge,
    unit: Unit::Count,
    help: "Webhooks that are on and whose last attempt failed; the same on every server of a database.",
};
pub(crate) const PARKED: Metric = Metric {
    name: "ff_webhook_parked",
    kind: MetricKind::Gauge,
    unit: Unit::Count,
    help: "Deliveries that were given up and are still remembered; the same on every server of a database.",
};

/// The handles.
pub struct WebhookMetrics {
    /// A target has taken a message.
    pub delivered: Counter,
    /// An attempt failed, and there will be another.
    pub retried: Counter,
    /// A delivery was given up.
    pub parked: Counter,
    pub(crate) attempts: Durations,
    backlog: Gauge,
    failing: Gauge,
    parked_now: Gauge,
}

impl fmt::Debug for WebhookMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookMetrics")
    }
}

impl WebhookMetrics {
    pub(crate) fn new(recorder: &PrometheusRecorder) -> Self {
        let by_outcome = |outcome| DELIVERIES.counter(recorder, vec![Label::from_static_parts("outcome", outcome)]);
        Self {
            delivered: by_outcome("delivered"),
            retried: by_outcome("retried"),
            parked: by_outcome("parked"),
            attempts: Durations::default(),
            backlog: BACKLOG.gauge(recorder, vec![]),
            failing: FAILING.gauge(recorder, vec![]),
            parked_now: PARKED.gauge(recorder, vec![]),
        }
    }

    /// Shows these figures from now on.
    pub(crate) fn set(&self, figures: Figures) {
        // Beyond 2^53 a gauge would be a few off.
        self.backlog.set(figures.backlog_revisions as f64);
        self.failing.set(figures.failing as f64);
        self.parked_now.set(figures.parked as f64);
    }

    pub(crate) fn render_durations(&self, out: &mut String) {
        self.attempts.render(&ATTEMPT_DURATION, out);
    }
}

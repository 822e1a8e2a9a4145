//! Metrics: their names, and the handles through which they are counted.
//!
//! Every server has a recorder of its own, so several can run in one process without counting into each other. Handles
//! are made once and kept: a counted request costs an atomic addition, not a search by name and labels.

use std::fmt;

use ff_store::PoolState;
use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::Durations;
use super::webhooks::{self, WebhookMetrics};
use crate::middleware::HttpMetrics;

/// What can be done with a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// A present value.
    Gauge,
    /// A distribution over [`BUCKETS_S`].
    Histogram,
}

/// One metric: what `/metrics` says about it.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name; ends in its unit, or in `_total` for a counter.
    pub name: &'static str,
    /// What can be done with it.
    pub kind: MetricKind,
    /// Its unit.
    pub unit: Unit,
    /// What it says.
    pub help: &'static str,
}

impl Metric {
    fn key(&self, labels: Vec<Label>) -> Key {
        Key::from_parts(self.name, labels)
    }

    pub(crate) fn counter(&self, recorder: &PrometheusRecorder, labels: Vec<Label>) -> Counter {
        recorder.register_counter(&self.key(labels), &METADATA)
    }

    pub(crate) fn gauge(&self, recorder: &PrometheusRecorder, labels: Vec<Label>) -> Gauge {
        recorder.register_gauge(&self.key(labels), &METADATA)
    }
}

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

pub(crate) const HTTP_REQUESTS: Metric = Metric {
    name: "http_requests_total",
    kind: MetricKind::Counter,
    unit: Unit::Count,
    help: "Requests answered, by route template, method and status.",
};
pub(crate) const HTTP_REQUEST_DURATION: Metric = Metric {
    name: "http_request_duration_seconds",
    kind: MetricKind::Histogram,
    unit: Unit::Seconds,
    help: "Time from a request's head being read to its answer being ready, by route template and method.",
};
const EVALUATIONS: Metric =
    Metric { name: "ff_evaluations_total", kind: MetricKind::Counter, unit: Unit::Count, help: "Flags evaluated, by reason." };
const RULESET_CACHE_HITS: Metric = Metric {
    name: "ff_ruleset_cache_hits_total",
    kind: MetricKind::Counter,
    unit: Unit::Count,
    help: "Rulesets that were found in memory when a request needed one.",
};
const RULESET_CACHE_MISSES: Metric = Metric {
    name: "ff_ruleset_cache_misses_total",
    kind: MetricKind::Counter,
    unit: Unit::Count,
    help: "Rulesets that had to be loaded from the database when a request needed one.",
};
const IDEMPOTENT_REPLAYS: Metric = Metric {
    name: "ff_idempotent_replays_total",
    kind: MetricKind::Counter,
    unit: Unit::Count,
    help: "Requests with an Idempotency-Key that were answered as before and not done again.",
};
const DATABASE_UP: Metric = Metric {
    name: "ff_database_up",
    kind: MetricKind::Gauge,
    unit: Unit::Count,
    help: "1 if the database was there when last looked, else 0.",
};
const DB_POOL_CONNECTIONS: Metric =
    Metric { name: "ff_db_pool_connections", kind: MetricKind::Gauge, unit: Unit::Count, help: "Open database connections." };
const DB_POOL_IDLE: Metric =
    Metric { name: "ff_db_pool_idle", kind: MetricKind::Gauge, unit: Unit::Count, help: "Open database connections that nobody uses." };
const DB_POOL_CONNECTIONS_MAX: Metric = Metric {
    name: "ff_db_pool_connections_max",
    kind: MetricKind::Gauge,
    unit: Unit::Count,
    help: "Database connections that may be open.",
};
const REPLICA_LAG: Metric = Metric {
    name: "ff_replica_lag_revisions",
    kind: MetricKind::Gauge,
    unit: Unit::Count,
    help: "By how many revisions the tenant in memory that is furthest behind the database is known to be so.",
};
pub(crate) const CHANGE_PROPAGATION: Metric = Metric {
    name: "ff_change_propagation_seconds",
    kind: MetricKind::Histogram,
    unit: Unit::Seconds,
    help: "Time from a change being made by another server, by its clock, to its being served here.",
};
const NOTIFY_RECONNECTS: Metric = Metric {
    name: "ff_notify_reconnects_total",
    kind: MetricKind::Counter,
    unit: Unit::Count,
    help: "Connections for hearing of changes that were made in place of a lost one.",
};
const EVENT_SUBSCRIBERS: Metric =
    Metric { name: "ff_event_subscribers", kind: MetricKind::Gauge, unit: Unit::Count, help: "Event streams that are open." };
const EVENTS_SENT: Metric = Metric {
    name: "ff_events_sent_total",
    kind: MetricKind::Counter,
    unit: Unit::Count,
    help: "Events that were put into streams, once for each stream; heartbeats not counted.",
};
const EVENT_SUBSCRIBERS_CUT: Metric = Metric {
    name: "ff_event_subscribers_cut_total",
    kind: MetricKind::Counter,
    unit: Unit::Count,
    help: "Event streams that ended while their subscriber was behind: it read too slowly, or not at all.",
};
const BUILD_INFO: Metric =
    Metric { name: "ff_build_info", kind: MetricKind::Gauge, unit: Unit::Count, help: "Always 1; the label says which version runs." };

/// Every metric of the server.
pub const METRICS: [Metric; 22] = [
    HTTP_REQUESTS,
    HTTP_REQUEST_DURATION,
    EVALUATIONS,
    RULESET_CACHE_HITS,
    RULESET_CACHE_MISSES,
    IDEMPOTENT_REPLAYS,
    DATABASE_UP,
    DB_POOL_CONNECTIONS,
    DB_POOL_IDLE,
    DB_POOL_CONNECTIONS_MAX,
    REPLICA_LAG,
    CHANGE_PROPAGATION,
    NOTIFY_RECONNECTS,
    EVENT_SUBSCRIBERS,
    EVENTS_SENT,
    EVENT_SUBSCRIBERS_CUT,
    BUILD_INFO,
    webhooks::DELIVERIES,
    webhooks::ATTEMPT_DURATION,
    webhooks::BACKLOG,
    webhooks::FAILING,
    webhooks::PARKED,
];

/// Upper bounds of the buckets of request durations, in seconds: fine around an evaluation (tens of microseconds) and
/// around a write (milliseconds), coarse up to the time limits.
pub const BUCKETS_S: [f64; 16] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The server's counters.
pub struct Metrics {
    handle: PrometheusHandle,
    /// Requests by route.
    pub http: HttpMetrics,
    /// Evaluations by reason.
    pub evaluations: EvaluationCounters,
    /// A ruleset was in memory.
    pub ruleset_cache_hits: Counter,
    /// A ruleset had to be loaded.
    pub ruleset_cache_misses: Counter,
    /// How far behind the database this server is known to be.
    pub replica_lag: Gauge,
    /// From a change elsewhere to its being served here.
    pub(crate) change_propagation: Durations,
    /// The connection that hears of changes was made again.
    pub notify_reconnects: Counter,
    /// A request was answered as before.
    pub idempotent_replays: Counter,
    /// Event streams.
    pub streams: StreamMetrics,
    /// How webhooks are doing.
    pub webhooks: WebhookMetrics,
    /// Whether the database was there when last looked.
    pub database_up: Gauge,
    pool_connections: Gauge,
    pool_idle: Gauge,
    pool_connections_max: Gauge,
}

/// What is counted of event streams.
#[derive(Clone)]
pub struct StreamMetrics {
    /// Those that are open.
    pub open: Gauge,
    /// Events that were put into them.
    pub sent: Counter,
    /// Those that ended while their subscriber was behind.
    pub cut: Counter,
}

impl fmt::Debug for StreamMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamMetrics")
    }
}

/// `ff_evaluations_total`, a counter for each reason.
#[derive(Clone)]
pub struct EvaluationCounters {
    /// `flag_off`.
    pub flag_off: Counter,
    /// `rule_match`.
    pub rule_match: Counter,
    /// `default_distribution`.
    pub default_distribution: Counter,
}

impl fmt::Debug for EvaluationCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EvaluationCounters")
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers every metric, so that all of them show from the first scrape on.
    pub fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        for metric in METRICS {
            match metric.kind {
                MetricKind::Counter => recorder.describe_counter(metric.name.into(), Some(metric.unit), metric.help.into()),
                MetricKind::Gauge => recorder.describe_gauge(metric.name.into(), Some(metric.unit), metric.help.into()),
                // Histograms describe themselves.
                MetricKind::Histogram => {}
            }
        }
        BUILD_INFO.gauge(&recorder, vec![Label::from_static_parts("version", env!("CARGO_PKG_VERSION"))]).set(1.0);
        let by_reason = |reason| EVALUATIONS.counter(&recorder, vec![Label::from_static_parts("reason", reason)]);
        Self {
            evaluations: EvaluationCounters {
                flag_off: by_reason("flag_off"),
                rule_match: by_reason("rule_match"),
                default_distribution: by_reason("default_distribution"),
            },
            ruleset_cache_hits: RULESET_CACHE_HITS.counter(&recorder, vec![]),
            ruleset_cache_misses: RULESET_CACHE_MISSES.counter(&recorder, vec![]),
            replica_lag: REPLICA_LAG.gauge(&recorder, vec![]),
            change_propagation: Durations::default(),
            notify_reconnects: NOTIFY_RECONNECTS.counter(&recorder, vec![]),
            idempotent_replays: IDEMPOTENT_REPLAYS.counter(&recorder, vec![]),
            streams: StreamMetrics {
                open: EVENT_SUBSCRIBERS.gauge(&recorder, vec![]),
                sent: EVENTS_SENT.counter(&recorder, vec![]),
                cut: EVENT_SUBSCRIBERS_CUT.counter(&recorder, vec![]),
            },
            database_up: DATABASE_UP.gauge(&recorder, vec![]),
            pool_connections: DB_POOL_CONNECTIONS.gauge(&recorder, vec![]),
            pool_idle: DB_POOL_IDLE.gauge(&recorder, vec![]),
            pool_connections_max: DB_POOL_CONNECTIONS_MAX.gauge(&recorder, vec![]),
            webhooks: WebhookMetrics::new(&recorder),
            handle: recorder.handle(),
            http: HttpMetrics::new(recorder),
        }
    }

    /// The text of `GET /metrics`, with the pool as it is now.
    pub fn render(&self, pool: PoolState) -> String {
        self.pool_connections.set(f64::from(pool.connections));
        self.pool_idle.set(f64::from(pool.idle));
        self.pool_connections_max.set(f64::from(pool.connections_max));
        let mut text = self.handle.render();
        self.http.render_durations(&mut text);
        self.change_propagation.render(&CHANGE_PROPAGATION, &mut text);
        self.webhooks.render_durations(&mut text);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: PoolState = PoolState { connections: 3, idle: 2, connections_max: 10 };

    #[test]
    fn every_metric_has_help_and_type_once_it_has_a_value() {
        let metrics = Metrics::new();
        metrics.http.of_worker().record(
            crate::middleware::Template::UNMATCHED,
            &actix_web::http::Method::GET,
            200,
            std::time::Duration::from_millis(1),
        );
        let text = metrics.render(POOL);
        for metric in METRICS {
            let kind = match metric.kind {
                MetricKind::Counter => "counter",
                MetricKind::Gauge => "gauge",
                MetricKind::Histogram => "histogram",
            };
            assert!(text.contains(&format!("# HELP {} {}", metric.name, metric.help)), "{text}");
            assert!(text.contains(&format!("# TYPE {} {kind}\n", metric.name)), "{text}");
        }
        assert!(text.contains("ff_db_pool_connections 3\n") && text.contains("ff_build_info{version=\""), "{text}");
        assert!(text.contains("http_request_duration_seconds_bucket{path=\"unmatched\",method=\"GET\",le=\"0.001\"} 1"), "{text}");
    }

    #[test]
    fn names_end_in_their_unit() {
        for metric in METRICS {
            assert_eq!(metric.name.ends_with("_total"), metric.kind == MetricKind::Counter, "{}", metric.name);
            assert_eq!(metric.name.ends_with("_seconds"), metric.unit == Unit::Seconds, "{}", metric.name);
        }
    }

    #[test]
    fn two_servers_count_apart() {
        let (a, b) = (Metrics::new(), Metrics::new());
        a.evaluations.rule_match.increment(1);
        assert!(a.render(POOL).contains("ff_evaluations_total{reason=\"rule_match\"} 1"));
        assert!(b.render(POOL).contains("ff_evaluations_total{reason=\"rule_match\"} 0"));
    }
}

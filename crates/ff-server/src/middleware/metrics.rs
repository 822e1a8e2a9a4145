//! Requests, counted by route.

use std::fmt;
use std::time::Duration;

use actix_web::http::Method;
use dashmap::DashMap;
use metrics::{Counter, Histogram, Label};
use metrics_exporter_prometheus::PrometheusRecorder;

use super::Template;
use crate::telemetry::{HTTP_REQUEST_DURATION, HTTP_REQUESTS};

/// Handles of the request metrics, made when first needed and kept: one counter for each route, method and status that
/// occurred, one histogram for each route and method. All three come from fixed sets, so `/metrics` has a largest size.
pub struct HttpMetrics {
    recorder: PrometheusRecorder,
    counters: DashMap<(u16, &'static str, u16), Counter>,
    durations: DashMap<(u16, &'static str), Histogram>,
}

impl fmt::Debug for HttpMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpMetrics")
    }
}

impl HttpMetrics {
    pub(crate) fn new(recorder: PrometheusRecorder) -> Self {
        Self { recorder, counters: DashMap::new(), durations: DashMap::new() }
    }

    /// Counts one request.
    pub fn record(&self, template: Template, method: &Method, status: u16, latency: Duration) {
        let method = method_label(method);
        let labels = || vec![Label::from_static_parts("path", template.path), Label::from_static_parts("method", method)];
        let counted = (template.index, method, status);
        // `get` takes a shard's lock for reading only; `entry` would take it for writing on every request.
        match self.counters.get(&counted) {
            Some(counter) => counter.increment(1),
            None => {
                let counter = self.counters.entry(counted).or_insert_with(|| {
                    let mut labels = labels();
                    labels.push(Label::new("status", status.to_string()));
                    HTTP_REQUESTS.counter(&self.recorder, labels)
                });
                counter.increment(1);
            }
        }
        let timed = (template.index, method);
        match self.durations.get(&timed) {
            Some(duration) => duration.record(latency.as_secs_f64()),
            None => self
                .durations
                .entry(timed)
                .or_insert_with(|| HTTP_REQUEST_DURATION.histogram(&self.recorder, labels()))
                .record(latency.as_secs_f64()),
        }
    }
}

/// HTTP lets a client invent methods; those share one label.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

//! Requests, counted by route.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use metrics::{Counter, Label};
use metrics_exporter_prometheus::PrometheusRecorder;

use super::Template;
use crate::telemetry::{Durations, DurationsByRoute, HTTP_REQUESTS};

/// The request metrics: one counter for each route, method and status that occurred, one histogram for each route and
/// method. All three come from fixed sets, so `/metrics` has a largest size.
pub struct HttpMetrics(Arc<Shared>);

struct Shared {
    recorder: PrometheusRecorder,
    durations: DurationsByRoute,
}

impl fmt::Debug for HttpMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpMetrics")
    }
}

impl HttpMetrics {
    pub(crate) fn new(recorder: PrometheusRecorder) -> Self {
        Self(Arc::new(Shared { recorder, durations: DurationsByRoute::default() }))
    }

    /// Handles for one worker, which shares them with nobody: a request is counted without a lock or a search by name.
    pub fn of_worker(&self) -> WorkerMetrics {
        WorkerMetrics { shared: self.0.clone(), routes: RefCell::new(Vec::new()) }
    }

    /// Appends the durations in the Prometheus text format.
    pub(crate) fn render_durations(&self, text: &mut String) {
        self.0.durations.render(text);
    }
}

/// One worker's handles, made when first needed and kept.
pub struct WorkerMetrics {
    shared: Arc<Shared>,
    /// By the route's place in the table; those that no route matched share the last one.
    routes: RefCell<Vec<Vec<Handles>>>,
}

/// Of one route and method.
struct Handles {
    method: &'static str,
    durations: Arc<Durations>,
    by_status: Vec<(u16, Counter)>,
}

impl fmt::Debug for WorkerMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkerMetrics")
    }
}

impl WorkerMetrics {
    /// Counts one request.
    pub fn record(&self, template: Template, method: &Method, status: u16, latency: Duration) {
        let method = method_label(method);
        let mut routes = self.routes.borrow_mut();
        let place = if template == Template::UNMATCHED { 0 } else { usize::from(template.index) + 1 };
        if routes.len() <= place {
            routes.resize_with(place + 1, Vec::new);
        }
        let Some(methods) = routes.get_mut(place) else { return };
        // A route has few methods, and they have few statuses: looking along a list is faster than any hash.
        let at = methods.iter().position(|handles| handles.method == method).unwrap_or_else(|| {
            let durations = self.shared.durations.of_worker(template.path, method);
            methods.push(Handles { method, durations, by_status: Vec::new() });
            methods.len() - 1
        });
        let Some(handles) = methods.get_mut(at) else { return };
        handles.durations.record(latency);
        match handles.by_status.iter().find(|(known, _)| *known == status) {
            Some((_, counter)) => counter.increment(1),
            None => {
                let labels = vec![
                    Label::from_static_parts("path", template.path),
                    Label::from_static_parts("method", method),
                    Label::new("status", status.to_string()),
                ];
                let counter = HTTP_REQUESTS.counter(&self.shared.recorder, labels);
                counter.increment(1);
                handles.by_status.push((status, counter));
            }
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

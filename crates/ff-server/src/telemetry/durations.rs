//! How long requests took: counted into buckets when they end.
//!
//! The exporter's own histogram keeps every sample until somebody sorts them into buckets. With fixed buckets a request is
//! two additions, and nothing gathers.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::metrics::{BUCKETS_S, HTTP_REQUEST_DURATION, Metric};

/// How many fell between a bound and the one before; the last are those above all bounds.
type Counts = [u64; BUCKETS_S.len() + 1];

/// Durations of one kind: of one route and method as one worker saw them, or of something else.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    counts: [AtomicU64; BUCKETS_S.len() + 1],
    sum_ns: AtomicU64,
}

impl Durations {
    /// The histogram `metric` without labels, in the Prometheus text format.
    pub(crate) fn render(&self, metric: &Metric, out: &mut String) {
        let counts = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        let sum_ns = self.sum_ns.load(Ordering::Relaxed);
        // A string takes everything.
        write_head(out, metric).and_then(|()| write_one(out, metric, "", &counts, sum_ns)).and_then(|()| writeln!(out)).ok();
    }

    pub(crate) fn record(&self, latency: Duration) {
        let seconds = latency.as_secs_f64();
        let bucket = BUCKETS_S.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        // Nanoseconds in 64 bits last for 584 years of requests.
        self.sum_ns.fetch_add(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Path and method.
type Route = (&'static str, &'static str);

/// All workers' durations.
#[derive(Debug, Default)]
pub(crate) struct DurationsByRoute(Mutex<Vec<(Route, Arc<Durations>)>>);

impl DurationsByRoute {
    /// A worker's own for this route.
    pub(crate) fn of_worker(&self, path: &'static str, method: &'static str) -> Arc<Durations> {
        let durations = Arc::<Durations>::default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(((path, method), durations.clone()));
        durations
    }

    /// The histogram in the Prometheus text format; nothing before the first request.
    pub(crate) fn render(&self, out: &mut String) {
        let mut by_route: BTreeMap<Route, (Counts, u64)> = BTreeMap::new();
        for (route, durations) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let (counts, sum_ns) = by_route.entry(*route).or_default();
            counts.iter_mut().zip(&durations.counts).for_each(|(count, more)| *count += more.load(Ordering::Relaxed));
            *sum_ns = sum_ns.saturating_add(durations.sum_ns.load(Ordering::Relaxed));
        }
        if !by_route.is_empty() {
            // A string takes everything.
            write(out, &by_route).ok();
        }
    }
}

fn write(out: &mut String, by_route: &BTreeMap<Route, (Counts, u64)>) -> fmt::Result {
    write_head(out, &HTTP_REQUEST_DURATION)?;
    for ((path, method), (counts, sum_ns)) in by_route {
        write_one(out, &HTTP_REQUEST_DURATION, &format!("path=\"{path}\",method=\"{method}\""), counts, *sum_ns)?;
    }
    writeln!(out)
}

fn write_head(out: &mut String, Metric { name, help, .. }: &Metric) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram")
}

fn write_one(out: &mut String, Metric { name, .. }: &Metric, labels: &str, counts: &Counts, sum_ns: u64) -> fmt::Result {
    let (comma, all) = if labels.is_empty() { ("", String::new()) } else { (",", format!("{{{labels}}}")) };
    let mut total = 0;
    for (i, count) in counts.iter().enumerate() {
        total += count;
        match BUCKETS_S.get(i) {
            Some(bound) => writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {total}")?,
            None => writeln!(out, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {total}")?,
        }
    }
    writeln!(out, "{name}_sum{all} {}", sum_ns as f64 / 1e9)?;
    writeln!(out, "{name}_count{all} {total}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::CHANGE_PROPAGATION;

    #[test]
    fn a_histogram_may_be_without_labels() {
        let (durations, mut text) = (Durations::default(), String::new());
        durations.record(Duration::from_millis(3));
        durations.render(&CHANGE_PROPAGATION, &mut text);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[1], "# TYPE ff_change_propagation_seconds histogram");
        assert!(lines.contains(&"ff_change_propagation_seconds_bucket{le=\"0.0025\"} 0"), "{text}");
        assert!(lines.contains(&"ff_change_propagation_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        assert!(lines.contains(&"ff_change_propagation_seconds_sum 0.003"), "{text}");
        assert!(lines.contains(&"ff_change_propagation_seconds_count 1"), "{text}");
    }

    #[test]
    fn workers_are_added_up_and_buckets_are_cumulative() {
        let routes = DurationsByRoute::default();
        let mut text = String::new();
        routes.render(&mut text);
        assert_eq!(text, "");
        let (a, b, other) = (routes.of_worker("/x", "GET"), routes.of_worker("/x", "GET"), routes.of_worker("/a", "PUT"));
        // On a bound is within it.
        a.record(Duration::from_micros(50));
        a.record(Duration::from_micros(51));
        b.record(Duration::from_millis(20));
        b.record(Duration::from_secs(60));
        other.record(Duration::from_millis(1));
        routes.render(&mut text);
        for line in [
            "http_request_duration_seconds_bucket{path=\"/x\",method=\"GET\",le=\"0.00005\"} 1",
            "http_request_duration_seconds_bucket{path=\"/x\",method=\"GET\",le=\"0.0001\"} 2",
            "http_request_duration_seconds_bucket{path=\"/x\",method=\"GET\",le=\"0.01\"} 2",
            "http_request_duration_seconds_bucket{path=\"/x\",method=\"GET\",le=\"0.025\"} 3",
            "http_request_duration_seconds_bucket{path=\"/x\",method=\"GET\",le=\"10\"} 3",
            "http_request_duration_seconds_bucket{path=\"/x\",method=\"GET\",le=\"+Inf\"} 4",
            "http_request_duration_seconds_sum{path=\"/x\",method=\"GET\"} 60.020101",
            "http_request_duration_seconds_count{path=\"/x\",method=\"GET\"} 4",
            "http_request_duration_seconds_count{path=\"/a\",method=\"PUT\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert_eq!(text.matches("# TYPE").count(), 1);
    }
}

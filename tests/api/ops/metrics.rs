//! `GET /metrics`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use ff_test_support::Client;
use serde_json::json;

use crate::harness::{admin_of, each_own, fresh_tenant};
use crate::sample::{boolean, on_when, text};

/// One line with a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    value: f64,
}

/// Reads the text format 0.0.4, strictly.
pub(crate) fn samples(text: &str) -> Vec<Sample> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(sample).collect()
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let (name, labels) = series.split_once('{').map_or((series, ""), |(name, rest)| (name, rest.strip_suffix('}').unwrap()));
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    assert!(is_name(name), "{line}");
    let mut rest = labels;
    let mut read = BTreeMap::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
        let end = (0..after.len()).find(|i| after.as_bytes()[*i] == b'"' && (*i == 0 || after.as_bytes()[i - 1] != b'\\')).unwrap();
        assert!(is_name(label) && read.insert(label.to_owned(), after[..end].to_owned()).is_none(), "{line}");
        rest = after[end + 1..].strip_prefix(',').unwrap_or(&after[end + 1..]);
    }
    Sample { name: name.to_owned(), labels: read, value: value.parse().unwrap_or_else(|_| panic!("{line}")) }
}

fn scrape(api: &Client) -> Vec<Sample> {
    samples(&api.get("/metrics").is(200).text())
}

/// The sum of a metric over its labels.
pub(crate) fn sum(api: &Client, name: &str) -> f64 {
    let values: Vec<f64> = scrape(api).iter().filter(|sample| sample.name == name).map(|sample| sample.value).collect();
    assert!(!values.is_empty(), "there is no {name}");
    values.iter().sum()
}

/// Names with their labels: what makes a series.
fn series(api: &Client) -> BTreeSet<String> {
    scrape(api).into_iter().map(|sample| format!("{}{:?}", sample.name, sample.labels)).collect()
}

/// One of everything that an API is for.
fn use_everything(api: &Client, flag: &str, user: &str) {
    api.post("/v1/segments", &json!({"key": format!("s-{flag}"), "included": [user]})).created();
    api.post("/v1/flags", &on_when(flag, json!({"segment": format!("s-{flag}")}))).created();
    api.post("/v1/environments", &json!({"key": format!("e-{flag}")})).created();
    api.get(&format!("/v1/flags/{flag}")).ok();
    api.put(&format!("/v1/flags/{flag}"), &json!({"owner": user})).ok();
    api.get(&format!("/v1/flags/{flag}/history")).ok();
    api.post("/v1/evaluate", &json!({"flag_key": flag, "user": {"id": user}})).ok();
    api.get(&format!("/v1/evaluate/{flag}?user_id={user}&{flag}={user}")).ok();
    api.get(&format!("/v1/users/{user}/flags/{flag}")).ok();
    api.get(&format!("/v1/flags/missing-{flag}")).problem(404, "flag_not_found");
    api.get(&format!("/nowhere/{flag}")).problem(404, "route_not_found");
    api.send(&format!("X{}", flag.to_uppercase().replace('-', "")), "/v1/flags", None).problem(405, "method_not_allowed");
}

#[test]
fn it_does_not_grow_with_flags_users_or_tenants() {
    each_own(
        |setup| setup,
        |server| {
            let api = admin_of(server);
            use_everything(&api, "warm-up", "u");
            api.get("/metrics").is(200);
            let before = series(&api);
            for i in 0..10 {
                use_everything(&api.tenant(&fresh_tenant()), &format!("flag-{i}"), &format!("user-{i}"));
            }
            let grown: Vec<_> = series(&api).difference(&before).cloned().collect();
            assert_eq!(grown, Vec::<String>::new());
            let text = api.get("/metrics").text();
            for name in ["flag-", "user-", "tenant-", "warm-up", "missing", "nowhere", "XFLAG"] {
                assert!(!text.contains(name), "{name} in {text}");
            }
        },
    );
}

#[test]
fn requests_are_counted_by_route_template_method_and_status() {
    each_own(
        |setup| setup,
        |server| {
            let api = admin_of(server);
            api.post("/v1/flags", &text("f")).created();
            for _ in 0..3 {
                api.get("/v1/flags/f").ok();
            }
            api.get("/v1/flags/g").problem(404, "flag_not_found");
            let found = scrape(&api);
            let count = |name: &str, path: &str, status: Option<&str>| -> f64 {
                let is_meant = |s: &&Sample| {
                    s.name == name
                        && s.labels["path"] == path
                        && s.labels["method"] == "GET"
                        && status.is_none_or(|status| s.labels["status"] == status)
                };
                found.iter().filter(is_meant).map(|sample| sample.value).sum()
            };
            assert_eq!(count("http_requests_total", "/v1/flags/{key}", Some("200")), 3.0);
            assert_eq!(count("http_requests_total", "/v1/flags/{key}", Some("404")), 1.0);
            assert_eq!(count("http_request_duration_seconds_count", "/v1/flags/{key}", None), 4.0);
            let buckets: Vec<_> = found
                .iter()
                .filter(|s| s.name == "http_request_duration_seconds_bucket" && s.labels["path"] == "/v1/flags/{key}")
                .collect();
            assert!(buckets.windows(2).all(|pair| pair[0].value <= pair[1].value), "buckets add up: {buckets:?}");
            assert_eq!((buckets.last().unwrap().labels["le"].as_str(), buckets.last().unwrap().value), ("+Inf", 4.0));
        },
    );
}

#[test]
fn evaluations_are_counted_by_reason_and_rulesets_by_hit_and_miss() {
    each_own(
        |setup| setup,
        |server| {
            let api = admin_of(server);
            api.post("/v1/flags", &boolean("f")).created();
            api.post("/v1/flags", &on_when("g", json!({}))).created();
            api.get("/v1/users/u/flags").ok();
            api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u"}})).ok();
            let found = scrape(&api);
            let reason =
                |reason: &str| found.iter().find(|s| s.name == "ff_evaluations_total" && s.labels["reason"] == reason).unwrap().value;
            assert_eq!((reason("default_distribution"), reason("rule_match"), reason("flag_off")), (2.0, 1.0, 0.0));
            assert!(sum(&api, "ff_ruleset_cache_hits_total") + sum(&api, "ff_ruleset_cache_misses_total") >= 2.0);
            let build = found.iter().find(|s| s.name == "ff_build_info").unwrap();
            assert!(build.value == 1.0 && !build.labels["version"].is_empty());
            let pool: Vec<_> = found.iter().filter(|s| s.name.contains("pool")).collect();
            assert!(pool.len() >= 3 && pool.iter().all(|gauge| gauge.value >= 0.0), "{pool:?}");
        },
    );
}

#[test]
fn the_text_is_what_prometheus_reads() {
    each_own(
        |setup| setup,
        |server| {
            let api = admin_of(server);
            use_everything(&api, "f", "u");
            let answer = server.client().get("/metrics");
            assert!(
                answer.is(200).header("content-type").is_some_and(|media_type| media_type.starts_with("text/plain; version=0.0.4")),
                "{answer}"
            );
            let text = answer.text();
            assert!(text.ends_with('\n'), "a last line that does not end is no line");
            let all = samples(&text);
            let distinct: BTreeSet<_> = all.iter().map(|sample| format!("{}{:?}", sample.name, sample.labels)).collect();
            assert_eq!(distinct.len(), all.len(), "a series stands once");
            let family =
                |name: &str| ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned();
            for name in all.iter().map(|sample| family(&sample.name)).collect::<BTreeSet<_>>() {
                for word in ["HELP", "TYPE"] {
                    let lines = text.lines().filter(|line| line.starts_with(&format!("# {word} {name} "))).count();
                    assert_eq!(lines, 1, "{word} of {name}");
                }
            }
            lint(&text);
        },
    );
}

/// Asks Prometheus' own checker, where there is one.
fn lint(text: &str) {
    let Ok(mut checker) =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    else {
        return;
    };
    checker.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = checker.wait_with_output().unwrap();
    assert!(checked.status.success(), "{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
}

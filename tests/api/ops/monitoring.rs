//! Alert rules and dashboard: what they ask for is what the server exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::metrics::samples;
use crate::harness::{admin_of, setup};
use crate::sample::boolean;

/// What Prometheus itself adds.
const OF_PROMETHEUS: [&str; 1] = ["up"];

/// Labels that every scrape has.
const OF_SCRAPES: [&str; 2] = ["job", "instance"];

/// Words of the query language that are no names of metrics. Functions are told by the bracket behind them.
const WORDS: [&str; 16] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "and",
    "or",
    "unless",
    "offset",
    "bool",
    "sum",
    "count",
    "min",
    "max",
    "avg",
];

fn read(path: &str) -> String {
    std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(path)).unwrap()
}

/// A metric that a query asks for, and the labels by which it chooses.
type Asked = (String, BTreeSet<String>);

/// The metrics of a query: every name that is no word of the language, no function and no list of labels.
fn metrics_of(query: &str) -> Vec<Asked> {
    let mut found: Vec<Asked> = Vec::new();
    // Nothing in a text is a name, nor a bracket.
    let without_texts: String = query.split('"').step_by(2).collect();
    let mut rest = without_texts.as_str();
    let mut is_list_next = false;
    while let Some(first) = rest.chars().next() {
        let is_in_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let end =
            |opening: usize, closing: char| rest[opening..].find(closing).map(|at| opening + at + 1).unwrap_or_else(|| panic!("{query}"));
        rest = match first {
            '[' => &rest[end(0, ']')..],
            '{' => {
                let inside = &rest[1..end(0, '}') - 1];
                let labels = inside.split(',').map(|pair| pair.split(['=', '!', '~']).next().unwrap().trim().to_owned());
                found.last_mut().unwrap_or_else(|| panic!("{query}")).1.extend(labels.filter(|label| !label.is_empty()));
                &rest[end(0, '}')..]
            }
            '(' if is_list_next => &rest[end(0, ')')..],
            c if c.is_ascii_digit() => rest[1..].trim_start_matches(|c: char| is_in_name(c) || c == '.'),
            c if is_in_name(c) => {
                let (name, after) = rest.split_at(rest.find(|c| !is_in_name(c)).unwrap_or(rest.len()));
                is_list_next = matches!(name, "by" | "without" | "on" | "ignoring");
                if !WORDS.contains(&name) && !after.trim_start().starts_with('(') {
                    found.push((name.to_owned(), BTreeSet::new()));
                }
                rest = after.trim_start();
                continue;
            }
            c => &rest[c.len_utf8()..],
        };
        is_list_next = false;
        rest = rest.trim_start();
    }
    found
}

/// Every query of the rules: what stands behind `expr`, on its line or indented below it.
fn queries_of_rules(rules: &str) -> Vec<String> {
    let mut queries = Vec::new();
    let mut lines = rules.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((indent, query)) = line.split_once("expr:") else { continue };
        let mut query = query.trim().trim_start_matches('|').to_owned();
        while let Some(more) = lines.next_if(|next| next.starts_with(&format!("{indent}  "))) {
            query = format!("{query}\n{more}");
        }
        queries.push(query);
    }
    queries
}

/// Every query of the dashboard, variables included, which may ask for labels.
fn queries_of_dashboard(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("expr").and_then(Value::as_str).map(str::to_owned));
            found.extend(
                fields.get("definition").and_then(Value::as_str).map(|text| text.split(", ").next().unwrap().replace("label_values(", "")),
            );
            fields.values().for_each(|inner| queries_of_dashboard(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| queries_of_dashboard(inner, found)),
        _ => {}
    }
}

/// What a server exports: names with the labels that they come with.
fn exported() -> BTreeMap<String, BTreeSet<String>> {
    let server = setup().start();
    let api = admin_of(&server);
    api.post("/v1/flags", &boolean("f")).created();
    api.post("/v1/evaluate", &json!({"flag_key": "f", "user": {"id": "u"}})).ok();
    let mut exported = BTreeMap::<String, BTreeSet<String>>::new();
    for sample in samples(&api.get("/metrics").is(200).text()) {
        exported.entry(sample.name).or_default().extend(sample.labels.into_keys());
    }
    exported
}

/// What is asked for and not there.
fn astray(queries: &[String], exported: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut astray = Vec::new();
    for (name, labels) in queries.iter().flat_map(|query| metrics_of(query)) {
        if OF_PROMETHEUS.contains(&name.as_str()) {
            continue;
        }
        match exported.get(&name) {
            None => astray.push(name),
            Some(known) => {
                let unknown = labels.iter().filter(|label| !known.contains(*label) && !OF_SCRAPES.contains(&label.as_str()));
                astray.extend(unknown.map(|label| format!("{name}{{{label}}}")));
            }
        }
    }
    astray
}

#[test]
fn rules_and_dashboard_ask_for_nothing_that_is_not_exported() {
    let exported = exported();
    let rules = queries_of_rules(&read("prometheus/ff.rules.yml"));
    let mut dashboard = Vec::new();
    queries_of_dashboard(&serde_json::from_str(&read("grafana/ff.json")).unwrap(), &mut dashboard);
    assert!(rules.len() >= 18 && dashboard.len() >= 20, "{} and {} queries", rules.len(), dashboard.len());
    assert_eq!(astray(&rules, &exported), Vec::<String>::new());
    assert_eq!(astray(&dashboard, &exported), Vec::<String>::new());
    // And the other way round: whatever is exported is shown.
    let shown: BTreeSet<String> = dashboard.iter().flat_map(|query| metrics_of(query)).map(|(name, _)| name).collect();
    let family = |name: &str| ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned();
    let shown: BTreeSet<String> = shown.iter().map(|name| family(name)).collect();
    let unshown: BTreeSet<String> = exported.keys().map(|name| family(name)).filter(|name| !shown.contains(name)).collect();
    assert!(unshown.is_empty(), "exported and not on the dashboard: {unshown:?}");
}

#[test]
fn a_name_that_is_misspelt_is_found() {
    let exported = BTreeMap::from([("a_total".to_owned(), BTreeSet::from(["status".to_owned()])), ("b".to_owned(), BTreeSet::new())]);
    let queries = |query: &str| astray(&[query.to_owned()], &exported);
    let right = r#"histogram_quantile(0.99, sum by (le, c) (rate(a_total{job="x, b{", status=~"5..|d"}[5m]))) > 1e3 and on (job) b offset 5m unless count(up) == 2.5"#;
    assert_eq!(queries(right), Vec::<String>::new());
    assert_eq!(queries("sum(rate(a_totl[5m])) / bb"), ["a_totl", "bb"]);
    assert_eq!(queries(r#"a_total{statsu="500"} + b{status="x"}"#), ["a_total{statsu}", "b{status}"]);
    assert_eq!(queries_of_rules("  - alert: A\n    expr: |\n      a\n        > b\n    for: 1m\n  - expr: c\n").len(), 2);
    assert!(queries_of_rules("    expr: |\n      a\n        > b\n    for: 1m\n")[0].ends_with("> b"));
}

#[test]
fn the_dashboard_is_one_that_grafana_reads() {
    let dashboard: Value = serde_json::from_str(&read("grafana/ff.json")).unwrap();
    assert!(dashboard["uid"].is_string() && dashboard["title"] == "ff" && dashboard["schemaVersion"].as_u64() >= Some(36));
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "a panel's id is its own");
    let mut places = BTreeSet::new();
    for panel in panels {
        let (title, place) = (panel["title"].as_str().unwrap(), &panel["gridPos"]);
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| place[side].as_u64().unwrap_or_else(|| panic!("{title} has no {side}")));
        assert!(x + w <= 24, "{title} is beside the page");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(places.insert(cell), "{title} covers another panel");
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(["timeseries", "stat"].contains(&panel["type"].as_str().unwrap()), "{title}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = panel["targets"].as_array().unwrap();
        let names: BTreeSet<&str> = targets.iter().map(|target| target["refId"].as_str().unwrap()).collect();
        assert!(!targets.is_empty() && names.len() == targets.len(), "{title}");
    }
    let variables: Vec<&str> = dashboard["templating"]["list"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["datasource", "job", "instance"]);
}

#[test]
fn every_alert_is_explained_in_the_operations_guide_and_tested() {
    let rules = read("prometheus/ff.rules.yml");
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let (guide, tests) = (read("../docs/operations.md"), read("prometheus/ff.rules.test.yml"));
    assert!(alerts.len() >= 18);
    for alert in &alerts {
        assert!(guide.contains(&format!("| `{alert}` |")), "docs/operations.md does not tell of {alert}");
        let fires = tests
            .split("- eval_time: ")
            .skip(1)
            .any(|case| case.lines().nth(1).is_some_and(|line| line.trim() == format!("alertname: {alert}")));
        assert!(fires, "no example in which {alert} fires");
    }
    let told = guide.lines().filter_map(|line| line.strip_prefix("| `Ff")).filter_map(|line| line.split('`').next());
    for alert in told {
        assert!(alerts.contains(&format!("Ff{alert}").as_str()), "docs/operations.md tells of Ff{alert}, which is no alert");
    }
}

/// Asks Prometheus' own checker. Where there is none, that is told, and in the pipeline it is a failure.
#[test]
fn prometheus_reads_the_rules_and_they_do_what_their_examples_say() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/prometheus");
    for arguments in [["check", "rules", "ff.rules.yml"], ["test", "rules", "ff.rules.test.yml"]] {
        let checked = match Command::new("promtool").args(arguments).current_dir(&folder).output() {
            Ok(checked) => checked,
            Err(error) => {
                assert!(
                    std::env::var_os("CI").is_none(),
                    "promtool is needed to check the alert rules (`.ci/run tools` brings it): {error}"
                );
                eprintln!("NOTICE: promtool is not here, so nobody has checked the alert rules: {error}");
                return;
            }
        };
        assert!(checked.status.success(), "{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    }
}

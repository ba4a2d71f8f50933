//! The metrics are those that the documentation lists, and the dashboard and the alerts use.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use devices_tests::{Api, ServerOptions};
use serde_json::{Value, json};

use super::one_device;

const MONITORING: &str = include_str!("../../../docs/MONITORING.md");
const ALERTS: &str = include_str!("../../../deploy/alerts.yml");
const DASHBOARD: &str = include_str!("../../../deploy/grafana-dashboard.json");

/// Returns the names that the tables of the documentation list.
fn documented() -> BTreeSet<String> {
    let rows = MONITORING.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split(" | ").next().unwrap());
    cells.flat_map(metric_names).collect()
}

/// Returns the names of metrics in a text.
fn metric_names(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_metric = |word: &&str| word.starts_with("devices_") || word.starts_with("process_");
    words.filter(is_metric).map(str::to_owned).collect()
}

/// Returns the names of the metrics that a server serves.
fn served(api: &Api) -> BTreeSet<String> {
    let metrics = api.server.metrics();
    let types = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

#[test]
fn served_metrics_are_the_documented_ones() {
    let limit = ServerOptions::with("DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE", 100);
    let api = Api::start_with(&limit);
    assert_eq!(api.post(&one_device()).status, 201);
    assert_eq!(api.post(&json!([{}])).status, 400);
    let mut documented = documented();
    if !cfg!(target_os = "linux") {
        // Other systems do not report all of them.
        documented.retain(|name| !name.starts_with("process_"));
    }
    // Jobs measure some of them when the server starts.
    let deadline = Instant::now() + Duration::from_secs(60);
    while !served(&api).is_superset(&documented) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(served(&api), documented);
    // Every metric has a HELP text.
    let metrics = api.server.metrics();
    let helps = metrics.lines().filter(|line| line.starts_with("# HELP "));
    assert_eq!(helps.count(), documented.len());
}

#[test]
fn gauges_show_limits_and_reserved_connections() {
    let api = Api::start();
    // A job measures it when the server starts.
    let deadline = Instant::now() + Duration::from_secs(60);
    while !api.server.metrics().contains("devices_database_healthy 1") {
        assert!(Instant::now() < deadline, "the database is not healthy");
        std::thread::sleep(Duration::from_millis(20));
    }
    let metrics = api.server.metrics();
    let version = env!("CARGO_PKG_VERSION");
    for line in [
        format!(r#"devices_build_info{{version="{version}",revision=""}} 1"#).as_str(),
        r#"devices_limit{setting="max_requests_in_flight"} 512"#,
        r#"devices_limit{setting="pool_size"} 4"#,
        "devices_pool_reserved 1",
        "devices_requests_in_flight 0",
        "devices_waiting_requests 0",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
}

/// Returns the series of histograms without their suffix.
fn without_suffix(name: String) -> String {
    let suffixes = ["_bucket", "_sum", "_count"];
    let base = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
    base.map_or(name.clone(), str::to_owned)
}

/// Returns the metrics of expressions that the documentation does not list.
fn unknown_metrics<'a>(expressions: impl Iterator<Item = &'a str>) -> Vec<String> {
    let documented = documented();
    let names = expressions.flat_map(metric_names).map(without_suffix);
    names.filter(|name| !documented.contains(name)).collect()
}

#[test]
fn dashboard_queries_existing_metrics() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let queries: Vec<_> = targets
        .flatten()
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(queries.len() > 20);
    for query in &queries {
        assert!(!metric_names(query).is_empty(), "{query}");
    }
    assert_eq!(unknown_metrics(queries.into_iter()), Vec::<String>::new());
}

#[test]
fn alerts_have_metrics_and_runbooks() {
    let alerts: Value = serde_yaml_ng::from_str(ALERTS).unwrap();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    assert!(rules.len() > 10);
    let expressions = rules.iter().map(|rule| rule["expr"].as_str().unwrap());
    assert_eq!(unknown_metrics(expressions), Vec::<String>::new());
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        let url = rule["annotations"]["runbook_url"].as_str().unwrap();
        let anchor = format!("docs/MONITORING.md#{}", name.to_lowercase());
        assert!(url.ends_with(&anchor), "{url}");
        let section = MONITORING.split_once(&format!("\n### {name}\n"));
        let (_, section) = section.unwrap_or_else(|| panic!("{name} has no runbook"));
        let section = section.split("\n#").next().unwrap();
        for step in ["\n1. ", "\n2. ", "\n3. "] {
            assert!(section.contains(step), "{name}: {section}");
        }
    }
}

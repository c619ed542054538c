//! Requirements 5.7, 8.7 and 10.7: what is measured, and in which shapes it can be had.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pabawi::inventory::{FileInventory, SourceSettings};
use pabawi::metrics::{FAMILIES, Metric, MetricValue, MetricsSink, MetricsSnapshot};
use pabawi::ports::{
    AuthorizationQuery, Authorizer, AuthorizerError, Decision, InventorySnapshot, InventorySource,
    InventorySourceError,
};
use pabawi::ssh::SshSettings;
use pabawi::{
    Action, Backoff, ExecutionRequest, Framework, FrameworkBuilder, OutputData, PluginName, ProcessOptions,
    RetryPolicy, ScriptAction, SubmitError, TargetExpression,
};
use pabawi_testkit::scripted::ScriptedPlugin;
use pabawi_testkit::wait;
use pabawi_tests::facade::{caller, command, open};
use pabawi_tests::{Lab, workspace};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(30);

/// A framework whose nodes are this machine.
fn over(directory: &Path) -> FrameworkBuilder {
    let inventory = directory.join("nodes.yaml");
    std::fs::write(&inventory, "nodes: {web01: {transport: local}, web02: {transport: local}}\n").unwrap();
    let source = FileInventory::inventory_file(&inventory, 0);
    Framework::builder()
        .database(directory.join("e.db"))
        .ssh(SshSettings::default())
        .inventories([(Arc::new(source) as _, SourceSettings::default())])
}

/// Denies what one user asks for.
struct NotEve;

#[async_trait]
impl Authorizer for NotEve {
    async fn authorize(&self, query: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        match query.caller.user.as_str() {
            "eve" => Ok(Decision::Deny { reason: "not you".into() }),
            _ => Ok(Decision::Allow),
        }
    }
}

/// The value of a metric with these labels, in the order of their names; the count of a histogram.
fn value(snapshot: &MetricsSnapshot, name: &str, labels: &[&str]) -> f64 {
    let family = snapshot.families.iter().find(|family| family.name == name).unwrap();
    let sample = family.samples.iter().find(|sample| sample.labels.values().eq(labels.iter()));
    match &sample.unwrap_or_else(|| panic!("{name} has no {labels:?}: {family:?}")).value {
        MetricValue::Number(value) => *value,
        MetricValue::Histogram(histogram) => histogram.count as f64,
    }
}

/// Writes down which metrics a host was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<BTreeSet<String>>>);

impl MetricsSink for Told {
    fn record(&self, metric: Metric<'_>) {
        let (Metric::Count { name, .. } | Metric::Gauge { name, .. } | Metric::Duration { name, .. }) =
            metric
        else {
            return;
        };
        self.0.lock().unwrap().insert(name.to_owned());
    }
}

/// A framework that has done something of everything.
async fn busy(directory: &Path, told: Told) -> Framework {
    let plugin = ScriptedPlugin::new(PluginName::new("bolt").unwrap());
    let framework =
        over(directory).authorizer(NotEve).metrics(told).plugin(plugin, json!({})).open().await.unwrap();
    framework.execute(caller(), command("web01,web02", "printf 12345; printf 678 >&2")).await.unwrap();
    let mut failing = command("web01", "exit 3");
    failing.retry = Some(RetryPolicy {
        backoff: Backoff { initial_ms: 1, ..Backoff::default() },
        on: ["exited".to_owned()].into(),
        idempotent: true,
        ..RetryPolicy::new(3)
    });
    framework.execute(caller(), failing).await.unwrap();
    let content = b"#!/bin/sh\nexit 0\n";
    let script = ScriptAction {
        name: "nothing.sh".into(),
        content: OutputData(content.to_vec().into()),
        interpreter: None,
        arguments: Vec::new(),
        process: ProcessOptions::default(),
    };
    let script = ExecutionRequest::new(Action::Script(script), TargetExpression::new("web01"));
    framework.execute(caller(), script).await.unwrap();
    let eve = pabawi::Caller { user: "eve".into(), ..caller() };
    let denied = framework.submit(eve, command("web01", "true")).await.unwrap_err();
    assert!(matches!(denied, SubmitError::Denied { .. }), "{denied}");
    framework
}

/// R5.7, R8.7: durations, targets, success, retries, bytes, phases, permits, the queue, the store and denials are counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_happens_is_measured() {
    let directory = tempfile::tempdir().unwrap();
    let told = Told::default();
    let framework = busy(directory.path(), told.clone()).await;
    let snapshot = framework.metrics();
    let is = |name: &str, labels: &[&str], expected: f64| {
        let found = value(&snapshot, name, labels);
        assert!((found - expected).abs() < f64::EPSILON, "{name} {labels:?} is {found}, not {expected}");
    };
    is("pabawi_executions_total", &["completed"], 2.0);
    is("pabawi_executions_total", &["failed"], 1.0);
    is("pabawi_execution_duration_seconds", &["completed"], 2.0);
    is("pabawi_targets_total", &["succeeded"], 3.0);
    is("pabawi_targets_total", &["failed"], 1.0);
    is("pabawi_execution_success_ratio", &[], 1.0);
    is("pabawi_node_runs_total", &["succeeded"], 3.0);
    is("pabawi_node_runs_total", &["exited"], 1.0);
    is("pabawi_retries_total", &[], 2.0);
    is("pabawi_node_output_bytes_total", &["stdout"], 10.0);
    is("pabawi_node_output_bytes_total", &["stderr"], 6.0);
    is("pabawi_node_input_bytes_total", &[], 17.0);
    for phase in ["start", "firstByte", "run", "drain"] {
        is("pabawi_phase_seconds", &[phase], 6.0);
    }
    is("pabawi_phase_seconds", &["queue"], 4.0);
    is("pabawi_authorizations_total", &["denied"], 1.0);
    is("pabawi_queued_executions", &[], 0.0);
    is("pabawi_live_executions", &[], 0.0);
    is("pabawi_pending_targets", &[], 0.0);
    is("pabawi_node_permits_in_use", &[], 0.0);
    is("pabawi_store_up", &[], 1.0);
    assert!(value(&snapshot, "pabawi_node_permits", &[]) > 1.0);
    assert!(value(&snapshot, "pabawi_store_write_duration_seconds", &[]) >= 3.0);
    assert!(
        value(&snapshot, "pabawi_store_writes_total", &[])
            > value(&snapshot, "pabawi_store_commits_total", &[])
    );
    // What a host is told has the same names, and is told as it happens.
    let told = told.0.lock().unwrap().clone();
    let names: BTreeSet<String> = FAMILIES.iter().map(|family| family.name.to_owned()).collect();
    assert!(told.is_subset(&names), "{:?}", told.difference(&names).collect::<Vec<_>>());
    assert!(told.contains("pabawi_operation_duration_seconds") && told.contains("pabawi_phase_seconds"));
    framework.shutdown(LIMIT).await;
}

/// R5.7, R8.7: while something is held, the snapshot says what waits, what runs, and on how many connections; and afterwards that
/// nothing does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_and_runs_is_told_while_it_does() {
    let lab = Lab::new(2);
    let framework = open(&lab, |limits| limits.max_running_executions = 1, |_| {}).await;
    let gate = lab.path("gate");
    let held = command("web[01-02]", &format!("until [ -e {} ]; do sleep 0.05; done", gate.display()));
    let running = framework.submit(caller(), held).await.unwrap();
    let are = |expected: [f64; 6]| {
        let snapshot = framework.metrics();
        let now = [
            value(&snapshot, "pabawi_queued_executions", &[]),
            value(&snapshot, "pabawi_live_executions", &[]),
            value(&snapshot, "pabawi_pending_targets", &[]),
            value(&snapshot, "pabawi_node_permits_in_use", &[]),
            value(&snapshot, "pabawi_connections", &["ssh"]),
            value(&snapshot, "pabawi_connections_idle", &["ssh"]),
        ];
        now == expected
    };
    wait::until_async("both nodes to be held", LIMIT, || are([0.0, 1.0, 2.0, 2.0, 2.0, 0.0])).await.unwrap();
    let waiting = framework.submit(caller(), command("web01", "true")).await.unwrap();
    wait::until_async("another one to wait", LIMIT, || are([1.0, 2.0, 3.0, 2.0, 2.0, 0.0])).await.unwrap();
    std::fs::write(&gate, "").unwrap();
    for id in [running, waiting] {
        framework.wait(&caller(), id).await.unwrap();
    }
    wait::until_async("all to be at rest", LIMIT, || are([0.0, 0.0, 0.0, 0.0, 2.0, 2.0])).await.unwrap();
    framework.shutdown(LIMIT).await;
}

/// R10.7: what `PerformanceMonitorService.getStatistics` tells, by names in its manner.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_are_told_in_the_shape_of_the_performance_monitor() {
    let directory = tempfile::tempdir().unwrap();
    let framework = busy(directory.path(), Told::default()).await;
    let snapshot = serde_json::to_value(framework.metrics()).unwrap();
    let operations = snapshot["operations"].as_array().unwrap();
    let of = |name: &str| {
        operations.iter().find(|one| one["operation"] == name).unwrap_or_else(|| panic!("{snapshot}"))
    };
    assert_eq!((&of("local:command")["count"], &of("local:script")["count"]), (&5.into(), &1.into()));
    assert_eq!(of("execution:command")["count"], 2);
    let append = of("store:append");
    let number = |name: &str| append[name].as_f64().unwrap_or_else(|| panic!("{name}: {append}"));
    let (avg, min, max) = (number("avgDuration"), number("minDuration"), number("maxDuration"));
    assert!(min > 0.0 && min <= avg && avg <= max && max <= number("totalDuration"), "{append}");
    assert!(min <= number("p50") && number("p50") <= number("p95") && number("p99") <= max, "{append}");
    framework.shutdown(LIMIT).await;
}

/// The text of Prometheus, read strictly: what each line may be, and what comes after what. Values by metric and labels.
fn read_exposition(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with('\n'));
    let mut values = BTreeMap::new();
    let (mut family, mut kind, mut seen) = (String::new(), String::new(), BTreeSet::new());
    let mut last_bucket: Option<(String, f64, f64)> = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap().to_owned();
            assert!(rest.len() > family.len() + 1 && seen.insert(family.clone()), "{line}");
            kind.clear();
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, word) = rest.split_once(' ').unwrap();
            assert!(name == family && ["counter", "gauge", "histogram"].contains(&word), "{line}");
            kind = word.to_owned();
            continue;
        }
        assert!(!kind.is_empty() && !line.starts_with('#'), "{line}");
        let (series, number) = line.rsplit_once(' ').unwrap();
        let number: f64 = number.parse().unwrap_or_else(|_| panic!("{line}"));
        let (name, labels) = match series.split_once('{') {
            Some((name, rest)) => (name, rest.strip_suffix('}').unwrap_or_else(|| panic!("{line}"))),
            None => (series, ""),
        };
        let suffix = name.strip_prefix(family.as_str()).unwrap_or_else(|| panic!("{line} under {family}"));
        match kind.as_str() {
            "histogram" => assert!(["_bucket", "_sum", "_count"].contains(&suffix), "{line}"),
            _ => assert_eq!(suffix, "", "{line}"),
        }
        for label in labels.split("\",").filter(|label| !label.is_empty()) {
            let (name, value) = label.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
            assert!(!value.trim_end_matches('"').contains('"'), "{line}");
        }
        if suffix == "_bucket" {
            let (others, le) = labels.rsplit_once("le=\"").unwrap_or_else(|| panic!("{line}"));
            let le: f64 = le.trim_end_matches('"').replace("+Inf", "inf").parse().unwrap();
            if let Some((before, bound, count)) = &last_bucket
                && before == others
                && bound.is_finite()
            {
                assert!(le > *bound && number >= *count, "buckets rise: {line}");
            }
            last_bucket = Some((others.to_owned(), le, number));
        } else if suffix == "_count" {
            let (_, bound, count) = last_bucket.clone().unwrap();
            assert!(bound.is_infinite() && (count - number).abs() < f64::EPSILON, "{line}");
        }
        assert!(values.insert(series.to_owned(), number).is_none(), "twice: {line}");
    }
    values
}

/// R8.7: Prometheus' text, with nothing of nodes, users or commands in its labels.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_can_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let framework = busy(directory.path(), Told::default()).await;
    let text = framework.metrics_prometheus();
    let values = read_exposition(&text);
    assert_eq!(values["pabawi_executions_total{status=\"completed\"}"], 2.0);
    assert_eq!(values["pabawi_node_run_duration_seconds_bucket{outcome=\"succeeded\",le=\"+Inf\"}"], 3.0);
    for word in ["web01", "web02", "tester", "eve", "printf", "nothing.sh"] {
        assert!(!text.contains(word), "{word} is in {text}");
    }
    framework.shutdown(LIMIT).await;
}

/// R8.7: the document has every metric with its kind and labels, and no other.
#[test]
fn the_document_has_the_metrics_that_there_are() {
    let document = std::fs::read_to_string(workspace().join("docs/metrics.md")).unwrap();
    let rows = document.lines().filter(|line| line.starts_with("| `pabawi_"));
    let told: Vec<String> = rows.map(str::to_owned).collect();
    let row = |family: &pabawi::metrics::FamilyInfo| {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        format!("| `{}` | {} | {} | {} |", family.name, family.kind.as_str(), labels.join(", "), family.help)
    };
    let all: Vec<String> = FAMILIES.iter().map(row).collect();
    assert_eq!(told, all, "docs/metrics.md should have\n{}", all.join("\n"));
}

/// A source that fails.
struct Broken;

#[async_trait]
impl InventorySource for Broken {
    fn name(&self) -> &str {
        "broken"
    }

    fn priority(&self) -> i32 {
        0
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        let (source_name, message) = ("broken".into(), "the test says so".into());
        Err(InventorySourceError { source_name, message, retryable: false })
    }
}

/// R8.7: sources of nodes and providers of facts are timed, and their failures counted, each by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_are_measured() {
    let directory = tempfile::tempdir().unwrap();
    let framework = over(directory.path()).authorizer(NotEve).inventory(Broken).open().await.unwrap();
    for _ in 0..2 {
        let _ = framework.inventory(pabawi::inventory::Freshness::Forced).await;
    }
    let all = TargetExpression::new("web[01-02]");
    let facts = framework.facts().collect(&caller(), &all, pabawi::facts::Freshness::Forced).await.unwrap();
    assert_eq!(facts.len(), 2);
    let snapshot = framework.metrics();
    let source =
        snapshot.families.iter().find(|family| family.name == "pabawi_source_answers_total").unwrap();
    let files: Vec<&str> = source.samples.iter().map(|sample| sample.labels["source"].as_str()).collect();
    let file = files.iter().find(|name| name.starts_with("inventory:") && !name.ends_with("broken")).unwrap();
    assert!(value(&snapshot, "pabawi_source_answers_total", &["worked", file]) >= 2.0);
    assert!(value(&snapshot, "pabawi_source_answers_total", &["failed", "inventory:broken"]) >= 2.0);
    assert!(value(&snapshot, "pabawi_source_answers_total", &["worked", "facts:ssh"]) >= 2.0);
    for operation in [file, "inventory:broken", "facts:ssh"] {
        assert!(value(&snapshot, "pabawi_operation_duration_seconds", &[operation]) >= 1.0);
    }
    framework.shutdown(LIMIT).await;
}

/// R5.7, R8.7: `pab` leaves a file for node_exporter, whole or not at all, also after a run that failed.
#[test]
fn pab_writes_what_it_measured_into_a_file() {
    let lab = Lab::new(2);
    let path = lab.path("pab.prom");
    for (command, code, line) in [
        ("echo x", 0, "pabawi_executions_total{status=\"completed\"}"),
        ("exit 1", 1, "pabawi_executions_total{status=\"failed\"}"),
    ] {
        let file = path.to_str().unwrap();
        let _ = lab.run("web[01-02]", command).args(["--metrics-file", file]).exits(code);
        let text = std::fs::read_to_string(&path).unwrap();
        let values = read_exposition(&text);
        assert_eq!(values[line], 1.0, "{text}");
        assert_eq!(values["pabawi_phase_seconds_count{phase=\"keyExchange\"}"], 2.0, "{text}");
        assert_eq!(values["pabawi_connects_total{transport=\"ssh\"}"], 2.0, "{text}");
        assert!(values["pabawi_operation_duration_seconds_sum{operation=\"ssh:connect\"}"] > 0.0);
    }
    let left: Vec<_> =
        std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{left:?}");
    let config = lab.write("config.toml", "[defaults]\nmetrics-file = \"of-config.prom\"\n");
    let _ = lab.pab(["executions", "list"]).env("PABAWI_CONFIG", &config).succeeds();
    let text = std::fs::read_to_string(config.parent().unwrap().join("of-config.prom")).unwrap();
    assert!(read_exposition(&text).contains_key("pabawi_store_up"), "{text}");
    let ran = lab.run("web01", "true").args(["--metrics-file", "/nonexistent/x.prom"]).exits(2);
    assert!(ran.err().contains("--metrics-file: there is no folder /nonexistent"), "{ran}");
    assert!(
        lab.pab(["executions", "list", "--format", "ndjson"]).succeeds().events().len() == 2,
        "nothing was run"
    );
}

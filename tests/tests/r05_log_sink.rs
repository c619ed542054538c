//! Requirements 5 and 10, as far as a host's own logger is concerned: what its sink is given, and that it can do no harm.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pabawi::inventory::{FileInventory, SourceSettings};
use pabawi::log::{LogLevel, LogRecord, LogSink};
use pabawi::ports::{AuthorizationQuery, Authorizer, AuthorizerError, Decision};
use pabawi::ssh::SshSettings;
use pabawi::{
    Action, AllowAll, CorrelationId, EntryPoint, ExecutionRequest, Framework, FrameworkBuilder,
    TargetExpression, ToolAction,
};
use pabawi_testkit::scripted::{Conduct, NodeScript, ScriptedPlugin};
use pabawi_testkit::wait;
use pabawi_tests::facade::{caller, command};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(30);

/// Keeps what it is given.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<LogRecord>>>);

impl LogSink for Kept {
    fn log(&self, record: &LogRecord) {
        self.0.lock().unwrap().push(record.clone());
    }
}

impl Kept {
    fn records(&self) -> Vec<LogRecord> {
        self.0.lock().unwrap().clone()
    }

    fn with(&self, message: &str) -> Vec<LogRecord> {
        self.records().into_iter().filter(|record| record.message.contains(message)).collect()
    }
}

/// A framework whose nodes are this machine.
fn over(directory: &Path) -> FrameworkBuilder {
    pabawi::log::install().unwrap();
    let inventory = directory.join("nodes.yaml");
    std::fs::write(&inventory, "nodes: {a: {transport: local}, b: {transport: local}}\n").unwrap();
    let source = FileInventory::inventory_file(&inventory, 0);
    Framework::builder()
        .authorizer(AllowAll)
        .database(directory.join("e.db"))
        .ssh(SshSettings::default())
        .inventories([(Arc::new(source) as _, SourceSettings::default())])
}

fn of_ticket(targets: &str, text: &str, ticket: &str) -> ExecutionRequest {
    let mut request = command(targets, text);
    request.correlation_id = Some(CorrelationId::new(ticket).unwrap());
    request
}

/// R5.1, R5.2, R5.3, R7.3, R10.6: two frameworks in one process, each with its own records, and each record with the ids.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_framework_brings_its_own_records_to_its_sink_with_the_ids_on_each() {
    let mut both = Vec::new();
    for name in ["one", "two"] {
        let directory = tempfile::tempdir().unwrap();
        let sink = Kept::default();
        let builder = over(directory.path()).log_sink(sink.clone()).log_level(LogLevel::Debug);
        both.push((name, builder.open().await.unwrap(), sink, directory));
    }
    let mut ids = Vec::new();
    for (name, framework, ..) in &both {
        let request = of_ticket("a,b", "exit 3", &format!("ticket-{name}"));
        ids.push(framework.execute(caller(), request).await.unwrap().record.id);
    }
    for (_, framework, ..) in &both {
        framework.shutdown(LIMIT).await;
    }
    for ((name, _, sink, _), id) in both.iter().zip(&ids) {
        let started = sink.with("execution started").remove(0);
        assert_eq!((started.level, started.component.as_str()), (LogLevel::Info, "engine"));
        assert_eq!(started.operation.as_deref(), Some("command"));
        assert_eq!(
            (&started.fields["user"], &started.fields["entry_point"]),
            (&"tester".into(), &"rust".into())
        );
        assert_eq!((&started.fields["targets"], &started.fields["action"]), (&2.into(), &"exit 3".into()));
        let finished = sink.with("execution finished").remove(0);
        assert_eq!((&finished.fields["status"], &finished.fields["failed"]), (&"failed".into(), &2.into()));
        assert!(finished.fields["duration_ms"].is_u64());
        let failures = sink.with("exit status 3");
        let mut nodes: Vec<_> = failures.iter().map(|failure| failure.fields["node"].clone()).collect();
        nodes.sort_by_key(ToString::to_string);
        assert_eq!(nodes, ["a", "b"]);
        for record in sink.records() {
            // What is logged without an execution is the framework's own.
            let is_own = record.execution_id.is_none() && record.correlation_id.is_none();
            let ticket = record.correlation_id.as_ref().map(ToString::to_string);
            let is_ours = record.execution_id == Some(*id) && ticket == Some(format!("ticket-{name}"));
            assert!(is_own || is_ours, "{record:?}");
        }
        assert!(!sink.with("plugin is ready").is_empty() && !sink.with("shutting down").is_empty());
    }
}

/// Denies.
struct Denies;

#[async_trait]
impl Authorizer for Denies {
    async fn authorize(&self, _: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        Ok(Decision::Deny { reason: "not you".to_owned() })
    }
}

/// R5.1, R6.6: a denial is logged with who, what and why, and with the id of its request, which has no execution.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_is_logged_with_its_request() {
    let directory = tempfile::tempdir().unwrap();
    let sink = Kept::default();
    let framework = over(directory.path())
        .authorizer(Denies)
        .log_sink(sink.clone())
        .log_level(LogLevel::Warn)
        .open()
        .await
        .unwrap();
    framework.submit(caller(), of_ticket("a,b", "reboot", "ticket-5")).await.unwrap_err();
    framework.shutdown(LIMIT).await;
    let records = sink.records();
    assert!(records.iter().all(|record| record.level >= LogLevel::Warn), "{records:?}");
    let denied = sink.with("denied").remove(0);
    assert_eq!(denied.correlation_id, Some(CorrelationId::new("ticket-5").unwrap()));
    assert_eq!((denied.execution_id, denied.operation.as_deref()), (None, Some("command.execute")));
    for (field, value) in [("user", "tester"), ("action", "reboot"), ("reason", "not you")] {
        assert_eq!(denied.fields[field], value, "{denied:?}");
    }
}

fn tool(targets: &str) -> ExecutionRequest {
    let tool = ToolAction {
        name: "users".into(),
        parameters: json!({"password": "canary-1"}).as_object().unwrap().clone(),
        sensitive: vec!["/password".into()],
        ..ToolAction::default()
    };
    ExecutionRequest::new(Action::Task(tool), TargetExpression::new(targets))
}

/// R5.6, R7.4: a panic with the place where it happened and the calls, an error of a plugin with its stack, a chain of causes;
/// none of them with a secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_logged_with_full_diagnostics() {
    pabawi::log::note_panics();
    let directory = tempfile::tempdir().unwrap();
    let sink = Kept::default();
    let name = |name: &str| pabawi::PluginName::new(name).unwrap();
    let plugin = ScriptedPlugin::new(name("bolt"))
        .node(&"a".parse().unwrap(), NodeScript::new().panics())
        .node(&"b".parse().unwrap(), NodeScript::new());
    let framework = over(directory.path())
        .unknown_names(pabawi::inventory::UnknownNames::AreNodes)
        .plugin(plugin.clone(), json!({}))
        .log_sink(sink.clone())
        .open()
        .await
        .unwrap();
    let mut request = tool("a");
    request.correlation_id = Some(CorrelationId::new("ticket-7").unwrap());
    framework.execute(caller(), request).await.unwrap();
    plugin.next_run(Conduct::Says(pabawi::ErrorCode::ToolFailed, "at f (plugin.js:1) canary-1".to_owned()));
    framework.execute(caller(), tool("b")).await.unwrap();
    framework.execute(caller(), of_ticket("ssh://127.0.0.1:1", "true", "ticket-8")).await.unwrap();
    framework.shutdown(LIMIT).await;
    let of = |node: &str| {
        let all = sink.records().into_iter();
        let mut of = all.filter(|record| {
            record.fields.get("node") == Some(&node.into()) && record.level == LogLevel::Warn
        });
        of.next().unwrap_or_else(|| panic!("nothing of {node} in {:#?}", sink.records()))
    };
    let panicked = of("a");
    let stack = panicked.fields["stack"].as_str().unwrap();
    assert!(panicked.message.contains("panicked"), "{panicked:?}");
    assert!(stack.starts_with("panicked at ") && stack.contains("scripted"), "{stack}");
    assert_eq!(
        (panicked.integration.as_deref(), &panicked.fields["code"]),
        (Some("bolt"), &"plugin_fault".into())
    );
    let failed = of("b");
    assert!(failed.fields["stack"].as_str().unwrap().contains("at f (plugin.js:1) ***"), "{failed:?}");
    assert!(!serde_json::to_string(&sink.records()).unwrap().contains("canary"));
}

/// A sink that blocks until it is let go.
#[derive(Clone, Default)]
struct Stuck {
    open: Arc<(Mutex<bool>, Condvar)>,
    kept: Kept,
}

impl LogSink for Stuck {
    fn log(&self, record: &LogRecord) {
        let (open, changed) = &*self.open;
        let _open = changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap();
        self.kept.log(record);
    }
}

/// R10.6: a sink that blocks holds nothing up and costs bounded memory; what is lost is counted, and said when there is room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_blocks_holds_nothing_up_and_what_is_lost_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let sink = Stuck::default();
    let framework = over(directory.path()).log_sink(sink.clone()).open().await.unwrap();
    // More than there is room for.
    let queries = 6_000;
    for _ in 0..queries {
        let breaker = "plugin:bolt".parse().unwrap();
        framework.reset_breaker(&caller(), &breaker).await.unwrap();
    }
    let outcome = framework.execute(caller(), command("a", "echo works")).await.unwrap();
    assert_eq!(outcome.summary.progress.succeeded, 1);
    let stats = framework.log_stats().unwrap();
    assert!(stats.dropped > 1_000 && stats.delivered == 0, "{stats:?}");
    *sink.open.0.lock().unwrap() = true;
    sink.open.1.notify_all();
    wait::until_async("the loss to be said", LIMIT, || !sink.kept.with("dropped").is_empty()).await.unwrap();
    framework.shutdown(LIMIT).await;
    let told: u64 =
        sink.kept.with("were dropped").iter().map(|record| record.fields["dropped"].as_u64().unwrap()).sum();
    let stats = framework.log_stats().unwrap();
    assert_eq!(told, stats.dropped);
    assert_eq!(
        usize::try_from(stats.delivered).unwrap() + sink.kept.with("were dropped").len(),
        sink.kept.records().len()
    );
}

/// Panics for a while.
#[derive(Clone)]
struct Breaks {
    times: Arc<AtomicUsize>,
    kept: Kept,
}

impl LogSink for Breaks {
    fn log(&self, record: &LogRecord) {
        let left = self.times.load(Ordering::Relaxed);
        if left > 0 {
            self.times.store(left - 1, Ordering::Relaxed);
            panic!("the sink breaks");
        }
        self.kept.log(record);
    }
}

/// R10.6: a sink that panics now and then goes on; one that always does is given nothing any more; no run is hurt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_panics_hurts_no_run() {
    for (times, goes_on) in [(2, true), (usize::MAX, false)] {
        let directory = tempfile::tempdir().unwrap();
        let sink = Breaks { times: Arc::new(times.into()), kept: Kept::default() };
        let framework = over(directory.path()).log_sink(sink.clone()).open().await.unwrap();
        for _ in 0..10 {
            let outcome = framework.execute(caller(), command("a,b", "true")).await.unwrap();
            assert_eq!(outcome.summary.progress.succeeded, 2);
        }
        framework.shutdown(LIMIT).await;
        let stats = framework.log_stats().unwrap();
        if goes_on {
            assert_eq!((stats.panics, sink.kept.with("execution finished").len()), (2, 10), "{stats:?}");
        } else {
            assert!(stats.panics == 10 && stats.dropped > 5 && stats.delivered == 0, "{stats:?}");
        }
    }
}

/// R5.1: a host with a subscriber of its own adds the layer to it, and other layers see what they saw.
#[test]
fn the_layer_stands_beside_those_of_the_host() {
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::{Layer, Registry};

    struct Seen(Arc<AtomicBool>);
    impl<S: tracing::Subscriber> Layer<S> for Seen {
        fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            self.0.fetch_or(event.metadata().target() == "host", Ordering::Relaxed);
        }
    }
    let seen = Arc::new(AtomicBool::new(false));
    let subscriber = Registry::default().with(pabawi::log::layer()).with(Seen(Arc::clone(&seen)));
    tracing::subscriber::with_default(subscriber, || tracing::trace!(target: "host", "not ours"));
    assert!(seen.load(Ordering::Relaxed));
}

/// R5.1
#[test]
fn the_words_of_entry_points_are_those_that_are_stored() {
    for entry in [
        EntryPoint::Rust,
        EntryPoint::Cli,
        EntryPoint::Node,
        EntryPoint::C,
        EntryPoint::Plugin,
        EntryPoint::Scheduled,
    ] {
        assert_eq!(serde_json::to_value(entry).unwrap(), entry.as_str());
    }
}

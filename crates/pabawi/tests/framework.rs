//! The framework as a program uses it, over real sshd.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "what a test's own functions meet is the test's failure; the example writes to standard output"
)]

use std::sync::Arc;
use std::time::Duration;

use pabawi::inventory::FileInventory;
use pabawi::ssh::{SshConfig, SshSettings};
use pabawi::{
    Action, AllowAll, Caller, CommandAction, EntryPoint, ExecutionQuery, ExecutionRequest, ExecutionStatus,
    Framework, FrameworkBuilder, PluginName, StreamKind, SubmitError, TargetExpression,
};
use pabawi_testkit::fleet::Fleet;

#[allow(dead_code, reason = "the example's own main is not run here")]
#[path = "../examples/run_command.rs"]
mod example;

#[allow(dead_code, reason = "the example's own main is not run here")]
#[path = "../examples/plugin.rs"]
mod plugin_example;

fn caller() -> Caller {
    Caller { user: "ops".to_owned(), entry_point: EntryPoint::Rust }
}

fn request(command: &str, targets: &str) -> ExecutionRequest {
    ExecutionRequest::new(Action::Command(CommandAction::new(command)), TargetExpression::new(targets))
}

/// A framework that reaches the fleet, with its database in the fleet's directory.
fn over(fleet: &Fleet, directory: &tempfile::TempDir) -> FrameworkBuilder {
    let mut ssh = SshSettings::default();
    ssh.config = Arc::new(SshConfig::load(fleet.ssh_config()).expect("the fleet's ssh_config"));
    Framework::builder().authorizer(AllowAll).database(directory.path().join("executions.db")).ssh(ssh)
}

/// R1.1, R1.2, R1.3, R8.4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_runs_a_command_on_real_nodes_and_history_knows_it() {
    let fleet = Fleet::builder().nodes(3).start().expect("starts");
    let directory = tempfile::tempdir().unwrap();
    let framework = over(&fleet, &directory).open().await.expect("opens");
    let names: Vec<&str> = fleet.nodes().iter().map(|node| node.name.as_str()).collect();
    let summary = example::run_command(&framework, &names.join(","), "echo same").await.expect("runs");
    assert_eq!((summary.status, summary.progress.succeeded), (ExecutionStatus::Completed, 3));

    let page = framework.executions(&caller(), &ExecutionQuery::default()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    let id = page.items.first().unwrap().id;
    let groups = framework.output_groups(&caller(), id, StreamKind::Stdout).await.unwrap();
    assert_eq!(groups.len(), 1);
    let group = groups.first().unwrap();
    assert_eq!(group.nodes.len(), 3);
    let hash = group.output.expect("it printed something").hash;
    let chunk = framework.output(&caller(), hash, 0, 1024).await.unwrap().expect("is stored");
    assert_eq!(chunk.data.as_ref(), b"same\n");
    assert_eq!(framework.attempts(&caller(), id, None).await.unwrap().len(), 3);

    // A second command goes over the connections that stand.
    example::run_command(&framework, &names.join(","), "true").await.expect("runs");
    let stats = framework.stats();
    let (_, pool) = stats.transports.iter().find(|(name, _)| name == "ssh").expect("there is SSH");
    assert_eq!((pool.connects, pool.hits), (3, 3), "{pool:?}");
    framework.shutdown(Duration::from_secs(5)).await;
}

struct Nowhere;

impl pabawi::log::LogSink for Nowhere {
    fn log(&self, _: &pabawi::log::LogRecord) {}
}

/// R10.6: a sink that nothing would come to is told at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_sink_needs_a_subscriber() {
    let directory = tempfile::tempdir().unwrap();
    let builder = Framework::builder().database(directory.path().join("e.db")).ssh(SshSettings::default());
    let Err(error) = builder.log_sink(Nowhere).open().await else { unreachable!("nobody listens here") };
    let text = error.to_string();
    assert!(text.contains("logSink") && text.contains("pabawi::log::install()"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_authorizer_nothing_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let builder = Framework::builder().database(directory.path().join("e.db")).ssh(SshSettings::default());
    let framework = builder.open().await.expect("opens");
    let error = framework.submit(caller(), request("true", "a")).await.unwrap_err();
    assert!(matches!(error, SubmitError::Denied { .. }), "{error}");
    assert!(framework.executions(&caller(), &ExecutionQuery::default()).await.is_err());
    framework.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inventory_decides_which_names_are_known() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("nodes.yaml");
    std::fs::write(&file, "nodes: {a: {transport: local}, b: {transport: local}}\ngroups: {g: [a, b]}\n")
        .unwrap();
    let framework = Framework::builder()
        .authorizer(AllowAll)
        .database(directory.path().join("e.db"))
        .ssh(SshSettings::default())
        .inventory(FileInventory::inventory_file(&file, 0))
        .open()
        .await
        .expect("opens");
    let outcome = framework.execute(caller(), request("true", "@g")).await.expect("runs");
    assert_eq!(outcome.summary.progress.succeeded, 2);
    let error = framework.submit(caller(), request("true", "c")).await.unwrap_err();
    assert!(error.to_string().contains("unknown node c"), "{error}");
    std::fs::write(&file, "nodes: {c: {transport: local}}\n").unwrap();

    let targets = framework.resolve(&TargetExpression::new("all")).await.expect("selects");
    assert_eq!(targets.len(), 1);
    assert_eq!(targets.first().unwrap().endpoint.transport, PluginName::new("local").ok());
    framework.shutdown(Duration::from_secs(1)).await;
}

/// R6.1, R6.2, R9.7: the example of docs/plugins.md, as it stands there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_of_a_plugin_does_a_task_on_many_nodes() {
    let directory = tempfile::tempdir().unwrap();
    let open = |config| {
        let database = directory.path().join("executions.db");
        Framework::builder()
            .authorizer(AllowAll)
            .database(database)
            .ssh(SshSettings::default())
            .plugin(plugin_example::Greeter::default(), config)
    };
    let framework = open(serde_json::json!({"greeting": "Hello"})).open().await.expect("opens");
    let summary = plugin_example::greet(&framework, "web[01-20]").await.expect("runs");
    assert_eq!((summary.status, summary.progress.succeeded), (ExecutionStatus::Completed, 20));
    let page = framework.executions(&caller(), &ExecutionQuery::default()).await.unwrap();
    let id = page.items.first().unwrap().id;
    let groups = framework.output_groups(&caller(), id, StreamKind::Stdout).await.unwrap();
    let hash = groups.first().unwrap().output.expect("it printed something").hash;
    let chunk = framework.output(&caller(), hash, 0, 1024).await.unwrap().expect("is stored");
    assert!(chunk.data.as_ref().starts_with(b"Hello the world from web"), "{chunk:?}");
    let runs = framework.stats().tool_runs;
    assert!(
        runs.iter().any(|(name, runs)| name == "greet" && runs.nodes == 20 && runs.runs < 20),
        "{runs:?}"
    );
    let names: Vec<String> = framework.capabilities().into_iter().map(|one| one.capability.name).collect();
    assert!(names.contains(&"task.execute".to_owned()) && names.contains(&"command.execute".to_owned()));
    framework.shutdown(Duration::from_secs(5)).await;

    let bad = open(serde_json::json!({"greeting": ""})).open().await.expect("opens all the same");
    let error = plugin_example::greet(&bad, "web01").await.unwrap_err().to_string();
    assert!(error.contains("config.greeting"), "{error}");
    bad.shutdown(Duration::from_secs(5)).await;
}

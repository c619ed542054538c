//! Calls about plugins, and about the framework itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::host_database::{MirrorHealth, MirrorState};
use crate::journal::RetentionHealth;
use crate::log::LogStats;
use crate::metrics::MetricsSnapshot;
use crate::plugin::{CapabilityCall, PluginStatus, ProvidedCapability};
use crate::ports::{PoolStats, ToolRunStats};
use crate::ssh::SshConfig;
use crate::{
    Caller, CorrelationId, Framework, MemoryStats, NodeId, PluginName, ShutdownReport, ValidationError,
    external,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::builder::tool;
use super::calls::Nothing;
use super::failure::Failure;
use super::options::{ExternalPluginOptions, ToolOptions};

/// What runs may take to end by themselves when nothing else is said.
const DEADLINE_MS: u64 = 10_000;

/// Whose health.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "HealthRequest")]
pub(super) struct Health {
    /// Only that of this plugin.
    #[serde(default)]
    plugin: Option<PluginName>,
}

/// A question that a plugin answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "CallCapabilityRequest")]
pub(super) struct CallCapability {
    /// The capability: `task.list`.
    capability: String,
    /// The plugin; the one that goes first when absent.
    #[serde(default)]
    plugin: Option<PluginName>,
    /// Its parameters.
    #[serde(default)]
    parameters: Map<String, Value>,
    /// The nodes it is about.
    #[serde(default)]
    nodes: Vec<NodeId>,
    /// Follows this request through logs and records.
    #[serde(default)]
    correlation_id: Option<CorrelationId>,
}

/// It was done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Done {}

/// How the engine stands.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stats {
    /// Executions that wait in the queue.
    queued_executions: usize,
    /// Executions that wait or run.
    live_executions: usize,
    /// Nodes that run.
    node_runs: usize,
    /// Why the store cannot write now, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    store_trouble: Option<String>,
    /// Transactions of the store since the start.
    store_commits: u64,
    /// Writes in them.
    store_writes: u64,
    /// How the output in memory stands against its budget.
    memory: MemoryStats,
    /// Connections by transport.
    transports: BTreeMap<String, PoolStats>,
    /// Runs of tools by plugin.
    tool_runs: BTreeMap<String, ToolRunStats>,
    /// How the way to the logger stands; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<LogStats>,
    /// How the mirror in the host's database goes; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    mirror: Option<Mirror>,
    /// How telling the host's journal service goes; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    host_journal: Option<Mirror>,
    /// How removing what is old goes; absent without a schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<Retention>,
}

/// How the mirror in the host's database goes, or telling its journal service.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "MirrorStats")]
struct Mirror {
    /// What it does.
    state: MirrorKind,
    /// Executions and journal entries that are not there yet.
    waiting: u64,
    /// Rows or entries written since the start.
    written: u64,
    /// Rows or entries that were left out; the log names them.
    refused: u64,
    /// Attempts that failed since the last one that did not.
    failures: u32,
    /// Attempts that failed since the start.
    all_failures: u64,
    /// Why the last one failed; absent when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

/// What a mirror does.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "MirrorState")]
enum MirrorKind {
    /// It brings over what it found.
    CatchingUp,
    /// Everything is there.
    CaughtUp,
    /// The host or the store fails; it is tried again.
    Failing,
    /// It was ended.
    Ended,
}

/// How removing what is old goes in this process.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RetentionStats")]
struct Retention {
    /// How often it was carried out.
    worked: u64,
    /// How often that failed.
    failed: u64,
    /// Why the last time failed; absent when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// Journal entries removed.
    entries: u64,
    /// Executions removed.
    executions: u64,
    /// Outputs removed.
    outputs: u64,
}

impl From<MirrorHealth> for Mirror {
    fn from(health: MirrorHealth) -> Self {
        let state = match health.state {
            MirrorState::CatchingUp => MirrorKind::CatchingUp,
            MirrorState::CaughtUp => MirrorKind::CaughtUp,
            MirrorState::Failing => MirrorKind::Failing,
            MirrorState::Ended => MirrorKind::Ended,
        };
        let MirrorHealth { waiting, written, refused, failures, all_failures, last_error, .. } = health;
        Self { state, waiting, written, refused, failures, all_failures, last_error }
    }
}

impl From<RetentionHealth> for Retention {
    fn from(health: RetentionHealth) -> Self {
        let RetentionHealth { worked, failed, last_error, removed } = health;
        let (entries, executions, outputs) = (removed.entries, removed.executions, removed.outputs);
        Self { worked, failed, last_error, entries, executions, outputs }
    }
}

/// How the end is made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ShutdownRequest")]
pub(super) struct Shutdown {
    /// Milliseconds that runs have to end by themselves; 10,000 when absent.
    #[serde(default)]
    #[schemars(range(max = 86_400_000))]
    deadline_ms: Option<u64>,
}

pub(super) async fn capabilities(
    framework: &Framework,
    caller: Caller,
    _: Nothing,
) -> Result<Vec<ProvidedCapability>, Failure> {
    Ok(framework.capabilities_of(&caller).await)
}

pub(super) async fn list(
    framework: &Framework,
    caller: Caller,
    _: Nothing,
) -> Result<Vec<PluginStatus>, Failure> {
    Ok(framework.plugins_for(&caller).await?)
}

pub(super) async fn health(
    framework: &Framework,
    caller: Caller,
    with: Health,
) -> Result<Vec<PluginStatus>, Failure> {
    let asked = framework.plugin_health(&caller, with.plugin.as_ref()).await?;
    match with.plugin {
        Some(name) if asked.is_empty() => {
            Err(ValidationError::of("plugin", format!("there is no plugin named {name}")).into())
        }
        _ => Ok(asked),
    }
}

pub(super) async fn call(
    framework: &Framework,
    caller: Caller,
    with: CallCapability,
) -> Result<Value, Failure> {
    let CallCapability { capability, plugin, parameters, nodes, correlation_id } = with;
    let call = CapabilityCall { plugin, capability, parameters, nodes, correlation_id };
    Ok(framework.call(&caller, call).await?)
}

/// Another instance of a tool's plugin.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ReloadToolRequest")]
pub(super) struct ReloadTool {
    /// The tool, with its configuration.
    tool: ToolOptions,
}

/// Another instance of a program that is a plugin.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ReloadExternalRequest")]
pub(super) struct ReloadExternal {
    /// The program, with its configuration.
    plugin: ExternalPluginOptions,
}

pub(super) async fn reload_tool(
    framework: &Framework,
    caller: Caller,
    with: ReloadTool,
) -> Result<Done, Failure> {
    let (plugin, config) = tool(with.tool)?;
    framework.reload_plugin(&caller, plugin, config).await?;
    Ok(Done {})
}

pub(super) async fn reload_external(
    framework: &Framework,
    caller: Caller,
    with: ReloadExternal,
) -> Result<Done, Failure> {
    // The program is run to ask what it is.
    framework.may_reload_plugins(&caller).await?;
    let ExternalPluginOptions { program, config } = with.plugin;
    let plugin = external::load(program)
        .await
        .map_err(|error| ValidationError::of("plugin.program", error.to_string()))?;
    framework.reload_plugin(&caller, Arc::new(plugin), Value::Object(config)).await?;
    Ok(Done {})
}

/// How nodes are reached over SSH from now on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "UseSshConfigRequest")]
pub(super) struct UseSshConfig {
    /// An OpenSSH client configuration, by its path.
    path: PathBuf,
}

pub(super) async fn use_ssh_config(
    framework: &Framework,
    caller: Caller,
    with: UseSshConfig,
) -> Result<Done, Failure> {
    // Before a file is read that they name.
    framework.may_reload_plugins(&caller).await?;
    let config =
        SshConfig::load(&with.path).map_err(|error| ValidationError::of("path", error.to_string()))?;
    framework.use_ssh_config(&caller, config).await?;
    Ok(Done {})
}

pub(super) async fn stats(framework: &Framework, _: Caller, _: Nothing) -> Result<Stats, Failure> {
    let stats = framework.stats();
    Ok(Stats {
        queued_executions: stats.queued_executions,
        live_executions: stats.live_executions,
        node_runs: stats.node_runs,
        store_trouble: stats.store_trouble,
        store_commits: stats.store_commits,
        store_writes: stats.store_writes,
        memory: stats.memory,
        transports: stats.transports.into_iter().collect(),
        tool_runs: stats.tool_runs.into_iter().collect(),
        log: framework.log_stats(),
        mirror: framework.mirror_health().map(Mirror::from),
        host_journal: framework.host_journal_health().map(Mirror::from),
        retention: framework.retention_health().map(Retention::from),
    })
}

pub(super) async fn metrics(
    framework: &Framework,
    _: Caller,
    _: Nothing,
) -> Result<MetricsSnapshot, Failure> {
    Ok(framework.metrics())
}

pub(super) async fn prometheus(framework: &Framework, _: Caller, _: Nothing) -> Result<String, Failure> {
    Ok(framework.metrics_prometheus())
}

pub(super) async fn shutdown(
    framework: &Framework,
    _: Caller,
    with: Shutdown,
) -> Result<ShutdownReport, Failure> {
    Ok(framework.shutdown(Duration::from_millis(with.deadline_ms.unwrap_or(DEADLINE_MS))).await)
}

//! Calls about executions.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ports::TerminateMode;
use crate::{
    AttemptRecord, BreakerStatus, Caller, CancelReceipt, CancelScope, Component, ContentHash, ExecutionId,
    ExecutionOutcome, ExecutionQuery, ExecutionRecord, ExecutionRequest, ExecutionTotals, Framework, NodeId,
    OutputChunk, OutputGroup, Page, ProgressReport, RerunOptions, RerunSecrets, RerunSelection, Resumed,
    SlowReport, StreamKind, TargetQuery, TargetRecord, TargetState,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::calls::Nothing;
use super::failure::Failure;

/// Time between SIGTERM and SIGKILL when nothing else is said.
const GRACE_MS: u64 = 2_000;

/// Bytes of an output that are told at once when nothing else is said, and at most.
const OUTPUT_BYTES: (u32, u32) = (1024 * 1024, 16 * 1024 * 1024);

/// One execution, or one run of a graph.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OfExecution {
    /// Its id.
    pub(super) id: ExecutionId,
}

/// How processes are ended: at once, or gracefully with so many milliseconds between SIGTERM and SIGKILL.
pub(super) fn mode(kill: bool, grace_ms: Option<u64>) -> TerminateMode {
    let grace = Duration::from_millis(grace_ms.unwrap_or(GRACE_MS));
    if kill { TerminateMode::Kill } else { TerminateMode::Graceful { grace } }
}

/// What is to be ended.
///
/// Its fields are written out, so that one with a slip in its name is refused: without `nodes`, all are ended.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "CancelRequest")]
pub(super) struct Cancel {
    /// The execution.
    id: ExecutionId,
    /// Only these of its nodes.
    #[serde(default)]
    nodes: Option<Vec<NodeId>>,
    /// At once, with SIGKILL.
    #[serde(default)]
    kill: bool,
    /// Milliseconds between SIGTERM and SIGKILL; 2,000 when absent.
    #[serde(default)]
    #[schemars(range(max = 3_600_000))]
    grace_ms: Option<u64>,
}

/// What is to be run again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "RerunRequest")]
pub(super) struct Rerun {
    /// The execution.
    id: ExecutionId,
    /// On which of its nodes.
    selection: RerunSelection,
    /// Its secrets, which were not stored.
    #[serde(default)]
    secrets: RerunSecrets,
}

/// What is to go on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ResumeRequest")]
pub(super) struct Resume {
    /// The execution whose process died.
    pub(super) id: ExecutionId,
    /// Also where nobody knows what came of it.
    #[serde(default)]
    pub(super) rerun_unknown: bool,
    /// Its secrets, which were not stored.
    #[serde(default)]
    pub(super) secrets: RerunSecrets,
}

/// Which targets of an execution.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "TargetsRequest")]
pub(super) struct Targets {
    /// The execution.
    id: ExecutionId,
    /// These nodes; empty for all.
    #[serde(default)]
    nodes: Vec<NodeId>,
    /// In this state.
    #[serde(default)]
    state: Option<TargetState>,
    /// With these outcomes, by the words that outcomes have; empty for all.
    #[serde(default)]
    outcomes: BTreeSet<String>,
    /// At most this many, 1 to 10,000; 1,000 when absent.
    #[serde(default)]
    limit: Option<u32>,
    /// From the page before.
    #[serde(default)]
    cursor: Option<String>,
}

/// Which attempts of an execution.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AttemptsRequest")]
pub(super) struct Attempts {
    /// The execution.
    id: ExecutionId,
    /// Only those of this node.
    #[serde(default)]
    node: Option<NodeId>,
}

/// A part of an output.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "OutputRequest")]
pub(super) struct Output {
    /// The output.
    hash: ContentHash,
    /// From which byte of what is kept; 0 when absent.
    #[serde(default)]
    offset: u64,
    /// How many bytes at most; 1 MiB when absent, no more than 16 MiB.
    #[serde(default)]
    #[schemars(range(min = 1, max = 16_777_216))]
    max_bytes: Option<u32>,
}

/// The targets of an execution by equal output.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "OutputGroupsRequest")]
pub(super) struct OutputGroups {
    /// The execution.
    id: ExecutionId,
    /// Of which stream.
    stream: StreamKind,
}

/// Where the time of an execution went.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ExplainSlowRequest")]
pub(super) struct ExplainSlow {
    /// The execution.
    id: ExecutionId,
    /// How many of the slowest nodes are named; 10 when absent.
    #[serde(default)]
    #[schemars(range(max = 10_000))]
    most: Option<u16>,
}

/// A circuit breaker.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ResetBreakerRequest")]
pub(super) struct ResetBreaker {
    /// What it protects: `plugin:ssh`, `node:web1`, `group:web`.
    component: Component,
}

pub(super) async fn submit(
    framework: &Framework,
    caller: Caller,
    request: ExecutionRequest,
) -> Result<ExecutionId, Failure> {
    Ok(framework.submit(caller, request).await?)
}

pub(super) async fn wait(
    framework: &Framework,
    caller: Caller,
    with: OfExecution,
) -> Result<ExecutionOutcome, Failure> {
    Ok(framework.wait(&caller, with.id).await?)
}

pub(super) async fn get(
    framework: &Framework,
    caller: Caller,
    with: OfExecution,
) -> Result<ExecutionRecord, Failure> {
    Ok(framework.status(&caller, with.id).await?)
}

pub(super) async fn progress(
    framework: &Framework,
    caller: Caller,
    with: OfExecution,
) -> Result<ProgressReport, Failure> {
    Ok(framework.progress(&caller, with.id).await?)
}

pub(super) async fn cancel(
    framework: &Framework,
    caller: Caller,
    with: Cancel,
) -> Result<CancelReceipt, Failure> {
    let scope = with.nodes.map_or(CancelScope::All, CancelScope::Nodes);
    Ok(framework.cancel(&caller, with.id, scope, mode(with.kill, with.grace_ms)).await?)
}

pub(super) async fn rerun(
    framework: &Framework,
    caller: Caller,
    with: Rerun,
) -> Result<ExecutionId, Failure> {
    let options = RerunOptions { secrets: with.secrets, ..RerunOptions::default() };
    Ok(framework.rerun(caller, with.id, with.selection, options).await?)
}

pub(super) async fn resume(framework: &Framework, caller: Caller, with: Resume) -> Result<Resumed, Failure> {
    Ok(framework.resume(caller, with.id, with.rerun_unknown, with.secrets).await?)
}

pub(super) async fn list(
    framework: &Framework,
    caller: Caller,
    query: ExecutionQuery,
) -> Result<Page<ExecutionRecord>, Failure> {
    Ok(framework.executions(&caller, &query).await?)
}

pub(super) async fn totals(
    framework: &Framework,
    caller: Caller,
    query: ExecutionQuery,
) -> Result<ExecutionTotals, Failure> {
    Ok(framework.totals(&caller, &query).await?)
}

pub(super) async fn targets(
    framework: &Framework,
    caller: Caller,
    with: Targets,
) -> Result<Page<TargetRecord>, Failure> {
    let Targets { id, nodes, state, outcomes, limit, cursor } = with;
    let query = TargetQuery { nodes, state, outcomes, limit, cursor };
    Ok(framework.targets(&caller, id, &query).await?)
}

pub(super) async fn attempts(
    framework: &Framework,
    caller: Caller,
    with: Attempts,
) -> Result<Vec<AttemptRecord>, Failure> {
    Ok(framework.attempts(&caller, with.id, with.node.as_ref()).await?)
}

pub(super) async fn output(
    framework: &Framework,
    caller: Caller,
    with: Output,
) -> Result<Option<OutputChunk>, Failure> {
    let (usual, most) = OUTPUT_BYTES;
    let bytes = with.max_bytes.unwrap_or(usual).min(most);
    Ok(framework.output(&caller, with.hash, with.offset, bytes).await?)
}

pub(super) async fn output_groups(
    framework: &Framework,
    caller: Caller,
    with: OutputGroups,
) -> Result<Vec<OutputGroup>, Failure> {
    Ok(framework.output_groups(&caller, with.id, with.stream).await?)
}

pub(super) async fn explain_slow(
    framework: &Framework,
    caller: Caller,
    with: ExplainSlow,
) -> Result<SlowReport, Failure> {
    Ok(framework.explain_slow(&caller, with.id, with.most.unwrap_or(10).into()).await?)
}

pub(super) async fn breakers(
    framework: &Framework,
    caller: Caller,
    _: Nothing,
) -> Result<Vec<BreakerStatus>, Failure> {
    Ok(framework.breakers(&caller).await?)
}

pub(super) async fn reset_breaker(
    framework: &Framework,
    caller: Caller,
    with: ResetBreaker,
) -> Result<bool, Failure> {
    Ok(framework.reset_breaker(&caller, &with.component).await?)
}

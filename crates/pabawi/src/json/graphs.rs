//! Calls about task graphs.

use crate::graph::{GraphQuery, GraphRunRecord, GraphView, ResumeOptions, TaskGraph, check_graph};
use crate::{Caller, ExecutionId, Framework, Page};
use schemars::JsonSchema;
use serde::Deserialize;

use super::executions::{OfExecution, Resume, mode};
use super::failure::Failure;

/// Which run is to be ended.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "CancelGraphRequest")]
pub(super) struct Cancel {
    /// The run.
    id: ExecutionId,
    /// At once, with SIGKILL.
    #[serde(default)]
    kill: bool,
    /// Milliseconds between SIGTERM and SIGKILL; 2,000 when absent.
    #[serde(default)]
    #[schemars(range(max = 3_600_000))]
    grace_ms: Option<u64>,
}

pub(super) async fn run(
    framework: &Framework,
    caller: Caller,
    graph: TaskGraph,
) -> Result<ExecutionId, Failure> {
    let (id, _events) = framework.graphs().submit(caller, check_graph(graph)?).await?;
    Ok(id)
}

pub(super) async fn get(
    framework: &Framework,
    caller: Caller,
    with: OfExecution,
) -> Result<GraphView, Failure> {
    Ok(framework.graphs().status(&caller, with.id).await?)
}

pub(super) async fn wait(
    framework: &Framework,
    caller: Caller,
    with: OfExecution,
) -> Result<GraphView, Failure> {
    Ok(framework.graphs().wait(&caller, with.id).await?)
}

pub(super) async fn list(
    framework: &Framework,
    caller: Caller,
    query: GraphQuery,
) -> Result<Page<GraphRunRecord>, Failure> {
    Ok(framework.graphs().list(&caller, &query).await?)
}

pub(super) async fn cancel(framework: &Framework, caller: Caller, with: Cancel) -> Result<bool, Failure> {
    Ok(framework.graphs().cancel(&caller, with.id, mode(with.kill, with.grace_ms)).await?)
}

pub(super) async fn resume(
    framework: &Framework,
    caller: Caller,
    with: Resume,
) -> Result<ExecutionId, Failure> {
    let options = ResumeOptions { rerun_unknown: with.rerun_unknown, secrets: with.secrets };
    Ok(framework.graphs().resume(caller, with.id, options).await?.id())
}

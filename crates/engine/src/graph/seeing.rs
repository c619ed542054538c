//! Whether a caller may see a graph run or give orders about it. Where the authorizer decides about nodes, it is asked with
//! those on which the run's tasks have run and are to run; lists leave out what it denies.

use std::collections::BTreeSet;

use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::request::Caller;
use pabawi_domain::task::{GraphRunRecord, TaskRecord, TaskStatus};
use tracing::Instrument as _;

use crate::authorize::Denial;
use crate::graph::error::GraphError;
use crate::graph::graphs::Graphs;
use crate::graph::targets::is_known_later;

/// Looking at one run.
const SHOW: &str = "graphs.show";

/// The nodes of a run, or why nobody can tell them.
type Nodes = Result<Vec<NodeId>, String>;

impl Graphs {
    /// Whether the caller may do this with these nodes.
    pub(super) async fn may_on(
        &self,
        caller: &Caller,
        capability: &str,
        nodes: &[NodeId],
    ) -> Result<(), GraphError> {
        let shared = &self.shared.engine.shared;
        let answer = shared.gate.ask_on(caller, capability, nodes).instrument(shared.span.clone()).await;
        answer.map_err(|Denial { reason }| denied(capability, reason))
    }

    /// Whether the caller may do this to a run, on every one of its nodes.
    pub(super) async fn may_about(
        &self,
        caller: &Caller,
        capability: &str,
        id: ExecutionId,
    ) -> Result<(), GraphError> {
        let nodes = self.nodes_of(id).await?.map_err(|why| denied(capability, why))?;
        self.may_on(caller, capability, &nodes).await
    }

    /// Those of the runs that the caller may look at.
    pub(super) async fn seen(
        &self,
        caller: &Caller,
        runs: Vec<GraphRunRecord>,
    ) -> Result<Vec<GraphRunRecord>, GraphError> {
        let engine = &self.shared.engine;
        if !engine.looks_at_nodes() {
            return Ok(runs);
        }
        let mut seen = Vec::with_capacity(runs.len());
        for run in runs {
            // What is left out of a list is no attempt, so it is neither logged nor journalled.
            if let Ok(nodes) = self.nodes_of(run.id).await?
                && engine.shared.gate.ask_quietly(caller, SHOW, &nodes).await.is_ok()
            {
                seen.push(run);
            }
        }
        Ok(seen)
    }

    /// The nodes of a run, where anybody wants to know them: those of the executions of its tasks, and of tasks without
    /// any those that their targets are now. What a prerequisite will tell is asked about when its task starts.
    async fn nodes_of(&self, id: ExecutionId) -> Result<Nodes, GraphError> {
        let (engine, store) = (&self.shared.engine, &self.shared.store);
        let mut nodes = BTreeSet::new();
        if !engine.looks_at_nodes() {
            return Ok(Ok(Vec::new()));
        }
        let graph = store.graph_of_run(id).await?.ok_or(GraphError::NotFound(id))?;
        for (task, TaskRecord { status, executions, .. }) in
            graph.tasks.iter().zip(store.graph_tasks(id).await?)
        {
            for execution in &executions {
                nodes.extend(engine.nodes_asked_about(*execution).await?);
            }
            let expression = &task.request.targets;
            if !executions.is_empty() || is_known_later(expression) {
                continue;
            }
            let may_start =
                matches!(status, TaskStatus::Queued | TaskStatus::Running | TaskStatus::Interrupted);
            match engine.shared.resolver.resolve(expression).await {
                Ok(targets) => nodes.extend(targets.into_iter().map(|target| target.node)),
                Err(error) if may_start => {
                    return Ok(Err(format!("the nodes of task {} cannot be told: {error}", task.name)));
                }
                Err(_) => {}
            }
        }
        Ok(Ok(nodes.into_iter().collect()))
    }
}

fn denied(capability: &str, reason: String) -> GraphError {
    GraphError::Denied { capability: capability.to_owned(), reason }
}

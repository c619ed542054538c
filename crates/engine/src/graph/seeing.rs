//! Whether a caller may see a graph run or give orders about it. Where the authorizer decides about nodes, it is asked with
//! those on which the run's tasks have run and are to run; lists leave out what it denies.

use std::collections::BTreeSet;

use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::request::Caller;
use pabawi_domain::task::{GraphRunRecord, TaskRecord, TaskStatus};
use tracing::Instrument as _;

use crate::authorize::Denial;
use crate::denied::{Denied, RUN_GRAPH, no_nodes};
use crate::graph::error::GraphError;
use crate::graph::graphs::Graphs;
use crate::graph::targets::is_known_later;

/// Looking at one run.
const SHOW: &str = "graphs.show";

/// The nodes of a run, and why nobody can tell all of them, where it is so.
type Nodes = (Vec<NodeId>, Option<String>);

impl Graphs {
    /// Whether the caller may do this with these nodes.
    pub(super) async fn may_on(
        &self,
        caller: &Caller,
        capability: &str,
        nodes: &[NodeId],
    ) -> Result<(), GraphError> {
        let answer = self.shared.engine.ask_on(caller, capability, nodes, no_nodes()).await;
        answer.map_err(|Denial { reason }| denied(capability, reason))
    }

    /// Whether the caller may do this to a run, on every one of its nodes.
    pub(super) async fn may_about(
        &self,
        caller: &Caller,
        capability: &str,
        id: ExecutionId,
    ) -> Result<(), GraphError> {
        let engine = &self.shared.engine;
        let (nodes, unknown) = match engine.looks_at_nodes() {
            true => self.nodes_of(id).await?,
            false => Nodes::default(),
        };
        if let Some(why) = unknown {
            self.tell(&Denied::of(caller, capability, &nodes, &why)).await;
            return Err(denied(capability, why));
        }
        let answer = engine.ask_on(caller, capability, &nodes, self.nodes_told_of(id)).await;
        answer.map_err(|Denial { reason }| denied(capability, reason))
    }

    /// Tells of a graph where it is the command policy that refuses it.
    pub(super) async fn tell_refused(&self, caller: &Caller, nodes: &[NodeId], error: &GraphError) {
        if let GraphError::NotAllowed(refused) = error {
            self.tell(&Denied::of(caller, RUN_GRAPH, nodes, &refused.to_string())).await;
        }
    }

    async fn tell(&self, denied: &Denied<'_>) {
        let shared = &self.shared.engine.shared;
        shared.denied(denied).instrument(shared.span.clone()).await;
    }

    /// The nodes of a run as far as they can be told, to tell of a denial.
    pub(super) async fn nodes_told_of(&self, id: ExecutionId) -> Vec<NodeId> {
        self.nodes_of(id).await.map(|(nodes, _)| nodes).unwrap_or_default()
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
            if let (nodes, None) = self.nodes_of(run.id).await?
                && engine.shared.gate.ask_quietly(caller, SHOW, &nodes).await.is_ok()
            {
                seen.push(run);
            }
        }
        Ok(seen)
    }

    /// The nodes of a run: those of the executions of its tasks, and of tasks without any those that their targets are now. What
    /// a prerequisite will tell is asked about when its task starts.
    async fn nodes_of(&self, id: ExecutionId) -> Result<Nodes, GraphError> {
        let (engine, store) = (&self.shared.engine, &self.shared.store);
        let (mut nodes, mut unknown) = (BTreeSet::new(), None);
        let graph = store.graph_of_run(id).await?.ok_or(GraphError::NotFound(id))?;
        for (task, TaskRecord { status, executions, .. }) in
            graph.tasks.iter().zip(store.graph_tasks(id).await?)
        {
            for execution in &executions {
                nodes.extend(engine.nodes_of(*execution).await?);
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
                    unknown.get_or_insert(format!("the nodes of task {} cannot be told: {error}", task.name));
                }
                Err(_) => {}
            }
        }
        Ok((nodes.into_iter().collect(), unknown))
    }
}

fn denied(capability: &str, reason: String) -> GraphError {
    GraphError::Denied { capability: capability.to_owned(), reason }
}

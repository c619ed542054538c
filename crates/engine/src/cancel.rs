//! Ending executions, whole or single nodes of them (R8.8): [`Engine::cancel`]. Asking twice is the same as
//! asking once. What could not be confirmed on the nodes is reported by their outcomes, not here.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::ports::{CancelRequest, ExecutionStore, TerminateMode};
use pabawi_domain::record::TargetQuery;
use pabawi_domain::request::Caller;
use pabawi_domain::validation::ValidationError;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::dispatcher::{Cancelled, Control};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::registry::{Live, Registry};

/// Nodes in one question to the store, as many as it may answer with.
const NODES_AT_ONCE: usize = 1000;

/// Which targets are to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelScope {
    /// All of them.
    All,
    /// These.
    Nodes(Vec<NodeId>),
}

/// What came of an order to cancel. The order is given; the end is told by the execution's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "receipt", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CancelReceipt {
    /// It runs in this process.
    Ordered {
        /// Waiting targets that will not be started.
        not_started: u64,
        /// Running targets that were told to end, or after a graceful order to end at once. Both are 0 when
        /// there was nothing left to order.
        stopping: u64,
    },
    /// Another process runs it and has been left word in the store.
    Forwarded,
    /// It had ended already.
    AlreadyEnded,
}

/// Ending an execution or some of its nodes.
const CANCEL: &str = "executions.cancel";

impl Engine {
    /// Ends an execution or some of its nodes. Needs `executions.cancel`; the caller's user is recorded as the
    /// one who asked. After a graceful order, one with [`TerminateMode::Kill`] ends at once what is still being
    /// ended.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], [`EngineError::Denied`], [`EngineError::Store`]; [`EngineError::Invalid`] under
    /// `nodes` for nodes that are no targets of it, and then nothing is ended.
    pub async fn cancel(
        &self,
        caller: &Caller,
        id: ExecutionId,
        scope: CancelScope,
        mode: TerminateMode,
    ) -> Result<CancelReceipt, EngineError> {
        let nodes = match scope {
            CancelScope::All => None,
            CancelScope::Nodes(nodes) if nodes.is_empty() => {
                return Err(ValidationError::of("nodes", "must name at least one node").into());
            }
            CancelScope::Nodes(nodes) => Some(nodes),
        };
        match &nodes {
            None => self.may_about(caller, CANCEL, id).await?,
            Some(nodes) => self.may_on(caller, CANCEL, nodes).await?,
        }
        let live = self.shared.registry.get(id);
        live.as_ref().map_or(&self.shared.span, |live| &live.span).in_scope(|| {
            tracing::info!(execution_id = %id, user = caller.user.as_str(), nodes = nodes.as_ref().map(Vec::len),
                kill = mode == TerminateMode::Kill, "cancel requested");
        });
        if let Some(live) = live {
            return match order(&live, nodes, mode, caller.user.clone()).await {
                None => Ok(CancelReceipt::AlreadyEnded),
                Some(Cancelled { unknown, .. }) if !unknown.is_empty() => Err(not_targets(&unknown).into()),
                Some(Cancelled { not_started, stopping, .. }) => {
                    Ok(CancelReceipt::Ordered { not_started, stopping })
                }
            };
        }
        let store = &*self.shared.store;
        let mut record = store.execution(id).await?.ok_or(EngineError::NotFound(id))?;
        if !record.status.is_final() {
            // A process that has died would never read the word that is left for it.
            self.foreign().recover().await;
            record = store.execution(id).await?.ok_or(EngineError::NotFound(id))?;
        }
        if record.status.is_final() {
            return Ok(CancelReceipt::AlreadyEnded);
        }
        if let Some(nodes) = &nodes {
            check_targets(store, id, nodes).await?;
        }
        store.request_cancel(CancelRequest { id, nodes, mode, by: caller.user.clone() }).await?;
        Ok(CancelReceipt::Forwarded)
    }
}

/// Orders a dispatcher to cancel; `None` when it has ended.
pub(crate) async fn order(
    live: &Live,
    nodes: Option<Vec<NodeId>>,
    mode: TerminateMode,
    by: String,
) -> Option<Cancelled> {
    let (taken, answer) = oneshot::channel();
    live.control.send(Control::Cancel { nodes, mode, by, taken }).await.ok()?;
    answer.await.ok()
}

fn not_targets(unknown: &[NodeId]) -> ValidationError {
    let names: Vec<&str> = unknown.iter().take(20).map(NodeId::as_str).collect();
    let more = if unknown.len() > names.len() { ", ..." } else { "" };
    ValidationError::of("nodes", format!("not among the targets: {}{more}", names.join(", ")))
}

async fn check_targets(
    store: &dyn ExecutionStore,
    id: ExecutionId,
    nodes: &[NodeId],
) -> Result<(), EngineError> {
    for some in nodes.chunks(NODES_AT_ONCE) {
        let limit = u32::try_from(some.len()).ok();
        let query = TargetQuery { nodes: some.to_vec(), limit, ..TargetQuery::default() };
        let found = store.targets(id, &query).await?.items;
        let is_target = |node: &&NodeId| found.iter().any(|record| record.target.node == **node);
        let unknown: Vec<NodeId> = some.iter().filter(|node| !is_target(node)).cloned().collect();
        if !unknown.is_empty() {
            return Err(not_targets(&unknown).into());
        }
    }
    Ok(())
}

/// Obeys requests that other processes have left in the store. Looks for them only while something runs here.
pub(crate) async fn poll_requests(registry: Arc<Registry>, store: Arc<dyn ExecutionStore>, every: Duration) {
    let mut count = registry.count();
    let mut failing = false;
    // Ends with the engine, which aborts it.
    loop {
        if count.wait_for(|running| *running > 0).await.is_err() {
            return;
        }
        tokio::time::sleep(every).await;
        match store.take_cancel_requests().await {
            Ok(requests) => {
                failing = false;
                for request in requests {
                    obey(&registry, request).await;
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "requests of other processes to cancel cannot be read now");
                }
            }
        }
    }
}

async fn obey(registry: &Registry, request: CancelRequest) {
    let CancelRequest { id, nodes, mode, by } = request;
    let Some(live) = registry.get(id) else { return };
    let span = live.span.clone();
    let obeyed = async move { obey_for(&live, id, nodes, mode, by).await };
    obeyed.instrument(span).await;
}

async fn obey_for(live: &Live, id: ExecutionId, nodes: Option<Vec<NodeId>>, mode: TerminateMode, by: String) {
    tracing::info!(execution_id = %id, user = by.as_str(), nodes = nodes.as_ref().map(Vec::len),
        kill = mode == TerminateMode::Kill, "cancel requested through the store");
    if let Some(cancelled) = order(live, nodes, mode, by).await
        && !cancelled.unknown.is_empty()
    {
        tracing::warn!(execution_id = %id, unknown = ?cancelled.unknown, "cancel named nodes that are no targets");
    }
}

//! [`EngineCommands`]: the port [`NodeCommands`] on the engine, so that what is gathered on nodes is authorized, limited and
//! recorded like everything else that runs there.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::{ExecutionId, NodeId, PluginName};
use pabawi_domain::node::TargetExpression;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{CommandOutput, ExecutionStore, NodeCommand, NodeCommands, StoreError};
use pabawi_domain::record::{OutputRef, TargetQuery, TargetRecord};
use pabawi_domain::request::{Caller, ExecutionRequest};
use pabawi_engine::Engine;

/// The most bytes of standard error that are handed back.
const MAX_STDERR: usize = 4096;

/// Runs what is asked for as an execution of its own, and reads what its nodes wrote.
pub(crate) struct EngineCommands {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<dyn ExecutionStore>,
}

#[async_trait]
impl NodeCommands for EngineCommands {
    async fn run(
        &self,
        caller: &Caller,
        command: NodeCommand,
        nodes: &[NodeId],
    ) -> Vec<Result<CommandOutput, NodeError>> {
        let for_all = |code: ErrorCode, message: String| -> Vec<Result<CommandOutput, NodeError>> {
            nodes.iter().map(|node| Err(NodeError::new(node.clone(), code, message.clone()))).collect()
        };
        let mut request = ExecutionRequest::new(command.action, TargetExpression::of_nodes(nodes));
        // What comes out is read, so that no tool may stand between.
        request.transport = Some(PluginName::ssh());
        request.tags.insert(command.tag);
        request.timeouts.node_ms = Some(u64::try_from(command.timeout.as_millis()).unwrap_or(u64::MAX));
        // Half an output would be half of the facts.
        request.debug = true;
        let ended = match self.engine.execute(caller.clone(), request).await {
            Ok(ended) => ended.record.id,
            Err(error) => return for_all(error.code(), error.to_string()),
        };
        let mut records = match self.records(ended).await {
            Ok(records) => records,
            Err(error) => return for_all(error.code(), error.to_string()),
        };
        let mut answers = Vec::with_capacity(nodes.len());
        for node in nodes {
            answers.push(match records.remove(node) {
                Some(record) => self.answer(node, &record, command.max_output_bytes).await,
                None => Err(NodeError::new(node.clone(), ErrorCode::Internal, "has no record of its run")),
            });
        }
        answers
    }
}

impl EngineCommands {
    async fn records(&self, id: ExecutionId) -> Result<HashMap<NodeId, TargetRecord>, StoreError> {
        let mut found = HashMap::new();
        let mut query = TargetQuery { limit: Some(10_000), ..TargetQuery::default() };
        // Ends with the last page.
        loop {
            let page = self.store.targets(id, &query).await?;
            found.extend(page.items.into_iter().map(|record| (record.target.node.clone(), record)));
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => return Ok(found),
            }
        }
    }

    async fn answer(
        &self,
        node: &NodeId,
        record: &TargetRecord,
        max_output_bytes: usize,
    ) -> Result<CommandOutput, NodeError> {
        let fault = |code, message: String| NodeError::new(node.clone(), code, message);
        let Some(outcome) = &record.result else {
            return Err(fault(
                ErrorCode::Internal,
                format!("its run is {} and has no result", record.state.as_str()),
            ));
        };
        let Some(code) = outcome.exit_code() else { return Err(error_of(node, outcome)) };
        let length = record.stdout.map_or(0, |stdout| stdout.total_bytes);
        if length > max_output_bytes as u64 {
            let text = format!("wrote {length} bytes; at most {max_output_bytes} are taken");
            return Err(fault(ErrorCode::LimitReached, text));
        }
        let unreadable = |error: StoreError| fault(error.code(), error.to_string());
        Ok(CommandOutput {
            code,
            stdout: self.output(record.stdout, max_output_bytes).await.map_err(unreadable)?,
            stderr: self.output(record.stderr, MAX_STDERR).await.map_err(unreadable)?,
        })
    }

    async fn output(&self, kept: Option<OutputRef>, max_bytes: usize) -> Result<Bytes, StoreError> {
        let Some(kept) = kept else { return Ok(Bytes::new()) };
        let max_bytes = u32::try_from(max_bytes).unwrap_or(u32::MAX);
        let chunk = self.store.output(kept.hash, 0, max_bytes).await?;
        let missing = || StoreError::Corrupt(format!("output {} is missing", kept.hash));
        Ok(chunk.ok_or_else(missing)?.data.0)
    }
}

/// What is told of a run that came to no exit status.
fn error_of(node: &NodeId, outcome: &NodeOutcome) -> NodeError {
    if let Some(error) = outcome.error() {
        return error.clone();
    }
    let code = match outcome {
        NodeOutcome::TimedOut { .. } => ErrorCode::LimitReached,
        NodeOutcome::Signalled { .. } => ErrorCode::NoExitStatus,
        // Somebody's wish, or the end of this side.
        _ => ErrorCode::ShuttingDown,
    };
    NodeError::new(node.clone(), code, outcome.describe())
}

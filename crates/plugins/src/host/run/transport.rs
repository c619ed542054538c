//! What the engine sees of a plugin: [`ToolTransport`]. Connecting is free, since the tool makes its own connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use pabawi_domain::action::Action;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::node::Target;
use pabawi_domain::ports::{
    ConnectRequest, ExecutionRef, PoolStats, RunningAction, Session, SessionInfo, ToolRunStats, Transport,
    TransportError,
};
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;

use super::desk::{Desk, Note, Ticket, Waiter};
use super::fault::Fault;
use super::gathering::BatchLimits;
use super::node_action::NodeAction;
use super::tool_run::RunCounts;
use crate::host::slot::Slot;

/// A plugin as a way to nodes.
pub(in crate::host) struct ToolTransport {
    slot: Arc<Slot>,
    desk: mpsc::UnboundedSender<Note>,
    counts: Arc<RunCounts>,
    closed: AtomicBool,
}

impl ToolTransport {
    /// Starts the task that gathers, on the current runtime. It ends with the transport and its last session.
    pub(in crate::host) fn start(slot: Arc<Slot>, limits: BatchLimits) -> Arc<Self> {
        let (desk, notes) = mpsc::unbounded_channel();
        let counts = Arc::new(RunCounts::default());
        let gathering = Desk {
            slot: Arc::clone(&slot),
            limits,
            counts: Arc::clone(&counts),
            notes,
            way_here: desk.downgrade(),
        };
        tokio::spawn(gathering.run().in_current_span());
        Arc::new(Self { slot, desk, counts, closed: AtomicBool::new(false) })
    }
}

#[async_trait]
impl Transport for ToolTransport {
    fn name(&self) -> &str {
        self.slot.name().as_str()
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Box<dyn Session>, TransportError> {
        let node = &request.target.node;
        if self.closed.load(Ordering::Acquire) {
            let text = format!("plugin {} is being shut down", self.slot.name());
            return Err(TransportError::before_start(node, ErrorCode::ShuttingDown, text));
        }
        let Some(execution) = request.execution.clone() else {
            let text = "a tool is run for an execution only";
            return Err(TransportError::before_start(node, ErrorCode::Unsupported, text));
        };
        if let Err(why) = self.slot.is_ready() {
            return Err(Fault::new(self.slot.name(), why).on(node, false));
        }
        // The desk lives as long as this sender.
        let _ = self.desk.send(Note::Coming(execution.id));
        Ok(Box::new(ToolSession {
            slot: Arc::clone(&self.slot),
            target: request.target.clone(),
            desk: Some(self.desk.clone()),
            execution,
            info: SessionInfo::default(),
        }))
    }

    fn stats(&self) -> PoolStats {
        PoolStats::default()
    }

    fn tool_runs(&self) -> Option<ToolRunStats> {
        Some(self.counts.stats())
    }

    async fn shutdown(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// A node that is about to ask.
struct ToolSession {
    slot: Arc<Slot>,
    target: Target,
    execution: ExecutionRef,
    /// Until it has asked.
    desk: Option<mpsc::UnboundedSender<Note>>,
    info: SessionInfo,
}

#[async_trait]
impl Session for ToolSession {
    fn info(&self) -> &SessionInfo {
        &self.info
    }

    async fn start(
        mut self: Box<Self>,
        action: Arc<Action>,
    ) -> Result<Box<dyn RunningAction>, TransportError> {
        let (node, plugin) = (self.target.node.clone(), self.slot.name().clone());
        let capability = action.kind().capability();
        if !self.slot.can(capability) {
            let text = format!("plugin {plugin} does not have the capability {capability}");
            return Err(TransportError::before_start(&node, ErrorCode::Unsupported, text));
        }
        let (answer, answered) = oneshot::channel();
        let ticket = Arc::new(Ticket::default());
        let waiter = Waiter {
            execution: self.execution.clone(),
            target: self.target.clone(),
            action,
            ticket: Arc::clone(&ticket),
            answer,
        };
        if let Some(desk) = self.desk.take() {
            // A desk that is gone drops the waiter, which ends the action.
            let _ = desk.send(Note::Asked(Box::new(waiter)));
        }
        Ok(Box::new(NodeAction::waiting(node, plugin, ticket, answered)))
    }
}

impl Drop for ToolSession {
    fn drop(&mut self) {
        if let Some(desk) = self.desk.take() {
            let _ = desk.send(Note::Left(self.execution.id));
        }
    }
}

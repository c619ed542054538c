//! Denials, told in one way wherever somebody is denied something: [`Denied`], a line in the log and, by
//! [`Shared::denied`], an entry in the journal of each node that it was about.
//!
//! The journal is one of nodes, so what is about no node, or about none that is known, is in the log only.

use pabawi_domain::id::{CorrelationId, ExecutionId, NodeId, PluginName};
use pabawi_domain::journal::event;
use pabawi_domain::request::Caller;
use tracing::Instrument as _;

use crate::authorize::Denial;
use crate::engine::{Engine, Shared};

/// Nodes that a line of the log names.
const NAMED: usize = 20;
/// Running a graph.
pub(crate) const RUN_GRAPH: &str = "graphs.run";

/// What is told of a denial.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Denied<'a> {
    /// Who.
    pub(crate) caller: &'a Caller,
    /// The type of its entries.
    pub(crate) event_type: &'static str,
    /// What may not be done.
    pub(crate) capability: &'a str,
    /// The permission that is missing, where it goes by another name.
    pub(crate) permission: Option<&'a str>,
    /// What was to be done, where that is more than the capability.
    pub(crate) action: Option<&'a str>,
    /// By which plugin or transport, where it is one.
    pub(crate) plugin: Option<&'a PluginName>,
    /// On which nodes.
    pub(crate) nodes: &'a [NodeId],
    /// The execution that had been accepted.
    pub(crate) execution: Option<ExecutionId>,
    /// The request it belongs to.
    pub(crate) correlation_id: Option<&'a CorrelationId>,
    /// Why.
    pub(crate) reason: &'a str,
}

impl<'a> Denied<'a> {
    /// Of something that is no execution and no call.
    pub(crate) fn of(caller: &'a Caller, capability: &'a str, nodes: &'a [NodeId], reason: &'a str) -> Self {
        Self {
            caller,
            // Whoever runs a graph runs something on its nodes.
            event_type: if capability == RUN_GRAPH { event::EXECUTION_DENIED } else { event::ACCESS_DENIED },
            capability,
            permission: None,
            action: None,
            plugin: None,
            nodes,
            execution: None,
            correlation_id: None,
            reason,
        }
    }

    /// The line in the log.
    pub(crate) fn log(&self) {
        let mut nodes: Vec<&str> = self.nodes.iter().take(NAMED).map(NodeId::as_str).collect();
        if self.nodes.len() > NAMED {
            nodes.push("...");
        }
        tracing::warn!(
            user = self.caller.user.as_str(),
            entry_point = self.caller.entry_point.as_str(),
            capability = self.capability,
            permission = self.permission,
            plugin = self.plugin.map(PluginName::as_str),
            targets = self.nodes.len(),
            nodes = nodes.join(","),
            action = self.action,
            execution_id = self.execution.map(tracing::field::display),
            correlation_id = self.correlation_id.map(CorrelationId::as_str),
            reason = self.reason,
            "denied"
        );
    }
}

impl Shared {
    /// Tells of a denial. Returns when its entries are with the task that writes them.
    pub(crate) async fn denied(&self, denied: &Denied<'_>) {
        denied.log();
        self.journaller.denied(self.clock.now(), denied).await;
    }
}

impl Engine {
    /// Asks about something that is no action on nodes, and tells of a denial. Where the question names no nodes, those that it is
    /// about are looked for only then.
    pub(crate) async fn ask_on(
        &self,
        caller: &Caller,
        capability: &str,
        nodes: &[NodeId],
        about: impl Future<Output = Vec<NodeId>> + Send,
    ) -> Result<(), Denial> {
        let asking = async {
            let answer = self.shared.gate.ask_quietly(caller, capability, nodes).await;
            if let Err(Denial { reason }) = &answer {
                let found = if nodes.is_empty() { about.await } else { Vec::new() };
                let nodes = if nodes.is_empty() { &found } else { nodes };
                self.shared.denied(&Denied::of(caller, capability, nodes, reason)).await;
            }
            answer
        };
        asking.instrument(self.shared.span.clone()).await
    }
}

/// What is about no nodes.
pub(crate) async fn no_nodes() -> Vec<NodeId> {
    Vec::new()
}

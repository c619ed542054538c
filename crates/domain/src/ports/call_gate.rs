//! Port [`CallGate`]: what stands before each call of a plugin: whether its caller may, and the plugin's circuit breaker.

use async_trait::async_trait;

use crate::capability::RiskLevel;
use crate::id::{CorrelationId, NodeId, PluginName};
use crate::request::Caller;

/// Lets calls of plugins through.
#[async_trait]
pub trait CallGate: Send + Sync + 'static {
    /// Whether the caller has every permission for it. A denial is logged, and journalled for each node.
    ///
    /// # Errors
    /// Why not, for the person; also when nobody could tell.
    async fn authorize(&self, question: &CallQuestion<'_>) -> Result<(), String>;

    /// Whether the plugin's circuit breaker would let a call pass now. Nothing changes by asking.
    fn lets_pass(&self, plugin: &PluginName) -> bool;

    /// Passes the plugin's circuit breaker, once for each call.
    ///
    /// # Errors
    /// Why it does not let the call pass.
    fn pass(&self, question: &CallQuestion<'_>) -> Result<Box<dyn CallPassage>, String>;
}

/// A call that has passed. Dropping it says nothing about the plugin.
pub trait CallPassage: Send {
    /// Says whether the plugin did its work.
    fn end(self: Box<Self>, worked: bool);
}

/// Who wants to call what.
#[derive(Debug, Clone, Copy)]
pub struct CallQuestion<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// By which plugin.
    pub plugin: &'a PluginName,
    /// What.
    pub capability: &'a str,
    /// What it needs, all of it; at least one thing.
    pub permissions: &'a [String],
    /// How much harm it can do.
    pub risk: RiskLevel,
    /// The nodes that it is about.
    pub nodes: &'a [NodeId],
    /// The request it belongs to.
    pub correlation_id: Option<&'a CorrelationId>,
}

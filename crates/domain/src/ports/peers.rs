//! Port [`Peers`]: what one plugin asks of others. It goes the same way as what anybody else asks: checked, permitted, in time.

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::id::{CorrelationId, NodeId, PluginName};
use crate::ports::PluginError;
use crate::request::Caller;

/// The other plugins, for one plugin.
#[async_trait]
pub trait Peers: Send + Sync + 'static {
    /// Has another plugin answer, for whoever the plugin works for: `caller` is the one that it was given, whose permissions
    /// count. Where it comes from is marked as [`EntryPoint::Plugin`](crate::request::EntryPoint::Plugin).
    ///
    /// # Errors
    /// [`PluginError`] that names the plugin that failed, or the one that asks where none was called.
    async fn call(&self, caller: &Caller, call: CapabilityCall) -> Result<Value, PluginError>;
}

/// What is to be answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CapabilityCall {
    /// The plugin that is to answer; without one, the plugin of the highest priority that can.
    pub plugin: Option<PluginName>,
    /// The capability: `task.list`, `inventory.list`.
    pub capability: String,
    /// Its parameters.
    pub parameters: Map<String, Value>,
    /// The nodes that it is about, where it is about some.
    pub nodes: Vec<NodeId>,
    /// The request it belongs to.
    pub correlation_id: Option<CorrelationId>,
}

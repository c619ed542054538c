//! What a scripted plugin has besides its tool: a source of nodes and a provider of facts. Main types: [`ScriptedInventory`],
//! [`ScriptedFacts`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::error::NodeError;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::node::Node;
use pabawi_domain::ports::{
    FactProvider, FactProviderError, InventorySnapshot, InventorySource, InventorySourceError, NodeFacts,
    PluginError,
};
use pabawi_domain::request::Caller;
use serde_json::{Map, Value};

use super::plugin::Conduct;

/// A source of nodes.
#[derive(Debug, Clone)]
pub(super) struct ScriptedInventory {
    pub(super) plugin: PluginName,
    pub(super) nodes: Vec<Node>,
    pub(super) conduct: Conduct,
    pub(super) fetches: Arc<AtomicU64>,
}

#[async_trait]
impl InventorySource for ScriptedInventory {
    /// Another name than the plugin's.
    fn name(&self) -> &str {
        "scripted"
    }

    fn priority(&self) -> i32 {
        1
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let failed = |error: PluginError| InventorySourceError {
            source_name: self.name().to_owned(),
            message: error.message,
            retryable: true,
        };
        self.conduct.play(&self.plugin).await.map_err(failed)?;
        Ok(InventorySnapshot { nodes: self.nodes.clone(), ..InventorySnapshot::default() })
    }
}

/// A provider that says the same of every node.
#[derive(Debug, Clone)]
pub(super) struct ScriptedFacts {
    pub(super) plugin: PluginName,
    pub(super) facts: Map<String, Value>,
    pub(super) conduct: Conduct,
}

#[async_trait]
impl FactProvider for ScriptedFacts {
    fn name(&self) -> &str {
        "scripted"
    }

    fn priority(&self) -> i32 {
        90
    }

    async fn collect(&self, _: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        let played = self.conduct.play(&self.plugin).await;
        let of_node = |node: &NodeId| {
            played.clone().map_err(|error| FactProviderError {
                provider: self.name().to_owned(),
                error: NodeError::new(node.clone(), error.code, error.message),
            })?;
            let (node, facts) = (node.clone(), self.facts.clone());
            Ok(NodeFacts { node, facts, raw: None, warnings: Vec::new(), gathered_at: Timestamp::UNIX_EPOCH })
        };
        nodes.iter().map(of_node).collect()
    }
}

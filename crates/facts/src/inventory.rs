//! The provider `inventory`: what the sources of nodes tell about a node beside the way to it (R3.9).

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{Clock, FactProvider, FactProviderError, NodeFacts, TargetError};
use pabawi_domain::request::Caller;
use serde_json::{Map, Value};

/// Tells what the inventory knows of nodes.
#[async_trait]
pub trait NodeLookup: Send + Sync + 'static {
    /// These nodes, as far as the inventory has them.
    ///
    /// # Errors
    /// [`TargetError::Inventory`].
    async fn nodes(&self, nodes: &[NodeId]) -> Result<HashMap<NodeId, ListedNode>, TargetError>;
}

/// What the inventory tells of a node beside the way to it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListedNode {
    /// What all sources together tell.
    pub metadata: Map<String, Value>,
    /// What each source tells, by its name.
    pub by_source: Vec<(String, Map<String, Value>)>,
}

/// Metadata of nodes as facts: under their plain names, and under `inventory.<source>`, where no other provider's facts
/// can hide them.
pub struct InventoryFacts {
    lookup: Arc<dyn NodeLookup>,
    clock: Arc<dyn Clock>,
}

impl InventoryFacts {
    /// Its name.
    pub const NAME: &'static str = "inventory";
    /// Its priority: the lowest, since what a node says of itself counts more.
    pub const PRIORITY: i32 = 0;

    /// A provider that asks `lookup`.
    pub fn new(lookup: Arc<dyn NodeLookup>, clock: Arc<dyn Clock>) -> Self {
        Self { lookup, clock }
    }
}

#[async_trait]
impl FactProvider for InventoryFacts {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn priority(&self) -> i32 {
        Self::PRIORITY
    }

    async fn collect(&self, _: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        let now = self.clock.now();
        let mut known = match self.lookup.nodes(nodes).await {
            Ok(known) => known,
            Err(error) => {
                let failed = |node: &NodeId| FactProviderError {
                    provider: Self::NAME.to_owned(),
                    error: NodeError::new(node.clone(), ErrorCode::BadConfig, error.to_string()),
                };
                return nodes.iter().map(|node| Err(failed(node))).collect();
            }
        };
        let answer = |node: &NodeId| {
            let facts = known.remove(node).map(facts_of).unwrap_or_default();
            Ok(NodeFacts { node: node.clone(), facts, raw: None, warnings: Vec::new(), gathered_at: now })
        };
        nodes.iter().map(answer).collect()
    }
}

fn facts_of(node: ListedNode) -> Map<String, Value> {
    let mut facts = node.metadata;
    let sources = node.by_source.into_iter().filter(|(_, metadata)| !metadata.is_empty());
    let sources: Map<String, Value> =
        sources.map(|(name, metadata)| (name, Value::Object(metadata))).collect();
    if !sources.is_empty() {
        facts.insert("inventory".to_owned(), Value::Object(sources));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::request::EntryPoint;
    use pabawi_testkit::clock::ManualClock;
    use serde_json::json;

    struct Known(Result<HashMap<NodeId, ListedNode>, TargetError>);

    #[async_trait]
    impl NodeLookup for Known {
        async fn nodes(&self, _: &[NodeId]) -> Result<HashMap<NodeId, ListedNode>, TargetError> {
            self.0.clone()
        }
    }

    async fn collected(
        known: Result<HashMap<NodeId, ListedNode>, TargetError>,
    ) -> Vec<Result<Map<String, Value>, String>> {
        let provider = InventoryFacts::new(Arc::new(Known(known)), Arc::new(ManualClock::default()));
        let caller = Caller { user: "ann".into(), entry_point: EntryPoint::Rust };
        let nodes = [NodeId::new("web1").unwrap(), NodeId::new("web2").unwrap()];
        let answers = provider.collect(&caller, &nodes).await.into_iter();
        answers.map(|answer| answer.map(|facts| facts.facts).map_err(|error| error.to_string())).collect()
    }

    /// R3.9
    #[tokio::test]
    async fn metadata_of_the_inventory_are_facts() {
        let own = |value: Value| value.as_object().unwrap().clone();
        let node = ListedNode {
            metadata: own(json!({"rack": {"row": 7}})),
            by_source: vec![
                ("file:nodes.yaml".into(), own(json!({"rack": {"row": 7}}))),
                ("list".into(), Map::new()),
            ],
        };
        let found = collected(Ok(HashMap::from([(NodeId::new("web1").unwrap(), node)]))).await;
        let expected = json!({"rack": {"row": 7}, "inventory": {"file:nodes.yaml": {"rack": {"row": 7}}}});
        assert_eq!(found, [Ok(expected.as_object().unwrap().clone()), Ok(Map::new())]);
        let failed = collected(Err(TargetError::Inventory("nodes.yaml is gone".into()))).await;
        assert!(failed[1].as_ref().unwrap_err().contains("nodes.yaml is gone"));
    }
}

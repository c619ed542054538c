//! [`ListedNodes`]: what the inventory tells of nodes, as facts.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::Node;
use pabawi_domain::ports::TargetError;
use pabawi_facts::{ListedNode, NodeLookup};
use pabawi_inventory::{Catalog, Freshness};

/// Looks nodes up in the catalog.
pub(crate) struct ListedNodes(pub(crate) Arc<Catalog>);

#[async_trait]
impl NodeLookup for ListedNodes {
    async fn nodes(&self, nodes: &[NodeId]) -> Result<HashMap<NodeId, ListedNode>, TargetError> {
        // A source that failed is told by the inventory itself; what the others know are facts all the same.
        let inventory = self.0.read(Freshness::Cached).await.inventory;
        let metadata =
            |node: &Node| node.metadata.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
        let listed = |name: &NodeId| {
            let index = inventory.node_index(name.as_str())?;
            let by_source =
                inventory.entries(index).map(|(source, node)| (source.name.clone(), metadata(node)));
            let node = inventory.nodes().get(index)?;
            Some((name.clone(), ListedNode { metadata: metadata(node), by_source: by_source.collect() }))
        };
        Ok(nodes.iter().filter_map(listed).collect())
    }
}

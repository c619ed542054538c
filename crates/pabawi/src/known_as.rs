//! [`KnownAs`]: a provider of facts is asked under the names that its own source has for the nodes.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{FactProvider, FactProviderError, NodeFacts};
use pabawi_domain::request::Caller;
use pabawi_inventory::{Catalog, Freshness, Inventory};

/// A provider of facts, and the catalog in which a source of the same name may know a node under another name than the
/// one that counts: PuppetDB by its certificate's.
pub(crate) struct KnownAs {
    pub(crate) provider: Arc<dyn FactProvider>,
    pub(crate) catalog: Arc<Catalog>,
}

#[async_trait]
impl FactProvider for KnownAs {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn priority(&self) -> i32 {
        self.provider.priority()
    }

    fn is_there(&self) -> bool {
        self.provider.is_there()
    }

    fn renewed_at(&self) -> Option<Timestamp> {
        self.provider.renewed_at()
    }

    async fn collect(&self, caller: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        let inventory = self.catalog.read(Freshness::Cached).await.inventory;
        let names: Vec<NodeId> =
            nodes.iter().map(|node| name_in(&inventory, self.provider.name(), node)).collect();
        let mut answers = self.provider.collect(caller, &names).await;
        for (answer, node) in answers.iter_mut().zip(nodes) {
            match answer {
                Ok(facts) => facts.node = node.clone(),
                Err(error) => error.error.node = node.clone(),
            }
        }
        answers
    }
}

/// The name that the source has for the node; the node's own where it does not know it.
fn name_in(inventory: &Inventory, source: &str, node: &NodeId) -> NodeId {
    let entry = inventory.node_index(node.as_str()).and_then(|index| {
        inventory.entries(index).find(|(data, _)| data.name == source).map(|(_, entry)| entry.id.clone())
    });
    entry.unwrap_or_else(|| node.clone())
}

#[cfg(test)]
mod tests {
    use pabawi_domain::error::{ErrorCode, NodeError};
    use pabawi_domain::ports::{InventorySnapshot, InventorySource};
    use pabawi_domain::request::EntryPoint;
    use pabawi_inventory::SourceSettings;
    use pabawi_inventory::source::{StaticInventory, hosts_list};

    use super::*;

    /// Knows no node, and says under which name it was asked.
    struct Echo;

    #[async_trait]
    impl FactProvider for Echo {
        fn name(&self) -> &str {
            "puppetdb"
        }

        fn priority(&self) -> i32 {
            0
        }

        async fn collect(
            &self,
            _caller: &Caller,
            nodes: &[NodeId],
        ) -> Vec<Result<NodeFacts, FactProviderError>> {
            let unknown = |node: &NodeId| FactProviderError {
                provider: "puppetdb".to_owned(),
                error: NodeError::new(node.clone(), ErrorCode::NotFound, format!("asked for {node}")),
            };
            nodes.iter().map(|node| Err(unknown(node))).collect()
        }
    }

    /// R4.5, R3.8
    #[tokio::test]
    async fn a_node_is_asked_for_under_the_name_of_the_providers_own_source() {
        let source = |name: &str, priority: i32, snapshot: InventorySnapshot| {
            let source: Arc<dyn InventorySource> = Arc::new(StaticInventory::new(name, priority, snapshot));
            (source, SourceSettings::default())
        };
        let mut site = hosts_list("site", "web1,db1").unwrap();
        site.nodes[0].aliases.push(NodeId::new("web1.example.org").unwrap());
        let puppet = hosts_list("puppetdb", "web1.example.org").unwrap();
        let catalog = Catalog::new([source("site", 9, site), source("puppetdb", 1, puppet)]);
        let provider = KnownAs { provider: Arc::new(Echo), catalog: Arc::new(catalog) };
        let caller = Caller { user: "ops".into(), entry_point: EntryPoint::Rust };
        let nodes = ["web1", "db1"].map(|name| NodeId::new(name).unwrap());
        let answers = provider.collect(&caller, &nodes).await;
        let told: Vec<(String, String)> = answers
            .into_iter()
            .map(|answer| answer.unwrap_err().error)
            .map(|error| (error.node.to_string(), error.message))
            .collect();
        let expected = [("web1", "asked for web1.example.org"), ("db1", "asked for db1")];
        assert_eq!(told, expected.map(|(node, text)| (node.to_owned(), text.to_owned())));
    }
}

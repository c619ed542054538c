//! The inventory and the facts of a plugin, whichever instance of it lives: [`PluginInventory`], [`PluginFacts`]. Both have
//! the plugin's name. Who holds one sees another instance as soon as it is there, and a plugin that gets ready late joins.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::cut::message;
use pabawi_domain::error::{ErrorCode, NodeError, PluginTrace};
use pabawi_domain::id::NodeId;
use pabawi_domain::panic_guard::caught;
use pabawi_domain::ports::{
    FactProvider, FactProviderError, InventorySnapshot, InventorySource, InventorySourceError, NodeFacts,
};
use pabawi_domain::request::Caller;

use super::guard::guarded;
use super::settings::HostSettings;
use super::slot::Slot;

/// Most warnings of one answer that are kept.
const MOST_WARNINGS: usize = 1_000;

/// The capability of a plugin that is a source of nodes.
pub(super) const INVENTORY: &str = "inventory.list";
/// The capability of a plugin that is a provider of facts.
pub(super) const FACTS: &str = "facts.get";

/// The inventory of a plugin.
pub(super) struct PluginInventory {
    pub(super) slot: Arc<Slot>,
    pub(super) settings: HostSettings,
}

impl PluginInventory {
    fn fault(&self, why: impl std::fmt::Display) -> InventorySourceError {
        let name = self.slot.name();
        InventorySourceError {
            source_name: name.to_string(),
            message: format!("plugin {name}: {why}"),
            retryable: true,
        }
    }
}

#[async_trait]
impl InventorySource for PluginInventory {
    fn name(&self) -> &str {
        self.slot.name().as_str()
    }

    fn priority(&self) -> i32 {
        let instance = self.slot.instance();
        let offered = instance.offers().and_then(|offers| offers.inventory.as_ref());
        offered.map_or(instance.declared.metadata.priority, |offered| offered.priority)
    }

    /// Also one that could not get ready, when it says that it lists nodes: they are missing then, and nobody may take the
    /// others for all.
    fn is_there(&self) -> bool {
        let instance = self.slot.instance();
        match instance.offers() {
            Some(offers) => offers.inventory.is_some(),
            None => instance.declared.capability(INVENTORY).is_some(),
        }
    }

    fn revision(&self) -> Option<u64> {
        let instance = self.slot.instance();
        let offered = instance.offers().and_then(|offers| offers.inventory.as_ref());
        let own = || offered.and_then(|offered| offered.it.revision());
        // One that panics is asked as often as one that has no mark.
        let own = caught(own).unwrap_or_default();
        let mut mark = DefaultHasher::new();
        (self.slot.generation(), own).hash(&mut mark);
        Some(mark.finish())
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        let guard = self.slot.enter().map_err(|why| self.fault(why))?;
        let offered = guard.offers().and_then(|offers| offers.inventory.as_ref());
        let Some(offered) = offered else { return Err(self.fault("has no inventory")) };
        let answer = guarded(async { offered.it.fetch().await }, self.settings.inventory_timeout).await;
        let answer = answer.map_err(|broke| self.fault(broke))?;
        let mut snapshot = answer.map_err(|error| InventorySourceError {
            retryable: error.retryable,
            ..self.fault(message(error.message))
        })?;
        let most = self.settings.max_inventory_nodes;
        for (what, many) in [("nodes", snapshot.nodes.len()), ("groups", snapshot.groups.len())] {
            if many > most {
                let text = format!(
                    "has {many} {what}, at most {most} are taken (HostSettings::max_inventory_nodes)"
                );
                return Err(InventorySourceError { retryable: false, ..self.fault(text) });
            }
        }
        cut_warnings(&mut snapshot.warnings);
        Ok(snapshot)
    }
}

/// The facts of a plugin.
pub(super) struct PluginFacts {
    pub(super) slot: Arc<Slot>,
    pub(super) settings: HostSettings,
}

impl PluginFacts {
    /// The plugin's fault on one node.
    fn fault(&self, node: &NodeId, code: ErrorCode, why: &str) -> FactProviderError {
        let name = self.slot.name();
        let error = NodeError::new(node.clone(), code, format!("plugin {name}: {why}"));
        let error = error.of_plugin(PluginTrace::new(name.clone(), None));
        FactProviderError { provider: name.to_string(), error }
    }

    fn on_all(
        &self,
        nodes: &[NodeId],
        code: ErrorCode,
        why: &str,
    ) -> Vec<Result<NodeFacts, FactProviderError>> {
        nodes.iter().map(|node| Err(self.fault(node, code, why))).collect()
    }
}

#[async_trait]
impl FactProvider for PluginFacts {
    fn name(&self) -> &str {
        self.slot.name().as_str()
    }

    fn priority(&self) -> i32 {
        let instance = self.slot.instance();
        let offered = instance.offers().and_then(|offers| offers.facts.as_ref());
        offered.map_or(instance.declared.metadata.priority, |offered| offered.priority)
    }

    fn is_there(&self) -> bool {
        let instance = self.slot.instance();
        match instance.offers() {
            Some(offers) => offers.facts.is_some(),
            None => instance.declared.capability(FACTS).is_some(),
        }
    }

    fn renewed_at(&self) -> Option<Timestamp> {
        self.slot.renewed_at()
    }

    async fn collect(&self, caller: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        let guard = match self.slot.enter() {
            Ok(guard) => guard,
            Err(why) => return self.on_all(nodes, ErrorCode::Unavailable, &why),
        };
        let offered = guard.offers().and_then(|offers| offers.facts.as_ref());
        let Some(offered) = offered else {
            return self.on_all(nodes, ErrorCode::Unavailable, "has no facts");
        };
        let call = async { offered.it.collect(caller, nodes).await };
        let mut answers = match guarded(call, self.settings.facts_timeout).await {
            Ok(answers) => answers,
            Err(broke) => return self.on_all(nodes, ErrorCode::PluginFault, &broke.to_string()),
        };
        // What is missing or too much is told by whoever asked.
        for answer in &mut answers {
            match answer {
                Ok(facts) => cut_warnings(&mut facts.warnings),
                Err(FactProviderError { provider, error }) => {
                    // Whatever name it gives itself.
                    *provider = self.slot.name().to_string();
                    *error = error.clone().cut();
                }
            }
        }
        answers
    }
}

fn cut_warnings(warnings: &mut Vec<String>) {
    let many = warnings.len();
    warnings.truncate(MOST_WARNINGS);
    for warning in warnings.iter_mut() {
        *warning = message(std::mem::take(warning));
    }
    if many > MOST_WARNINGS {
        warnings.push(format!("... [cut: {many} warnings in all]"));
    }
}

//! Ansible as a plugin: [`plugin`] makes it, with the inventories and facts of Ansible that the framework reads itself.

use std::sync::Arc;

use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{FactProvider, InventorySource, ToolRunner};
use pabawi_engine::SystemClock;
use pabawi_facts::AnsibleFacts;
use pabawi_inventory::source::AnsibleInventory;
use pabawi_plugins::ansible::InventoryAt;
use pabawi_transport::local::LocalTools;

pub use pabawi_plugins::ansible::{AnsiblePlugin, AnsibleSources};

/// The plugin, to be added by [`FrameworkBuilder::plugin`](crate::FrameworkBuilder::plugin) with its configuration. Its name
/// is that of the transport by which a request asks for it.
pub fn plugin(name: PluginName) -> AnsiblePlugin {
    AnsiblePlugin::new(name, Arc::new(LocalTools), Arc::new(Sources))
}

struct Sources;

impl AnsibleSources for Sources {
    fn inventory(&self, at: &InventoryAt, tools: Arc<dyn ToolRunner>) -> Arc<dyn InventorySource> {
        let inventory = AnsibleInventory::new(&at.path, at.priority).tools(tools);
        Arc::new(inventory.program(&at.ansible_inventory))
    }

    fn facts(&self, at: &InventoryAt, tools: Arc<dyn ToolRunner>) -> Arc<dyn FactProvider> {
        let facts = AnsibleFacts::new(tools, Arc::new(SystemClock), &at.path);
        let facts = facts.program(&at.ansible).timeout(at.timeout);
        Arc::new(match at.forks {
            Some(forks) => facts.forks(forks),
            None => facts,
        })
    }
}

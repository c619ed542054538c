//! Bolt as a plugin: [`plugin`] makes it, with the inventories of Bolt that the framework reads itself.

use std::sync::Arc;

use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{InventorySource, ToolRunner};
use pabawi_inventory::source::BoltInventory;
use pabawi_plugins::bolt::InventoryAt;
use pabawi_transport::local::LocalTools;
use serde_json::Value;

pub use pabawi_plugins::bolt::{BoltPlugin, BoltSources};

/// The plugin, to be added by [`FrameworkBuilder::plugin`](crate::FrameworkBuilder::plugin) with its configuration. Its name
/// is that of the transport by which a request asks for it.
pub fn plugin(name: PluginName) -> BoltPlugin {
    BoltPlugin::new(name, Arc::new(LocalTools), Arc::new(Sources))
}

struct Sources;

impl BoltSources for Sources {
    fn inventory(&self, at: &InventoryAt, tools: Arc<dyn ToolRunner>) -> Arc<dyn InventorySource> {
        let inventory = BoltInventory::new(&at.path, at.priority).tools(tools);
        Arc::new(inventory.program(&at.bolt).timeout(at.timeout))
    }

    fn with_targets(&self, at: &InventoryAt, targets: Vec<Value>) -> Result<Value, String> {
        BoltInventory::new(&at.path, at.priority).with_targets(targets).map_err(|error| error.to_string())
    }
}

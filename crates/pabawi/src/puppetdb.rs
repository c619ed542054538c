//! PuppetDB: as a plugin with all that it can be asked, or as a source of nodes and a provider of facts alone.

use pabawi_domain::id::PluginName;

pub use pabawi_plugins::puppetdb::{
    PuppetDbClient, PuppetDbError, PuppetDbFacts, PuppetDbFault, PuppetDbInventory, PuppetDbPlugin,
    PuppetDbSettings,
};

/// The plugin, to be added by [`FrameworkBuilder::plugin`](crate::FrameworkBuilder::plugin) with its configuration, which is
/// [`PuppetDbSettings`]. Its usual name is [`PuppetDbPlugin::NAME`].
pub fn plugin(name: PluginName) -> PuppetDbPlugin {
    PuppetDbPlugin::new(name)
}

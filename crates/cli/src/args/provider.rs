//! [`ProviderArgs`]: which plugin does it.

use clap::Args;
use pabawi::PluginName;

/// Which plugin does it.
#[derive(Debug, Clone, Default, Args)]
pub struct ProviderArgs {
    /// The plugin that is to do it or to be asked alone, as pab plugins list shows it [default: for commands, scripts and copies
    /// the transport; nodes, facts and lists of all that have some; for all else the plugin of the highest priority that can]
    #[arg(long, value_name = "NAME")]
    pub plugin: Option<PluginName>,
}

//! Programs as plugins: [`load`] makes one of an executable.
//! [`FrameworkBuilder::external_plugin`](crate::FrameworkBuilder::external_plugin) is the shorter way. Parts of a program in another
//! language, which has the framework built in, are spoken with in the same way: [`ExternalPlugin::hosted`], [`hosted_inventory`],
//! [`hosted_facts`].

use std::path::PathBuf;
use std::sync::Arc;

use pabawi_transport::local::LocalTools;

pub use pabawi_plugins::external::{ExternalError, ExternalPlugin, hosted_facts, hosted_inventory};

/// Asks a program what it is. The plugin is then added by [`FrameworkBuilder::plugin`](crate::FrameworkBuilder::plugin), or put
/// in place of an older instance by [`PluginHost::reload`](crate::plugin::PluginHost::reload).
///
/// # Errors
/// It cannot be run, is not safe to run, or what it says of itself cannot be used.
pub async fn load(program: impl Into<PathBuf>) -> Result<ExternalPlugin, ExternalError> {
    ExternalPlugin::load(program, Arc::new(LocalTools)).await
}

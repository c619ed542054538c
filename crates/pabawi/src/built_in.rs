//! The ways to nodes that come with the framework, as plugins: [`built_in`].

use pabawi_domain::capability::Capability;
use pabawi_domain::id::{InvalidName, PluginName};
use pabawi_domain::ports::{Plugin as _, PluginMetadata};
use pabawi_plugins::host::BuiltIn;

/// Names and what they are, with the priority that Pabawi gives them.
const BUILT_IN: [(&str, &str, i32); 2] = [
    ("ssh", "Runs commands and scripts and copies files over SSH", 50),
    ("local", "Does the same on this machine", 0),
];

/// All of them, to be registered.
pub(crate) fn all() -> Result<Vec<BuiltIn>, InvalidName> {
    let of = |(name, description, priority)| {
        Ok(BuiltIn::new(PluginName::new(name)?, env!("CARGO_PKG_VERSION"), description, priority))
    };
    BUILT_IN.into_iter().map(of).collect()
}

/// What they are and can do; they are there in every framework, and nothing has to be opened to know them.
pub fn built_in() -> Vec<(PluginMetadata, Vec<Capability>)> {
    let all = all().unwrap_or_default();
    all.into_iter().map(|plugin| (plugin.metadata(), plugin.capabilities())).collect()
}

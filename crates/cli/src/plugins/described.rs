//! [`Described`]: what a plugin is and can do.

use pabawi::PluginName;
use pabawi::plugin::Capability;
use pabawi::ports::{Plugin, PluginMetadata};
use serde_json::Value;

/// What a plugin says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    /// Its name.
    pub(crate) name: PluginName,
    /// One line about it.
    pub(crate) about: String,
    /// Its place among those that can do the same; the highest goes first.
    pub(crate) priority: i32,
    /// What it can do.
    pub(crate) capabilities: Vec<Capability>,
    /// The schema of its settings.
    pub(crate) config_schema: Option<Value>,
}

impl Described {
    /// Asks a plugin, which answers without doing anything.
    pub(crate) fn of(plugin: &dyn Plugin) -> Self {
        let described = Self::new(plugin.metadata(), plugin.capabilities());
        Self { config_schema: plugin.config_schema(), ..described }
    }

    /// What is known already.
    pub(crate) fn new(metadata: PluginMetadata, capabilities: Vec<Capability>) -> Self {
        let PluginMetadata { name, description, priority, .. } = metadata;
        Self { name, about: description, priority, capabilities, config_schema: None }
    }

    /// A capability by its name.
    pub(crate) fn capability(&self, name: &str) -> Option<&Capability> {
        self.capabilities.iter().find(|capability| capability.name == name)
    }
}

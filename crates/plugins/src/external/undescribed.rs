//! [`Undescribed`]: the place of a program that cannot be a plugin. It is in the list of plugins with the reason, and stops no
//! other.

use async_trait::async_trait;
use pabawi_domain::capability::Capability;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{Plugin, PluginError, PluginHealth, PluginMetadata, PluginMethods};
use serde_json::Value;

/// A program that cannot be a plugin.
pub(super) struct Undescribed {
    pub(super) name: PluginName,
    /// Why, with the program.
    pub(super) why: String,
    /// What it wrote to its standard error at the end.
    pub(super) log: Option<String>,
}

#[async_trait]
impl Plugin for Undescribed {
    fn metadata(&self) -> PluginMetadata {
        PluginMetadata {
            name: self.name.clone(),
            version: "unknown".to_owned(),
            description: "A program that cannot be a plugin".to_owned(),
            priority: 0,
            depends_on: Vec::new(),
        }
    }

    fn capabilities(&self) -> Vec<Capability> {
        Vec::new()
    }

    fn methods(&self) -> PluginMethods {
        PluginMethods { run: false, call: false }
    }

    async fn initialize(&self, _: Value) -> Result<(), PluginError> {
        let (plugin, message) = (self.name.clone(), self.why.clone());
        Err(PluginError { plugin, code: ErrorCode::BadConfig, message, stack: self.log.clone() })
    }

    async fn health(&self) -> PluginHealth {
        PluginHealth::Unhealthy { message: self.why.clone() }
    }

    async fn shutdown(&self) {}
}

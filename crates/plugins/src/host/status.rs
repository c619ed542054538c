//! What others see of plugins and capabilities: [`PluginStatus`], [`ProvidedCapability`].

use jiff::Timestamp;
use pabawi_domain::capability::Capability;
use pabawi_domain::id::PluginName;
use pabawi_domain::ports::{PluginHealth, PluginMetadata};
use pabawi_domain::validation::FieldError;
use schemars::JsonSchema;
use serde::Serialize;

/// A plugin and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginStatus {
    /// What it is.
    #[serde(flatten)]
    pub metadata: PluginMetadata,
    /// A way to nodes that comes with the framework.
    pub built_in: bool,
    /// How far it is.
    #[serde(flatten)]
    pub state: PluginState,
    /// What it said when it was asked last how it is; absent before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthReport>,
    /// Names of its capabilities.
    pub capabilities: Vec<String>,
    /// Runs of its tool, calls, and questions for its nodes and facts that have not ended.
    pub running: usize,
}

/// How far a plugin is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PluginState {
    /// It is to get ready.
    Waiting,
    /// It can be used.
    Ready,
    /// It could not get ready.
    Failed {
        /// Why.
        message: String,
        /// Parts of its configuration that are bad, with paths such as `config.retries`.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        fields: Vec<FieldError>,
        /// The stack or diagnostics of its tool or language.
        #[serde(skip_serializing_if = "Option::is_none")]
        stack: Option<String>,
    },
    /// It was shut down.
    Stopped,
}

impl PluginState {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), fields: Vec::new(), stack: None }
    }
}

/// How a plugin is, as of a time.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthReport {
    /// What it said; unhealthy where it said nothing in time or panicked.
    pub health: PluginHealth,
    /// When.
    pub checked_at: Timestamp,
    /// How long it took to say so, in milliseconds.
    pub took_ms: u64,
}

/// A capability as one plugin has it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvidedCapability {
    /// What it is.
    #[serde(flatten)]
    pub capability: Capability,
    /// The plugin.
    pub plugin: PluginName,
    /// Of several plugins the one with the highest goes first.
    pub priority: i32,
    /// Whether the plugin can be used and was well when it was asked last.
    pub available: bool,
}

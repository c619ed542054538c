//! The ways to nodes that come with the framework, as plugins: [`BuiltIn`]. Their runs go through the transport of the same
//! name and never through the plugin.

use async_trait::async_trait;
use pabawi_domain::action::ActionKind;
use pabawi_domain::capability::{Capability, RiskLevel};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::ports::{Plugin, PluginError, PluginHealth, PluginMetadata, PluginRun, RunningAction};
use serde_json::{Value, json};

/// A transport that comes with the framework.
#[derive(Debug, Clone)]
pub struct BuiltIn {
    metadata: PluginMetadata,
}

impl BuiltIn {
    /// The transport of that name, which runs commands and scripts and copies files.
    pub fn new(name: PluginName, version: &str, description: &str, priority: i32) -> Self {
        let (version, description) = (version.to_owned(), description.to_owned());
        Self { metadata: PluginMetadata { name, version, description, priority, depends_on: Vec::new() } }
    }
}

#[async_trait]
impl Plugin for BuiltIn {
    fn metadata(&self) -> PluginMetadata {
        self.metadata.clone()
    }

    fn capabilities(&self) -> Vec<Capability> {
        let text = json!({"type": "string"});
        let of = |kind: ActionKind, description: &str, required: Value, properties: Value| Capability {
            name: kind.capability().to_owned(),
            description: description.to_owned(),
            parameters: json!({"type": "object", "required": required, "properties": properties}),
            result: None,
            required_permissions: vec![kind.capability().to_owned()],
            risk: RiskLevel::Execute,
            sensitive: Vec::new(),
            idempotent: false,
            timeout_ms: None,
        };
        vec![
            of(
                ActionKind::Command,
                "Runs a shell command line",
                json!(["command"]),
                json!({"command": text}),
            ),
            of(
                ActionKind::Script,
                "Brings a script to the node and runs it there",
                json!(["name", "content"]),
                json!({"name": text, "arguments": {"type": "array", "items": text}, "interpreter": text}),
            ),
            of(
                ActionKind::Upload,
                "Copies a file or directory to the node",
                json!(["source", "destination"]),
                json!({"source": text, "destination": text}),
            ),
            of(
                ActionKind::Download,
                "Copies a file or directory from the node",
                json!(["source", "destination"]),
                json!({"source": text, "destination": text}),
            ),
        ]
    }

    async fn initialize(&self, _: Value) -> Result<(), PluginError> {
        Ok(())
    }

    async fn health(&self) -> PluginHealth {
        PluginHealth::Healthy
    }

    async fn shutdown(&self) {}

    async fn run(&self, _: PluginRun) -> Result<Vec<(NodeId, Box<dyn RunningAction>)>, PluginError> {
        Err(PluginError {
            plugin: self.metadata.name.clone(),
            code: ErrorCode::Unsupported,
            message: "runs through the transport of its name".to_owned(),
            stack: None,
        })
    }
}

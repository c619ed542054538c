//! The ways to nodes that come with the framework, as plugins: [`BuiltIn`]. Their runs go through the transport of the same
//! name and never through the plugin.

mod schemas;

use async_trait::async_trait;
use pabawi_domain::action::ActionKind;
use pabawi_domain::capability::{Capability, RiskLevel};
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::ports::{Plugin, PluginError, PluginHealth, PluginMetadata, PluginRun, RunningAction};
use serde_json::Value;

use self::schemas::{command, download, script, upload};

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

/// Secrets among the parameters of an action.
fn sensitive(kind: ActionKind) -> Vec<String> {
    match kind {
        ActionKind::Command | ActionKind::Script => vec!["/runAs/password".to_owned()],
        _ => Vec::new(),
    }
}

#[async_trait]
impl Plugin for BuiltIn {
    fn metadata(&self) -> PluginMetadata {
        self.metadata.clone()
    }

    fn capabilities(&self) -> Vec<Capability> {
        let of = |kind: ActionKind, description: &str, parameters: Value| Capability {
            name: kind.capability().to_owned(),
            description: description.to_owned(),
            parameters,
            result: None,
            required_permissions: vec![kind.capability().to_owned()],
            risk: RiskLevel::Execute,
            sensitive: sensitive(kind),
            commands: Vec::new(),
            idempotent: false,
            timeout_ms: None,
        };
        vec![
            of(ActionKind::Command, "Runs a shell command line", command()),
            of(ActionKind::Script, "Brings a script to the node and runs it there", script()),
            of(ActionKind::Upload, "Copies a file or directory to the node", upload()),
            of(ActionKind::Download, "Copies a file or directory from the node", download()),
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

//! `pab` with a plugin that is compiled in, for tests of the commands that are made of capabilities. What the plugin is asked to
//! do it appends to the file that `PAB_TOOLS_LOG` names, one JSON object for each run.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use pabawi::plugin::{Capability, RiskLevel};
use pabawi::ports::{
    ActionEnd, ActionEvent, Plugin, PluginError, PluginHealth, PluginMetadata, PluginRun, RunningAction,
    TerminateMode,
};
use pabawi::{ErrorCode, NodeId, OutputData, PluginName, StreamKind, Termination};
use serde_json::{Value, json};

/// A tool that notes what it is asked for.
struct Noting {
    name: PluginName,
    priority: i32,
}

fn capability(name: &str, risk: RiskLevel, parameters: Value) -> Capability {
    Capability {
        name: name.to_owned(),
        description: format!("Notes a {name}"),
        parameters,
        result: None,
        required_permissions: Vec::new(),
        risk,
        sensitive: Vec::new(),
        idempotent: false,
        timeout_ms: None,
    }
}

#[async_trait]
impl Plugin for Noting {
    fn metadata(&self) -> PluginMetadata {
        PluginMetadata {
            name: self.name.clone(),
            version: "1.0.0".to_owned(),
            description: "Notes what it is asked for".to_owned(),
            priority: self.priority,
            depends_on: Vec::new(),
        }
    }

    fn capabilities(&self) -> Vec<Capability> {
        let task = json!({
            "type": "object",
            "required": ["service"],
            "properties": {
                "service": {"type": "string", "description": "Which service"},
                "action": {"enum": ["start", "stop"], "default": "start", "description": "What of it"},
                "max_retries": {"type": "integer", "minimum": 0},
                "force": {"type": "boolean"},
                "tag": {"type": "array", "items": {"type": "string"}},
                "labels": {"type": "object"},
                "timeout": {"type": "number"},
                "password": {"type": "string", "description": "Of the service"},
            },
        });
        let mut task = capability("task.execute", RiskLevel::Execute, task);
        task.sensitive = vec!["/password".to_owned()];
        let package = json!({"properties": {"ensure": {"enum": ["present", "absent", "latest"]}}});
        vec![
            capability("command.execute", RiskLevel::Execute, json!({"type": "object"})),
            task,
            capability("playbook.execute", RiskLevel::Admin, json!({"type": "object"})),
            capability("package.install", RiskLevel::Execute, package),
        ]
    }

    async fn initialize(&self, _: Value) -> Result<(), PluginError> {
        Ok(())
    }

    async fn health(&self) -> PluginHealth {
        PluginHealth::Healthy
    }

    async fn shutdown(&self) {}

    async fn run(&self, run: PluginRun) -> Result<Vec<(NodeId, Box<dyn RunningAction>)>, PluginError> {
        let nodes: Vec<&NodeId> = run.targets.iter().map(|target| &target.node).collect();
        note(&json!({"plugin": self.name, "action": *run.action, "nodes": nodes})).map_err(|error| {
            PluginError {
                plugin: self.name.clone(),
                code: ErrorCode::PluginFault,
                message: error.to_string(),
                stack: None,
            }
        })?;
        let text = format!("{} did {}\n", self.name, run.action.kind());
        let of_node = || -> Box<dyn RunningAction> { Box::new(Done(Some(text.clone()))) };
        Ok(run.targets.iter().map(|target| (target.node.clone(), of_node())).collect())
    }
}

fn note(value: &Value) -> std::io::Result<()> {
    let Some(path) = std::env::var_os("PAB_TOOLS_LOG") else { return Ok(()) };
    let mut file = std::fs::File::options().create(true).append(true).open(path)?;
    writeln!(file, "{value}")
}

/// What it prints on a node.
struct Done(Option<String>);

#[async_trait]
impl RunningAction for Done {
    async fn next(&mut self) -> ActionEvent {
        match self.0.take() {
            Some(text) => {
                let data = OutputData::from(text.into_bytes()).0;
                ActionEvent::Output { stream: StreamKind::Stdout, data }
            }
            None => ActionEvent::Ended(ActionEnd::Exited { code: 0 }),
        }
    }

    async fn terminate(&mut self, _: TerminateMode) -> Termination {
        Termination::Confirmed
    }
}

fn main() -> ExitCode {
    let plugin = |name: &str, priority| -> Option<(Arc<dyn Plugin>, Value)> {
        let name = PluginName::new(name).ok()?;
        Some((Arc::new(Noting { name, priority }), json!({})))
    };
    // The second has the name of a command of pab itself.
    let plugins = [plugin("noting", 5), plugin("graph", 1)].into_iter().flatten().collect();
    pabawi_cli::main_with(plugins)
}

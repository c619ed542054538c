//! A plugin for a tool of one's own, here a made-up `greet` that greets many nodes in one run, and a task that it does:
//!
//! ```text
//! cargo run -p pabawi --example plugin -- 'web[01-03]'
//! ```
//!
//! What the tool does is in [`Greeter::run`]; queueing, limits, records, permissions and reruns are the framework's. See
//! docs/plugins.md.

#![allow(clippy::print_stdout, reason = "an example that shows its result")]

use std::error::Error;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use pabawi::plugin::{Capability, Ended, RiskLevel};
use pabawi::ports::{Plugin, PluginError, PluginHealth, PluginMetadata, PluginRun, RunningAction};
use pabawi::{
    Action, AllowAll, Caller, EntryPoint, ErrorCode, ExecutionRequest, ExecutionSummary, Framework, NodeId,
    PluginName, TargetExpression, ToolAction,
};
use serde_json::{Value, json};

/// A plugin that greets nodes.
#[derive(Default)]
pub(crate) struct Greeter {
    greeting: Mutex<String>,
}

fn name() -> PluginName {
    // A constant that is a good name.
    "greet".parse().unwrap_or_else(|error| unreachable!("{error}"))
}

fn fault(message: impl Into<String>) -> PluginError {
    PluginError { plugin: name(), code: ErrorCode::PluginFault, message: message.into(), stack: None }
}

#[async_trait]
impl Plugin for Greeter {
    fn metadata(&self) -> PluginMetadata {
        PluginMetadata {
            name: name(),
            version: "1.0.0".to_owned(),
            description: "Greets nodes".to_owned(),
            priority: 5,
            depends_on: Vec::new(),
        }
    }

    fn config_schema(&self) -> Option<Value> {
        Some(json!({
            "type": "object",
            "required": ["greeting"],
            "properties": {"greeting": {"type": "string", "minLength": 1}},
            "additionalProperties": false,
        }))
    }

    fn capabilities(&self) -> Vec<Capability> {
        vec![Capability {
            name: "task.execute".to_owned(),
            description: "Runs a task of greet".to_owned(),
            parameters: json!({
                "type": "object",
                "required": ["whom"],
                "properties": {"whom": {"type": "string"}, "token": {"type": "string"}},
                "additionalProperties": false,
            }),
            result: None,
            required_permissions: vec!["task.execute".to_owned()],
            risk: RiskLevel::Execute,
            sensitive: vec!["/token".to_owned()],
            commands: Vec::new(),
            idempotent: true,
            timeout_ms: Some(60_000),
        }]
    }

    async fn initialize(&self, config: Value) -> Result<(), PluginError> {
        // The schema has been checked.
        let greeting = config.get("greeting").and_then(Value::as_str).unwrap_or_default();
        greeting.clone_into(&mut self.greeting.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    async fn health(&self) -> PluginHealth {
        PluginHealth::Healthy
    }

    async fn shutdown(&self) {}

    async fn run(&self, run: PluginRun) -> Result<Vec<(NodeId, Box<dyn RunningAction>)>, PluginError> {
        let tool = run.action.tool().ok_or_else(|| fault("was asked for what it cannot do"))?;
        let whom = tool.parameters.get("whom").and_then(Value::as_str).unwrap_or_default();
        let greeting = self.greeting.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // A real tool is started here, once for all targets, and its output is taken apart by node.
        let of_node = |node: &NodeId| Ended::printed(format!("{greeting} {whom} from {node}\n"), 0);
        Ok(run.targets.iter().map(|target| (target.node.clone(), of_node(&target.node))).collect())
    }
}

/// Has the plugin do a task on nodes.
pub(crate) async fn greet(framework: &Framework, targets: &str) -> Result<ExecutionSummary, Box<dyn Error>> {
    let caller = Caller { user: "ops".to_owned(), entry_point: EntryPoint::Rust };
    let mut tool = ToolAction { name: "greet".to_owned(), ..ToolAction::default() };
    tool.parameters.insert("whom".to_owned(), Value::from("the world"));
    let request = ExecutionRequest::new(Action::Task(tool), TargetExpression::new(targets));
    Ok(framework.execute(caller, request).await?.summary)
}

#[tokio::main]
#[allow(dead_code, reason = "a test calls the functions above")]
async fn main() -> Result<(), Box<dyn Error>> {
    let targets = std::env::args().nth(1).unwrap_or_else(|| "web[01-03]".to_owned());
    let framework = Framework::builder()
        .authorizer(AllowAll)
        .plugin(Greeter::default(), json!({"greeting": "Hello"}))
        .open()
        .await?;
    let summary = greet(&framework, &targets).await?;
    println!("{} of {} succeeded", summary.progress.succeeded, summary.progress.total);
    framework.shutdown(std::time::Duration::from_secs(5)).await;
    Ok(())
}

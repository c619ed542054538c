//! `pab` with a plugin that is compiled in, for tests of the commands that are made of capabilities. What the plugin is asked to
//! do it appends to the file that `PAB_TOOLS_LOG` names, one JSON object for each run.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi::inventory::{StaticInventory, hosts_list};
use pabawi::plugin::{Capability, Ended, RiskLevel};
use pabawi::ports::{
    AuthorizationQuery, Authorizer, AuthorizerError, Decision, InventorySource, Plugin, PluginCall,
    PluginError, PluginHealth, PluginMetadata, PluginMethods, PluginRun, RunningAction,
};
use pabawi::{ErrorCode, NodeId, PluginName};
use serde_json::{Map, Value, json};

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
        commands: Vec::new(),
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
        let required = |names: &[&str]| {
            let properties: Map<String, Value> =
                names.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
            json!({"type": "object", "required": names, "properties": properties})
        };
        let events = json!({"additionalProperties": false, "properties": {
            "since": {"type": "string"},
            "status": {"type": "array", "items": {"enum": ["success", "failure"]}},
            "limit": {"type": "integer", "default": 100},
        }});
        let package = json!({"properties": {"ensure": {"enum": ["present", "absent", "latest"]}}});
        vec![
            capability("command.execute", RiskLevel::Execute, json!({"type": "object"})),
            task,
            capability("playbook.execute", RiskLevel::Admin, json!({"type": "object"})),
            capability("package.install", RiskLevel::Execute, package),
            capability("task.list", RiskLevel::Read, json!({"properties": {"search": {"type": "string"}}})),
            capability("task.show", RiskLevel::Read, required(&["name"])),
            capability("facts.get", RiskLevel::Read, json!({"type": "object"})),
            capability("inventory.list", RiskLevel::Read, json!({"type": "object"})),
            capability("events.list", RiskLevel::Read, events),
            capability("query.run", RiskLevel::Read, required(&["pql"])),
            // An extension of its own.
            capability("vm.destroy", RiskLevel::Admin, required(&["vm"])),
            capability("vm.list", RiskLevel::Read, json!({"type": "object"})),
        ]
    }

    /// The nodes that `PAB_TOOLS_NODES` names.
    fn inventory(&self) -> Option<Arc<dyn InventorySource>> {
        let nodes = std::env::var("PAB_TOOLS_NODES").ok()?;
        let snapshot = hosts_list(self.name.as_str(), &nodes).ok()?;
        Some(Arc::new(StaticInventory::new(self.name.as_str(), self.priority, snapshot)))
    }

    fn methods(&self) -> PluginMethods {
        PluginMethods { run: true, call: true }
    }

    async fn call(&self, call: PluginCall) -> Result<Value, PluginError> {
        let PluginCall { capability, parameters, nodes, correlation_id, .. } = call;
        let noted = json!({
            "plugin": self.name, "capability": capability, "parameters": parameters, "nodes": nodes,
            "correlationId": correlation_id,
        });
        self.noted(&noted)?;
        Ok(match capability.as_str() {
            "task.list" => json!([{"name": format!("{}::restart", self.name), "description": "Restarts"}]),
            "events.list" => {
                json!({"events": [{"node": "web1", "status": "success"}], "warnings": ["one is odd"], "nextCursor": "c2"})
            }
            "inventory.list" => {
                json!({"nodes": [{"id": "web1"}, {"id": "web2"}], "groups": [], "warnings": []})
            }
            "facts.get" => json!({"facts": [{"node": "web1"}], "errors": []}),
            _ => json!({"done": capability}),
        })
    }

    async fn initialize(&self, _: Value) -> Result<(), PluginError> {
        Ok(())
    }

    /// The plugin that `PAB_TOOLS_UNWELL` names finds out after a while that it is not well.
    async fn health(&self) -> PluginHealth {
        if std::env::var("PAB_TOOLS_UNWELL").is_ok_and(|unwell| unwell == self.name.as_str()) {
            tokio::time::sleep(Duration::from_millis(300)).await;
            return PluginHealth::Unhealthy { message: "its tool is missing".to_owned() };
        }
        PluginHealth::Healthy
    }

    async fn shutdown(&self) {}

    async fn run(&self, run: PluginRun) -> Result<Vec<(NodeId, Box<dyn RunningAction>)>, PluginError> {
        let nodes: Vec<&NodeId> = run.targets.iter().map(|target| &target.node).collect();
        self.noted(&json!({"plugin": self.name, "action": *run.action, "nodes": nodes}))?;
        let text = format!("{} did {}\n", self.name, run.action.kind());
        let of_node = || Ended::printed(text.clone(), 0);
        Ok(run.targets.iter().map(|target| (target.node.clone(), of_node())).collect())
    }
}

impl Noting {
    fn noted(&self, value: &Value) -> Result<(), PluginError> {
        note(value).map_err(|error| PluginError {
            plugin: self.name.clone(),
            code: ErrorCode::PluginFault,
            message: error.to_string(),
            stack: None,
        })
    }
}

fn note(value: &Value) -> std::io::Result<()> {
    let Some(path) = std::env::var_os("PAB_TOOLS_LOG") else { return Ok(()) };
    let mut file = std::fs::File::options().create(true).append(true).open(path)?;
    writeln!(file, "{value}")
}

/// Denies the capabilities that `PAB_TOOLS_DENY` names.
struct Denying(Vec<String>);

#[async_trait]
impl Authorizer for Denying {
    async fn authorize(&self, query: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        Ok(match self.0.iter().any(|name| name == query.capability) {
            true => Decision::Deny { reason: "your role is reader".to_owned() },
            false => Decision::Allow,
        })
    }
}

fn main() -> ExitCode {
    let denied = std::env::var("PAB_TOOLS_DENY").unwrap_or_default();
    let denied = denied.split(',').map(str::to_owned).collect();
    let mut program = pabawi_cli::Program::new().authorizer(Denying(denied));
    // The second has the name of a command of pab itself.
    let count = std::env::var("PAB_TOOLS_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    let more = (1..=count).map(|number: u32| (format!("tool{number}"), 0));
    let priority = std::env::var("PAB_TOOLS_PRIORITY").ok().and_then(|given| given.parse().ok()).unwrap_or(5);
    for (name, priority) in [("noting".to_owned(), priority), ("graph".to_owned(), 1)].into_iter().chain(more)
    {
        if let Ok(name) = PluginName::new(name) {
            program = program.plugin(Noting { name, priority }, json!({}));
        }
    }
    program.run()
}

//! [`CommandInventory`]: a program that prints an inventory as JSON.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use pabawi_domain::document::Problem;
use pabawi_domain::node::{Node, NodeGroup};
use pabawi_domain::ports::{
    InventorySnapshot, InventorySource, InventorySourceError, ToolCommand, ToolRunner,
};
use pabawi_domain::secret::Secret;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::nodeset::MAX_NODES;
use crate::source::ansible::snapshot_of_list;
use crate::source::tool::{NoAnswer, output};
use crate::source::{SourceError, inventory_file, way};

/// A program that prints, on standard output, one of
///
/// * the JSON of [`to_common`](crate::export::to_common): lists of `nodes` and `groups` as this library writes them;
/// * an [`inventory_file`] as JSON;
/// * what a dynamic inventory of Ansible prints for `--list`: a mapping of groups, with `_meta`.
///
/// It is told apart by the content: `_meta` is Ansible's; nothing but `nodes` and `groups` is ours.
pub struct CommandInventory {
    name: String,
    priority: i32,
    tools: Arc<dyn ToolRunner>,
    command: ToolCommand,
}

impl CommandInventory {
    /// A source that runs this command; its limits of time and output are the command's own.
    pub fn new(command: ToolCommand, priority: i32, tools: Arc<dyn ToolRunner>) -> Self {
        Self { name: format!("command:{}", command.program.display()), priority, tools, command }
    }

    async fn read(&self) -> Result<InventorySnapshot, InventorySourceError> {
        let text = output(&*self.tools, self.command.clone()).await.map_err(|error| {
            // A program may be there later, and one that failed may have failed for want of something else.
            InventorySourceError {
                source_name: self.name.clone(),
                retryable: matches!(error, NoAnswer::Failed(_)),
                message: error.message(),
            }
        })?;
        self.parse(&text).map_err(|error| error.of_source(&self.name))
    }

    fn parse(&self, text: &str) -> Result<InventorySnapshot, SourceError> {
        let program: PathBuf = self.command.program.clone();
        let invalid = |line: u64, column: u64, field: &str, message: String| SourceError::Invalid {
            name: format!("output of {}", program.display()),
            problems: vec![Problem { line, column, field: field.to_owned(), message }],
        };
        let value: Value = serde_json::from_str(text).map_err(|error| {
            invalid(error.line() as u64, error.column() as u64, "", format!("is no JSON: {error}"))
        })?;
        let Value::Object(map) = value else {
            return Err(invalid(0, 0, "", "must be a JSON object".to_owned()));
        };
        match shape(&map) {
            Shape::Ansible => snapshot_of_list(&format!("output of {}", program.display()), &map),
            Shape::File => inventory_file(&program, text),
            Shape::Common => common(map).map_err(|error| invalid(0, 0, "", error)),
        }
    }
}

enum Shape {
    Common,
    File,
    Ansible,
}

fn shape(map: &Map<String, Value>) -> Shape {
    let is_ours = !map.contains_key("_meta")
        && (map.contains_key("nodes") || map.contains_key("groups"))
        && map.keys().all(|key| matches!(key.as_str(), "nodes" | "groups" | "sources" | "warnings"));
    let is_common = |list: Option<&Value>, key: &str| match list {
        Some(Value::Array(items)) => items.iter().all(|item| item.get(key).is_some()),
        Some(_) => false,
        None => true,
    };
    if !is_ours {
        Shape::Ansible
    } else if is_common(map.get("nodes"), "id") && is_common(map.get("groups"), "name") {
        Shape::Common
    } else {
        Shape::File
    }
}

#[derive(Deserialize)]
struct Common {
    #[serde(default)]
    nodes: Vec<Node>,
    #[serde(default)]
    groups: Vec<NodeGroup>,
    #[serde(default)]
    warnings: Vec<String>,
}

fn common(map: Map<String, Value>) -> Result<InventorySnapshot, String> {
    let Common { mut nodes, groups, warnings } =
        Common::deserialize(Value::Object(map)).map_err(|error| error.to_string())?;
    if nodes.len() as u64 > MAX_NODES {
        return Err(format!("more than {MAX_NODES} nodes"));
    }
    let mut seen = std::collections::HashSet::new();
    for node in &mut nodes {
        if !seen.insert(node.id.clone()) {
            return Err(format!("node {} is given twice", node.id));
        }
        way::endpoint(&node.endpoint)
            .map_err(|(field, error)| format!("node {}: endpoint.{field}: {error}", node.id))?;
        // A password that was not written is none.
        node.endpoint.password.take_if(|password: &mut Secret| password.is_redacted());
    }
    let mut seen = std::collections::HashSet::new();
    if let Some(twice) = groups.iter().find(|group| !seen.insert(&group.name)) {
        return Err(format!("group {} is given twice", twice.name));
    }
    Ok(InventorySnapshot { nodes, groups, warnings, ..InventorySnapshot::default() })
}

#[async_trait]
impl InventorySource for CommandInventory {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        self.read().await
    }
}

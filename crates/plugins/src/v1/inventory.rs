//! The nodes and groups of a plugin: [`V1Inventory`]. Both are asked for at once and have one deadline, as in v1.x; the
//! source without its groups is better than none.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{InventorySnapshot, InventorySource, InventorySourceError, V1Error, V1ErrorKind};
use serde_json::Value;

use super::calls::Calls;
use super::fields::{Warnings, kind};
use super::names::{Collected, Names};
use super::{group, node};

/// A plugin as a source of nodes.
pub(super) struct V1Inventory {
    pub(super) calls: Calls,
    pub(super) priority: i32,
    pub(super) ask_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) names: Arc<Names>,
}

impl V1Inventory {
    fn error(&self, message: String, retryable: bool) -> InventorySourceError {
        InventorySourceError { source_name: self.calls.plugin().to_string(), message, retryable }
    }

    fn fault(&self, method: &str, error: &V1Error) -> InventorySourceError {
        self.error(self.calls.told(method, error), error.kind != V1ErrorKind::Missing)
    }

    /// Its groups; none where it has no such method, or that fails.
    async fn groups(&self, warnings: &mut Warnings) -> Result<Vec<Value>, InventorySourceError> {
        match self.calls.call("getGroups", Vec::new(), self.timeout).await {
            Ok(Value::Array(groups)) => return Ok(groups),
            Ok(other) => warnings.add(|| format!("getGroups returned {} and no array", kind(&other))),
            Err(error) if error.kind == V1ErrorKind::Missing => {}
            Err(error) if error.kind == V1ErrorKind::Timeout => return Err(self.fault("getGroups", &error)),
            Err(error) => warnings.add(|| format!("no groups: {}", self.calls.told("getGroups", &error))),
        }
        Ok(Vec::new())
    }
}

#[async_trait]
impl InventorySource for V1Inventory {
    fn name(&self) -> &str {
        self.calls.plugin().as_str()
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        let ready = self.calls.initialized(self.ask_timeout).await;
        ready.map_err(|error| self.error(error.message, true))?;
        let mut warnings = Warnings::default();
        let (nodes, groups) = tokio::join!(
            self.calls.call("getInventory", Vec::new(), self.timeout),
            self.groups(&mut warnings)
        );
        let nodes = match nodes.map_err(|error| self.fault("getInventory", &error))? {
            Value::Array(nodes) => nodes,
            other => {
                return Err(self.error(format!("getInventory returned {} and no array", kind(&other)), true));
            }
        };
        let groups = groups?;
        let source = Source { name: self.calls.plugin().to_string(), own: self.calls.own().to_string() };
        // A million nodes take their time, and others share these threads.
        let read = tokio::task::spawn_blocking(move || snapshot(nodes, groups, &source, warnings)).await;
        let (snapshot, names) = read.map_err(|error| self.error(error.to_string(), true))?;
        self.names.set(names);
        Ok(snapshot)
    }
}

/// The plugin as nodes and groups name it.
#[derive(Debug)]
pub(super) struct Source {
    /// The name under which it is registered.
    pub(super) name: String,
    /// Its own name, with which ids of its nodes may begin.
    pub(super) own: String,
}

/// The answers as a snapshot, and other names of the nodes.
fn snapshot(
    nodes: Vec<Value>,
    groups: Vec<Value>,
    source: &Source,
    mut warnings: Warnings,
) -> (InventorySnapshot, HashMap<NodeId, NodeId>) {
    let mut ids = HashSet::with_capacity(nodes.len());
    let mut listed = Vec::with_capacity(nodes.len());
    let mut names = Collected::default();
    for (index, value) in nodes.into_iter().enumerate() {
        let at = format!("getInventory[{index}]");
        match node::read(value, &at, source, &mut warnings) {
            Ok(node) if ids.insert(node.id.clone()) => {
                node.aliases.iter().for_each(|alias| names.add(alias.clone(), &node.id));
                listed.push(node);
            }
            Ok(node) => warnings.add(|| format!("{at}.id: {} is there twice, the first stands", node.id)),
            Err(why) => warnings.add(|| format!("{why}; the node is left out")),
        }
    }
    let names = names.finish(|name| ids.contains(name));
    let own = |name: &NodeId| ids.get(name).or_else(|| names.get(name)).cloned();
    let groups = group::read(groups, source, own, &mut warnings);
    (InventorySnapshot { nodes: listed, groups, fetched_at: None, warnings: warnings.finish() }, names)
}

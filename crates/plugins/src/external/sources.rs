//! The inventory of a program, [`ExternalInventory`], and its facts, [`ExternalFacts`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::cut;
use pabawi_domain::error::{ErrorCode, NodeError, PluginTrace};
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Node, NodeGroup};
use pabawi_domain::ports::{
    FactProvider, FactProviderError, InventorySnapshot, InventorySource, InventorySourceError, NodeFacts,
    PluginError,
};
use pabawi_domain::request::Caller;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::answer::code_of;
use super::link::Link;
use super::request::{Request, object};

/// Fields of a node, of its endpoint and of a group: one that is written wrong is told and not passed over.
const OF_NODE: &[&str] = &["id", "endpoint", "groups", "aliases", "metadata"];
const OF_ENDPOINT: &[&str] = &["transport", "host", "port", "user", "identityFiles", "password", "jump"];
const OF_GROUP: &[&str] = &["name", "nodes", "children", "metadata"];
/// Most warnings of one answer.
const MOST_WARNINGS: usize = 100;

/// The nodes that a program knows.
pub(super) struct ExternalInventory {
    pub(super) link: Arc<Link>,
    pub(super) priority: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    nodes: Vec<Value>,
    #[serde(default)]
    groups: Vec<Value>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[async_trait]
impl InventorySource for ExternalInventory {
    fn name(&self) -> &str {
        self.link.name().as_str()
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn fetch(&self) -> Result<InventorySnapshot, InventorySourceError> {
        self.list().await.map_err(|error| InventorySourceError {
            source_name: self.name().to_owned(),
            message: error.message,
            retryable: error.code.is_retryable(),
        })
    }
}

impl ExternalInventory {
    /// `{nodes, groups, warnings}`, as an answer to a call.
    pub(super) async fn answer(&self) -> Result<Value, PluginError> {
        let listed = self.list().await?;
        Ok(json!({"nodes": listed.nodes, "groups": listed.groups, "warnings": listed.warnings}))
    }

    async fn list(&self) -> Result<InventorySnapshot, PluginError> {
        let answer = self.link.ask(Request::Inventory, Map::new(), None).await?;
        let listed: Listed = serde_json::from_value(answer).map_err(|error| {
            self.link.error(ErrorCode::PluginFault, format!("inventory: result: {error}"), None)
        })?;
        Ok(snapshot(listed))
    }
}

/// What can be read; the rest is left out with a word.
fn snapshot(listed: Listed) -> InventorySnapshot {
    let mut left_out = Vec::new();
    let mut ids = HashSet::new();
    let mut nodes: Vec<Node> = Vec::with_capacity(listed.nodes.len());
    for (place, value) in listed.nodes.into_iter().enumerate() {
        let endpoint = value.get("endpoint").map_or(Ok(()), |endpoint| only(endpoint, OF_ENDPOINT));
        let read = endpoint.and_then(|()| read::<Node>(value, OF_NODE));
        match read {
            Ok(node) if !ids.insert(node.id.clone()) => {
                left_out.push(format!("nodes[{place}]: {} is there twice", node.id))
            }
            Ok(node) => nodes.push(node),
            Err(why) => left_out.push(format!("nodes[{place}]: {why}")),
        }
    }
    let mut names = HashSet::new();
    let mut groups: Vec<NodeGroup> = Vec::with_capacity(listed.groups.len());
    for (place, value) in listed.groups.into_iter().enumerate() {
        match read::<NodeGroup>(value, OF_GROUP) {
            Ok(group) if !names.insert(group.name.clone()) => {
                left_out.push(format!("groups[{place}]: {} is there twice", group.name));
            }
            Ok(group) => groups.push(group),
            Err(why) => left_out.push(format!("groups[{place}]: {why}")),
        }
    }
    let many = left_out.len();
    let mut warnings = listed.warnings;
    warnings.extend(
        left_out.into_iter().take(MOST_WARNINGS).map(|text| cut::message(format!("{text}; left out"))),
    );
    if many > MOST_WARNINGS {
        warnings.push(format!("{} more were left out", many - MOST_WARNINGS));
    }
    InventorySnapshot { nodes, groups, fetched_at: None, warnings }
}

fn read<T: DeserializeOwned>(value: Value, fields: &[&str]) -> Result<T, String> {
    only(&value, fields)?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// Whether an object has no other fields.
fn only(value: &Value, fields: &[&str]) -> Result<(), String> {
    let mut names = value.as_object().into_iter().flatten().map(|(name, _)| name);
    match names.find(|name| !fields.contains(&name.as_str())) {
        Some(name) => Err(format!("unknown field {name:?}; known are {}", fields.join(", "))),
        None => Ok(()),
    }
}

/// The facts that a program knows.
pub(super) struct ExternalFacts {
    pub(super) link: Arc<Link>,
    pub(super) priority: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default)]
    facts: Vec<Known>,
    #[serde(default)]
    errors: Vec<Unknown>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Known {
    node: NodeId,
    facts: Map<String, Value>,
    raw: Option<Value>,
    #[serde(default)]
    warnings: Vec<String>,
    gathered_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unknown {
    node: NodeId,
    code: String,
    message: String,
}

type OfNode = Result<NodeFacts, NodeError>;

#[async_trait]
impl FactProvider for ExternalFacts {
    fn name(&self) -> &str {
        self.link.name().as_str()
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn collect(&self, caller: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        let named = |error| FactProviderError { provider: self.name().to_owned(), error };
        match self.of(caller, nodes).await {
            Ok(known) => known.into_iter().map(|one| one.map_err(named)).collect(),
            Err(error) => nodes.iter().map(|node| Err(named(fault(node, error.clone())))).collect(),
        }
    }
}

impl ExternalFacts {
    /// `{facts, errors}`, as an answer to a call: one of both for each node.
    pub(super) async fn answer(&self, caller: &Caller, nodes: &[NodeId]) -> Result<Value, PluginError> {
        if nodes.is_empty() {
            let text = "nodes: facts.get needs nodes whose facts it is to get";
            return Err(self.link.error(ErrorCode::Validation, text.to_owned(), None));
        }
        let (mut facts, mut errors) = (Vec::new(), Vec::new());
        for one in self.of(caller, nodes).await? {
            match one {
                Ok(known) => facts.push(known),
                Err(error) => errors.push(error),
            }
        }
        Ok(json!({"facts": facts, "errors": errors}))
    }

    /// What is known of each node, in their order.
    async fn of(&self, caller: &Caller, nodes: &[NodeId]) -> Result<Vec<OfNode>, PluginError> {
        let bad = |why: String| self.link.error(ErrorCode::PluginFault, format!("facts: {why}"), None);
        let mut seen = HashSet::new();
        let once: Vec<&NodeId> = nodes.iter().filter(|node| seen.insert(*node)).collect();
        let asked = object(json!({"nodes": once, "caller": caller}));
        let answer = self.link.ask(Request::Facts, asked, None).await?;
        let answer: Answer =
            serde_json::from_value(answer).map_err(|error| bad(format!("result: {error}")))?;
        let known = by_node(answer, nodes).map_err(bad)?;
        let of_node = |node: &NodeId| {
            known
                .get(node)
                .cloned()
                .unwrap_or_else(|| Err(fault(node, bad("says nothing of this node".to_owned()))))
        };
        Ok(nodes.iter().map(of_node).collect())
    }
}

/// A failure of the plugin as one of a node.
fn fault(node: &NodeId, error: PluginError) -> NodeError {
    let trace = PluginTrace::new(error.plugin, error.stack.as_deref());
    NodeError::new(node.clone(), error.code, error.message).of_plugin(trace)
}

fn by_node(answer: Answer, nodes: &[NodeId]) -> Result<HashMap<NodeId, OfNode>, String> {
    let asked: HashSet<&NodeId> = nodes.iter().collect();
    let now = Timestamp::now();
    let known = answer.facts.into_iter().enumerate().map(
        |(place, Known { node, facts, raw, warnings, gathered_at })| {
            let gathered_at = gathered_at.unwrap_or(now);
            (
                format!("facts[{place}]"),
                node.clone(),
                Ok(NodeFacts { node, facts, raw, warnings, gathered_at }),
            )
        },
    );
    let unknown = answer.errors.into_iter().enumerate().map(|(place, Unknown { node, code, message })| {
        let (code, message) = code_of(&code, message);
        (format!("errors[{place}]"), node.clone(), Err(NodeError::new(node, code, cut::message(message))))
    });
    let mut all = HashMap::with_capacity(nodes.len());
    for (place, node, one) in known.chain(unknown) {
        if !asked.contains(&node) {
            return Err(format!("result.{place}: {node} is none of the nodes that were asked for"));
        }
        if all.insert(node.clone(), one).is_some() {
            return Err(format!("result.{place}: {node} is there twice"));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R3.1, R3.10
    #[test]
    fn what_cannot_be_a_node_is_left_out_with_a_word() {
        let listed: Listed = serde_json::from_value(json!({
            "nodes": [
                {"id": "web1", "endpoint": {"host": "10.0.0.1", "port": 22}, "metadata": {"os": "x"}},
                {"id": "two words"},
                {"id": "web1"},
                {"id": "web2", "endpoint": {"hots": "x"}},
                {"id": "web3", "address": "x"},
                "web4",
            ],
            "groups": [{"name": "web", "nodes": ["web1"]}, {"name": "web"}, {"nodes": []}],
            "warnings": ["one file was not read"],
        }))
        .unwrap();
        let snapshot = snapshot(listed);
        let ids: Vec<&str> = snapshot.nodes.iter().map(|node| node.id.as_str()).collect();
        assert_eq!((ids, snapshot.groups.len()), (vec!["web1"], 1));
        assert_eq!(snapshot.nodes[0].endpoint.host.as_deref(), Some("10.0.0.1"));
        for (warning, part) in snapshot.warnings.iter().zip([
            "one file was not read",
            "nodes[1]: invalid node id",
            "nodes[2]: web1 is there twice; left out",
            "nodes[3]: unknown field \"hots\"; known are transport",
            "nodes[4]: unknown field \"address\"",
            "nodes[5]: ",
            "groups[1]: web is there twice",
            "groups[2]: missing field `name`",
        ]) {
            assert!(warning.starts_with(part), "{warning} {part}");
        }
        assert_eq!(snapshot.warnings.len(), 8);
        let many = Listed { nodes: vec![json!(5); 150], groups: Vec::new(), warnings: Vec::new() };
        let warnings = super::snapshot(many).warnings;
        assert_eq!(
            (warnings.len(), warnings.last().map(String::as_str)),
            (101, Some("50 more were left out"))
        );
    }

    #[test]
    fn facts_are_of_the_nodes_that_were_asked_for_each_once() {
        let nodes = ["web1", "web2"].map(|name| NodeId::new(name).unwrap());
        let read = |answer: Value| by_node(serde_json::from_value(answer).unwrap(), &nodes);
        let one = json!({"node": "web1", "facts": {"os": 1}, "gatheredAt": "2026-03-01T12:00:00Z"});
        let error = json!({"node": "web2", "code": "not_found", "message": "unknown"});
        let all = read(json!({"facts": [one], "errors": [error]})).unwrap();
        let known = all[&nodes[0]].as_ref().unwrap();
        assert_eq!(
            (known.facts["os"].clone(), known.gathered_at.to_string()),
            (json!(1), "2026-03-01T12:00:00Z".into())
        );
        assert_eq!(all[&nodes[1]].as_ref().unwrap_err().code, ErrorCode::NotFound);
        let other = json!({"node": "web3", "facts": {}});
        for (answer, part) in [
            (json!({"facts": [one, one]}), "result.facts[1]: web1 is there twice"),
            (json!({"facts": [other]}), "result.facts[0]: web3 is none of the nodes"),
        ] {
            assert!(read(answer).unwrap_err().contains(part));
        }
    }
}

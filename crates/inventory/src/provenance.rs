//! [`Provenance`]: where each field of a node comes from, and what other sources say of it.

use jiff::Timestamp;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::Node;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Inventory;
use crate::merge::SourceData;

/// Where the fields of one node come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// The node.
    pub node: NodeId,
    /// What each source says of it, the highest priority first.
    pub entries: Vec<Said<NodeId>>,
    /// Its fields: those of the endpoint, then `groups`, `aliases`, and `metadata.KEY` in the order of the keys.
    pub fields: Vec<FieldProvenance>,
}

/// Where one field comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldProvenance {
    /// The field: `host`, `port`, `groups`, `metadata.rack`.
    pub field: String,
    /// The value that stands, and who says so. Of `groups` and `aliases`, which add up, what the first one says.
    pub winner: Said<Value>,
    /// What the others say, in the order of their priority.
    pub losers: Vec<Said<Value>>,
}

/// What a source says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Said<T> {
    /// What.
    pub value: T,
    /// The source.
    pub source: String,
    /// Its priority.
    pub priority: i32,
    /// When it was asked, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched_at: Option<Timestamp>,
    /// How long ago that was, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<i64>,
}

impl<T> Said<T> {
    fn by(data: &SourceData, value: T, times: &Times<'_>) -> Self {
        let fetched_at = (times.fetched_at)(&data.name);
        let age_ms = fetched_at.map(|at| times.now.as_millisecond() - at.as_millisecond());
        Self { value, source: data.name.clone(), priority: data.priority, fetched_at, age_ms }
    }
}

/// When the sources were asked, and what time it is.
struct Times<'a> {
    fetched_at: &'a dyn Fn(&str) -> Option<Timestamp>,
    now: Timestamp,
}

impl Inventory {
    /// Where the fields of a node come from, as of `now`; `fetched_at` tells when a source was asked. `None` when there
    /// is no such node.
    pub fn explain(
        &self,
        name: &str,
        now: Timestamp,
        fetched_at: &dyn Fn(&str) -> Option<Timestamp>,
    ) -> Option<Provenance> {
        let times = Times { fetched_at, now };
        let index = self.node_index(name)?;
        let node = self.nodes().get(index)?;
        let mut entries = Vec::new();
        let mut said: Vec<(String, Vec<Said<Value>>)> = Vec::new();
        for (data, entry) in self.entries(index) {
            entries.push(Said::by(data, entry.id.clone(), &times));
            for (field, value) in fields(entry) {
                add(&mut said, field, Said::by(data, value, &times));
            }
        }
        for data in self.parts() {
            let groups = self.listed_in(data, index);
            if !groups.is_empty() {
                add(&mut said, "groups".to_owned(), Said::by(data, groups.into(), &times));
            }
        }
        said.sort_by_key(|(field, _)| (rank(field), field.clone()));
        let fields = said.into_iter().filter_map(|(field, said)| {
            let mut said = said.into_iter();
            Some(FieldProvenance { field, winner: said.next()?, losers: said.collect() })
        });
        Some(Provenance { node: node.id.clone(), entries, fields: fields.collect() })
    }

    /// The groups that a source puts the node into, in the source's order.
    fn listed_in(&self, data: &SourceData, index: usize) -> Vec<String> {
        let is_it = |id: &NodeId| self.node_index(id.as_str()) == Some(index);
        let mut groups: Vec<String> = Vec::new();
        let said = self.entries(index).filter(|(by, _)| by.name == data.name);
        let of_nodes = said.flat_map(|(_, node)| &node.groups).map(|name| name.as_str());
        let of_groups = data
            .snapshot
            .groups
            .iter()
            .filter(|group| group.nodes.iter().any(is_it))
            .map(|group| group.name.as_str());
        for name in of_nodes.chain(of_groups) {
            if !groups.iter().any(|known| known == name) {
                groups.push(name.to_owned());
            }
        }
        groups
    }
}

fn add(said: &mut Vec<(String, Vec<Said<Value>>)>, field: String, value: Said<Value>) {
    match said.iter_mut().find(|(known, _)| *known == field) {
        Some((_, values)) => values.push(value),
        None => said.push((field, vec![value])),
    }
}

const ORDER: [&str; 9] =
    ["transport", "host", "port", "user", "identityFiles", "password", "jump", "groups", "aliases"];

fn rank(field: &str) -> usize {
    ORDER.iter().position(|known| *known == field).unwrap_or(ORDER.len())
}

/// The fields that an entry has, but for its groups. A password is shown as `***`.
fn fields(node: &Node) -> Vec<(String, Value)> {
    let endpoint = &node.endpoint;
    let mut fields = Vec::new();
    let mut push = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.push((field.to_owned(), value));
        }
    };
    push("transport", endpoint.transport.as_ref().map(|name| json!(name)));
    push("host", endpoint.host.as_ref().map(|host| json!(host)));
    push("port", endpoint.port.map(|port| json!(port)));
    push("user", endpoint.user.as_ref().map(|user| json!(user)));
    push("identityFiles", (!endpoint.identity_files.is_empty()).then(|| json!(endpoint.identity_files)));
    push("password", endpoint.password.as_ref().map(|_| json!("***")));
    push("jump", endpoint.jump.as_ref().map(|jump| json!(jump)));
    push("aliases", (!node.aliases.is_empty()).then(|| json!(node.aliases)));
    for (key, value) in node.metadata.iter() {
        push(&format!("metadata.{key}"), Some(value.clone()));
    }
    fields
}

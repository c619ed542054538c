//! [`NodeList`]: rows of a query become nodes with metadata and groups.

use std::collections::{BTreeMap, HashMap};

use pabawi_domain::id::{GroupName, NodeId};
use pabawi_domain::node::{Node, NodeGroup};
use pabawi_domain::ports::InventorySnapshot;
use serde_json::{Map, Value};

use super::fact_path::{find, insert};
use super::reply::Row;
use super::settings::ENVIRONMENT;

/// At most so many warnings are told; the last says how many more there were.
const MAX_WARNINGS: usize = 100;

/// Columns that tell a node's environment, the best one first: what its catalog was compiled for.
const ENVIRONMENT_COLUMNS: [&str; 4] =
    [ENVIRONMENT, "catalog_environment", "report_environment", "facts_environment"];

/// Where columns that are no facts stand in the metadata.
pub(super) const COLUMNS: &str = "puppetdb";

/// Nodes while they are read.
#[derive(Default)]
pub(super) struct NodeList {
    nodes: Vec<Node>,
    places: HashMap<NodeId, usize>,
    groups: BTreeMap<GroupName, Vec<NodeId>>,
    warnings: Vec<String>,
    more_warnings: usize,
}

impl NodeList {
    /// Takes the row of a node. `Some(certname)` when it is a new one.
    pub(super) fn add(&mut self, row: Row) -> Option<String> {
        let certname = row.get("certname").and_then(Value::as_str)?.to_owned();
        let id = match NodeId::new(&certname) {
            Ok(id) => id,
            Err(error) => {
                self.warn(format!("{error}; left out"));
                return None;
            }
        };
        if self.places.contains_key(&id) {
            return None;
        }
        let mut node = Node::named(id.clone());
        let (mut metadata, mut columns) = (Map::new(), Map::new());
        for (column, value) in row {
            take_column(&mut metadata, &mut columns, column, value);
        }
        if !columns.is_empty() {
            metadata.insert(COLUMNS.to_owned(), Value::Object(columns));
        }
        node.metadata = metadata.into_iter().collect();
        self.places.insert(id, self.nodes.len());
        self.nodes.push(node);
        Some(certname)
    }

    /// Adds facts of a node that is listed already.
    pub(super) fn add_facts(&mut self, row: Row) {
        let place = row.get("certname").and_then(Value::as_str).and_then(|name| self.places.get(name));
        let Some(node) = place.copied().and_then(|place| self.nodes.get_mut(place)) else { return };
        let known = node.metadata.iter().map(|(key, value)| (key.to_owned(), value.clone()));
        let mut metadata: Map<String, Value> = known.collect();
        for (column, value) in row {
            take_column(&mut metadata, &mut Map::new(), column, value);
        }
        node.metadata = metadata.into_iter().collect();
        // A node whose certificate bears another name than the machine is found under both.
        if let Some(fqdn) = find(&node.metadata, "networking.fqdn").and_then(Value::as_str)
            && let Ok(alias) = NodeId::new(fqdn)
            && alias != node.id
        {
            node.aliases = vec![alias];
        }
    }

    /// Makes a group for each value of a fact, or of the environment.
    pub(super) fn group_by(&mut self, what: &str) {
        let mut faults = Vec::new();
        for node in &self.nodes {
            let Some(value) = value_of(node, what) else { continue };
            match GroupName::new(format!("{what}={value}")) {
                Ok(name) => self.groups.entry(name).or_default().push(node.id.clone()),
                Err(error) => faults.push(format!("node {}: {error}; no group for it", node.id)),
            }
        }
        faults.into_iter().for_each(|fault| self.warn(fault));
    }

    /// A group with those of the nodes that are listed.
    pub(super) fn add_group<'a>(&mut self, name: GroupName, certnames: impl Iterator<Item = &'a str>) {
        let members = self.groups.entry(name).or_default();
        for certname in certnames {
            if let Some((id, _)) = self.places.get_key_value(certname)
                && members.last() != Some(id)
            {
                members.push(id.clone());
            }
        }
    }

    pub(super) fn warn(&mut self, warning: String) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        } else {
            self.more_warnings += 1;
        }
    }

    /// What has been read.
    pub(super) fn finish(mut self) -> InventorySnapshot {
        if self.more_warnings > 0 {
            self.warnings.push(format!("{} more warnings of this kind", self.more_warnings));
        }
        let group = |(name, nodes)| NodeGroup {
            name,
            sources: Vec::new(),
            nodes,
            children: Vec::new(),
            metadata: BTreeMap::new(),
        };
        InventorySnapshot {
            nodes: self.nodes,
            groups: self.groups.into_iter().map(group).collect(),
            fetched_at: None,
            warnings: self.warnings,
        }
    }
}

/// Sorts a column: facts stand where Facter has them, anything else under `puppetdb`. What is null is not known. Nodes
/// choose their facts, so none of them can stand where PuppetDB's own columns do.
fn take_column(
    metadata: &mut Map<String, Value>,
    columns: &mut Map<String, Value>,
    column: String,
    value: Value,
) {
    match (column.as_str(), value) {
        ("certname", _) | (_, Value::Null) => {}
        ("facts", Value::Object(facts)) => {
            metadata.extend(facts.into_iter().filter(|(name, _)| name != COLUMNS));
        }
        ("trusted", trusted) => {
            metadata.insert(column, trusted);
        }
        (name, value) => match name.strip_prefix("facts.") {
            Some(path) if !path.contains('"') => {
                if path.split('.').next() != Some(COLUMNS) {
                    insert(metadata, path, value);
                }
            }
            _ => {
                columns.insert(column, value);
            }
        },
    }
}

fn value_of(node: &Node, what: &str) -> Option<String> {
    if what == ENVIRONMENT {
        let columns = node.metadata.get(COLUMNS)?;
        return ENVIRONMENT_COLUMNS
            .iter()
            .find_map(|column| columns.get(column)?.as_str().map(str::to_owned));
    }
    match find(&node.metadata, what)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(value: Value) -> Row {
        let Value::Object(row) = value else { panic!("an object") };
        row
    }

    /// R3.9, R3.10
    #[test]
    fn columns_become_metadata_where_facter_has_them() {
        let mut list = NodeList::default();
        let new = list.add(row(json!({
            "certname": "web1", "catalog_environment": null, "facts_environment": "test",
            "facts": {"kernel": "Linux", "puppetdb": {"facts_environment": "forged"}},
            "facts.puppetdb": "forged", "facts.os.family": "Debian", "facts.\"odd.name\"": 1,
        })));
        assert_eq!(new.as_deref(), Some("web1"));
        list.add_facts(row(
            json!({"certname": "web1", "facts.networking.fqdn": "www.example.org", "facts.none": null}),
        ));
        list.add_facts(row(json!({"certname": "nobody", "facts.kernel": "x"})));
        let snapshot = list.finish();
        let [node] = snapshot.nodes.as_slice() else { panic!("{snapshot:?}") };
        assert_eq!(
            serde_json::to_value(&node.metadata).unwrap(),
            json!({
                "kernel": "Linux", "os": {"family": "Debian"}, "networking": {"fqdn": "www.example.org"},
                "puppetdb": {"facts_environment": "test", "facts.\"odd.name\"": 1},
            })
        );
        assert_eq!(node.aliases, [NodeId::new("www.example.org").unwrap()]);
    }

    #[test]
    fn what_cannot_be_a_node_is_left_out_with_a_word() {
        let mut list = NodeList::default();
        for name in ["web1", "web1", "a b", "-x", "web2"] {
            list.add(row(json!({"certname": name})));
        }
        for number in 0..MAX_WARNINGS {
            list.add(row(json!({"certname": format!("bad {number}")})));
        }
        let snapshot = list.finish();
        assert_eq!(snapshot.nodes.len(), 2);
        assert!(snapshot.warnings[0].contains("\"a b\"") && snapshot.warnings[0].ends_with("left out"));
        assert_eq!(snapshot.warnings.len(), MAX_WARNINGS + 1);
        assert_eq!(snapshot.warnings.last().unwrap(), "2 more warnings of this kind");
    }

    /// R3.2
    #[test]
    fn groups_come_from_values() {
        let mut list = NodeList::default();
        for (name, environment, family) in
            [("a", "prod", json!("Debian")), ("b", "test", json!("Debian")), ("c", "prod", json!({"x": 1}))]
        {
            list.add(row(
                json!({"certname": name, "report_environment": environment, "facts.os.family": family}),
            ));
        }
        list.add(row(json!({"certname": "d", "report_environment": "a\nb"})));
        list.group_by(ENVIRONMENT);
        list.group_by("os.family");
        list.add_group(GroupName::new("mine").unwrap(), ["b", "b", "nobody", "c"].into_iter());
        let snapshot = list.finish();
        let groups: Vec<(String, String)> = snapshot
            .groups
            .iter()
            .map(|group| {
                let nodes: Vec<&str> = group.nodes.iter().map(NodeId::as_str).collect();
                (group.name.to_string(), nodes.join(","))
            })
            .collect();
        let expected = [
            ("environment=prod", "a,c"),
            ("environment=test", "b"),
            ("mine", "b,c"),
            ("os.family=Debian", "a,b"),
        ];
        assert_eq!(groups, expected.map(|(name, nodes)| (name.to_owned(), nodes.to_owned())));
        assert!(snapshot.warnings[0].contains("node d"), "{:?}", snapshot.warnings);
    }
}

//! [`Merge`]: several snapshots become one. A node's fields come from the source of the highest priority
//! that has them; groups of one name are linked.

use std::collections::{HashMap, HashSet};

use pabawi_domain::id::{GroupName, NodeId};
use pabawi_domain::node::{Endpoint, Node, NodeGroup};
use pabawi_domain::ports::InventorySnapshot;

/// The merged lists.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    pub(crate) nodes: Vec<Node>,
    pub(crate) groups: Vec<NodeGroup>,
    pub(crate) warnings: Vec<String>,
}

impl Merge {
    /// Merges `(name, priority, snapshot)` of each source.
    pub(crate) fn of(mut parts: Vec<(String, i32, InventorySnapshot)>) -> Self {
        // A stable sort: at equal priority the earlier source goes first and wins.
        parts.sort_by_key(|(_, priority, _)| std::cmp::Reverse(*priority));
        let mut nodes = Nodes::default();
        let mut groups = Groups::default();
        let mut warnings = Vec::new();
        for (source, _, snapshot) in parts {
            warnings.extend(snapshot.warnings.into_iter().map(|warning| format!("{source}: {warning}")));
            for mut node in snapshot.nodes {
                node.source.get_or_insert_with(|| source.clone());
                for group in &node.groups {
                    groups.add_member(group, &node.id, &source);
                }
                nodes.add(node);
            }
            for group in snapshot.groups {
                groups.add(group, &source);
            }
        }
        for group in &groups.list {
            for id in &group.nodes {
                nodes.join(id, &group.name, group.sources.first());
            }
        }
        Self { nodes: nodes.list, groups: groups.list, warnings }
    }
}

#[derive(Default)]
struct Nodes {
    list: Vec<Node>,
    index: HashMap<NodeId, usize>,
}

impl Nodes {
    fn add(&mut self, node: Node) {
        match self.index.get(&node.id).and_then(|at| self.list.get_mut(*at)) {
            Some(known) => fill(known, node),
            None => {
                self.index.insert(node.id.clone(), self.list.len());
                self.list.push(node);
            }
        }
    }

    /// Writes the membership down with the node. A member that no source lists is a node of which only the
    /// name is known.
    fn join(&mut self, id: &NodeId, group: &GroupName, source: Option<&String>) {
        if !self.index.contains_key(id) {
            self.add(Node { source: source.cloned(), ..Node::named(id.clone()) });
        }
        if let Some(node) = self.index.get(id).and_then(|at| self.list.get_mut(*at))
            && !node.groups.contains(group)
        {
            node.groups.push(group.clone());
        }
    }
}

/// Takes from `other` what `endpoint` does not say.
pub(crate) fn fill_endpoint(endpoint: &mut Endpoint, other: Endpoint) {
    let Endpoint { transport, host, port, user, identity_files, password, jump } = other;
    endpoint.transport = endpoint.transport.take().or(transport);
    endpoint.host = endpoint.host.take().or(host);
    endpoint.port = endpoint.port.or(port);
    endpoint.user = endpoint.user.take().or(user);
    endpoint.password = endpoint.password.take().or(password);
    endpoint.jump = endpoint.jump.take().or(jump);
    if endpoint.identity_files.is_empty() {
        endpoint.identity_files = identity_files;
    }
}

/// Takes from `other`, of lower priority, what `node` does not have.
fn fill(node: &mut Node, other: Node) {
    fill_endpoint(&mut node.endpoint, other.endpoint);
    for group in other.groups {
        if !node.groups.contains(&group) {
            node.groups.push(group);
        }
    }
    for (key, value) in other.metadata {
        node.metadata.entry(key).or_insert(value);
    }
}

#[derive(Default)]
struct Groups {
    list: Vec<NodeGroup>,
    index: HashMap<GroupName, usize>,
    members: HashMap<GroupName, HashSet<NodeId>>,
}

impl Groups {
    fn entry(&mut self, name: &GroupName, source: &str) -> Option<&mut NodeGroup> {
        let at = *self.index.entry(name.clone()).or_insert_with(|| {
            self.list.push(NodeGroup {
                name: name.clone(),
                sources: Vec::new(),
                nodes: Vec::new(),
                children: Vec::new(),
                metadata: std::collections::BTreeMap::new(),
            });
            self.list.len() - 1
        });
        let group = self.list.get_mut(at)?;
        if !group.sources.iter().any(|known| known == source) {
            group.sources.push(source.to_owned());
        }
        Some(group)
    }

    fn add_member(&mut self, name: &GroupName, id: &NodeId, source: &str) {
        let is_new = self.members.entry(name.clone()).or_default().insert(id.clone());
        if let Some(group) = self.entry(name, source)
            && is_new
        {
            group.nodes.push(id.clone());
        }
    }

    fn add(&mut self, group: NodeGroup, source: &str) {
        for id in &group.nodes {
            self.add_member(&group.name, id, source);
        }
        if let Some(known) = self.entry(&group.name, source) {
            for child in group.children {
                if !known.children.contains(&child) {
                    known.children.push(child);
                }
            }
            for (key, value) in group.metadata {
                known.metadata.entry(key).or_insert(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Inventory;

    fn node(id: &str) -> Node {
        Node::named(NodeId::new(id).unwrap())
    }

    fn group(name: &str, nodes: &[&str], children: &[&str]) -> NodeGroup {
        NodeGroup {
            name: GroupName::new(name).unwrap(),
            sources: Vec::new(),
            nodes: nodes.iter().map(|id| NodeId::new(id).unwrap()).collect(),
            children: children.iter().map(|name| GroupName::new(name).unwrap()).collect(),
            metadata: Default::default(),
        }
    }

    fn snapshot(nodes: Vec<Node>, groups: Vec<NodeGroup>) -> InventorySnapshot {
        InventorySnapshot { nodes, groups, ..InventorySnapshot::default() }
    }

    /// R3.7, R3.8
    #[test]
    fn the_higher_priority_wins_field_by_field() {
        let mut low = node("web1");
        low.endpoint.host = Some("10.0.0.1".into());
        low.endpoint.port = Some(22);
        low.metadata.insert("os".into(), "debian".into());
        low.metadata.insert("rack".into(), 7.into());
        let mut high = node("web1");
        high.endpoint.port = Some(2222);
        high.metadata.insert("os".into(), "ubuntu".into());
        let inventory = Inventory::merge(vec![
            ("low".into(), 1, snapshot(vec![low, node("db1")], vec![])),
            ("high".into(), 9, snapshot(vec![high], vec![])),
        ]);
        let web1 = inventory.node("web1").unwrap();
        assert_eq!((web1.endpoint.host.as_deref(), web1.endpoint.port), (Some("10.0.0.1"), Some(2222)));
        assert_eq!((&web1.metadata["os"], &web1.metadata["rack"]), (&"ubuntu".into(), &7.into()));
        assert_eq!(web1.source.as_deref(), Some("high"));
        assert_eq!(inventory.nodes().len(), 2);
    }

    /// R3.2, R3.3
    #[test]
    fn groups_of_one_name_are_linked_and_members_go_both_ways() {
        let mut db1 = node("db1");
        db1.groups.push(GroupName::new("db").unwrap());
        let inventory = Inventory::merge(vec![
            ("a".into(), 0, snapshot(vec![db1], vec![group("all-db", &[], &["db"])])),
            ("b".into(), 0, snapshot(vec![], vec![group("db", &["db2", "db1"], &["all-db"])])),
        ]);
        let db = inventory.group("db").unwrap();
        assert_eq!(db.sources, ["a", "b"]);
        let names = |name: &str| -> Vec<&str> {
            inventory.members(inventory.group(name).unwrap()).iter().map(|node| node.id.as_str()).collect()
        };
        assert_eq!(names("db"), ["db1", "db2"]);
        // The two groups contain each other; both still have an end.
        assert_eq!(names("all-db"), ["db1", "db2"]);
        assert_eq!(inventory.node("db2").unwrap().groups.len(), 1);
        assert_eq!(inventory.node("db2").unwrap().source.as_deref(), Some("a"));
    }
}

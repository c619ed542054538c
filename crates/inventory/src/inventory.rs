//! [`Inventory`]: everything the sources know, merged and ready for look-ups. Immutable; a refresh makes a
//! new one.

use std::collections::{HashMap, HashSet};

use pabawi_domain::id::{GroupName, NodeId};
use pabawi_domain::node::{Node, NodeGroup};
use pabawi_domain::ports::InventorySnapshot;

use crate::merge::Merge;

/// Nodes and groups of all sources, each once.
#[derive(Debug, Default)]
pub struct Inventory {
    nodes: Vec<Node>,
    node_index: HashMap<NodeId, usize>,
    groups: Vec<NodeGroup>,
    group_index: HashMap<GroupName, usize>,
    warnings: Vec<String>,
    sources: Vec<String>,
}

impl Inventory {
    /// Merges what the sources told: `(name, priority, snapshot)` of each. Where two disagree about a node,
    /// the field of the higher priority stands, at equal priority that of the earlier source (R3.7, R3.8).
    pub fn merge(parts: Vec<(String, i32, InventorySnapshot)>) -> Self {
        let sources = parts.iter().map(|(name, ..)| name.clone()).collect();
        let Merge { nodes, groups, warnings } = Merge::of(parts);
        let node_index = nodes.iter().enumerate().map(|(index, node)| (node.id.clone(), index)).collect();
        let group_index =
            groups.iter().enumerate().map(|(index, group)| (group.name.clone(), index)).collect();
        Self { nodes, node_index, groups, group_index, warnings, sources }
    }

    /// Every node, in the order of the sources.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Every group, in the order of the sources.
    pub fn groups(&self) -> &[NodeGroup] {
        &self.groups
    }

    /// Names of the sources, in the order in which they were given.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// What the sources had to leave out, and why.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The node of that id.
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.get(*self.node_index.get(id)?)
    }

    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<&NodeGroup> {
        self.groups.get(*self.group_index.get(name)?)
    }

    /// The members of a group and of its children, each once, own members first. A group that contains
    /// itself by way of two sources is entered once.
    pub fn members<'a>(&'a self, group: &'a NodeGroup) -> Vec<&'a Node> {
        let mut members = Vec::new();
        let mut seen_nodes = HashSet::new();
        let mut seen_groups: HashSet<&str> = HashSet::from([group.name.as_str()]);
        let mut open = vec![group];
        // Each group is opened once, so this ends.
        while let Some(group) = open.pop() {
            for id in &group.nodes {
                if let Some(node) = self.node(id.as_str())
                    && seen_nodes.insert(&node.id)
                {
                    members.push(node);
                }
            }
            for child in group.children.iter().rev() {
                if let Some(child) = self.group(child.as_str())
                    && seen_groups.insert(child.name.as_str())
                {
                    open.push(child);
                }
            }
        }
        members
    }
}

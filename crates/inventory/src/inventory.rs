//! [`Inventory`]: everything the sources know, merged and ready for look-ups. Immutable; a refresh makes a
//! new one.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::HashMap;
use pabawi_domain::id::{GroupName, NodeId};
use pabawi_domain::node::{Node, NodeGroup};
use pabawi_domain::ports::InventorySnapshot;

use crate::membership::Membership;
use crate::merge::{Entry, Links, Merge, SourceData, entry_of};

/// Nodes and groups of all sources, each once.
#[derive(Debug, Default)]
pub struct Inventory {
    /// What the sources told, in the order of the merge.
    parts: Vec<SourceData>,
    links: Links,
    nodes: Vec<Node>,
    names: HashMap<NodeId, u32>,
    groups: Vec<NodeGroup>,
    group_index: HashMap<GroupName, usize>,
    warnings: Vec<String>,
    sources: Vec<String>,
    /// Who belongs to which group, by places.
    membership: Membership,
}

impl Inventory {
    /// Merges what the sources told. Entries of several sources that have a name, an alias or a host in common are one
    /// node, also by way of others. Where two disagree about a field, that of the higher priority stands, at equal
    /// priority that of the earlier source (R3.7, R3.8).
    pub fn merge<T: Into<SourceData>>(parts: impl IntoIterator<Item = T>) -> Self {
        let mut parts: Vec<SourceData> = parts.into_iter().map(Into::into).collect();
        let sources = parts.iter().map(|data| data.name.clone()).collect();
        // A stable sort: at equal priority the earlier source goes first and wins.
        parts.sort_by_key(|data| std::cmp::Reverse(data.priority));
        let Merge { nodes, names, groups, members, links, warnings } = Merge::of(&parts);
        let group_index =
            groups.iter().enumerate().map(|(index, group)| (group.name.clone(), index)).collect();
        let membership = Membership::of(&groups, members, &group_index);
        Self { parts, links, nodes, names, groups, group_index, membership, warnings, sources }
    }

    /// The same as if no source had told of the nodes that `keep` refuses. Names of groups stay, without these members.
    pub fn only(&self, keep: impl Fn(&Node) -> bool) -> Self {
        let kept: Vec<bool> = self.nodes.iter().map(keep).collect();
        // A name that no node has is told by nobody.
        let is_kept =
            |id: &NodeId| self.node_index(id.as_str()).is_some_and(|at| kept.get(at) == Some(&true));
        let parts = self.parts.iter().map(|data| {
            let mut snapshot = InventorySnapshot::clone(&data.snapshot);
            snapshot.nodes.retain(|node| is_kept(&node.id));
            snapshot.groups.iter_mut().for_each(|group| group.nodes.retain(is_kept));
            // They may name those that are left out.
            snapshot.warnings.clear();
            SourceData { snapshot: Arc::new(snapshot), ..data.clone() }
        });
        Self { sources: self.sources.clone(), ..Self::merge(parts.collect::<Vec<_>>()) }
    }

    /// Every node, in the order of the sources: those of the highest priority first.
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

    /// What the sources told, those of the highest priority first.
    pub fn parts(&self) -> &[SourceData] {
        &self.parts
    }

    /// The node of that id or other name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.get(self.node_index(name)?)
    }

    /// The place in [`Inventory::nodes`] of the node of that id or other name.
    pub fn node_index(&self, name: &str) -> Option<usize> {
        self.names.get(name).map(|at| *at as usize)
    }

    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<&NodeGroup> {
        self.groups.get(*self.group_index.get(name)?)
    }

    /// The members of a group and of its children, each once, own members first. A group that contains
    /// itself by way of two sources is entered once.
    pub fn members<'a>(&'a self, group: &'a NodeGroup) -> Vec<&'a Node> {
        self.member_indexes(group).into_iter().filter_map(|at| self.nodes.get(at)).collect()
    }

    /// Places in [`Inventory::nodes`] of what [`Inventory::members`] gives.
    pub fn member_indexes(&self, group: &NodeGroup) -> Vec<usize> {
        let Some(index) = self.group_index(group.name.as_str()) else { return Vec::new() };
        let mut seen = vec![false; self.nodes.len()];
        let mut members = self.membership.all_of(index);
        members.retain(|member| match seen.get_mut(*member) {
            Some(seen) => !std::mem::replace(seen, true),
            None => false,
        });
        members
    }

    /// The place of a group in [`Inventory::groups`].
    pub fn group_index(&self, name: &str) -> Option<usize> {
        self.group_index.get(name).copied()
    }

    /// Members of a group, and of its children, as one source has them: places in [`Inventory::nodes`], each once.
    /// `None` when that source has no such group, or there is no such source.
    pub fn members_in_source(&self, source: &str, group: &str) -> Option<Vec<usize>> {
        let data = self.parts.iter().find(|data| data.name == source)?;
        let snapshot = &data.snapshot;
        let groups: HashMap<&str, &NodeGroup> =
            snapshot.groups.iter().map(|group| (group.name.as_str(), group)).collect();
        let mut said_by_nodes: HashMap<&str, Vec<&NodeId>> = HashMap::default();
        for node in &snapshot.nodes {
            for group in &node.groups {
                said_by_nodes.entry(group.as_str()).or_default().push(&node.id);
            }
        }
        if !groups.contains_key(group) && !said_by_nodes.contains_key(group) {
            return None;
        }
        let mut members = Vec::new();
        let mut seen_nodes = HashSet::new();
        let mut seen_groups = HashSet::from([group]);
        let mut open = vec![group];
        // Each group is opened once, so this ends.
        while let Some(name) = open.pop() {
            let group = groups.get(name);
            let listed = group.into_iter().flat_map(|group| &group.nodes);
            for id in listed.chain(said_by_nodes.get(name).into_iter().flatten().copied()) {
                if let Some(at) = self.node_index(id.as_str())
                    && seen_nodes.insert(at)
                {
                    members.push(at);
                }
            }
            for child in group.into_iter().flat_map(|group| group.children.iter().rev()) {
                if seen_groups.insert(child.as_str()) {
                    open.push(child.as_str());
                }
            }
        }
        Some(members)
    }

    /// What each source says of the node at that place, the highest priority first. Empty for a node that is only
    /// named by a group.
    pub fn entries(&self, index: usize) -> impl Iterator<Item = (&SourceData, &Node)> {
        let entries: &[Entry] = self.links.entries_of(index);
        entries.iter().filter_map(|entry| entry_of(&self.parts, *entry))
    }

    /// Who belongs to which group, by places.
    pub(crate) fn membership(&self) -> &Membership {
        &self.membership
    }
}

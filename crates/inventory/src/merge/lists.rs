//! [`Merge`]: the merged lists of nodes and groups.

use foldhash::{HashMap, HashMapExt as _};
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Node, NodeGroup};

use super::data::SourceData;
use super::groups::Groups;
use super::link::{Entry, Linked, Links, entry_of, link};

/// The merged lists.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    /// The nodes: first those with entries, in the order of [`Links`], then members that no source lists.
    pub(crate) nodes: Vec<Node>,
    /// The place of each node by its id and its other names.
    pub(crate) names: HashMap<NodeId, u32>,
    pub(crate) groups: Vec<NodeGroup>,
    /// Places of the direct members of each group.
    pub(crate) members: Vec<Vec<usize>>,
    pub(crate) links: Links,
    pub(crate) warnings: Vec<String>,
}

impl Merge {
    /// Merges what the sources told; they come in the order of the merge.
    pub(crate) fn of(parts: &[SourceData]) -> Self {
        let linked = link(parts);
        let links = &linked.links;
        let mut warnings: Vec<String> = parts
            .iter()
            .flat_map(|data| data.snapshot.warnings.iter().map(|warning| format!("{}: {warning}", data.name)))
            .collect();
        warnings.extend(linked.warnings.iter().cloned());

        let mut nodes =
            Nodes { list: Vec::with_capacity(links.len()), names: HashMap::with_capacity(2 * links.len()) };
        for at in 0..links.len() {
            if let Some(node) = merged(parts, links.entries_of(at)) {
                nodes.list.push(node);
            }
        }
        // Every id before every alias: what is an id of one node is never another name of another.
        for (at, node) in (0u32..).zip(&nodes.list) {
            nodes.names.insert(node.id.clone(), at);
        }
        // What is another name of several nodes names that one of them which linking found by it, or none.
        let mut shared = Vec::new();
        for (at, node) in (0u32..).zip(&nodes.list) {
            for alias in &node.aliases {
                let known = *nodes.names.entry(alias.clone()).or_insert(at);
                if known != at && nodes.list.get(known as usize).is_some_and(|other| other.id != *alias) {
                    shared.push(alias);
                }
            }
        }
        for alias in shared {
            match linked.node_named(alias.as_str()) {
                Some(node) => nodes.names.insert(alias.clone(), node),
                None => nodes.names.remove(alias),
            };
        }

        let mut groups = Groups::default();
        let mut places = Places { linked: &linked, nodes: &mut nodes };
        let mut node_of = linked.node_of.iter();
        for data in parts {
            for (node, member) in data.snapshot.nodes.iter().zip(&mut node_of) {
                for group in &node.groups {
                    groups.add_member(group, &data.name, *member);
                }
            }
            for group in &data.snapshot.groups {
                groups.add(group, &data.name);
                for id in &group.nodes {
                    let member = places.of(id, &data.name);
                    groups.add_member(&group.name, &data.name, member);
                }
            }
        }
        let Nodes { list: mut nodes, names } = nodes;
        let (groups, members) = groups.finish(&mut nodes);
        Self { nodes, names, groups, members, links: linked.links, warnings }
    }
}

struct Nodes {
    list: Vec<Node>,
    names: HashMap<NodeId, u32>,
}

/// Finds the node that a source means by an id.
struct Places<'a, 'b> {
    linked: &'a Linked<'b>,
    nodes: &'a mut Nodes,
}

impl Places<'_, '_> {
    /// A member that no source lists is a node of which only the name is known.
    fn of(&mut self, id: &NodeId, source: &str) -> u32 {
        if let Some(at) = self.nodes.names.get(id) {
            return *at;
        }
        if let Some(at) = self.linked.node_named(id.as_str()) {
            // Under this name the source means it, and so does who asks for the source's group.
            self.nodes.names.insert(id.clone(), at);
            return at;
        }
        let at = u32::try_from(self.nodes.list.len()).unwrap_or(u32::MAX);
        self.nodes.names.insert(id.clone(), at);
        self.nodes.list.push(Node { source: Some(source.to_owned()), ..Node::named(id.clone()) });
        at
    }
}

/// One node of its entries; the first one gives the id and wins in every field that it has.
fn merged(parts: &[SourceData], entries: &[Entry]) -> Option<Node> {
    let mut entries = entries.iter().filter_map(|entry| entry_of(parts, *entry));
    let (data, first) = entries.next()?;
    let mut node = first.clone();
    node.source.get_or_insert_with(|| data.name.clone());
    for (_, other) in entries {
        fill(&mut node, other);
    }
    Some(node)
}

/// Takes from `other` what `endpoint` does not say.
pub(crate) fn fill_endpoint(endpoint: &mut Endpoint, other: &Endpoint) {
    let Endpoint { transport, host, port, user, identity_files, password, jump } = other;
    fill_option(&mut endpoint.transport, transport);
    fill_option(&mut endpoint.host, host);
    fill_option(&mut endpoint.port, port);
    fill_option(&mut endpoint.user, user);
    fill_option(&mut endpoint.password, password);
    fill_option(&mut endpoint.jump, jump);
    if endpoint.identity_files.is_empty() {
        endpoint.identity_files.clone_from(identity_files);
    }
}

fn fill_option<T: Clone>(field: &mut Option<T>, other: &Option<T>) {
    if field.is_none() {
        field.clone_from(other);
    }
}

/// Takes from `other`, of lower priority, what `node` does not have. Groups are written down later, from the groups'
/// side.
fn fill(node: &mut Node, other: &Node) {
    fill_endpoint(&mut node.endpoint, &other.endpoint);
    for name in std::iter::once(&other.id).chain(&other.aliases) {
        if *name != node.id && !node.aliases.contains(name) {
            node.aliases.push(name.clone());
        }
    }
    node.metadata.fill(&other.metadata);
}

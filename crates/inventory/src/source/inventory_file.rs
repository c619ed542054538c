//! [`inventory_file`]: the static inventory in YAML or JSON.
//!
//! ```yaml
//! nodes:                      # a list, or a mapping from name to fields
//!   - web[01-20].example.org  # names and ranges, as on the command line
//!   - name: db[1-2]           # ranges work here too; every node gets these fields
//!     host: 10.0.0.5          # default: the name (not allowed when the name is a range)
//!     port: 2222
//!     user: admin
//!     transport: ssh          # ssh or local; default: that of the execution
//!     identity_files: [~/.ssh/id_db, keys/db]   # relative to this file
//!     jump: [user@bastion:22]
//!     groups: [db]
//!     metadata: {rack: 7}     # anything; exposed as facts
//! groups:
//!   web: ["web[01-20].example.org"]             # short form: members only
//!   site:
//!     nodes: [mail]           # a member that `nodes` does not list is a node of that name
//!     children: [web, db]
//!     metadata: {contact: ops}
//! ```
//!
//! A group is known when it stands under `groups` or when a node names it. Unknown keys, nodes given twice,
//! unknown children and cycles of groups are faults; all of them are told at once, each with line, column
//! and field.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use pabawi_domain::document::{self, Data, DocumentLimits, Problem, Reader, Tree, join};
use pabawi_domain::id::{GroupName, NodeId, PluginName};
use pabawi_domain::metadata::Metadata;
use pabawi_domain::node::{Endpoint, Node, NodeGroup};
use pabawi_domain::ports::InventorySnapshot;
use serde_json::Value;

use crate::nodeset::{self, MAX_NODES};
use crate::source::{SourceError, way};

/// An inventory of a million nodes fits.
const LIMITS: DocumentLimits =
    DocumentLimits { depth: 32, values: 8_000_000, aliases: 10_000, alias_values: 200_000 };

const NODE_KEYS: [&str; 9] =
    ["name", "host", "port", "user", "transport", "identity_files", "jump", "groups", "metadata"];
const GROUP_KEYS: [&str; 3] = ["nodes", "children", "metadata"];

/// Reads an inventory. `path` names the file in messages, and relative identity files are taken from its
/// directory.
///
/// # Errors
/// [`SourceError::Invalid`] with every fault.
pub fn inventory_file(path: &Path, text: &str) -> Result<InventorySnapshot, SourceError> {
    let invalid = |problems| SourceError::Invalid { name: path.display().to_string(), problems };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let tree = document::parse(text, LIMITS).map_err(|problem| invalid(vec![problem]))?;
    let mut document = Document {
        directory: path.parent().unwrap_or(Path::new("")).to_owned(),
        home: std::env::var_os("HOME").map(PathBuf::from),
        reader: Reader::default(),
        nodes: Vec::new(),
        lines: HashMap::new(),
        groups: Vec::new(),
    };
    document.read(&tree);
    let Document { reader, nodes, groups, .. } = document;
    let mut problems = reader.into_problems();
    if problems.is_empty() && nodes.is_empty() && groups.is_empty() {
        let message = "holds no node; write for example 'nodes: [web1]'".to_owned();
        problems.push(Problem { line: 0, column: 0, field: "nodes".to_owned(), message });
    }
    if problems.is_empty() {
        Ok(InventorySnapshot { nodes, groups, ..InventorySnapshot::default() })
    } else {
        Err(invalid(problems))
    }
}

struct Document {
    directory: PathBuf,
    home: Option<PathBuf>,
    reader: Reader,
    nodes: Vec<Node>,
    /// The line on which each node was given.
    lines: HashMap<NodeId, u64>,
    groups: Vec<NodeGroup>,
}

impl Document {
    fn read(&mut self, tree: &Tree) {
        let mut group_trees = None;
        for (key, value) in self.reader.entries(tree, "", &["nodes", "groups"]) {
            match key {
                "nodes" => self.read_nodes(value),
                _ => group_trees = Some(value),
            }
        }
        if let Some(groups) = group_trees {
            self.read_groups(groups);
        }
    }

    fn read_nodes(&mut self, tree: &Tree) {
        match &tree.value {
            Data::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let field = format!("nodes[{index}]");
                    match &item.value {
                        Data::Map(_) => self.read_node(item, None, &field),
                        _ => {
                            if let Some(name) = self.reader.text(item, &field) {
                                self.add(item, &field, &name, &Node::named);
                            }
                        }
                    }
                }
            }
            Data::Text(names) => self.add(tree, "nodes", names, &Node::named),
            _ => {
                for (key, value) in self.reader.mapping(tree, "nodes") {
                    self.read_node(value, Some(&key.value), &join("nodes", &key.value));
                }
            }
        }
    }

    /// A node with fields; `name` is given where the node is an entry of a mapping.
    fn read_node(&mut self, tree: &Tree, name: Option<&str>, field: &str) {
        let mut names = name.map(str::to_owned);
        let mut endpoint = Endpoint::default();
        let mut groups = Vec::new();
        let mut metadata = Metadata::new();
        for (key, value) in self.reader.entries(tree, field, &NODE_KEYS) {
            let field = join(field, key);
            match key {
                "name" if name.is_some() => {
                    self.reader.fault(value, &field, "is given by the key already; leave it out");
                }
                "name" => names = self.reader.text(value, &field),
                "host" => endpoint.host = self.host(value, &field),
                "port" => endpoint.port = self.reader.port(value, &field),
                "user" => endpoint.user = self.user(value, &field),
                "transport" => endpoint.transport = self.transport(value, &field),
                "identity_files" => endpoint.identity_files = self.identity_files(value, &field),
                "jump" => endpoint.jump = self.jump(value, &field),
                "groups" => groups = self.group_names(value, &field),
                _ => metadata = self.metadata(value, &field).into(),
            }
        }
        let Some(names) = names else {
            self.reader.fault(tree, &join(field, "name"), "is missing");
            return;
        };
        let one_host = endpoint.host.is_some();
        let before = self.nodes.len();
        self.add(tree, field, &names, &|id| Node {
            id,
            endpoint: endpoint.clone(),
            groups: groups.clone(),
            aliases: Vec::new(),
            metadata: metadata.clone(),
            source: None,
        });
        if one_host && self.nodes.len() > before + 1 {
            self.reader.fault(tree, &join(field, "host"), "cannot be the same for every node of a range");
        }
    }

    fn add(&mut self, tree: &Tree, field: &str, names: &str, make: &dyn Fn(NodeId) -> Node) {
        let line = tree.referenced.line();
        for id in self.expand(tree, field, names) {
            match self.lines.get(&id) {
                Some(first) => {
                    let message = format!("node {id} is given twice, first on line {first}");
                    self.reader.fault(tree, field, message);
                }
                None => {
                    self.lines.insert(id.clone(), line);
                    self.nodes.push(make(id));
                }
            }
        }
    }

    fn expand(&mut self, tree: &Tree, field: &str, names: &str) -> Vec<NodeId> {
        match nodeset::expand(names) {
            Ok(ids) if (self.nodes.len() + ids.len()) as u64 <= MAX_NODES => ids,
            Ok(_) => {
                self.reader.fault(tree, field, format!("more than {MAX_NODES} nodes"));
                Vec::new()
            }
            Err(error) => {
                self.reader.fault(tree, field, error.to_string());
                Vec::new()
            }
        }
    }

    fn read_groups(&mut self, tree: &Tree) {
        // Where the children of each group stand, for faults that show when all groups are known.
        let mut children_at: Vec<(usize, GroupName, &Tree)> = Vec::new();
        for (key, value) in self.reader.mapping(tree, "groups") {
            let field = join("groups", &key.value);
            let name = match GroupName::new(&key.value) {
                Ok(name) => name,
                Err(error) => {
                    self.reader.key_fault(key, &field, error.to_string());
                    continue;
                }
            };
            let mut group = NodeGroup {
                name,
                sources: Vec::new(),
                nodes: Vec::new(),
                children: Vec::new(),
                metadata: BTreeMap::new(),
            };
            if matches!(value.value, Data::Map(_)) {
                for (key, value) in self.reader.entries(value, &field, &GROUP_KEYS) {
                    let field = join(&field, key);
                    match key {
                        "nodes" => group.nodes = self.members(value, &field),
                        "children" => {
                            for (tree, text) in self.reader.texts(value, &field) {
                                match GroupName::new(&text) {
                                    Ok(child) => {
                                        children_at.push((self.groups.len(), child.clone(), tree));
                                        group.children.push(child);
                                    }
                                    Err(error) => self.reader.fault(tree, &field, error.to_string()),
                                }
                            }
                        }
                        _ => group.metadata = self.metadata(value, &field),
                    }
                }
            } else {
                group.nodes = self.members(value, &field);
            }
            self.groups.push(group);
        }
        self.check_children(&children_at);
    }

    fn members(&mut self, tree: &Tree, field: &str) -> Vec<NodeId> {
        let mut members = Vec::new();
        let mut seen = HashSet::new();
        for (tree, names) in self.reader.texts(tree, field) {
            for id in self.expand(tree, field, &names) {
                if seen.insert(id.clone()) {
                    members.push(id);
                } else {
                    self.reader.fault(tree, field, format!("node {id} is given twice"));
                }
            }
        }
        members
    }

    fn check_children(&mut self, children_at: &[(usize, GroupName, &Tree)]) {
        let index: HashMap<&GroupName, usize> =
            self.groups.iter().enumerate().map(|(at, group)| (&group.name, at)).collect();
        let edges: Vec<(usize, Option<usize>, &GroupName, &Tree)> = children_at
            .iter()
            .map(|(parent, child, tree)| (*parent, index.get(child).copied(), child, *tree))
            .collect();
        let mut below: Vec<Vec<usize>> = vec![Vec::new(); self.groups.len()];
        for (parent, child, name, tree) in edges {
            let field = self
                .groups
                .get(parent)
                .map_or_else(String::new, |group| format!("groups.{}.children", group.name));
            let Some(child) = child else {
                if self.nodes.iter().any(|node| node.groups.contains(name)) {
                    continue;
                }
                let is_node = self.lines.contains_key(name.as_str());
                let hint = if is_node { "; it is a node, put it under nodes" } else { "" };
                self.reader.fault(tree, &field, format!("unknown group {name}{hint}"));
                continue;
            };
            // Edges are added one by one, so the one that closes a cycle is the one that is told.
            if child == parent || reaches(&below, child, parent) {
                self.reader.fault(tree, &field, format!("{name} contains this group: a cycle"));
            } else if let Some(list) = below.get_mut(parent) {
                list.push(child);
            }
        }
    }

    fn host(&mut self, tree: &Tree, field: &str) -> Option<String> {
        let text = self.reader.text(tree, field)?;
        way::host(&text).map_err(|error| self.reader.fault(tree, field, error)).ok()
    }

    fn user(&mut self, tree: &Tree, field: &str) -> Option<String> {
        let text = self.reader.text(tree, field)?;
        way::user(&text).map_err(|error| self.reader.fault(tree, field, error)).ok()
    }

    fn transport(&mut self, tree: &Tree, field: &str) -> Option<PluginName> {
        let name = self.reader.text(tree, field)?;
        PluginName::new(name).map_err(|error| self.reader.fault(tree, field, error.to_string())).ok()
    }

    fn identity_files(&mut self, tree: &Tree, field: &str) -> Vec<PathBuf> {
        let texts = self.reader.texts(tree, field);
        texts.into_iter().map(|(_, text)| self.local_path(&text)).collect()
    }

    /// `~/` is the home directory, what is relative is taken from the file's directory.
    fn local_path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.directory.join(text),
        }
    }

    fn jump(&mut self, tree: &Tree, field: &str) -> Option<Vec<String>> {
        let mut hops = Vec::new();
        for (tree, text) in self.reader.texts(tree, field) {
            match way::hops(&text) {
                Ok(more) => hops.extend(more),
                Err(error) => self.reader.fault(tree, field, error),
            }
        }
        Some(hops)
    }

    fn group_names(&mut self, tree: &Tree, field: &str) -> Vec<GroupName> {
        let texts = self.reader.texts(tree, field);
        let mut names = Vec::new();
        for (tree, text) in texts {
            match GroupName::new(text) {
                Ok(name) if names.contains(&name) => {
                    self.reader.fault(tree, field, format!("group {name} is given twice"));
                }
                Ok(name) => names.push(name),
                Err(error) => self.reader.fault(tree, field, error.to_string()),
            }
        }
        names
    }

    fn metadata(&mut self, tree: &Tree, field: &str) -> BTreeMap<String, Value> {
        let entries = self.reader.mapping(tree, field);
        entries.into_iter().map(|(key, value)| (key.value.clone(), value.value.to_json())).collect()
    }
}

/// Whether `to` can be reached from `from`.
fn reaches(below: &[Vec<usize>], from: usize, to: usize) -> bool {
    let mut seen = HashSet::from([from]);
    let mut open = vec![from];
    // Each group is opened once, so this ends.
    while let Some(at) = open.pop() {
        for next in below.get(at).into_iter().flatten() {
            if *next == to {
                return true;
            }
            if seen.insert(*next) {
                open.push(*next);
            }
        }
    }
    false
}

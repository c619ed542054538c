//! [`to_bolt`]: an inventory file of Bolt (inventory version 2).

use std::collections::{HashMap, HashSet};

use pabawi_domain::node::{Endpoint, Node, NodeGroup};
use serde_json::{Map, Value, json};

use crate::Inventory;

/// The inventory as Bolt reads it from `inventory.yaml`: every node under `targets` with `config`, `vars` and `alias`,
/// groups in groups with the names of their members.
///
/// What a source of Bolt's says under `vars`, `facts`, `features` and `config` goes back there; all other metadata are
/// variables.
///
/// Bolt allows a group once: one that has several parents stands below the first, and the others name its members. Names
/// of groups are made of `a-z`, `0-9`, `_` and `-` for Bolt; others are written with `_`. Passwords are left out.
pub fn to_bolt(inventory: &Inventory) -> Value {
    let targets: Vec<Value> = inventory.nodes().iter().map(target).collect();
    let children: HashSet<&str> =
        inventory.groups().iter().flat_map(|group| &group.children).map(|child| child.as_str()).collect();
    let mut tree = Tree { inventory, names: names(inventory.groups()), placed: HashSet::new() };
    let mut groups = Vec::new();
    // The second round reaches groups that contain each other by way of several sources.
    for topmost in [true, false] {
        for group in inventory.groups() {
            if group.name.as_str() != "all" && topmost != children.contains(group.name.as_str()) {
                groups.extend(tree.group(group, 0));
            }
        }
    }
    let mut file = Map::new();
    file.insert("targets".to_owned(), Value::Array(targets));
    if !groups.is_empty() {
        file.insert("groups".to_owned(), Value::Array(groups));
    }
    Value::Object(file)
}

fn target(node: &Node) -> Value {
    let mut target = Map::new();
    target.insert("name".to_owned(), json!(node.id));
    let Endpoint { transport, host, port, user, identity_files, password: _, jump } = &node.endpoint;
    if let Some(host) = host {
        target.insert(
            "uri".to_owned(),
            json!(if host.contains(':') { format!("[{host}]") } else { host.clone() }),
        );
    }
    if !node.aliases.is_empty() {
        target.insert("alias".to_owned(), json!(node.aliases));
    }
    let mut options = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            options.insert(name.to_owned(), value);
        }
    };
    set("port", port.map(|port| json!(port)));
    set("user", user.as_ref().map(|user| json!(user)));
    set("private-key", identity_files.first().map(|file| json!(file)));
    // Bolt knows one jump host.
    set("proxyjump", jump.as_ref().and_then(|hops| hops.first()).map(|hop| json!(hop)));
    let transport_name = transport.as_ref().map_or("ssh", |name| name.as_str());
    let mut config = Map::new();
    if let Some(transport) = transport {
        config.insert("transport".to_owned(), json!(transport));
    }
    if !options.is_empty() {
        config.insert(transport_name.to_owned(), Value::Object(options));
    }
    say(&mut target, node.metadata.iter(), config);
    Value::Object(target)
}

/// Writes metadata, and over it the configuration.
fn say<'a>(
    entry: &mut Map<String, Value>,
    metadata: impl Iterator<Item = (&'a str, &'a Value)>,
    mut config: Map<String, Value>,
) {
    let mut vars = Map::new();
    for (name, value) in metadata {
        match (name, value) {
            ("vars", Value::Object(more)) => vars.extend(more.clone()),
            ("config", Value::Object(said)) => {
                for (section, value) in said {
                    match (config.get_mut(section), value) {
                        (Some(Value::Object(options)), Value::Object(said)) => {
                            for (option, value) in said {
                                options.entry(option.clone()).or_insert_with(|| value.clone());
                            }
                        }
                        (Some(_), _) => {}
                        (None, value) => {
                            config.insert(section.clone(), value.clone());
                        }
                    }
                }
            }
            ("facts", Value::Object(_)) | ("features", Value::Array(_)) => {
                entry.insert(name.to_owned(), value.clone());
            }
            _ => {
                vars.insert(name.to_owned(), value.clone());
            }
        }
    }
    for (name, map) in [("config", config), ("vars", vars)] {
        if !map.is_empty() {
            entry.insert(name.to_owned(), Value::Object(map));
        }
    }
}

/// A name of Bolt's for each group, no two the same.
fn names(groups: &[NodeGroup]) -> HashMap<&str, String> {
    let mut taken = HashSet::from(["all".to_owned()]);
    let mut names = HashMap::new();
    for group in groups {
        let plain: String = group
            .name
            .as_str()
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' { c } else { '_' })
            .collect();
        // A name never starts with '-', and of so many numbers one is free.
        let numbered = (2..=groups.len() + 1).map(|number| format!("{plain}_{number}"));
        let free = std::iter::once(plain.clone()).chain(numbered).find(|name| !taken.contains(name));
        let name = free.unwrap_or(plain);
        taken.insert(name.clone());
        names.insert(group.name.as_str(), name);
    }
    names
}

struct Tree<'a> {
    inventory: &'a Inventory,
    names: HashMap<&'a str, String>,
    /// Groups that stand somewhere already.
    placed: HashSet<&'a str>,
}

/// Groups in groups deeper than this name their members instead.
const MAX_DEPTH: usize = 100;

impl<'a> Tree<'a> {
    fn group(&mut self, group: &'a NodeGroup, depth: usize) -> Option<Value> {
        if !self.placed.insert(group.name.as_str()) {
            return None;
        }
        let mut entry = Map::new();
        entry.insert("name".to_owned(), json!(self.names.get(group.name.as_str())));
        let mut targets: Vec<&str> = group.nodes.iter().map(|node| node.as_str()).collect();
        let mut groups = Vec::new();
        for child in group.children.iter().filter_map(|child| self.inventory.group(child.as_str())) {
            let placed = if depth < MAX_DEPTH { self.group(child, depth + 1) } else { None };
            match placed {
                Some(child) => groups.push(child),
                None => targets.extend(self.inventory.members(child).iter().map(|node| node.id.as_str())),
            }
        }
        let mut seen = HashSet::new();
        targets.retain(|target| seen.insert(*target));
        if !targets.is_empty() {
            entry.insert("targets".to_owned(), json!(targets));
        }
        if !groups.is_empty() {
            entry.insert("groups".to_owned(), Value::Array(groups));
        }
        say(&mut entry, group.metadata.iter().map(|(name, value)| (name.as_str(), value)), Map::new());
        Some(Value::Object(entry))
    }
}

//! [`to_ansible`]: the JSON of `ansible-inventory --list`.

use std::collections::HashSet;

use pabawi_domain::node::{Endpoint, Node};
use serde_json::{Map, Value, json};

use crate::Inventory;
use crate::source::ansible::{HOST, KEY_FILE, PORT, SSH_ARGUMENTS, TRANSPORT, USER, WRITTEN, transport_of};

/// The inventory as `ansible-inventory --list` prints it: groups with `hosts` and `children`, empty ones left out, `all`
/// with the topmost groups, and `_meta.hostvars` with the variables that are effective for each host.
///
/// For files of Ansible the result is what Ansible prints, but for this: passwords are left out; a port that was a text
/// is a number; texts marked `!unsafe` and texts out of files of variables are plain texts; a number of more than 64 bits
/// and a time are texts.
pub fn to_ansible(inventory: &Inventory) -> Value {
    let mut result = Map::new();
    let groups: Vec<_> = inventory
        .groups()
        .iter()
        .filter(|group| !matches!(group.name.as_str(), "all" | "ungrouped"))
        .collect();
    let children: HashSet<&str> =
        groups.iter().flat_map(|group| &group.children).map(|child| child.as_str()).collect();
    let grouped: HashSet<&str> =
        groups.iter().flat_map(|group| &group.nodes).map(|node| node.as_str()).collect();
    let topmost = groups.iter().map(|group| group.name.as_str()).filter(|name| !children.contains(name));
    let topmost: Vec<&str> = std::iter::once("ungrouped").chain(topmost).collect();
    result.insert("all".to_owned(), json!({ "children": topmost }));
    let ungrouped: Vec<&str> =
        inventory.nodes().iter().map(|node| node.id.as_str()).filter(|id| !grouped.contains(id)).collect();
    if !ungrouped.is_empty() {
        result.insert("ungrouped".to_owned(), json!({ "hosts": ungrouped }));
    }
    for group in groups {
        let mut entry = Map::new();
        if !group.nodes.is_empty() {
            entry.insert("hosts".to_owned(), json!(group.nodes));
        }
        if !group.children.is_empty() {
            entry.insert("children".to_owned(), json!(group.children));
        }
        if !entry.is_empty() {
            result.insert(group.name.to_string(), Value::Object(entry));
        }
    }
    let hostvars: Map<String, Value> = inventory
        .nodes()
        .iter()
        .map(|node| (node.id.to_string(), vars(node)))
        .filter(|(_, vars)| !vars.is_empty())
        .map(|(id, vars)| (id, Value::Object(vars)))
        .collect();
    result.insert("_meta".to_owned(), json!({ "hostvars": hostvars }));
    Value::Object(result)
}

/// The variables of a host. What another source says about the way to it stands over the variables of Ansible's.
fn vars(node: &Node) -> Map<String, Value> {
    let mut vars: Map<String, Value> =
        node.metadata.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
    let Endpoint { transport, host, port, user, identity_files, password: _, jump } = &node.endpoint;
    let mut set = |names: &[&str], value: Option<Value>, says: &dyn Fn(&Value) -> bool| {
        let Some(value) = value else { return };
        let known = names.iter().rev().find(|name| vars.contains_key(**name));
        // A variable that leads to the same stays as it was written.
        if known.and_then(|name| vars.get(*name)).is_some_and(|known| *known == value || says(known)) {
            return;
        }
        for name in names {
            vars.remove(*name);
        }
        if let Some(name) = names.iter().find(|name| WRITTEN.contains(name)).or(names.first()) {
            vars.insert((*name).to_owned(), value);
        }
    };
    let is_template = |value: &Value| value.as_str().is_some_and(|text| text.contains("{{"));
    set(&HOST, host.as_ref().map(|host| json!(host)), &is_template);
    set(&PORT, port.map(|port| json!(port)), &is_template);
    set(&USER, user.as_ref().map(|user| json!(user)), &is_template);
    set(&TRANSPORT, transport.as_ref().map(|name| json!(name)), &|value| {
        value.as_str().is_some_and(|known| {
            transport.as_ref().is_some_and(|name| transport_of(known).0 == name.as_str())
        })
    });
    set(&KEY_FILE, identity_files.first().map(|file| json!(file)), &|value| {
        value.as_str().is_some_and(|known| known.starts_with("~/") || is_template(value))
    });
    if let Some(hops) = jump.as_ref().filter(|hops| !hops.is_empty()) {
        set(&SSH_ARGUMENTS, Some(json!(format!("-o ProxyJump={}", hops.join(",")))), &|_| true);
    }
    vars
}

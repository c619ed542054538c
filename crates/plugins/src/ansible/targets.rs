//! The nodes of a run as hosts of Ansible: [`Hosts`]. A node keeps its name where Ansible takes that for a name; others have
//! one that is made for the run.

use std::collections::{BTreeSet, HashMap, HashSet};

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::Target;
use serde_json::{Map, Value, json};

use super::play::GROUP;
use super::yaml::plain;

/// The hosts of a run.
#[derive(Debug)]
pub(super) struct Hosts {
    /// Nodes by the name of their host.
    pub(super) names: HashMap<String, NodeId>,
    /// Nodes that are this machine.
    pub(super) local: HashSet<NodeId>,
    entries: Vec<Value>,
}

/// A node that cannot be a host.
pub(super) type Refused = (NodeId, ErrorCode, String);

impl Hosts {
    /// Makes hosts of targets.
    pub(super) fn of(targets: &[Target]) -> (Self, Vec<Refused>) {
        let taken: HashSet<&str> = targets.iter().map(|target| target.node.as_str()).collect();
        let mut hosts = Self { names: HashMap::new(), local: HashSet::new(), entries: Vec::new() };
        let mut refused = Vec::new();
        // In which order a playbook does them is to be foreseen.
        let mut targets: Vec<&Target> = targets.iter().collect();
        targets.sort_by(|one, other| one.node.cmp(&other.node));
        for (index, target) in targets.into_iter().enumerate() {
            let variables = match variables(target) {
                Ok(variables) => variables,
                Err(message) => {
                    refused.push((target.node.clone(), ErrorCode::Unsupported, message));
                    continue;
                }
            };
            let name = host_name(target.node.as_str(), index, &taken);
            if is_local(target) {
                hosts.local.insert(target.node.clone());
            }
            let groups: BTreeSet<&str> =
                target.groups.iter().map(|group| group.as_str()).filter(|group| is_group(group)).collect();
            hosts.entries.push(json!({"name": name, "variables": variables, "groups": groups}));
            hosts.names.insert(name, target.node.clone());
        }
        (hosts, refused)
    }

    /// What our inventory plugin reads.
    pub(super) fn text(&self) -> String {
        plain(&json!({"plugin": GROUP, "targets": self.entries}))
    }
}

fn is_local(target: &Target) -> bool {
    target.endpoint.transport.as_ref().is_some_and(|transport| transport.as_str() == "local")
}

/// A name that means one host and nothing else.
fn host_name(node: &str, index: usize, taken: &HashSet<&str>) -> String {
    let is_plain = node.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        && !["all", "ungrouped", GROUP].contains(&node);
    if is_plain {
        return node.to_owned();
    }
    let readable: String =
        node.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let mut name = format!("{readable}_{index}");
    // Ends, since each turn makes it longer than before.
    while taken.contains(name.as_str()) {
        name.push('_');
    }
    name
}

fn is_group(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !["all", "ungrouped", GROUP].contains(&name)
}

/// How a host is reached that no inventory of Ansible knows.
fn variables(target: &Target) -> Result<Map<String, Value>, String> {
    let endpoint = &target.endpoint;
    let mut variables = Map::new();
    let mut set = |name: &str, value: Value| {
        variables.insert(name.to_owned(), value);
    };
    if is_local(target) {
        set("ansible_connection", "local".into());
        return Ok(variables);
    }
    let connection = match endpoint.transport.as_ref().map(|transport| transport.as_str()) {
        Some("winrm") => "winrm",
        _ => "ssh",
    };
    set("ansible_connection", connection.into());
    let host = endpoint.host.as_deref().unwrap_or(target.node.as_str());
    if host.starts_with('-') {
        return Err(format!("its host {host:?} starts with '-', which ssh would take for an option"));
    }
    set("ansible_host", host.into());
    if let Some(port) = endpoint.port {
        set("ansible_port", port.into());
    }
    if let Some(user) = &endpoint.user {
        set("ansible_user", user.as_str().into());
    }
    if let Some(password) = &endpoint.password {
        let password = std::str::from_utf8(password.expose());
        set("ansible_password", password.map_err(|_| "its password is not UTF-8")?.into());
    }
    let mut options = Vec::new();
    let mut keys = endpoint.identity_files.iter().map(|key| key.display().to_string());
    if let Some(key) = keys.next() {
        set("ansible_ssh_private_key_file", key.into());
    }
    options.extend(keys.map(|key| format!("-o {}", word(&format!("IdentityFile={key}")))));
    if let Some(jump) = endpoint.jump.as_ref().filter(|jump| !jump.is_empty()) {
        options.push(format!("-o {}", word(&format!("ProxyJump={}", jump.join(",")))));
    }
    if !options.is_empty() {
        set("ansible_ssh_extra_args", options.join(" ").into());
    }
    Ok(variables)
}

/// A word as Python's `shlex` reads it, by which Ansible splits options.
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r#"'"'"'"#))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::id::{GroupName, PluginName};
    use pabawi_domain::node::Endpoint;
    use pabawi_domain::secret::Secret;

    fn target(node: &str, endpoint: Endpoint) -> Target {
        Target::new(NodeId::new(node).unwrap(), endpoint)
    }

    #[test]
    fn a_name_that_would_mean_something_else_is_replaced() {
        let names = ["web1", "root@x:22", "~web", "all", "a[1]", "root_x_22_1"];
        let targets: Vec<Target> = names
            .iter()
            .filter_map(|name| NodeId::new(name).ok())
            .map(|node| Target::new(node, Endpoint::default()))
            .collect();
        let (hosts, refused) = Hosts::of(&targets);
        assert!(refused.is_empty());
        let mut names: Vec<&str> = hosts.names.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["_web_4", "all_0", "root_x_22_1", "root_x_22_1_", "web1"]);
        assert_eq!(hosts.names["root_x_22_1_"].as_str(), "root@x:22");
    }

    #[test]
    fn the_way_to_a_node_is_told_as_variables() {
        let mut one = target(
            "web1",
            Endpoint {
                host: Some("10.0.0.1".to_owned()),
                port: Some(2222),
                user: Some("app".to_owned()),
                identity_files: vec!["/k1".into(), "/it's".into()],
                password: Some(Secret::new("hunter2")),
                jump: Some(vec!["a@b:22".to_owned(), "c".to_owned()]),
                ..Endpoint::default()
            },
        );
        one.groups = vec![GroupName::new("web").unwrap(), GroupName::new("a-b").unwrap()];
        let transport = Some(PluginName::new("local").unwrap());
        let here = target("here", Endpoint { transport, ..Endpoint::default() });
        let bad =
            target("bad", Endpoint { host: Some("-oProxyCommand=x".to_owned()), ..Endpoint::default() });
        let (hosts, refused) = Hosts::of(&[one, here, bad]);
        assert_eq!(refused.len(), 1);
        assert!(refused[0].2.contains("starts with '-'"));
        let entry = |name: &str| hosts.entries.iter().find(|entry| entry["name"] == name).unwrap();
        assert_eq!(
            *entry("web1"),
            json!({"name": "web1", "groups": ["web"], "variables": {
                "ansible_connection": "ssh", "ansible_host": "10.0.0.1", "ansible_port": 2222, "ansible_user": "app",
                "ansible_password": "hunter2", "ansible_ssh_private_key_file": "/k1",
                "ansible_ssh_extra_args": r#"-o 'IdentityFile=/it'"'"'s' -o 'ProxyJump=a@b:22,c'"#
            }})
        );
        assert_eq!(entry("here")["variables"], json!({"ansible_connection": "local"}));
        assert!(hosts.local.contains("here"));
        assert!(!hosts.text().contains('\n'));
    }
}

//! The nodes of a run as targets of Bolt: [`Targets`]. A node that the inventory has is named as it is there; others are
//! described, under names that mean one target and nothing else.

use std::collections::{HashMap, HashSet};

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::{Endpoint, Target};
use serde_json::{Map, Value, json};

use super::known::Known;

/// The targets of a run.
#[derive(Debug)]
pub(super) struct Targets {
    /// Nodes by the name of their target.
    pub(super) names: HashMap<String, NodeId>,
    /// Nodes that are this machine.
    pub(super) local: HashSet<NodeId>,
    /// The names in the order in which Bolt is told them.
    order: Vec<String>,
    /// Targets that the inventory does not have, as it would describe them.
    pub(super) described: Vec<Value>,
}

/// A node that cannot be a target.
pub(super) type Refused = (NodeId, ErrorCode, String);

impl Targets {
    /// Makes targets of nodes.
    pub(super) fn of(nodes: &[Target], known: &Known) -> (Self, Vec<Refused>) {
        let mut targets =
            Self { names: HashMap::new(), local: HashSet::new(), order: Vec::new(), described: Vec::new() };
        let mut refused = Vec::new();
        let mut sorted: Vec<&Target> = nodes.iter().collect();
        sorted.sort_by(|one, other| one.node.cmp(&other.node));
        let wanted: HashSet<&str> = sorted.iter().map(|target| target.node.as_str()).collect();
        for (index, target) in sorted.into_iter().enumerate() {
            match targets.name_of(target, index, known, &wanted) {
                Ok(name) => {
                    if is_local(&target.endpoint) {
                        targets.local.insert(target.node.clone());
                    }
                    targets.order.push(name.clone());
                    targets.names.insert(name, target.node.clone());
                }
                Err((code, message)) => refused.push((target.node.clone(), code, message)),
            }
        }
        (targets, refused)
    }

    fn name_of(
        &mut self,
        target: &Target,
        index: usize,
        known: &Known,
        wanted: &HashSet<&str>,
    ) -> Result<String, (ErrorCode, String)> {
        if let Some(name) = known.target(target.node.as_str()).filter(|name| is_exact(name)) {
            if let Some(other) = self.names.get(name) {
                let text = format!("is the same target of Bolt ({name}) as the node {other} of this run");
                return Err((ErrorCode::Validation, text));
            }
            return Ok(name.to_owned());
        }
        let (host, config) = config(target).map_err(|text| (ErrorCode::Unsupported, text))?;
        let is_taken = |name: &str| {
            name == "all"
                || name == "localhost"
                || known.target(name).is_some()
                || known.groups.contains(name)
                || self.names.contains_key(name)
        };
        let node = target.node.as_str();
        let name = if is_plain(node) && !is_taken(node) {
            node.to_owned()
        } else {
            let fit = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
            let mut name = format!("{}_{index}", node.chars().map(fit).collect::<String>());
            // Ends, since each turn makes it longer than before.
            while is_taken(&name) || wanted.contains(name.as_str()) {
                name.push('_');
            }
            name
        };
        let mut described = json!({"name": name, "config": config});
        if let (Some(host), Some(fields)) = (host, described.as_object_mut()) {
            fields.insert("uri".to_owned(), host.into());
        }
        self.described.push(described);
        Ok(name)
    }

    /// What Bolt reads with `--targets @file`.
    pub(super) fn text(&self) -> String {
        let mut text = self.order.join("\n");
        text.push('\n');
        text
    }
}

/// A name of letters, digits and `. _ -`.
fn is_plain(name: &str) -> bool {
    !name.starts_with('-') && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// Whether Bolt takes it for one name: no list, no pattern, no file. `::1/22` is how a node is called whose address had
/// brackets, which is no name of Bolt's.
pub(super) fn is_exact(name: &str) -> bool {
    let is_address = name.contains("::") || (name.contains('/') && !name.contains("://"));
    !name.is_empty()
        && !name.starts_with(['-', '@'])
        && !is_address
        && !name.chars().any(|c| c.is_whitespace() || c.is_control() || ",*?[]{}".contains(c))
}

fn is_local(endpoint: &Endpoint) -> bool {
    endpoint.transport.as_ref().is_some_and(|transport| transport.as_str() == "local")
}

/// The host, and how it is reached.
fn config(target: &Target) -> Result<(Option<String>, Value), String> {
    let endpoint = &target.endpoint;
    if is_local(endpoint) {
        return Ok((None, json!({"transport": "local"})));
    }
    let transport = endpoint.transport.as_ref().map_or("ssh", |transport| transport.as_str());
    let host = endpoint.host.as_deref().unwrap_or(target.node.as_str());
    let is_host = |text: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.chars().all(|c| c.is_alphanumeric() || "._:%-".contains(c))
    };
    if !is_host(host) {
        return Err(format!(
            "its host {host:?} is none that Bolt could be given; give the node another host"
        ));
    }
    let mut options = Map::new();
    let mut set = |name: &str, value: Value| {
        options.insert(name.to_owned(), value);
    };
    if let Some(port) = endpoint.port {
        set("port", port.into());
    }
    if let Some(user) = &endpoint.user {
        set("user", user.as_str().into());
    }
    if let Some(password) = &endpoint.password {
        let password = std::str::from_utf8(password.expose());
        set("password", password.map_err(|_| "its password is not UTF-8")?.into());
    }
    // Bolt knows one key for a target.
    if let Some(key) = endpoint.identity_files.first() {
        set("private-key", key.display().to_string().into());
    }
    if let Some(jump) = endpoint.jump.as_ref().filter(|jump| !jump.is_empty()) {
        let jump = jump.join(",");
        // Bolt hands it to a shell.
        let is_fit = !jump.starts_with('-')
            && jump.chars().all(|c| c.is_ascii_alphanumeric() || "._-@:,%[]".contains(c));
        if !is_fit {
            return Err(format!("its jump hosts {jump:?} have characters that a shell would read"));
        }
        set("proxyjump", jump.into());
    }
    let uri = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let mut config = Map::from_iter([("transport".to_owned(), transport.into())]);
    if !options.is_empty() {
        config.insert(transport.to_owned(), options.into());
    }
    Ok((Some(uri), config.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pabawi_domain::id::PluginName;
    use pabawi_domain::secret::Secret;

    fn target(node: &str, endpoint: Endpoint) -> Target {
        Target::new(NodeId::new(node).unwrap(), endpoint)
    }

    fn known() -> Known {
        Known {
            names: ["web1", "ssh://ops@db1:2222"].map(str::to_owned).into(),
            aliases: [("www".to_owned(), "web1".to_owned())].into(),
            groups: ["web".to_owned()].into(),
        }
    }

    #[test]
    fn a_name_means_one_target_and_nothing_else() {
        let names = ["web1", "ssh://ops@db1:2222", "web", "all", "web2", "root@x", "localhost", "::1/22"];
        let with_host = Endpoint { host: Some("10.0.0.1".to_owned()), ..Endpoint::default() };
        let nodes: Vec<Target> = names.map(|name| target(name, with_host.clone())).into();
        let (targets, refused) = Targets::of(&nodes, &known());
        assert!(refused.is_empty(), "{refused:?}");
        let text = targets.text();
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            ["__1_22_0", "all_1", "localhost_2", "root_x_3", "ssh://ops@db1:2222", "web_5", "web1", "web2"]
        );
        assert_eq!(targets.names["all_1"].as_str(), "all");
        assert_eq!(targets.described.len(), 6, "two are in the inventory");
        let (targets, refused) =
            Targets::of(&[target("web1", Endpoint::default()), target("www", Endpoint::default())], &known());
        assert_eq!(targets.text(), "web1\n");
        assert_eq!((refused[0].0.as_str(), refused[0].1), ("www", ErrorCode::Validation));
    }

    #[test]
    fn the_way_to_a_node_is_told_as_the_inventory_would_tell_it() {
        let endpoint = Endpoint {
            host: Some("fe80::1".to_owned()),
            port: Some(2222),
            user: Some("app".to_owned()),
            identity_files: vec!["/k1".into(), "/k2".into()],
            password: Some(Secret::new("hunter2")),
            jump: Some(vec!["a@b:22".to_owned(), "c".to_owned()]),
            ..Endpoint::default()
        };
        let transport = Some(PluginName::new("local").unwrap());
        let here = target("here", Endpoint { transport, ..Endpoint::default() });
        let (targets, _) = Targets::of(&[target("web9", endpoint), here], &known());
        assert_eq!(
            targets.described,
            [
                json!({"name": "here", "config": {"transport": "local"}}),
                json!({"name": "web9", "uri": "[fe80::1]", "config": {"transport": "ssh", "ssh": {
                    "port": 2222, "user": "app", "password": "hunter2", "private-key": "/k1",
                    "proxyjump": "a@b:22,c"
                }}}),
            ]
        );
        assert!(targets.local.contains("here"));
        for bad in [
            Endpoint { host: Some("-oProxyCommand=x".to_owned()), ..Endpoint::default() },
            Endpoint { host: Some("a,b".to_owned()), ..Endpoint::default() },
            Endpoint { jump: Some(vec!["$(id)".to_owned()]), ..Endpoint::default() },
        ] {
            let (targets, refused) = Targets::of(&[target("web9", bad)], &known());
            assert!(targets.names.is_empty() && refused[0].1 == ErrorCode::Unsupported, "{refused:?}");
        }
    }
}

//! A node of v1.x as ours: [`read`]. What nobody here knows is kept as its metadata; secrets are not.

use pabawi_domain::id::{NodeId, PluginName};
use pabawi_domain::metadata::Metadata;
use pabawi_domain::node::{Endpoint, Node, parse_destination};
use pabawi_domain::secret::Secret;
use serde_json::{Map, Value};

use super::fields::{Warnings, kind, shown, text, whole};
use super::inventory::Source;
use super::secrets;

/// What the keys of files are called by the plugins.
const KEY_FILES: [&str; 2] = ["privateKeyPath", "private-key"];
/// Beginnings of URIs that lead to no host.
const NO_HOST: [&str; 3] = ["proxmox:", "aws:", "azure:"];

/// Reads a node.
///
/// # Errors
/// The field without which it is none, and what is wrong with it.
pub(super) fn read(value: Value, at: &str, source: &Source, warnings: &mut Warnings) -> Result<Node, String> {
    let Value::Object(mut fields) = value else {
        return Err(format!("{at}: is {} and no object", kind(&value)));
    };
    let name = text(&fields, "name").map(|name| name.trim().to_owned());
    let id = match fields.get("id") {
        Some(Value::String(id)) if !id.is_empty() => id.clone(),
        // v1.x lets a name stand for an id.
        None | Some(Value::Null) if name.is_some() => name.clone().unwrap_or_default(),
        other => {
            let said = other.map_or_else(|| "missing".to_owned(), shown);
            return Err(format!("{at}.id: {said} names no node"));
        }
    };
    let id = NodeId::new(&id).map_err(|error| format!("{at}.id: {error}"))?;
    let mut node = Node { source: Some(source.name.clone()), ..Node::named(id) };
    let mut metadata: Vec<(String, Value)> = Vec::new();

    let mut config = match fields.remove("config") {
        Some(Value::Object(config)) => config,
        None | Some(Value::Null) => Map::new(),
        Some(other) => {
            warnings.add(|| format!("{at}.config: is {} and no object, so it is left out", kind(&other)));
            Map::new()
        }
    };
    for name in [name, text(&config, "hostname").map(str::to_owned)].into_iter().flatten() {
        if let Ok(alias) = NodeId::new(&name) {
            if alias != node.id && !node.aliases.contains(&alias) {
                node.aliases.push(alias);
            }
        } else if name != node.id.as_str() {
            metadata.push(("name".to_owned(), name.into()));
        }
    }
    if let Some(uri) = text(&fields, "uri") {
        let is_elsewhere = NO_HOST.iter().any(|beginning| uri.starts_with(beginning))
            || uri.starts_with(&format!("{}:", source.own)) && !uri.starts_with("ssh://");
        match (!is_elsewhere).then(|| host_of(uri)) {
            Some(Ok(endpoint)) => node.endpoint = endpoint,
            Some(Err(why)) => warnings.add(|| format!("{at}.uri: {why}, so it is not used")),
            None => {}
        }
        metadata.push(("uri".to_owned(), without_password(uri).into()));
    }
    if let Some(transport) = text(&fields, "transport") {
        match PluginName::new(transport.to_ascii_lowercase()) {
            Ok(transport) => node.endpoint.transport = Some(transport),
            Err(error) => warnings.add(|| format!("{at}.transport: {error}; it is left out")),
        }
    }
    way(&mut node.endpoint, &mut config, at, warnings);
    for known in ["id", "name", "uri", "transport", "source"] {
        fields.remove(known);
    }
    let config = secrets::without(config);
    if !config.is_empty() {
        metadata.push(("config".to_owned(), Value::Object(config)));
    }
    metadata.extend(secrets::without(fields));
    node.metadata = metadata.into_iter().collect::<Metadata>();
    Ok(node)
}

/// What of the configuration is part of the way to the node.
fn way(endpoint: &mut Endpoint, config: &mut Map<String, Value>, at: &str, warnings: &mut Warnings) {
    if let Some(user) = text(config, "user").filter(|user| !user.starts_with('-')) {
        endpoint.user = Some(user.to_owned());
        config.remove("user");
    }
    let port = match config.get("port") {
        None | Some(Value::Null) => None,
        Some(Value::String(port)) => Some(port.parse::<u16>().ok()),
        Some(port) => Some(whole(port).and_then(|port| u16::try_from(port).ok())),
    };
    match port.map(|port| port.filter(|port| *port > 0)) {
        None => {}
        Some(Some(port)) => {
            endpoint.port = Some(port);
            config.remove("port");
        }
        Some(None) => warnings.add(|| format!("{at}.config.port: is no number from 1 to 65535")),
    }
    for field in KEY_FILES {
        if let Some(path) = text(config, field) {
            endpoint.identity_files.push(path.into());
            config.remove(field);
        }
    }
    if let Some(Value::String(password)) = config.remove("password").filter(|password| password != "") {
        endpoint.password = Some(Secret::new(password));
    }
}

/// Host, port and login of a URI.
fn host_of(uri: &str) -> Result<Endpoint, String> {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (login, address) = rest.rsplit_once('@').map_or((None, rest), |(login, host)| (Some(login), host));
    let mut endpoint = parse_destination(address).map_err(|error| error.reason().to_owned())?;
    if let Some(login) = login {
        let (user, password) = login.split_once(':').map_or((login, None), |(user, pw)| (user, Some(pw)));
        if user.is_empty() || user.starts_with('-') || user.chars().any(char::is_control) {
            return Err("has a bad user name before '@'".to_owned());
        }
        endpoint.user = Some(user.to_owned());
        endpoint.password = password.filter(|password| !password.is_empty()).map(Secret::new);
    }
    Ok(endpoint)
}

fn without_password(uri: &str) -> String {
    let (scheme, rest) = uri.split_once("://").map_or(("", uri), |(scheme, rest)| (scheme, rest));
    let Some((login, address)) = rest.rsplit_once('@') else { return uri.to_owned() };
    let user = login.split(':').next().unwrap_or_default();
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}{user}@{address}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(value: Value) -> (Result<Node, String>, Vec<String>) {
        let mut warnings = Warnings::default();
        let source = Source { name: "bolt".to_owned(), own: "bolt".to_owned() };
        let node = read(value, "getInventory[3]", &source, &mut warnings);
        (node, warnings.finish())
    }

    /// R3.9, R3.10: nodes of v1.x become ours, and what is unknown becomes their metadata.
    #[test]
    fn nodes_of_v1_become_ours() {
        let (read, warnings) = node(json!({
            "id": "proxmox:pve:7", "name": " web1 ", "uri": "ssh://root:hunter2@10.0.0.7:2222/x", "transport": "SSH",
            "config": {"user": "ops", "port": "22", "privateKeyPath": "~/k", "password": "hunter3", "groups": ["a"],
                       "hostname": "web1.example", "deep": {"apiToken": "hunter4", "list": [{"secret": "hunter5", "x": 1}]}},
            "certificateStatus": "signed", "lastCheckIn": "2024-01-01", "source": "other", "__proto__": {"y": 1},
        }));
        let node = read.unwrap();
        assert_eq!(warnings, Vec::<String>::new());
        let shown = serde_json::to_string(&node).unwrap();
        assert!(!shown.contains("hunter"), "{shown}");
        assert_eq!((node.id.as_str(), node.source.as_deref()), ("proxmox:pve:7", Some("bolt")));
        let aliases: Vec<&str> = node.aliases.iter().map(NodeId::as_str).collect();
        assert_eq!(aliases, ["web1", "web1.example"]);
        let Endpoint { transport, host, port, user, identity_files, password, .. } = &node.endpoint;
        assert_eq!(
            (transport.as_ref().unwrap().as_str(), host.as_deref(), *port, user.as_deref()),
            ("ssh", Some("10.0.0.7"), Some(22), Some("ops"))
        );
        assert_eq!((identity_files.len(), password.as_ref().unwrap().expose()), (1, b"hunter3".as_slice()));
        assert_eq!(node.metadata["uri"], json!("ssh://root@10.0.0.7:2222/x"));
        assert_eq!(
            node.metadata["config"],
            json!({"groups": ["a"], "hostname": "web1.example", "deep": {"list": [{"x": 1}]}})
        );
        assert_eq!(
            (&node.metadata["certificateStatus"], &node.metadata["__proto__"]),
            (&json!("signed"), &json!({"y": 1}))
        );
    }

    #[test]
    fn what_is_missing_is_no_fault_and_what_is_wrong_is_named() {
        let (least, warnings) = node(json!({"id": "web1"}));
        assert_eq!((least.unwrap().endpoint, warnings.len()), (Endpoint::default(), 0));
        assert_eq!(node(json!({"name": "web1"})).0.unwrap().id.as_str(), "web1");
        for uri in ["proxmox://pve/7", "aws:eu:i-1", "bolt:web1", ""] {
            let (node, warnings) = node(json!({"id": "a", "uri": uri}));
            assert_eq!((node.unwrap().endpoint, warnings.len()), (Endpoint::default(), 0), "{uri}");
        }
        assert_eq!(node(json!({"id": "a", "uri": "web1.example:2200"})).0.unwrap().endpoint.port, Some(2200));
        for (bad, part) in [
            (json!(null), "getInventory[3]: is null"),
            (json!({}), "getInventory[3].id: missing"),
            (json!({"id": 5, "name": "x"}), "getInventory[3].id: 5"),
            (json!({"id": "-x"}), "getInventory[3].id: "),
            (json!({"id": "a\nb"}), "line break"),
        ] {
            let error = node(bad.clone()).0.unwrap_err();
            assert!(error.contains(part), "{bad}: {error}");
        }
        for (odd, part) in [
            (json!({"id": "a", "config": []}), "getInventory[3].config: is an array"),
            (json!({"id": "a", "config": {"port": 0}}), "getInventory[3].config.port"),
            (json!({"id": "a", "transport": "a b"}), "getInventory[3].transport"),
            (json!({"id": "a", "uri": "ssh://a b"}), "getInventory[3].uri"),
            (json!({"id": "a", "uri": "ssh://-x:hunter2@b"}), "getInventory[3].uri: has a bad user"),
        ] {
            let (node, warnings) = node(odd.clone());
            assert!(node.is_ok(), "{odd}");
            assert!(warnings.len() == 1 && warnings[0].contains(part), "{odd}: {warnings:?}");
            assert!(!warnings[0].contains("hunter"));
        }
    }
}

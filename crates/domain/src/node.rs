//! Managed machines: [`Node`], [`NodeGroup`] and a node chosen for one execution, [`Target`].

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{GroupName, InvalidName, NodeId, PluginName};
use crate::metadata::Metadata;
use crate::secret::Secret;

/// A managed machine as the inventory knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Its id, unique in the inventory.
    pub id: NodeId,
    /// How it is reached.
    #[serde(default)]
    pub endpoint: Endpoint,
    /// Groups it belongs to directly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupName>,
    /// Other names by which it is known: an alias, a certificate's name. Nodes of several sources that share a name
    /// are one node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<NodeId>,
    /// Whatever else the source tells about it, exposed as facts.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The source that named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Node {
    /// A node of which only the name is known: it is reached by the default transport under that name.
    pub fn named(id: NodeId) -> Self {
        Self {
            id,
            endpoint: Endpoint::default(),
            groups: Vec::new(),
            aliases: Vec::new(),
            metadata: Metadata::new(),
            source: None,
        }
    }
}

/// How a node is reached. What is absent is left to the transport (for SSH: `ssh_config`, then its
/// defaults).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// The transport's name: `ssh`, `local`. Without it, the execution's default transport.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<PluginName>,
    /// Host name, address, or alias of `ssh_config`; without it, the node's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// TCP port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Login user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Private key files, tried in this order before others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identity_files: Vec<std::path::PathBuf>,
    /// Login password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Jump hosts `[user@]host[:port]`, the first one is connected to first (ssh_config(5) `ProxyJump`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jump: Option<Vec<String>>,
}

/// A named set of nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeGroup {
    /// Its name, unique within its source.
    pub name: GroupName,
    /// The sources that have it; more than one makes it a linked group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Direct members, in the source's order.
    #[serde(default)]
    pub nodes: Vec<NodeId>,
    /// Groups whose members belong to it too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<GroupName>,
    /// Variables and descriptions the source tells.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Value>,
}

/// A node chosen for one execution, with the way to it settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The node.
    pub node: NodeId,
    /// How it is reached.
    pub endpoint: Endpoint,
    /// Groups it belonged to when it was resolved, also by way of their parents; each once, in the order of their
    /// names. A node that was given by name or address alone has none, and they are not recorded with an execution.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupName>,
}

impl Target {
    /// A target in no group.
    pub fn new(node: NodeId, endpoint: Endpoint) -> Self {
        Self { node, endpoint, groups: Vec::new() }
    }
}

/// Selects targets, in the language of the `inventory` crate: `web[01-20],@db`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(transparent)]
#[garde(transparent)]
pub struct TargetExpression(#[garde(custom(expression))] String);

impl TargetExpression {
    /// The longest expression, in bytes.
    pub const MAX_BYTES: usize = 4 * 1024 * 1024;

    /// Takes the text; it is parsed when targets are resolved.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The union of the given nodes.
    pub fn of_nodes<'a>(nodes: impl IntoIterator<Item = &'a NodeId>) -> Self {
        let mut text = String::new();
        for name in nodes.into_iter().map(NodeId::as_str) {
            if !text.is_empty() {
                text.push(',');
            }
            // What would mean something else is written as a name.
            let is_special = name == "all" || name.starts_with(['@', '~']);
            text.extend([if is_special { "\"" } else { "" }, name, if is_special { "\"" } else { "" }]);
        }
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn expression(text: &str, _: &()) -> Result<(), garde::Error> {
    if text.trim().is_empty() {
        Err(garde::Error::new("no targets; name at least one node, for example web1 or web[01-20]"))
    } else if text.len() > TargetExpression::MAX_BYTES {
        Err(garde::Error::new(format!("is longer than {} bytes", TargetExpression::MAX_BYTES)))
    } else if text.contains('\0') {
        Err(garde::Error::new("must not contain a NUL byte"))
    } else {
        Ok(())
    }
}

/// Turns `[user@]host[:port]` into its parts, as ssh(1) destinations and jump hosts are written. IPv6
/// addresses with a port stand in brackets.
///
/// # Errors
/// [`InvalidName`] when the host is empty or unsafe or the port is not 1 to 65535.
pub fn parse_destination(text: &str) -> Result<Endpoint, InvalidName> {
    let fault = |reason| InvalidName::new("destination", text, reason);
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, text),
    };
    let (host, port) = if let Some(bracketed) = rest.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']').ok_or_else(|| fault("has '[' without ']'"))?;
        (
            host,
            if after.is_empty() {
                None
            } else {
                Some(after.strip_prefix(':').ok_or_else(|| fault("has text after ']'"))?)
            },
        )
    } else {
        match rest.split_once(':') {
            Some((_, more)) if more.contains(':') => (rest, None),
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        }
    };
    if user.is_some_and(|user| user.is_empty() || user.starts_with('-') || user.chars().any(char::is_control))
    {
        return Err(fault("has a bad user name before '@'"));
    }
    NodeId::new(host).map_err(|error| fault(error.reason()))?;
    let port = match port {
        None => None,
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => return Err(fault("has a port that is not a number from 1 to 65535")),
        },
    };
    Ok(Endpoint { host: Some(host.to_owned()), port, user: user.map(str::to_owned), ..Endpoint::default() })
}

/// Splits a URI `scheme://[user@]host[:port]` into the transport that its scheme names and the destination after it.
///
/// # Errors
/// [`InvalidName`] when the scheme cannot be a transport, when there is no host, and when there is a password, which
/// would be stored and shown with the name, a path, or a percent sign.
pub fn parse_uri(text: &str) -> Result<(PluginName, &str), InvalidName> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let destination = rest.strip_suffix('/').unwrap_or(rest);
    let user = destination.rsplit_once('@').map(|(user, _)| user);
    // Nothing that may be a secret is repeated.
    let shown = destination.rsplit_once('@').map_or(rest, |(_, host)| host);
    let fault = |reason| Err(InvalidName::new("URI", shown, reason));
    let Ok(transport) = PluginName::new(scheme.to_ascii_lowercase()) else {
        return fault("has a scheme that is no transport; write for example ssh://root@web1:22");
    };
    if destination.is_empty() {
        return fault("has no host");
    }
    if user.is_some_and(|user| user.contains(':')) {
        return fault(
            "has a password, which would be stored and shown; let the node be logged in to in another way",
        );
    }
    if destination.contains('%') {
        return fault("must not be percent-encoded");
    }
    // An id of an address of version 6 is written `::1/22`.
    let is_address = destination.split_once('/').is_some_and(|(host, _)| host.matches(':').count() >= 2);
    if destination.contains("//") || (destination.contains('/') && !is_address) {
        return fault("has a path; write scheme://user@host:port");
    }
    Ok((transport, destination))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written before targets had groups is read, and a target without groups is still written so.
    #[test]
    fn a_target_in_no_group_says_nothing_of_groups() {
        let old = r#"{"node":"web1","endpoint":{}}"#;
        let target: Target = serde_json::from_str(old).unwrap();
        assert_eq!(target, Target::new(NodeId::new("web1").unwrap(), Endpoint::default()));
        assert_eq!(serde_json::to_string(&target).unwrap(), old);
    }

    #[test]
    fn names_that_mean_something_else_in_an_expression_are_quoted() {
        let nodes = ["web1", "all", "~x", "@y", "allow"].map(|name| NodeId::new(name).unwrap());
        assert_eq!(TargetExpression::of_nodes(&nodes).as_str(), "web1,\"all\",\"~x\",\"@y\",allow");
    }

    #[test]
    fn destinations_fall_into_their_parts() {
        let whole = parse_destination("root@web1.example:2222").unwrap();
        assert_eq!(
            (whole.user.as_deref(), whole.host.as_deref(), whole.port),
            (Some("root"), Some("web1.example"), Some(2222))
        );
        let v6 = parse_destination("[::1]:22").unwrap();
        assert_eq!((v6.host.as_deref(), v6.port), (Some("::1"), Some(22)));
        assert_eq!(parse_destination("fe80::1").unwrap().host.as_deref(), Some("fe80::1"));
        for bad in ["", "@", "a:0", "a:70000", "a:x", "-x", "a\nb", "[::1", "root@"] {
            assert!(parse_destination(bad).is_err(), "{bad:?}");
        }
    }
}

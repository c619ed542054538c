//! Circuit breakers as they are seen and stored: [`BreakerStatus`] of a [`Component`]. When one opens is a
//! [`BreakerPolicy`](crate::resilience::BreakerPolicy).

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{GroupName, InvalidName, NodeId, PluginName};

/// What a breaker stands before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
pub enum Component {
    /// A transport or plugin.
    Plugin(PluginName),
    /// A node.
    Node(NodeId),
    /// A group of nodes, such as those of one data centre.
    Group(GroupName),
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plugin(name) => write!(f, "plugin:{}", name.as_str()),
            Self::Node(node) => write!(f, "node:{node}"),
            Self::Group(group) => write!(f, "group:{group}"),
        }
    }
}

impl FromStr for Component {
    type Err = InvalidName;

    /// Reads `plugin:NAME`, `node:NAME` or `group:NAME`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("plugin", name)) => PluginName::new(name).map(Self::Plugin),
            Some(("node", name)) => NodeId::new(name).map(Self::Node),
            Some(("group", name)) => GroupName::new(name).map(Self::Group),
            _ => Err(InvalidName::new("component", text, "must be plugin:NAME, node:NAME or group:NAME")),
        }
    }
}

impl From<Component> for String {
    fn from(component: Component) -> Self {
        component.to_string()
    }
}

impl TryFrom<String> for Component {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BreakerState {
    /// Requests pass.
    Closed,
    /// Requests are refused at once.
    Open,
    /// A few requests pass, to see whether it works again.
    HalfOpen,
}

impl BreakerState {
    /// The word that is stored and shown, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "halfOpen",
        }
    }
}

/// A breaker as it is seen and stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BreakerStatus {
    /// What it stands before.
    pub component: Component,
    /// Where it stands.
    pub state: BreakerState,
    /// Since when it does, UTC.
    pub since: Timestamp,
    /// Failures within the window, of a group its nodes that failed; after it has opened, those that opened it.
    pub failures: u32,
    /// When the next request may pass as a probe; absent while all of them pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_probe_at: Option<Timestamp>,
}

/// A breaker as it is stored: with what its window holds, so that failures before a restart count. Of two records of a
/// breaker the one stands that has been in its state since later ([`BreakerStatus::since`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerRecord {
    /// Where it stands.
    pub status: BreakerStatus,
    /// Requests of the window, in parts of it, oldest first. Empty unless it is closed.
    pub recent: Vec<RecentRequests>,
}

/// Requests of one part of a breaker's window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentRequests {
    /// Where the part begins, UTC.
    pub at: Timestamp,
    /// Requests in it.
    pub requests: u32,
    /// Of these, that failed.
    pub failures: u32,
    /// Of a group, the nodes that failed in it: each counts once within the window. Not more than open the breaker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_read_as_they_are_written() {
        for text in ["plugin:ssh", "node:web01", "node:user@host:22", "group:web", "group:rack 7: left"] {
            assert_eq!(text.parse::<Component>().map(|component| component.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "web01", "site:web", "node:", "plugin: ", "group:", "group: web"] {
            assert!(text.parse::<Component>().is_err(), "{text:?}");
        }
    }
}

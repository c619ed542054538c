//! How a node would be reached: [`Approach`]. It is what this side knows without asking the network or the node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host_key::HostKeyKnowledge;
use crate::node::Target;

/// How a target would be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approach {
    /// Where to, and as whom.
    pub reach: Reach,
    /// What is known of its host key; absent where the transport has none.
    pub host_key: Option<HostKeyKnowledge>,
    /// Why there is no way to it, where the settings make none. A run would end with this.
    pub fault: Option<String>,
}

impl Approach {
    /// What the target's endpoint says by itself.
    pub fn of_endpoint(target: &Target) -> Self {
        let endpoint = &target.endpoint;
        let reach = Reach {
            host: endpoint.host.clone(),
            port: endpoint.port,
            user: endpoint.user.clone(),
            jump: endpoint.jump.clone().unwrap_or_default(),
        };
        Self { reach, host_key: None, fault: None }
    }
}

/// Where to, and as whom. What is absent is not known, or means nothing for the transport.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Reach {
    /// Host name or address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// TCP port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Login user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Jump hosts as `user@host:port`, the first one is connected to first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jump: Vec<String>,
}

impl std::fmt::Display for Reach {
    /// `user@host:port via jump`; what is not known is left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match &self.host {
            // As RFC 3986 section 3.2.2 writes an IPv6 address before a port.
            Some(host) if host.contains(':') && self.port.is_some() => write!(f, "[{host}]")?,
            Some(host) => f.write_str(host)?,
            None => f.write_str("this name")?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        if !self.jump.is_empty() {
            write!(f, " via {}", self.jump.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_written_as_people_write_it() {
        let mut reach = Reach {
            host: Some("10.0.0.1".into()),
            port: Some(22),
            user: Some("ops".into()),
            jump: vec!["gate:22".into()],
        };
        assert_eq!(reach.to_string(), "ops@10.0.0.1:22 via gate:22");
        reach.host = Some("::1".into());
        assert_eq!(reach.to_string(), "ops@[::1]:22 via gate:22");
        assert_eq!(Reach::default().to_string(), "this name");
    }
}

//! By what nodes of several sources are known to be the same machine: [`identifiers`] of a node.

use std::borrow::Cow;
use std::net::IpAddr;

use pabawi_domain::node::{Endpoint, Node};

/// How surely an identifier names a node. Within one source the stronger claim wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// It is where the node is reached.
    Host,
    /// It is another name of the node.
    Alias,
    /// It is the node's id, but for the case.
    Id,
    /// It is the node's id.
    ExactId,
}

/// The identifiers of a node. Names are compared without regard to case, as DNS does (RFC 4343).
pub(super) fn identifiers(node: &Node) -> impl Iterator<Item = (Claim, Cow<'_, str>)> {
    let names = std::iter::once((Claim::Id, node.id.as_str()))
        .chain(node.aliases.iter().map(|alias| (Claim::Alias, alias.as_str())));
    names
        .filter(|(_, name)| !is_this_machine(name))
        .map(|(claim, name)| match (claim, lower(name)) {
            (Claim::Id, Cow::Borrowed(name)) => (Claim::ExactId, Cow::Borrowed(name)),
            (claim, name) => (claim, name),
        })
        .chain(host(&node.endpoint).map(|host| (Claim::Host, host)))
}

/// The host of an endpoint, where it tells one machine from all others: not the machine that asks, and not an address
/// in a network behind a jump host, of which there may be many. With a port other than that of SSH it is another
/// machine, or another container, than without.
fn host(endpoint: &Endpoint) -> Option<Cow<'_, str>> {
    // By other ways, such as from this machine or into a container, the host is not where the node is.
    if endpoint.transport.as_ref().is_some_and(|transport| transport.as_str() != "ssh") {
        return None;
    }
    let host = endpoint.host.as_deref()?;
    let address = host.parse::<IpAddr>().ok();
    let is_behind_jump = endpoint.jump.as_ref().is_some_and(|jump| !jump.is_empty());
    if is_this_machine(host) || (address.is_some() && is_behind_jump) {
        return None;
    }
    match (endpoint.port, address) {
        (None | Some(22), _) => Some(lower(host)),
        (Some(port), Some(IpAddr::V6(_))) => Some(Cow::Owned(format!("[{}]:{port}", lower(host)))),
        (Some(port), _) => Some(Cow::Owned(format!("{}:{port}", lower(host)))),
    }
}

/// Whether a name means whichever machine it is said on (RFC 6761 section 6.3).
fn is_this_machine(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_name = ["localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost"]
        .iter()
        .any(|local| name.eq_ignore_ascii_case(local))
        || name.len() > 10
            && name.get(name.len() - 10..).is_some_and(|end| end.eq_ignore_ascii_case(".localhost"));
    is_name || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use pabawi_domain::id::NodeId;

    use super::*;

    fn of(id: &str, host: Option<&str>, port: Option<u16>, jump: &[&str]) -> Vec<String> {
        let mut node = Node::named(NodeId::new(id).unwrap());
        node.endpoint.host = host.map(str::to_owned);
        node.endpoint.port = port;
        node.endpoint.jump = Some(jump.iter().map(|hop| (*hop).to_owned()).collect());
        identifiers(&node).map(|(_, text)| text.into_owned()).collect()
    }

    #[test]
    fn only_what_tells_machines_apart_identifies() {
        assert_eq!(of("Web1", Some("web1.example.org"), None, &[]), ["web1", "web1.example.org"]);
        assert_eq!(of("w", Some("10.0.0.5"), Some(22), &[]), ["w", "10.0.0.5"]);
        assert_eq!(of("w", Some("10.0.0.5"), Some(2222), &[]), ["w", "10.0.0.5:2222"]);
        assert_eq!(of("w", Some("fe80::1"), Some(2222), &[]), ["w", "[fe80::1]:2222"]);
        for local in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "127.0.0.1",
            "127.8.9.1",
            "::1",
            "0.0.0.0",
            "a.localhost",
        ] {
            assert_eq!(of("w", Some(local), Some(2201), &[]), ["w"], "{local}");
            assert!(of(local, None, None, &[]).is_empty(), "{local}");
        }
        // Many networks have a 10.0.0.5; a name stays a name also behind a jump host.
        assert_eq!(of("w", Some("10.0.0.5"), None, &["bastion"]), ["w"]);
        assert_eq!(of("w", Some("db.site1"), None, &["bastion"]), ["w", "db.site1"]);
        let mut local = Node::named(NodeId::new("switch1").unwrap());
        local.endpoint.host = Some("mgmt.example.org".into());
        local.endpoint.transport = pabawi_domain::id::PluginName::new("local").ok();
        assert_eq!(identifiers(&local).count(), 1);
        // A scheme before a name is part of the name.
        assert_eq!(of("azure:vm1", None, None, &[]), ["azure:vm1"]);
    }
}

//! Names that carry the way to the node in themselves: `user@host:port`.
//!
//! Such a text becomes a node whose id is the text, so that two ports of one address stay two nodes and a
//! stored name leads to the same place again. Main function: [`node_of`].

use pabawi_domain::id::{InvalidName, NodeId};
use pabawi_domain::node::{Node, parse_destination, parse_uri};

/// The node of a name, of a destination `[user@]host[:port]`, as ssh(1) takes it, or of a URI
/// `ssh://[user@]host[:port]`, whose scheme is the transport. An IPv6 address with a port is given as `[::1]:22`; its id
/// is `::1/22`, since ids hold no brackets.
///
/// # Errors
/// [`InvalidName`] says what is wrong with the text.
pub fn node_of(text: &str) -> Result<Node, InvalidName> {
    if has_scheme(text) {
        let (transport, destination) = parse_uri(text)?;
        let mut node = node_of(destination)?;
        node.id = NodeId::new(format!("{transport}://{}", node.id))?;
        // The id is no name that `ssh_config` knows, so the host has to stand beside it.
        node.endpoint.host.get_or_insert_with(|| destination.to_owned());
        node.endpoint.transport = Some(transport);
        return Ok(node);
    }
    if let Some((user, host, port)) = address_and_port(text) {
        let endpoint = parse_destination(&format!("{user}[{host}]:{port}"))?;
        return Ok(Node { endpoint, ..Node::named(NodeId::new(format!("{user}{host}/{port}"))?) });
    }
    if text.contains('[') {
        let endpoint = parse_destination(text)?;
        let user = endpoint.user.as_deref().map_or_else(String::new, |user| format!("{user}@"));
        let host = endpoint.host.as_deref().unwrap_or_default();
        let id = match endpoint.port {
            Some(port) => format!("{user}{host}/{port}"),
            None => format!("{user}{host}"),
        };
        return Ok(Node { endpoint, ..Node::named(NodeId::new(id)?) });
    }
    let id = NodeId::new(text)?;
    let endpoint = parse_destination(text)?;
    let is_plain = endpoint.user.is_none() && endpoint.port.is_none();
    // A plain name is left without a host, so that the transport looks the name up in `ssh_config`.
    if is_plain { Ok(Node::named(id)) } else { Ok(Node { endpoint, ..Node::named(id) }) }
}

/// Whether a text is a URI: `ssh://web1`.
pub fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && rest.starts_with("//"))
}

/// Whether a term that begins with a bracket (after `scheme://` and `user@`) is an IPv6 address and not a node set.
pub fn is_bracketed_address(text: &str) -> bool {
    let text = if has_scheme(text) { text.split_once("//").map_or(text, |(_, rest)| rest) } else { text };
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
    host.strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .is_some_and(|(inside, _)| inside.matches(':').count() >= 2 && !inside.contains(','))
}

/// The parts of an id that was made of `[address]:port`: `user@` with its sign, address, port.
fn address_and_port(text: &str) -> Option<(&str, &str, &str)> {
    let (rest, port) = text.rsplit_once('/')?;
    let (user, host) = match rest.rsplit_once('@') {
        Some((user, host)) => (rest.get(..=user.len())?, host),
        None => ("", rest),
    };
    let is_address = host.matches(':').count() >= 2 && !host.contains('[');
    (is_address && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
        .then_some((user, host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_node_that_leads_to_itself() {
        for (text, id, user, host, port) in [
            ("web1", "web1", None, None, None),
            ("root@web1", "root@web1", Some("root"), Some("web1"), None),
            ("127.0.0.1:2201", "127.0.0.1:2201", None, Some("127.0.0.1"), Some(2201)),
            ("a@b:22", "a@b:22", Some("a"), Some("b"), Some(22)),
            ("::1", "::1", None, None, None),
            ("[::1]", "::1", None, Some("::1"), None),
            ("[::1]:2201", "::1/2201", None, Some("::1"), Some(2201)),
            ("root@[fe80::1]:22", "root@fe80::1/22", Some("root"), Some("fe80::1"), Some(22)),
        ] {
            let node = node_of(text).unwrap();
            assert_eq!(node.id.as_str(), id, "{text}");
            let endpoint = &node.endpoint;
            assert_eq!(
                (endpoint.user.as_deref(), endpoint.host.as_deref(), endpoint.port),
                (user, host, port),
                "{text}"
            );
            let again = node_of(node.id.as_str()).unwrap();
            assert_eq!((again.endpoint.port, again.endpoint.user), (node.endpoint.port, node.endpoint.user));
        }
        for bad in ["", "-x", "a b", "web1:x", "web1:0", "@web1", "[::1", "[::1]x"] {
            assert!(node_of(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_uri_names_its_transport() {
        for (text, id, user, host, port) in [
            ("ssh://web1", "ssh://web1", None, "web1", None),
            ("SSH://root@web1:2222/", "ssh://root@web1:2222", Some("root"), "web1", Some(2222)),
            ("ssh://root@[::1]:22", "ssh://root@::1/22", Some("root"), "::1", Some(22)),
        ] {
            let node = node_of(text).unwrap();
            assert_eq!(node.id.as_str(), id, "{text}");
            let endpoint = &node.endpoint;
            assert_eq!(
                (endpoint.user.as_deref(), endpoint.host.as_deref(), endpoint.port),
                (user, Some(host), port)
            );
            assert_eq!(endpoint.transport.as_ref().unwrap().as_str(), "ssh");
            assert_eq!(node_of(id).unwrap(), node, "the id leads to the same place");
        }
        for (bad, part) in [
            ("ssh://", "host"),
            ("ssh://root:secret@web1", "password"),
            ("ssh://web1/x", "path"),
            ("ssh://ssh://web1", "path"),
            ("s h://web1", "scheme"),
            ("ssh://-oProxyCommand=x", "start with '-'"),
            ("ssh://a%20b@web1", "percent"),
        ] {
            let error = node_of(bad).unwrap_err().to_string();
            assert!(error.contains(part), "{bad}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn addresses_in_brackets_are_told_from_node_sets() {
        assert!(is_bracketed_address("[::1]:22"));
        assert!(is_bracketed_address("root@[fe80::1]"));
        assert!(is_bracketed_address("ssh://[fe80::1]:22") && is_bracketed_address("ssh://a@[fe80::1]"));
        assert!(!is_bracketed_address("ssh://web[1-3]"));
        assert!(!is_bracketed_address("[1-3]"));
        assert!(!is_bracketed_address("web[1-3]:22"));
        assert!(!is_bracketed_address("[a:b:c,d]"));
    }
}

//! Which entries of Pabawi's sources are the same node: [`link_nodes`]. Main type: [`NodeNames`].
//!
//! Entries that share an identifier are one node, also by way of others. Merging their fields is left to the caller.
//!
//! What entries are called crosses as one text and the lengths of its pieces: of tens of thousands of entries, objects
//! would cost more to cross than to link.

use std::collections::{HashMap, VecDeque};

use napi::bindgen_prelude::{Uint32Array, Utf16String};
use napi_derive::napi;

/// What one entry is called; what it does not have is empty.
#[derive(Debug, Default)]
struct NodeNames {
    /// Its id in its source.
    id: String,
    /// Its name.
    name: String,
    /// Its address.
    uri: String,
    /// `config.hostname`.
    hostname: String,
}

/// Pieces of an entry: id, name, address, host name.
const PIECES: usize = 4;

/// The entries of a text and the lengths of its pieces, four for each, in units of UTF-16.
fn entries(text: &[u16], lengths: &[u32]) -> Vec<NodeNames> {
    let mut rest = text;
    let mut piece = |length: u32| {
        let (taken, left) = rest.split_at(rest.len().min(length as usize));
        rest = left;
        String::from_utf16_lossy(taken)
    };
    let mut all = Vec::with_capacity(lengths.len() / PIECES);
    for entry in lengths.chunks_exact(PIECES) {
        let &[id, name, uri, hostname] = entry else { continue };
        let (id, name, uri, hostname) = (piece(id), piece(name), piece(uri), piece(hostname));
        all.push(NodeNames { id, name, uri, hostname });
    }
    all
}

/// The places of the entries of each node, as the number of them and then each: see [`linked`].
#[napi(catch_unwind)]
pub fn link_nodes(text: Utf16String, lengths: Uint32Array) -> Uint32Array {
    let entries = entries(&text, &lengths);
    let mut flat = Vec::with_capacity(2 * entries.len());
    for set in linked(&entries) {
        // No more entries than a number of 32 bits came in.
        flat.push(u32::try_from(set.len()).unwrap_or(u32::MAX));
        flat.extend(set);
    }
    Uint32Array::new(flat)
}

/// The places of the entries that have this identifier, in any case.
#[napi(catch_unwind)]
pub fn matching_nodes(text: Utf16String, lengths: Uint32Array, identifier: String) -> Vec<u32> {
    matching(&entries(&text, &lengths), &identifier)
}

/// The places of the entries of each node: nodes in the order of their first entries, of each node that entry first and
/// then the others as they are found, by id, name, address and host name.
fn linked(nodes: &[NodeNames]) -> Vec<Vec<u32>> {
    let identifiers: Vec<Vec<String>> = nodes.iter().map(identifiers).collect();
    let mut groups: HashMap<&str, Vec<u32>> = HashMap::with_capacity(nodes.len());
    for (place, names) in (0_u32..).zip(&identifiers) {
        for name in names {
            groups.entry(name).or_default().push(place);
        }
    }
    let mut is_found = vec![false; nodes.len()];
    let mut linked = Vec::new();
    for first in (0_u32..).zip(&identifiers).map(|(place, _)| place) {
        let mut set = Vec::new();
        let mut open = VecDeque::new();
        if is_new(&mut is_found, first) {
            open.push_back(first);
        }
        while let Some(place) = open.pop_front() {
            set.push(place);
            for name in identifiers.get(place as usize).into_iter().flatten() {
                // Each group is taken once, so the whole is linear.
                for member in groups.remove(name.as_str()).unwrap_or_default() {
                    if is_new(&mut is_found, member) {
                        open.push_back(member);
                    }
                }
            }
        }
        if !set.is_empty() {
            linked.push(set);
        }
    }
    linked
}

fn matching(nodes: &[NodeNames], identifier: &str) -> Vec<u32> {
    let wanted = identifier.to_lowercase();
    let places = (0_u32..).zip(nodes);
    places.filter(|(_, node)| identifiers(node).contains(&wanted)).map(|(place, _)| place).collect()
}

fn is_new(is_found: &mut [bool], place: u32) -> bool {
    is_found.get_mut(place as usize).is_some_and(|found| !std::mem::replace(found, true))
}

/// Everything an entry is found by, each once, in lower case.
fn identifiers(node: &NodeNames) -> Vec<String> {
    let name = Some(node.name.as_str()).filter(|name| !name.trim().is_empty());
    let host = host(&node.uri);
    let hostname = Some(node.hostname.as_str()).filter(|name| !name.is_empty());
    let mut all: Vec<String> = Vec::with_capacity(4);
    for name in [Some(node.id.as_str()), name, host, hostname].into_iter().flatten() {
        let name = name.to_lowercase();
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// The host of an address that names one. Those of clouds name a machine by other means, and this machine's own names
/// are those of any machine.
fn host(uri: &str) -> Option<&str> {
    if ["proxmox:", "aws:", "azure:"].iter().any(|kind| uri.starts_with(kind)) {
        return None;
    }
    let place = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let host = place.split(':').next().and_then(|host| host.split('/').next())?;
    let is_any = host.is_empty() || host.eq_ignore_ascii_case("localhost") || host.starts_with("127.");
    (!is_any).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, name: &str, uri: &str, hostname: &str) -> NodeNames {
        NodeNames { id: id.into(), name: name.into(), uri: uri.into(), hostname: hostname.into() }
    }

    /// R3.7, R3.8
    #[test]
    fn entries_with_a_name_in_common_are_one_node_also_by_way_of_others() {
        let nodes = vec![
            node("a", "WEB1", "ssh://web1.example.com:22/x", ""),
            node("c", "third", "ssh://other", "shared"),
            node("alone", " ", "", ""),
            node("b", "b", "ssh://Web1.example.com", "SHARED"),
        ];
        assert_eq!(linked(&nodes), [vec![0, 3, 1], vec![2]]);
    }

    /// R3.8
    #[test]
    fn clouds_and_this_machine_link_nothing() {
        let nodes = vec![
            node("1", "vm1", "azure:sub:rg:vm1", ""),
            node("2", "vm2", "azure:sub:rg:vm2", ""),
            node("3", "vm3", "aws:eu:i-1", ""),
            node("4", "vm4", "aws:eu:i-2", ""),
            node("5", "vm5", "proxmox://n/100", ""),
            node("6", "vm6", "proxmox://n/101", ""),
            node("7", "vm7", "ssh://localhost:2201", ""),
            node("8", "vm8", "ssh://127.0.0.1:2202", ""),
            node("9", "vm9", "ssh://localhost", ""),
        ];
        assert_eq!(linked(&nodes).len(), 9);
    }

    #[test]
    fn identifiers_are_looked_for_in_any_case() {
        let nodes = [node("a", "Web", "ssh://H", ""), node("b", "x", "", "h")];
        assert_eq!(matching(&nodes, "h"), [0, 1]);
        assert_eq!(matching(&nodes, "WEB"), [0]);
        assert!(matching(&nodes, "we").is_empty());
    }

    #[test]
    fn sets_cross_as_their_lengths_and_places() {
        let text = || Utf16String::from("abA".to_owned());
        let lengths = || Uint32Array::new(vec![1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(link_nodes(text(), lengths()).to_vec(), [2, 0, 2, 1, 1]);
        assert_eq!(matching_nodes(text(), lengths(), "B".to_owned()), [1]);
    }

    #[test]
    fn entries_are_cut_by_units_of_utf16_and_never_beyond_the_text() {
        let text: Vec<u16> = "a\u{1f600}bhost".encode_utf16().chain([0xd800]).collect();
        let cut = entries(&text, &[1, 3, 0, 4, 1, 9, 9, 9, 7]);
        let words =
            |entry: &NodeNames| [&entry.id, &entry.name, &entry.uri, &entry.hostname].map(String::clone);
        let all: Vec<_> = cut.iter().map(words).collect();
        assert_eq!(all, [["a", "\u{1f600}b", "", "host"], ["\u{fffd}", "", "", ""]]);
    }
}

//! Tests of the merge by way of [`Inventory`].

use pabawi_domain::id::{GroupName, NodeId};
use pabawi_domain::node::{Node, NodeGroup};
use pabawi_domain::ports::InventorySnapshot;
use proptest::prelude::*;

use crate::Inventory;

fn node(id: &str) -> Node {
    Node::named(NodeId::new(id).unwrap())
}

fn group(name: &str, nodes: &[&str], children: &[&str]) -> NodeGroup {
    NodeGroup {
        name: GroupName::new(name).unwrap(),
        sources: Vec::new(),
        nodes: nodes.iter().map(|id| NodeId::new(id).unwrap()).collect(),
        children: children.iter().map(|name| GroupName::new(name).unwrap()).collect(),
        metadata: Default::default(),
    }
}

fn snapshot(nodes: Vec<Node>, groups: Vec<NodeGroup>) -> InventorySnapshot {
    InventorySnapshot { nodes, groups, ..InventorySnapshot::default() }
}

/// R3.7, R3.8
#[test]
fn the_higher_priority_wins_field_by_field() {
    let mut low = node("web1");
    low.endpoint.host = Some("10.0.0.1".into());
    low.endpoint.port = Some(22);
    low.metadata.insert("os", "debian".into());
    low.metadata.insert("rack", 7.into());
    let mut high = node("web1");
    high.endpoint.port = Some(2222);
    high.metadata.insert("os", "ubuntu".into());
    let inventory = Inventory::merge(vec![
        ("low".into(), 1, snapshot(vec![low, node("db1")], vec![])),
        ("high".into(), 9, snapshot(vec![high], vec![])),
    ]);
    let web1 = inventory.node("web1").unwrap();
    assert_eq!((web1.endpoint.host.as_deref(), web1.endpoint.port), (Some("10.0.0.1"), Some(2222)));
    assert_eq!((&web1.metadata["os"], &web1.metadata["rack"]), (&"ubuntu".into(), &7.into()));
    assert_eq!(web1.source.as_deref(), Some("high"));
    assert_eq!(inventory.nodes().len(), 2);
}

/// R3.2, R3.3
#[test]
fn groups_of_one_name_are_linked_and_members_go_both_ways() {
    let mut db1 = node("db1");
    db1.groups.push(GroupName::new("db").unwrap());
    let inventory = Inventory::merge(vec![
        ("a".into(), 0, snapshot(vec![db1], vec![group("all-db", &[], &["db"])])),
        ("b".into(), 0, snapshot(vec![], vec![group("db", &["db2", "db1"], &["all-db"])])),
    ]);
    let db = inventory.group("db").unwrap();
    assert_eq!(db.sources, ["a", "b"]);
    let names = |name: &str| -> Vec<&str> {
        inventory.members(inventory.group(name).unwrap()).iter().map(|node| node.id.as_str()).collect()
    };
    assert_eq!(names("db"), ["db1", "db2"]);
    // The two groups contain each other; both still have an end.
    assert_eq!(names("all-db"), ["db1", "db2"]);
    assert_eq!(inventory.node("db2").unwrap().groups.len(), 1);
    assert_eq!(inventory.node("db2").unwrap().source.as_deref(), Some("b"));
}

fn at(id: &str, host: &str) -> Node {
    let mut node = node(id);
    node.endpoint.host = Some(host.into());
    node
}

fn with_aliases(id: &str, aliases: &[&str]) -> Node {
    Node { aliases: aliases.iter().map(|name| NodeId::new(name).unwrap()).collect(), ..node(id) }
}

fn merge(parts: Vec<(&str, i32, InventorySnapshot)>) -> Inventory {
    Inventory::merge(parts.into_iter().map(|(name, priority, part)| (name.to_owned(), priority, part)))
}

fn ids(inventory: &Inventory) -> Vec<&str> {
    inventory.nodes().iter().map(|node| node.id.as_str()).collect()
}

/// R3.8
#[test]
fn what_shares_a_name_is_one_node_also_by_way_of_others() {
    let inventory = merge(vec![
        ("bolt", 10, snapshot(vec![with_aliases("web1", &["Web1.Example.org"])], vec![])),
        ("ssh", 50, snapshot(vec![at("w1", "10.0.0.1")], vec![])),
        (
            "puppetdb",
            20,
            snapshot(
                vec![at("web1.example.org", "10.0.0.1")],
                vec![group("prod", &["web1.example.org"], &[])],
            ),
        ),
        (
            "other",
            0,
            snapshot(vec![node("web1.example")], vec![group("web", &["WEB1.example.org", "w1"], &[])]),
        ),
    ]);
    // ssh and puppetdb share an address, puppetdb and bolt a name; the highest priority names it.
    assert_eq!(ids(&inventory), ["w1", "web1.example"]);
    let w1 = inventory.node("web1.example.org").unwrap();
    assert_eq!(w1.id.as_str(), "w1");
    assert_eq!(inventory.node("web1").unwrap().id, w1.id);
    assert_eq!(
        w1.aliases.iter().map(NodeId::as_str).collect::<Vec<_>>(),
        ["web1.example.org", "web1", "Web1.Example.org"]
    );
    assert_eq!(
        inventory.entries(0).map(|(data, _)| data.name.as_str()).collect::<Vec<_>>(),
        ["ssh", "puppetdb", "bolt"]
    );
    // Members that a source knows under another name are the same node.
    assert_eq!(inventory.group("web").unwrap().nodes, std::slice::from_ref(&w1.id));
    assert_eq!(inventory.group("prod").unwrap().nodes, std::slice::from_ref(&w1.id));
    assert_eq!(w1.groups.len(), 2);
}

/// R3.8
#[test]
fn localhost_and_schemes_and_doubtful_names_link_nothing() {
    let inventory = merge(vec![
        (
            "a",
            2,
            snapshot(
                vec![at("db1", "localhost"), at("n1", "10.0.0.9"), node("azure:vm1"), at("x", "h")],
                vec![],
            ),
        ),
        (
            "b",
            1,
            snapshot(
                vec![at("db2", "localhost"), at("n2", "10.0.0.9"), at("n3", "10.0.0.9"), node("azure:vm2")],
                vec![],
            ),
        ),
        ("c", 0, snapshot(vec![at("y", "h"), node("h")], vec![])),
    ]);
    // Two nodes of b are at 10.0.0.9, so that it names neither. In c, h is a node by itself and not y.
    assert_eq!(ids(&inventory), ["db1", "n1", "azure:vm1", "x", "db2", "n2", "n3", "azure:vm2", "y"]);
    assert_eq!(inventory.node("h").unwrap().id.as_str(), "x");
    assert_eq!(inventory.warnings(), ["b: several nodes are 10.0.0.9, so it links none of them"]);
}

#[test]
fn a_source_is_asked_for_its_own_group() {
    let mut db3 = node("db3");
    db3.groups.push(GroupName::new("db").unwrap());
    let inventory = merge(vec![
        (
            "a",
            0,
            snapshot(
                vec![node("db1")],
                vec![group("db", &["db1"], &["spare"]), group("spare", &["db9"], &[])],
            ),
        ),
        ("b", 0, snapshot(vec![node("db2"), db3], vec![group("db", &["db2"], &[])])),
    ]);
    let names = |source: &str, group: &str| -> Option<Vec<&str>> {
        let members = inventory.members_in_source(source, group)?;
        Some(members.into_iter().map(|at| inventory.nodes()[at].id.as_str()).collect())
    };
    assert_eq!(names("a", "db").unwrap(), ["db1", "db9"]);
    assert_eq!(names("b", "db").unwrap(), ["db2", "db3"]);
    assert_eq!(names("b", "spare"), None);
    assert_eq!(names("c", "db"), None);
    assert_eq!(inventory.members(inventory.group("db").unwrap()).len(), 4);
}

#[test]
fn a_name_of_several_nodes_names_none_and_a_member_is_known_by_any_name() {
    let inventory = merge(vec![
        ("p", 2, snapshot(vec![with_aliases("a", &["www"]), with_aliases("b", &["www"])], vec![])),
        ("site", 1, snapshot(vec![at("web1", "10.0.0.5"), node("db1")], vec![])),
        ("cloud", 0, snapshot(vec![], vec![group("web", &["10.0.0.5", "DB1"], &[])])),
    ]);
    assert!(inventory.node("www").is_none());
    let members = |indexes: Vec<usize>| -> Vec<String> {
        indexes.into_iter().map(|index| inventory.nodes()[index].id.to_string()).collect()
    };
    assert_eq!(members(inventory.members_in_source("cloud", "web").unwrap()), ["web1", "db1"]);
    assert_eq!(members(inventory.member_indexes(inventory.group("web").unwrap())), ["web1", "db1"]);
}

/// R3.7, R3.9
#[test]
fn a_field_says_who_says_so_and_who_said_otherwise() {
    let mut low = at("web1", "10.0.0.1");
    low.endpoint.port = Some(22);
    low.metadata.insert("rack", 7.into());
    let mut high = with_aliases("w1", &["web1"]);
    high.endpoint.port = Some(2222);
    high.endpoint.password = Some(pabawi_domain::secret::Secret::new("hunter2"));
    high.groups.push(GroupName::new("web").unwrap());
    let inventory = merge(vec![
        ("low", 1, snapshot(vec![low], vec![group("web", &["web1"], &[]), group("all", &["web1"], &[])])),
        ("high", 9, snapshot(vec![high], vec![])),
    ]);
    let now = jiff::Timestamp::from_second(1_000).unwrap();
    let explanation = inventory.explain("web1", now, &|source| (source == "high").then_some(now)).unwrap();
    assert_eq!(explanation.node.as_str(), "w1");
    assert_eq!((explanation.fields[0].winner.age_ms, explanation.fields[1].winner.age_ms), (None, Some(0)));
    let lines: Vec<String> = explanation
        .fields
        .iter()
        .map(|field| {
            let losers: Vec<String> =
                field.losers.iter().map(|said| format!(" < {}: {}", said.source, said.value)).collect();
            format!("{}: {} ({}){}", field.field, field.winner.value, field.winner.source, losers.concat())
        })
        .collect();
    assert_eq!(
        lines,
        [
            r#"host: "10.0.0.1" (low)"#,
            "port: 2222 (high) < low: 22",
            r#"password: "***" (high)"#,
            r#"groups: ["web"] (high) < low: ["web","all"]"#,
            r#"aliases: ["web1"] (high)"#,
            "metadata.rack: 7 (low)",
        ]
    );
    assert!(inventory.explain("nobody", now, &|_| None).is_none());
}

proptest! {
    /// R3.8: linking agrees with joining sets until nothing changes any more, and loses no entry.
    #[test]
    fn linking_is_the_transitive_closure(
        parts in proptest::collection::vec(
            proptest::collection::vec((0u8..12, proptest::collection::vec(0u8..12, 0..3)), 0..5), 1..5
        )
    ) {
        let mut snapshots = Vec::new();
        for part in &parts {
            let mut seen = std::collections::HashSet::new();
            let nodes: Vec<Node> = part
                .iter()
                .filter(|(id, _)| seen.insert(*id))
                .map(|(id, aliases)| {
                    let aliases: Vec<String> = aliases.iter().map(|alias| format!("n{alias}")).collect();
                    with_aliases(&format!("n{id}"), &aliases.iter().map(String::as_str).collect::<Vec<_>>())
                })
                .collect();
            snapshots.push(nodes);
        }
        let inventory = Inventory::merge(
            snapshots.iter().enumerate().map(|(at, nodes)| (format!("s{at}"), 0, snapshot(nodes.clone(), vec![])))
        );

        // The reference: what names an entry has a right to, then sets joined while any two overlap.
        type Set = (Vec<(usize, usize)>, std::collections::HashSet<String>);
        let mut sets: Vec<Set> = Vec::new();
        for (part, nodes) in snapshots.iter().enumerate() {
            for (at, node) in nodes.iter().enumerate() {
                let is_claimed = |name: &NodeId| nodes.iter().enumerate().any(|(other, node)| {
                    other != at && (node.id == *name || node.aliases.contains(name))
                });
                let mut names: std::collections::HashSet<String> = node.aliases.iter()
                    .filter(|alias| **alias == node.id || !is_claimed(alias)).map(|name| name.to_string()).collect();
                names.insert(node.id.to_string());
                sets.push((vec![(part, at)], names));
            }
        }
        loop {
            let pair = (0..sets.len()).flat_map(|a| (a + 1..sets.len()).map(move |b| (a, b)))
                .find(|(a, b)| !sets[*a].1.is_disjoint(&sets[*b].1));
            let Some((a, b)) = pair else { break };
            let (entries, names) = sets.remove(b);
            sets[a].0.extend(entries);
            sets[a].1.extend(names);
        }
        prop_assert_eq!(inventory.nodes().len(), sets.len());
        let mut expected: Vec<Vec<(usize, usize)>> = sets.into_iter().map(|(mut entries, _)| {
            entries.sort_unstable();
            entries
        }).collect();
        expected.sort_unstable();
        let mut found: Vec<Vec<(usize, usize)>> = (0..inventory.nodes().len()).map(|index| {
            inventory.entries(index).map(|(data, node)| {
                let part: usize = data.name[1..].parse().unwrap();
                (part, snapshots[part].iter().position(|known| known.id == node.id).unwrap())
            }).collect()
        }).collect();
        found.sort_unstable();
        prop_assert_eq!(found, expected);
    }
}

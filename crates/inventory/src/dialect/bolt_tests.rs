//! What Bolt's manual and its source say of targets.

use pabawi_domain::id::{GroupName, NodeId};
use pabawi_domain::node::NodeGroup;
use pabawi_domain::ports::InventorySnapshot;

use super::*;

fn inventory() -> Inventory {
    let ids = |names: &[&str]| names.iter().map(|name| NodeId::new(name).unwrap()).collect::<Vec<_>>();
    let group = |name: &str, nodes: &[&str], children: &[&str]| NodeGroup {
        name: GroupName::new(name).unwrap(),
        sources: vec![],
        nodes: ids(nodes),
        children: children.iter().map(|name| GroupName::new(name).unwrap()).collect(),
        metadata: Default::default(),
    };
    let mut nodes: Vec<Node> =
        ids(&["web1", "web2", "WEB3", "db1", "lone"]).into_iter().map(Node::named).collect();
    nodes[3].aliases = ids(&["primary"]);
    let groups = vec![group("web", &["web2", "web1", "WEB3"], &[]), group("site", &["db1"], &["web"])];
    let snapshot = InventorySnapshot { nodes, groups, ..InventorySnapshot::default() };
    Inventory::merge(vec![("test".into(), 0, snapshot)])
}

fn targets(text: &str) -> Result<Vec<String>, String> {
    let inventory = inventory();
    let found = select(text, &inventory, &mut Steps::new())?;
    Ok(found
        .iter()
        .map(|found| match found {
            Found::Known(index) => inventory.nodes()[*index].id.to_string(),
            Found::New(node) => format!("new {}", node.id),
        })
        .collect())
}

#[test]
fn names_groups_aliases_and_all() {
    assert_eq!(targets("web").unwrap(), ["web2", "web1", "WEB3"]);
    assert_eq!(targets("site").unwrap(), ["db1", "web2", "web1", "WEB3"]);
    assert_eq!(targets("all").unwrap(), ["web1", "web2", "WEB3", "db1", "lone"]);
    assert_eq!(targets("db1, lone primary").unwrap(), ["db1", "lone", "db1"]);
    assert_eq!(targets("DB1").unwrap(), ["new DB1"], "letter case counts without a wildcard");
}

#[test]
fn wildcards_are_compared_with_groups_targets_and_aliases() {
    // The group's members come first, then targets; each target counts once in the end.
    assert_eq!(targets("WEB?").unwrap(), ["web1", "web2", "WEB3"]);
    assert_eq!(targets("w*").unwrap(), ["web2", "web1", "WEB3", "web1", "web2", "WEB3"]);
    assert_eq!(targets("prim*").unwrap(), ["db1"]);
    assert_eq!(targets("a?l").unwrap().len(), 5, "the group all");
    assert_eq!(targets("web[12]").unwrap(), ["web1", "web2"]);
    assert_eq!(targets("web[!12]").unwrap(), ["WEB3"]);
    assert_eq!(targets("nosuch*").unwrap_err(), "found 0 targets matching wildcard pattern nosuch*");
    assert!(targets("web[1").is_err(), "a bracket that is not closed matches nothing");
}

#[test]
fn braces_and_the_commas_in_them() {
    assert_eq!(targets("web{1,2},db1").unwrap(), ["web1", "web2", "db1"]);
    assert_eq!(targets("{db1,lone}").unwrap(), ["db1", "lone"]);
    assert_eq!(alternatives("a{b,c{d,}}{1,2}").unwrap(), ["ab1", "ab2", "acd1", "acd2", "ac1", "ac2"]);
    // As for Bolt, a comma is part of braces only when no further ones open after it.
    assert_eq!(split("{db,lo{ne,st}}"), ["{db", "lo{ne,st}}"]);
    assert_eq!(targets("web[1,2] lone").unwrap(), ["web1", "web2", "lone"]);
    assert!(targets("web{1,2").is_err());
    assert!(targets(&"{a,b}".repeat(20)).unwrap_err().contains("more than 1000 patterns"));
    assert!(targets(&"{".repeat(100_000)).is_err());
}

#[test]
fn every_other_name_becomes_a_target() {
    let found =
        select("ssh://root@web9:2222,web9,localhost,10.0.0.1:22", &inventory(), &mut Steps::new()).unwrap();
    let nodes: Vec<&Node> = found
        .iter()
        .map(|found| match found {
            Found::New(node) => node.as_ref(),
            Found::Known(_) => panic!("none of them is in the inventory"),
        })
        .collect();
    let transport = |node: &Node| node.endpoint.transport.as_ref().map(ToString::to_string);
    assert_eq!(nodes[0].id.as_str(), "ssh://root@web9:2222");
    assert_eq!((transport(nodes[0]), nodes[0].endpoint.port), (Some("ssh".into()), Some(2222)));
    assert_eq!(nodes[0].endpoint.host.as_deref(), Some("web9"));
    assert_eq!((nodes[1].id.as_str(), transport(nodes[1])), ("web9", None));
    assert_eq!(transport(nodes[2]), Some("local".into()));
    assert_eq!(nodes[3].endpoint.port, Some(22));
    assert_eq!(targets("ssh://[::1]:22").unwrap(), ["new ssh://::1/22"]);
}

#[test]
fn names_that_could_do_harm_are_refused() {
    for (text, part) in [
        ("-oProxyCommand=x", "start with '-'"),
        ("ssh://-oProxyCommand=x", "start with '-'"),
        ("web1;reboot", "only letters"),
        ("$(reboot)", "only letters"),
        ("ssh://root:secret@web1", "password"),
    ] {
        let error = targets(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

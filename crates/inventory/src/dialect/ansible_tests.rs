//! Host patterns one by one. That Ansible itself says the same is shown by the end-to-end tests.

use pabawi_domain::id::GroupName;
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
    let nodes = ids(&["lone", "web1", "web2", "web3", "db1", "db2", "fe80::1"]).into_iter().map(Node::named);
    let groups = vec![
        group("web", &["web1", "web2", "web3"], &[]),
        group("db", &["db1", "db2", "fe80::1"], &[]),
        group("prod", &["web2"], &["db"]),
    ];
    let snapshot = InventorySnapshot { nodes: nodes.collect(), groups, ..InventorySnapshot::default() };
    Inventory::merge(vec![("test".into(), 0, snapshot)])
}

fn hosts(pattern: &str) -> Result<Vec<String>, String> {
    let inventory = inventory();
    let found = select(pattern, &inventory, &mut Steps::new())?;
    Ok(found
        .iter()
        .map(|found| match found {
            Found::Known(index) => inventory.nodes()[*index].id.to_string(),
            Found::New(node) => format!("{} by {}", node.id, node.endpoint.transport.as_ref().unwrap()),
        })
        .collect())
}

#[test]
fn signs_are_applied_after_plain_patterns() {
    assert_eq!(hosts("web:&prod").unwrap(), ["web2"]);
    assert_eq!(hosts("!web1,&web,all").unwrap(), ["web2", "web3"]);
    assert_eq!(hosts("!web:!db").unwrap(), ["lone"], "without a plain pattern, all is meant");
    assert_eq!(hosts("db1,web").unwrap(), ["db1", "web1", "web2", "web3"]);
    assert_eq!(hosts("nosuch,web1").unwrap(), ["web1"], "what matches nothing is passed over");
    assert_eq!(hosts("prod").unwrap(), ["web2", "db1", "db2", "fe80::1"]);
}

#[test]
fn subscripts_globs_and_regular_expressions() {
    assert_eq!(hosts("web[0]").unwrap(), ["web1"]);
    assert_eq!(hosts("web[-1]").unwrap(), ["web3"]);
    assert_eq!(hosts("web[0:1]").unwrap(), ["web1", "web2"]);
    assert_eq!(hosts("web[1:]").unwrap(), ["web2", "web3"]);
    assert_eq!(hosts("web[1:99]").unwrap(), ["web2", "web3"]);
    assert_eq!(hosts("web[2:0]").unwrap(), ["web3"], "an end of 0 counts as none");
    assert!(hosts("web[2:1]").unwrap().is_empty());
    assert!(hosts("web[7]").unwrap_err().contains("subscripted"));
    assert!(hosts("web[-7]").unwrap_err().contains("subscripted"));
    assert!(hosts("web[99999999999999999999]").is_err());
    assert_eq!(hosts("web[!1-2]").unwrap(), ["web3"]);
    assert_eq!(hosts("~(web|db)1").unwrap(), ["web1", "db1"]);
    assert_eq!(hosts("~eb1").unwrap(), Vec::<String>::new(), "it has to match from the beginning");
    assert_eq!(hosts("~web").unwrap(), ["web1", "web2", "web3"]);
    assert_eq!(hosts("~.*2\\Z").unwrap(), ["web2", "db2"]);
}

#[test]
fn built_in_groups_addresses_and_localhost() {
    assert_eq!(hosts("ungrouped").unwrap(), ["lone"]);
    // Hosts of no group, then groups below no other; prod holds web2 itself and db below it.
    assert_eq!(hosts("all").unwrap(), ["lone", "web1", "web2", "web3", "db1", "db2", "fe80::1"]);
    assert_eq!(hosts("*").unwrap().len(), 7);
    assert_eq!(hosts("fe80::1").unwrap(), ["fe80::1"]);
    assert_eq!(hosts("localhost,web1").unwrap(), ["localhost by local", "web1"]);
    assert!(!hosts("all").unwrap().contains(&"localhost by local".to_owned()));
}

#[test]
fn bad_patterns_are_refused_in_bounded_time() {
    let started = std::time::Instant::now();
    for (pattern, part) in [
        ("~(", "invalid host list pattern"),
        ("~(a{1000}){1000}", "too large"),
        ("~(?=web)", "look-around"),
        ("all:!", "lacks a pattern"),
    ] {
        let error = hosts(pattern).unwrap_err();
        assert!(error.contains(part), "{pattern}: {error}");
    }
    assert!(hosts("-oProxyCommand=x;$(reboot)").unwrap().is_empty(), "no such host");
    let many = select(&"x*,".repeat(300_000), &inventory(), &mut Steps::of(100_000));
    assert!(many.unwrap_err().contains("look-ups"));
    assert!(hosts(&"[".repeat(500_000)).is_ok_and(|hosts| hosts.len() == 7));
    assert!(hosts(&format!("~{}", "(a+)+".repeat(500))).is_ok_and(|hosts| hosts.is_empty()));
    assert!(started.elapsed() < std::time::Duration::from_secs(30));
}

#[test]
fn a_limit_reads_its_files() {
    let read = |file: &str| {
        assert_eq!(file, "retry");
        Ok::<_, String>("web1\n\n  db2 \nfe80::1\n".to_owned())
    };
    let limit = limit_of("@retry,web3", read).unwrap();
    assert_eq!(hosts(&limit).unwrap(), ["web1", "db2", "fe80::1", "web3"]);
    assert_eq!(
        hosts(&limit_of("web:!web1", |_| Err::<String, _>("no file")).unwrap()).unwrap(),
        ["web2", "web3"]
    );
    assert_eq!(limit_of("@x", |_| Err::<String, _>("no file")), Err("no file"));
}

//! Inventories of Bolt, version 2: inheritance, names, references, bad files; and that what is written for Bolt is read
//! the same again.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use pabawi_domain::node::Node;
use pabawi_domain::ports::{InventorySnapshot, InventorySource as _, InventorySourceError};
use pabawi_inventory::Inventory;
use pabawi_inventory::export::{to_ansible, to_bolt, to_yaml};
use pabawi_inventory::source::BoltInventory;
use serde_json::json;

fn read(text: &str) -> Result<InventorySnapshot, InventorySourceError> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("inventory.yaml"), text).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(BoltInventory::new(directory.path(), 0).fetch())
}

fn ids(snapshot: &InventorySnapshot) -> Vec<&str> {
    snapshot.nodes.iter().map(|node| node.id.as_str()).collect()
}

fn node<'a>(snapshot: &'a InventorySnapshot, id: &str) -> &'a Node {
    snapshot.nodes.iter().find(|node| node.id.as_str() == id).unwrap_or_else(|| panic!("{:?}", ids(snapshot)))
}

const INVENTORY: &str = r"
version: 2
config:
  transport: ssh
  ssh: {user: all, host-key-check: false, password: hunter2, run-as: root}
vars: {level: all, deep: {a: 1, b: 2}}
facts: {os: {family: Debian, name: Debian}}
features: [shell]
targets:
  - lonely.example.org
  - localhost
groups:
  - name: web
    config: {ssh: {user: web, port: 2222}}
    vars: {level: web, deep: {c: 3}}
    facts: {os: {name: Ubuntu}}
    features: [puppet-agent]
    targets:
      - uri: ssh://web1.example.org
        name: web1
        alias: [first, www]
        config: {ssh: {port: 22, private-key: keys/web}}
        vars: {own: yes}
      - ssh://ops:p%40ss@web2.example.org:2022
      - '[2001:db8::1]:22'
    groups:
      - name: blue
        vars: {level: blue}
        targets: [web1, db1]
  - name: db
    vars: {level: db, only_db: 1}
    config: {transport: winrm, ssh: {user: dba, proxyjump: ops@bastion}, winrm: {ssl: false}}
    targets:
      - name: db1
        uri: 10.0.0.1
      - www
";

/// R3.1, R3.2, R3.10
#[test]
fn what_is_effective_for_a_target_is_what_bolt_takes() {
    let snapshot = read(INVENTORY).unwrap();
    assert_eq!(
        ids(&snapshot),
        [
            "web1",
            "db1",
            "lonely.example.org",
            "localhost",
            "ssh://ops@web2.example.org:2022",
            "2001:db8::1/22"
        ]
    );
    let web1 = node(&snapshot, "web1");
    assert_eq!(web1.endpoint.host.as_deref(), Some("web1.example.org"));
    // The groups `web` and `db` both name it, the first one wins; a group inside says it better than the one around it.
    assert_eq!((web1.endpoint.port, web1.endpoint.user.as_deref()), (Some(22), Some("web")));
    assert_eq!(web1.endpoint.jump.as_deref().unwrap(), ["ops@bastion"]);
    assert_eq!(web1.endpoint.transport.as_ref().unwrap().as_str(), "ssh");
    assert_eq!(node(&snapshot, "db1").endpoint.transport.as_ref().unwrap().as_str(), "winrm");
    let vars = &web1.metadata["vars"];
    assert_eq!(*vars, json!({"level": "blue", "deep": {"c": 3}, "own": true, "only_db": 1}));
    assert_eq!(web1.metadata["facts"], json!({"os": {"family": "Debian", "name": "Ubuntu"}}));
    assert_eq!(web1.metadata["features"], json!(["puppet-agent", "shell"]));
    assert_eq!(web1.aliases.iter().map(|alias| alias.as_str()).collect::<Vec<_>>(), ["first", "www"]);
    let web2 = node(&snapshot, "ssh://ops@web2.example.org:2022");
    assert_eq!((web2.endpoint.port, web2.endpoint.user.as_deref()), (Some(2022), Some("ops")));
    assert_eq!(web2.endpoint.password.as_ref().unwrap().expose(), b"p@ss");
    assert_eq!(web2.endpoint.transport.as_ref().unwrap().as_str(), "ssh");
    let lonely = node(&snapshot, "lonely.example.org");
    assert_eq!((&lonely.endpoint.host, lonely.endpoint.user.as_deref()), (&None, Some("all")));
    assert_eq!(lonely.endpoint.password.as_ref().unwrap().expose(), b"hunter2");
    let v6 = node(&snapshot, "2001:db8::1/22");
    assert_eq!((v6.endpoint.host.as_deref(), v6.endpoint.port), (Some("2001:db8::1"), Some(22)));
    let shown = serde_json::to_string(&(&snapshot.nodes, &snapshot.groups)).unwrap();
    assert!(!shown.contains("hunter2") && !shown.contains("p@ss") && shown.contains("host-key-check"));
    let groups: Vec<(&str, Vec<&str>)> = snapshot
        .groups
        .iter()
        .map(|group| (group.name.as_str(), group.nodes.iter().map(|node| node.as_str()).collect()))
        .collect();
    assert_eq!(
        groups,
        [
            ("web", vec!["web1", "ssh://ops@web2.example.org:2022", "2001:db8::1/22"]),
            ("blue", vec!["web1", "db1"]),
            ("db", vec!["db1", "web1"])
        ]
    );
    assert_eq!(snapshot.groups[0].children[0].as_str(), "blue");
    assert_eq!(snapshot.groups[2].metadata["vars"]["only_db"], 1);
}

#[test]
fn a_jump_host_and_a_key_are_taken_over() {
    let text = "targets: [{uri: a, config: {ssh: {proxyjump: 'ops@b:22', private-key: k/id, port: '2200'}}}, localhost]\n";
    let snapshot = read(text).unwrap();
    let endpoint = &node(&snapshot, "a").endpoint;
    assert_eq!(endpoint.jump.as_deref().unwrap(), ["ops@b:22"]);
    assert!(endpoint.identity_files[0].is_absolute() && endpoint.identity_files[0].ends_with("k/id"));
    assert_eq!(endpoint.port, Some(2200));
    assert_eq!(node(&snapshot, "localhost").endpoint.transport.as_ref().unwrap().as_str(), "local");
}

/// R3.7: what needs Bolt is left out alone, or told where it is about everything.
#[test]
fn references_without_bolt_are_told() {
    let text = "targets: [a, {_plugin: terraform, dir: .}]\ngroups:\n  - name: web\n    targets: [{_plugin: puppetdb, query: x}]\n    \
                groups: [{name: inner, targets: [b]}]\n  - name: db\n    targets: [c]\n  - {_plugin: task}\n  - name: out\n    \
                targets: [d]\n    groups: [{name: secret, config: {ssh: {password: {_plugin: prompt}}}, targets: [e]}]\n";
    let snapshot = read(text).unwrap();
    assert_eq!(ids(&snapshot), ["a", "c", "d"]);
    assert_eq!(snapshot.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["db", "out"]);
    let warnings = snapshot.warnings.join("\n");
    for part in [
        "inventory.yaml: line 1: targets: is a reference to the plugin terraform, and only bolt can resolve it",
        "line 4: groups[0].targets: is a reference to the plugin puppetdb",
        "line 8: groups[2]: is a reference to the plugin task",
        "groups[3].groups[0].config: is a reference to the plugin prompt",
    ] {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
    let error = read("config: {ssh: {password: {_plugin: env_var, var: X}}}\ntargets: [a]\n").unwrap_err();
    assert!(error.message.contains("line 1: config: is a reference to the plugin env_var"), "{error}");
    let error = read("{_plugin: yaml, filepath: x}\n").unwrap_err();
    assert!(error.message.contains("the plugin yaml"), "{error}");
}

/// R3.10
#[test]
fn bad_inventories_are_told_with_their_place() {
    for (text, part) in [
        ("", "is empty"),
        ("[a]\n", "line 1 column 1: must be a mapping, found a list"),
        ("targets: [a\n", "line 1"),
        ("targets: 5\n", "line 1 column 10: targets: must be a list of targets, found a number"),
        ("targets: [[a]]\n", "targets[0]: must be a target's URI or a mapping"),
        ("targets: [{vars: {}}]\n", "targets[0]: a target must have a name or a uri"),
        ("targets: [{uri: 5}]\n", "targets[0].uri: must be a text"),
        ("targets: ['-oProxyCommand=x']\n", "line 1 column 11: targets[0]: invalid node id"),
        ("targets: ['a;id']\n", "targets[0]: invalid node id"),
        ("targets: [{name: a, uri: 'ssh://-oProxyCommand=x'}]\n", "a.uri: invalid destination"),
        ("targets: [{name: a, config: {ssh: {host: 'a b'}}}]\n", "a.config.ssh.host: invalid destination"),
        ("targets: [{name: a, config: {ssh: {port: 0}}}]\n", "a.config.ssh.port: must be a port"),
        ("targets: [{name: a, config: {ssh: {user: '-l'}}}]\n", "a.config.ssh.user: must be a user name"),
        ("targets: [{name: a, config: 5}]\n", "targets[0].config: must be a mapping, found a number"),
        ("targets: [{name: a, alias: x}, {name: b, alias: x}]\n", "alias x stands for two targets"),
        ("targets: [{name: a, alias: 'A B'}]\n", "is no alias"),
        ("targets: [{name: a, alias: b}, {name: b}]\n", "b: is the name of a target and an alias"),
        ("groups: [{targets: [a]}]\n", "groups[0].name: a group must have a name"),
        ("groups: [{name: Web}]\n", "groups[0].name: \"Web\" is no group name"),
        ("groups: [{name: a}, {name: a}]\n", "groups[1].name: group a is given twice"),
        ("groups: [{name: a, groups: [{name: a}]}]\n", "groups[0].groups[0].name: group a is given twice"),
        ("groups: [{name: all}]\n", "group all is given twice"),
        ("groups: [{name: a, targets: [a]}]\n", "a: is the name of a group and of a target"),
        ("nodes: [a]\n", "line 1 column 1: nodes: is of inventory version 1"),
        ("groups: &g [{name: a, groups: *g}]\n", "within what it names"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.message.contains(part) && error.message.contains("inventory.yaml"), "{text}: {error}");
    }
    let deep = (0..2_000).fold(String::new(), |text, depth| text + &format!("groups: [{{name: g{depth}, "));
    assert!(read(&deep).unwrap_err().message.contains("line 1"));
    let odd = read("targets: [a, a, {name: b, colour: red}]\nthing: 1\n").unwrap();
    assert_eq!((ids(&odd), odd.warnings.len()), (vec!["b", "a"], 3), "{:?}", odd.warnings);
}

/// R3.10: what is written for Bolt is read the same, and Ansible's view of it is written, too.
#[test]
fn an_exported_inventory_reads_the_same() {
    let snapshot = read(INVENTORY).unwrap();
    let inventory = Inventory::merge(vec![("bolt".to_owned(), 0, snapshot)]);
    let file = to_bolt(&inventory);
    assert!(!file.to_string().contains("hunter2"));
    let again = Inventory::merge(vec![("bolt".to_owned(), 0, read(&to_yaml(&file)).unwrap())]);
    assert_eq!(to_bolt(&again), file);
    let without = |inventory: &Inventory| {
        let mut nodes = inventory.nodes().to_vec();
        nodes.iter_mut().for_each(|node| node.endpoint.password = None);
        nodes
    };
    for (left, right) in without(&inventory).iter().zip(without(&again)) {
        assert_eq!(left.endpoint.user, right.endpoint.user);
        assert_eq!(
            (&left.id, &left.aliases, &left.metadata["vars"]),
            (&right.id, &right.aliases, &right.metadata["vars"])
        );
    }
    let ansible = to_ansible(&inventory);
    assert_eq!(ansible["_meta"]["hostvars"]["web1"]["ansible_host"], "web1.example.org");
    assert_eq!(ansible["web"]["children"], json!(["blue"]));
    assert_eq!(ansible["all"]["children"], json!(["ungrouped", "web", "db"]));
}

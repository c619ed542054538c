//! The inventory file: its format, and that every fault is told at once with line, column and field.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::path::Path;

use pabawi_domain::node::Node;
use pabawi_domain::ports::InventorySnapshot;
use pabawi_inventory::Inventory;
use pabawi_inventory::source::{Problem, SourceError, inventory_file};

fn read(text: &str) -> InventorySnapshot {
    inventory_file(Path::new("/etc/pabawi/nodes.yaml"), text).unwrap()
}

fn problems(text: &str) -> Vec<Problem> {
    match inventory_file(Path::new("nodes.yaml"), text).unwrap_err() {
        SourceError::Invalid { problems, .. } => problems,
        other => panic!("{other}"),
    }
}

fn ids(nodes: &[Node]) -> Vec<&str> {
    nodes.iter().map(|node| node.id.as_str()).collect()
}

const WHOLE: &str = r#"
nodes:
  - web[01-03].example.org
  - name: db1
    host: 10.0.0.5
    port: 2222
    user: admin
    transport: ssh
    identity_files: [/keys/a, keys/b]
    jump: [ops@bastion:22, inner]
    groups: [db]
    metadata: {rack: 7, tags: [a, b], owner: {name: ops}}
  - name: 1001
groups:
  web: ["web[01-03].example.org"]
  site:
    nodes: mail
    children: [web, db]
    metadata: {contact: ops}
"#;

/// R3.1, R3.2, R3.9
#[test]
fn the_documented_format_is_read() {
    let snapshot = read(WHOLE);
    assert_eq!(
        ids(&snapshot.nodes),
        ["web01.example.org", "web02.example.org", "web03.example.org", "db1", "1001"]
    );
    let db1 = &snapshot.nodes[3];
    let endpoint = &db1.endpoint;
    assert_eq!(
        (endpoint.host.as_deref(), endpoint.port, endpoint.user.as_deref()),
        (Some("10.0.0.5"), Some(2222), Some("admin"))
    );
    assert_eq!(endpoint.identity_files, [Path::new("/keys/a"), Path::new("/etc/pabawi/keys/b")]);
    assert_eq!(endpoint.jump.as_deref().unwrap(), ["ops@bastion:22", "inner"]);
    assert_eq!(db1.metadata["owner"]["name"], "ops");
    let inventory = Inventory::merge(vec![("file".into(), 0, snapshot)]);
    let members = |group: &str| -> Vec<&str> {
        inventory.members(inventory.group(group).unwrap()).iter().map(|node| node.id.as_str()).collect()
    };
    assert_eq!(members("db"), ["db1"]);
    assert_eq!(
        members("site"),
        ["mail", "web01.example.org", "web02.example.org", "web03.example.org", "db1"]
    );
}

#[test]
fn a_mapping_of_nodes_and_json_say_the_same() {
    let yaml = read("nodes:\n  a: {port: 22}\n  b:\n");
    let json = read(r#"{"nodes": {"a": {"port": 22}, "b": null}}"#);
    assert_eq!(yaml, json);
    assert_eq!(ids(&yaml.nodes), ["a", "b"]);
    assert_eq!(ids(&read("\u{feff}nodes: web[1-2],c\r\n").nodes), ["web1", "web2", "c"]);
}

#[test]
fn every_fault_is_told_at_once_with_its_place_and_field() {
    let found = problems(
        "nodes:\n\
         \x20 - name: a\n\
         \x20   prot: 22\n\
         \x20   port: 70000\n\
         \x20   host: root@x\n\
         \x20 - a\n\
         \x20 - {port: 1}\n\
         \x20 - 'w[3-1]'\n\
         \x20 - -x\n\
         groups:\n\
         \x20 g: {children: [h, a, zz], colour: red}\n\
         \x20 h: {children: [g]}\n\
         \x20 i: {children: [i]}\n\
         other: 1\n",
    );
    let told: Vec<(u64, &str)> = found.iter().map(|problem| (problem.line, problem.field.as_str())).collect();
    assert_eq!(
        told,
        [
            (3, "nodes[0].prot"),
            (4, "nodes[0].port"),
            (5, "nodes[0].host"),
            (6, "nodes[1]"),
            (7, "nodes[2].name"),
            (8, "nodes[3]"),
            (9, "nodes[4]"),
            (11, "groups.g.children"),
            (11, "groups.g.children"),
            (11, "groups.g.colour"),
            (12, "groups.h.children"),
            (13, "groups.i.children"),
            (14, "other"),
        ],
        "{found:#?}"
    );
    assert!(found[0].message.contains("known are name, host"), "{}", found[0]);
    assert!(found[3].message.contains("twice, first on line 2"), "{}", found[3]);
    assert!(found[7].message.contains("unknown group a; it is a node"), "{}", found[7]);
    assert!(found[10].message.contains("cycle"), "{}", found[10]);
    assert!(found.iter().all(|problem| problem.column > 0), "{found:#?}");
}

#[test]
fn what_is_no_inventory_is_refused() {
    for (text, part) in [
        ("", "holds no node"),
        ("nodes: []", "holds no node"),
        ("[1, 2]", "must be a mapping"),
        ("nodes: [", "line 1"),
        ("nodes: 'a\tb'", "only letters"),
        ("a: 1\na: 2\n", "a"),
        ("nodes: [n1]\n---\nnodes: [n2]\n", ""),
        ("nodes: [{name: 'w[1-2]', host: h}]", "cannot be the same for every node"),
        ("nodes: [{name: a, identity_files: [{x: 1}]}]", "identity_files[0]"),
        ("nodes: {a: {name: b}}", "given by the key"),
        ("nodes: 'n[1-999999999]'", "at most 1000000"),
    ] {
        let error = inventory_file(Path::new("nodes.yaml"), text).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("nodes.yaml"), "{text:?}: {error}");
    }
}

#[test]
fn duplicate_keys_are_faults_with_their_line() {
    let found = problems("nodes:\n  a: {}\n  b: {}\n  a: {}\n");
    assert_eq!((found.len(), found[0].line), (1, 4), "{found:?}");
}

#[test]
fn depth_and_aliases_have_limits() {
    let deep = format!("nodes: {}a{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(problems(&deep).len(), 1);
    let mut laughs = String::from("x0: &x0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..9 {
        let aliases = vec![format!("*x{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("x{level}: &x{level} [{aliases}]\n"));
    }
    let started = std::time::Instant::now();
    assert!(!problems(&laughs).is_empty());
    assert!(started.elapsed() < std::time::Duration::from_secs(10));
    // Anchors as people use them stay allowed.
    let snapshot = read("nodes:\n  a: &base {user: ops}\n  b: *base\n  c: {<<: *base, port: 1}\n");
    let users: Vec<Option<&str>> = snapshot.nodes.iter().map(|node| node.endpoint.user.as_deref()).collect();
    assert_eq!(users, [Some("ops"), Some("ops"), Some("ops")]);
}

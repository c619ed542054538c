//! Requirement 3, several sources of nodes as one inventory, by the command line and on real nodes.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use pabawi_tests::{Lab, Pab};
use serde_json::{Value, json};

/// A home folder with these files in it.
fn home(files: &[(&str, &str)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    home
}

fn pab(home: &tempfile::TempDir, arguments: &[&str]) -> Pab {
    Pab::new(home.path()).directory(home.path()).args(arguments)
}

const SOURCES: &str = "\
sources:
  - {name: site, type: pabawi, path: nodes.yaml, priority: 50}
  - {name: old, type: ansible, path: hosts.ini}
  - {name: tool, type: bolt, path: bolt.yaml, priority: 1}
  - {name: away, type: hosts, path: none.txt, enabled: false}
groups:
  fronts: '@web ! db1'
  calm: '@fronts & web*'
  wrong: '@fronts & web[1-9]'
";
const NODES: &str =
    "nodes: [{name: web1, host: w1.example.org, port: 22, metadata: {rack: 7}}, db1]\ngroups: {db: [db1]}\n";
const INI: &str = "[web]\nw1.example.org ansible_user=deploy rack=9\nweb2\ndb1\n[prod:children]\nweb\n";
const BOLT: &str =
    "targets: [{uri: web2, alias: [second], vars: {note: hi}}]\ngroups: [{name: web, targets: [web3]}]\n";

/// R3.1, R3.2, R3.3, R3.7, R3.8, R3.10: inventories of three kinds are one, in which one machine is one node.
#[test]
fn sources_of_several_kinds_become_one_inventory() {
    let home =
        home(&[("sources.yaml", SOURCES), ("nodes.yaml", NODES), ("hosts.ini", INI), ("bolt.yaml", BOLT)]);
    let list = |expression: &str| -> Vec<String> {
        let ran = pab(
            &home,
            &["inventory", "list", expression, "--inventory", "sources.yaml", "--format", "ndjson"],
        );
        ran.succeeds().events().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(list("all"), ["web1", "db1", "web2", "web3"]);
    assert_eq!(list("@web"), ["web1", "web2", "db1", "web3"]);
    assert_eq!(list("@tool:web"), ["web3"]);
    assert_eq!(list("@calm"), ["web1", "web2", "web3"]);
    assert_eq!(list("w1.example.org,second"), ["web1", "web2"]);

    let groups =
        pab(&home, &["inventory", "groups", "web", "--inventory", "sources.yaml", "--format", "json"]);
    let groups = groups.succeeds().json();
    assert_eq!(groups[0]["sources"], json!(["old", "tool"]));

    let explained =
        pab(&home, &["inventory", "explain", "web1", "--inventory", "sources.yaml", "--format", "json"]);
    let explained = explained.succeeds().json();
    let field = |name: &str| -> Value {
        let fields = explained["fields"].as_array().unwrap();
        fields.iter().find(|field| field["field"] == name).unwrap().clone()
    };
    let rack = field("metadata.rack");
    assert_eq!((&rack["winner"]["value"], &rack["winner"]["source"]), (&json!(7), &json!("site")));
    assert_eq!((&rack["losers"][0]["value"], &rack["losers"][0]["source"]), (&json!(9), &json!("old")));
    assert!(rack["winner"]["ageMs"].is_number() && rack["winner"]["priority"] == 50);
    assert_eq!(field("user")["winner"]["source"], "old");

    let sources = pab(&home, &["inventory", "sources", "--inventory", "sources.yaml", "--format", "json"]);
    let sources = sources.succeeds().json();
    let states: Vec<&str> =
        sources.as_array().unwrap().iter().map(|source| source["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["healthy", "healthy", "healthy", "disabled"]);
}

/// R3.7: what one source cannot tell costs what it would have told, and says so; nothing is guessed.
#[test]
fn a_source_that_fails_takes_nothing_from_the_others() {
    let home = home(&[
        ("nodes.yaml", NODES),
        ("bad.ini", "[web\nx\n"),
        ("p.yaml", "sources: [{type: puppetdb, url: 'http://127.0.0.1:1', name: puppetdb}]\n"),
    ]);
    for bad in ["ansible:bad.ini", "p.yaml"] {
        let sources = ["--inventory", "nodes.yaml", "--inventory", bad];
        let list = pab(&home, &["inventory", "list"]).args(sources).exits(1);
        assert!(list.out().contains("web1") && list.err().contains("warning:"), "{list}");
        let named = pab(&home, &["targets", "expand", "web1"]).args(sources).succeeds();
        assert_eq!(named.out(), "web1\n");
        for guess in ["all", "web*", "@db"] {
            let refused = pab(&home, &["targets", "expand", guess]).args(sources).exits(2);
            assert!(refused.err().contains("failed to read the inventory"), "{guess}: {refused}");
        }
        let unknown = pab(&home, &["targets", "expand", "nobody"]).args(sources).exits(2);
        assert!(unknown.err().contains("could not be asked"), "{unknown}");
    }
}

/// R3.10: the forms of other tools, from the command line.
#[test]
fn an_inventory_is_written_in_the_forms_of_others() {
    let home = home(&[("hosts.ini", INI)]);
    let show = |form: &str| {
        pab(&home, &["inventory", "show", "--list", "--inventory", "hosts.ini", "--as", form]).succeeds()
    };
    let ansible = show("ansible").json();
    assert_eq!(ansible["web"]["hosts"], json!(["w1.example.org", "web2", "db1"]));
    assert_eq!(ansible["prod"]["children"], json!(["web"]));
    assert_eq!(ansible["_meta"]["hostvars"]["w1.example.org"]["ansible_user"], "deploy");
    assert_eq!(show("common").json()["nodes"].as_array().unwrap().len(), 3);
    let bolt = show("bolt").out();
    std::fs::write(home.path().join("again.yaml"), &bolt).unwrap();
    let again = pab(&home, &["targets", "expand", "@prod", "--inventory", "again.yaml"]).succeeds();
    assert_eq!(again.out(), "w1.example.org\nweb2\ndb1\n");
}

#[test]
fn a_list_of_sources_that_is_wrong_is_told_whole() {
    let home = home(&[
        ("a.yaml", "sources:\n- {type: hosts}\n- {type: hosts, path: x, ttl: soon}\n"),
        ("b.yaml", "sources: [{type: cloud, name: c}]\n"),
        ("c.yaml", "sources: [{type: hosts, path: x}]\ngroups: {a: '@b', b: '@a', c: 'web['}\n"),
        ("d.yaml", "sources: [{type: puppetdb, url: 'ftp://x'}]\n"),
        ("e.yaml", "sources: [{type: command, command: [nodes, a]}, {type: command, command: [nodes, b]}]\n"),
    ]);
    for (file, parts) in [
        ("a.yaml", &["line 2", "sources[0].path", "line 3", "sources[1].ttl"][..]),
        ("b.yaml", &["c: ", "unknown type cloud", "puppetdb"]),
        ("c.yaml", &["groups.c"]),
        ("d.yaml", &["url"]),
        ("e.yaml", &["two sources are called command:nodes"]),
    ] {
        let ran = pab(&home, &["inventory", "list", "--inventory", file]).exits(2);
        for part in parts {
            assert!(ran.err().contains(part), "{file}: {ran} lacks {part}");
        }
    }
    std::fs::write(
        home.path().join("c.yaml"),
        "sources: [{type: hosts, path: x}]\ngroups: {a: '@b', b: '@a'}\n",
    )
    .unwrap();
    let ran = pab(&home, &["inventory", "list", "--inventory", "c.yaml"]).exits(2);
    assert!(ran.err().contains("a -> b -> a"), "{ran}");
}

/// R3.3, R3.9, R4.1: own groups, and nodes chosen by facts that were gathered or that the inventory tells.
#[test]
fn own_groups_and_facts_choose_where_something_runs() {
    let lab = Lab::new(3);
    lab.write(
        "home/sources.yaml",
        "sources:\n- {type: pabawi, path: nodes.yaml, name: site}\ngroups:\n  \
         seven: 'fact(rack=7)'\n  linux: 'fact(kernel=Linux) ! web03'\n",
    );
    lab.write(
        "home/nodes.yaml",
        "nodes:\n- {name: web01, metadata: {rack: 7}}\n- {name: web02, metadata: {rack: 8}}\n- web03\n",
    );
    let inventory = lab.path("home/sources.yaml");
    let with = |arguments: &[&str]| {
        let sources = ["--inventory".as_ref(), inventory.as_os_str()];
        lab.pab(arguments.iter().copied()).args(sources)
    };
    let ssh = ["--ssh-config".as_ref(), lab.fleet().ssh_config().as_os_str()];
    // Nothing is gathered for an expression: what is not known selects nothing.
    let none = with(&["run", "true", "--targets", "fact(kernel=Linux)"]).args(ssh).exits(2);
    assert!(
        none.err().contains("no node") || none.err().contains("no targets") || none.err().contains("selects"),
        "{none}"
    );
    let _ = with(&["facts", "refresh", "web[01-03]"]).args(ssh).succeeds();
    let ran = |targets: &str| -> Vec<String> {
        let ran = with(&["run", "true", "--format", "json", "--targets", targets]).args(ssh).succeeds();
        let mut nodes: Vec<String> = ran.json()["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["node"].as_str().unwrap().to_owned())
            .collect();
        nodes.sort();
        nodes
    };
    assert_eq!(ran("fact(kernel=Linux)"), ["web01", "web02", "web03"]);
    assert_eq!(ran("@linux"), ["web01", "web02"]);
    assert_eq!(ran("@seven"), ["web01"]);
    assert_eq!(ran("@linux & fact(rack>=8)"), ["web02"]);
}

//! Hosts, groups, includes and faults of an ssh_config(5).

use std::collections::HashSet;

use pabawi_domain::ports::{InventorySnapshot, InventorySource as _};

use super::OpensshInventory;
use crate::source::SourceError;

fn read(files: &[(&str, &str)]) -> Result<InventorySnapshot, SourceError> {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let text = text.replace("DIR", &directory.path().display().to_string());
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    OpensshInventory::new(directory.path().join("config"), 0).read()
}

fn ids(snapshot: &InventorySnapshot) -> Vec<String> {
    snapshot
        .nodes
        .iter()
        .map(|node| node.aliases.iter().fold(node.id.to_string(), |text, alias| format!("{text}={alias}")))
        .collect()
}

/// R3.1, R3.2
#[test]
fn hosts_become_nodes_with_groups_and_nothing_that_hides_the_file() {
    let text = "\u{feff}User nobody\r\nHost web1 www\r\n  HostName 192.0.2.1\r\n  port = 2222\r\n  IdentityFile \"~/.ssh/a b\"\r\n  \
                # Groups: web, production,web\r\n\r\nHost db1 db2 # databases\n  User ops\n  User later\n#groups: db\nHost *.example.org !x ?\n  \
                # Groups: none\n  Port 1\nHost *\n# Groups: all-of-them\nMatch user root\n  HostName z\n  # Groups: match\nHost db1\n  \
                HostName %h.example.org\n  # Groups: extra\nHost bad;name good\n";
    let snapshot = read(&[("config", text)]).unwrap();
    assert_eq!(ids(&snapshot), ["web1=www", "db1", "db2", "good"]);
    let web1 = &snapshot.nodes[0];
    assert_eq!(web1.endpoint, pabawi_domain::node::Endpoint::default(), "ssh_config decides");
    assert_eq!((&web1.metadata["hostName"], &web1.metadata["port"]), (&"192.0.2.1".into(), &2222.into()));
    assert_eq!(web1.metadata["identityFile"], "~/.ssh/a b");
    let groups = |at: usize| snapshot.nodes[at].groups.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        (groups(0), groups(1), groups(2)),
        (vec!["web".into(), "production".into()], vec!["db".into(), "extra".into()], vec!["db".to_owned()])
    );
    assert_eq!(snapshot.nodes[1].metadata["user"], "ops");
    assert!(snapshot.warnings[0].contains("config: line ") && snapshot.warnings[0].contains("bad;name"));
}

/// R3.8
#[test]
fn a_host_that_only_one_block_names_is_another_name_of_its_node() {
    let text = "Host a\nHostName a.example.org\nHost b\nHostName 10.0.0.1\nHost c\nHostName 10.0.0.1\n\
                Host d\nHostName d.example.org\nPort 2222\nHost e\nHostName 10.0.0.2\nProxyJump b\n\
                Host f\nHostName %h.example.org\nHost g\nHostName a\nHost h h2\nHostName h.example.org\nPort 22\n";
    let snapshot = read(&[("config", text)]).unwrap();
    assert_eq!(ids(&snapshot), ["a=a.example.org", "b", "c", "d", "e", "f", "g", "h=h2=h.example.org"]);
}

#[test]
fn includes_are_followed_within_limits() {
    let files = [
        (
            "config",
            "Include DIR/more-*\nHost a\nHost b*\n Include DIR/inner\nInclude DIR/none\nMatch all\nInclude DIR/inner\n",
        ),
        ("more-1", "Host c\n"),
        ("more-2", "Host d\n"),
        ("inner", "Host e\nHost b1\n"),
    ];
    let snapshot = read(&files).unwrap();
    assert_eq!(ids(&snapshot), ["c", "d", "a", "b1"]);
    assert!(
        snapshot.warnings[0].contains("line 7: hosts of an Include within a Match"),
        "{:?}",
        snapshot.warnings
    );
    let error = read(&[("config", "Host a\nInclude DIR/b\n"), ("b", "\nInclude DIR/config\n")]).unwrap_err();
    assert!(
        error.to_string().contains("b: line 2: Include of ") && error.to_string().contains("a loop"),
        "{error}"
    );
    let chain: Vec<(String, String)> = (0..40)
        .map(|at| {
            (
                if at == 0 { "config".to_owned() } else { format!("f{at}") },
                format!("Include DIR/f{}\n", at + 1),
            )
        })
        .collect();
    let chain: Vec<(&str, &str)> = chain.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert!(read(&chain).unwrap_err().to_string().contains("more than 16 files include each other"));
}

#[test]
fn what_openssh_refuses_is_told_with_its_line() {
    for (text, part) in [
        ("Host\n", "config: line 1: host: has no value"),
        ("Host a\n  Port 70000\n", "line 2: Port: \"70000\" is no port"),
        ("Host \"a\n", "line 1: host: a quotation mark is not closed"),
    ] {
        let error = read(&[("config", text)]).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(matches!(read(&[]).unwrap_err(), SourceError::Read { .. }));
    let odd = read(&[("config", "Host -oProxyCommand=x ../../etc __proto__\n")]).unwrap();
    assert_eq!((ids(&odd), odd.warnings.len()), (vec!["../../etc".to_owned(), "__proto__".to_owned()], 1));
}

#[test]
fn the_revision_follows_included_files() {
    let directory = tempfile::tempdir().unwrap();
    let more = directory.path().join("more");
    std::fs::write(directory.path().join("config"), format!("Include {}\n", more.display())).unwrap();
    let source = OpensshInventory::new(directory.path().join("config"), 0);
    let marks: HashSet<_> = ["", "Host a\n", "Host abc\n"]
        .iter()
        .map(|text| {
            if !text.is_empty() {
                std::fs::write(&more, text).unwrap();
            }
            source.revision().unwrap()
        })
        .collect();
    assert_eq!(marks.len(), 3);
}

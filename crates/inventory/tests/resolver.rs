//! [`Resolver`]: sources, merge and expression together, as the engine calls it.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::sync::Arc;

use pabawi_domain::id::{GroupName, NodeId};
use pabawi_domain::node::{Endpoint, NodeGroup, TargetExpression};
use pabawi_domain::ports::{InventorySource, TargetError, TargetResolver as _};
use pabawi_inventory::expression::{OwnGroups, UnknownNames};
use pabawi_inventory::source::{FileInventory, StaticInventory, hosts_list};
use pabawi_inventory::{Freshness, Resolver};

async fn resolve(resolver: &Resolver, text: &str) -> Result<Vec<String>, TargetError> {
    let targets = resolver.resolve(&TargetExpression::new(text)).await?;
    Ok(targets.iter().map(|target| target.node.to_string()).collect())
}

fn list(text: &str) -> Arc<dyn InventorySource> {
    Arc::new(StaticInventory::new("list", 10, hosts_list("list", text).unwrap()))
}

#[tokio::test]
async fn without_sources_names_are_nodes() {
    let resolver = Resolver::new(vec![]);
    assert_eq!(resolve(&resolver, "web[1-2],root@db:22").await.unwrap(), ["web1", "web2", "root@db:22"]);
    assert!(matches!(resolve(&resolver, "all").await.unwrap_err(), TargetError::Invalid(_)));
}

#[tokio::test]
async fn with_sources_unknown_names_are_refused_with_close_ones() {
    let aliases =
        Arc::new(StaticInventory::new("ssh_config", 0, hosts_list("ssh_config", "bastion").unwrap()));
    let resolver = Resolver::new(vec![list("web[01-03]"), aliases]);
    assert_eq!(resolve(&resolver, "all").await.unwrap(), ["web01", "web02", "web03", "bastion"]);
    let error = resolve(&resolver, "web04,bastoin,a b").await.unwrap_err().to_string();
    assert!(error.contains("before \"b\""), "{error}");
    let error = resolve(&resolver, "web04,bastoin").await.unwrap_err().to_string();
    assert!(error.contains("did you mean web0") && error.contains("did you mean bastion?"), "{error}");
}

#[tokio::test]
async fn defaults_stand_where_a_node_says_nothing_and_names_may_be_refused() {
    let defaults = Endpoint { user: Some("ops".into()), port: Some(2222), ..Endpoint::default() };
    let resolver = Resolver::new(vec![]).endpoint_defaults(defaults);
    let targets = resolver.resolve(&TargetExpression::new("a,root@b:22")).await.unwrap();
    let ways: Vec<_> = targets.iter().map(|t| (t.endpoint.user.as_deref(), t.endpoint.port)).collect();
    assert_eq!(ways, [(Some("ops"), Some(2222)), (Some("root"), Some(22))]);
    let resolver = Resolver::new(vec![]).unknown_names(UnknownNames::Refused);
    assert!(resolve(&resolver, "a").await.unwrap_err().to_string().contains("unknown node a"));
}

/// R7.7: targets know all their groups, so that the breakers of these can stand before them.
#[tokio::test]
async fn targets_know_their_groups_and_those_that_contain_these() {
    let mut snapshot = hosts_list("list", "web1,db1,alone").unwrap();
    let group = |name: &str, nodes: &[&str], children: &[&str]| NodeGroup {
        name: GroupName::new(name).unwrap(),
        sources: Vec::new(),
        nodes: nodes.iter().map(|id| NodeId::new(id).unwrap()).collect(),
        children: children.iter().map(|name| GroupName::new(name).unwrap()).collect(),
        metadata: Default::default(),
    };
    snapshot.groups = vec![
        group("site", &[], &["rack1", "rack2"]),
        group("rack1", &["web1"], &[]),
        // By way of two sources groups may contain each other.
        group("rack2", &["db1"], &["twin"]),
        group("twin", &["web1"], &["rack2"]),
    ];
    let resolver = Resolver::new(vec![Arc::new(StaticInventory::new("list", 0, snapshot))]);
    let targets = resolver.resolve(&TargetExpression::new("web1,db1,alone")).await.unwrap();
    let groups: Vec<Vec<&str>> =
        targets.iter().map(|target| target.groups.iter().map(GroupName::as_str).collect()).collect();
    assert_eq!(groups, [vec!["rack1", "rack2", "site", "twin"], vec!["rack2", "site", "twin"], vec![]]);
}

/// R3.4
#[tokio::test]
async fn a_changed_file_is_seen_and_a_bad_one_leaves_the_old_state() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hosts");
    std::fs::write(&file, "a\n").unwrap();
    let resolver = Resolver::new(vec![Arc::new(FileInventory::hosts_file(&file, 0))]);
    assert_eq!(resolve(&resolver, "all").await.unwrap(), ["a"]);
    std::fs::write(&file, "a\nb\n").unwrap();
    assert_eq!(resolve(&resolver, "all").await.unwrap(), ["a", "b"]);
    std::fs::write(&file, "bad name\n").unwrap();
    assert_eq!(resolve(&resolver, "all").await.unwrap(), ["a", "b"]);
    let view = resolver.catalog().read(Freshness::Cached).await;
    assert!(view.problems()[0].contains("hosts: line 1"), "{:?}", view.problems());
}

#[tokio::test]
async fn without_an_answer_of_a_source_nothing_is_guessed() {
    let missing = Arc::new(FileInventory::hosts_file("/nonexistent/hosts", 0));
    let resolver = Resolver::new(vec![list("a"), missing]);
    let error = resolve(&resolver, "all").await.unwrap_err();
    assert!(matches!(&error, TargetError::Inventory(why) if why.contains("/nonexistent/hosts")), "{error}");
    // What another source knows by name does not need the one that failed.
    assert_eq!(resolve(&resolver, "a").await.unwrap(), ["a"]);
    let error = resolve(&resolver, "b").await.unwrap_err().to_string();
    assert!(error.contains("unknown node b") && error.contains("could not be asked"), "{error}");
}

/// R3.2, R3.3
#[tokio::test]
async fn own_groups_are_expressions_under_a_name() {
    let groups =
        [("odd", "web[1-9/2]"), ("few", "@odd & web[1-4]"), ("none", "@odd & web2"), ("web", "web1")];
    let groups = groups.map(|(name, text)| (GroupName::new(name).unwrap(), text.to_owned()));
    let mut snapshot = hosts_list("list", "web[1-9],db").unwrap();
    snapshot.groups.push(NodeGroup {
        name: GroupName::new("web").unwrap(),
        sources: Vec::new(),
        nodes: vec![NodeId::new("web2").unwrap()],
        children: Vec::new(),
        metadata: Default::default(),
    });
    let resolver = Resolver::new(vec![Arc::new(StaticInventory::new("list", 0, snapshot))])
        .own_groups(OwnGroups::new(groups).unwrap());
    assert_eq!(resolve(&resolver, "@few").await.unwrap(), ["web1", "web3"]);
    assert_eq!(resolve(&resolver, "@odd ! @few").await.unwrap(), ["web5", "web7", "web9"]);
    assert_eq!(resolve(&resolver, "@few ! @none").await.unwrap(), ["web1", "web3"]);
    assert!(resolve(&resolver, "@none").await.unwrap_err().to_string().contains("@none has no members"));
    // It hides the group of the sources, which keeps its long name.
    assert_eq!(resolve(&resolver, "@web,@list:web").await.unwrap(), ["web1", "web2"]);
}

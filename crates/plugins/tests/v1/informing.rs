//! Its nodes, groups and facts (R3.1, R3.2, R3.10, R4.5).

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{
    FactProviderError, InventorySnapshot, InventorySourceError, NodeFacts, Plugin, V1Error, V1ErrorKind,
};
use pabawi_domain::request::{Caller, EntryPoint};
use pabawi_plugins::v1::{V1Adapter, V1Settings};
use pabawi_testkit::v1::{V1Conduct, V1Object};
use serde_json::{Value, json};
use tokio::time::Instant;

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

async fn adapter(object: &V1Object) -> V1Adapter {
    V1Adapter::adopt(Arc::new(object.clone()), Value::Null, V1Settings::default()).await.unwrap()
}

async fn fetch(object: &V1Object) -> Result<InventorySnapshot, InventorySourceError> {
    adapter(object).await.inventory().unwrap().fetch().await
}

fn lists(nodes: Value, groups: Value) -> V1Object {
    V1Object::new("bolt", "both")
        .on("getInventory", V1Conduct::Returns(nodes))
        .on("getGroups", V1Conduct::Returns(groups))
}

/// R3.1, R3.2, R3.10: nodes and groups come with what the plugin says of them; what is bad is left out and named.
#[tokio::test(start_paused = true)]
async fn nodes_and_groups_are_listed() {
    let object = lists(
        json!([
            {"id": "web1", "name": "web1", "uri": "ssh://10.0.0.1", "transport": "ssh", "config": {"user": "root"}},
            {"id": "p:2", "name": "web2"}, null, {"id": "web1"}, {"id": "a b"}, 5, {"name": "db1"},
        ]),
        json!([{"id": "bolt:web", "name": "web", "nodes": ["bolt:web1", "bolt:web2", "gone"]}, {"name": "x"}]),
    );
    let snapshot = fetch(&object).await.unwrap();
    let ids: Vec<&str> = snapshot.nodes.iter().map(|node| node.id.as_str()).collect();
    assert_eq!(ids, ["web1", "p:2", "db1"]);
    let members: Vec<&str> = snapshot.groups[0].nodes.iter().map(NodeId::as_str).collect();
    assert_eq!(members, ["web1", "p:2", "gone"]);
    let begins: Vec<&str> = snapshot.warnings.iter().filter_map(|text| text.split(": ").next()).collect();
    let expected = [
        "getInventory[2]",
        "getInventory[3].id",
        "getInventory[4].id",
        "getInventory[5]",
        "getGroups[0].nodes",
        "getGroups[1].id",
    ];
    assert_eq!(begins, expected, "{:#?}", snapshot.warnings);
}

/// R3.1: a source without its groups is better than none, and one without its nodes is none.
#[tokio::test(start_paused = true)]
async fn groups_may_fail_and_nodes_may_not() {
    let good = || lists(json!([{"id": "web1"}]), json!([]));
    for (conduct, warnings) in [
        (V1Conduct::rejects("Error", "no"), 1),
        (V1Conduct::Returns(Value::Null), 1),
        (V1Conduct::Returns(json!({"web": ["web1"]})), 1),
        (V1Conduct::Many(3, json!(null)), 3),
    ] {
        let snapshot = fetch(&good().on("getGroups", conduct.clone())).await.unwrap();
        assert_eq!((snapshot.nodes.len(), snapshot.groups.len()), (1, 0), "{conduct:?}");
        assert_eq!(snapshot.warnings.len(), warnings, "{conduct:?}: {:?}", snapshot.warnings);
    }
    let snapshot = fetch(&good().without("getGroups")).await.unwrap();
    assert_eq!(snapshot.warnings, Vec::<String>::new(), "older plugins have none");
    for (conduct, part) in [
        (V1Conduct::rejects("Error", "no"), "getInventory was rejected: Error: no"),
        (V1Conduct::Returns(Value::Null), "getInventory returned null and no array"),
        (V1Conduct::Returns(json!("x")), "getInventory returned a text"),
        (V1Conduct::Never, "getInventory did not answer within 15000 ms"),
        (V1Conduct::Deep(1_000), "nested deeper"),
    ] {
        let began = Instant::now();
        let error = fetch(&good().on("getInventory", conduct.clone())).await.unwrap_err();
        assert!(error.message.contains(part) && error.source_name == "bolt", "{conduct:?}: {error}");
        assert!(began.elapsed() <= Duration::from_secs(16), "{conduct:?}");
    }
    let error = fetch(&good().on("getGroups", V1Conduct::Never)).await.unwrap_err();
    assert!(error.message.contains("getGroups did not answer within 15000 ms"), "as in v1.x: {error}");
    let error = fetch(&good().on("isInitialized", V1Conduct::Returns(json!(false)))).await.unwrap_err();
    assert!(error.message.contains("is not initialized"), "{error}");
    let slow = V1Conduct::After(Duration::from_secs(40), Box::new(V1Conduct::Returns(json!([{"id": "a"}]))));
    let checkmk = V1Object::new("checkmk", "information").on("getInventory", slow);
    assert_eq!(fetch(&checkmk).await.unwrap().nodes.len(), 1, "it has 60 s");
}

/// R8.6: many nodes and many faults cost no more than they must.
#[tokio::test(start_paused = true)]
async fn very_many_nodes_are_listed() {
    let object = lists(json!([]), json!([])).method("getInventory", |_, _| async {
        let node = |number: usize| json!({"id": format!("web{number}"), "name": format!("n{}", number / 2)});
        Ok(Value::Array((0..100_000).map(node).collect()))
    });
    let snapshot = fetch(&object).await.unwrap();
    assert_eq!((snapshot.nodes.len(), snapshot.warnings.len()), (100_000, 0));
    let bad = lists(json!([]), json!([])).on("getInventory", V1Conduct::Many(1_000_000, json!("web1")));
    let snapshot = fetch(&bad).await.unwrap();
    assert_eq!((snapshot.nodes.len(), snapshot.warnings.len()), (0, 201));
    assert_eq!(snapshot.warnings.last().unwrap(), "and 999800 more like these");
}

async fn facts(object: &V1Object, names: &[&str]) -> Vec<Result<NodeFacts, FactProviderError>> {
    let nodes: Vec<NodeId> = names.iter().map(|name| node(name)).collect();
    let ann = Caller { user: "ann".to_owned(), entry_point: EntryPoint::Rust };
    adapter(object).await.facts().unwrap().collect(&ann, &nodes).await
}

/// R4.1, R4.5: facts of each node, in the order in which they were asked for, so many at once.
#[tokio::test(start_paused = true)]
async fn facts_are_asked_for_node_by_node() {
    let object = V1Object::new("bolt", "both").method("getNodeFacts", |args, _| async move {
        let name = args[0].as_str().unwrap().to_owned();
        tokio::time::sleep(Duration::from_secs(if name == "n0" { 3 } else { 1 })).await;
        if name == "n7" {
            return Err(V1Error::new(V1ErrorKind::Rejected, "node not found"));
        }
        Ok(json!({"nodeId": name, "gatheredAt": "2024-02-03T04:05:06.789Z", "source": "bolt", "command": "bolt ...",
                  "facts": {"os": {"family": "Debian"}, "mine": name}}))
    });
    let names: Vec<String> = (0..25).map(|number| format!("n{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let began = Instant::now();
    let all = facts(&object, &names).await;
    assert!(began.elapsed() <= Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!((all.len(), object.most_running()), (25, 10));
    for (place, answer) in all.iter().enumerate() {
        match answer {
            Ok(facts) => {
                assert_eq!((facts.node.as_str(), &facts.facts["mine"]), (names[place], &json!(names[place])));
                assert_eq!(facts.gathered_at.to_string(), "2024-02-03T04:05:06.789Z");
            }
            Err(error) => assert_eq!((place, error.error.node.as_str()), (7, "n7")),
        }
    }
}

/// R4.1, R7.4: what are no facts is said for the node.
#[tokio::test(start_paused = true)]
async fn what_are_no_facts_is_said() {
    for (conduct, code, part) in [
        (V1Conduct::Returns(Value::Null), ErrorCode::NotFound, "has no facts of this node"),
        (V1Conduct::Returns(json!(5)), ErrorCode::PluginFault, "returned a number where facts were expected"),
        (V1Conduct::Returns(json!({})), ErrorCode::PluginFault, "facts that are missing"),
        (V1Conduct::Returns(json!({"facts": []})), ErrorCode::PluginFault, "facts that are an array"),
        (
            V1Conduct::Returns(json!({"nodeId": "web2", "facts": {}})),
            ErrorCode::PluginFault,
            "the facts of another node: \"web2\"",
        ),
        (V1Conduct::rejects("Error", "no"), ErrorCode::PluginFault, "getNodeFacts was rejected: Error: no"),
        (V1Conduct::Never, ErrorCode::PluginFault, "getNodeFacts did not answer within 60000 ms"),
        (V1Conduct::Panics, ErrorCode::PluginFault, "panicked"),
    ] {
        let object = V1Object::new("bolt", "both").on("getNodeFacts", conduct.clone());
        let error = facts(&object, &["web1"]).await.remove(0).unwrap_err();
        assert_eq!((error.provider.as_str(), error.error.code), ("bolt", code), "{conduct:?}: {error}");
        assert!(error.error.message.contains(part), "{conduct:?}: {error}");
    }
    let removed = V1Object::new("bolt", "both");
    let adapter = adapter(&removed).await;
    removed.remove("getNodeFacts");
    let ann = Caller { user: "ann".to_owned(), entry_point: EntryPoint::Rust };
    let error = adapter.facts().unwrap().collect(&ann, &[node("web1")]).await.remove(0).unwrap_err();
    assert_eq!(error.error.code, ErrorCode::Unsupported, "{error}");
    let untimed = V1Object::new("bolt", "both")
        .on("getNodeFacts", V1Conduct::Returns(json!({"facts": {"a": 1}, "gatheredAt": "today"})));
    let answer = facts(&untimed, &["web1"]).await.remove(0).unwrap();
    assert!(answer.warnings[0].contains("gatheredAt: \"today\" is no time"), "{:?}", answer.warnings);
    let never = V1Object::new("bolt", "both").on("isInitialized", V1Conduct::Returns(json!(false)));
    let error = facts(&never, &["web1"]).await.remove(0).unwrap_err();
    assert_eq!(error.error.code, ErrorCode::Unavailable, "{error}");
    assert_eq!(never.calls_of("getNodeFacts"), []);
}

/// R4.1: a node that the framework knows by another name is asked for under the plugin's own.
#[tokio::test(start_paused = true)]
async fn nodes_are_asked_for_under_the_plugins_names() {
    let object = lists(json!([{"id": "proxmox:pve:7", "name": "web1"}]), json!([]));
    let adapter = adapter(&object).await;
    adapter.inventory().unwrap().fetch().await.unwrap();
    let ann = Caller { user: "ann".to_owned(), entry_point: EntryPoint::Rust };
    let answer = adapter.facts().unwrap().collect(&ann, &[node("web1")]).await.remove(0).unwrap();
    assert_eq!(answer.node.as_str(), "web1");
    assert_eq!(object.calls_of("getNodeFacts")[0].args, [json!("proxmox:pve:7")]);
}

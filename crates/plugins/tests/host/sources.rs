//! The inventory and the facts of a plugin: what can be wrong with them, and another instance of it (R3.6, R4.5, R7.4).

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::node::Node;
use pabawi_domain::ports::{FactProviderError, InventorySource, NodeFacts};
use pabawi_domain::request::{Caller, EntryPoint};
use pabawi_plugins::host::{HostSettings, PluginHost};
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::scripted::{Conduct, ScriptedPlugin};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::living::{host, plugin};

fn nodes(names: &[&str]) -> Vec<Node> {
    names.iter().map(|name| Node::named(name.parse().unwrap())).collect()
}

fn facts() -> Map<String, Value> {
    json!({"os": {"family": "Debian"}}).as_object().unwrap().clone()
}

async fn listed(source: &Arc<dyn InventorySource>) -> Result<Vec<String>, String> {
    let listed = source.fetch().await.map_err(|error| error.message)?;
    Ok(listed.nodes.iter().map(|node| node.id.to_string()).collect())
}

async fn asked(host: &PluginHost) -> Result<NodeFacts, FactProviderError> {
    let caller = Caller { user: "ann".to_owned(), entry_point: EntryPoint::Rust };
    let node: NodeId = "a".parse().unwrap();
    host.fact_providers()[0].collect(&caller, &[node]).await.remove(0)
}

/// R7.4: whatever a plugin's inventory and facts do, the answer is a fault in time that names the plugin.
#[tokio::test(start_paused = true)]
async fn faults_of_sources_name_the_plugin() {
    let long = "x".repeat(1_000_000);
    for (conduct, text, code) in [
        (Conduct::Fails(ErrorCode::Unavailable), "scripted failure of the plugin", ErrorCode::Unavailable),
        (Conduct::Panics, "plugin bolt: panicked: scripted panic of the plugin", ErrorCode::PluginFault),
        (Conduct::Hangs, "plugin bolt: did not answer within", ErrorCode::PluginFault),
        (Conduct::Says(ErrorCode::Dns, long), "x... [cut: 1000000 bytes in all]", ErrorCode::Dns),
    ] {
        let bad = plugin("bolt").lists(nodes(&["a"]), conduct.clone()).knows(facts(), conduct);
        let host = host(&[&bad]).await;
        let source = host.inventories().remove(0);
        let began = Instant::now();
        let error = source.fetch().await.unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(31), "{:?}", began.elapsed());
        assert!(error.message.contains(text) && error.message.len() < 17_000, "{text}");
        assert_eq!(error.source_name, "bolt");
        let error = asked(&host).await.unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(632), "{:?}", began.elapsed());
        assert!(error.error.message.contains(text) && error.error.message.len() < 17_000, "{text}");
        assert_eq!(
            (error.provider.as_str(), error.error.code, error.error.node.as_str()),
            ("bolt", code, "a")
        );
    }
}

/// R3.1, R7.4: a plugin that lists more nodes than are taken is told with the limit.
#[tokio::test(start_paused = true)]
async fn an_inventory_has_a_limit() {
    let many = (0..1_001).map(|number| Node::named(format!("n{number}").parse().unwrap()));
    let mut settings = HostSettings::default();
    settings.max_inventory_nodes = 1_000;
    let mut registering = PluginHost::builder(Arc::new(ManualClock::default())).settings(settings);
    registering.plugin(Arc::new(plugin("bolt").lists(many, Conduct::Good)), Value::Null).unwrap();
    let host = registering.start().await;
    let error = host.inventories()[0].fetch().await.unwrap_err();
    let text = "plugin bolt: has 1001 nodes, at most 1000 are taken (HostSettings::max_inventory_nodes)";
    assert_eq!((error.message.as_str(), error.retryable), (text, false));
}

/// R3.6: who holds the source of a plugin asks whichever instance lives; what is not there is no source.
#[tokio::test(start_paused = true)]
async fn a_source_is_that_of_the_instance_that_lives() {
    let broken = plugin("bolt").initializes(Conduct::Fails(ErrorCode::BadConfig));
    let none = plugin("ansible");
    let host = host(&[&broken, &none]).await;
    let sources = host.inventories();
    let there = || sources.iter().map(|source| source.is_there()).collect::<Vec<_>>();
    assert_eq!(there(), [false, false]);
    let bolt = &sources[0];
    let reload = async |plugin: ScriptedPlugin| {
        let before = bolt.revision();
        host.reload(Arc::new(plugin), Value::Null).await.unwrap();
        assert_ne!(bolt.revision(), before, "what was told before is too old");
    };
    reload(plugin("bolt").lists(nodes(&["a"]), Conduct::Good).knows(facts(), Conduct::Good)).await;
    assert_eq!((there(), bolt.name()), (vec![true, false], "bolt"));
    assert_eq!(listed(bolt).await.unwrap(), ["a"]);
    assert_eq!(asked(&host).await.unwrap().facts, facts());
    let first = host.fact_providers()[0].renewed_at().unwrap();
    reload(plugin("bolt").lists(nodes(&["b", "c"]), Conduct::Good)).await;
    assert_eq!(listed(bolt).await.unwrap(), ["b", "c"]);
    let provider = host.fact_providers().remove(0);
    assert!(!provider.is_there() && provider.renewed_at().unwrap() > first);
    reload(plugin("bolt")).await;
    assert_eq!(there(), [false, false]);
    assert_eq!(listed(bolt).await.unwrap_err(), "plugin bolt: has no inventory");
    host.shutdown(Duration::from_secs(5)).await;
    assert_eq!(listed(bolt).await.unwrap_err(), "plugin bolt: is shut down");
}

/// R3.6: a plugin that says that it lists nodes and could not get ready is a source that cannot answer, so that nobody takes
/// the nodes of the others for all.
#[tokio::test(start_paused = true)]
async fn a_source_that_could_not_get_ready_is_missed() {
    let lists = pabawi_domain::capability::Capability {
        name: "inventory.list".to_owned(),
        ..pabawi_testkit::scripted::capability(pabawi_domain::action::ActionKind::Task)
    };
    let broken = plugin("bolt")
        .capabilities([lists])
        .lists(nodes(&["a"]), Conduct::Good)
        .initializes(Conduct::Fails(ErrorCode::BadConfig));
    let host = host(&[&broken]).await;
    let source = host.inventories().remove(0);
    assert!(source.is_there());
    let text = "plugin bolt: could not get ready: scripted failure of the plugin (bad_config)";
    assert_eq!(listed(&source).await.unwrap_err(), text);
}

/// R6.7: an instance that was replaced is not shut down while its inventory is being listed.
#[tokio::test(start_paused = true)]
async fn a_source_that_is_being_asked_holds_its_instance() {
    let old = plugin("bolt").lists(nodes(&["a"]), Conduct::Slow(Duration::from_secs(5)));
    let host = host(&[&old]).await;
    let source = host.inventories().remove(0);
    let asking = tokio::spawn(async move { listed(&source).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    host.reload(Arc::new(plugin("bolt")), Value::Null).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!old.calls().contains(&"shutdown".to_owned()));
    assert_eq!(asking.await.unwrap().unwrap(), ["a"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(old.calls().last().unwrap(), "shutdown");
}

//! Plugins behind the facade: how it is opened and closed, and what becomes of their inventories and facts.

use std::sync::Arc;
use std::time::Duration;

use pabawi::facts::Freshness;
use pabawi::inventory::Freshness as Age;
use pabawi::plugin::{Capability, CapabilityCall};
use pabawi::ports::PluginMethods;
use pabawi::ssh::SshSettings;
use pabawi::{
    ActionKind, AllowAll, Endpoint, ErrorCode, Framework, FrameworkBuilder, FrameworkError, JournalEntry,
    JournalQuery, Node, TargetExpression,
};
use pabawi_testkit::scripted::{Conduct, ScriptedPlugin, capability};
use serde_json::{Value, json};

use crate::support::{Forbids, ann, bolt, node};

/// A framework with a database in that directory.
fn over(directory: &tempfile::TempDir, plugin: &ScriptedPlugin) -> FrameworkBuilder {
    Framework::builder()
        .authorizer(AllowAll)
        .database(directory.path().join("executions.db"))
        .ssh(SshSettings::default())
        .plugin(plugin.clone(), Value::Null)
}

/// R6.7: a framework that cannot be opened lets go of the plugins that it had got ready for it.
#[tokio::test]
async fn what_cannot_be_opened_lets_its_plugins_go() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("executions.db"), "no database, and long enough to be none")
        .unwrap();
    let plugin = bolt();
    let refused = over(&directory, &plugin).open().await;
    assert!(refused.is_err());
    assert_eq!(plugin.calls().first().map(String::as_str), Some("initialize"));
    assert_eq!(plugin.calls().last().map(String::as_str), Some("shutdown"));
}

/// Nodes to which there is no way, so that nothing but a plugin can say anything of them.
fn listing(names: &[&str], family: &str) -> ScriptedPlugin {
    let nowhere = || Endpoint { host: Some("127.0.0.1".to_owned()), port: Some(1), ..Endpoint::default() };
    let nodes = names.iter().map(|name| Node { endpoint: nowhere(), ..Node::named(node(name)) });
    let facts = json!({"os": {"family": family}}).as_object().unwrap().clone();
    bolt().lists(nodes, Conduct::Good).knows(facts, Conduct::Good)
}

async fn all(framework: &Framework) -> Result<Vec<String>, FrameworkError> {
    let targets = framework.resolve(&TargetExpression::new("all")).await?;
    Ok(targets.iter().map(|target| target.node.to_string()).collect())
}

async fn family(framework: &Framework, of: &str) -> Option<String> {
    let facts = framework.facts().of(&ann(), &[node(of)], Freshness::Cached).await.unwrap().remove(0);
    let family = facts.facts().get("os")?.get("family")?.as_str()?;
    assert_eq!(&*facts.layers().first().unwrap().provider, "bolt");
    Some(family.to_owned())
}

/// R6.2, R3.1, R4.5: the inventory and the facts of a plugin are sources of the framework under its name; those of the
/// instance that lives, whatever is in a cache of the one before.
#[tokio::test]
async fn the_inventory_and_the_facts_of_a_plugin_are_those_that_live() {
    let directory = tempfile::tempdir().unwrap();
    let framework = over(&directory, &listing(&["a"], "Debian")).open().await.unwrap();
    assert_eq!(all(&framework).await.unwrap(), ["a"]);
    let view = framework.inventory(Age::Cached).await;
    let shown: Vec<(&str, usize)> =
        view.reports.iter().map(|report| (report.name.as_str(), report.nodes)).collect();
    assert_eq!(shown, [("bolt", 1)]);
    assert_eq!(family(&framework, "a").await.as_deref(), Some("Debian"));
    let reload = async |plugin: ScriptedPlugin| {
        framework.plugins().reload(Arc::new(plugin), Value::Null).await.unwrap();
    };
    reload(listing(&["a", "b"], "RedHat")).await;
    assert_eq!(all(&framework).await.unwrap(), ["a", "b"]);
    assert_eq!(family(&framework, "a").await.as_deref(), Some("RedHat"));
    assert!(
        framework.facts().providers().iter().any(|(name, priority)| **name == *"bolt" && *priority == 90)
    );
    reload(bolt()).await;
    assert!(all(&framework).await.unwrap_err().to_string().contains("needs an inventory"));
    assert!(framework.inventory(Age::Cached).await.reports.is_empty());
    assert!(!framework.facts().providers().iter().any(|(name, _)| **name == *"bolt"));
    assert_eq!(
        framework.resolve(&TargetExpression::new("x")).await.unwrap().len(),
        1,
        "every name is a node"
    );
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R6.7, R3.6: a plugin that could not get ready joins with its nodes and facts as soon as it can.
#[tokio::test]
async fn a_plugin_that_gets_ready_late_joins() {
    let directory = tempfile::tempdir().unwrap();
    let broken = listing(&["a"], "Debian").initializes(Conduct::Fails(ErrorCode::BadConfig));
    let framework = over(&directory, &broken).open().await.unwrap();
    assert!(framework.inventory(Age::Cached).await.reports.is_empty());
    assert_eq!((broken.fetches(), family(&framework, "a").await), (0, None));
    framework.plugins().reload(Arc::new(listing(&["a"], "Debian")), Value::Null).await.unwrap();
    assert_eq!(all(&framework).await.unwrap(), ["a"]);
    assert_eq!(family(&framework, "a").await.as_deref(), Some("Debian"));
    let error = framework.resolve(&TargetExpression::new("x")).await.unwrap_err();
    assert!(error.to_string().contains("unknown node x"), "{error}");
    framework.shutdown(Duration::from_secs(5)).await;
}

/// R6.6, R10.2: calls go through the facade; one that is denied is in the journal of each node it was about.
#[tokio::test]
async fn a_call_goes_through_the_facade_and_a_denial_is_journalled() {
    let directory = tempfile::tempdir().unwrap();
    let list = Capability {
        name: "task.list".to_owned(),
        required_permissions: vec!["tasks.see".to_owned()],
        ..capability(ActionKind::Task)
    };
    let plugin = bolt().capabilities([list]).methods(PluginMethods { run: false, call: true });
    let call = CapabilityCall {
        capability: "task.list".to_owned(),
        nodes: vec![node("a"), node("b")],
        ..CapabilityCall::default()
    };
    let framework = over(&directory, &plugin).open().await.unwrap();
    plugin.next_answer(json!(["package"]));
    assert_eq!(framework.call(&ann(), call.clone()).await.unwrap(), json!(["package"]));
    framework.shutdown(Duration::from_secs(5)).await;
    let framework = over(&directory, &plugin).authorizer(Forbids(&["tasks.see"])).open().await.unwrap();
    let error = framework.call(&ann(), call).await.unwrap_err();
    assert_eq!(error.to_string(), "denied: tasks.see is not yours");
    framework.shutdown(Duration::from_secs(5)).await;
    let framework = over(&directory, &plugin).open().await.unwrap();
    let page = framework.journal(&ann(), &JournalQuery::default()).await.unwrap();
    let told = |JournalEntry { entry, .. }: &JournalEntry| {
        format!("{} {} {}", entry.event_type, entry.node, entry.action)
    };
    let mut entries: Vec<String> = page.items.iter().map(told).collect();
    entries.sort();
    framework.shutdown(Duration::from_secs(5)).await;
    assert_eq!(
        entries,
        [
            "call_denied a task.list",
            "call_denied b task.list",
            "plugin_call a task.list",
            "plugin_call b task.list",
        ]
    );
    assert_eq!(plugin.asked_for().len(), 1);
}

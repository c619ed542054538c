//! Requirement 6 with PuppetDB as a plugin of a framework. What it is asked, and what comes back, is shown with a real
//! PuppetDB in `crates/plugins`; here one is played.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test's own functions meet is the test's failure"
)]

use std::sync::Arc;
use std::time::Duration;

use pabawi::plugin::PluginState;
use pabawi::ports::PluginHealth;
use pabawi::puppetdb::PuppetDbPlugin;
use pabawi::{AllowAll, Framework, PluginName, TargetExpression};
use pabawi_testkit::http::{HttpReply, HttpRequest, ScriptedHttp};
use serde_json::{Value, json};

const CLOSING: Duration = Duration::from_secs(10);

/// A PuppetDB with these nodes.
async fn puppetdb(nodes: &'static [&'static str]) -> ScriptedHttp {
    let played = |request: &HttpRequest| {
        let from = usize::try_from(request.json()["offset"].as_u64().unwrap_or(0)).unwrap();
        let rows: Vec<Value> = nodes.iter().skip(from).map(|name| json!({"certname": name})).collect();
        HttpReply::json(&json!(rows))
    };
    ScriptedHttp::start(played).await.unwrap()
}

fn config(server: &ScriptedHttp) -> Value {
    json!({"url": format!("http://{}", server.address()), "name": "pdb"})
}

async fn open(database: &tempfile::TempDir, config: Value) -> Framework {
    let plugin = PuppetDbPlugin::of_config(&config).unwrap();
    let builder = Framework::builder().database(database.path().join("executions.db")).authorizer(AllowAll);
    builder.plugin(plugin, config).open().await.unwrap()
}

async fn nodes(framework: &Framework) -> Vec<String> {
    let all = framework.resolve(&TargetExpression::new("all")).await.unwrap();
    all.iter().map(|target| target.node.to_string()).collect()
}

/// R6.2, R6.3, R6.7, R3.1
#[tokio::test(flavor = "multi_thread")]
async fn puppetdb_is_a_plugin_with_an_inventory() {
    let directory = tempfile::tempdir().unwrap();
    let server = puppetdb(&["web1", "web2"]).await;
    let framework = open(&directory, config(&server)).await;
    assert_eq!(nodes(&framework).await, ["web1", "web2"]);
    let name = PluginName::new("pdb").unwrap();
    let own: Vec<String> = framework.plugins().plugin(&name).unwrap().capabilities;
    for capability in
        ["reports.list", "reports.show", "events.list", "catalog.show", "query.run", "facts.get"]
    {
        assert!(own.iter().any(|one| one == capability), "{capability}: {own:?}");
    }
    let health = |status: Vec<pabawi::plugin::PluginStatus>| status[0].health.clone().unwrap().health;
    assert_eq!(health(framework.plugins().check_health(Some(&name)).await), PluginHealth::Healthy);

    // Another one in its place is asked from then on.
    let other = puppetdb(&["db1"]).await;
    let plugin = PuppetDbPlugin::of_config(&config(&other)).unwrap();
    framework.plugins().reload(Arc::new(plugin), config(&other)).await.unwrap();
    assert_eq!(nodes(&framework).await, ["db1"]);
    drop(other);
    let PluginHealth::Unhealthy { message } = health(framework.plugins().check_health(Some(&name)).await)
    else {
        panic!("it is gone")
    };
    assert!(message.contains("is PuppetDB running"), "{message}");
    framework.shutdown(CLOSING).await;
}

/// R6.2, R9.8
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_is_the_state_of_the_plugin() {
    for (config, paths, part) in [
        (
            json!({"url": "https://pdb", "uri": "x", "pageSize": 0}),
            &["config", "config.pageSize"][..],
            "'uri'",
        ),
        (json!({"url": "https://pdb", "token": 5}), &["config.token"], "is not of type"),
        (json!({"url": "https://pdb", "token": "hunter2\n"}), &[], "config.token: must be one word"),
        (json!({"url": "https://pdb"}), &[], "config.caFile: is needed for https://"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let framework = open(&directory, config).await;
        let status = framework.plugins().plugin(&PluginName::new("puppetdb").unwrap()).unwrap();
        let PluginState::Failed { message, fields, .. } = &status.state else { panic!("{status:?}") };
        let mut found: Vec<&str> = fields.iter().map(|fault| fault.path.as_str()).collect();
        found.sort_unstable();
        assert!(found == paths && message.contains(part) && !message.contains("hunter2"), "{status:?}");
        framework.shutdown(CLOSING).await;
    }
}

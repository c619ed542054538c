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

use async_trait::async_trait;
use pabawi::plugin::{CallError, CapabilityCall, PluginState};
use pabawi::ports::{AuthorizationQuery, Authorizer, AuthorizerError, Decision, PluginHealth};
use pabawi::puppetdb::PuppetDbPlugin;
use pabawi::{AllowAll, Framework, NodeId, PluginName, TargetExpression};
use pabawi_testkit::http::{HttpReply, HttpRequest, ScriptedHttp};
use pabawi_testkit::wait::until_async;
use pabawi_tests::facade::caller;
use serde_json::{Value, json};

const CLOSING: Duration = Duration::from_secs(10);

/// A PuppetDB with these nodes.
async fn puppetdb(nodes: &'static [&'static str]) -> ScriptedHttp {
    let played = |request: &HttpRequest| {
        let from = usize::try_from(request.json()["offset"].as_u64().unwrap_or(0)).unwrap();
        let at = "2026-03-01T12:00:00.000Z";
        let row = |name: &&str| json!({"certname": name, "hash": format!("{:040x}", name.len()), "producer_timestamp": at});
        let rows: Vec<Value> = nodes.iter().skip(from).map(row).collect();
        HttpReply::json(&json!(rows))
    };
    ScriptedHttp::start(played).await.unwrap()
}

fn config(server: &ScriptedHttp) -> Value {
    json!({"url": format!("http://{}", server.address()), "name": "pdb"})
}

async fn open(database: &tempfile::TempDir, config: Value) -> Framework {
    open_for(database, config, AllowAll).await
}

async fn open_for(database: &tempfile::TempDir, config: Value, authorizer: impl Authorizer) -> Framework {
    let plugin = PuppetDbPlugin::of_config(&config).unwrap();
    let builder = Framework::builder().database(database.path().join("executions.db")).authorizer(authorizer);
    builder.plugin(plugin, config).open().await.unwrap()
}

/// Lets everything pass but reports of one node, and of all of them.
struct NotOf(&'static str);

#[async_trait]
impl Authorizer for NotOf {
    async fn authorize(&self, query: &AuthorizationQuery<'_>) -> Result<Decision, AuthorizerError> {
        let is_meant = query.nodes.is_empty() || query.nodes.iter().any(|node| node.as_str() == self.0);
        Ok(match query.capability {
            "reports.list" if is_meant => Decision::Deny { reason: "not yours".to_owned() },
            _ => Decision::Allow,
        })
    }
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
    other.stop().await;
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

/// R6.5, R6.6, R9.3: by nodes and by capability, before PuppetDB is asked.
#[tokio::test(flavor = "multi_thread")]
async fn calls_are_checked_and_permitted() {
    let directory = tempfile::tempdir().unwrap();
    let server = puppetdb(&["web1", "web2"]).await;
    let framework = open_for(&directory, config(&server), NotOf("web2")).await;
    let ask = async |nodes: &[&str], parameters: Value| {
        let call = CapabilityCall {
            capability: "reports.list".to_owned(),
            parameters: parameters.as_object().unwrap().clone(),
            nodes: nodes.iter().map(|name| NodeId::new(name).unwrap()).collect(),
            ..CapabilityCall::default()
        };
        framework.call(&caller(), call).await
    };
    let found = ask(&["web1"], json!({"limit": 1})).await.unwrap();
    assert_eq!((&found["reports"][0]["node"], found["nextCursor"].is_string()), (&json!("web1"), true));
    // The first look at its health, which asks too, is over.
    let name = PluginName::new("pdb").unwrap();
    let is_known = || framework.plugins().plugin(&name).unwrap().health.is_some();
    until_async("its health", CLOSING, is_known).await.unwrap();
    let asked = server.requests().len();
    for nodes in [&["web1", "web2"][..], &[]] {
        let error = ask(nodes, json!({})).await.unwrap_err();
        assert!(matches!(&error, CallError::Denied { reason } if reason == "not yours"), "{error}");
    }
    let error = ask(&["web1"], json!({"limit": 0, "status": ["broken"]})).await.unwrap_err();
    let CallError::Invalid(error) = error else { panic!("{error}") };
    let mut paths: Vec<&str> = error.fields.iter().map(|fault| fault.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["parameters.limit", "parameters.status[0]"]);
    assert_eq!(server.requests().len(), asked);
    framework.shutdown(CLOSING).await;
}

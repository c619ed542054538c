//! A plugin of v1.x behind the facade, as a program that uses the framework adds one.

use std::sync::Arc;

use pabawi::facts::Freshness;
use pabawi::ssh::SshSettings;
use pabawi::v1::{V1Adapter, V1Settings};
use pabawi::{Action, AllowAll, ExecutionRequest, ExecutionStatus, Framework, TargetExpression, ToolAction};
use pabawi_testkit::v1::{V1Conduct, V1Object, success};
use serde_json::json;

use crate::support::{ann, name, node};

fn object() -> V1Object {
    V1Object::new("bolt", "both")
        .on(
            "getInventory",
            V1Conduct::Returns(json!([{"id": "bolt:1", "name": "web1", "uri": "ssh://127.0.0.1:1"}])),
        )
        .on(
            "getGroups",
            V1Conduct::Returns(json!([{"id": "bolt:web", "name": "web", "nodes": ["bolt:web1"]}])),
        )
        .method("getNodeFacts", |args, _| async move {
            let facts = json!({"os": {"family": "Debian"}});
            Ok(json!({"nodeId": args[0], "gatheredAt": "2024-01-01T00:00:00Z", "facts": facts}))
        })
}

/// R10.4, R3.2, R4.5, R6.1: nodes, groups, facts and actions of an unchanged plugin are those of the framework.
#[tokio::test]
async fn a_plugin_of_v1_is_a_plugin_of_the_framework() {
    let directory = tempfile::tempdir().unwrap();
    let object = object();
    let config = json!({"enabled": true, "name": "bolt", "type": "both", "config": {}, "priority": 70});
    let adopt =
        |object: &V1Object| V1Adapter::adopt(Arc::new(object.clone()), config.clone(), V1Settings::default());
    let adapter = adopt(&object).await.unwrap();
    let framework = Framework::builder()
        .authorizer(AllowAll)
        .database(directory.path().join("executions.db"))
        .ssh(SshSettings::default())
        .plugin(adapter.clone(), adapter.config())
        .open()
        .await
        .unwrap();
    let of_group = framework.resolve(&TargetExpression::new("@web")).await.unwrap();
    let named = framework.resolve(&TargetExpression::new("web1")).await.unwrap();
    assert_eq!((of_group.len(), &of_group[0].node), (1, &named[0].node));
    let facts = framework.facts().of(&ann(), &[node("bolt:1")], Freshness::Cached).await.unwrap().remove(0);
    assert_eq!(facts.facts()["os"]["family"], json!("Debian"));
    let tool = ToolAction { plugin: Some(name("bolt")), name: "package".to_owned(), ..ToolAction::default() };
    let request = || ExecutionRequest::new(Action::Task(tool.clone()), TargetExpression::new("@web"));
    let ended = framework.execute(ann(), request()).await.unwrap();
    assert_eq!(ended.summary.status, ExecutionStatus::Completed);
    let call = object.calls_of("executeAction").pop().unwrap();
    assert_eq!((&call.args[0]["target"], &call.args[0]["action"]), (&json!("bolt:1"), &json!("package")));

    let another = V1Object::new("bolt", "both")
        .on("executeAction", V1Conduct::Returns(success("bolt:1", "of another")))
        .on("getInventory", V1Conduct::Returns(json!([{"id": "bolt:1"}])));
    let other = adopt(&another).await.unwrap();
    framework.plugins().reload(Arc::new(other.clone()), other.config()).await.unwrap();
    let request = ExecutionRequest::new(Action::Task(tool.clone()), TargetExpression::new("bolt:1"));
    let ended = framework.execute(ann(), request).await.unwrap();
    assert_eq!(ended.summary.status, ExecutionStatus::Completed);
    assert_eq!((object.calls_of("executeAction").len(), another.calls_of("executeAction").len()), (1, 1));
    framework.shutdown(std::time::Duration::from_secs(20)).await;
    assert_eq!(another.calls_of("cleanup").len(), 1);
}

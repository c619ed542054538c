//! What is asked of Bolt, and its inventory.

use std::collections::BTreeMap;
use std::sync::Arc;

use pabawi::ports::{ActionEnd, ActionEvent, Plugin as _, PluginCall, PluginHealth, PluginRun};
use pabawi::{Endpoint, ExecutionId, NodeId, Target};
use pabawi_tests::facade::caller;
use serde_json::{Value, json};

use crate::rig::{BOLT, Place, name, task};

fn call(capability: &str, parameters: Value, nodes: &[&str]) -> PluginCall {
    PluginCall {
        capability: capability.to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        caller: caller(),
        correlation_id: None,
        nodes: nodes.iter().map(|node| NodeId::new(node).unwrap()).collect(),
    }
}

/// JSON, which is YAML.
const INVENTORY: &str = r#"{
    "config": {"ssh": {"user": "deploy"}},
    "targets": [{"name": "app", "uri": "10.0.0.1", "alias": "front"}],
    "groups": [{"name": "web", "targets": ["web1", "nofacts1"]}]
}"#;

/// R6.5, R3, R4: nodes of the project's inventory are named as they are there, and others are described beside them.
#[tokio::test(flavor = "multi_thread")]
async fn a_projects_inventory_is_used_and_asked() {
    let place = Place::new();
    place.write("project/inventory.yaml", INVENTORY);
    let plugin = pabawi::bolt::plugin(name());
    plugin.initialize(place.settings(&[])).await.unwrap();
    let listed = plugin.call(call("inventory.list", json!({}), &[])).await.unwrap();
    let names: Vec<&str> =
        listed["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["app", "web1", "nofacts1"]);
    assert_eq!(listed["groups"][0]["name"], "web");
    assert_eq!(plugin.inventory().unwrap().fetch().await.unwrap().nodes.len(), 3);
    assert!(place.calls().is_empty(), "the file is read without Bolt");
    let facts =
        plugin.call(call("facts.get", json!({}), &["app", "web1", "nofacts1", "other"])).await.unwrap();
    let told = facts["facts"].as_array().unwrap();
    assert_eq!(told.len(), 2, "{facts}");
    assert_eq!(told[0]["facts"]["os"]["family"], "Debian");
    let errors: Vec<(&str, &str)> = facts["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["node"].as_str().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    assert_eq!(errors, [("nofacts1", "tool_failed"), ("other", "unknown_target")]);
    assert_eq!(place.calls().len(), 1, "one run for all");

    // web is a group there, and a node here.
    let endpoint = Endpoint { host: Some("10.0.0.9".to_owned()), port: Some(2222), ..Endpoint::default() };
    let targets =
        ["front", "web", "web1"].map(|node| Target::new(NodeId::new(node).unwrap(), endpoint.clone()));
    let run = PluginRun {
        execution_id: ExecutionId::from_parts(1, [7; 10]),
        correlation_id: None,
        action: Arc::new(task("mixed", json!({}))),
        targets: targets.to_vec(),
    };
    let mut said = BTreeMap::new();
    for (node, mut part) in plugin.run(run).await.unwrap() {
        let mut text = String::new();
        let end = loop {
            match tokio::time::timeout(BOLT, part.next()).await.unwrap() {
                ActionEvent::Output { data, .. } => text.push_str(&String::from_utf8_lossy(&data)),
                ActionEvent::Ended(end) => break end,
                other => panic!("{other:?}"),
            }
        };
        assert!(matches!(end, ActionEnd::Exited { code: 0 }), "{node} {end:?} {text}");
        said.insert(node.to_string(), serde_json::from_str::<Value>(&text).unwrap()["described"].take());
    }
    let own =
        json!({"name": "web_1", "uri": "10.0.0.9", "config": {"transport": "ssh", "ssh": {"port": 2222}}});
    let there = json!({"name": "app", "uri": "10.0.0.1", "alias": "front"});
    let expected = [("front", there), ("web", own), ("web1", Value::Null)];
    assert_eq!(said, expected.map(|(node, value)| (node.to_owned(), value)).into());
}

/// R6.3: all tasks with their parameters by one call of Bolt, asked again when something has changed.
#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_listed_with_their_parameters_by_one_call() {
    let place = Place::new();
    let metadata = json!({"description": "x", "supports_noop": true, "parameters": {
        "name": {"type": "String[1]", "description": "Which"}, "action": {"type": "Enum[install]", "default": "install"}
    }});
    place.write("project/modules/package/tasks/init.json", &metadata.to_string());
    place.write("bin/brought/facts/tasks/init.json", "{\"description\": \"Gather facts\"}");
    let plugin = pabawi::bolt::plugin(name());
    plugin.initialize(place.settings(&[])).await.unwrap();
    let list = async |filter: &str| {
        plugin.call(call("task.list", json!({"filter": filter}), &[])).await.unwrap()["tasks"].take()
    };
    let all = list("").await;
    let shown: Vec<&str> =
        all.as_array().unwrap().iter().map(|task| task["name"].as_str().unwrap()).collect();
    assert_eq!(shown, ["package", "facts"]);
    let parameters = all[0]["parameters"].as_array().unwrap();
    let parameter = |name: &str| parameters.iter().find(|one| one["name"] == name).unwrap();
    assert_eq!(
        (&parameter("name")["required"], &parameter("name")["type"]),
        (&true.into(), &"String[1]".into())
    );
    assert_eq!((&parameter("action")["required"], &all[0]["supportsNoop"]), (&false.into(), &true.into()));
    assert_eq!((&all[1]["description"], &all[1]["parameters"]), (&"Gather facts".into(), &json!([])));
    // The second is for modules that come with Bolt, once.
    let kinds = || -> Vec<String> {
        place.calls().iter().map(|call| call.split(" --").next().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(), ["task show", "module show"]);
    let both = tokio::join!(list("PACK"), list(""));
    assert_eq!((both.0.as_array().unwrap().len(), both.1), (1, all));
    assert_eq!(kinds().len(), 2, "it was known");
    place.write("project/modules/package/tasks/init.json", "{\"parameters\": {}}");
    assert_eq!(list("").await[0]["parameters"], json!([]));
    assert_eq!(kinds(), ["task show", "module show", "task show"], "one call, however many tasks");
    let plans = plugin.call(call("plan.list", json!({}), &[])).await.unwrap();
    assert_eq!(plans["plans"][1], json!({"name": "deploy", "description": "Puts it there"}));
    let one = plugin.call(call("task.show", json!({"name": "package"}), &[])).await.unwrap();
    assert_eq!(one["metadata"]["description"], "One");
    let none = plugin.call(call("task.show", json!({"name": "nosuch"}), &[])).await.unwrap_err();
    assert!(none.code.as_str() == "not_found" && none.message.contains("bolt/unknown-task"), "{none}");
    let bad = plugin.call(call("task.show", json!({"name": "--version"}), &[])).await.unwrap_err();
    assert!(bad.message.starts_with("parameters.name: must be a name"), "{bad}");
}

/// R6.3: a list is no older than is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_asked_for_again_after_its_time() {
    let place = Place::new();
    let mut settings = place.settings(&[]);
    settings["listCacheMs"] = 0.into();
    let plugin = pabawi::bolt::plugin(name());
    plugin.initialize(settings).await.unwrap();
    for _ in 0..2 {
        plugin.call(call("plan.list", json!({}), &[])).await.unwrap();
    }
    assert_eq!(place.calls().len(), 2);
}

/// R6.7: how it is depends on the program and on the inventory.
#[tokio::test(flavor = "multi_thread")]
async fn health_tells_what_is_missing() {
    let place = Place::new();
    place.write("project/inventory.yaml", INVENTORY);
    let plugin = pabawi::bolt::plugin(name());
    plugin.initialize(place.settings(&[])).await.unwrap();
    assert_eq!(plugin.health().await, PluginHealth::Healthy);
    std::fs::remove_file(place.path("project/inventory.yaml")).unwrap();
    let PluginHealth::Degraded { message, working, failing } = plugin.health().await else {
        panic!("it is gone")
    };
    assert_eq!(failing, ["inventory.list", "facts.get"]);
    assert!(
        working.iter().any(|name| name == "task.execute") && message.contains("inventory.yaml"),
        "{message}"
    );
    std::fs::remove_file(place.path("bin/bolt")).unwrap();
    let PluginHealth::Unhealthy { message } = plugin.health().await else { panic!("there is no bolt") };
    assert!(message.contains("failed to start") && message.contains("bolt"), "{message}");
    let bad = pabawi::bolt::plugin(name()).initialize(json!({"projectPath": "/nonexistent"})).await;
    assert!(bad.unwrap_err().message.contains("config.projectPath: /nonexistent is no directory"));
}

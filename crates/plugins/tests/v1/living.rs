//! Behind the host of plugins: getting ready, how it is, and letting go (R6.2, R6.7, R9.8).

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::ports::{Plugin, PluginHealth};
use pabawi_plugins::host::{PluginHost, PluginState, PluginStatus};
use pabawi_plugins::v1::{V1Adapter, V1Settings};
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::v1::{V1Conduct, V1Object};
use serde_json::{Value, json};

async fn adapter(object: &V1Object, config: Value) -> V1Adapter {
    V1Adapter::adopt(Arc::new(object.clone()), config, V1Settings::default()).await.unwrap()
}

async fn host(adapter: &V1Adapter, config: Value) -> PluginHost {
    let mut registering = PluginHost::builder(Arc::new(ManualClock::default()));
    registering.plugin(Arc::new(adapter.clone()), config).unwrap();
    registering.start().await
}

async fn hosted(object: &V1Object, config: Value) -> (PluginHost, PluginStatus) {
    let adapter = adapter(object, config).await;
    let host = host(&adapter, adapter.config()).await;
    let status = host.plugin(adapter.name()).unwrap();
    (host, status)
}

fn failed(status: &PluginStatus) -> (String, Vec<String>) {
    match &status.state {
        PluginState::Failed { message, fields, .. } => {
            (message.clone(), fields.iter().map(|field| field.path.clone()).collect())
        }
        other => (format!("{other:?}"), Vec::new()),
    }
}

/// R6.2: it is initialized once, with the configuration of v1.x as it was given.
#[tokio::test(start_paused = true)]
async fn it_gets_its_configuration_as_it_was_given() {
    let object = V1Object::new("bolt", "both");
    let config = json!({"enabled": true, "name": "bolt", "type": "both", "config": {"path": "/srv", "x": {"y": [1]}},
                        "priority": 5, "label": "mine"});
    let (_host, status) = hosted(&object, config.clone()).await;
    assert_eq!((&status.state, status.metadata.priority), (&PluginState::Ready, 5));
    let calls = object.calls_of("initialize");
    assert_eq!((calls.len(), &calls[0].args), (1, &vec![config]));
    let adapter = adapter(&object, Value::Null).await;
    let other =
        host(&adapter, json!({"enabled": true, "name": "bolt", "type": "both", "config": {"z": 1}})).await;
    let (told, _) = failed(&other.plugin(adapter.name()).unwrap());
    assert!(told.contains("was adopted with another configuration"), "{told}");
    let same = host(&adapter, Value::Null).await;
    assert_eq!(same.plugin(adapter.name()).unwrap().state, PluginState::Ready);
}

/// R6.2, R10.8: one that is not enabled keeps its configuration and is asked nothing more.
#[tokio::test(start_paused = true)]
async fn one_that_is_not_enabled_says_so() {
    let object = V1Object::new("bolt", "both");
    let (host, status) =
        hosted(&object, json!({"enabled": false, "name": "bolt", "type": "both", "config": {}})).await;
    assert_eq!((&status.state, status.capabilities.len()), (&PluginState::Ready, 0));
    assert!(status.metadata.description.ends_with("not enabled"), "{}", status.metadata.description);
    let health = host.check_health(None).await[0].health.clone().unwrap().health;
    assert_eq!(health, PluginHealth::Unhealthy { message: "Plugin is disabled".to_owned() });
    let methods: Vec<String> = object.calls().into_iter().map(|call| call.method).collect();
    assert_eq!(methods, ["initialize"]);
    assert!(host.inventories().iter().all(|source| !source.is_there()));
}

/// R7.4: one that cannot get ready is in that state, with its own words and stack.
#[tokio::test(start_paused = true)]
async fn one_that_cannot_get_ready_is_in_that_state() {
    for (conduct, part) in [
        (
            V1Conduct::rejects("Error", "AWS_REGION is required"),
            "initialize was rejected: Error: AWS_REGION is required",
        ),
        (
            V1Conduct::Throws { name: "TypeError".into(), message: "x".into() },
            "initialize threw TypeError: x",
        ),
        (V1Conduct::RejectsRaw(json!({"code": 5})), "no error but {\"code\":5}"),
        (V1Conduct::Never, "initialize did not answer within 30000 ms"),
        (V1Conduct::Panics, "panicked: scripted panic"),
        (V1Conduct::Gone, "cannot be called any more"),
    ] {
        let object = V1Object::new("aws", "both").on("initialize", conduct.clone());
        let (_, status) = hosted(&object, Value::Null).await;
        let (told, _) = failed(&status);
        assert!(told.contains(part), "{conduct:?}: {told}");
        let PluginState::Failed { stack, .. } = status.state else { panic!() };
        assert_eq!(stack.is_some(), told.contains("Error: "), "{conduct:?}: {stack:?}");
    }
}

/// R9.8: a schema that the object brings is that of its own part; bad configurations never reach it.
#[tokio::test(start_paused = true)]
async fn its_own_schema_is_asked_first() {
    let schema = json!({"type": "object", "required": ["host"], "properties": {"port": {"type": "integer"}}});
    let object = V1Object::new("proxmox", "both").property("configSchema", schema);
    let bad = json!({"enabled": true, "name": "proxmox", "type": "both", "config": {"port": "hunter2"}});
    let (_, status) = hosted(&object, bad).await;
    let (told, mut fields) = failed(&status);
    fields.sort();
    assert_eq!(fields, ["config.config", "config.config.port"], "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    assert_eq!(object.calls_of("initialize"), []);
    let good = json!({"enabled": true, "name": "proxmox", "type": "both", "config": {"host": "pve"}});
    let (_, status) = hosted(&object, good).await;
    assert_eq!(status.state, PluginState::Ready);
    for unusable in [json!({"type": "strin"}), json!({"_def": {"typeName": "ZodObject"}, "type": 5})] {
        let object = V1Object::new("proxmox", "both").property("configSchema", unusable);
        let adapter = adapter(&object, Value::Null).await;
        assert!(adapter.warnings()[0].starts_with("configSchema: "), "{:?}", adapter.warnings());
        assert_eq!(
            host(&adapter, Value::Null).await.plugin(adapter.name()).unwrap().state,
            PluginState::Ready
        );
    }
}

/// R9.8: a schema that refers to its own parts goes on doing so.
#[tokio::test(start_paused = true)]
async fn its_own_schema_may_refer_to_its_parts() {
    let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/Config",
                        "definitions": {"Config": {"type": "object", "required": ["host"]}}});
    let object = V1Object::new("proxmox", "both").property("configSchema", schema);
    let config = |own: Value| json!({"enabled": true, "name": "proxmox", "type": "both", "config": own});
    let (_, status) = hosted(&object, config(json!({}))).await;
    assert_eq!(failed(&status).1, ["config.config"], "{status:?}");
    let (_, status) = hosted(&object, config(json!({"host": "pve"}))).await;
    assert_eq!(status.state, PluginState::Ready);
}

/// A configuration holds secrets, which a plugin may repeat in what it says of its failures.
#[tokio::test(start_paused = true)]
async fn secrets_of_a_configuration_are_not_told() {
    let config = json!({"enabled": true, "name": "proxmox", "type": "both",
                        "config": {"host": "pve", "apiToken": "canary-token", "login": {"password": "canary-pass"}}});
    let says = V1Conduct::rejects("Error canary-token", "401 for canary-pass at pve");
    let object = V1Object::new("proxmox", "both").on("initialize", says.clone());
    let (_, status) = hosted(&object, config.clone()).await;
    let shown = format!("{status:?}");
    assert!(shown.contains("401 for *** at pve") && !shown.contains("canary"), "{shown}");
    let object = V1Object::new("proxmox", "both")
        .on(
            "healthCheck",
            V1Conduct::Returns(json!({"healthy": false, "message": "token canary-token expired"})),
        )
        .on("getInventory", says.clone())
        .on("getNodeFacts", says.clone())
        .on("listProvisioningCapabilities", says);
    let adapter = adapter(&object, config).await;
    let inventory = adapter.inventory().unwrap().fetch().await.unwrap_err();
    let node = pabawi_domain::id::NodeId::new("web1").unwrap();
    let ann = pabawi_domain::request::Caller {
        user: "ann".to_owned(),
        entry_point: pabawi_domain::request::EntryPoint::Rust,
    };
    let facts = adapter.facts().unwrap().collect(&ann, &[node]).await;
    let all = format!("{:?} {inventory:?} {facts:?} {:?}", adapter.health().await, adapter.warnings());
    assert!(all.contains("token *** expired") && all.matches("401 for *** at pve").count() >= 3, "{all}");
    assert!(!all.contains("canary"), "{all}");
    let given = &object.calls_of("initialize")[0].args[0];
    assert_eq!(given["config"]["apiToken"], json!("canary-token"), "the plugin itself gets them");
}

/// R6.7: how it is, also when it does not say so as it should.
#[tokio::test(start_paused = true)]
async fn how_it_is_is_asked_and_understood() {
    let object = V1Object::new("bolt", "both");
    let (host, _) = hosted(&object, Value::Null).await;
    let ill = |text: &str| PluginHealth::Unhealthy { message: text.to_owned() };
    let degraded = json!({"healthy": true, "degraded": true, "message": "Bolt inventory file is missing.",
                          "workingCapabilities": ["command"], "failingCapabilities": ["task", "hiera"]});
    let told = PluginHealth::Degraded {
        message: "Bolt inventory file is missing. (failingCapabilities: hiera)".to_owned(),
        working: vec!["command.execute".to_owned()],
        failing: vec!["task.execute".to_owned()],
    };
    for (conduct, expected) in [
        (V1Conduct::Returns(json!({"healthy": true})), PluginHealth::Healthy),
        (V1Conduct::Returns(degraded), told),
        (
            V1Conduct::Returns(json!({"healthy": false, "message": "Bolt command is not available."})),
            ill("Bolt command is not available."),
        ),
        (V1Conduct::Returns(json!("fine")), ill("healthCheck returned a text")),
        (V1Conduct::Returns(Value::Null), ill("healthCheck returned null")),
        (V1Conduct::rejects("Error", "no"), ill("healthCheck was rejected: Error: no")),
        (V1Conduct::Panics, ill("healthCheck threw panicked: scripted panic of the object")),
        (
            V1Conduct::Deep(500),
            ill("healthCheck cannot be read: the answer is nested deeper than 128 levels"),
        ),
    ] {
        object.set("healthCheck", conduct.clone());
        let health = host.check_health(None).await[0].health.clone().unwrap().health;
        assert_eq!(health, expected, "{conduct:?}");
    }
    object.set("healthCheck", V1Conduct::Never);
    let health = host.check_health(None).await[0].health.clone().unwrap().health;
    let PluginHealth::Unhealthy { message } = health else { panic!() };
    assert!(message.contains("did not answer within 10000 ms"), "{message}");
    object.remove("healthCheck");
    let health = host.check_health(None).await[0].health.clone().unwrap().health;
    assert_eq!(health, ill("has no method healthCheck now"));
}

/// R6.7: hooks by which it lets go are options beside the interface of v1.x.
#[tokio::test(start_paused = true)]
async fn it_lets_go_by_the_hook_that_it_has() {
    let nothing = || V1Conduct::Returns(Value::Null);
    for (object, called) in [
        (V1Object::new("a", "execution"), vec!["shutdown", "cleanup"]),
        (V1Object::new("a", "execution").on("cleanup", nothing()), vec!["shutdown", "cleanup"]),
        (
            V1Object::new("a", "execution").on("shutdown", nothing()).on("cleanup", nothing()),
            vec!["shutdown"],
        ),
        (V1Object::new("a", "execution").on("shutdown", V1Conduct::rejects("Error", "no")), vec!["shutdown"]),
        (V1Object::new("a", "execution").on("shutdown", V1Conduct::Never), vec!["shutdown"]),
    ] {
        let (host, _) = hosted(&object, Value::Null).await;
        host.shutdown(Duration::from_secs(60)).await;
        let hooks: Vec<String> = object.calls().into_iter().map(|call| call.method).collect();
        let hooks: Vec<&str> =
            hooks.iter().map(String::as_str).filter(|name| ["shutdown", "cleanup"].contains(name)).collect();
        assert_eq!(hooks, called);
    }
}

/// An answer that nobody waits for any more is counted and dropped.
#[tokio::test(start_paused = true)]
async fn late_answers_are_counted() {
    let late =
        V1Conduct::After(Duration::from_secs(60), Box::new(V1Conduct::Returns(json!({"healthy": true}))));
    let object = V1Object::new("bolt", "both").on("healthCheck", late);
    let adapter = adapter(&object, Value::Null).await;
    let told = adapter.health().await;
    let expected = "healthCheck did not answer within 10000 ms".to_owned();
    assert_eq!(told, PluginHealth::Unhealthy { message: expected });
    let stats = adapter.stats();
    assert_eq!((stats.unanswered, stats.late), (1, 0));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!((adapter.stats().unanswered, adapter.stats().late), (1, 1));
    object.set("healthCheck", V1Conduct::Never);
    adapter.health().await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!((adapter.stats().unanswered, adapter.stats().late), (2, 1), "it is not followed for ever");
}

//! What an object must be, and what is made of what it says of itself (R6.3, R6.4, R10.4).

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::capability::RiskLevel;
use pabawi_domain::ports::{Plugin, V1Plugin};
use pabawi_plugins::v1::{AdoptError, V1Adapter, V1Settings};
use pabawi_testkit::v1::{V1Conduct, V1Object};
use serde_json::{Value, json};
use tokio::time::Instant;

async fn adopt(object: &V1Object, config: Value) -> Result<V1Adapter, AdoptError> {
    V1Adapter::adopt(Arc::new(object.clone()), config, V1Settings::default()).await
}

async fn refused(object: &V1Object, config: Value) -> String {
    let error = adopt(object, config).await.err().map(|error| error.to_string());
    assert_eq!(object.calls(), [], "nothing of it was called");
    error.unwrap_or_else(|| "adopted".to_owned())
}

/// R6.4: a method that the type needs and that is missing, or cannot be looked at, is named before anything is called.
#[tokio::test(start_paused = true)]
async fn methods_that_a_type_needs_are_looked_for() {
    for (of_type, method) in [
        ("execution", "executeAction"),
        ("execution", "initialize"),
        ("information", "healthCheck"),
        ("information", "getInventory"),
        ("information", "getNodeFacts"),
        ("both", "getNodeData"),
        ("both", "executeAction"),
    ] {
        let told = refused(&V1Object::new("custom", of_type).without(method), Value::Null).await;
        let expected = format!("methods.{method}: a plugin of type {of_type} must have the method {method}");
        assert!(told.contains(&expected), "{told}");
    }
    let empty = V1Object::new("custom", "execution");
    for method in ["executeAction", "initialize", "healthCheck"] {
        empty.remove(method);
    }
    let told = refused(&empty, Value::Null).await;
    assert_eq!(told.matches("methods.").count(), 3, "all of them: {told}");
    for optional in ["getGroups", "isInitialized", "getConfig", "listCapabilities"] {
        let adapter = adopt(&V1Object::new("custom", "both").without(optional), Value::Null).await;
        assert!(adapter.is_ok(), "{optional}");
    }
    let told = refused(&V1Object::new("custom", "both").throwing("executeAction"), Value::Null).await;
    assert!(told.contains("executeAction threw Error: scripted getter"), "{told}");
}

/// R6.4, R9.6: what is no plugin of v1.x, or no configuration of one, is refused with every field.
#[tokio::test(start_paused = true)]
async fn what_is_no_plugin_is_refused() {
    let both = || V1Object::new("custom", "both");
    for (object, config, parts) in [
        (both().property("name", Value::Null), Value::Null, vec!["name: is null"]),
        (both().property("name", json!("My Plugin")), Value::Null, vec!["name: invalid plugin name"]),
        (
            both().property("name", json!(5)).property("type", json!([])),
            Value::Null,
            vec!["name: is 5", "type: is an array"],
        ),
        (both().property("type", json!("storage")), Value::Null, vec!["type: is \"storage\""]),
        (both().throwing("name"), Value::Null, vec!["name threw Error: scripted getter"]),
        (both().throwing("type"), Value::Null, vec!["type threw Error: scripted getter"]),
        (both(), json!("on"), vec!["config: is a text"]),
        (
            both(),
            json!({"enabled": 1, "name": "other", "config": 5, "priority": "high"}),
            vec![
                "config.enabled",
                "config.name: Configuration name \"other\" does not match plugin name 'custom'",
                "config.config",
                "config.priority",
            ],
        ),
    ] {
        let told = refused(&object, config).await;
        assert!(parts.iter().all(|part| told.contains(part)), "{parts:?}: {told}");
    }
}

/// R10.8, R6.8: the object that was adopted is the one that is handed back, and its priority is that of Pabawi unless its
/// configuration says another.
#[tokio::test(start_paused = true)]
async fn identity_name_and_priority_are_kept() {
    for (name, priority, of_source) in
        [("bolt", 5, 10), ("puppetserver", 8, 20), ("proxmox", 7, 0), ("ssh", 50, 50), ("custom", 0, 0)]
    {
        let object: Arc<dyn V1Plugin> = Arc::new(V1Object::new(name, "both"));
        let adapter =
            V1Adapter::adopt(Arc::clone(&object), Value::Null, V1Settings::default()).await.unwrap();
        assert!(Arc::ptr_eq(adapter.object(), &object), "{name}");
        assert!(Arc::ptr_eq(adapter.clone().object(), &object), "{name}: of a clone");
        assert_eq!(adapter.metadata().priority, priority, "{name}");
        assert_eq!(adapter.inventory().unwrap().priority(), of_source, "{name}");
        let registered = if name == "ssh" { "v1-ssh" } else { name };
        assert_eq!(adapter.name().as_str(), registered);
        let own = json!({"enabled": true, "name": name, "type": "both", "config": {}, "priority": 33});
        let adapter = V1Adapter::adopt(object, own.clone(), V1Settings::default()).await.unwrap();
        assert_eq!((adapter.metadata().priority, adapter.inventory().unwrap().priority()), (33, 33));
        assert_eq!(adapter.config(), own);
    }
}

fn names(adapter: &V1Adapter) -> Vec<String> {
    adapter.capabilities().into_iter().map(|capability| capability.name).collect()
}

/// R6.3, R10.2: what it can do is what it lists once it is ready; where it cannot say, what its methods take.
#[tokio::test(start_paused = true)]
async fn capabilities_are_asked_for_once_it_is_ready() {
    let object = V1Object::new("custom", "execution");
    let asked = object.clone();
    let object = object.method("listCapabilities", move |_, _| {
        let is_ready = asked.calls_of("initialize").len() == 1;
        async move { Ok(if is_ready { json!([{"name": "plan"}]) } else { Value::Null }) }
    });
    assert_eq!(names(&adopt(&object, Value::Null).await.unwrap()), ["plan.execute"]);
    let unlisted = ["command.execute", "script.execute", "task.execute", "plan.execute"];
    for (conduct, warnings) in [
        (V1Conduct::rejects("Error", "AWS integration is not initialized"), 1),
        (V1Conduct::Returns(Value::Null), 1),
        (V1Conduct::Returns(json!({"command": {}})), 1),
        (V1Conduct::Never, 1),
        (V1Conduct::Panics, 1),
    ] {
        let object = V1Object::new("custom", "execution").on("listCapabilities", conduct.clone());
        let began = Instant::now();
        let adapter = adopt(&object, Value::Null).await.unwrap();
        assert!(began.elapsed() <= Duration::from_secs(11), "{conduct:?}");
        assert_eq!(names(&adapter), unlisted, "{conduct:?}");
        assert_eq!(adapter.warnings().len(), warnings, "{conduct:?}: {:?}", adapter.warnings());
    }
    let without = V1Object::new("custom", "execution").without("listCapabilities");
    let adapter = adopt(&without, Value::Null).await.unwrap();
    assert_eq!((names(&adapter), adapter.warnings().len()), (unlisted.map(str::to_owned).to_vec(), 0));
    let informs = names(&adopt(&V1Object::new("custom", "information"), Value::Null).await.unwrap());
    assert_eq!(informs, ["inventory.list", "facts.get", "node_data.get"]);
    let puppetdb = names(&adopt(&V1Object::new("puppetdb", "information"), Value::Null).await.unwrap());
    assert_eq!(puppetdb.last().unwrap(), "reports.list");
}

/// R6.3, R6.5: provisioning is a duck-typed list; a plugin that throws there has none of it.
#[tokio::test(start_paused = true)]
async fn provisioning_is_asked_for_where_there_is_some() {
    let list = json!([{"name": "create_vm", "description": "Create", "operation": "create"}]);
    let object = |conduct| V1Object::new("proxmox", "execution").on("listProvisioningCapabilities", conduct);
    let adapter = adopt(&object(V1Conduct::Returns(list)), Value::Null).await.unwrap();
    let capability = adapter.capabilities().pop().unwrap();
    assert_eq!((capability.name.as_str(), capability.risk), ("provision.create_vm", RiskLevel::Admin));
    for conduct in [V1Conduct::rejects("Error", "no"), V1Conduct::Returns(json!(5)), V1Conduct::Never] {
        let adapter = adopt(&object(conduct.clone()), Value::Null).await.unwrap();
        assert_eq!(names(&adapter), ["command.execute", "task.execute"], "{conduct:?}");
        assert_eq!(adapter.warnings().len(), 1, "{conduct:?}");
    }
    let adapter = adopt(&object(V1Conduct::Returns(json!([]))), Value::Null).await.unwrap();
    assert_eq!((names(&adapter).len(), adapter.warnings().len()), (2, 0));
}

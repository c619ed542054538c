//! Whatever an object answers: values that are right but for one part, which is anything. Nothing panics, everything that is
//! registered is accepted by the host, and every question has its answer.

use std::sync::Arc;

use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::ports::{ActionEvent, Plugin, PluginCall, PluginRun};
use pabawi_domain::request::{Caller, EntryPoint};
use pabawi_plugins::host::PluginHost;
use pabawi_plugins::v1::{V1Adapter, V1Settings};
use pabawi_testkit::clock::ManualClock;
use pabawi_testkit::v1::{V1Conduct, V1Object, success};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "web1",
            "",
            " ",
            "-x",
            "a\nb",
            "(",
            "create",
            "running",
            "success",
            "__proto__"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let key = prop::sample::select(vec![
            "name",
            "id",
            "nodes",
            "status",
            "results",
            "facts",
            "type",
            "__proto__",
            "x",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((key, inner), 0..6).prop_map(|fields| {
                Value::Object(
                    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>(),
                )
            }),
        ]
    })
}

/// Every part of a value, by its pointer.
fn parts(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(place, value)| parts(value, &format!("{at}/{place}"), all));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| parts(value, &format!("{at}/{name}"), all));
        }
        _ => {}
    }
}

/// A good value, one part of which is anything.
fn spoilt(good: Value) -> impl Strategy<Value = Value> {
    let mut all = Vec::new();
    parts(&good, "", &mut all);
    (prop::sample::select(all), anything()).prop_map(move |(at, other)| {
        let mut value = good.clone();
        if let Some(part) = value.pointer_mut(&at) {
            *part = other;
        }
        value
    })
}

fn capabilities() -> Value {
    json!([{"name": "command", "description": "d", "parameters": [
        {"name": "a", "type": "string", "required": true, "description": "d", "default": "x",
         "validation": {"min": 1, "max": 2, "pattern": "^a$", "enum": ["a"]}},
        {"name": "b", "type": "number", "validation": {"min": 1, "max": 2}}]}, {"name": "start"}])
}

fn provisioning() -> Value {
    json!([{"name": "create_vm", "operation": "create", "parameters": [{"name": "x", "type": "object"}]}])
}

fn nodes() -> Value {
    json!([{"id": "web1", "name": "web1", "uri": "ssh://u:p@h:22/x", "transport": "ssh", "config": {"user": "u", "port": 22}}])
}

fn groups() -> Value {
    json!([{"id": "g", "name": "web", "nodes": ["web1", "bolt:web1"], "metadata": {"variables": {"a": 1}}}])
}

fn facts() -> Value {
    json!({"nodeId": "web1", "gatheredAt": "2024-01-01T00:00:00Z", "facts": {"os": {"family": "x"}}})
}

fn health() -> Value {
    json!({"healthy": true, "degraded": true, "message": "m", "workingCapabilities": ["command"], "failingCapabilities": ["task"]})
}

fn ann() -> Caller {
    Caller { user: "ann".to_owned(), entry_point: EntryPoint::Rust }
}

async fn ask_everything(object: V1Object, config: Value) {
    let Ok(adapter) = V1Adapter::adopt(Arc::new(object), config, V1Settings::default()).await else { return };
    let mut registering = PluginHost::builder(Arc::new(ManualClock::default()));
    registering.plugin(Arc::new(adapter.clone()), adapter.config()).unwrap();
    let host = registering.start().await;
    host.check_health(None).await;
    let node = NodeId::new("web1").unwrap();
    if let Some(inventory) = adapter.inventory()
        && let Ok(snapshot) = inventory.fetch().await
    {
        serde_json::to_string(&snapshot.nodes).unwrap();
    }
    if let Some(facts) = adapter.facts() {
        assert_eq!(facts.collect(&ann(), std::slice::from_ref(&node)).await.len(), 1);
    }
    let call = |capability: &str, parameters: Value| PluginCall {
        capability: capability.to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        caller: ann(),
        correlation_id: None,
        nodes: vec![node.clone()],
    };
    let _ = adapter.call(call("node_data.get", json!({"type": "facts"}))).await;
    let _ = adapter.call(call("provision.create_vm", json!({}))).await;
    let run = PluginRun {
        execution_id: ExecutionId::from_parts(1, [0; 10]),
        correlation_id: None,
        action: Arc::new(Action::Command(CommandAction::new("uptime"))),
        targets: vec![Target::new(node.clone(), Endpoint::default())],
    };
    let Ok(mut running) = adapter.run(run).await else { return };
    assert_eq!(running.len(), 1);
    for _ in 0..100 {
        if let ActionEvent::Ended(_) = running[0].1.next().await {
            host.shutdown(std::time::Duration::from_secs(5)).await;
            return;
        }
    }
    panic!("no end");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// R7.4, R10.8
    #[test]
    fn whatever_it_answers_is_an_answer(
        which in 0usize..10,
        listed in spoilt(capabilities()),
        provisions in spoilt(provisioning()),
        inventory in spoilt(nodes()),
        grouped in spoilt(groups()),
        known in spoilt(facts()),
        well in spoilt(health()),
        result in spoilt(success("web1", "done")),
        schema in spoilt(json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}})),
        config in spoilt(json!({"enabled": true, "name": "bolt", "type": "both", "config": {"a": "b"}, "priority": 5})),
        thrown in anything(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let good = |spoilt: Value, at: usize, good: Value| V1Conduct::Returns(if which == at || which == 9 { spoilt } else { good });
        let object = V1Object::new("bolt", "both")
            .on("listCapabilities", good(listed, 0, capabilities()))
            .on("listProvisioningCapabilities", good(provisions, 1, provisioning()))
            .on("getInventory", good(inventory, 2, nodes()))
            .on("getGroups", good(grouped, 3, groups()))
            .on("getNodeFacts", good(known, 4, facts()))
            .on("healthCheck", good(well, 5, health()))
            .on("executeAction", if which == 8 { V1Conduct::RejectsRaw(thrown) } else { good(result, 6, success("web1", "done")) });
        let object = if which == 7 { object.property("configSchema", schema) } else { object };
        let config = if which == 9 { config } else { json!({"config": {"a": "b"}}) };
        runtime.block_on(ask_everything(object, config));
    }
}

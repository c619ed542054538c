//! What is no action on nodes: data of a node, and provisioning (R6.1, R6.5, R11.4).

use std::sync::Arc;

use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::{CorrelationId, NodeId};
use pabawi_domain::ports::{Plugin, PluginCall, PluginError};
use pabawi_domain::request::{Caller, EntryPoint};
use pabawi_plugins::v1::{V1Adapter, V1Settings};
use pabawi_testkit::v1::{V1Conduct, V1Object};
use serde_json::{Value, json};

fn call(capability: &str, parameters: &Value, nodes: &[&str]) -> PluginCall {
    PluginCall {
        capability: capability.to_owned(),
        parameters: parameters.as_object().unwrap().clone(),
        caller: Caller { user: "ann".to_owned(), entry_point: EntryPoint::Rust },
        correlation_id: Some(CorrelationId::new("c-1").unwrap()),
        nodes: nodes.iter().map(|name| NodeId::new(name).unwrap()).collect(),
    }
}

async fn ask(object: &V1Object, call: PluginCall) -> Result<Value, PluginError> {
    let adapter =
        V1Adapter::adopt(Arc::new(object.clone()), Value::Null, V1Settings::default()).await.unwrap();
    adapter.call(call).await
}

/// R6.1: data of a node is passed through as it is.
#[tokio::test(start_paused = true)]
async fn data_of_a_node_is_passed_through() {
    let data = json!({"status": "ok", "__proto__": {"x": [null]}});
    let object =
        V1Object::new("puppetserver", "information").on("getNodeData", V1Conduct::Returns(data.clone()));
    let answer = ask(&object, call("node_data.get", &json!({"type": "status"}), &["web1"])).await;
    assert_eq!(answer.unwrap(), data);
    assert_eq!(object.calls_of("getNodeData")[0].args, [json!("web1"), json!("status")]);
    let nothing = V1Object::new("ssh", "both");
    let null = ask(&nothing, call("node_data.get", &json!({"type": "x", "node": "web1"}), &["web1"]));
    assert_eq!(null.await.unwrap(), Value::Null);
}

/// R6.6: the node is the one for which the caller's permission was looked at, and no other.
#[tokio::test(start_paused = true)]
async fn the_node_is_the_one_that_was_permitted() {
    let object = V1Object::new("puppetserver", "information");
    for (parameters, nodes, part) in [
        (
            json!({"type": "status", "node": "web2"}),
            vec!["web1"],
            "parameters.node: \"web2\" is not the node web1",
        ),
        (json!({"type": "status", "node": "web2"}), vec![], "nodes: must be one node"),
        (json!({"type": "status"}), vec!["web1", "web2"], "there are 2"),
        (json!({}), vec!["web1"], "parameters.type"),
        (json!({"type": 5}), vec!["web1"], "parameters.type"),
    ] {
        let error = ask(&object, call("node_data.get", &parameters, &nodes)).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Validation, "{error}");
        assert!(error.message.contains(part), "{error}");
    }
    assert_eq!(object.calls_of("getNodeData"), []);
}

/// R7.4, R12.4: lists of PuppetDB, and what is none.
#[tokio::test(start_paused = true)]
async fn lists_of_puppetdb_are_capabilities() {
    let object = V1Object::new("puppetdb", "information")
        .on("getNodeData", V1Conduct::Returns(json!([{"hash": "a"}])));
    let answer = ask(&object, call("reports.list", &json!({}), &["web1"])).await.unwrap();
    assert_eq!(answer, json!({"reports": [{"hash": "a"}]}));
    assert_eq!(object.calls_of("getNodeData")[0].args[1], json!("reports"));
    for (conduct, part) in [
        (V1Conduct::Returns(Value::Null), "returned null where a list of events was expected"),
        (
            V1Conduct::rejects("Error", "PuppetDB is down"),
            "getNodeData was rejected: Error: PuppetDB is down",
        ),
        (V1Conduct::Never, "getNodeData did not answer within 60000 ms"),
        (V1Conduct::Cyclic, "cannot be read"),
    ] {
        object.set("getNodeData", conduct.clone());
        let error = ask(&object, call("events.list", &json!({}), &["web1"])).await.unwrap_err();
        assert!(error.message.contains(part) && error.plugin.as_str() == "puppetdb", "{conduct:?}: {error}");
        assert_eq!(error.code, ErrorCode::PluginFault, "{conduct:?}");
    }
    let error = ask(&object, call("hiera.lookup", &json!({}), &[])).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unsupported);
}

fn proxmox(result: V1Conduct) -> V1Object {
    let list =
        json!([{"name": "create_vm", "operation": "create"}, {"name": "destroyVM", "operation": "destroy"}]);
    V1Object::new("proxmox", "both")
        .on("listProvisioningCapabilities", V1Conduct::Returns(list))
        .on("executeAction", result)
}

/// R10.8: provisioning is done by `executeAction`, under v1.x's own name, and its result is passed through.
#[tokio::test(start_paused = true)]
async fn provisioning_is_an_action_of_v1() {
    let result = json!({"id": "UPID:1", "status": "success", "targetNodes": ["proxmox:pve:100"], "more": {"x": 1},
                        "results": [{"nodeId": "proxmox:pve:100", "status": "success"}]});
    let object = proxmox(V1Conduct::Returns(result.clone()));
    let parameters = json!({"vmid": 100, "name": "web9", "node": "pve"});
    let answer = ask(&object, call("provision.create_vm", &parameters, &[])).await.unwrap();
    assert_eq!(answer, result, "for a node that nobody asked for, since it is new");
    let expected = json!({"type": "task", "target": "", "action": "create_vm", "parameters": parameters,
                          "timeout": 3_600_000, "metadata": {"userId": "ann", "correlationId": "c-1"}});
    assert_eq!(object.calls_of("executeAction")[0].args, [expected]);
    ask(&object, call("provision.destroyvm", &json!({}), &["proxmox:pve:100"])).await.unwrap();
    let last = object.calls_of("executeAction").pop().unwrap();
    assert_eq!(
        (&last.args[0]["action"], &last.args[0]["target"]),
        (&json!("destroyVM"), &json!("proxmox:pve:100"))
    );
}

/// R7.4: provisioning that fails says why, and one that says nothing is a fault.
#[tokio::test(start_paused = true)]
async fn provisioning_that_fails_says_why() {
    let failed =
        json!({"status": "failed", "error": "VM with VMID 100 already exists on node pve", "results": []});
    let inside =
        json!({"status": "failed", "results": [{"nodeId": "x", "status": "failed", "error": "inside"}]});
    for (conduct, code, part) in [
        (V1Conduct::Returns(failed), ErrorCode::ToolFailed, "VM with VMID 100 already exists"),
        (V1Conduct::Returns(inside), ErrorCode::ToolFailed, "inside"),
        (V1Conduct::Returns(json!({"status": "failed"})), ErrorCode::ToolFailed, "said no more"),
        (V1Conduct::Returns(json!({"status": "running"})), ErrorCode::PluginFault, "still running"),
        (V1Conduct::Returns(Value::Null), ErrorCode::PluginFault, "returned null"),
        (V1Conduct::Returns(json!({"id": "x"})), ErrorCode::PluginFault, "without a status"),
        (
            V1Conduct::rejects("AWSAuthenticationError", "expired"),
            ErrorCode::PluginFault,
            "AWSAuthenticationError: expired",
        ),
        (V1Conduct::Never, ErrorCode::PluginFault, "did not answer within 3600000 ms"),
    ] {
        let error =
            ask(&proxmox(conduct.clone()), call("provision.create_vm", &json!({}), &[])).await.unwrap_err();
        assert_eq!(error.code, code, "{conduct:?}: {error}");
        assert!(error.message.contains(part), "{conduct:?}: {error}");
    }
    let many = call("provision.create_vm", &json!({}), &["a", "b"]);
    let error = ask(&proxmox(V1Conduct::Panics), many).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Validation);
}

//! Answers of a plugin that lists nodes or knows facts and answers no calls: [`nodes_of`], [`facts_of`].

use std::sync::Arc;

use pabawi_domain::cut::message;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{FactProvider as _, InventorySource as _};
use pabawi_domain::request::Caller;
use serde::Serialize;
use serde_json::{Value, json};

use super::call_error::{CallFault, CallFaultKind};
use super::settings::HostSettings;
use super::slot::Slot;
use super::sources::{PluginFacts, PluginInventory};

/// `{nodes, groups, warnings}` of the plugin's inventory.
pub(super) async fn nodes_of(slot: &Arc<Slot>, settings: HostSettings) -> Result<Value, CallFault> {
    let source = PluginInventory { slot: Arc::clone(slot), settings };
    let listed = source.fetch().await.map_err(|error| {
        let code = if error.retryable { ErrorCode::Unavailable } else { ErrorCode::PluginFault };
        failed(slot, code, error.message)
    })?;
    written(slot, &json!({"nodes": listed.nodes, "groups": listed.groups, "warnings": listed.warnings}))
}

/// `{facts, errors}` of these nodes. That there are none of a node is an answer; that the plugin breaks is not.
pub(super) async fn facts_of(
    slot: &Arc<Slot>,
    settings: HostSettings,
    caller: &Caller,
    nodes: &[NodeId],
) -> Result<Value, CallFault> {
    if nodes.is_empty() {
        return Err(failed(slot, ErrorCode::Validation, "needs nodes whose facts it is to get".to_owned()));
    }
    let provider = PluginFacts { slot: Arc::clone(slot), settings };
    let (mut facts, mut errors) = (Vec::new(), Vec::new());
    for answer in provider.collect(caller, nodes).await {
        match answer {
            Ok(known) => facts.push(known),
            Err(error) => errors.push(error.error),
        }
    }
    match errors.first() {
        Some(first) if facts.is_empty() && first.code == ErrorCode::PluginFault => {
            Err(failed(slot, ErrorCode::PluginFault, first.message.clone()))
        }
        _ => written(slot, &json!({"facts": facts, "errors": errors})),
    }
}

fn written(slot: &Slot, answer: &impl Serialize) -> Result<Value, CallFault> {
    let written = serde_json::to_value(answer);
    written.map_err(|error| failed(slot, ErrorCode::PluginFault, format!("cannot be written down: {error}")))
}

fn failed(slot: &Slot, code: ErrorCode, text: String) -> CallFault {
    // The source names the plugin itself, as the fault does.
    let named = format!("plugin {}: ", slot.name());
    let text = text.strip_prefix(&named).map(str::to_owned).unwrap_or(text);
    let (plugin, kind) = (slot.name().clone(), CallFaultKind::Failed);
    CallFault { plugin, kind, code, message: message(text), stack: None }
}

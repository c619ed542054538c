//! What is no action on nodes: data of a node, and provisioning, which v1.x does by `executeAction`: [`Answers`].

use std::collections::BTreeMap;
use std::sync::Arc;

use pabawi_domain::cut::message;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{PluginCall, PluginError};
use serde_json::{Map, Value, json};

use super::calls::Calls;
use super::capabilities::{NODE_DATA, NODE_LISTS};
use super::fields::{kind, shown};
use super::known::TimeoutUnit;
use super::names::Names;
use super::settings::V1Settings;

/// Answers calls.
#[derive(Clone)]
pub(super) struct Answers {
    pub(super) calls: Calls,
    pub(super) settings: V1Settings,
    pub(super) names: Arc<Names>,
    /// v1.x's own name of each provisioning, by the capability's.
    pub(super) provisioning: Arc<BTreeMap<String, String>>,
}

impl Answers {
    /// Answers a call.
    ///
    /// # Errors
    /// [`PluginError`].
    pub(super) async fn to(&self, call: PluginCall) -> Result<Value, PluginError> {
        self.calls.initialized(self.settings.ask_timeout).await?;
        if let Some(action) = self.provisioning.get(&call.capability) {
            return self.provision(action, &call).await;
        }
        if call.capability == NODE_DATA {
            let Some(of_type) = call.parameters.get("type").and_then(Value::as_str) else {
                return Err(self.bad("parameters.type: must be a text, such as status"));
            };
            return self.node_data(&call, of_type).await;
        }
        if let Some((_, of_type)) = NODE_LISTS.iter().find(|(name, _)| *name == call.capability) {
            let list = self.node_data(&call, of_type).await?;
            if !list.is_array() {
                let text =
                    format!("getNodeData returned {} where a list of {of_type} was expected", kind(&list));
                return Err(self.calls.error(ErrorCode::PluginFault, text, None));
            }
            return Ok(Value::Object(Map::from_iter([((*of_type).to_owned(), list)])));
        }
        Err(self.calls.error(ErrorCode::Unsupported, format!("does not answer {}", call.capability), None))
    }

    async fn node_data(&self, call: &PluginCall, of_type: &str) -> Result<Value, PluginError> {
        const METHOD: &str = "getNodeData";
        let node = self.names.own(self.one_node(call)?);
        let args = vec![node.as_str().into(), of_type.into()];
        let answer = self.calls.call(METHOD, args, self.settings.data_timeout).await;
        answer.map_err(|error| self.calls.fault(METHOD, &error))
    }

    /// The node that it is about. It is taken from where the caller's permission for it was looked at, and nowhere else.
    fn one_node<'a>(&self, call: &'a PluginCall) -> Result<&'a NodeId, PluginError> {
        let [node] = call.nodes.as_slice() else {
            let text = format!(
                "nodes: must be one node, since a v1.x plugin is asked for one; there are {}",
                call.nodes.len()
            );
            return Err(self.bad(text));
        };
        match call.parameters.get("node") {
            None | Some(Value::Null) => Ok(node),
            Some(said) if said == node.as_str() => Ok(node),
            Some(said) => {
                Err(self.bad(format!("parameters.node: {} is not the node {node} of the call", shown(said))))
            }
        }
    }

    async fn provision(&self, action: &str, call: &PluginCall) -> Result<Value, PluginError> {
        const METHOD: &str = "executeAction";
        let target = match call.nodes.as_slice() {
            // As v1.x does for what does not exist yet.
            [] => String::new(),
            [node] => self.names.own(node).to_string(),
            nodes => return Err(self.bad(format!("nodes: must be one at most, there are {}", nodes.len()))),
        };
        let limit = self.settings.action_timeout;
        let mut argument = json!({"type": "task", "target": target, "action": action, "parameters": call.parameters,
                                  "metadata": {"userId": call.caller.user}});
        if let (Some(id), Some(Value::Object(metadata))) =
            (&call.correlation_id, argument.get_mut("metadata"))
        {
            metadata.insert("correlationId".to_owned(), id.as_str().into());
        }
        let timeout = match self.settings.timeout_unit(self.calls.own().as_str()) {
            TimeoutUnit::NotRead => None,
            TimeoutUnit::Seconds => Some(limit.as_secs().max(1)),
            TimeoutUnit::Milliseconds => u64::try_from(limit.as_millis()).ok(),
        };
        if let (Some(timeout), Value::Object(fields)) = (timeout, &mut argument) {
            fields.insert("timeout".to_owned(), timeout.into());
        }
        let answer = self.calls.call(METHOD, vec![argument], limit).await;
        let answer = answer.map_err(|error| self.calls.fault(METHOD, &error))?;
        let fault = |why: String| Err(self.calls.error(ErrorCode::PluginFault, why, None));
        match answer.get("status").and_then(Value::as_str) {
            Some("success" | "partial") => Ok(answer),
            Some("failed") => {
                let of_first = answer.pointer("/results/0/error");
                let error = answer.get("error").into_iter().chain(of_first).find_map(Value::as_str);
                let text = message(error.unwrap_or("failed and said no more"));
                Err(self.calls.error(ErrorCode::ToolFailed, text, None))
            }
            // Nobody would ever learn how it ended.
            Some("running") => {
                fault(format!("{METHOD} returned, and its result says that it is still running"))
            }
            _ if !answer.is_object() => {
                fault(format!("{METHOD} returned {} where a result was expected", kind(&answer)))
            }
            _ => fault(format!("{METHOD} returned a result without a status")),
        }
    }

    fn bad(&self, text: impl Into<String>) -> PluginError {
        self.calls.error(ErrorCode::Validation, text, None)
    }
}

//! The facts of a plugin: [`V1Facts`]. v1.x is asked for one node at a time.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use pabawi_domain::error::{ErrorCode, NodeError, PluginTrace};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{FactProvider, FactProviderError, NodeFacts, PluginError};
use pabawi_domain::request::Caller;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::calls::Calls;
use super::fields::{kind, shown, text};
use super::names::Names;
use super::settings::V1Settings;
use crate::together;

const METHOD: &str = "getNodeFacts";

/// A plugin as a provider of facts.
#[derive(Clone)]
pub(super) struct V1Facts {
    pub(super) calls: Calls,
    pub(super) priority: i32,
    pub(super) settings: V1Settings,
    pub(super) names: Arc<Names>,
}

impl V1Facts {
    fn error(&self, node: &NodeId, error: PluginError) -> FactProviderError {
        let PluginError { plugin, code, message, stack } = error;
        let trace = PluginTrace::new(plugin.clone(), stack.as_deref());
        let error = NodeError::new(node.clone(), code, format!("plugin {plugin}: {message}"));
        FactProviderError { provider: plugin.to_string(), error: error.of_plugin(trace) }
    }

    async fn of(&self, node: &NodeId) -> Result<NodeFacts, FactProviderError> {
        let own = self.names.own(node);
        let answer = self.calls.call(METHOD, vec![own.as_str().into()], self.settings.facts_timeout).await;
        let answer = answer.map_err(|error| self.error(node, self.calls.fault(METHOD, &error)))?;
        self.read(node, &own, answer)
            .map_err(|(code, why)| self.error(node, self.calls.error(code, why, None)))
    }

    fn read(&self, node: &NodeId, own: &NodeId, answer: Value) -> Result<NodeFacts, (ErrorCode, String)> {
        let fault = |why: String| (ErrorCode::PluginFault, format!("{METHOD} returned {why}"));
        let mut answer = match answer {
            Value::Object(answer) => answer,
            Value::Null => return Err((ErrorCode::NotFound, "has no facts of this node".to_owned())),
            other => return Err(fault(format!("{} where facts were expected", kind(&other)))),
        };
        let is_other = |said: &str| ![own, node].iter().any(|name| name.as_str().eq_ignore_ascii_case(said));
        if let Some(other) = text(&answer, "nodeId").filter(|said| is_other(said)) {
            return Err(fault(format!("the facts of another node: {}", shown(&other.into()))));
        }
        let facts = match answer.remove("facts") {
            Some(Value::Object(facts)) => facts,
            other => {
                return Err(fault(format!("facts that are {}", other.as_ref().map_or("missing", kind))));
            }
        };
        let mut warnings = Vec::new();
        let gathered_at = text(&answer, "gatheredAt").and_then(|at| at.parse::<Timestamp>().ok());
        let gathered_at = gathered_at.unwrap_or_else(|| {
            let said = answer.get("gatheredAt").map_or_else(|| "missing".to_owned(), shown);
            warnings.push(format!("gatheredAt: {said} is no time, so the time of asking stands"));
            Timestamp::now()
        });
        Ok(NodeFacts { node: node.clone(), facts, raw: None, warnings, gathered_at })
    }
}

#[async_trait]
impl FactProvider for V1Facts {
    fn name(&self) -> &str {
        self.calls.plugin().as_str()
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn collect(&self, _: &Caller, nodes: &[NodeId]) -> Vec<Result<NodeFacts, FactProviderError>> {
        if let Err(fault) = self.calls.initialized(self.settings.ask_timeout).await {
            return nodes.iter().map(|node| Err(self.error(node, fault.clone()))).collect();
        }
        let permits = Arc::new(Semaphore::new(self.settings.facts_at_once.clamp(1, Semaphore::MAX_PERMITS)));
        let mut asking = JoinSet::new();
        for (place, node) in nodes.iter().enumerate() {
            let (provider, node, permits) = (self.clone(), node.clone(), Arc::clone(&permits));
            let asked = async move {
                // The semaphore is never closed.
                let _permit = permits.acquire().await;
                (place, provider.of(&node).await)
            };
            asking.spawn(asked.in_current_span());
        }
        // Each has its deadline.
        let mut answers = together::all(asking).await;
        answers.sort_by_key(|(place, _)| *place);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}

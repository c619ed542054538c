//! What a provider answered, checked and measured: [`slots_of`].

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{FactProviderError, NodeFacts};
use serde_json::{Map, Value};

use super::entry::Slot;
use super::registry::Registered;

/// The most bytes of facts and raw facts of one node and provider, about.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What came of a call.
pub(super) type Answers = Vec<Result<NodeFacts, FactProviderError>>;

/// Why there are no answers at all.
pub(super) enum NoAnswers {
    TimedOut,
    Panicked,
}

/// One slot for each node. An answer about another node, or none, is a fault of the provider.
pub(super) fn slots_of(
    provider: &Registered,
    nodes: &[NodeId],
    answers: Result<Answers, NoAnswers>,
    collected_at: Timestamp,
    flight: u64,
) -> HashMap<NodeId, Slot> {
    let name = provider.name.as_ref();
    let (mut answers, otherwise) = match answers {
        Ok(answers) => {
            (answers.into_iter(), (ErrorCode::PluginFault, "gave no answer about this node".to_owned()))
        }
        Err(NoAnswers::TimedOut) => {
            let limit = provider.options.timeout;
            (Vec::new().into_iter(), (ErrorCode::LimitReached, format!("did not answer within {limit:?}")))
        }
        Err(NoAnswers::Panicked) => {
            (Vec::new().into_iter(), (ErrorCode::PluginFault, "broke down (it panicked)".to_owned()))
        }
    };
    let fault = |node: &NodeId, code, message: String| fault_of(name, node, code, message);
    let slot = |node: &NodeId| {
        let (outcome, bytes) = match answers.next() {
            Some(Ok(facts)) if facts.node != *node => (
                Err(fault(node, ErrorCode::PluginFault, format!("answered about {} instead", facts.node))),
                0,
            ),
            Some(Ok(facts)) => match size_of(&facts) {
                bytes if bytes > MAX_BYTES => {
                    let text = format!("its facts take about {bytes} bytes; at most {MAX_BYTES} are taken");
                    (Err(fault(node, ErrorCode::LimitReached, text)), 0)
                }
                bytes => (Ok(Arc::new(facts)), bytes),
            },
            Some(Err(error)) => (Err(error), 0),
            None => (Err(fault(node, otherwise.0, otherwise.1.clone())), 0),
        };
        (node.clone(), Slot { outcome: outcome.map_err(Arc::new), collected_at, flight, bytes })
    };
    nodes.iter().map(slot).collect()
}

/// The slot of a collection that nobody finished.
pub(super) fn given_up(provider: &Registered, node: &NodeId, now: Timestamp) -> Slot {
    let error =
        fault_of(&provider.name, node, ErrorCode::ShuttingDown, "the collection was given up".to_owned());
    Slot { outcome: Err(Arc::new(error)), collected_at: now, flight: 0, bytes: 0 }
}

fn fault_of(provider: &str, node: &NodeId, code: ErrorCode, message: String) -> FactProviderError {
    FactProviderError { provider: provider.to_owned(), error: NodeError::new(node.clone(), code, message) }
}

/// About how many bytes facts take.
pub(super) fn size_of(facts: &NodeFacts) -> usize {
    let warnings = facts.warnings.iter().map(|text| text.len() + 24).sum::<usize>();
    size_of_map(&facts.facts) + facts.raw.as_ref().map_or(0, size_of_value) + warnings
}

fn size_of_map(map: &Map<String, Value>) -> usize {
    map.iter().map(|(key, value)| key.len() + 48 + size_of_value(value)).sum()
}

fn size_of_value(value: &Value) -> usize {
    32 + match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size_of_value).sum(),
        Value::Object(map) => size_of_map(map),
    }
}

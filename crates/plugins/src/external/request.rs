//! What a program is asked: [`Request`], the word, and [`line`], what stands in the line that it reads.

use bytes::Bytes;
use pabawi_domain::ports::{PluginCall, PluginRun};
use serde_json::{Map, Value, json};

use super::open_action::{open_action, open_target};

/// The version of what is spoken.
const PROTOCOL: u32 = 1;

/// A word that a program is started with. It is its only argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    Describe,
    Initialize,
    Health,
    Run,
    Call,
    Inventory,
    Facts,
    Shutdown,
}

impl Request {
    /// The word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Initialize => "initialize",
            Self::Health => "health",
            Self::Run => "run",
            Self::Call => "call",
            Self::Inventory => "inventory",
            Self::Facts => "facts",
            Self::Shutdown => "shutdown",
        }
    }
}

/// The line for a program: what every request has, and what belongs to this one.
pub(super) fn line(request: Request, config: &Value, own: Map<String, Value>) -> Bytes {
    let mut all = Map::new();
    all.insert("protocol".to_owned(), PROTOCOL.into());
    all.insert("request".to_owned(), request.word().into());
    all.insert("config".to_owned(), config.clone());
    all.extend(own);
    let mut line = Value::Object(all).to_string();
    line.push('\n');
    line.into()
}

/// What belongs to a run.
pub(super) fn of_run(run: &PluginRun) -> Map<String, Value> {
    let targets: Vec<Value> = run.targets.iter().map(open_target).collect();
    object(json!({
        "capability": run.action.kind().capability(),
        "action": open_action(&run.action),
        "targets": targets,
        "executionId": run.execution_id,
        "correlationId": run.correlation_id,
    }))
}

/// What belongs to a call.
pub(super) fn of_call(call: PluginCall) -> Map<String, Value> {
    object(json!({
        "capability": call.capability,
        "parameters": call.parameters,
        "nodes": call.nodes,
        "caller": call.caller,
        "correlationId": call.correlation_id,
    }))
}

/// The fields of an object.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

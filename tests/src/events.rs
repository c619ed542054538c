//! Reading the events that `--format ndjson` prints, as JSON and not by our own types: what another program
//! would see.

use base64::Engine as _;
use serde_json::Value;

/// Every line as one JSON document.
///
/// # Panics
/// When a line is none.
#[must_use]
pub fn parse_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line:?}")))
        .collect()
}

/// The bytes of a field that holds output: a string, or `{"base64": ...}` where it is not UTF-8.
///
/// # Panics
/// When it is neither.
#[must_use]
pub fn data_of(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return text.as_bytes().to_vec();
    }
    let text = value["base64"].as_str().unwrap_or_else(|| panic!("no output: {value}"));
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}

/// The `result` of the node's `nodeFinished` event.
#[must_use]
pub fn result_of(events: &[Value], node: &str) -> Option<Value> {
    events
        .iter()
        .find(|event| event["type"] == "nodeFinished" && event["node"] == node)
        .map(|event| event["result"].clone())
}

/// The word of the node's outcome, such as `succeeded`.
///
/// # Panics
/// When the node has not finished.
#[must_use]
pub fn outcome_of(events: &[Value], node: &str) -> String {
    let result = result_of(events, node).unwrap_or_else(|| panic!("{node} has not finished: {events:#?}"));
    result["outcome"].as_str().expect("an outcome").to_owned()
}

/// Names of the nodes in the order in which they finished.
#[must_use]
pub fn finished_nodes(events: &[Value]) -> Vec<String> {
    let nodes = events.iter().filter(|event| event["type"] == "nodeFinished");
    nodes.map(|event| event["node"].as_str().expect("a node").to_owned()).collect()
}

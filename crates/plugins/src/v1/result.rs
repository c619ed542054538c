//! What `executeAction` answered, as the end of one node's run: [`read`]. Fields may be missing and others may be there; an
//! answer that says nothing of the node is a fault.

use pabawi_domain::cut::message;
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{ActionEnd, TransportError};
use serde_json::{Map, Value};

use super::failure::{self, Meaning};
use super::fields::{kind, shown, text, whole};
use super::live::Texts;

/// The exit status by which the SSH plugin says that there is none.
const NONE: i64 = -1;
/// Most names of other nodes that a message lists.
const NAMED: usize = 5;

/// What is known of one node.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) texts: Texts,
    pub(super) end: ActionEnd,
}

/// Reads an answer. `known_as` are the names under which the plugin may speak of the node.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn read(answer: &Value, node: &NodeId, known_as: &[&str]) -> Result<Told, String> {
    let Value::Object(answer) = answer else {
        return Err(format!("executeAction returned {} where a result was expected", kind(answer)));
    };
    let status = answer.get("status").unwrap_or(&Value::Null);
    if status == "running" {
        return Err("executeAction returned, and its result says that it is still running".to_owned());
    }
    let entries = match answer.get("results") {
        Some(Value::Array(entries)) => entries.as_slice(),
        None | Some(Value::Null) => &[],
        Some(other) => return Err(format!("its result has results that are {} and no array", kind(other))),
    };
    let of_node: Vec<&Map<String, Value>> = entries
        .iter()
        .filter_map(Value::as_object)
        .filter(|entry| text(entry, "nodeId").is_some_and(|id| known_as.contains(&id)))
        .collect();
    // Where it speaks of the node twice, the worse is believed.
    if let Some(entry) = of_node.iter().find(|entry| !succeeded(entry)).or_else(|| of_node.first()) {
        return of_entry(entry, node);
    }
    if !entries.is_empty() {
        let others: Vec<&str> = entries
            .iter()
            .take(NAMED)
            .map(|entry| entry.get("nodeId").and_then(Value::as_str).unwrap_or("?"))
            .collect();
        return Err(format!("its result has nothing of this node, but of: {}", message(others.join(", "))));
    }
    // A tool that cannot do an action says so without results.
    match (status.as_str(), error_of(answer)) {
        (Some("failed" | "partial"), error) => {
            let error = error.unwrap_or_else(|| "the tool failed and said no more".to_owned());
            Ok(Told { texts: Texts::default(), end: failed(node, failure::OTHER, &error) })
        }
        (Some("success"), _) => Err("its result has nothing of this node".to_owned()),
        _ => Err(format!("its result has the status {} and nothing of this node", shown(status))),
    }
}

fn succeeded(entry: &Map<String, Value>) -> bool {
    entry.get("status").is_some_and(|status| status == "success")
}

fn of_entry(entry: &Map<String, Value>, node: &NodeId) -> Result<Told, String> {
    let has_failed = match entry.get("status").and_then(Value::as_str) {
        Some("success") => false,
        Some("failed") => true,
        _ => {
            let status = entry.get("status").unwrap_or(&Value::Null);
            return Err(format!(
                "its result says of this node that its status is {}, neither success nor failed",
                shown(status)
            ));
        }
    };
    let output = entry.get("output").and_then(Value::as_object);
    let part = |field: &str| output.and_then(|output| output.get(field));
    let mut texts = Texts {
        stdout: part("stdout").map(printed).unwrap_or_default(),
        stderr: part("stderr").map(printed).unwrap_or_default(),
        error: None,
    };
    if texts.stdout.is_empty() {
        texts.stdout = entry.get("value").map(printed).unwrap_or_default();
    }
    // What v1.x calls a success is one, whatever the exit status: 2 of Puppet means that something has changed.
    if !has_failed {
        return Ok(Told { texts, end: ActionEnd::Exited { code: 0 } });
    }
    let error = error_of(entry);
    let code = part("exitCode").and_then(whole);
    if let Some(code) = code.and_then(|code| i32::try_from(code).ok()).filter(|code| (1..=255).contains(code))
    {
        let is_said =
            |error: &String| [&texts.stdout, &texts.stderr].iter().any(|text| text.contains(error.trim()));
        texts.error = error.filter(|error| !is_said(error)).map(|error| format!("{error}\n"));
        return Ok(Told { texts, end: ActionEnd::Exited { code } });
    }
    let error = error.or_else(|| Some(texts.stderr.clone()).filter(|text| !text.trim().is_empty()));
    let error = error.unwrap_or_else(|| "the tool failed on this node and said no more".to_owned());
    let meaning = if code == Some(NONE) { failure::of_ssh(entry, &error) } else { failure::OTHER };
    Ok(Told { texts, end: failed(node, meaning, &error) })
}

/// A failure that the tool tells of.
pub(super) fn failed(node: &NodeId, (code, may_have_started): Meaning, text: &str) -> ActionEnd {
    let error = NodeError::new(node.clone(), code, message(text.trim()));
    // Its own limit has run out, and nobody looked what became of the command.
    let termination = (may_have_started && code == ErrorCode::LimitReached)
        .then(|| Termination::Unconfirmed { why: "the tool's own limit of time ran out".to_owned() });
    ActionEnd::Failed(TransportError { error, may_have_started, termination })
}

/// The text of `error`, which may be an object.
fn error_of(object: &Map<String, Value>) -> Option<String> {
    let error = object.get("error").filter(|error| !error.is_null())?;
    let told = error.as_str().or_else(|| error.get("message").and_then(Value::as_str));
    let told = told.map_or_else(|| printed(error), str::to_owned);
    (!told.trim().is_empty()).then_some(told)
}

/// A text as it is, anything else as JSON, `null` as nothing.
fn printed(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(answer: Value) -> String {
        let node = NodeId::new("web1").unwrap();
        match read(&answer, &node, &["web1", "proxmox:1"]) {
            Err(fault) => format!("fault: {fault}"),
            Ok(Told { texts: Texts { stdout, stderr, error }, end }) => {
                let end = match end {
                    ActionEnd::Exited { code } => code.to_string(),
                    ActionEnd::Failed(failure) => format!("{} {}", failure.error.code, failure.error.message),
                    other => format!("{other:?}"),
                };
                format!("{stdout}|{stderr}|{}|{end}", error.unwrap_or_default().trim())
            }
        }
    }

    fn one(entry: Value) -> Value {
        json!({"id": "x", "status": "failed", "results": [entry], "extra": 1})
    }

    /// R1.5, R1.8, R10.8: results of v1.x are read as far as they go.
    #[test]
    fn results_are_read_as_far_as_they_go() {
        for (answer, expected) in [
            (one(json!({"nodeId": "web1", "status": "success"})), "|||0"),
            (one(json!({"nodeId": "proxmox:1", "status": "success", "duration": 3})), "|||0"),
            (
                one(
                    json!({"nodeId": "web1", "status": "success", "output": {"stdout": "o", "stderr": "e", "exitCode": 2}}),
                ),
                "o|e||0",
            ),
            (one(json!({"nodeId": "web1", "status": "success", "value": {"a": 1}})), "{\"a\":1}|||0"),
            (
                one(json!({"nodeId": "web1", "status": "success", "output": {"stdout": 5}, "value": "v"})),
                "5|||0",
            ),
            (
                one(
                    json!({"nodeId": "web1", "status": "failed", "output": {"stderr": "no", "exitCode": 3}, "error": "no"}),
                ),
                "|no||3",
            ),
            (
                one(
                    json!({"nodeId": "web1", "status": "failed", "output": {"exitCode": 3.0}, "error": "why"}),
                ),
                "||why|3",
            ),
            (
                one(
                    json!({"nodeId": "web1", "status": "failed", "output": {"exitCode": 300}, "error": "why"}),
                ),
                "|||tool_failed why",
            ),
            (
                one(json!({"nodeId": "web1", "status": "failed", "output": {"exitCode": 0}})),
                "|||tool_failed the tool failed on this node and said no more",
            ),
            (
                one(json!({"nodeId": "web1", "status": "failed", "error": {"message": "m"}})),
                "|||tool_failed m",
            ),
            (
                one(json!({"nodeId": "web1", "status": "failed", "error": {"code": 1}})),
                "|||tool_failed {\"code\":1}",
            ),
            (
                one(
                    json!({"nodeId": "web1", "status": "failed", "output": {"exitCode": -1, "stderr": "connect ECONNREFUSED"}}),
                ),
                "|connect ECONNREFUSED||connection_refused connect ECONNREFUSED",
            ),
            (
                json!({"status": "failed", "error": "Unsupported action type: task"}),
                "|||tool_failed Unsupported action type: task",
            ),
            (json!({"status": "failed", "results": []}), "|||tool_failed the tool failed and said no more"),
        ] {
            assert_eq!(told(answer.clone()), expected, "{answer}");
        }
        let twice = json!({"status": "success", "results": [
            {"nodeId": "web1", "status": "success"}, {"nodeId": "web1", "status": "failed", "error": "late"}]});
        assert_eq!(told(twice), "|||tool_failed late");
    }

    /// R7.4
    #[test]
    fn answers_that_say_nothing_of_the_node_are_faults() {
        for (answer, part) in [
            (json!(null), "returned null"),
            (json!([1]), "returned an array"),
            (json!({}), "status null"),
            (
                json!({"status": "running", "results": [{"nodeId": "web1", "status": "success"}]}),
                "still running",
            ),
            (json!({"status": "success", "results": []}), "nothing of this node"),
            (json!({"status": "success", "results": {"web1": 1}}), "no array"),
            (
                json!({"status": "success", "results": [{"nodeId": "web2", "status": "success"}, null]}),
                "of: web2, ?",
            ),
            (one(json!({"nodeId": "web1"})), "status is null"),
            (one(json!({"nodeId": "web1", "status": "ok"})), "status is \"ok\""),
            (one(json!({"nodeId": 1, "status": "success"})), "of: ?"),
        ] {
            let told = told(answer.clone());
            assert!(told.starts_with("fault: ") && told.contains(part), "{answer}: {told}");
        }
    }
}

//! What the JSON says of one target: [`Item`], known by its shape, and how that node has ended.

use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::NodeId;
use pabawi_domain::ports::{ActionEnd, TransportError};
use serde_json::{Map, Value};

use super::kinds::{BoltError, of_target};

/// A result of one target.
#[derive(Debug, PartialEq)]
pub(super) struct Item {
    /// The name of the target.
    pub(super) target: String,
    /// Whether Bolt calls it a success.
    is_success: bool,
    /// What was returned, without its error.
    pub(super) value: Map<String, Value>,
    /// What went wrong, also where Bolt calls it a success.
    pub(super) error: Option<BoltError>,
}

impl Item {
    /// Reads a result.
    ///
    /// # Errors
    /// What is wrong with its shape.
    pub(super) fn of(mut item: Map<String, Value>) -> Result<Self, String> {
        let Some(Value::String(target)) = item.remove("target") else {
            return Err("a result that names no target".to_owned());
        };
        let is_success = match item.get("status").and_then(Value::as_str) {
            Some("success") => true,
            Some("failure") => false,
            other => return Err(format!("the result of {target} has the status {other:?}")),
        };
        let mut value = match item.remove("value") {
            Some(Value::Object(value)) => value,
            None | Some(Value::Null) => Map::new(),
            Some(_) => return Err(format!("the result of {target} has a value that is no object")),
        };
        let told = [value.remove("_error"), item.remove("error")];
        let error = told.iter().flatten().find_map(BoltError::of);
        Ok(Self { target, is_success, value, error })
    }

    /// Takes a text out of its value.
    pub(super) fn take_text(&mut self, name: &str) -> Option<String> {
        match self.value.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// How the node has ended.
    pub(super) fn end(&self, node: &NodeId) -> ActionEnd {
        let code = self.value.get("exit_code").and_then(Value::as_i64);
        let code = code.and_then(|code| i32::try_from(code).ok()).filter(|code| *code != 0);
        let exited = match &self.error {
            // Its own end, whatever else is said of a target that was not reached.
            Some(error) => error.exit_code.or(code),
            None => code,
        };
        match (&self.error, exited) {
            (_, Some(code)) => ActionEnd::Exited { code },
            (Some(error), None) => {
                let (code, may_have_started) = of_target(error);
                failed(node, code, error.text(), may_have_started)
            }
            (None, None) if self.is_success => ActionEnd::Exited { code: 0 },
            (None, None) => failed(
                node,
                ErrorCode::ToolFailed,
                "bolt calls it a failure and says no more".to_owned(),
                true,
            ),
        }
    }
}

/// The end of a node that failed.
pub(super) fn failed(node: &NodeId, code: ErrorCode, message: String, may_have_started: bool) -> ActionEnd {
    let error = NodeError::new(node.clone(), code, message);
    ActionEnd::Failed(TransportError { error, may_have_started, termination: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn end(item: &Value) -> Result<String, String> {
        let item = Item::of(item.as_object().unwrap().clone())?;
        Ok(match item.end(&NodeId::new("web1").unwrap()) {
            ActionEnd::Exited { code } => format!("exited {code}"),
            ActionEnd::Failed(failure) => format!("{} {}", failure.error.code, failure.error.message),
            other => panic!("{other:?}"),
        })
    }

    /// R7.3
    #[test]
    fn a_result_is_believed_by_all_that_it_says() {
        let with =
            |status: &str, value: Value| end(&json!({"target": "web1", "status": status, "value": value}));
        let task_error = |details: Value| json!({"_error": {"kind": "puppetlabs.tasks/task-error", "msg": "it failed", "details": details}});
        for (found, expected) in [
            (with("success", json!({"a": 1})), "exited 0"),
            (with("success", json!({"exit_code": 0})), "exited 0"),
            (with("success", json!({"exit_code": 3})), "exited 3"),
            (with("failure", task_error(json!({"exit_code": 5}))), "exited 5"),
            (with("success", task_error(json!({"exit_code": 5}))), "exited 5"),
            (with("success", task_error(json!({}))), "tool_failed [puppetlabs.tasks/task-error] it failed"),
            (
                with("failure", task_error(json!({"exit_code": 0}))),
                "tool_failed [puppetlabs.tasks/task-error] it failed",
            ),
            (with("failure", json!({"exit_code": 4, "_error": "broken"})), "exited 4"),
            (with("failure", json!({})), "tool_failed bolt calls it a failure and says no more"),
            (with("failure", json!(null)), "tool_failed bolt calls it a failure and says no more"),
        ] {
            assert_eq!(found.unwrap(), expected);
        }
        let beside = json!({"target": "web1", "status": "failure", "error": {"kind": "a/b", "msg": "m"}});
        assert_eq!(end(&beside).unwrap(), "tool_failed [a/b] m");
        for (item, part) in [
            (json!({"status": "success"}), "names no target"),
            (json!({"target": 1, "status": "success"}), "names no target"),
            (json!({"target": "x"}), "has the status None"),
            (json!({"target": "x", "status": "sideways"}), "sideways"),
            (json!({"target": "x", "status": "success", "value": [1]}), "no object"),
        ] {
            let fault = end(&item).unwrap_err();
            assert!(fault.contains(part), "{fault}");
        }
    }
}

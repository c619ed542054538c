//! A plan, as words about nodes: [`PlanReport`]. A plan returns anything; where that is results of targets, each node has its
//! own, and otherwise all have that of the plan.

use std::collections::HashSet;

use bytes::Bytes;
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ActionEnd, ToolEnd, ToolError};
use serde_json::Value;

use super::document::{Document, Form, Found};
use super::item::{Item, failed};
use super::kinds::{BoltError, of_run};
use super::report::{keep_head, left_on, nonsense, say};
use super::targets::Targets;
use crate::tool::{ToolParser, Word};

/// The longest piece of what Bolt prints.
const PIECE: usize = 256 * 1024;

/// Understands one run of a plan.
pub(super) struct PlanReport {
    targets: Targets,
    document: Document,
    head: Vec<u8>,
    result: Option<Value>,
    ended: HashSet<NodeId>,
}

impl PlanReport {
    pub(super) fn new(targets: Targets) -> Self {
        Self {
            targets,
            document: Document::new(Form::Whole),
            head: Vec::new(),
            result: None,
            ended: HashSet::new(),
        }
    }

    fn take(&mut self, found: Vec<Found>) {
        for one in found {
            if let Found::Rest(result) = one {
                self.result = Some(result);
            }
        }
    }

    /// Says what became of each node.
    fn tell(&mut self, result: &Value, code: i32, words: &mut Vec<Word>) {
        let error = error_of(result, code);
        let results = match &error {
            Some(error) => error.details.get("result_set"),
            None => Some(result),
        };
        let items: Vec<Item> = results.and_then(items_of).unwrap_or_default();
        if items.is_empty() && error.is_none() {
            let data = Bytes::from(format!("{result}\n"));
            words.push(Word::Everyone { stream: StreamKind::Stdout, data });
        }
        for mut item in items {
            let Some(node) = self.targets.names.get(&item.target).cloned() else { continue };
            if self.ended.insert(node.clone()) {
                let end = item.end(&node);
                let printed = item.value.contains_key("exit_code") && item.value.contains_key("stdout");
                let form = if printed { Form::Printed } else { Form::Values };
                say(&mut item, &node, form, None, &end, words);
                words.push(Word::Ended { node, end });
            }
        }
        for node in self.targets.names.values() {
            if self.ended.insert(node.clone()) {
                let end = match &error {
                    Some(error) => {
                        let (code, may_have_started) = of_run(error, true);
                        failed(node, code, error.text(), may_have_started)
                    }
                    None => ActionEnd::Exited { code },
                };
                words.push(Word::Ended { node: node.clone(), end });
            }
        }
    }
}

/// The error that a plan ended with, whatever its exit status.
fn error_of(result: &Value, code: i32) -> Option<BoltError> {
    let fields = result.as_object()?;
    if let Some(error) = fields.get("_error") {
        return BoltError::of(error);
    }
    // A plan may return an object that has a kind.
    let is_error = fields.contains_key("kind") && fields.contains_key("msg");
    (is_error && (code != 0 || fields.contains_key("details"))).then(|| BoltError::of(result)).flatten()
}

/// The results of targets that a value is, where it is such.
fn items_of(value: &Value) -> Option<Vec<Item>> {
    let list = value.as_array()?;
    list.iter().map(|item| Item::of(item.as_object()?.clone()).ok()).collect()
}

impl ToolParser for PlanReport {
    fn longest_line(&self) -> usize {
        PIECE
    }

    fn takes_pieces(&self) -> bool {
        true
    }

    fn line(&mut self, stream: StreamKind, line: &[u8], words: &mut Vec<Word>) -> Result<(), String> {
        if stream == StreamKind::Stderr {
            // The messages of a plan, and the steps that Bolt tells of.
            let data = Bytes::from([line, b"\n"].concat());
            words.push(Word::Everyone { stream, data });
            return Ok(());
        }
        keep_head(&mut self.head, line);
        let mut found = Vec::new();
        let pushed = self.document.push(line, &mut found);
        self.take(found);
        pushed.map_err(|fault| nonsense(&fault, &self.head))
    }

    fn ended(&mut self, end: &Result<ToolEnd, ToolError>, words: &mut Vec<Word>) -> Result<(), String> {
        let Ok(ToolEnd::Exited(code)) = end else { return Ok(()) };
        let mut found = Vec::new();
        let at_end = self.document.end(&mut found);
        self.take(found);
        at_end.map_err(|fault| format!("{} (exit status {code})", nonsense(&fault, &self.head)))?;
        if let Some(result) = self.result.take() {
            self.tell(&result, *code, words);
        }
        Ok(())
    }

    fn left_on(&self, node: &NodeId, here: &Termination) -> Termination {
        left_on(&self.targets, self.ended.contains(node), node, here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bolt::known::Known;
    use pabawi_domain::node::{Endpoint, Target};
    use serde_json::json;

    fn said(result: &str, code: i32) -> (Vec<String>, Result<(), String>) {
        let nodes = ["a", "b"].map(|name| Target::new(NodeId::new(name).unwrap(), Endpoint::default()));
        let mut report = PlanReport::new(Targets::of(&nodes, &Known::default()).0);
        let mut words = Vec::new();
        let line = report.line(StreamKind::Stdout, result.as_bytes(), &mut words);
        let end = line.and_then(|()| report.ended(&Ok(ToolEnd::Exited(code)), &mut words));
        let shown = words.into_iter().map(|word| match word {
            Word::Output { node, stream, data } => {
                format!("{node} {stream:?} {}", String::from_utf8_lossy(&data).trim_end())
            }
            Word::Everyone { stream, data } => {
                format!("all {stream:?} {}", String::from_utf8_lossy(&data).trim_end())
            }
            Word::Ended { node, end: ActionEnd::Exited { code } } => format!("{node} exited {code}"),
            Word::Ended { node, end: ActionEnd::Failed(failure) } => {
                format!("{node} {} {}", failure.error.code, failure.error.message)
            }
            Word::Ended { end, .. } => panic!("{end:?}"),
        });
        let mut shown: Vec<String> = shown.collect();
        shown.sort();
        (shown, end)
    }

    /// R7.3
    #[test]
    fn nodes_have_their_own_result_or_that_of_the_plan() {
        let result = |target: &str, value: Value| {
            let status = if value.get("_error").is_some() { "failure" } else { "success" };
            json!({"target": target, "action": "command", "object": "x", "status": status, "value": value})
        };
        assert_eq!(said("{\"x\": 1}", 0).0, ["a exited 0", "all Stdout {\"x\":1}", "b exited 0"]);
        assert_eq!(said("null", 2).0, ["a exited 2", "all Stdout null", "b exited 2"]);
        let both = json!([
            result("a", json!({"x": 1})),
            result("b", json!({"stdout": "o", "stderr": "", "exit_code": 0}))
        ]);
        assert_eq!(
            said(&both.to_string(), 0).0,
            ["a Stdout {\"x\":1}", "a exited 0", "b Stdout o", "b exited 0"]
        );
        let broken = json!({"kind": "puppetlabs.tasks/connect-error", "issue_code": "AUTH_ERROR", "msg": "no", "details": {}});
        let set = json!([result("a", json!({"_error": broken}))]);
        let error =
            json!({"kind": "bolt/run-failure", "msg": "Plan aborted", "details": {"result_set": set}});
        for code in [2, 0] {
            assert_eq!(
                said(&error.to_string(), code).0,
                [
                    "a auth_failed [puppetlabs.tasks/connect-error] no",
                    "b tool_failed [bolt/run-failure] Plan aborted"
                ]
            );
        }
        let unknown = json!({"kind": "bolt/unknown-plan", "msg": "none"}).to_string();
        assert_eq!(said(&unknown, 1).0[0], "a bad_config [bolt/unknown-plan] none");
        assert_eq!(said(&unknown, 0).0[0], "a exited 0", "a plan may return that");
    }

    /// R7.4
    #[test]
    fn nonsense_of_a_plan_is_no_result() {
        for (text, part) in [
            ("", "there is no JSON"),
            ("{\"a\": 1", "breaks off"),
            ("Unknown argument", "no JSON; its output begins: Unknown argument"),
        ] {
            let (words, end) = said(text, 0);
            assert!(words.is_empty());
            assert!(end.as_ref().unwrap_err().contains(part), "{end:?}");
        }
    }
}

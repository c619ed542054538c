//! From executions to rows of `executions` and `batch_executions`: [`Subject`].
//!
//! An execution on one node is one row under its own id. One on several nodes is a batch under its own id, and a row for each
//! node, as Pabawi's batches are: a row holds the results of its nodes with their outputs, and would have no bound otherwise.

use jiff::Timestamp;
use pabawi_domain::action::{Action, ToolAction};
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::journal::EntryId;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::HostValue;
use pabawi_domain::record::{ExecutionRecord, TargetRecord, TargetState};
use serde_json::{Map, Value, json};

use super::words;

/// What an interrupted node's row says.
const INTERRUPTED: &str = "the process that ran it ended; nobody knows how the command did";
/// The transport of those that name none.
const USUAL: &str = "ssh";

/// A time as Pabawi writes it.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Whether an execution on so many targets is a batch.
pub(super) fn is_batch(targets: u64) -> bool {
    targets > 1
}

/// The id of a node's row of an execution on so many targets.
pub(super) fn row_id(execution: ExecutionId, node: &NodeId, targets: u64) -> String {
    if is_batch(targets) {
        EntryId::derived(&["execution of a node", &execution.to_string(), node.as_str()]).to_string()
    } else {
        execution.to_string()
    }
}

/// Whether a target's row is not written again.
pub(super) fn is_over(target: &TargetRecord) -> bool {
    matches!(target.state, TargetState::Finished | TargetState::Interrupted)
}

/// What a node has printed.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    pub(super) stdout: Option<String>,
    pub(super) stderr: Option<String>,
}

/// An execution whose rows are made.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    record: &'a ExecutionRecord,
    /// How many targets the execution has that this one is a rerun of.
    original_targets: u64,
}

impl<'a> Subject<'a> {
    /// The original may be gone; it had as many targets then as this one, as far as anybody knows.
    pub(super) fn new(record: &'a ExecutionRecord, original_targets: Option<u64>) -> Self {
        Self { record, original_targets: original_targets.unwrap_or(record.progress.total) }
    }

    fn targets(&self) -> u64 {
        self.record.progress.total
    }

    pub(super) fn row_id(&self, node: &NodeId) -> String {
        row_id(self.record.id, node, self.targets())
    }

    /// The row of the same node in the execution that this one is a rerun of.
    pub(super) fn original(&self, node: &NodeId) -> Option<String> {
        self.record.request.rerun_of.map(|original| row_id(original, node, self.original_targets))
    }

    /// The row of one node.
    pub(super) fn execution_row(&self, target: &TargetRecord, outputs: Outputs) -> Vec<HostValue> {
        let (record, node) = (self.record, &target.target.node);
        let is_over = is_over(target);
        let is_success = target.result.as_ref().is_some_and(NodeOutcome::is_success);
        let (word, error) = match (is_over, is_success) {
            (false, _) => ("running", None),
            (true, true) => ("success", None),
            (true, false) => {
                let described = target.result.as_ref().filter(|_| target.state == TargetState::Finished);
                ("failed", Some(described.map_or_else(|| INTERRUPTED.to_owned(), NodeOutcome::describe)))
            }
        };
        let results =
            if is_over { vec![result(target, word, error.as_deref(), &outputs)] } else { Vec::new() };
        let shown = |output: Option<String>| output.filter(|text| record.request.debug && !text.is_empty());
        let batch = is_batch(self.targets());
        vec![
            self.row_id(node).into(),
            words::execution_type(record.action_kind).into(),
            Value::from(vec![node.as_str()]).to_string().into(),
            record.action_text.as_str().into(),
            self.parameters(),
            word.into(),
            time(target.started_at.unwrap_or(record.submitted_at)).into(),
            target.finished_at.or(record.finished_at).filter(|_| is_over).map(time).into(),
            Value::from(results).to_string().into(),
            error.into(),
            self.command(),
            i64::from(record.request.debug).into(),
            self.original(node).into(),
            0.into(),
            shown(outputs.stdout).into(),
            shown(outputs.stderr).into(),
            self.tool(target).into(),
            batch.then(|| record.id.to_string()).into(),
            batch.then(|| i64::try_from(target.position).unwrap_or(i64::MAX)).into(),
        ]
    }

    /// The row of the batch.
    pub(super) fn batch_row(&self, nodes: &[String], rows: &[String]) -> Vec<HostValue> {
        let record = self.record;
        let progress = &record.progress;
        let count = |count: u64| HostValue::from(i64::try_from(count).unwrap_or(i64::MAX));
        let user = record.caller.user.as_str();
        let unsuccessful = progress.completed().saturating_sub(progress.succeeded);
        vec![
            record.id.to_string().into(),
            words::batch_type(record.action_kind).into(),
            record.action_text.as_str().into(),
            self.parameters(),
            Value::from(nodes).to_string().into(),
            "[]".into(),
            words::batch_status(record.status).into(),
            time(record.submitted_at).into(),
            time(record.submitted_at).into(),
            record.finished_at.map(time).into(),
            user.into(),
            user.into(),
            user.into(),
            user.into(),
            Value::from(rows).to_string().into(),
            count(progress.total),
            count(progress.queued),
            count(progress.running),
            count(progress.succeeded),
            count(unsuccessful),
        ]
    }

    /// As Pabawi stores them; for what Pabawi has no type for, what it is.
    fn parameters(&self) -> HostValue {
        let given = |tool: &ToolAction| {
            (!tool.parameters.is_empty()).then(|| Value::Object(tool.parameters.clone()).to_string())
        };
        match &self.record.request.action {
            Action::Command(_) => HostValue::Null,
            Action::Playbook(tool) => {
                json!({"playbook": true, "extraVars": tool.parameters}).to_string().into()
            }
            Action::Task(tool) | Action::Plan(tool) | Action::Facts(tool) | Action::Package(tool) => {
                given(tool).into()
            }
            other => json!({"kind": other.kind().as_str()}).to_string().into(),
        }
    }

    fn command(&self) -> HostValue {
        match &self.record.request.action {
            Action::Command(_) | Action::Script(_) => self.record.action_text.as_str().into(),
            _ => HostValue::Null,
        }
    }

    fn tool(&self, target: &TargetRecord) -> Option<&'static str> {
        let request = &self.record.request;
        let tool = request.action.tool();
        let named = tool.and_then(|tool| tool.plugin.as_ref());
        let named = named.or(target.target.endpoint.transport.as_ref()).or(request.transport.as_ref());
        match named {
            Some(name) => words::tool(name.as_str()),
            None => tool.is_none().then_some(USUAL),
        }
    }
}

/// One of `results`: Pabawi's `NodeResult`, in which what is absent is left out.
fn result(target: &TargetRecord, word: &str, error: Option<&str>, outputs: &Outputs) -> Value {
    let mut output = Map::new();
    for (name, text) in [("stdout", &outputs.stdout), ("stderr", &outputs.stderr)] {
        if let Some(text) = text {
            output.insert(name.to_owned(), text.as_str().into());
        }
    }
    if let Some(code) = target.result.as_ref().and_then(NodeOutcome::exit_code) {
        output.insert("exitCode".to_owned(), code.into());
    }
    let took = match (target.started_at, target.finished_at) {
        (Some(from), Some(to)) => to.duration_since(from).as_millis().max(0),
        _ => 0,
    };
    let took = u64::try_from(took).unwrap_or(u64::MAX);
    let mut result = json!({"nodeId": target.target.node.as_str(), "status": word, "duration": took});
    if let Some(fields) = result.as_object_mut() {
        if !output.is_empty() {
            fields.insert("output".to_owned(), output.into());
        }
        if let Some(error) = error {
            fields.insert("error".to_owned(), error.into());
        }
    }
    result
}

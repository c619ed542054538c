//! What is written: executions, results, events and journal entries as the engine makes them.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use pabawi_domain::action::{Action, CommandAction};
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::journal::{EntryId, NewJournalEntry, event};
use pabawi_domain::node::{Endpoint, Target, TargetExpression};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::output::{CapturedOutput, ContentHash, KeptOutput, OutputData, StreamKind};
use pabawi_domain::ports::{StoreWrite, TargetResult};
use pabawi_domain::record::NewExecution;
use pabawi_domain::request::{Caller, EntryPoint, ExecutionRequest};
use pabawi_domain::summary::{ExecutionSummary, Progress, SummaryFold};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::Failure;

/// The command of all executions.
const COMMAND: &str = "uname -r";

/// The node of that number.
pub(crate) fn node(number: usize) -> Result<NodeId, Failure> {
    Ok(NodeId::new(format!("node-{number:06}.example.com"))?)
}

/// An execution on these nodes.
pub(crate) fn execution(user: &str, at: Timestamp, nodes: &[NodeId]) -> NewExecution {
    let endpoint = Endpoint { port: Some(2222), user: Some("root".into()), ..Endpoint::default() };
    NewExecution {
        id: ExecutionId::from(uuid::Uuid::now_v7()),
        caller: Caller { user: user.into(), entry_point: EntryPoint::Rust },
        request: ExecutionRequest::new(
            Action::Command(CommandAction::new(COMMAND)),
            TargetExpression::new("node-[000000-099999].example.com"),
        ),
        targets: nodes.iter().map(|node| Target::new(node.clone(), endpoint.clone())).collect(),
        plugins: "ssh".parse().into_iter().collect(),
        submitted_at: at,
    }
}

/// An output that was kept whole.
pub(crate) fn output(bytes: Bytes) -> CapturedOutput {
    CapturedOutput {
        hash: ContentHash(Sha256::digest(&bytes).into()),
        total_bytes: bytes.len() as u64,
        kept: KeptOutput::Whole(OutputData(bytes)),
    }
}

/// What a node prints: every fourth something that no other prints, the others one of three lines.
pub(crate) fn printed(number: usize) -> Bytes {
    Bytes::from(match number % 4 {
        0 => format!("6.1.0-{number}-custom\n"),
        rest => format!("6.1.0-{rest}-amd64\n"),
    })
}

/// The word that an attempt begins.
pub(crate) fn started(id: ExecutionId, node: &NodeId, at: Timestamp) -> StoreWrite {
    StoreWrite::AttemptStarted { id, node: node.clone(), attempt: 1, at }
}

/// The result of a node.
pub(crate) fn result(
    id: ExecutionId,
    node: &NodeId,
    at: Timestamp,
    outcome: NodeOutcome,
    stdout: Option<CapturedOutput>,
) -> StoreWrite {
    StoreWrite::TargetFinished(Box::new(TargetResult {
        id,
        node: node.clone(),
        attempt: 1,
        outcome,
        started_at: Some(at),
        finished_at: at,
        stdout,
        stderr: None,
    }))
}

/// The journal entry of a result, with the fields and details that the engine gives it.
pub(crate) fn entry(
    execution: ExecutionId,
    (place, node): (u32, &NodeId),
    at: Timestamp,
    stdout: Option<ContentHash>,
) -> NewJournalEntry {
    let mut details = Map::new();
    for (name, value) in [("kind", "command"), ("entryPoint", "rust")] {
        details.insert(name.into(), Value::from(value));
    }
    details.insert("attempt".into(), Value::from(1));
    details.insert("durationMs".into(), Value::from(12));
    if let Some(hash) = stdout {
        details.insert("stdout".into(), Value::from(hash.to_string()));
    }
    let outcome = NodeOutcome::Succeeded;
    NewJournalEntry {
        id: EntryId::of_target(execution, place, &["result", node.as_str(), "1", outcome.word()]),
        node: node.clone(),
        event_type: event::COMMAND.into(),
        source: "ssh".into(),
        execution_id: Some(execution),
        at,
        user: Some("bench".into()),
        action: COMMAND.into(),
        result_status: Some(outcome.word().into()),
        summary: format!("Command: {COMMAND} — {}", outcome.describe()),
        details,
        supersedes: None,
    }
}

/// The events of one execution, numbered.
pub(crate) struct Events {
    id: ExecutionId,
    next: u64,
}

impl Events {
    pub(crate) fn of(id: ExecutionId) -> Self {
        Self { id, next: 1 }
    }

    /// The three events of a node that prints something and succeeds.
    pub(crate) fn of_node(
        &mut self,
        node: &NodeId,
        printed: &Bytes,
        hash: ContentHash,
    ) -> Vec<Arc<ExecutionEvent>> {
        let kinds = [
            EventKind::NodeStarted { node: node.clone(), attempt: 1 },
            EventKind::Output {
                node: node.clone(),
                stream: StreamKind::Stdout,
                offset: 0,
                data: OutputData(printed.clone()),
            },
            EventKind::NodeFinished {
                phases: None,
                node: node.clone(),
                attempt: 1,
                result: NodeOutcome::Succeeded,
                duration_ms: 12,
                stdout: Some(hash),
                stderr: None,
                progress: Progress {
                    total: 100_000,
                    queued: 50_000,
                    succeeded: 50_000,
                    ..Progress::default()
                },
            },
        ];
        kinds.into_iter().map(|kind| self.event(kind)).collect()
    }

    /// The next event.
    pub(crate) fn event(&mut self, kind: EventKind) -> Arc<ExecutionEvent> {
        let seq = self.next;
        self.next += 1;
        Arc::new(ExecutionEvent { execution_id: self.id, seq, at: Timestamp::now(), kind })
    }
}

/// The folded result of nodes that ended so.
pub(crate) fn summary(outcomes: &[NodeOutcome]) -> ExecutionSummary {
    let mut fold = SummaryFold::new(outcomes.len() as u64);
    for outcome in outcomes {
        fold.start();
        fold.finish(outcome, true);
    }
    fold.summary(3)
}

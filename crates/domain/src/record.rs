//! What is stored of executions, and the questions about it. Versioned by the store's migrations; the
//! public events and the engine's messages are other types.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action::ActionKind;
use crate::event::{EventText, ExecutionEvent};
use crate::id::{CorrelationId, ExecutionId, IdempotencyKey, NodeId, PluginName, Tag};
use crate::node::Target;
use crate::outcome::NodeOutcome;
use crate::output::{ContentHash, OutputData};
use crate::request::{Caller, ExecutionRequest};
use crate::summary::{ExecutionStatus, ExecutionSummary, Progress};

/// An execution that is to be recorded.
#[derive(Debug, Clone)]
pub struct NewExecution {
    /// Its id.
    pub id: ExecutionId,
    /// Who asked.
    pub caller: Caller,
    /// What was asked, without secrets ([`ExecutionRequest::redacted`]).
    pub request: ExecutionRequest,
    /// The resolved targets, each node once, without secrets.
    pub targets: Vec<Target>,
    /// The plugins and transports that do it on its nodes.
    pub plugins: BTreeSet<PluginName>,
    /// When.
    pub submitted_at: Timestamp,
}

/// An execution as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRecord {
    /// Its id.
    pub id: ExecutionId,
    /// Who asked.
    pub caller: Caller,
    /// What was asked, without secrets.
    pub request: ExecutionRequest,
    /// The kind of action.
    pub action_kind: ActionKind,
    /// The action in one line.
    pub action_text: String,
    /// The plugins and transports that do it on its nodes. Empty where that was not recorded: before version 10 of the
    /// store's schema.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub plugins: BTreeSet<PluginName>,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// The counts. While it runs they are those of the stored targets.
    pub progress: Progress,
    /// When it was accepted.
    pub submitted_at: Timestamp,
    /// When it left the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The folded result, once it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<ExecutionSummary>,
    /// Executions that are reruns of this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reruns: Vec<ExecutionId>,
}

/// Where one target of an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TargetState {
    /// Waits for its turn: nothing was run there.
    Queued,
    /// An attempt was begun.
    Running,
    /// It has an outcome.
    Finished,
    /// The process that ran it died: its outcome is not known.
    Interrupted,
}

impl TargetState {
    /// The word that is stored and shown, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One target of an execution as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetRecord {
    /// Its place in the plan, from 0.
    pub position: u64,
    /// The node and its endpoint, without secrets.
    pub target: Target,
    /// Where it stands.
    pub state: TargetState,
    /// The last attempt; 0 when none was begun.
    pub attempt: u32,
    /// How it ended, when it is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<NodeOutcome>,
    /// When the last attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// stdout; absent when it was empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<OutputRef>,
    /// stderr; absent when it was empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<OutputRef>,
}

/// Points to a stored output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutputRef {
    /// Content hash of the complete stream.
    pub hash: ContentHash,
    /// Bytes of the complete stream.
    pub total_bytes: u64,
    /// Bytes that were left out between head and tail.
    pub omitted_bytes: u64,
}

/// A part of a stored output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutputChunk {
    /// The bytes from the asked offset of what is kept: head and tail follow each other directly.
    pub data: OutputData,
    /// Where head ends and tail begins, in kept bytes, when something was left out there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omission: Option<Omission>,
    /// Bytes that are kept.
    pub kept_bytes: u64,
    /// Bytes of the complete stream.
    pub total_bytes: u64,
}

/// The hole between head and tail of a stored output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Omission {
    /// Kept bytes before the hole.
    pub at: u64,
    /// Bytes that were left out.
    pub bytes: u64,
}

/// Targets with equal output of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutputGroup {
    /// The output; absent for those that printed nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputRef>,
    /// The nodes, in the order of the plan.
    pub nodes: Vec<NodeId>,
}

/// One try of one node run as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRecord {
    /// The node.
    pub node: NodeId,
    /// 1 for the first.
    pub attempt: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; absent while it runs, and for good when its process died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<NodeOutcome>,
}

/// Some stored events.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// The events in order. Numbers between them that are missing were not kept.
    pub events: Vec<ExecutionEvent>,
    /// The sequence number after the last one this page speaks for: ask for it next.
    pub next_seq: u64,
}

/// Some stored events as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTexts {
    /// The events in order. Numbers between them that are missing were not kept.
    pub events: Vec<EventText>,
    /// The sequence number after the last one this page speaks for: ask for it next.
    pub next_seq: u64,
    /// Whether the store may have more from there on.
    pub has_more: bool,
}

/// A part of a longer list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Give it with the same question to get the next part; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A question about the history. Absent fields do not restrict it; all given ones must hold (R5.8).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionQuery {
    /// Submitted at or after.
    pub since: Option<Timestamp>,
    /// Submitted before.
    pub until: Option<Timestamp>,
    /// Asked for by this user.
    pub user: Option<String>,
    /// This node was among its targets.
    pub target: Option<NodeId>,
    /// It stands here. Empty for anywhere.
    pub status: BTreeSet<ExecutionStatus>,
    /// This plugin or transport did it on one of its nodes or more.
    pub plugin: Option<PluginName>,
    /// The kind of its action.
    pub action_kind: Option<ActionKind>,
    /// Its action's line contains this text, letter case aside. `%` and `_` are ordinary characters.
    pub text: Option<String>,
    /// It carries this tag.
    pub tag: Option<Tag>,
    /// It carries this correlation id.
    pub correlation_id: Option<CorrelationId>,
    /// It was submitted with this key.
    pub idempotency_key: Option<IdempotencyKey>,
    /// It is a rerun of this one.
    pub rerun_of: Option<ExecutionId>,
    /// At most this many, 1 to 1,000; 50 when absent.
    pub limit: Option<u32>,
    /// From the page before.
    pub cursor: Option<String>,
}

/// How many executions stand where. Each status has its number, 0 where there are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionTotals {
    /// All of them.
    pub total: u64,
    /// By status.
    pub by_status: BTreeMap<ExecutionStatus, u64>,
}

impl Default for ExecutionTotals {
    fn default() -> Self {
        Self { total: 0, by_status: ExecutionStatus::ALL.iter().map(|status| (*status, 0)).collect() }
    }
}

impl ExecutionTotals {
    /// Counts some more that stand there.
    pub fn add(&mut self, status: ExecutionStatus, count: u64) {
        self.total = self.total.saturating_add(count);
        let of_status = self.by_status.entry(status).or_default();
        *of_status = of_status.saturating_add(count);
    }
}

/// A question about the targets of one execution.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetQuery {
    /// These nodes; empty for all.
    pub nodes: Vec<NodeId>,
    /// In this state.
    pub state: Option<TargetState>,
    /// With these outcomes, by [`NodeOutcome::word`]; empty for all.
    pub outcomes: BTreeSet<String>,
    /// At most this many, 1 to 10,000; 1,000 when absent.
    pub limit: Option<u32>,
    /// From the page before.
    pub cursor: Option<String>,
}

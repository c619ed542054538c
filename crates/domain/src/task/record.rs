//! What is stored of a graph run, and what is told of it while it runs: [`GraphRunRecord`], [`TaskRecord`],
//! [`GraphEvent`].

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::ExecutionId;
use crate::pace::{Pace, ProgressReport};
use crate::request::Caller;
use crate::summary::Progress;
use crate::task::def::TaskGraph;
use crate::task::status::{GraphStatus, SkipWhy, TaskCounts, TaskStatus};

/// A graph run that is to be recorded, with every task queued.
#[derive(Debug, Clone)]
pub struct NewGraphRun {
    /// Its id. The executions of its tasks carry it as their `parent`.
    pub id: ExecutionId,
    /// Who asked.
    pub caller: Caller,
    /// The graph, without secrets ([`TaskGraph::redacted`]).
    pub graph: TaskGraph,
    /// When.
    pub submitted_at: Timestamp,
}

/// A graph run as it is stored, without its tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GraphRunRecord {
    /// Its id.
    pub id: ExecutionId,
    /// Who asked.
    pub caller: Caller,
    /// The graph's name.
    pub name: String,
    /// Where it stands, which follows from the counts.
    pub status: GraphStatus,
    /// How many tasks stand where.
    pub counts: TaskCounts,
    /// When it was accepted.
    pub submitted_at: Timestamp,
    /// When its first task started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended; also when it was found as interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// One task of a graph run as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskRecord {
    /// Its index in the graph.
    pub position: u64,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// Why it did not succeed (R2.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<SkipWhy>,
    /// Its executions: one, and after a resume further ones on the nodes that were left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub executions: Vec<ExecutionId>,
    /// When the first of them was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// How many of its nodes stand where, over all its executions (R2.6). While it runs, those of now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Progress>,
}

impl TaskRecord {
    /// A task that waits.
    pub fn queued(position: u64, name: &str) -> Self {
        Self {
            position,
            name: name.to_owned(),
            status: TaskStatus::Queued,
            reason: None,
            skipped: None,
            executions: Vec::new(),
            started_at: None,
            finished_at: None,
            nodes: None,
        }
    }
}

/// What has changed in a graph run. Written as a whole or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphUpdate {
    /// Which run.
    pub id: ExecutionId,
    /// Tasks that have changed, as they are now.
    pub tasks: Vec<TaskRecord>,
    /// The counts that follow. The run's status is folded from them.
    pub counts: TaskCounts,
    /// When its first task started.
    pub started_at: Option<Timestamp>,
    /// When it ended, for its last update: nobody runs it any more.
    pub finished_at: Option<Timestamp>,
}

/// A question about graph runs. Absent fields do not restrict it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GraphQuery {
    /// It stands here. Empty for anywhere.
    pub status: BTreeSet<GraphStatus>,
    /// At most this many, 1 to 1,000; 50 when absent.
    pub limit: Option<u32>,
    /// From the page before.
    pub cursor: Option<String>,
}

/// How far a task is that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskProgress {
    /// Its index in the graph.
    pub position: u64,
    /// Its name.
    pub name: String,
    /// Its nodes, and their pace.
    pub nodes: ProgressReport,
}

/// Something that happened in a graph run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GraphEvent {
    /// Of which run.
    pub graph_id: ExecutionId,
    /// Its place in what this process tells of the run, from 1, without gaps.
    pub seq: u64,
    /// When, UTC.
    pub at: Timestamp,
    /// How many tasks stand where after it.
    pub counts: TaskCounts,
    /// What.
    #[serde(flatten)]
    pub kind: GraphEventKind,
}

/// What happened. Everything in it is stored already.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum GraphEventKind {
    /// A task has started: its execution is recorded.
    TaskStarted {
        /// The task as it is now.
        task: TaskRecord,
    },
    /// A task has ended, was skipped, or is interrupted.
    TaskEnded {
        /// The task as it is now.
        task: TaskRecord,
    },
    /// Nodes of tasks that run have come further. At most once a second, and not within the first second; the last one
    /// comes before the end, where there was one before. Tasks that have ended since have been told.
    Progress {
        /// How many nodes stand where, over all tasks that have begun.
        nodes: Progress,
        /// How fast tasks end, and when all will have.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pace: Option<Pace>,
        /// The tasks that run.
        tasks: Vec<TaskProgress>,
    },
    /// The run is over.
    Finished {
        /// The run as it is now.
        run: GraphRunRecord,
    },
    /// The reader was too slow: so many events before this place are not told any more. What they told stands in
    /// the records.
    Gap {
        /// How many.
        missed: u64,
    },
}

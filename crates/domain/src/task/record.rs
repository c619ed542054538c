//! What is stored of a graph run, and what is told of it while it runs: [`GraphRunRecord`], [`TaskRecord`],
//! [`GraphEvent`].

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::ExecutionId;
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GraphQuery {
    /// It stands here. Empty for anywhere.
    pub status: BTreeSet<GraphStatus>,
    /// At most this many, 1 to 1,000; 50 when absent.
    pub limit: Option<u32>,
    /// From the page before.
    pub cursor: Option<String>,
}

/// How fast something goes and when it will be done, as far as what is done tells.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pace {
    /// Ended in a second, on average.
    pub per_second: f64,
    /// What is left at this pace, in milliseconds; absent while nothing has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<u64>,
}

impl Pace {
    /// After so many milliseconds, so many of all have ended.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of tasks are exact as floating-point numbers, and a time that does not fit is cut off"
    )]
    pub fn of(elapsed_ms: u64, ended: u64, total: u64) -> Self {
        let left = total.saturating_sub(ended);
        let each = elapsed_ms as f64 / ended.max(1) as f64;
        let per_second = if elapsed_ms == 0 { 0.0 } else { ended as f64 * 1000.0 / elapsed_ms as f64 };
        let remaining_ms = match (left, ended) {
            (0, _) => Some(0),
            (_, 0) => None,
            _ => Some((each * left as f64).round() as u64),
        };
        Self { per_second, remaining_ms }
    }
}

/// Something that happened in a graph run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// R2.6
    #[test]
    fn the_pace_follows_from_what_has_ended() {
        assert_eq!(Pace::of(0, 0, 4), Pace { per_second: 0.0, remaining_ms: None });
        assert_eq!(Pace::of(2_000, 1, 4), Pace { per_second: 0.5, remaining_ms: Some(6_000) });
        assert_eq!(Pace::of(2_000, 4, 4), Pace { per_second: 2.0, remaining_ms: Some(0) });
    }
}

//! Where tasks and graphs stand: [`TaskStatus`], [`GraphStatus`], and [`TaskCounts`], from which a graph's status
//! is folded. It is never set.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::summary::ExecutionStatus;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TaskStatus {
    /// Waits for its prerequisites or for its turn (R2.2).
    Queued,
    /// Its execution was begun (R2.3).
    Running,
    /// Every node succeeded (R2.4).
    Completed,
    /// Some nodes succeeded, some did not.
    Partial,
    /// No node succeeded, or it could not be started (R2.5).
    Failed,
    /// It was cancelled before it had ended by itself.
    Cancelled,
    /// Its process died before its end was known. A resume goes on with it.
    Interrupted,
    /// It is not run; the reason stands beside it.
    Skipped,
}

impl TaskStatus {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Completed,
        Self::Partial,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
        Self::Skipped,
    ];

    /// The word that is stored and shown, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Skipped => "skipped",
        }
    }

    /// The status of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a graph stands. The words are those of executions.
pub type GraphStatus = ExecutionStatus;

/// How a task ended that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskEnd {
    /// Every node succeeded.
    Completed,
    /// Some did.
    Partial {
        /// What became of the others.
        reason: String,
    },
    /// None did, or it could not be started.
    Failed {
        /// Why (R2.5).
        reason: String,
    },
    /// It was cancelled.
    Cancelled,
}

impl TaskEnd {
    /// Where the task stands then.
    pub fn status(&self) -> TaskStatus {
        match self {
            Self::Completed => TaskStatus::Completed,
            Self::Partial { .. } => TaskStatus::Partial,
            Self::Failed { .. } => TaskStatus::Failed,
            Self::Cancelled => TaskStatus::Cancelled,
        }
    }

    /// Why it did not succeed, where there is more to say than the status does.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Partial { reason } | Self::Failed { reason } => Some(reason),
            Self::Completed | Self::Cancelled => None,
        }
    }
}

/// Why a task is not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "because", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SkipWhy {
    /// A prerequisite did not succeed: the first such one in the order of `after`.
    Prerequisite {
        /// Which.
        task: String,
        /// How it stands.
        status: TaskStatus,
    },
    /// It runs when a prerequisite fails, and none did.
    NothingFailed,
    /// The graph was cancelled before it began.
    Cancelled,
}

impl fmt::Display for SkipWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prerequisite { task, status: TaskStatus::Skipped } => write!(f, "{task} was skipped"),
            Self::Prerequisite { task, status: TaskStatus::Cancelled } => write!(f, "{task} was cancelled"),
            Self::Prerequisite { task, status: TaskStatus::Partial } => {
                write!(f, "{task} did not succeed on every node")
            }
            Self::Prerequisite { task, .. } => write!(f, "{task} failed"),
            Self::NothingFailed => f.write_str("nothing failed that it is to rescue"),
            Self::Cancelled => f.write_str("the graph was cancelled"),
        }
    }
}

/// How many tasks stand where. `total` is the sum of the others (R2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskCounts {
    /// All tasks.
    pub total: u64,
    /// Waiting.
    pub queued: u64,
    /// Running.
    pub running: u64,
    /// Every node succeeded.
    pub completed: u64,
    /// Some nodes succeeded.
    pub partial: u64,
    /// No node succeeded.
    pub failed: u64,
    /// Cancelled while they ran, or skipped since the graph was cancelled.
    pub cancelled: u64,
    /// Left by a process that died.
    pub interrupted: u64,
    /// Skipped since a prerequisite did not succeed.
    pub skipped: u64,
    /// Skipped since they were to rescue something and nothing failed.
    pub not_needed: u64,
}

impl TaskCounts {
    /// Counts a task that stands so.
    pub fn add(&mut self, status: TaskStatus, why: Option<&SkipWhy>) {
        self.total += 1;
        *self.of(status, why) += 1;
    }

    /// A task goes from one status to another.
    pub fn change(&mut self, from: TaskStatus, to: TaskStatus, why: Option<&SkipWhy>) {
        let before = self.of(from, None);
        *before = before.saturating_sub(1);
        *self.of(to, why) += 1;
    }

    fn of(&mut self, status: TaskStatus, why: Option<&SkipWhy>) -> &mut u64 {
        match (status, why) {
            (TaskStatus::Queued, _) => &mut self.queued,
            (TaskStatus::Running, _) => &mut self.running,
            (TaskStatus::Completed, _) => &mut self.completed,
            (TaskStatus::Partial, _) => &mut self.partial,
            (TaskStatus::Failed, _) => &mut self.failed,
            (TaskStatus::Cancelled, _) | (TaskStatus::Skipped, Some(SkipWhy::Cancelled)) => {
                &mut self.cancelled
            }
            (TaskStatus::Interrupted, _) => &mut self.interrupted,
            (TaskStatus::Skipped, Some(SkipWhy::NothingFailed)) => &mut self.not_needed,
            (TaskStatus::Skipped, _) => &mut self.skipped,
        }
    }

    /// Tasks that have ended in one way or another; the interrupted ones have not.
    pub fn ended(&self) -> u64 {
        self.total.saturating_sub(self.queued + self.running + self.interrupted)
    }

    /// The graph's status, which follows from the counts. A rescue that was not needed does not count; a failure
    /// that was rescued does: the graph reads `partial` then.
    pub fn status(&self) -> GraphStatus {
        let bad = self.partial + self.failed + self.skipped;
        if self.queued == self.total && self.total > 0 {
            GraphStatus::Queued
        } else if self.queued > 0 || self.running > 0 {
            GraphStatus::Running
        } else if self.interrupted > 0 {
            GraphStatus::Interrupted
        } else if self.cancelled > 0 {
            GraphStatus::Cancelled
        } else if bad == 0 {
            GraphStatus::Completed
        } else if self.completed > 0 || self.partial > 0 {
            GraphStatus::Partial
        } else {
            GraphStatus::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R2.2, R2.3, R2.4, R2.5
    #[test]
    fn a_graph_stands_as_its_tasks_do() {
        use GraphStatus as G;
        use TaskStatus as T;
        let prerequisite = SkipWhy::Prerequisite { task: "a".into(), status: T::Failed };
        let status = |tasks: &[T]| {
            let mut counts = TaskCounts::default();
            for task in tasks {
                counts.add(*task, (*task == T::Skipped).then_some(&prerequisite));
            }
            counts.status()
        };
        for (tasks, expected) in [
            (&[T::Queued, T::Queued][..], G::Queued),
            (&[T::Queued, T::Completed], G::Running),
            (&[T::Running, T::Interrupted], G::Running),
            (&[T::Completed, T::Interrupted], G::Interrupted),
            (&[T::Completed, T::Cancelled], G::Cancelled),
            (&[T::Completed, T::Completed], G::Completed),
            (&[T::Completed, T::Failed], G::Partial),
            (&[T::Partial], G::Partial),
            (&[T::Failed, T::Skipped], G::Failed),
            (&[T::Completed, T::Skipped], G::Partial),
        ] {
            assert_eq!(status(tasks), expected, "{tasks:?}");
        }
        let mut counts = TaskCounts::default();
        counts.add(T::Completed, None);
        counts.add(T::Skipped, Some(&SkipWhy::NothingFailed));
        assert_eq!((counts.status(), counts.ended()), (G::Completed, 2));
        counts.add(T::Skipped, Some(&SkipWhy::Cancelled));
        assert_eq!(counts.status(), G::Cancelled);
    }

    #[test]
    fn words_read_back() {
        for status in TaskStatus::ALL {
            assert_eq!(TaskStatus::from_word(status.as_str()), Some(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
    }
}

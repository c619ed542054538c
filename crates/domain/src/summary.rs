//! From outcomes to a status: [`Progress`] is folded one outcome at a time, [`ExecutionSummary`] is its end.
//!
//! A status is computed here and nowhere set by hand.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outcome::NodeOutcome;

/// Where an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ExecutionStatus {
    /// Accepted and stored; no node has started.
    Queued,
    /// At least one node may have started.
    Running,
    /// Every target succeeded.
    Completed,
    /// Some targets succeeded, some did not (R7.2).
    Partial,
    /// No target succeeded.
    Failed,
    /// It was cancelled before every target had ended by itself.
    Cancelled,
    /// Its process died; what its running targets did is not known.
    Interrupted,
}

impl ExecutionStatus {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::Completed,
        Self::Partial,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
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
        }
    }

    /// The status of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether nothing more can happen.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

impl std::fmt::Display for ExecutionStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How many targets stand where. `total` is the sum of the others (R2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// All targets.
    pub total: u64,
    /// Waiting for their turn, or for another attempt.
    pub queued: u64,
    /// Started and not ended.
    pub running: u64,
    /// Ended with success.
    pub succeeded: u64,
    /// Ended without success, and neither cancelled nor skipped.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Never started.
    pub skipped: u64,
    /// Left running by a process that died.
    pub interrupted: u64,
}

impl Progress {
    /// The start: everything waits.
    pub fn of_targets(total: u64) -> Self {
        Self { total, queued: total, ..Self::default() }
    }

    /// Targets that have ended in one way or another.
    pub fn completed(&self) -> u64 {
        self.total.saturating_sub(self.queued).saturating_sub(self.running)
    }

    /// A target has started.
    pub fn start(&mut self) {
        self.queued = self.queued.saturating_sub(1);
        self.running += 1;
    }

    /// An attempt of a target has ended and another one follows: it waits again.
    pub fn requeue(&mut self) {
        self.running = self.running.saturating_sub(1);
        self.queued += 1;
    }

    /// A target has ended; `had_started` tells where it stood.
    pub fn finish(&mut self, outcome: &NodeOutcome, had_started: bool) {
        let from = if had_started { &mut self.running } else { &mut self.queued };
        *from = from.saturating_sub(1);
        match outcome {
            NodeOutcome::Succeeded => self.succeeded += 1,
            NodeOutcome::Cancelled { .. } => self.cancelled += 1,
            NodeOutcome::Skipped { .. } => self.skipped += 1,
            NodeOutcome::Exited { .. }
            | NodeOutcome::Signalled { .. }
            | NodeOutcome::TimedOut { .. }
            | NodeOutcome::Unreachable { .. }
            | NodeOutcome::AuthFailed { .. }
            | NodeOutcome::HostKeyRejected { .. }
            | NodeOutcome::RunAsDenied { .. }
            | NodeOutcome::Failed { .. }
            | NodeOutcome::Rejected { .. }
            | NodeOutcome::PluginFault { .. } => self.failed += 1,
        }
    }

    /// A target was left running by a process that died.
    pub fn interrupt(&mut self) {
        self.running = self.running.saturating_sub(1);
        self.interrupted += 1;
    }

    /// The status that follows from the counts.
    pub fn status(&self) -> ExecutionStatus {
        // Where every target waits for another attempt, the execution reads as queued for a moment.
        if self.queued == self.total && self.total > 0 {
            ExecutionStatus::Queued
        } else if self.queued > 0 || self.running > 0 {
            ExecutionStatus::Running
        } else if self.interrupted > 0 {
            ExecutionStatus::Interrupted
        } else if self.cancelled > 0 {
            ExecutionStatus::Cancelled
        } else if self.succeeded == self.total {
            ExecutionStatus::Completed
        } else if self.succeeded > 0 {
            ExecutionStatus::Partial
        } else if self.skipped == self.total {
            ExecutionStatus::Interrupted
        } else {
            ExecutionStatus::Failed
        }
    }
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionSummary {
    /// The status, computed from the counts.
    pub status: ExecutionStatus,
    /// The counts.
    #[serde(flatten)]
    pub progress: Progress,
    /// How many targets had which outcome, by [`NodeOutcome::word`].
    pub outcomes: BTreeMap<String, u64>,
    /// Targets whose termination was asked for and not confirmed: something of theirs may be running.
    pub unconfirmed: u64,
    /// Waves that were not well by their health check. With one, an execution is not called completed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unhealthy_waves: u64,
    /// From the start of the execution to its end, in milliseconds.
    pub duration_ms: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Folds outcomes into a summary.
#[derive(Debug, Clone, Default)]
pub struct SummaryFold {
    unhealthy_waves: u64,
    progress: Progress,
    outcomes: BTreeMap<String, u64>,
    unconfirmed: u64,
}

impl SummaryFold {
    /// The start: `total` targets wait.
    pub fn new(total: u64) -> Self {
        Self { progress: Progress::of_targets(total), ..Self::default() }
    }

    /// A target has started.
    pub fn start(&mut self) {
        self.progress.start();
    }

    /// An attempt of a target has ended and another one follows.
    pub fn requeue(&mut self) {
        self.progress.requeue();
    }

    /// A target has ended.
    pub fn finish(&mut self, outcome: &NodeOutcome, had_started: bool) {
        self.progress.finish(outcome, had_started);
        self.count(outcome.word());
        if outcome
            .termination()
            .is_some_and(|termination| *termination != crate::outcome::Termination::Confirmed)
        {
            self.unconfirmed += 1;
        }
    }

    /// A target was left running by a process that died: nobody knows whether it still runs.
    pub fn interrupt(&mut self) {
        self.progress.interrupt();
        self.count("interrupted");
        self.unconfirmed += 1;
    }

    /// A wave was not well.
    pub fn unhealthy_wave(&mut self) {
        self.unhealthy_waves += 1;
    }

    /// The counts so far.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The result.
    pub fn summary(&self, duration_ms: u64) -> ExecutionSummary {
        let status = match self.progress.status() {
            ExecutionStatus::Completed if self.unhealthy_waves > 0 => ExecutionStatus::Partial,
            status => status,
        };
        ExecutionSummary {
            status,
            unhealthy_waves: self.unhealthy_waves,
            progress: self.progress,
            outcomes: self.outcomes.clone(),
            unconfirmed: self.unconfirmed,
            duration_ms,
        }
    }

    fn count(&mut self, word: &str) {
        match self.outcomes.get_mut(word) {
            Some(count) => *count += 1,
            None => {
                self.outcomes.insert(word.to_owned(), 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::SkipReason;
    use proptest::prelude::*;

    fn folded(outcomes: &[NodeOutcome]) -> ExecutionSummary {
        let mut fold = SummaryFold::new(outcomes.len() as u64);
        for outcome in outcomes {
            let started = !matches!(outcome, NodeOutcome::Skipped { .. });
            if started {
                fold.start();
            }
            fold.finish(outcome, started);
        }
        fold.summary(1)
    }

    /// R7.2
    #[test]
    fn the_status_follows_from_the_outcomes() {
        use ExecutionStatus as S;
        use NodeOutcome as O;
        let (good, bad) = (O::Succeeded, O::Exited { code: 1 });
        let (cancelled, skipped) =
            (O::Cancelled { termination: None }, O::Skipped { why: SkipReason::MaxFailures });
        for (outcomes, status) in [
            (vec![good.clone(), good.clone()], S::Completed),
            (vec![good.clone(), bad.clone()], S::Partial),
            (vec![bad.clone(), bad.clone()], S::Failed),
            (vec![good.clone(), cancelled.clone()], S::Cancelled),
            (vec![bad.clone(), skipped.clone()], S::Failed),
        ] {
            assert_eq!(folded(&outcomes).status, status, "{outcomes:?}");
        }
    }

    proptest! {
        /// R2.6
        #[test]
        fn the_counts_always_add_up(kinds in proptest::collection::vec(0u8..4, 1..50)) {
            let outcomes: Vec<NodeOutcome> = kinds.iter().map(|kind| match kind {
                0 => NodeOutcome::Succeeded,
                1 => NodeOutcome::Exited { code: 2 },
                2 => NodeOutcome::Cancelled { termination: None },
                _ => NodeOutcome::Skipped { why: SkipReason::MaxFailures },
            }).collect();
            let summary = folded(&outcomes);
            let p = summary.progress;
            prop_assert_eq!(p.total, p.succeeded + p.failed + p.cancelled + p.skipped);
            prop_assert_eq!(p.completed(), p.total);
            prop_assert!(summary.status.is_final());
            prop_assert_eq!(summary.outcomes.values().sum::<u64>(), p.total);
        }
    }
}

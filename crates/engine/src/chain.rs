//! How something ended over an execution and all that went on with it: [`Chain`], made by [`look`]. After a crash there
//! may be several, each on the nodes that the one before had left.

use std::collections::HashMap;

use jiff::Timestamp;
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::outcome::{NodeOutcome, SkipReason};
use pabawi_domain::ports::{ExecutionStore, StoreError};
use pabawi_domain::record::{TargetQuery, TargetState};
use pabawi_domain::summary::{ExecutionStatus, ExecutionSummary, Progress, SummaryFold};
use pabawi_domain::task::TaskEnd;

/// Names that are shown in a reason.
const SHOWN: usize = 10;

/// What is known of the nodes of a chain of executions.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    /// Absent where no execution was looked at.
    summary: Option<ExecutionSummary>,
    /// Nodes on which nothing was run, since the process died before.
    pub(crate) not_started: Vec<NodeId>,
    /// Nodes on which it was started and whose outcome nobody knows.
    pub(crate) unknown: Vec<NodeId>,
    /// Where and when each of these was started last.
    pub(crate) started: HashMap<NodeId, Start>,
    /// The command survives the process, so it can be gone back to.
    pub(crate) detached: bool,
    /// The first node that did not succeed, and how.
    first_failure: Option<(NodeId, String)>,
}

/// A start on a node whose outcome nobody knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub(crate) execution: ExecutionId,
    pub(crate) attempt: u32,
    pub(crate) at: Option<Timestamp>,
}

enum Last {
    Known(NodeOutcome),
    NotStarted,
    Unknown(Start),
}

/// Looks at the last result of every node.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn look(
    executions: &[ExecutionId],
    store: &dyn ExecutionStore,
) -> Result<Chain, StoreError> {
    let mut order: Vec<NodeId> = Vec::new();
    let mut last: HashMap<NodeId, Last> = HashMap::new();
    let mut unhealthy_waves = 0;
    let mut detached = false;
    for id in executions {
        if let Some(record) = store.execution(*id).await? {
            unhealthy_waves += record.summary.map_or(0, |summary| summary.unhealthy_waves);
            detached |= record.request.action.process().is_some_and(|process| process.detach);
        }
        let mut query = TargetQuery { limit: Some(10_000), ..TargetQuery::default() };
        // Ends with the last page.
        loop {
            let page = store.targets(*id, &query).await?;
            for record in page.items {
                let start = Start { execution: *id, attempt: record.attempt, at: record.started_at };
                let now = match (record.state, record.result) {
                    (TargetState::Interrupted | TargetState::Running, _) => Last::Unknown(start),
                    (_, None | Some(NodeOutcome::Skipped { why: SkipReason::Interrupted })) => {
                        Last::NotStarted
                    }
                    (_, Some(outcome)) => Last::Known(outcome),
                };
                let node = record.target.node;
                let before = last.get(&node);
                if before.is_none() {
                    order.push(node.clone());
                }
                // That a later execution did not come to it does not make an unknown outcome known.
                let stays = matches!((before, &now), (Some(Last::Unknown(_)), Last::NotStarted));
                if !stays {
                    last.insert(node, now);
                }
            }
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => break,
            }
        }
    }
    let mut chain = Chain { detached, ..Chain::default() };
    let mut fold = SummaryFold::new(order.len() as u64);
    for node in order {
        match last.remove(&node) {
            Some(Last::Known(outcome)) => {
                let started = !matches!(outcome, NodeOutcome::Skipped { .. });
                if started {
                    fold.start();
                }
                fold.finish(&outcome, started);
                if !outcome.is_success() && chain.first_failure.is_none() {
                    chain.first_failure = Some((node, outcome.describe()));
                }
            }
            Some(Last::Unknown(start)) => {
                fold.start();
                fold.interrupt();
                chain.started.insert(node.clone(), start);
                chain.unknown.push(node);
            }
            Some(Last::NotStarted) | None => chain.not_started.push(node),
        }
    }
    for _ in 0..unhealthy_waves {
        fold.unhealthy_wave();
    }
    if !executions.is_empty() {
        chain.summary = Some(fold.summary(0));
    }
    Ok(chain)
}

impl Chain {
    /// Nodes that have failed.
    pub(crate) fn failures(&self) -> u64 {
        self.summary.as_ref().map_or(0, |summary| summary.progress.failed)
    }

    /// How many nodes stand where.
    pub(crate) fn nodes(&self) -> Option<Progress> {
        self.summary.as_ref().map(|summary| summary.progress)
    }

    /// How the task ended, if that is known of every node.
    pub(crate) fn end(&self) -> Option<TaskEnd> {
        if !self.unknown.is_empty() || !self.not_started.is_empty() {
            return None;
        }
        let summary = self.summary.as_ref()?;
        match summary.status {
            ExecutionStatus::Completed => Some(TaskEnd::Completed),
            ExecutionStatus::Partial => Some(TaskEnd::Partial { reason: self.reason(summary) }),
            ExecutionStatus::Failed => Some(TaskEnd::Failed { reason: self.reason(summary) }),
            ExecutionStatus::Cancelled => Some(TaskEnd::Cancelled),
            ExecutionStatus::Queued | ExecutionStatus::Running | ExecutionStatus::Interrupted => None,
        }
    }

    /// `2 of 3 nodes did not succeed (1 exited, 1 timedOut); web02: exit status 3`.
    fn reason(&self, summary: &ExecutionSummary) -> String {
        let Progress { total, succeeded, .. } = summary.progress;
        let words = summary.outcomes.iter().filter(|(word, _)| *word != "succeeded");
        let words: Vec<String> = words.map(|(word, count)| format!("{count} {word}")).collect();
        let bad = total.saturating_sub(succeeded);
        if bad == 0 && summary.unhealthy_waves > 0 {
            return "the health check of a wave did not succeed".to_owned();
        }
        let mut text = format!("{bad} of {total} nodes did not succeed ({})", words.join(", "));
        if let Some((node, how)) = &self.first_failure {
            text.push_str(&format!("; {node}: {how}"));
        }
        text
    }

    /// Why the end is not known.
    pub(crate) fn open_reason(&self) -> String {
        let list = |nodes: &[NodeId]| {
            let names: Vec<&str> = nodes.iter().take(SHOWN).map(NodeId::as_str).collect();
            let more = nodes.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}", names.join(", "))
        };
        let mut parts = Vec::new();
        if !self.unknown.is_empty() {
            let then = match self.detached {
                true => "a resume goes back to it within seven days of its start",
                false => "it is run again there only when asked for",
            };
            parts.push(format!(
                "the process died while it ran on {}, and what came of it is not known; {then}",
                list(&self.unknown)
            ));
        }
        if !self.not_started.is_empty() {
            parts.push(format!("not started on {}", list(&self.not_started)));
        }
        if parts.is_empty() {
            return "the process died before its end was written down".to_owned();
        }
        parts.join("; ")
    }
}

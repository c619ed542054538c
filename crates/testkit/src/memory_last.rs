//! How the last run on a node ended, from records in memory: [`nodes_by_last`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use pabawi_domain::condition::{LastCondition, LastOutcome};
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::record::{TargetRecord, TargetState};

/// The nodes that meet the condition. Targets come with the end of their execution, those of the newest one first.
pub(crate) fn nodes_by_last<'a>(
    targets: impl Iterator<Item = (&'a TargetRecord, Option<Timestamp>)>,
    condition: &LastCondition,
    now: Timestamp,
) -> Vec<NodeId> {
    let since = condition.within.and_then(|within| now.checked_sub(within).ok());
    let mut last: BTreeMap<&NodeId, bool> = BTreeMap::new();
    for (target, closed_at) in targets.filter(|(target, _)| counts(target)) {
        let ended_at = target.finished_at.or(closed_at);
        let meets = ended_so(target, condition.outcome) && (since.is_none() || ended_at >= since);
        last.entry(&target.target.node).or_insert(meets);
    }
    last.into_iter().filter(|(_, meets)| *meets).map(|(node, _)| node.clone()).collect()
}

/// Whether it came to the node and is over.
fn counts(target: &TargetRecord) -> bool {
    use NodeOutcome::{Cancelled, Rejected, Skipped};
    match target.state {
        TargetState::Interrupted => true,
        TargetState::Finished => {
            !matches!(target.result, Some(Skipped { .. } | Rejected { .. } | Cancelled { termination: None }))
        }
        TargetState::Queued | TargetState::Running => false,
    }
}

fn ended_so(target: &TargetRecord, wanted: LastOutcome) -> bool {
    let is_interrupted = target.state == TargetState::Interrupted;
    let Some(result) = target.result.as_ref().filter(|_| !is_interrupted) else {
        return matches!(wanted, LastOutcome::Interrupted | LastOutcome::Failed);
    };
    match wanted {
        LastOutcome::Succeeded => result.is_success(),
        LastOutcome::Failed => !result.is_success(),
        LastOutcome::Unreachable => matches!(result, NodeOutcome::Unreachable { .. }),
        LastOutcome::TimedOut => matches!(result, NodeOutcome::TimedOut { .. }),
        LastOutcome::Cancelled => matches!(result, NodeOutcome::Cancelled { .. }),
        _ => false,
    }
}

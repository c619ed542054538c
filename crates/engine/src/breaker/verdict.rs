//! What the outcome of an attempt tells of a node and of the plugin that reached it.

use pabawi_domain::outcome::{NodeOutcome, TimeoutPhase};

use super::state::Verdict;

/// Whether the node can be reached and logged in to. What a command did there says nothing against the node.
pub(super) fn of_node(outcome: &NodeOutcome) -> Verdict {
    match outcome {
        NodeOutcome::Unreachable { .. }
        | NodeOutcome::AuthFailed { .. }
        | NodeOutcome::TimedOut { phase: TimeoutPhase::Connect, .. } => Verdict::Fails,
        NodeOutcome::Succeeded
        | NodeOutcome::Exited { .. }
        | NodeOutcome::Signalled { .. }
        | NodeOutcome::RunAsDenied { .. }
        | NodeOutcome::TimedOut { phase: TimeoutPhase::Run, .. } => Verdict::Works,
        NodeOutcome::TimedOut { .. }
        | NodeOutcome::HostKeyRejected { .. }
        | NodeOutcome::Failed { .. }
        | NodeOutcome::Cancelled { .. }
        | NodeOutcome::Skipped { .. }
        | NodeOutcome::Rejected { .. }
        | NodeOutcome::PluginFault { .. } => Verdict::Unknown,
    }
}

/// Whether the plugin does its work. A node that is down is not its fault.
pub(super) fn of_plugin(outcome: &NodeOutcome) -> Verdict {
    match outcome {
        NodeOutcome::PluginFault { .. } => Verdict::Fails,
        NodeOutcome::Succeeded
        | NodeOutcome::Exited { .. }
        | NodeOutcome::Signalled { .. }
        | NodeOutcome::RunAsDenied { .. }
        | NodeOutcome::AuthFailed { .. }
        | NodeOutcome::HostKeyRejected { .. }
        | NodeOutcome::Unreachable { .. } => Verdict::Works,
        NodeOutcome::TimedOut { .. }
        | NodeOutcome::Failed { .. }
        | NodeOutcome::Cancelled { .. }
        | NodeOutcome::Skipped { .. }
        | NodeOutcome::Rejected { .. } => Verdict::Unknown,
    }
}

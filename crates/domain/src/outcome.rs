//! How one node's run ended: [`NodeOutcome`]; how killing it went: [`Termination`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::NodeError;

/// How one node's run ended. The whole space of endings is here; there is no "other".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum NodeOutcome {
    /// The action was done; a process ended with exit status 0.
    Succeeded,
    /// A process ended with an exit status other than 0. 255 is a status like any other: an SSH failure is
    /// never shown as one.
    Exited {
        /// Exit status, 1 to 255.
        code: i32,
    },
    /// A process was ended by a signal that was not ours.
    Signalled {
        /// Name without `SIG`, as in RFC 4254 section 6.10: `KILL`, `SEGV`.
        signal: String,
    },
    /// A limit of time was reached.
    TimedOut {
        /// What was going on then.
        phase: TimeoutPhase,
        /// What became of the process; absent where none had been started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        termination: Option<Termination>,
    },
    /// The node could not be reached, or the link to it was lost.
    Unreachable {
        /// Why.
        error: NodeError,
        /// What is known of the process; absent where none can have been started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        termination: Option<Termination>,
    },
    /// The node refused every credential.
    AuthFailed {
        /// Why.
        error: NodeError,
    },
    /// The node's host key is unknown, changed or revoked.
    HostKeyRejected {
        /// Which, with both fingerprints.
        error: NodeError,
    },
    /// The change of user was refused.
    RunAsDenied {
        /// Why.
        error: NodeError,
    },
    /// The action could not be done though the node was reached: a missing directory, a full disk, a
    /// checksum that differs.
    Failed {
        /// Why.
        error: NodeError,
    },
    /// A person or program cancelled it.
    Cancelled {
        /// What became of the process; absent where none had been started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        termination: Option<Termination>,
    },
    /// It was never started.
    Skipped {
        /// Why.
        why: SkipReason,
    },
    /// It was refused by this side.
    Rejected {
        /// By what.
        by: RejectedBy,
        /// Why.
        error: NodeError,
    },
    /// The plugin that was to do it threw, panicked, hung or answered nonsense.
    PluginFault {
        /// What it did.
        error: NodeError,
    },
}

impl NodeOutcome {
    /// Whether the action was done.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Succeeded)
    }

    /// The [words](NodeOutcome::word) of outcomes that [are failures](NodeOutcome::is_failure).
    pub const FAILURES: [&'static str; 10] = [
        "exited",
        "signalled",
        "timedOut",
        "unreachable",
        "authFailed",
        "hostKeyRejected",
        "runAsDenied",
        "failed",
        "rejected",
        "pluginFault",
    ];

    /// Whether it counts as a failure: everything does that is neither a success nor somebody's wish nor was left out.
    pub fn is_failure(&self) -> bool {
        !matches!(self, Self::Succeeded | Self::Cancelled { .. } | Self::Skipped { .. })
    }

    /// The word by which outcomes are stored, filtered and counted, the same as in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Exited { .. } => "exited",
            Self::Signalled { .. } => "signalled",
            Self::TimedOut { .. } => "timedOut",
            Self::Unreachable { .. } => "unreachable",
            Self::AuthFailed { .. } => "authFailed",
            Self::HostKeyRejected { .. } => "hostKeyRejected",
            Self::RunAsDenied { .. } => "runAsDenied",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Skipped { .. } => "skipped",
            Self::Rejected { .. } => "rejected",
            Self::PluginFault { .. } => "pluginFault",
        }
    }

    /// The exit status, where a process ended by itself (R1.5).
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Succeeded => Some(0),
            Self::Exited { code } => Some(*code),
            _ => None,
        }
    }

    /// What became of a process that was to be ended.
    pub fn termination(&self) -> Option<&Termination> {
        match self {
            Self::TimedOut { termination, .. }
            | Self::Unreachable { termination, .. }
            | Self::Cancelled { termination } => termination.as_ref(),
            _ => None,
        }
    }

    /// The failure behind the outcome, where there is more to say than the outcome itself does (R1.8).
    pub fn error(&self) -> Option<&NodeError> {
        match self {
            Self::Unreachable { error, .. }
            | Self::AuthFailed { error }
            | Self::HostKeyRejected { error }
            | Self::RunAsDenied { error }
            | Self::Failed { error }
            | Self::Rejected { error, .. }
            | Self::PluginFault { error } => Some(error),
            _ => None,
        }
    }

    /// Whether a process may have run on the node.
    pub fn may_have_run(&self) -> bool {
        match self {
            Self::Succeeded
            | Self::Exited { .. }
            | Self::Signalled { .. }
            | Self::PluginFault { .. }
            | Self::Failed { .. } => true,
            Self::TimedOut { termination, .. }
            | Self::Unreachable { termination, .. }
            | Self::Cancelled { termination } => termination.is_some(),
            Self::AuthFailed { .. }
            | Self::HostKeyRejected { .. }
            | Self::RunAsDenied { .. }
            | Self::Skipped { .. }
            | Self::Rejected { .. } => false,
        }
    }

    /// One line for a person.
    pub fn describe(&self) -> String {
        let ended = |termination: &Option<Termination>| {
            termination
                .as_ref()
                .map_or_else(String::new, |termination| format!(", {}", termination.describe()))
        };
        match self {
            Self::Succeeded => "succeeded".to_owned(),
            Self::Exited { code } => format!("exit status {code}"),
            Self::Signalled { signal } => format!("ended by SIG{signal}"),
            Self::TimedOut { phase, termination } => {
                format!("timed out while {}{}", phase.describe(), ended(termination))
            }
            Self::Unreachable { error, termination } => {
                format!("unreachable: {}{}", error.message, ended(termination))
            }
            Self::AuthFailed { error } => format!("login refused: {}", error.message),
            Self::HostKeyRejected { error } => format!("host key refused: {}", error.message),
            Self::RunAsDenied { error } => format!("change of user refused: {}", error.message),
            Self::Failed { error } => format!("failed: {}", error.message),
            Self::Cancelled { termination } => format!("cancelled{}", ended(termination)),
            Self::Skipped { why } => format!("skipped: {}", why.describe()),
            Self::Rejected { error, .. } => format!("rejected: {}", error.message),
            Self::PluginFault { error } => format!("plugin fault: {}", error.message),
        }
    }
}

/// What was going on when a limit of time was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TimeoutPhase {
    /// Waiting for a permit.
    Queue,
    /// Connecting and logging in.
    Connect,
    /// The action was running.
    Run,
    /// The limit was that of the whole execution.
    Execution,
    /// It took much longer than the others.
    Straggler,
}

impl TimeoutPhase {
    fn describe(self) -> &'static str {
        match self {
            Self::Queue => "waiting for its turn",
            Self::Connect => "connecting",
            Self::Run => "running",
            Self::Execution => "the execution's own limit ran out",
            Self::Straggler => "the others had long been done",
        }
    }
}

/// What became of a process that was to be ended. A kill counts as done only when the node said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Termination {
    /// Somebody looked on the node: nothing of the run is left.
    Confirmed,
    /// Nobody could look. The process may be running.
    Unconfirmed {
        /// Why nobody could look.
        why: String,
    },
    /// Somebody looked, and these are left.
    Survivors {
        /// The processes, at most 64.
        processes: Vec<Survivor>,
    },
}

impl Termination {
    /// Part of a sentence for a person.
    pub fn describe(&self) -> String {
        match self {
            Self::Confirmed => "termination confirmed".to_owned(),
            Self::Unconfirmed { why } => format!("termination unconfirmed ({why}); it may still be running"),
            Self::Survivors { processes } => {
                let names: Vec<String> = processes
                    .iter()
                    .map(|survivor| format!("{} {}", survivor.pid, survivor.command))
                    .collect();
                format!("still running on the node: {}", names.join(", "))
            }
        }
    }

    /// The worse of two reports on the same run.
    pub fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Survivors { mut processes }, Self::Survivors { processes: more }) => {
                processes.extend(more);
                processes.dedup();
                Self::Survivors { processes }
            }
            (survivors @ Self::Survivors { .. }, _) | (_, survivors @ Self::Survivors { .. }) => survivors,
            (unconfirmed @ Self::Unconfirmed { .. }, _) | (_, unconfirmed @ Self::Unconfirmed { .. }) => {
                unconfirmed
            }
            (Self::Confirmed, Self::Confirmed) => Self::Confirmed,
        }
    }
}

/// A process that outlived its termination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Survivor {
    /// Process id on the node.
    pub pid: i64,
    /// Its command line as the node shows it, at most 200 characters.
    pub command: String,
}

/// Why a node was never started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum SkipReason {
    /// The execution was interrupted before this node's turn: the command did not run there.
    Interrupted,
    /// A task that has to succeed first did not.
    PrerequisiteFailed,
    /// Too many nodes had failed.
    MaxFailures,
    /// Another node had failed, and no failure was tolerated.
    FailFast,
    /// What was done after a wave to see whether it did well did not succeed.
    HealthCheckFailed,
}

impl SkipReason {
    fn describe(&self) -> &'static str {
        match self {
            Self::Interrupted => "the execution was interrupted before its turn; nothing was run there",
            Self::PrerequisiteFailed => "a task that must succeed first did not",
            Self::MaxFailures => "too many nodes had failed before its turn",
            Self::FailFast => "another node had failed before its turn, and no failure is tolerated",
            Self::HealthCheckFailed => "the health check of the wave before its own did not succeed",
        }
    }
}

/// What on this side refused a node's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RejectedBy {
    /// A circuit breaker was open.
    Breaker,
    /// A queue was full.
    Queue,
    /// A policy or permission.
    Policy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_the_one_in_json() {
        for outcome in [
            NodeOutcome::Succeeded,
            NodeOutcome::Exited { code: 255 },
            NodeOutcome::TimedOut { phase: TimeoutPhase::Run, termination: Some(Termination::Confirmed) },
            NodeOutcome::Cancelled { termination: None },
            NodeOutcome::Skipped { why: SkipReason::Interrupted },
        ] {
            let json = serde_json::to_value(&outcome).unwrap();
            assert_eq!(json["outcome"], outcome.word());
            assert_eq!(serde_json::from_value::<NodeOutcome>(json).unwrap(), outcome);
        }
    }

    #[test]
    fn the_worse_report_stands() {
        let unconfirmed = Termination::Unconfirmed { why: "link lost".into() };
        let left = Termination::Survivors { processes: vec![Survivor { pid: 7, command: "x".into() }] };
        assert_eq!(Termination::Confirmed.worse(unconfirmed.clone()), unconfirmed);
        assert_eq!(unconfirmed.worse(left.clone()), left);
    }
}

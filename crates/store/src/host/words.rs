//! What may stand in Pabawi's tables. What they have no word for gets the nearest one; where that loses something, the details of
//! the entry say what it was.

use pabawi_domain::action::ActionKind;
use pabawi_domain::journal::event;
use pabawi_domain::summary::ExecutionStatus;

/// What `execution_tool` takes.
const TOOLS: [&str; 3] = ["bolt", "ansible", "ssh"];

const EVENT_TYPES: [&str; 14] = [
    "provision",
    "destroy",
    "start",
    "stop",
    "reboot",
    "suspend",
    "resume",
    event::COMMAND,
    event::TASK,
    event::PUPPET_RUN,
    event::PACKAGE,
    "config_change",
    event::NOTE,
    event::UNKNOWN,
];

const SOURCES: [&str; 8] = ["proxmox", "aws", "bolt", "ansible", "ssh", "puppetdb", "user", "system"];

/// Words that Pabawi's own types know and its tables take only after a migration.
pub(super) const WIDER_EVENT_TYPE: &str = "state_change";
pub(super) const WIDER_SOURCES: [&str; 2] = ["azure", "checkmk"];

/// `executions.type`. Copies go the way of commands, as their journal entries do; Pabawi stores playbooks as tasks.
pub(super) fn execution_type(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Task | ActionKind::Playbook => "task",
        ActionKind::Plan => "plan",
        ActionKind::Facts => "facts",
        ActionKind::Package => "package",
        _ => "command",
    }
}

/// `batch_executions.type`.
pub(super) fn batch_type(kind: ActionKind) -> &'static str {
    match execution_type(kind) {
        "facts" | "package" => "task",
        other => other,
    }
}

/// `batch_executions.status`.
pub(super) fn batch_status(status: ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::Queued | ExecutionStatus::Running => "running",
        ExecutionStatus::Completed => "success",
        ExecutionStatus::Partial => "partial",
        ExecutionStatus::Cancelled => "cancelled",
        ExecutionStatus::Failed | ExecutionStatus::Interrupted => "failed",
    }
}

/// `executions.execution_tool`; nothing for what is none of Pabawi's tools.
pub(super) fn tool(name: &str) -> Option<&'static str> {
    TOOLS.into_iter().find(|tool| *tool == name)
}

/// What the tables take beyond what they were made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wider {
    pub(super) event_types: bool,
    pub(super) sources: bool,
}

impl Wider {
    /// All that Pabawi's own types know.
    pub(super) const ALL: Self = Self { event_types: true, sources: true };

    /// `journal_entries.event_type`.
    pub(super) fn event_type(self, word: &str) -> &str {
        match word {
            WIDER_EVENT_TYPE if self.event_types => word,
            event::FILE_TRANSFER => event::COMMAND,
            _ if EVENT_TYPES.contains(&word) => word,
            _ => event::UNKNOWN,
        }
    }

    /// `journal_entries.source`.
    pub(super) fn source(self, word: &str) -> &str {
        let is_known = SOURCES.contains(&word) || (self.sources && WIDER_SOURCES.contains(&word));
        if is_known { word } else { "system" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_one_that_the_tables_take() {
        for kind in ActionKind::ALL {
            let word = execution_type(kind);
            assert!(["command", "task", "facts", "puppet", "package", "plan"].contains(&word), "{kind}");
            assert!(["command", "task", "plan"].contains(&batch_type(kind)), "{kind}");
        }
        for status in ExecutionStatus::ALL {
            let word = batch_status(status);
            assert!(["running", "success", "failed", "partial", "cancelled"].contains(&word), "{status}");
        }
        let (narrow, wide) = (Wider::default(), Wider::ALL);
        assert_eq!(
            (narrow.event_type("state_change"), wide.event_type("state_change")),
            ("unknown", "state_change")
        );
        assert_eq!((narrow.source("azure"), wide.source("azure")), ("system", "azure"));
        assert_eq!((wide.source("local"), wide.event_type("plugin_call")), ("system", "unknown"));
        assert_eq!((tool("ssh"), tool("local")), (Some("ssh"), None));
    }
}
